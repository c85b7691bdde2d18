package cluster

import (
	"math"
	"slices"
)

// elsewhere sets f.perQ: blocks that began in those days at meters of the same class that are
// not below f's node say how often blocks begin then, such as after holidays at works; where
// that is more often than usual, neighbours say less.
func (s *Scorer) elsewhere(f *finding) {
	from, to := f.list[0].onset, f.list[0].onset+int64(Window*86400)
	var found [maxClasses]float64
	for _, i := range s.active {
		m := &s.members[i]
		if m.Onset >= from && m.Onset < to {
			found[s.classes[i]] += float64(m.Odds) / (1 + float64(m.Odds))
		}
	}
	for _, w := range f.list {
		found[w.class] -= w.odds / (1 + w.odds)
	}
	rest := 1 - s.nodes[f.node].count/float64(len(s.ids))
	for c := range found {
		usual := rate * Window * s.inClass[c] * rest
		f.perQ[c] = 1 / (rate * Window * max(1, (max(found[c], 0)+rateSure)/(usual+rateSure)))
	}
}

// likelihood is how much likelier the readings of the i-th meter are with a block of the operator.
func (f *finding) likelihood(i int) float64 {
	w := f.list[i]
	if i == f.seed {
		return w.odds * f.perQ[w.class]
	}
	return w.odds * f.perQ[w.class] * alike(&w, f.list[f.seed].kw)
}

// raised is the probability of a block at the i-th meter given the operator.
func (f *finding) raised(i int) float64 {
	l := f.q * f.likelihood(i)
	return l / (1 - f.q + l)
}

// adds is what the i-th meter contributes to the log-odds.
func (f *finding) adds(i int) float64 {
	return math.Log(1-f.q+f.q*f.likelihood(i)) - math.Log1p(f.list[i].odds)
}

// added is what the n-th strongest meter contributes to the log-odds; f has n at least.
func (f *finding) added(n int) float64 {
	strongest := make([]float64, n) // least first
	for k := range strongest {
		strongest[k] = math.Inf(-1)
	}
	for i := range f.list {
		x := f.adds(i)
		if x <= strongest[0] {
			continue
		}
		strongest[0] = x
		slices.Sort(strongest)
	}
	return strongest[0]
}

// count is how many meters are members, given the operator.
func (f *finding) count() (n int) {
	for i := range f.list {
		if f.raised(i) >= memberFrom {
			n++
		}
	}
	return n
}

// density is that of the normal distribution.
func density(x, mean, sigma float64) float64 {
	z := (x - mean) / sigma
	return math.Exp(-z*z/2) / (sigma * math.Sqrt(2*math.Pi))
}
