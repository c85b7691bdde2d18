package balance

import "math"

const (
	countsDecay  = 0.87 // a day: half-life 5 days
	factorSigmas = 8.0  // a register is believed to count wrongly beyond this …
	factorLeast  = 0.1  // … and when it does so by more than this
	jumpLeast    = 0.15 // a change within one day must be this large …
	jumpShare    = 0.2  // … and explain this share of the residual's movement
	delaySigmas  = 6.0
	delayLeast   = 0.03 // intervals
	delayMost    = 6.0
	factorMost   = 4.0
)

// counts are sums over steps from one interval to the next: dr of the residual with the
// member's own share put back, dy of the member's load (clipped: iy), dc of its derivative.
//
// Why steps: what one customer switches, no other switches at the same quarter-hour, so
// Σ iy·dr / Σ iy·dy is the factor by which the member's register must be multiplied:
// 1 where it counts rightly, 0 where it does not hang here, 2 where its ratio was halved.
// A flat block has no steps, and so cannot be explained away.
type counts struct {
	YY, RY float64 // kW²
	CC, RC float64
	Noise  float64 // Σ dr², kW²
	N      float64
}

func (c *counts) add(d *counts, keep float64) {
	c.YY, c.RY = keep*c.YY+d.YY, keep*c.RY+d.RY
	c.CC, c.RC = keep*c.CC+d.CC, keep*c.RC+d.RC
	c.Noise, c.N = keep*c.Noise+d.Noise, keep*c.N+d.N
}

// explain looks in c.rest for the steps of single members: registers that count wrongly,
// meters that hang elsewhere, clocks that are off. It reports whether the day is to be
// balanced once more with what it found.
func (s *Scorer) explain(k int32) (changed bool) {
	n, c := &s.nodes[k], &s.scratch
	c.own = steps(c.own[:0], c.rest)
	for i := n.lo; i < n.hi; i++ {
		at := i - n.lo
		if c.raw[at] && s.memory[i].explain(c.own, c.loads[at]) {
			changed = true
		}
	}
	return changed
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

// explain counts one day of steps and moves factor and delay where they are clearly wrong.
func (m *memberState) explain(dr, x []float64) (changed bool) {
	d := countSteps(dr, x)
	if d.N < 12 || d.YY <= 0 {
		return false
	}
	f, noise := float64(m.Factor), d.Noise/d.N
	beta := d.RY / d.YY
	jump := math.Abs(beta) > jumpLeast && math.Abs(beta) > factorSigmas*math.Sqrt(noise/d.YY) &&
		beta*beta*d.YY > jumpShare*d.Noise
	d.RY += f * d.YY // as if its own share had been left in
	d.RC += float64(m.Delay) * d.CC
	if jump {
		m.Counts = d
	} else {
		m.Counts.add(&d, countsDecay)
	}
	all := &m.Counts
	want, se := all.RY/all.YY, math.Sqrt(all.Noise/all.N/all.YY)
	if math.Abs(want-1) < factorLeast || math.Abs(want-1) < factorSigmas*se {
		want = 1
	}
	m.Factor = float32(min(max(want, 0), factorMost))
	return m.setClock(all) || jump || math.Abs(float64(m.Factor)-f) > factorLeast
}

// setClock moves the delay to what the counts say; it reports a move of more than delayLeast.
func (m *memberState) setClock(all *counts) bool {
	if all.CC <= 0 {
		return false
	}
	late, se := all.RC/all.CC, math.Sqrt(all.Noise/all.N/all.CC)
	if math.Abs(late) < delayLeast || math.Abs(late) < delaySigmas*se {
		late = 0
	}
	was := m.Delay
	m.Delay = float32(min(max(late, -delayMost), delayMost))
	return math.Abs(float64(m.Delay-was)) > delayLeast
}

func countSteps(dr, x []float64) (d counts) {
	sum := 0.0
	for t := 1; t < len(x); t++ {
		sum += math.Abs(x[t] - x[t-1])
	}
	limit := 3 * sum / float64(max(len(x)-1, 1))
	for t := 2; t < len(x)-1; t++ {
		r := dr[t]
		if r != r {
			continue
		}
		dy := x[t] - x[t-1]
		iy := min(max(dy, -limit), limit)
		dc := ((x[t+1] - x[t-1]) - (x[t] - x[t-2])) / 2
		d.YY += iy * dy
		d.RY += iy * r
		d.CC += dc * dc
		d.RC += dc * r
		d.Noise += r * r
		d.N++
	}
	return d
}
