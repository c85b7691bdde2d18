package rescore_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/rescore"
)

// A sink keeps the latest score of each meter, day and detector, as the database does.
type sink struct {
	scores map[string]flatwatt.Score
	writes int
	fails  int // of the next writes
}

func keyOf(s *flatwatt.Score) string { return string(s.Meter) + s.Detector + s.Day.String() }

func (s *sink) Write(_ context.Context, list []flatwatt.Score) error {
	if s.fails > 0 {
		s.fails--
		return errors.New("the database is away")
	}
	s.writes++
	for _, one := range list {
		s.scores[keyOf(&one)] = one
	}
	return nil
}

// twoRuns are a live one and one of what is known now, over the same days.
func twoRuns(t *testing.T) (r *rescore.Runner, live, known rescore.Entry) {
	t.Helper()
	w := newWorld(t, 1)
	r = w.runner(t, 1)
	live, err := r.Run(t.Context(), w.spec(t, r, rescore.Spec{Live: true}))
	if err != nil {
		t.Fatal(err)
	}
	known, err = r.Run(t.Context(), w.spec(t, r, rescore.Spec{}))
	if err != nil {
		t.Fatal(err)
	}
	return r, live, known
}

func TestPromotionIsWholeThoughTheDatabaseFails(t *testing.T) {
	r, live, known := twoRuns(t)
	now := func() time.Time { return begin }
	db := &sink{scores: map[string]flatwatt.Score{}}
	alarm := begin.AddDate(0, 0, 3)
	standing := 0
	p := rescore.Promoter{Runs: r.Runs, Sink: db, Now: now, Who: "ann", Alarms: func(_ context.Context, s *flatwatt.Score) (time.Time, error) {
		if s.Meter == "m-0003" {
			standing++
			return alarm, nil
		}
		return time.Time{}, nil
	}}
	if err := p.Promote(t.Context(), live.ID); err != nil {
		t.Fatal(err)
	}
	writes := db.writes
	db.fails = 1
	p.Progress = func(done, _ int) {
		if done == 3 {
			db.fails = 1
		}
	}
	for range 2 { // away at the first chunk, then at the fourth
		if err := p.Promote(t.Context(), known.ID); err == nil {
			t.Fatal("the database is away, but the promotion is done")
		}
		now, err := r.Runs.Live(t.Context())
		if err != nil || now.Promoted[0].Run != known.ID || now.Promoted[0].Done {
			t.Fatalf("%+v %v; want the run to count already, and the copy not done", now, err)
		}
	}
	p.Progress = nil
	if err := p.Promote(t.Context(), known.ID); err != nil {
		t.Fatal(err)
	}
	if again := db.writes - writes; again != known.Chunks {
		t.Errorf("%d chunks written for %d", again, known.Chunks)
	}
	for _, s := range scoresOf(t, r.Runs, known.ID) {
		got := db.scores[keyOf(&s)]
		want := time.Time{} // a run raises none of its own
		if s.Meter == "m-0003" {
			want = alarm
		}
		if got.LogOdds != s.LogOdds && s.LogOdds == s.LogOdds || !got.FirstAlarm.Equal(want) {
			t.Fatalf("the database has %+v, want %+v with alarm %v", got, s, want)
		}
	}
	if standing == 0 {
		t.Error("no standing alarm was looked up")
	}
	p.Apply = true
	if err := p.Promote(t.Context(), live.ID); err != nil {
		t.Fatal(err)
	}
	for _, s := range scoresOf(t, r.Runs, live.ID) {
		if got := db.scores[keyOf(&s)]; !got.FirstAlarm.Equal(s.FirstAlarm) {
			t.Fatalf("with Apply the alarm is %v, want that of the run, %v", got.FirstAlarm, s.FirstAlarm)
		}
	}
	if err := r.Runs.Remove(t.Context(), live.ID); err == nil {
		t.Error("what is live is removed")
	}
}

