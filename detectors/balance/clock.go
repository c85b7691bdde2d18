package balance

import (
	"math"
	"slices"

	"github.com/flatwatt/flatwatt"
)

const (
	clockEvery  = 3    // days: a clock is wrong for weeks, and counting is a tenth of the cost
	countsDecay = 0.66 // from one count to the next: half-life 5 days
	delaySigmas = 6.0
	delayLeast  = 0.03 // intervals
	lags        = 4    // intervals by which a clock may be wrong
	delayGrid   = 0.25 // intervals; then to a tenth of that
)

// counts are sums over steps from one interval to the next, from which a member's clock is
// told. What one customer switches, no other switches at the same quarter-hour: where its
// register x is late by d, subtracting x(t + d) leaves the least steps in the residual r.
// With X_j the member's step j intervals later,
//
//	Σ (Δr − X_d + X_0)² = RR − 2·Σ Δr·(X_d − X_0) + Σ (X_d − X_0)²
//
// and X_d between intervals by a line, so that C_j = Σ Δr·X_j and A_j = Σ X_0·X_j tell it
// for every d.
type counts struct {
	C  [2*lags + 1]float64 // kW², lag −lags first
	A  [lags + 1]float64   // kW²
	RR float64             // kW²
	N  float64
}

// less is by how much a delay of d lowers the squares of the residual's steps.
func (u *counts) less(d float64) float64 {
	k := math.Floor(d)
	f, i := d-k, int(k)
	if i == lags {
		i, f = lags-1, 1
	}
	c := func(j int) float64 { return u.C[lags+j] }
	a := func(j int) float64 { return u.A[max(j, -j)] }
	along := (1-f)*c(i) + f*c(i+1) - c(0)
	size := ((1-f)*(1-f)+f*f+1)*a(0) + 2*f*(1-f)*a(1) - 2*(1-f)*a(i) - 2*f*a(i+1)
	return 2*along - size
}

// delay is the delay that leaves the least steps; 0 unless it is sure.
func (u *counts) delay() float64 {
	best, most := 0.0, 0.0
	look := func(from, to, by float64) {
		for d := from; d <= to+1e-9; d += by {
			if x := u.less(d); x > most {
				best, most = d, x
			}
		}
	}
	look(-lags, lags, delayGrid)
	look(max(best-delayGrid, -lags), min(best+delayGrid, lags), delayGrid/10)
	if math.Abs(best) < delayLeast || most < delaySigmas*delaySigmas*(u.RR-most)/u.N {
		return 0
	}
	return best
}

// setClocks counts the day's steps of a third of the members and moves their delays; it reports
// whether one moved by more than delayLeast.
func (s *Scorer) setClocks(k int32, day flatwatt.Day) (moved bool) {
	n, c := &s.nodes[k], &s.scratch
	c.steps = steps(c.steps[:0], c.rest)
	for i := n.lo + int32(day)%clockEvery; i < n.hi; i += clockEvery {
		if s.memory[i].setClock(c.steps, &c.loads[i-n.lo], &c.own) {
			moved = true
		}
	}
	return moved
}

// steps appends the differences between neighbours, clipped at ten times their mean size.
func steps(dst, x []float64) []float64 {
	sum, n := 0.0, 0.0
	dst = append(dst, math.NaN())
	for t := 1; t < len(x); t++ {
		d := x[t] - x[t-1]
		dst = append(dst, d)
		if d == d {
			sum, n = sum+math.Abs(d), n+1
		}
	}
	limit := 10 * sum / max(n, 1)
	for t, d := range dst {
		if math.Abs(d) > limit {
			dst[t] = math.Copysign(limit, d)
		}
	}
	return dst
}

func (m *memberState) setClock(dr []float64, load *dayLoad, own *[]float64) bool {
	d := m.countSteps(dr, load, own)
	if d.N < 12 || d.A[0] <= 0 {
		return false
	}
	all := &m.Counts
	for j := range all.C {
		all.C[j] = countsDecay*all.C[j] + d.C[j]
	}
	for j := range all.A {
		all.A[j] = countsDecay*all.A[j] + d.A[j]
	}
	all.RR, all.N = countsDecay*all.RR+d.RR, countsDecay*all.N+d.N
	was := m.Delay
	m.Delay = float32(all.delay())
	return math.Abs(float64(m.Delay-was)) > delayLeast
}

// countSteps counts the steps between measured readings only: where a gap is filled the
// load jumps for no reason, and the residual jumps the other way. The residual's steps are
// taken as if the clock had been left late. own is scratch.
func (m *memberState) countSteps(dr []float64, load *dayLoad, own *[]float64) (d counts) {
	x, f := load.kw, float64(m.Factor)
	late := float64(m.Delay)
	*own = slices.Grow((*own)[:0], len(x))[:len(x)]
	all := *own // its steps, from t − 1 to t
	sure := 0   // measured in a row up to t + lags
	for u := 1; u < len(x); u++ {
		all[u] = f * (x[u] - x[u-1])
		if sure++; !load.sure[u] {
			sure = 0
		}
		t := u - lags
		if t < 1 || sure < 2*lags+2 || dr[t] != dr[t] {
			continue
		}
		step := (*[2*lags + 1]float64)(all[u-2*lags:]) // X_j at t
		r := dr[t]
		if late != 0 {
			k := math.Floor(late)
			i, g := lags+int(k), late-k
			r += (1-g)*step[i] + g*step[min(i+1, 2*lags)] - step[lags]
		}
		for j, s := range step {
			d.C[j] += r * s
		}
		for j := range d.A {
			d.A[j] += step[lags] * step[lags+j]
		}
		d.RR += r * r
		d.N++
	}
	return d
}
