package plant

import "math"

const (
	maxColumns = 8
	leastDays  = 20 // of readings before anything can be said
	leastRun   = 5  // days of a deficit
)

// work is the workspace of one judgement.
type work struct {
	list, resid, sorted, innov []float64
	all, part                  series
	fit                        fit
	swing                      hourScale // of the plant that is judged
}

// A series is what one plant gave on the days that are known, at some hours of the day,
// with what it is expected from. Rows are days in order.
type series struct {
	day   []int // days since the first that is remembered
	y     []float64
	x     [][maxColumns]float64
	scale []float64 // of the errors of a row, about 1
	p     int       // columns used
	water int       // the column by which the plant comes to its stop
}

func (q *series) reset() { q.day, q.y, q.x, q.scale, q.p = q.day[:0], q.y[:0], q.x[:0], q.scale[:0], 0 }

// A step is a deficit during rows [from, to) of a series.
type step struct {
	from, to int
	deficit  float64 // of capacity
	gain     float64 // half the fall of the squared error by it: a log likelihood ratio
	se       float64 // of deficit
}

// fit solves y = X·b − deficit·[from ≤ row < to] with errors that follow an autoregression
// of first order: both sides are whitened, and rows that stray weigh less.
type fit struct {
	rho   float64
	sigma float64
	p, n  int
	wx    [][maxColumns]float64 // whitened and weighted rows
	wy    []float64
	decay []float64 // of the row before, times weight
	level []float64 // weight of a row by itself
	inv   [maxColumns][maxColumns]float64
	b     [maxColumns]float64
	px    [][maxColumns]float64 // running sums of level·wx
	qx    [][maxColumns]float64 // and of decay·wx
	py    []float64
	qy    []float64
	zz    []float64 // of (level − decay)²
	w     []float64
	s     []float64 // scale of a row's errors, relative
}

// even gives n rows the same weight and scale.
func (f *fit) even(n int) {
	f.w, f.s = f.w[:0], f.s[:0]
	for range n {
		f.w, f.s = append(f.w, 1), append(f.s, 1)
	}
}

// load whitens q with the present rho and weights and solves it without a step. It
// reports false where the columns do not tell their coefficients.
func (f *fit) load(q *series) bool {
	f.n, f.p = len(q.y), q.p
	f.wx, f.wy, f.decay, f.level = f.wx[:0], f.wy[:0], f.decay[:0], f.level[:0]
	var a [maxColumns][maxColumns]float64
	var c [maxColumns]float64
	for k := range q.y {
		r := 0.0
		root := math.Sqrt(1 - f.rho*f.rho) // the first row stands for all before it
		if k > 0 {
			r, root = math.Pow(f.rho, float64(q.day[k]-q.day[k-1])), 1
			root = math.Sqrt((1 - f.rho*f.rho) / (1 - r*r + 1e-12))
		}
		g, before := root*f.w[k]/f.s[k], 0.0
		y := q.y[k] * g
		if k > 0 {
			before = r * root * f.w[k] / f.s[k-1]
			y -= before * q.y[k-1]
		}
		var row [maxColumns]float64
		for j := range f.p {
			row[j] = q.x[k][j] * g
			if k > 0 {
				row[j] -= before * q.x[k-1][j]
			}
		}
		f.wx, f.wy, f.decay, f.level = append(f.wx, row), append(f.wy, y), append(f.decay, before), append(f.level, g)
		for i := range f.p {
			for j := range f.p {
				a[i][j] += row[i] * row[j]
			}
			c[i] += row[i] * y
		}
	}
	if !invert(&a, f.p, &f.inv) {
		return false
	}
	for i := range f.p {
		f.b[i] = 0
		for j := range f.p {
			f.b[i] += f.inv[i][j] * c[j]
		}
	}
	f.sum()
	return true
}

// sum makes the running sums by which any step is tried in constant time.
func (f *fit) sum() {
	f.px, f.qx = append(f.px[:0], [maxColumns]float64{}), append(f.qx[:0], [maxColumns]float64{})
	f.py, f.qy, f.zz = append(f.py[:0], 0), append(f.qy[:0], 0), append(f.zz[:0], 0)
	for k := range f.n {
		px, qx := f.px[k], f.qx[k]
		for j := range f.p {
			px[j] += f.level[k] * f.wx[k][j]
			qx[j] += f.decay[k] * f.wx[k][j]
		}
		d := f.level[k] - f.decay[k]
		f.px, f.qx = append(f.px, px), append(f.qx, qx)
		f.py, f.qy = append(f.py, f.py[k]+f.level[k]*f.wy[k]), append(f.qy, f.qy[k]+f.decay[k]*f.wy[k])
		f.zz = append(f.zz, f.zz[k]+d*d)
	}
}

