package vee

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/flatwatt/flatwatt"
)

// A Checker validates a stream of readings. One goroutine may use it at a time.
type Checker struct {
	opt    Options
	index  map[flatwatt.MeterID]int32
	meters []meter
	groups []group // transformers with members

	unknown int64 // readings of meters that are not registered
	report  *Report
	scratch scratch
}

// A meter is what is kept of one meter between readings.
type meter struct {
	flatwatt.Meter
	group    int32 // of which it is a member; -1: none
	own      int32 // of which it is the transformer; -1: none
	interval time.Duration
	open     []*day       // at most two, ascending
	next     flatwatt.Day // the first day not closed; valid with begun
	begun    bool

	phase votes
	held  *held // a reading far from the others that waits for a second
	notes notes // findings that go with the next day that closes

	run     run       // of equal values
	quantum float64   // smallest difference between two values; 0: unknown
	profile *profile  // of like days, for estimates
	last    float64   // energy of the last interval of the last closed day; NaN: missing
	reg     registers // cumulative
	free    *day      // kept for reuse
}

// A group is a transformer and what it supplies.
type group struct {
	head    int32
	members int
	open    []balance // ascending by day
	done    flatwatt.Day
	begun   bool
}

// New returns a checker for meters. With AnyMeter, meters may be nil.
func New(meters []flatwatt.Meter, o Options) (*Checker, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	c := &Checker{opt: o, index: make(map[flatwatt.MeterID]int32, len(meters))}
	for _, m := range meters {
		if _, twice := c.index[m.ID]; twice {
			return nil, fmt.Errorf("vee: meter %q is there twice: give each service point one entry", m.ID)
		}
		c.add(m)
	}
	c.group()
	return c, nil
}

func (c *Checker) add(m flatwatt.Meter) int32 {
	i := int32(len(c.meters))
	if m.Zone == nil {
		m.Zone = c.opt.Zone
	}
	c.index[m.ID] = i
	c.meters = append(c.meters, meter{Meter: m, group: -1, own: -1, interval: m.Interval, last: math.NaN()})
	return i
}

// group finds the transformers that are read themselves and supply customers.
func (c *Checker) group() {
	of := map[flatwatt.MeterID]int32{}
	for i := range c.meters {
		m := &c.meters[i]
		head, ok := c.index[m.Parent]
		if !ok || m.Parent == "" || m.Kind == flatwatt.Transformer || m.Kind == flatwatt.Feeder {
			continue // the next level up balances transformers, by their own readings
		}
		g, ok := of[m.Parent]
		if !ok {
			g = int32(len(c.groups))
			of[m.Parent] = g
			c.groups = append(c.groups, group{head: head})
			c.meters[head].own = g
		}
		c.groups[g].members++
		m.group = g
	}
}

// Add takes readings and appends the days and balances that they close to out.
func (c *Checker) Add(out *Report, readings []flatwatt.Reading) {
	c.report = out
	for i := range readings {
		r := &readings[i]
		k, ok := c.index[r.Meter]
		if !ok {
			if k, ok = c.adopt(r.Meter); !ok {
				c.unknown++
				continue
			}
		}
		c.take(&c.meters[k], r)
	}
}

func (c *Checker) adopt(id flatwatt.MeterID) (int32, bool) {
	if !c.opt.AnyMeter || len(c.meters) >= c.opt.MaxMeters {
		return 0, false
	}
	return c.add(flatwatt.Meter{ID: id, Kind: flatwatt.Customer}), true
}

// Unknown counts the readings of meters that are not registered.
func (c *Checker) Unknown() int64 { return c.unknown }

// take puts a reading in its day.
func (c *Checker) take(m *meter, r *flatwatt.Reading) {
	if m.interval == 0 && r.Length >= time.Minute && r.Length <= 24*time.Hour {
		m.interval = r.Length
	}
	if m.held == nil {
		if d := m.dayAt(r.Start); d != nil { // the usual case
			c.put(m, d, r)
			return
		}
	}
	today := flatwatt.DayOf(r.Start, m.Zone)
	if m.believes(today) {
		c.release(m, today)
		c.place(m, r, today)
		return
	}
	if h := m.held; h != nil && !near(h.day, today) {
		if m.follows(h.day, today) {
			if !m.begun {
				m.next, m.begun = h.day, true
			}
			c.place(m, &h.Reading, h.day) // time goes on: the data have holes
		} else {
			m.jumped(h)
		}
		m.held = nil
	}
	if m.held == nil {
		m.held = &held{*r, today}
		return
	}
	h := *m.held
	m.held = nil
	if !m.begun {
		m.next, m.begun = min(h.day, today), true
	}
	c.place(m, &h.Reading, h.day)
	c.place(m, r, today)
}

