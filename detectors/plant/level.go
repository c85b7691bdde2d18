package plant

import (
	"math"
	"slices"
)

const (
	levelBins  = 8
	levelFloor = .004 // of capacity: the error of a bin's deficit that no number of days lowers
	levelDays  = 4    // in a bin, before and after
)

// A leveled is what hours of high and low output of the peers tell of a deficit. A loss of
// efficiency, which is in proportion to the output, is no block.
type leveled struct {
	flat    float64 // log likelihood ratio of a constant against a proportional one; NaN: not told
	deficit float64 // mean where there was enough to take, share of capacity
}

// atLevels compares the hours that has picks at the same output of the peers.
func (s *Scorer) atLevels(i int32, z *zone, f *finding, has func(int) bool) leveled {
	var bins [levelBins][2]levelSum
	limits, ok := s.levels(i, z, f, has)
	if !ok {
		return leveled{flat: nan}
	}
	s.eachHour(i, z, f, has, func(row int, y, v float64) {
		b, _ := slices.BinarySearch(limits[:], v)
		after := 0
		if row >= f.from && row < f.to {
			after = 1
		}
		bins[b][after].add(row, y, v)
	})
	var so, sp, sd, spp, spd, sdd, n float64
	for b := range bins {
		pre, post := &bins[b][0], &bins[b][1]
		pre.flush()
		post.flush()
		if pre.days.n < levelDays || post.days.n < levelDays {
			continue
		}
		// within the bin peers may have been higher after than before
		slope := pre.days.value() / max(pre.peers.value(), .01)
		give := pre.days.value() + slope*(post.peers.value()-pre.peers.value())
		d := give - post.days.value()
		if give < 1.3*f.deficit {
			continue // there was no more to take
		}
		w := 1 / (pre.variance()/pre.days.n*levelMemory + post.variance()/post.days.n*levelMemory + levelFloor*levelFloor)
		so, sp, sd, n = so+w, sp+w*give, sd+w*d, n+1
		spp, spd, sdd = spp+w*give*give, spd+w*give*d, sdd+w*d*d
	}
	if n < 3 {
		return leveled{flat: nan}
	}
	flat, share := sdd-sd*sd/so, sdd-spd*spd/spp
	return leveled{flat: (share - flat) / 2, deficit: sd / so}
}

const levelMemory = 4.0 // days in a row err alike

// A levelSum is the mean export of days at one level of the peers.
type levelSum struct {
	row         int
	sum, n      float64
	days, peers mean
	square      float64
}

func (l *levelSum) add(row int, y, v float64) {
	if row != l.row {
		l.flush()
		l.row = row
	}
	l.sum, l.n = l.sum+y, l.n+1
	l.peers.add(v)
}

func (l *levelSum) flush() {
	if l.n > 0 {
		y := l.sum / l.n
		l.days.add(y)
		l.square += y * y
	}
	l.sum, l.n = 0, 0
}

func (l *levelSum) variance() float64 {
	m := l.days.value()
	return max(0, l.square/l.days.n-m*m)
}

// eachHour calls fn for the hours of f's rows that has picks, in which plant and peers gave something.
func (s *Scorer) eachHour(i int32, z *zone, f *finding, has func(int) bool, fn func(row int, y, v float64)) {
	c, days := s.capacity(i), int(min(z.count, History))
	for row, d := range f.day {
		at := z.row(i, days-d)
		for h := range hoursPer {
			if !has(h) {
				continue
			}
			y, v := s.exported(i, float64(s.hours[at*hoursPer+h]))/c, float64(s.peers[at*hoursPer+h])
			if y == y && v == v && !standing(y, v) {
				fn(row, y, v)
			}
		}
	}
}

// levels are the bounds of bins of the peers' output while the deficit runs.
func (s *Scorer) levels(i int32, z *zone, f *finding, has func(int) bool) (limits [levelBins - 1]float64, ok bool) {
	list := s.work.list[:0]
	s.eachHour(i, z, f, has, func(row int, _, v float64) {
		if row >= f.from && row < f.to {
			list = append(list, v)
		}
	})
	s.work.list = list
	if len(list) < 10*levelBins {
		return limits, false
	}
	slices.Sort(list)
	lo, hi := list[len(list)/50], list[len(list)*49/50]
	for b := range limits {
		limits[b] = lo + (hi-lo)*float64(b+1)/levelBins
	}
	return limits, !(math.IsNaN(lo) || hi-lo < .1)
}
