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
	q.p++
	try := func(stop float64) {
		if set(stop); !f.load(q) {
			return
		}
		wk.residuals(q, step{})
		sum := 0.0
		for _, r := range wk.resid {
			sum += math.Abs(r)
		}
		if sum < least {
			least, best = sum, stop
		}
	}
	at20 := 0
	for k := 4; k < 20; k += 2 {
		if was := least; true {
			if try(wk.list[k*len(wk.list)/20]); least < was {
				at20 = k
			}
		}
	}
	for _, k := range [2]int{at20 - 1, at20 + 1} {
		if at20 > 0 {
			try(wk.list[k*len(wk.list)/20])
		}
	}
	if set(best); math.IsInf(least, 1) {
		q.p--
	}
}
