package vee

import (
	"math"
	"slices"
	"time"

	"github.com/flatwatt/flatwatt"
)

var nan = math.NaN()

// A day is the open day of one meter: a slot for each interval.
type day struct {
	day        flatwatt.Day
	start, end time.Time
	interval   time.Duration
	energy     []float64 // kWh; NaN: missing
	quality    []flatwatt.Quality
	repeats    int
	outdone    int     // readings that another of the same interval made void
	void       float64 // kWh that those said
	notes      notes
	other      time.Duration // a length seen that is not the meter's
}

// notes are findings in the making, one a code.
type notes []Finding

// add notes one more case of code between from and to, and keeps the worst value: the
// one farthest from zero.
func (n *notes) add(code Code, from, to time.Time, value, limit float64) {
	for i := range *n {
		f := &(*n)[i]
		if f.Code != code {
			continue
		}
		f.Count++
		if from.Before(f.From) {
			f.From = from
		}
		if to.After(f.To) {
			f.To = to
		}
		if math.Abs(value) > math.Abs(f.Value) || f.Value != f.Value {
			f.Value = value
		}
		return
	}
	*n = append(*n, Finding{Code: code, Count: 1, From: from, To: to, Value: value, Limit: limit})
}

// votes finds what more than half of a sequence says, in constant memory (Boyer and
// Moore, 1981): here the second of the interval at which a meter's readings begin.
type votes struct {
	value time.Duration
	lead  int
}

func (v *votes) cast(x time.Duration) {
	switch {
	case v.lead == 0:
		v.value, v.lead = x, 1
	case v.value == x:
		v.lead = min(v.lead+1, 1000) // a changed clock is believed after a while
	default:
		v.lead--
	}
}

func (m *meter) newDay(today flatwatt.Day) *day {
	d := m.free
	if d == nil {
		d = &day{}
	}
	m.free = nil
	start, end := today.Start(m.Zone), (today + 1).Start(m.Zone)
	n := 0
	if m.interval > 0 {
		n = int(end.Sub(start) / m.interval)
	}
	*d = day{day: today, start: start, end: end, interval: m.interval, energy: slices.Grow(d.energy[:0], n)[:n], quality: slices.Grow(d.quality[:0], n)[:n]}
	for i := range d.energy {
		d.energy[i], d.quality[i] = nan, 0
	}
	return d
}

// put stores a reading in its slot. Starts are moved to the meter's own grid, which its
// readings vote for, so that a clock that is some seconds off loses nothing.
func (c *Checker) put(m *meter, d *day, r *flatwatt.Reading) {
	if r.Length != d.interval {
		d.notes.add(Interval, r.Start, r.End(), r.Length.Minutes(), d.interval.Minutes())
		d.other = r.Length
		return
	}
	since := r.Start.Sub(d.start)
	m.phase.cast(since % d.interval)
	slot := int((since - m.phase.value + d.interval/2) / d.interval)
	slot = max(0, min(slot, len(d.energy)-1))
	if off := since - m.phase.value - time.Duration(slot)*d.interval; off.Abs() > c.opt.TimeTolerance {
		d.notes.add(TimeSync, r.Start, r.End(), off.Seconds(), c.opt.TimeTolerance.Seconds())
	}
	e := float64(r.Energy)
	if math.IsNaN(e) || math.IsInf(e, 0) {
		return // no reading
	}
	old := d.energy[slot]
	switch {
	case old != old:
		d.energy[slot], d.quality[slot] = e, r.Quality
	case old == e && d.quality[slot] == r.Quality:
		d.repeats++
		d.outdone, d.void = d.outdone+1, d.void+e
	default:
		d.outdone, d.void = d.outdone+1, d.void+old+e
		if old != e && d.quality[slot] == r.Quality {
			d.notes.add(Conflict, r.Start, r.End(), math.Abs(e-old), nan)
		}
		if better(r.Quality, e, d.quality[slot], old) {
			d.energy[slot], d.quality[slot] = e, r.Quality
		}
		d.void -= d.energy[slot]
	}
}

// better is the rule of docs/formats.md: edited before actual before estimated, then the
// smaller amount of energy. It does not depend on who came first.
func better(q flatwatt.Quality, e float64, oldQ flatwatt.Quality, old float64) bool {
	if a, b := worth(q), worth(oldQ); a != b {
		return a > b
	}
	return math.Abs(e) < math.Abs(old)
}

func worth(q flatwatt.Quality) int {
	switch q {
	case flatwatt.Edited:
		return 2
	case flatwatt.Actual:
		return 1
	}
	return 0
}

func (d *day) at(slot int) time.Time { return d.start.Add(time.Duration(slot) * d.interval) }
