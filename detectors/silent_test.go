package detectors

import (
	"math"
	"testing"

	"github.com/flatwatt/flatwatt"
)

// follows moves a memory of a block of 6.6 kW on by days; those that are 'b' have the
// block, '.' have not, '?' are read for too few hours and '-' not at all.
func follows(days string) (m memory, today flatwatt.Day) {
	m = memory{day: 100, level: 7, found: finding{start: 90, block: 6.6, hours: 24}}
	j := &judgement{day: &day{}, c: &customer{last: 100}}
	for k, what := range days {
		today = flatwatt.Day(101 + k)
		if what == '-' {
			continue
		}
		for h := range j.day.z {
			j.day.z[h] = map[rune]float64{'b': 7, '.': 0.4, '?': math.NaN()}[what]
		}
		j.c.prev, j.c.last, j.today = j.c.last, today, today
		m.follow(j)
	}
	return m, today
}

func TestDaysWithoutReadingsHaveNoEnergy(t *testing.T) {
	for _, c := range []struct {
		days  string
		block int          // days with the block
		end   flatwatt.Day // 0: runs
	}{
		{"bbbbb", 5, 0},
		{"bbb...", 3, 104},
		{"bbb..b", 6, 0},
		{"bbb.....b", 9, 0}, // as ever: absent days of a block that runs count
		{"bbb----bb", 5, 0},
		{"bbb----...", 3, 104},
		{"bbb----?...", 3, 104}, // read again since the afternoon
		{"bbb----?b", 4, 0},
		{"bbb.----..", 3, 104},
		{"bbb..----b", 6, 0},
		{"bb--bb---bb...", 6, 112},
		{"bb--bb---...", 4, 107},
		{"bbb...----b", 7, 0},
		{"bb--b....--..", 3, 106},
	} {
		m, today := follows(c.days)
		if end := m.end; m.ended() != (c.end != 0) || m.ended() && end != c.end {
			t.Errorf("%s: ended %v on %d, want %d", c.days, m.ended(), end, c.end)
		}
		if got := m.since(today) / 6.6 / 24; math.Abs(got-float64(c.block)) > .01 {
			t.Errorf("%s: energy of %.1f days, want %d", c.days, got, c.block)
		}
	}
}

// A miner that is silent for a year and comes back without its block ended when it was
// last heard of.
func TestSilentYearIsNotBilled(t *testing.T) {
	onset := march.AddDate(0, 0, 20)
	r := everyStep(march, 60, 15*60e9, onset)
	gone := flatwatt.DayOf(march.AddDate(0, 0, 60), shanghai)
	r = append(r, home("a", march.AddDate(0, 0, 460), 10, 3, nil)...)
	var before, last flatwatt.Score
	for _, last = range scoresOf(t, r) {
		if last.Day < gone {
			before = last
		}
	}
	if last.State != flatwatt.Ended || !last.Ended.Equal(gone.Start(shanghai)) {
		t.Errorf("%s %v, want ended on %v", last.State, last.Ended, gone)
	}
	if e := last.Energy.Value; e > 1.1*before.Energy.Value || e < 0.8*before.Energy.Value {
		t.Errorf("%.0f kWh after a silent year, %.0f before", e, before.Energy.Value)
	}
}
