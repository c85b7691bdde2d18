package hall

import (
	"math"
	"time"

	"github.com/flatwatt/flatwatt"
)

// A zone is the calendar that halls of one time zone share.
type zone struct {
	loc      *time.Location
	halls    []int32
	started  bool
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
	if len(s.halls) == 0 {
		return dst
	}
	last, at, ok := flatwatt.MeterID(""), int32(0), false
	for k := range readings {
		r := &readings[k]
		if r.Meter != last || k == 0 {
			last = r.Meter
			at, ok = s.index[last]
		}
		if !ok {
			continue
		}
		z := &s.zones[s.halls[at].zone]
		if !z.started {
			z.started = true
			z.open(flatwatt.DayOf(r.Start, z.loc)-1, s.grace)
		}
		for r.Start.Unix() >= z.closes {
			dst = s.closeDay(dst, z)
		}
		s.absorb(&s.halls[at], z, r)
	}
	return dst
}

// absorb puts one reading into its slot; of two for one interval the smaller stays, so
// that their order does not matter.
func (s *Scorer) absorb(p *place, z *zone, r *flatwatt.Reading) {
	t, interval := r.Start.Unix(), int64(p.meter.Interval/time.Second)
	kw := float32(r.Demand())
	if t < z.start || r.Length != p.meter.Interval {
		return
	}
	n := flatwatt.SlotOf(z.start, z.end, interval, t)
	if n >= int64(p.hi-p.lo) || r.Quality == flatwatt.Estimated || kw != kw || math.IsInf(float64(kw), 0) {
		return
	}
	slot := &s.slots[p.lo+int32(n)]
	if !(*slot <= kw) {
		*slot = kw
	}
	z.lastSeen = max(z.lastSeen, z.start+(n+1)*interval)
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

// closeDay remembers the open day of z's halls, judges them, and opens the next day.
func (s *Scorer) closeDay(dst []flatwatt.Score, z *zone) []flatwatt.Score {
	for _, i := range z.halls {
		if s.remember(i, z) {
			dst = s.judge(dst, i, z)
		}
	}
	for _, i := range z.halls {
		p := &s.halls[i]
		w := s.slots[p.lo:p.hi]
		by := int((z.end - z.start) / int64(p.meter.Interval/time.Second))
		for k := copy(w, w[by:]); k < len(w); k++ {
			w[k] = nan32
		}
	}
	z.open(z.day+1, s.grace)
	return dst
}
