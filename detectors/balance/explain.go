package balance

import "math"

const (
	registerOdds  = 2.5 // log odds from which a wrong register is believed …
	registerPrior = -3.0
	factorLeast   = 0.1 // … if it is wrong by more than this
	factorMost    = 4.5
	perFact       = 4.0 // quarter-hours that say one thing
	shapeLeast    = -4.0
	leavesMost    = 0.2 // of the residual's square, by a register without other evidence
	// A customer's load seldom changes for good on the day on which the residual does, by
	// just what the residual gained: once in some thousand.
	sameTimeOdds  = 8.0
	sameTimeShare = 0.05 // of the load: how exactly
	sameTimeMost  = 0.15 // and what changes by more from day to day tells nothing
	ratioOdds     = 2.0  // for a factor that is a ratio of usual transformers: a sixth are by chance
	ratioWithin   = 0.03
)

// explain asks, on a day whose residual is not what it used to be, whether the register
// of one member counts wrongly since: its ratio was changed (factor 2 where it was halved),
// or it no longer hangs here (factor 0). Then the residual has the shape of that member's
// load, residual = (factor − 1)·load, where a bypassing miner has a shape of its own:
//
//	log odds = prior + n/2·log(Σ(r − block)² / Σ(r − β·x)²) + same time + usual ratio
//
// with the constant block that fits best, all day or at fixed hours.
//
// The clock test is in clock.go. The best of all members is believed once a second day
// in a row says the same of it.
func (s *Scorer) explain(k int32, z *zone, st *nodeState) {
	n, c := &s.nodes[k], &s.scratch
	again := s.setClocks(k, z.day)
	for i := n.lo; i < n.hi; i++ {
		if m := &s.memory[i]; m.Factor != 1 {
			if _, fixed := usualRatio(float64(m.Factor)); fixed {
				continue
			}
			m.refine(c.rest, &c.loads[i-n.lo])
			again = true
		}
	}
	if again {
		s.subtract(k, z, st)
	}
	was := st.Accused
	st.Accused = 0
	if !st.unusual(c.rest, &c.sorted) {
		return
	}
	block := c.asBlock(c.rest)
	best, at, beta := registerOdds, int32(-1), 0.0
	for i := n.lo; i < n.hi; i++ {
		if odds, b := s.memory[i].wrong(c.rest, block, &c.loads[i-n.lo]); odds > best {
			best, at, beta = odds, i, b
		}
	}
	if at < 0 {
		return
	}
	factor := min(max(float64(s.memory[at].Factor)+beta, 0), factorMost)
	if f, ok := usualRatio(factor); ok {
		factor = f
	}
	agrees := was == at-n.lo+1 && math.Abs(factor-float64(st.Factor)) < 2*ratioWithin*max(factor, 1)
	st.Accused, st.Factor = at-n.lo+1, float32(factor)
	if agrees { // a second day says the same
		s.memory[at].Factor = float32(factor)
		s.subtract(k, z, st)
	}
}

// usualRatio is the ratio of usual current transformers (5 A to 50, 75, 100, 150, 200, 250,
// 300, 400 …) that a factor is close to, 1 or 0; ok is false where there is none.
func usualRatio(factor float64) (ratio float64, ok bool) {
	for _, r := range [...]float64{0, .25, 1. / 3, .375, .4, .5, .6, 2. / 3, .75, .8, 1, 1.25, 4. / 3, 1.5, 5. / 3, 2, 2.5, 3, 4} {
		if math.Abs(factor-r) < ratioWithin*max(r, 1) {
			return r, true
		}
	}
	return factor, false
}

// sums of a residual r over a member's load x, where both are known.
type sums struct{ n, r, x, rr, xx, rx float64 }

func sumsOf(rest []float64, load *dayLoad) (u sums) {
	for t, r := range rest {
		if x := load.kw[t]; r == r && load.sure[t] {
			u.n++
			u.r, u.x = u.r+r, u.x+x
			u.rr, u.xx, u.rx = u.rr+r*r, u.xx+x*x, u.rx+r*x
		}
	}
	return u
}

// asBlock is the mean square that a constant block leaves of the residual, at the hours
// that suit it best, or all day.
func (c *scratch) asBlock(rest []float64) float64 {
	sums, counts := append(c.sums[0][:0], 0), append(c.sums[1][:0], 0)
	rr := 0.0
	for _, r := range rest {
		s, n := sums[len(sums)-1], counts[len(counts)-1]
		if r == r {
			s, n, rr = s+r, n+1, rr+r*r
		}
		sums, counts = append(sums, s), append(counts, n)
	}
	c.sums[0], c.sums[1] = sums, counts
	all, n := sums[len(rest)], counts[len(rest)]
	best := all * all / max(n, 1)
	for lo := range rest {
		for hi := lo + 4; hi <= len(rest); hi++ { // on inside, or off inside
			s, k := sums[hi]-sums[lo], counts[hi]-counts[lo]
			if k > 0 && k < n {
				best = max(best, s*s/k+(all-s)*(all-s)/(n-k))
			}
		}
	}
	return (rr - best) / max(n, 1)
}

// wrong is the log odds that m's register explains the residual rather than a block that
// leaves the given mean square, and by how much its factor is off.
func (m *memberState) wrong(rest []float64, block float64, load *dayLoad) (odds, beta float64) {
	u := sumsOf(rest, load)
	if u.n < 24 || u.xx <= 0 || m.Days < 3 {
		return math.Inf(-1), 0
	}
	beta = u.rx / u.xx
	f := float64(m.Factor) + beta
	if f < -factorLeast || f > factorMost || math.Abs(beta) < factorLeast {
		return math.Inf(-1), 0
	}
	shaped := u.rr - beta*u.rx
	least := 1e-4*u.rr + 1e-9 // resolution: better fits are no better evidence
	odds = registerPrior + m.sameTime(u.x/u.n, f)
	if odds == registerPrior && shaped > leavesMost*u.rr {
		return math.Inf(-1), 0
	}
	odds += max(shapeLeast, u.n/perFact/2*math.Log((block*u.n+least)/(shaped+least)))
	if _, ok := usualRatio(f); ok {
		odds += ratioOdds
	}
	return odds, beta
}

// sameTime weighs whether the member's load, counted as before, is what it was: its
// register shows a change that the factor undoes.
func (m *memberState) sameTime(showsKW, factor float64) float64 {
	was := float64(m.Slow)
	tolerance := sameTimeShare*was + float64(m.SlowDev)
	if tolerance < sameTimeMost*was && math.Abs(showsKW-was) > 1.5*tolerance && math.Abs(showsKW*factor-was) < tolerance {
		return sameTimeOdds
	}
	return 0
}

// refine estimates a factor that is not 1 again: slowly, by what is left.
func (m *memberState) refine(rest []float64, load *dayLoad) {
	u := sumsOf(rest, load)
	if u.n < 24 {
		return
	}
	mx, mr := u.x/u.n, u.r/u.n
	v := u.xx/u.n - mx*mx
	if v <= 1e-3*mx*mx { // flat: its shape tells nothing
		return
	}
	slope := (u.rx/u.n - mx*mr) / v
	f := m.Factor + 0.3*float32(min(max(slope, -0.3), 0.3))
	m.Factor = min(max(f, 0), factorMost)
}
