package plant

import (
	"fmt"
	"math"
	"slices"
)

const (
	leastPeers = 2   // from which a middle is drawn
	mostLag    = 12  // hours by which water or weather comes to a peer sooner or later
	lagDays    = 60  // of hours from which the lag is told
	lagFirst   = 20  // days known before it is
	lagEvery   = 30  // days from one look to the next
	lagShare   = .75 // of what the same hours leave unexplained, from which a lag is believed
)

// findPeers gives each plant those of its class in its region, or, where these are too
// few, in its time zone.
func (s *Scorer) findPeers() {
	by := map[string][]int32{}
	near := func(p *plant) string { return fmt.Sprintf("%d|%s|%s", p.zone, p.meter.Class, p.meter.Region) }
	far := func(p *plant) string { return fmt.Sprintf("%d|%s", p.zone, p.meter.Class) }
	for i := range s.plants {
		for _, key := range []string{near(&s.plants[i]), far(&s.plants[i])} {
			by[key] = append(by[key], int32(i))
		}
	}
	n := 0
	for i := range s.plants {
		p := &s.plants[i]
		list := by[near(p)]
		if len(list) <= leastPeers {
			list = by[far(p)]
		}
		p.lags = n
		for _, j := range list {
			if int(j) != i {
				p.peers = append(p.peers, j)
				n++
			}
		}
	}
	s.lags = make([]int16, n)
}

// share is what plant i exported in hour t, counted from the oldest day that is
// remembered, as a share of its capacity c.
func (s *Scorer) share(i int32, z *zone, c float64, t int) float64 {
	days := int(min(z.count, History))
	if t < 0 || t >= days*hoursPer {
		return nan
	}
	at := z.row(i, days-t/hoursPer)
	return s.exported(i, float64(s.hours[at*hoursPer+t%hoursPer])) / c
}

// compare writes the middle of the peers' export on day d, counted from the oldest that is
// remembered, as shares of their capacities: each peer's at the hour at which it had the same water
// or weather.
func (s *Scorer) compare(i int32, z *zone, d int) {
	days := int(min(z.count, History))
	at := z.row(i, days-d)
	row := s.peers[at*hoursPer:][:hoursPer]
	p := &s.plants[i]
	for h := range row {
		list := s.work.list[:0]
		for k, j := range p.peers {
			c := s.capacity(j)
			if v := s.share(j, z, c, d*hoursPer+h-int(s.lags[p.lags+k])); v == v && c > 0 {
				list = append(list, v)
			}
		}
		s.work.list = list
		row[h] = nan32
		if len(list) >= leastPeers {
			row[h] = float32(middle(list))
		}
	}
}

// align looks for the hours by which each peer of plant i is ahead, and compares anew all days
// that are remembered where one has changed.
func (s *Scorer) align(i int32, z *zone) {
	p, changed := &s.plants[i], false
	days := int(min(z.count, History))
	from := max(0, days-lagDays) * hoursPer
	own := s.recent(nil, i, z, from, days*hoursPer)
	var other []float64
	for k, j := range p.peers {
		other = s.recent(other[:0], j, z, from, days*hoursPer)
		lag := int16(lagOf(own, other))
		changed = changed || lag != s.lags[p.lags+k]
		s.lags[p.lags+k] = lag
	}
	for d := 0; changed && d < days; d++ {
		s.compare(i, z, d)
	}
}

func (s *Scorer) recent(dst []float64, i int32, z *zone, from, to int) []float64 {
	c := s.capacity(i)
	for t := from; t < to; t++ {
		dst = append(dst, s.share(i, z, c, t))
	}
	return dst
}

// lagOf is the hours by which b is ahead of a: where they correlate most, if that leaves
// clearly less unexplained than the same hours do.
func lagOf(a, b []float64) (lag int) {
	same := 1 - correlation(a, b, 0)
	least := lagShare * same
	for l := -mostLag; l <= mostLag; l++ {
		if left := 1 - correlation(a, b, l); left < least {
			lag, least = l, left
		}
	}
	return lag
}

// correlation is Pearson's, of a in hour t and b in hour t−lag; 0 where neither varies.
func correlation(a, b []float64, lag int) float64 {
	var n, sa, sb, saa, sbb, sab float64
	for t := max(0, lag); t < min(len(a), len(b)+lag); t++ {
		x, y := a[t], b[t-lag]
		if x != x || y != y {
			continue
		}
		n, sa, sb = n+1, sa+x, sb+y
		saa, sbb, sab = saa+x*x, sbb+y*y, sab+x*y
	}
	va, vb := saa-sa*sa/n, sbb-sb*sb/n
	if !(va > 1e-9 && vb > 1e-9) {
		return 0
	}
	return (sab - sa*sb/n) / math.Sqrt(va*vb)
}

// middle is the median; it sorts x.
func middle(x []float64) float64 {
	slices.Sort(x)
	n := len(x)
	if n == 0 {
		return nan
	}
	return (x[(n-1)/2] + x[n/2]) / 2
}

// compareAll compares the day that just closed; of the day before as well, since some peers get the
// same water later.
func (s *Scorer) compareAll(z *zone) {
	days := int(min(z.count, History))
	for _, i := range z.plants {
		if z.count >= lagFirst && (z.count-lagFirst)%lagEvery == 0 {
			s.align(i, z)
		}
		for d := max(0, days-2); d < days; d++ {
			s.compare(i, z, d)
		}
	}
}
