package detectors

import (
	"math"
	"testing"

	"github.com/flatwatt/flatwatt"
)

// dated is a scanner of 30 days, 0.5 kW before day 12 at 09:00 and block more since.
func dated(block float64, seen bool) *scanner {
	s := &scanner{n: 30}
	records := make([]dayRecord, s.n)
	for i := range s.n {
		s.day[i], s.rec[i] = flatwatt.Day(20_000+i), &records[i]
		for b := range numBands {
			s.y[b][i] = 0.5 + 0.05*math.Sin(float64(7*i+3*b))
			if i > 12 || i == 12 && b >= 3 {
				s.y[b][i] += block
			}
		}
	}
	if seen {
		records[12] = (&day{edgeAt: 37, edgeKW: block}).record(&part{})
	}
	return s
}

func TestDateFindsTheReading(t *testing.T) {
	for _, c := range []struct {
		name string
		seen bool
		at   int32
	}{{"step between readings", true, 37}, {"none that stands out", false, 36}} {
		for _, start := range []flatwatt.Day{20_007, 20_012, 20_017} { // early, right, late
			f := finding{start: start, block: 3.3, hours: 24}
			o, ok := dated(3.3, c.seen).date(&f, 96)
			if !ok || o.day != 20_012 || o.at != c.at {
				t.Errorf("%s, from day %d: day %d, slot %d, %v; want day 20012, slot %d", c.name, start, o.day, o.at, ok, c.at)
			}
		}
	}
}

func TestDateSaysWhenItCannot(t *testing.T) {
	for name, f := range map[string]finding{
		"older than what is kept": {start: 19_990, block: 3.3, hours: 24},
		"no days before":          {start: 20_003, block: 3.3, hours: 24},
		"far larger than it is":   {start: 20_012, block: 33, hours: 24},
	} {
		if o, ok := dated(3.3, true).date(&f, 96); ok {
			t.Errorf("%s: day %d", name, o.day)
		}
	}
}

// An onset is moved to an earlier day only, and what is remembered of it with it.
func TestRedateMovesOnsetsBackOnly(t *testing.T) {
	for start, want := range map[flatwatt.Day]flatwatt.Day{20_017: 20_012, 20_007: 20_007, 20_013: 20_013} {
		found := finding{start: start, onset: edge{day: start, at: -1}, block: 3.3, hours: 24}
		c := &customer{memory: memory{day: 20_025, found: found}}
		f := &Fleet{scanner: *dated(3.3, true)}
		f.redate(&judgement{c: c, meter: &flatwatt.Meter{}, today: 20_029}, &found, 0)
		if found.onset.day != want || found.start != want || c.memory.found.onset != found.onset {
			t.Errorf("from day %d: %d, remembered %d; want %d", start, found.onset.day, c.memory.found.onset.day, want)
		}
	}
}

func TestRedateKeepsTheFirstStage(t *testing.T) {
	found := finding{start: 20_017, onset: edge{day: 20_017, at: -1}, block: 3.3, hours: 24}
	c := &customer{ep: episode{phase: open, stages: 2, start: 20_017}}
	f := &Fleet{scanner: *dated(3.3, true)}
	if f.redate(&judgement{c: c, meter: &flatwatt.Meter{}, today: 20_029}, &found, 0); found.onset.day != 20_017 {
		t.Errorf("day %d", found.onset.day)
	}
}
