package plant

import (
	"math"
	"time"

	"github.com/flatwatt/flatwatt"
)

// A zone is the calendar that plants of one time zone share.
type zone struct {
	loc      *time.Location
	plants   []int32
	started  bool
	day      flatwatt.Day
	start    int64 // of the open day, Unix seconds
	end      int64
	closes   int64
	lastSeen int64
	count    int32 // days closed so far
}

// row is where the day is kept that plant i closed so many days ago, the latest being one.
func (z *zone) row(i int32, ago int) int { return int(i)*History + (int(z.count)-ago)%History }

func (z *zone) open(day flatwatt.Day, grace time.Duration) {
	z.day = day
	z.start, z.end = day.Start(z.loc).Unix(), (day + 1).Start(z.loc).Unix()
	z.closes = z.end + int64(grace/time.Second)
}

// Score implements flatwatt.Scorer. Within the open day the order of readings does not matter.
func (s *Scorer) Score(dst []flatwatt.Score, readings []flatwatt.Reading) []flatwatt.Score {
	s.evidence = s.evidence[:0]
	if len(s.plants) == 0 {
		return dst
	}
	for k := range readings {
		r := &readings[k]
		i, ok := s.index[r.Meter]
		if !ok {
			continue
		}
		z := &s.zones[s.plants[i].zone]
		if !z.started {
			z.started = true
			z.open(flatwatt.DayOf(r.Start, z.loc)-1, s.grace)
		}
		for r.Start.Unix() >= z.closes {
			dst = s.closeDay(dst, z)
		}
		s.absorb(&s.plants[i], z, r)
	}
	return dst
}

// absorb puts one reading into its slot; of two for one interval the larger stays, which
// is the smaller export, whatever their order.
func (s *Scorer) absorb(p *plant, z *zone, r *flatwatt.Reading) {
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
	if !(*slot >= kw) {
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

// closeDay remembers the open day of z's plants, judges them, and opens the next day.
func (s *Scorer) closeDay(dst []flatwatt.Score, z *zone) []flatwatt.Score {
	at := int(z.count % History)
	heard := false
	for _, i := range z.plants {
		heard = s.remember(i, z, at) || heard
	}
	if heard || z.count > 0 {
		z.count++
		s.compareAll(z)
		for _, i := range z.plants {
			if z.count%s.every == s.every/2 {
				dst = s.judge(dst, i, z)
			}
		}
	}
	for _, i := range z.plants {
		p := &s.plants[i]
		w := s.slots[p.lo:p.hi]
		by := int((z.end - z.start) / int64(p.meter.Interval/time.Second))
		for k := copy(w, w[by:]); k < len(w); k++ {
			w[k] = nan32
		}
	}
	z.open(z.day+1, s.grace)
	return dst
}

// remember writes plant i's open day into its history and reports whether anything was read.
func (s *Scorer) remember(i int32, z *zone, at int) (heard bool) {
	p, st := &s.plants[i], &s.state[i]
	row := s.hours[(int(i)*History+at)*hoursPer:][:hoursPer]
	var sums, counts [hoursPer]float64
	interval := int64(p.meter.Interval / time.Second)
	for t, k := z.start, p.lo; t < z.end; t, k = t+interval, k+1 {
		h := min(int((t-z.start)/3600), hoursPer-1) // a day of 25 hours has its last two in one
		if v := float64(s.slots[k]); v == v {
			heard = true
			st.SumKWh += v * p.meter.Interval.Hours()
			st.MaxKW = max(st.MaxKW, math.Abs(v))
			if !p.excused(t, interval) {
				sums[h], counts[h] = sums[h]+v, counts[h]+1
			}
		}
	}
	for h := range row {
		row[h] = nan32
		if counts[h] > 0 {
			row[h] = float32(sums[h] / counts[h])
		}
	}
	flow := s.flows[(int(i)*History+at)*2:][:2]
	flow[0], flow[1] = s.flowOn(p, z)
	return heard
}

// excused reports whether an event of the dispatch log covers part of [t, t+length).
func (p *plant) excused(t, length int64) bool {
	for _, e := range p.events {
		if t+length > e.Start.Unix() && (e.End.IsZero() || t < e.End.Unix()) {
			return true
		}
	}
	return false
}

// flowOn is the mean water of the open day: of the plant's own gauge, else of its region.
func (s *Scorer) flowOn(p *plant, z *zone) (inflow, turbine float32) {
	if s.water == nil {
		return nan32, nan32
	}
	for _, name := range []string{string(p.meter.ID), p.meter.Region} {
		var sum [2]float64
		n := 0.0
		for t := z.start; t < z.end; t += 3600 {
			if w, u, ok := s.water.InflowRel(name, time.Unix(t, 0).UTC()); ok {
				sum[0], sum[1], n = sum[0]+w, sum[1]+u, n+1
			}
		}
		if n > 0 {
			return float32(sum[0] / n), float32(sum[1] / n)
		}
	}
	return nan32, nan32
}