// try is the best deficit during rows [from, to).
func (f *fit) try(from, to int) step {
	end := min(to+1, f.n) // the row after it still remembers the step
	var zx [maxColumns]float64
	for j := range f.p {
		zx[j] = f.px[to][j] - f.px[from][j] - (f.qx[end][j] - f.qx[from+1][j])
	}
	zy := f.py[to] - f.py[from] - (f.qy[end] - f.qy[from+1])
	zz := f.level[from]*f.level[from] + f.zz[to] - f.zz[from+1]
	if to < f.n {
		zz += f.decay[to] * f.decay[to]
	}
	for i := range f.p {
		zy -= zx[i] * f.b[i]
		for j := range f.p {
			zz -= zx[i] * f.inv[i][j] * zx[j]
		}
	}
	if zz < 1e-9 {
		return step{from: from, to: to}
	}
	d := -zy / zz
	return step{from: from, to: to, deficit: d, gain: d * d * zz / 2, se: 1 / math.Sqrt(zz)}
}

// gainOf is half the fall of the squared error by a deficit of the shape z, row by row.
func (f *fit) gainOf(z []float64) float64 {
	var zx [maxColumns]float64
	zy, zz := 0.0, 0.0
	for k := range f.n {
		v := f.level[k] * z[k]
		if k > 0 {
			v -= f.decay[k] * z[k-1]
		}
		zy, zz = zy+v*f.wy[k], zz+v*v
		for j := range f.p {
			zx[j] += v * f.wx[k][j]
		}
	}
	for i := range f.p {
		zy -= zx[i] * f.b[i]
		for j := range f.p {
			zz -= zx[i] * f.inv[i][j] * zx[j]
		}
	}
	if zz < 1e-9 || zy > 0 { // a surplus
		return 0
	}
	return zy * zy / zz / 2
}

// scan is the deficit that explains most, of those that still run or also of those that
// have ended. Ends before the last row must pay endCost.
func (f *fit) scan(ended bool) (best step) {
	score := func(s step) float64 {
		if s.deficit <= 0 {
			return 0
		}
		g := s.gain / (f.sigma * f.sigma)
		if s.to < f.n {
			g -= endCost
		}
		return g
	}
	top := 0.0
	try := func(from, to int) {
		if from < leastRun || to-from < leastRun || from >= f.n || to > f.n {
			return
		}
		if s := f.try(from, to); score(s) > top {
			top, best = score(s), s
		}
	}
	for from := f.n - leastRun; from >= leastRun; from -= stride(f.n - from) {
		try(from, f.n)
	}
	for from := f.n - 2*leastRun; ended && from >= leastRun; from -= 2 + stride(f.n-from) {
		for to := f.n - leastRun; to >= from+leastRun; to -= 2 + stride(f.n-to) {
			try(from, to)
		}
	}
	around := best
	for k := -6; k <= 6 && top > 0; k++ {
		try(around.from+k, around.to)
		if around.to < f.n {
			try(best.from, around.to+k)
		}
	}
	return best
}

const endCost = 8.0

// stride thins the days on which a step may begin: the older, the coarser.
func stride(age int) int { return 1 + min(age/30, 5) }

// invert is by Gauss–Jordan with a small ridge; false where a is singular.
func invert(a *[maxColumns][maxColumns]float64, p int, inv *[maxColumns][maxColumns]float64) bool {
	m := *a
	for i := range p {
		for j := range p {
			inv[i][j] = 0
		}
		m[i][i] = m[i][i]*(1+1e-8) + 1e-10
		inv[i][i] = 1
	}
	for i := range p {
		d := m[i][i]
		if !(math.Abs(d) > 1e-14) {
			return false
		}
		for j := range p {
			m[i][j] /= d
			inv[i][j] /= d
		}
		for k := range p {
			if k == i {
				continue
			}
			g := m[k][i]
			for j := range p {
				m[k][j] -= g * m[i][j]
				inv[k][j] -= g * inv[i][j]
			}
		}
	}
	return true
}
