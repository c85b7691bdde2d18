package schedule

import (
	"testing"
	"time"
)

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestNextIsThatOfTheZone(t *testing.T) {
	for _, c := range []struct{ text, zone, after, want string }{
		{"30 2 * * *", "Asia/Shanghai", "2026-03-01T00:00:00Z", "2026-03-01T18:30:00Z"},
		{"15 30 2 * * *", "UTC", "2026-03-01T02:30:15Z", "2026-03-02T02:30:15Z"},
		{"0 3 1 * *", "Europe/Berlin", "2026-03-15T00:00:00Z", "2026-04-01T01:00:00Z"}, // summer time by then
		{"0 3 1 * *", "Europe/Berlin", "2026-01-15T00:00:00Z", "2026-02-01T02:00:00Z"},
		{"30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-30T00:30:00Z"}, // 29 March has no 02:30
		{"@daily", "Asia/Shanghai", "2026-03-01T00:00:00Z", "2026-03-01T16:00:00Z"},
		{"0 6 * * MON", "UTC", "2026-03-01T00:00:00Z", "2026-03-02T06:00:00Z"},
		{"@every 90m", "UTC", "2026-03-01T00:00:00Z", "2026-03-01T01:30:00Z"},
		{"0 0 30 2 *", "UTC", "2026-03-01T00:00:00Z", ""}, // never
	} {
		w, err := ParseWhen(c.text, zone(t, c.zone))
		if err != nil {
			t.Fatal(err)
		}
		after, _ := time.Parse(time.RFC3339, c.after)
		got := ""
		if next := w.Next(after); !next.IsZero() {
			got = next.Format(time.RFC3339)
		}
		if got != c.want {
			t.Errorf("%s %s after %s: %s, want %s", c.text, c.zone, c.after, got, c.want)
		}
	}
	for _, bad := range []string{"", "* * *", "61 * * * *", "@every 1ms", "@every x", "CRON_TZ=UTC 1 * * * *", "@yearlyish"} {
		if _, err := ParseWhen(bad, nil); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestLastCountsWhatWasMissed(t *testing.T) {
	w, _ := ParseWhen("0 * * * *", nil)
	from := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	if due, n := w.last(from, from.Add(5*time.Hour+30*time.Minute)); n != 5 || !due.Equal(from.Add(5*time.Hour)) {
		t.Errorf("%v, %d times; want 05:00 and 5", due, n)
	}
	if _, n := w.last(from, from.Add(59*time.Minute)); n != 0 {
		t.Errorf("%d times within the hour", n)
	}
}

func TestPolicies(t *testing.T) {
	when, _ := ParseWhen("0 * * * *", nil)
	at := func(h int) time.Time { return time.Date(2026, 3, 1, h, 0, 0, 0, time.UTC) }
	base := record{Settled: at(0)}
	busy := record{Settled: at(1), Running: &claim{Due: at(1), Worker: "other", Attempt: 1}}
	for _, c := range []struct {
		about    string
		r        record
		overlap  Overlap
		missed   Missed
		due, now time.Time
		want     verdict
	}{
		{"in time", base, Skip, Once, at(1), at(1), run},
		{"settled before", base, Skip, Once, at(0), at(1), nothing},
		{"missed, once", base, Skip, Once, at(4), at(5), run},
		{"missed, left", base, Skip, Leave, at(4), at(5), miss},
		{"a little late", base, Skip, Leave, at(4), at(4).Add(missedAfter), run},
		{"overlap, skipped", busy, Skip, Once, at(2), at(2), skip},
		{"overlap, queued", busy, Queue, Once, at(2), at(2), wait},
	} {
		r := c.r
		got := r.decide(&Job{When: when, Overlap: c.overlap, Missed: c.missed}, "me", c.due, c.now, 1)
		if got != c.want {
			t.Errorf("%s: verdict %d, want %d", c.about, got, c.want)
		}
		if got != nothing && !r.Settled.Equal(c.due) {
			t.Errorf("%s: settled up to %v", c.about, r.Settled)
		}
		if (got == run) != (r.Running != nil && r.Running.Worker == "me") {
			t.Errorf("%s: the run is held by %+v", c.about, r.Running)
		}
	}
	r := busy
	job := &Job{When: when, Overlap: Queue, Missed: Once}
	for h := 2; h < 5; h++ {
		r.decide(job, "me", at(h), at(h), 1)
	}
	if next := r.finish("other"); next == nil || !next.Due.Equal(at(4)) || next.Times != 3 {
		t.Errorf("after three queued times the next is %+v, want one run for them at 04:00", next)
	}
	if next := r.finish("other"); next != nil {
		t.Errorf("and then %+v, want nothing", next)
	}
}

func TestWhatKillsWorkersDoesNotKillThemAll(t *testing.T) {
	r := record{Running: &claim{Worker: "w1", Attempt: 1}}
	for _, worker := range []string{"w2", "w3"} {
		if !r.takeOver(worker) || r.Running.Worker != worker {
			t.Fatalf("%s does not take over: %+v", worker, r.Running)
		}
	}
	if r.takeOver("w4") || r.Running != nil {
		t.Error("a fourth worker is given to it")
	}
}