func TestLiveIsWhatWasPromotedLast(t *testing.T) {
	w := newWorld(t, 1)
	r := w.runner(t, 1)
	all, err := r.Run(t.Context(), w.spec(t, r, rescore.Spec{Live: true}))
	if err != nil {
		t.Fatal(err)
	}
	day := flatwatt.DayOf(begin, shanghai) + 20
	some, err := r.Run(t.Context(), w.spec(t, r, rescore.Spec{From: day, To: day + 2}))
	if err != nil {
		t.Fatal(err)
	}
	p := rescore.Promoter{Runs: r.Runs, Now: func() time.Time { return begin }, Who: "ann"}
	for _, id := range []string{all.ID, some.ID} {
		if err := p.Promote(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	live, err := r.Runs.Live(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	newer := map[string]flatwatt.Score{}
	for _, s := range scoresOf(t, r.Runs, some.ID) {
		newer[keyOf(&s)] = s
	}
	n, seen := 0, map[string]bool{}
	for s, err := range r.Runs.LiveScores(t.Context(), live) {
		if err != nil || seen[keyOf(&s)] {
			t.Fatalf("%s twice, or %v", keyOf(&s), err)
		}
		seen[keyOf(&s)] = true
		if want, ok := newer[keyOf(&s)]; ok && want.LogOdds == s.LogOdds {
			n++
		}
	}
	if len(seen) != len(scoresOf(t, r.Runs, all.ID)) || n == 0 {
		t.Errorf("%d live scores, %d of the newer run; want those of the older one with the newer's in their place", len(seen), n)
	}
}

func TestDiffSaysWhatChanges(t *testing.T) {
	score := func(meter string, day flatwatt.Day, state flatwatt.State, p, kw float64) flatwatt.Score {
		return flatwatt.Score{Meter: flatwatt.MeterID(meter), Day: day, Detector: "customer", State: state, Probability: p, Block: flatwatt.Estimate{Value: kw}}
	}
	set := func(name string, list ...flatwatt.Score) *rescore.Set {
		s, err := rescore.Collect(name, func(yield func(flatwatt.Score, error) bool) {
			for _, one := range list {
				if !yield(one, nil) {
					return
				}
			}
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	const suspect, normal = flatwatt.Suspect, flatwatt.Normal
	before := set("x", score("a", 1, normal, 0.1, 0), score("b", 1, suspect, 0.9, 3), score("c", 1, normal, 0.2, 1), score("d", 1, normal, 0.3, 1), score("e", 1, suspect, 0.8, 5))
	after := set("y", score("a", 1, suspect, 0.95, 2), score("b", 1, normal, 0.3, 3), score("c", 1, normal, 0.24, 1.05), score("d", 1, normal, 0.4, 1), score("e", 1, suspect, 0.8, 5))
	known := map[flatwatt.MeterID]rescore.Finding{"a": rescore.Confirmed, "b": rescore.Cleared, "e": rescore.Confirmed}
	d := rescore.Compare(before, after, 2, func(id flatwatt.MeterID) rescore.Finding { return known[id] })
	if d.New != 1 || d.Cleared != 1 || d.Changed != 1 || d.Same != 1 || d.Scores != 5 || d.RankMoves != 2 || !d.Differs() {
		t.Errorf("%+v; want a new, b cleared, d changed, e the same, a and b in and out of the first two ranks", d)
	}
	if d.PrecisionBefore != (rescore.Share{Confirmed: 1, Cleared: 1}) || d.PrecisionAfter != (rescore.Share{Confirmed: 2}) {
		t.Errorf("precision %+v, after %+v", d.PrecisionBefore, d.PrecisionAfter)
	}
	kinds := ""
	for _, c := range d.Changes {
		kinds += string(c.Meter) + " " + c.Kind + "; "
	}
	if kinds != "a new; b cleared; d changed; " {
		t.Errorf("changes %s", kinds)
	}
	if d := rescore.Compare(before, before, 2, nil); d.Differs() || len(d.Changes) > 0 {
		t.Errorf("a set differs from itself: %+v", d)
	}
}
