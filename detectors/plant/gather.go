package plant

import (
	"math"
)

// A window is hours of the local day [from, to), past midnight where to ≤ from.
type window struct {
	name     string
	from, to int
}

// windows are tried for a deficit: day and night, the core of the night, of the day.
var windows = [...]window{{"24x7", 0, 24}, {"night", 23, 5}, {"daytime", 10, 16}}

func (w window) has(h int) bool {
	if w.from < w.to {
		return h >= w.from && h < w.to
	}
	return h >= w.from || h < w.to
}

// gather fills q with plant i's days at the hours of w. Where w is the night, the plant's
// own day, against its peers', tells what it is expected to give besides them.
func (s *Scorer) gather(q *series, i int32, z *zone, w window) {
	q.reset()
	c := s.capacity(i)
	if c <= 0 {
		return
	}
	days := int(min(z.count, History))
	use := s.columns(i, z, days, w)
	q.p, q.water = 1, 1
	for k, u := range use {
		if u && k == 2 {
			q.water = q.p
		}
		if u {
			q.p++
		}
	}
	for d := range days {
		at := z.row(i, days-d)
		m := s.dayAt(i, at, c, use[0], w)
		all := [...]float64{m.peer.value(), m.square.value(), float64(s.flows[at*2]), float64(s.flows[at*2+1]), m.rest.value(), m.peerRest.value()}
		row, j, ok := [maxColumns]float64{1}, 1, m.hours >= 4
		for k, u := range use {
			if u {
				row[j] = all[k]
				ok = ok && row[j] == row[j]
				j++
			}
		}
		if ok {
			q.day, q.y, q.x = append(q.day, d), append(q.y, m.own.value()), append(q.x, row)
			q.scale = append(q.scale, math.Sqrt(float64(m.hours)/m.own.n))
		}
	}
	q.even()
}

// A plantDay is the means of a day, shares of capacity: of the plant, its peers and their
// squares at the hours of a window, which weigh by how little they swing, and of plant and peers by day outside it.
type plantDay struct {
	own, peer, square, rest, peerRest mean
	hours                             int // of the window that are known
}

// dayAt is the day of plant i, whose capacity is c, at a place of its history; hours without
// peers count only where these are not asked for.
func (s *Scorer) dayAt(i int32, at int, c float64, peers bool, w window) (m plantDay) {
	for h := range hoursPer {
		y, v := s.exported(i, float64(s.hours[at*hoursPer+h]))/c, float64(s.peers[at*hoursPer+h])
		switch {
		case y != y || peers && v != v || standing(y, v):
		case w.has(h):
			g := s.work.swing.weight(v)
			m.own.weigh(y, g)
			m.peer.weigh(v, g)
			m.square.weigh(v*v, g)
			m.hours++
		case h >= 9 && h < 20:
			m.rest.add(y)
			m.peerRest.add(v)
		}
	}
	return m
}

// standing reports whether an export says that the plant stands still, whatever the water,
// or its peers' that there is nothing to run on: then nobody can tell how much it withholds.
func standing(y, peers float64) bool { return y > -.02 && y < .01 || peers < .01 }

type mean struct{ sum, n float64 }

func (m *mean) add(x float64) { m.sum, m.n = m.sum+x, m.n+1 }

func (m *mean) weigh(x, w float64) { m.sum, m.n = m.sum+w*x, m.n+w }

func (m *mean) value() float64 { return m.sum / m.n }

// columns says which of peers, peers², inflow, turbines and own day are known on most days.
func (s *Scorer) columns(i int32, z *zone, days int, w window) (use [6]bool) {
	var n [3]int
	for d := range days {
		at := z.row(i, days-d)
		for k, v := range []float32{s.peers[at*hoursPer+12], s.flows[at*2], s.flows[at*2+1]} {
			if v == v {
				n[k]++
			}
		}
	}
	most := func(k int) bool { return n[k]*10 >= days*8 }
	day := w.name == "night" && s.plants[i].meter.Class != "pv"
	return [6]bool{most(0), most(0), most(1), most(2), day, day && most(0)}
}
