package influx

import (
	"strings"
	"testing"

	"github.com/flatwatt/flatwatt"
)

// testBrief writes points of both forms over each other. What a Client reads is the last
// score written, whatever lies below it; and so are single fields, as charts read them,
// where the sink could know what lies below.
func testBrief(t *testing.T, c Config) {
	client := open(t, c)
	whole := full("m", firstDay)
	calm := func(x float64) flatwatt.Score {
		s := full("m", firstDay)
		s.State = flatwatt.Normal
		s.Probability, s.Features.LoadFactor, s.Block.Low = x, x, nan
		s.Onset, s.Schedule = flatwatt.Instants{}, flatwatt.NoneKnown
		return s
	}
	factor := func() (v float64) {
		err := client.query(t.Context(), "SELECT load_factor, valid_share FROM score WHERE meter = 'm'", func(r row) error {
			v = r.floatIfAny("load_factor")
			return r.err
		})
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	latest := func(want flatwatt.Score) {
		t.Helper()
		got, err := client.Latest(t.Context(), "m")
		sameScores(t, got, err, want)
	}
	s := sinkOf(t, client, nil)
	for _, x := range []float64{0.1, 0.2} {
		mustWrite(t, s, calm(x))
		latest(calm(x))
	}
	mustWrite(t, s, whole)
	latest(whole)
	mustWrite(t, s, calm(0.3))
	latest(calm(0.3))
	if v := factor(); v != 0.3 {
		t.Errorf("a chart sees load factor %v of the score before", v)
	}
	// Another sink, as after a restart: it reads back what lies there.
	mustWrite(t, sinkOf(t, client, nil), calm(0.4))
	latest(calm(0.4))
	if v := factor(); v != 0.4 {
		t.Errorf("after a restart a chart sees load factor %v of the score before", v)
	}
	// One that cannot know: the truth is in the rest.
	line, err := appendScore(nil, new(calm(0.5)), true)
	if err != nil {
		t.Fatal(err)
	}
	if err := client.send(t.Context(), line); err != nil {
		t.Fatal(err)
	}
	latest(calm(0.5))
}

// Points of programs that knew no brief ones are read as they are; those of newer ones are
// refused.
func testOtherForms(t *testing.T, c Config) {
	client := open(t, c)
	s := full("m", firstDay)
	line, err := appendScore(nil, &s, false)
	if err != nil {
		t.Fatal(err)
	}
	old := []byte(replaceOnce(t, string(line), `,rest=""`, ""))
	if err := client.send(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	got, err := client.Latest(t.Context(), "m")
	sameScores(t, got, err, s)
	if err := client.send(t.Context(), []byte(replaceOnce(t, string(line), `,rest=""`, `,rest="2,later"`))); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Latest(t.Context(), "m"); err == nil {
		t.Error("a point of a later form is read")
	}
}

func replaceOnce(t *testing.T, s, old, by string) string {
	t.Helper()
	if strings.Count(s, old) != 1 {
		t.Fatalf("%q occurs %d times in %q", old, strings.Count(s, old), s)
	}
	return strings.Replace(s, old, by, 1)
}