// follows says whether a held reading can be believed because a later day came after it:
// data with holes go forward, a clock that jumped comes back. A first reading is given a
// month only, for many clocks begin in 1970 or 2000.
func (m *meter) follows(held, today flatwatt.Day) bool {
	if !m.begun {
		return today > held && today-held <= MaxSilentDays
	}
	return today > held && today-m.next <= maxGapDays
}

// A held reading waits for a second one near it. A single reading from the year 2098
// would otherwise close every day until then, and a first one from 1970 open them.
type held struct {
	flatwatt.Reading
	day flatwatt.Day
}

// believes says whether a reading of today needs no confirmation.
func (m *meter) believes(today flatwatt.Day) bool {
	return m.begun && today <= m.newest()+jumpDays
}

// release decides on a held reading once the meter goes on as before.
func (c *Checker) release(m *meter, today flatwatt.Day) {
	h := m.held
	if h == nil {
		return
	}
	m.held = nil
	if near(h.day, today) {
		c.place(m, &h.Reading, h.day)
		return
	}
	m.jumped(h)
}

// jumped notes a reading that no other confirmed.
func (m *meter) jumped(h *held) {
	off := math.NaN()
	if m.begun {
		off = float64(h.day-m.newest()) * 86400
	}
	m.notes.add(TimeSync, h.Start, h.End(), off, jumpDays*86400)
}

func near(a, b flatwatt.Day) bool { return a-b <= jumpDays && b-a <= jumpDays }

// newest is the last day of which a reading was taken.
func (m *meter) newest() flatwatt.Day {
	if n := len(m.open); n > 0 {
		return m.open[n-1].day
	}
	return m.next - 1
}

func (m *meter) dayAt(t time.Time) *day {
	for i := len(m.open) - 1; i >= 0; i-- {
		if d := m.open[i]; !t.Before(d.start) && t.Before(d.end) {
			return d
		}
	}
	return nil
}

// place puts a reading in its day, which it opens where it must, closing those that are
// two days back.
func (c *Checker) place(m *meter, r *flatwatt.Reading, today flatwatt.Day) {
	if today < m.next {
		hours := m.next.Start(m.Zone).Sub(r.Start).Hours()
		m.notes.add(Late, r.Start, r.End(), hours, nan)
		return
	}
	if m.interval == 0 {
		m.notes.add(Interval, r.Start, r.End(), r.Length.Minutes(), nan)
		return
	}
	if today-m.next > maxGapDays {
		m.notes.add(TimeSync, r.Start, r.End(), float64(today-m.next)*86400, maxGapDays*86400)
		return
	}
	c.closeUntil(m, today-1)
	d := m.dayAt(r.Start)
	if d == nil {
		d = m.openDay(today)
	}
	c.put(m, d, r)
}

// closeUntil closes all days before limit.
func (c *Checker) closeUntil(m *meter, limit flatwatt.Day) {
	for m.next < limit {
		c.closeDay(m)
	}
}

// closeDay closes the meter's oldest day, which may have no reading at all.
func (c *Checker) closeDay(m *meter) {
	var d *day
	if len(m.open) > 0 && m.open[0].day == m.next {
		d = m.open[0]
		m.open = slices.Delete(m.open, 0, 1)
	} else {
		d = m.newDay(m.next)
	}
	m.next++
	c.judge(m, d)
	m.free = d
}

// openDay begins a day; days stay in order.
func (m *meter) openDay(today flatwatt.Day) *day {
	d := m.newDay(today)
	m.open = append(m.open, d)
	slices.SortFunc(m.open, func(a, b *day) int { return cmp.Compare(a.day, b.day) })
	return d
}

// Close closes every day up to the last that most of the fleet has reached, so that a
// meter that fell silent is told with the days that it owes, up to MaxSilentDays.
func (c *Checker) Close(out *Report) {
	c.report = out
	until := c.lastDay()
	for i := range c.meters {
		m := &c.meters[i]
		if h := m.held; h != nil && m.begun && h.day > m.next && h.day <= until {
			c.place(m, &h.Reading, h.day) // the fleet has come as far
		} else if h != nil {
			m.jumped(h)
		}
		m.held = nil
		if !m.begun {
			continue
		}
		end := max(m.newest(), min(until, m.newest()+MaxSilentDays))
		c.closeUntil(m, end+1)
	}
	for i := range c.groups {
		c.closeBalances(&c.groups[i], math.MaxInt32)
	}
}

// lastDay is the day that nineteen of twenty meters have not passed: one clock that is
// far ahead must not make the whole fleet silent.
func (c *Checker) lastDay() flatwatt.Day {
	var days []flatwatt.Day
	for i := range c.meters {
		if m := &c.meters[i]; m.begun {
			days = append(days, m.newest())
		}
	}
	if len(days) == 0 {
		return math.MinInt32
	}
	slices.Sort(days)
	return days[(len(days)-1)*19/20]
}
