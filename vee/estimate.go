package vee

import (
	"time"

	"github.com/flatwatt/flatwatt"
)

// likeDays is of how many like days an estimate is the mean: the three to four that
// metering codes ask for.
const likeDays = 4

// A profile is the mean of the last like days, by kind of day and interval.
type profile struct {
	interval time.Duration
	kinds    [2][]like // weekdays, weekends
}

// A like is the mean energy of one interval over the last like days.
type like struct {
	kwh float32
	n   uint8
}

func kindOf(d flatwatt.Day) int {
	if w := (int(d)%7 + 7) % 7; w == 2 || w == 3 { // 1970-01-01 was a Thursday
		return 1
	}
	return 0
}

// learn takes the measured intervals of a closed day into the profile: mean over the
// last likeDays, each new day with the weight 1/min(n, likeDays).
func (m *meter) learn(d *day) {
	m.last = nan
	if n := len(d.energy); n > 0 {
		m.last = d.energy[n-1]
	}
	if d.interval == 0 {
		return
	}
	if m.profile == nil || m.profile.interval != d.interval {
		m.profile = &profile{interval: d.interval}
	}
	of := &m.profile.kinds[kindOf(d.day)]
	if *of == nil {
		*of = make([]like, int(24*time.Hour/d.interval))
	}
	for i, e := range d.energy {
		if e != e || d.quality[i] == flatwatt.Estimated || i >= len(*of) {
			continue
		}
		l := &(*of)[i]
		l.n = min(l.n+1, likeDays)
		l.kwh += (float32(e) - l.kwh) / float32(l.n)
	}
}

// fill estimates a day's gaps: short ones by a straight line between the readings on both
// sides, the others by like days. Where the register was read at both ends of the day,
// the estimates are scaled so that the day adds up to it.
func (c *Checker) fill(m *meter, d *day, out *DayReport) {
	if out.Missing == 0 || d.interval == 0 {
		return
	}
	for i := 0; i < len(d.energy); i++ {
		gap := 0
		for i+gap < len(d.energy) && d.energy[i+gap] != d.energy[i+gap] {
			gap++
		}
		if gap > 0 {
			c.fillGap(m, d, i, gap, out)
			i += gap
		}
	}
	m.scale(d, out)
	sum := 0.0
	for _, f := range out.Fills {
		sum += float64(f.Energy)
	}
	out.Filled = flatwatt.KWh(sum)
}

func (c *Checker) fillGap(m *meter, d *day, at, n int, out *DayReport) {
	before, after := m.last, nan
	if at > 0 {
		before = d.energy[at-1]
	}
	if at+n < len(d.energy) {
		after = d.energy[at+n]
	} else if len(m.open) > 0 && m.open[0].day == d.day+1 && len(m.open[0].energy) > 0 {
		after = m.open[0].energy[0]
	}
	line := time.Duration(n)*d.interval <= c.opt.InterpolateFor && before == before && after == after
	for k := range n {
		f := Fill{Start: d.at(at + k), Length: d.interval}
		if line {
			f.Energy = flatwatt.KWh(before + (after-before)*float64(k+1)/float64(n+1))
		} else if kwh, ok := m.like(d, at+k); ok {
			f.Method, f.Energy = LikeDay, flatwatt.KWh(kwh)
		} else {
			continue
		}
		out.Fills = append(out.Fills, f)
	}
}

// like is the mean of an interval over the last like days. Weekdays stand in where no
// weekend is known yet, and the other way round.
func (m *meter) like(d *day, slot int) (kwh float64, ok bool) {
	if m.profile == nil || m.profile.interval != d.interval {
		return 0, false
	}
	kind := kindOf(d.day)
	for _, k := range []int{kind, 1 - kind} {
		if of := m.profile.kinds[k]; slot < len(of) && of[slot].n > 0 {
			return float64(of[slot].kwh), true
		}
	}
	return 0, false
}

// scale makes a day add up to its register, where all gaps have an estimate. A register
// that would make energy negative is left to the register check.
func (m *meter) scale(d *day, out *DayReport) {
	want := out.gap
	if want != want || want < 0 || len(out.Fills) != out.Missing {
		return
	}
	sum := 0.0
	for _, f := range out.Fills {
		sum += float64(f.Energy)
	}
	for i := range out.Fills {
		f := &out.Fills[i]
		f.Register = true
		if sum > 0 {
			f.Energy *= flatwatt.KWh(want / sum)
		} else {
			f.Energy = flatwatt.KWh(want / float64(len(out.Fills)))
		}
	}
}
