package plant

import (
	"math"
	"slices"
)

// search finds the deficit that explains q best. ok is false where too little is known.
func (wk *work) search(q *series) (best step, ok bool) {
	f := &wk.fit
	if best, ok = wk.settle(q, f.scan); ok && best.gain > candidates {
		best.gain -= wk.surplus(q, best)
	}
	return best, ok
}

// settle fits q with the step that pick finds, last being the last round, and the errors' memory
// and scales with it.
func (wk *work) settle(q *series, pick func(last bool) step) (best step, ok bool) {
	f := &wk.fit
	f.even(len(q.y))
	copy(f.s, q.scale)
	f.rho, f.sigma = 0, 1
	wk.bend(q)
	if len(q.y) < leastDays || !f.load(q) {
		return best, false
	}
	for round := range 3 {
		wk.residuals(q, best)
		f.sigma = wk.spread(wk.resid)
		wk.despike(q)
		f.rho = wk.memory(q)
		if round > 0 {
			wk.scaleByLevel(q)
		}
		if !f.load(q) {
			return best, false
		}
		wk.innovations(best)
		wk.innov = wk.innov[:0]
		for k, r := range wk.resid {
			wk.innov = append(wk.innov, r/max(f.level[k], 1e-9))
		}
		f.sigma = max(wk.spread(wk.resid), 1e-4)
		best = pick(round == 2)
	}
	best.gain /= f.sigma * f.sigma
	best.se *= f.sigma
	return best, true
}

// surplus is how well the best surplus explains what the step st leaves: honest plants
// give more for weeks as often as less, so this is what a deficit must beat.
func (wk *work) surplus(q *series, st step) float64 {
	f := &wk.fit
	flip := func() {
		for k := range q.y {
			q.y[k] = -q.y[k]
		}
	}
	shift := func(d float64) {
		for k := st.from; k < st.to; k++ {
			q.y[k] += d
		}
	}
	shift(st.deficit)
	flip()
	other := step{}
	if f.load(q) {
		other = f.scan(true)
	}
	flip()
	shift(-st.deficit)
	f.load(q)
	return max(0, other.gain/(f.sigma*f.sigma))
}

const levels = 5

// scaleByLevel says how much the plant's errors swing at such output of its peers: a plant
// at the stop of its turbines hardly swings at all, nor does one that hardly has water.
func (wk *work) scaleByLevel(q *series) {
	f := &wk.fit
	if f.p < 2 || len(q.y) < 8*levels {
		return
	}
	wk.list = wk.list[:0]
	for k := range q.y {
		wk.list = append(wk.list, q.x[k][1])
	}
	slices.Sort(wk.list)
	bin := func(c float64) (b int) {
		for b < levels-1 && c > wk.list[(b+1)*len(wk.list)/levels] {
			b++
		}
		return b
	}
	var swing [levels]mean
	for k := range q.y {
		if f.w[k] == 1 && k < len(wk.innov) {
			swing[bin(q.x[k][1])].add(math.Abs(wk.innov[k]) / q.scale[k])
		}
	}
	all := mean{}
	for b := range swing {
		all.add(swing[b].value())
	}
	if !(all.value() > 0) {
		return
	}
	for k := range q.y {
		f.s[k] = q.scale[k] * (.9*swing[bin(q.x[k][1])].value()/all.value() + .1)
	}
}

// residuals are what is left of y, unwhitened, with the step taken back.
func (wk *work) residuals(q *series, st step) {
	f := &wk.fit
	b := f.b
	if st.to > 0 { // coefficients beside the step
		b = f.beside(st)
	}
	wk.resid = wk.resid[:0]
	for k := range q.y {
		r := q.y[k]
		for j := range f.p {
			r -= b[j] * q.x[k][j]
		}
		if k >= st.from && k < st.to {
			r += st.deficit
		}
		wk.resid = append(wk.resid, r)
	}
}

// beside are the coefficients when the step st is in the equation too.
func (f *fit) beside(st step) [maxColumns]float64 {
	end := min(st.to+1, f.n)
	b := f.b
	var zx [maxColumns]float64
	for j := range f.p {
		zx[j] = f.px[st.to][j] - f.px[st.from][j] - (f.qx[end][j] - f.qx[st.from+1][j])
	}
	for i := range f.p {
		for j := range f.p {
			b[i] += f.inv[i][j] * zx[j] * st.deficit
		}
	}
	return b
}

// innovations are the whitened rows less what the coefficients and the step explain.
func (wk *work) innovations(st step) {
	f := &wk.fit
	b := f.b
	if st.to > 0 {
		b = f.beside(st)
	}
	wk.resid = wk.resid[:0]
	for k := range f.wy {
		r := f.wy[k]
		for j := range f.p {
			r -= b[j] * f.wx[k][j]
		}
		if st.to > 0 {
			if k >= st.from && k < st.to {
				r += st.deficit * f.level[k]
			}
			if k > st.from && k <= st.to {
				r -= st.deficit * f.decay[k]
			}
		}
		wk.resid = append(wk.resid, r)
	}
}

// spread is a standard deviation that a few strays do not move much: between the one by
// the median and the plain one of what lies within five of it.
func (wk *work) spread(x []float64) float64 {
	wk.sorted = wk.sorted[:0]
	for _, v := range x {
		wk.sorted = append(wk.sorted, math.Abs(v))
	}
	slices.Sort(wk.sorted)
	m := 1.4826 * wk.sorted[len(wk.sorted)/2]
	sum := 0.0
	for _, v := range wk.sorted {
		v = min(v, 5*m)
		sum += v * v
	}
	return max(m, math.Sqrt(sum/float64(len(wk.sorted))))
}

// despike takes weight from days that stand out of the week around them: outages that
// nobody told. A lasting step stands out of no week but that of its edge, where the
// median goes along.
func (wk *work) despike(q *series) {
	var week [7]float64
	limit := 0.0
	f := &wk.fit
	out := make([]float64, len(wk.resid))
	for k := range wk.resid {
		lo, hi := max(0, k-3), min(len(wk.resid), k+4)
		n := copy(week[:], wk.resid[lo:hi])
		slices.Sort(week[:n])
		out[k] = wk.resid[k] - week[n/2]
	}
	limit = 4 * wk.spread(out)
	for k := range out {
		f.w[k] = 1
		if a := math.Abs(out[k]); a > limit {
			f.w[k] = limit / a * .3
			if k+1 < len(f.w) {
				continue
			}
		}
	}
	for k := len(out) - 1; k > 0; k-- { // the day after compares with a spiked one
		if f.w[k-1] < .3 && f.w[k] == 1 {
			f.w[k] = f.w[k-1]
		}
	}
}

// memory is how much of a day's error is left on the next, 0 to 0.97.
func (wk *work) memory(q *series) float64 {
	num, den := 0.0, 1e-12
	for k := 1; k < len(wk.resid); k++ {
		if q.day[k] == q.day[k-1]+1 && wk.fit.w[k] == 1 && wk.fit.w[k-1] == 1 {
			a, b := wk.resid[k]/wk.fit.s[k], wk.resid[k-1]/wk.fit.s[k-1]
			num += a * b
			den += (a*a + b*b) / 2
		}
	}
	n := float64(len(wk.resid))
	return min(max(num/den+1.5/n*2, 0), .97) // small samples make memory look shorter
}
