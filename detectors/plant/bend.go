package plant

import (
	"math"
	"slices"
)

// bend adds the column min(water, stop), water being the inflow or else the peers, with the
// stop that leaves least: beyond it the plant's turbines, or its inverters, take no more.
func (wk *work) bend(q *series) {
	f := &wk.fit
	if q.p < 2 || q.p >= maxColumns || len(q.y) < 2*leastDays {
		return
	}
	wk.list = wk.list[:0]
	for k := range q.y {
		wk.list = append(wk.list, q.x[k][q.water])
	}
	slices.Sort(wk.list)
	at := q.p
	set := func(stop float64) {
		for k := range q.x {
			q.x[k][at] = min(q.x[k][q.water], stop)
		}
	}
	least, best := math.Inf(1), 0.0
	try := func(k int) (better bool) {
		stop := wk.list[k*len(wk.list)/stops]
		if set(stop); !f.load(q) {
			return false
		}
		wk.residuals(q, step{})
		sum := 0.0
		for _, r := range wk.resid {
			sum += math.Abs(r)
		}
		if better = sum < least; better {
			least, best = sum, stop
		}
		return better
	}
	q.p++
	around := 0
	for k := 4; k < stops; k += 2 {
		if try(k) {
			around = k
		}
	}
	if around > 0 {
		try(around - 1)
		try(around + 1)
	}
	if set(best); math.IsInf(least, 1) {
		q.p--
	}
}

const stops = 20 // quantiles of the water that may be the stop: every other one, then beside the best
