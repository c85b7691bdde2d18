package balance

import "math"

const (
	countsDecay = 0.87 // a day: half-life 5 days
	delaySigmas = 6.0
	delayLeast  = 0.03 // intervals
	delayMost   = 6.0
)

// counts are sums over steps from one interval to the next: dr of the residual, dc of the
// derivative of a member's load. What one customer switches, no other switches at the same
// quarter-hour, and a clock that is late by d leaves d·x′ in the residual: Σ dr·dc / Σ dc²
// estimates d.
type counts struct {
	CC, RC float64 // kW²
	Noise  float64 // Σ dr², kW²
	N      float64
}

// setClocks counts the day's steps of all members and moves their delays; it reports
// whether one moved by more than delayLeast.
func (s *Scorer) setClocks(k int32) (moved bool) {
	n, c := &s.nodes[k], &s.scratch
	c.steps = steps(c.steps[:0], c.rest)
	for i := n.lo; i < n.hi; i++ {
		if s.memory[i].setClock(c.steps, &c.loads[i-n.lo]) {
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

func (m *memberState) setClock(dr []float64, load *dayLoad) bool {
	d := countSteps(dr, load)
	if d.N < 12 || d.CC <= 0 {
		return false
	}
	d.RC += float64(m.Delay) * d.CC // as if its clock had been left late
	all := &m.Counts
	all.CC, all.RC = countsDecay*all.CC+d.CC, countsDecay*all.RC+d.RC
	all.Noise, all.N = countsDecay*all.Noise+d.Noise, countsDecay*all.N+d.N
	late, se := all.RC/all.CC, math.Sqrt(all.Noise/all.N/all.CC)
	if math.Abs(late) < delayLeast || math.Abs(late) < delaySigmas*se {
		late = 0
	}
	was := m.Delay
	m.Delay = float32(min(max(late, -delayMost), delayMost))
	return math.Abs(float64(m.Delay-was)) > delayLeast
}

// countSteps counts the steps between measured readings only: where a gap is filled the
// load jumps for no reason, and the residual jumps the other way.
func countSteps(dr []float64, load *dayLoad) (d counts) {
	x, sure := load.kw, load.sure
	for t := 2; t < len(x)-1; t++ {
		r := dr[t]
		if r != r || !sure[t+1] || !sure[t] || !sure[t-1] || !sure[t-2] {
			continue
		}
		dc := ((x[t+1] - x[t-1]) - (x[t] - x[t-2])) / 2
		d.CC += dc * dc
		d.RC += dc * r
		d.Noise += r * r
		d.N++
	}
	return d
}
