package influx

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
)

// asked are the rows of a query as text, sorted.
func asked(t *testing.T, c *Client, q string, columns ...string) string {
	t.Helper()
	var rows []string
	err := c.query(t.Context(), q, func(r row) error {
		line := ""
		for _, name := range columns {
			line += fmt.Sprintf(" %v", r.get(name))
		}
		rows = append(rows, strings.TrimSpace(line))
		return r.err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(rows)
	return strings.Join(rows, "; ")
}

// testKinds: new suspects, and the roll-ups by class, region and model, also when a day
// is read back by another sink.
func testKinds(t *testing.T, c Config) {
	client := open(t, c)
	register := []flatwatt.Meter{
		{ID: "a", Class: "home", Region: "north"}, {ID: "b", Class: "home", Region: `back\slash`}, {ID: "c", Class: "shop", Region: "north"},
	}
	fresh := func(s flatwatt.Score, model string) flatwatt.Score {
		s.Model, s.FirstAlarm = model, s.Start.Add(24*time.Hour)
		return s
	}
	old := brief("c", firstDay, flatwatt.Suspect, 0.99, 4)
	old.Model, old.FirstAlarm = "m1", old.Start // raised when the day before closed
	mustWrite(t, sinkOf(t, client, register), fresh(brief("a", firstDay, flatwatt.Suspect, 0.9, 3), "m1"), old)
	mustWrite(t, sinkOf(t, client, register), fresh(brief("b", firstDay, flatwatt.Suspect, 0.7, 2), "m2")) // reads the day back
	got, err := client.Fleet(t.Context(), firstDay, "customer")
	if err != nil || got.New != 2 || got.NewHigh != 1 || got.Suspects != 3 {
		t.Errorf("%+v, %v; want 2 new of 3, 1 of high priority", got, err)
	}
	f := func(measurement, tag, want string) {
		t.Helper()
		q := fmt.Sprintf(`SELECT %s::tag, suspects, new_suspects, suspected_kw FROM %s`, tag, measurement)
		if got := asked(t, client, q, tag, "suspects", "new_suspects", "suspected_kw"); got != want {
			t.Errorf("%s: %s, want %s", measurement, got, want)
		}
	}
	f(ClassMeasurement, ClassTag, "home 2 2 5; shop 1 0 4")
	f(RegionMeasurement, RegionTag, "north 2 1 7")
	f(ModelMeasurement, ModelTag, "m1 2 1 7; m2 1 1 2")
}

// testEvents: an alarm that goes on is one event whose end moves; an onset has its
// interval; forgetting a meter forgets its events.
func testEvents(t *testing.T, c Config) {
	client := open(t, c)
	s := sinkOf(t, client, []flatwatt.Meter{{ID: "m", Parent: "T"}, {ID: "T", Kind: flatwatt.Transformer, Parent: "F"}, {ID: "F", Kind: flatwatt.Feeder}})
	for day := range flatwatt.Day(3) {
		x := brief("m", firstDay+day, flatwatt.Suspect, 0.9, 3)
		x.FirstAlarm = firstDay.Start(time.UTC).Add(16 * time.Hour)
		x.Onset = flatwatt.Instants{At: time.Unix(1_700_000_000, 0).UTC(), Low: time.Unix(1_699_999_000, 0).UTC(), High: time.Unix(1_700_003_000, 0).UTC()}
		mustWrite(t, s, x, brief("honest", firstDay+day, flatwatt.Normal, 0.1, 0))
	}
	q := "SELECT kind::tag, meter::tag, end_ms, text FROM event"
	last := firstDay + 2
	want := fmt.Sprintf("alarm m %d suspect; onset m 1700003000000 onset of 3.00 kW", last.Start(time.UTC).Add(16*time.Hour).UnixMilli())
	if got := asked(t, client, q, "kind", "meter", "end_ms", "text"); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if got := asked(t, client, "SHOW TAG VALUES FROM event WITH KEY = meter WHERE transformer = 'T'", "value"); got != "m" {
		t.Errorf("suspects below T: %s", got)
	}
	if got := asked(t, client, "SHOW TAG VALUES FROM rollup_transformer WITH KEY = transformer WHERE feeder = 'F'", "value"); got != "T" {
		t.Errorf("transformers below F: %s", got)
	}
	if err := client.Forget(t.Context(), "m", time.Unix(0, 0), time.Now()); err != nil {
		t.Fatal(err)
	}
	if got := asked(t, client, q, "kind"); got != "" {
		t.Errorf("forgotten, yet there are %s", got)
	}
}

func testRunNotes(t *testing.T, c Config) {
	client := open(t, c)
	if err := client.NoteRun(t.Context(), Run{ID: "r1", Model: "m2", From: firstDay, To: firstDay, Scores: 7, At: time.Unix(1_709_600_000, 0)}); err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("r1 m2 %d 7 1709600000", (firstDay + 1).Start(time.UTC).UnixMilli())
	if got := asked(t, client, "SELECT * FROM rescore WHERE time = "+instant(rollTime(firstDay)), "run", "model", "end_ms", "scores", "at_s"); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
