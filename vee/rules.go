package vee

import (
	"math"
	"slices"
	"time"

	"github.com/flatwatt/flatwatt"
)

// scratch is memory that judging a day needs, kept between days.
type scratch struct{ sorted []float64 }

// A run is a series of equal values.
type run struct {
	value float64
	since time.Time
}

// judge applies the rules to a day that closes and reports it.
func (c *Checker) judge(m *meter, d *day) {
	out := DayReport{Meter: m.ID, Parent: m.Parent, Day: d.day, Interval: d.interval, Expected: len(d.energy), Repeats: d.repeats, Outdone: d.outdone, Void: flatwatt.KWh(d.void)}
	d.notes = merged(append(d.notes, m.notes...))
	m.notes = nil
	d.count(&out)
	c.missing(d)
	c.values(m, d)
	c.spikes(m, d)
	c.stuck(m, d)
	out.gap = m.reg.gapEnergy(d, out.Energy)
	c.registers(m, d)
	c.fill(m, d, &out)
	for i := range d.notes {
		d.notes[i].Meter, d.notes[i].Day = m.ID, d.day
	}
	order := Codes()
	slices.SortFunc(d.notes, func(a, b Finding) int { return slices.Index(order, a.Code) - slices.Index(order, b.Code) })
	out.Findings = d.notes
	c.balance(m, d, &out)
	m.learn(d)
	if out.Expected > 0 && out.Missing == out.Expected && d.other > 0 {
		m.interval = d.other // it was changed: the next days are read so
	}
	c.report.Days = append(c.report.Days, out)
	d.notes = nil // out has them
}

// merged puts notes of one code together.
func merged(all notes) notes {
	var one notes
	for _, f := range all {
		i := slices.IndexFunc(one, func(g Finding) bool { return g.Code == f.Code })
		if i < 0 {
			one = append(one, f)
			continue
		}
		n := one[i].Count + f.Count
		one.add(f.Code, f.From, f.To, f.Value, f.Limit)
		one[i].Count = n
	}
	return one
}

// count counts intervals by quality and adds up what is there, in order of time.
func (d *day) count(out *DayReport) {
	sum := 0.0
	for i, e := range d.energy {
		if e != e {
			out.Missing++
			continue
		}
		sum += e
		switch d.quality[i] {
		case flatwatt.Estimated:
			out.Estimated++
		case flatwatt.Edited:
			out.Edited++
		default:
			out.Actual++
		}
	}
	out.Energy = flatwatt.KWh(sum)
}

// missing notes gaps: how many intervals, and how long the longest gap is.
func (c *Checker) missing(d *day) {
	longest, n := 0, 0
	var first, last int
	for i := 0; i < len(d.energy); i++ {
		gap := 0
		for i+gap < len(d.energy) && d.energy[i+gap] != d.energy[i+gap] {
			gap++
		}
		if gap == 0 {
			continue
		}
		if n == 0 {
			first = i
		}
		n, last, longest = n+gap, i+gap, max(longest, gap)
		i += gap
	}
	if n > 0 {
		d.notes = append(d.notes, Finding{Code: Missing, Count: n, From: d.at(first), To: d.at(last), Value: float64(longest) * d.interval.Hours(), Limit: nan})
	}
}

// values applies the rules that look at one value alone. Energy may be negative where
// something can be exported: at generators, at transformers behind which the sun feeds
// in, and at customers whose register entry says export or solar.
func (c *Checker) values(m *meter, d *day) {
	customer := m.IsCustomer()
	export := !customer || m.Extra["export"] != "" || m.Extra["solar"] != "" || m.Extra["pv_kw"] != ""
	most := c.opt.OverloadRatio * float64(m.Contracted)
	zeros, there := 0, 0
	for i, e := range d.energy {
		if e != e {
			continue
		}
		there++
		if e == 0 {
			zeros++
		}
		if e < 0 && !export {
			d.notes.add(Negative, d.at(i), d.at(i+1), e, 0)
		}
		if kw := e / d.interval.Hours(); most > 0 && math.Abs(kw) > most {
			d.notes.add(Overload, d.at(i), d.at(i+1), kw, most)
		}
	}
	if there > 0 && zeros == there && 2*there >= len(d.energy) {
		d.notes = append(d.notes, Finding{Code: Zero, Count: zeros, From: d.start, To: d.end, Value: float64(zeros) * d.interval.Hours(), Limit: nan})
	}
}

// spikes finds the day's highest reading that stands alone: (highest − third highest) /
// third highest above SpikeRatio, as in California's spike check (180 %). Estimates are no
// evidence for or against. What it gets wrong: a single short use of a large appliance
// in an otherwise idle home looks the same; SpikeKW keeps the small ones out, and a
// known contracted power that could carry it.
func (c *Checker) spikes(m *meter, d *day) {
	s := c.scratch.sorted[:0]
	top, where := math.Inf(-1), -1
	for i, e := range d.energy {
		if e != e || d.quality[i] == flatwatt.Estimated {
			continue
		}
		s = append(s, e)
		if e > top {
			top, where = e, i
		}
	}
	c.scratch.sorted = s
	if len(s) < 3 {
		return
	}
	slices.Sort(s)
	third := s[len(s)-3]
	limit := max(third, 0) * (1 + c.opt.SpikeRatio)
	kw, limitKW := top/d.interval.Hours(), max(limit/d.interval.Hours(), c.opt.SpikeKW, float64(m.Contracted))
	if kw > limitKW {
		d.notes.add(Spike, d.at(where), d.at(where+1), kw, limitKW)
	}
}

// coarse is how many steps of its resolution a value must be above for repeats to mean
// something: a load of 20 steps that wobbles by 2 % looks constant to the meter.
const coarse = 20

// stuck follows runs of one value across days. Zeros are their own rule. A gap ends a run.
func (c *Checker) stuck(m *meter, d *day) {
	var from, to time.Time
	n := 0
	before := nan
	for i, e := range d.energy {
		if e == e && before == before && e != before {
			if q := math.Abs(e - before); m.quantum == 0 || q < m.quantum {
				m.quantum = q
			}
		}
		before = e
		if e != e || e == 0 || d.quality[i] == flatwatt.Estimated || e != m.run.value {
			m.run = run{value: e, since: d.at(i)}
			if e == 0 || d.quality[i] == flatwatt.Estimated {
				m.run.value = nan
			}
			continue
		}
		if d.at(i+1).Sub(m.run.since) < c.opt.StuckFor || m.quantum > 0 && math.Abs(e) <= coarse*m.quantum {
			continue
		}
		if n == 0 {
			from = m.run.since
		}
		n, to = n+1, d.at(i+1)
	}
	if n > 0 {
		d.notes = append(d.notes, Finding{Code: Stuck, Count: n, From: from, To: to, Value: to.Sub(from).Hours(), Limit: c.opt.StuckFor.Hours()})
	}
}
