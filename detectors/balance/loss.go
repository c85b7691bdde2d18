package balance

import (
	"math"
	"slices"
)

const (
	lossDays = 28 // remembered
	lossBins = 4  // points a day
	// Physical bounds, as shares of the highest load seen: an oil-filled transformer of
	// the efficiency classes of the last decades loses 0.1–0.3 % of its rating always and
	// 1–1.5 % at rating; a feeder a few per cent at its peak. Whatever is beyond them is
	// no technical loss.
	maxNoLoad = 0.01
	maxCopper = 0.05
)

// A loss is the technical loss of a node: a + b·E² kW at an input of E kW. The points are
// medians over quarters of each quiet day, ordered by load. It holds no pointers.
type loss struct {
	A, B  float32 // kW, 1/kW; never negative
	Peak  float32 // highest mean load of a quarter day, kW
	N     uint16  // points taken, at most all
	At    uint16  // where the next goes
	Load2 [lossDays * lossBins]float32
	Loss  [lossDays * lossBins]float32
}

// at is the loss at an input of x kW.
func (l *loss) at(x float64) float64 { return float64(l.A) + float64(l.B)*x*x }

// learn takes a quiet day: input and what it leaves after meters and the present loss.
func (l *loss) learn(input, rest []float64, buf *[]float64) {
	type point struct{ x, y float64 }
	var p [25 * 60]point
	n := 0
	for t, r := range rest {
		if r == r && n < len(p) {
			p[n] = point{input[t], r + l.at(input[t])}
			n++
		}
	}
	if n < 4*lossBins {
		return
	}
	slices.SortFunc(p[:n], func(a, b point) int {
		switch {
		case a.x < b.x:
			return -1
		case a.x > b.x:
			return 1
		}
		return 0
	})
	for k := range lossBins {
		part := p[k*n/lossBins : (k+1)*n/lossBins]
		y := (*buf)[:0]
		x := 0.0
		for _, q := range part {
			y = append(y, q.y)
			x += q.x * q.x
		}
		slices.Sort(y)
		x /= float64(len(part))
		l.Peak = max(l.Peak, float32(math.Sqrt(x)))
		l.Load2[l.At], l.Loss[l.At] = float32(x), float32(y[len(y)/2])
		l.At = (l.At + 1) % uint16(len(l.Load2))
		l.N = min(l.N+1, uint16(len(l.Load2)))
		*buf = y
	}
	l.fit()
}

// fit finds a and b ≥ 0 by least absolute deviations, reweighted eight times: half of the
// points may be anything.
func (l *loss) fit() {
	n := int(l.N)
	var w [lossDays * lossBins]float64
	for i := range n {
		w[i] = 1
	}
	peak := float64(l.Peak)
	a, b := 0.0, 0.0
	for range 8 {
		var sw, sx, sy, sxx, sxy float64
		for i := range n {
			x, y := float64(l.Load2[i]), float64(l.Loss[i])
			sw, sx, sy = sw+w[i], sx+w[i]*x, sy+w[i]*y
			sxx, sxy = sxx+w[i]*x*x, sxy+w[i]*x*y
		}
		a, b = bounded(sw, sx, sy, sxx, sxy, maxNoLoad*peak, maxCopper/max(peak, 1e-9))
		for i := range n {
			w[i] = 1 / max(math.Abs(float64(l.Loss[i])-a-b*float64(l.Load2[i])), 1e-4*peak+1e-6)
		}
	}
	l.A, l.B = float32(a), float32(b)
}

// bounded is the weighted least-squares line y = a + b·x with 0 ≤ a ≤ maxA, 0 ≤ b ≤ maxB.
func bounded(sw, sx, sy, sxx, sxy, maxA, maxB float64) (a, b float64) {
	det := sw*sxx - sx*sx
	if det > 1e-9*sw*sxx {
		b = (sw*sxy - sx*sy) / det
	}
	b = min(max(b, 0), maxB)
	a = (sy - b*sx) / sw
	if a < 0 || a > maxA { // on the edge b is best again by itself
		a = min(max(a, 0), maxA)
		if sxx > 0 {
			b = min(max((sxy-a*sx)/sxx, 0), maxB)
		}
	}
	return a, b
}
