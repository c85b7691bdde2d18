package balance

import (
	"math"
	"slices"
	"time"

	"github.com/flatwatt/flatwatt"
)

// A slot is one interval of the open day: demand in kW as a float32 whose lowest mantissa
// bits hold 2 for a measured and 1 for an estimated reading, so that 0 means missing.
type slot uint32

func newSlot(kw float64, q flatwatt.Quality) slot {
	mark := uint32(2)
	if q == flatwatt.Estimated {
		mark = 1
	}
	return slot(math.Float32bits(float32(kw))&^3 | mark)
}

func (s slot) kw() float64 {
	if s&3 == 0 {
		return math.NaN()
	}
	return float64(math.Float32frombits(uint32(s) &^ 3))
}

// merge keeps the better of two readings of an interval whatever their order: measured
// before estimated, then the larger, which can only make the residual smaller.
func merge(a, b slot) slot {
	switch {
	case a&3 != b&3:
		if a&3 > b&3 {
			return a
		}
		return b
	case a.kw() >= b.kw():
		return a
	}
	return b
}

// A zone is the calendar that meters of one time zone share, as in detectors.
type zone struct {
	loc      *time.Location
	meters   []int32
	nodes    []int32
	started  bool
	filled   bool
	day      flatwatt.Day
	start    int64 // of the open day, Unix seconds
	end      int64
	closes   int64
	lastSeen int64
}

func (z *zone) open(day flatwatt.Day, grace time.Duration) {
	z.day = day
	z.start, z.end = day.Start(z.loc).Unix(), (day + 1).Start(z.loc).Unix()
	z.closes = z.end + int64(grace/time.Second)
}

// Score implements flatwatt.Scorer. Within the open day the order of readings does not matter.
func (s *Scorer) Score(dst []flatwatt.Score, readings []flatwatt.Reading) []flatwatt.Score {
	s.evidence = s.evidence[:0]
	for k := range readings {
		r := &readings[k]
		i, ok := s.find(r.Meter)
		if !ok {
			continue
		}
		z := &s.zones[s.zoneOf[i]]
		t := r.Start.Unix()
		if !z.started {
			z.started = true
			z.open(flatwatt.DayOf(r.Start, z.loc)-1, s.grace)
		}
		for t >= z.closes {
			dst = s.closeDay(dst, z)
		}
		if t >= z.start {
			s.absorb(i, z, r, t)
		}
	}
	return dst
}

// find is the index of a meter. Readings come in the same order time and again, so the
// meter that followed last time is tried before the map.
func (s *Scorer) find(id flatwatt.MeterID) (int32, bool) {
	if len(s.meters) == 0 {
		return 0, false
	}
	if i := s.next[s.last]; s.meters[i].ID == id {
		s.last = i
		return i, true
	}
	i, ok := s.index[id]
	if ok {
		s.next[s.last] = i
		s.last = i
	}
	return i, ok
}

// absorb puts one reading into its slot. Readings of another length than the meter's are
// counted by the customer detector and left out here.
func (s *Scorer) absorb(i int32, z *zone, r *flatwatt.Reading, t int64) {
	interval := int64(s.seconds[i])
	n := flatwatt.SlotOf(z.start, z.end, interval, t)
	at := s.offset[i] + int32(n)
	if r.Length != time.Duration(interval)*time.Second || at >= s.offset[i+1] {
		return
	}
	kw := float64(r.Energy) * 3600 / float64(interval)
	if kw != kw || math.IsInf(kw, 0) {
		return
	}
	s.slots[at] = merge(s.slots[at], newSlot(kw, r.Quality))
	z.filled = true
	z.lastSeen = max(z.lastSeen, z.start+(n+1)*interval)
	if v := float32(r.Voltage); v == v {
		if s.volts == nil {
			s.volts = make([]float32, len(s.slots))
			fillNaN(s.volts)
		}
		if !(s.volts[at] <= v) {
			s.volts[at] = v
		}
	}
}

var nan32 = float32(math.NaN())

func fillNaN(x []float32) {
	for i := range x {
		x[i] = nan32
	}
}

// Close implements flatwatt.Scorer.
func (s *Scorer) Close(dst []flatwatt.Score) []flatwatt.Score {
	s.evidence = s.evidence[:0]
	for k := range s.zones {
		z := &s.zones[k]
		for z.started && z.start < z.lastSeen {
			dst = s.closeDay(dst, z)
		}
	}
	return dst
}

// closeDay balances the nodes of z over its open day, judges their residuals and opens
// the next day.
func (s *Scorer) closeDay(dst []flatwatt.Score, z *zone) []flatwatt.Score {
	if z.filled {
		s.readings = s.readings[:0]
		for _, k := range z.nodes {
			s.balance(k, z)
		}
		s.fromInner = s.inner.Score(s.fromInner[:0], s.readings)
		dst = s.told(dst, s.fromInner)
		s.fromInner = s.inner.Close(s.fromInner[:0])
		dst = s.told(dst, s.fromInner)
	}
	s.roll(z)
	return dst
}

// roll moves z on to the next day, keeping what has already arrived of it.
func (s *Scorer) roll(z *zone) {
	if z.filled {
		z.filled = false
		for _, i := range z.meters {
			by := int((z.end - z.start) / int64(s.meters[i].Interval/time.Second))
			w := s.slots[s.offset[i]:s.offset[i+1]]
			n := copy(w, w[by:])
			clear(w[n:])
			for _, sl := range w[:n] {
				z.filled = z.filled || sl != 0
			}
			if s.volts != nil {
				v := s.volts[s.offset[i]:s.offset[i+1]]
				fillNaN(v[copy(v, v[by:]):])
			}
		}
	}
	z.open(z.day+1, s.grace)
}

// A dayLoad is a meter's mean demand, interval by interval, over one day.
type dayLoad struct {
	kw    []float64 // NaN where a reading is missing, until it is repaired
	sure  []bool    // measured: neither estimated nor filled
	heard bool      // anything at all was read
	plain bool      // every interval was read, and none as zero
}

// load fills d with meter i's n intervals of the given length from the start of the open day.
func (s *Scorer) load(d *dayLoad, i int32, n int, step time.Duration) {
	d.kw, d.sure, d.heard, d.plain = slices.Grow(d.kw[:0], n)[:n], slices.Grow(d.sure[:0], n)[:n], false, true
	per := int(step / s.meters[i].Interval)
	w := s.slots[s.offset[i]:][:n*per]
	if per == 1 {
		for k, sl := range w {
			kw := sl.kw()
			d.kw[k], d.sure[k] = kw, sl&3 == 2
			d.heard, d.plain = d.heard || sl != 0, d.plain && kw == kw && kw != 0
		}
		return
	}
	for k := range n {
		sum, sure := 0.0, true
		for _, sl := range w[k*per : k*per+per] {
			sum += sl.kw()
			sure = sure && sl&3 == 2
			d.heard = d.heard || sl != 0
		}
		d.kw[k], d.sure[k] = sum/float64(per), sure
		d.plain = d.plain && sum == sum && sum != 0
	}
}
