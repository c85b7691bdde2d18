package models

import (
	"math"
	"math/rand/v2"
	"slices"
)

// BoostOptions say how a Boost is fitted.
type BoostOptions struct {
	Trees     int
	Depth     int     // splits from root to leaf
	Rate      float64 // share of each tree that is taken
	L2        float64 // price of a squared leaf value
	MinWeight float64 // least sum of second derivatives in a leaf
	Features  float64 // share of the features that each tree may use
	Rows      float64 // share of the groups that each tree sees
	Seed      uint64
}

// DefaultBoostOptions suit some hundred thousand samples of a few thousand meters.
func DefaultBoostOptions() BoostOptions {
	return BoostOptions{Trees: 200, Depth: 4, Rate: 0.06, L2: 10, MinWeight: 15, Features: 0.5, Rows: 0.7, Seed: 1}
}

const boostBins = 48 // quantile bins of a feature; bin 0 is for missing values

// A BoostSample is one sample: its features, the log-odds to be corrected, its label.
type BoostSample struct {
	X     []float64
	Start float64
	Miner bool
	Group int // meter: a tree sees all samples of a meter or none
	W     float64
}

// FitBoost fits trees to samples. The same samples and options give the same trees.
func FitBoost(samples []BoostSample, opt BoostOptions) Boost {
	if len(samples) == 0 {
		return Boost{}
	}
	f := newBoostFitter(samples, opt)
	var b Boost
	for range opt.Trees {
		b.Trees = append(b.Trees, f.grow())
	}
	return b
}

type boostFitter struct {
	opt     BoostOptions
	samples []BoostSample
	rng     *rand.Rand
	cuts    [][]float64 // by feature: upper bounds of its bins
	bins    [][]uint8   // by feature, by sample
	margin  []float64
	grad    []float64
	hess    []float64
	rows    []int32 // of the tree being grown
	groups  int
}

func newBoostFitter(samples []BoostSample, opt BoostOptions) *boostFitter {
	f := &boostFitter{opt: opt, samples: samples, rng: rand.New(rand.NewPCG(opt.Seed, 0))}
	n := len(samples)
	f.margin, f.grad, f.hess = make([]float64, n), make([]float64, n), make([]float64, n)
	for i := range samples {
		f.margin[i] = samples[i].Start
		f.groups = max(f.groups, samples[i].Group+1)
	}
	for j := range samples[0].X {
		f.bin(j)
	}
	return f
}

// bin cuts feature j at its quantiles.
func (f *boostFitter) bin(j int) {
	var known []float64
	step := max(1, len(f.samples)/50_000)
	for i := 0; i < len(f.samples); i += step {
		if v := f.samples[i].X[j]; v == v {
			known = append(known, v)
		}
	}
	slices.Sort(known)
	var cuts []float64
	for k := 1; k < boostBins-1; k++ {
		if q := Quantile(known, float64(k)/(boostBins-1)); q == q && (len(cuts) == 0 || q > cuts[len(cuts)-1]) {
			cuts = append(cuts, float64(float32(q)))
		}
	}
	cuts = slices.Compact(cuts)
	bins := make([]uint8, len(f.samples))
	for i := range f.samples {
		if v := f.samples[i].X[j]; v == v {
			at, found := slices.BinarySearch(cuts, v)
			if found {
				at++ // bins are closed below: x < cut goes left
			}
			bins[i] = uint8(at + 1)
		}
	}
	f.cuts, f.bins = append(f.cuts, cuts), append(f.bins, bins)
}

// grow fits one tree to the present gradients and applies it.
func (f *boostFitter) grow() Tree {
	in := make([]bool, f.groups)
	for g := range in {
		in[g] = f.rng.Float64() < f.opt.Rows
	}
	f.rows = f.rows[:0]
	for i := range f.samples {
		s := &f.samples[i]
		p := Sigmoid(f.margin[i])
		y := 0.0
		if s.Miner {
			y = 1
		}
		f.grad[i], f.hess[i] = s.W*(p-y), s.W*max(p*(1-p), 1e-6)
		if in[s.Group] {
			f.rows = append(f.rows, int32(i))
		}
	}
	var features []int
	for j := range f.cuts {
		if f.rng.Float64() < f.opt.Features {
			features = append(features, j)
		}
	}
	t := Tree{{}}
	f.split(&t, 0, f.rows, features, f.opt.Depth)
	one := Boost{Trees: []Tree{t}}
	for i := range f.samples {
		f.margin[i] += one.At(f.samples[i].X, nil)
	}
	return t
}

type bestSplit struct {
	gain    float64
	feature int
	bin     int // bins ≤ bin go left
	missing bool
}

// split gives node n its value and, where it pays, two children.
func (f *boostFitter) split(t *Tree, n int, rows []int32, features []int, depth int) {
	var g, h float64
	for _, i := range rows {
		g, h = g+f.grad[i], h+f.hess[i]
	}
	(*t)[n].Value = float32(-f.opt.Rate * g / (h + f.opt.L2))
	if depth == 0 || h < 2*f.opt.MinWeight {
		return
	}
	var best bestSplit
	for _, j := range features {
		f.search(&best, j, rows, g, h)
	}
	if best.gain <= 1e-6 {
		return
	}
	left, right := f.divide(rows, best)
	l := len(*t)
	*t = append(*t, Node{}, Node{})
	node := &(*t)[n]
	node.Feature, node.Left, node.Right, node.Missing = int16(best.feature), int16(l), int16(l+1), best.missing
	node.Threshold = float32(f.cuts[best.feature][best.bin-1])
	f.split(t, l, left, features, depth-1)
	f.split(t, l+1, right, features, depth-1)
}

// search tries every cut of feature j, with missing values on either side.
func (f *boostFitter) search(best *bestSplit, j int, rows []int32, g, h float64) {
	var gs, hs [boostBins + 1]float64
	bins := f.bins[j]
	for _, i := range rows {
		b := bins[i]
		gs[b] += f.grad[i]
		hs[b] += f.hess[i]
	}
	score := func(g, h float64) float64 { return g * g / (h + f.opt.L2) }
	whole := score(g, h)
	for _, missingLeft := range []bool{false, true} {
		var gl, hl float64
		if missingLeft {
			gl, hl = gs[0], hs[0]
		}
		for b := 1; b <= len(f.cuts[j]); b++ {
			gl, hl = gl+gs[b], hl+hs[b]
			if hl < f.opt.MinWeight || h-hl < f.opt.MinWeight {
				continue
			}
			if gain := score(gl, hl) + score(g-gl, h-hl) - whole; gain > best.gain+1e-9 {
				// Where nothing is missing here, what is elsewhere goes with the many.
				*best = bestSplit{gain, j, b, missingLeft || hs[0] == 0 && 2*hl > h}
			}
		}
		if hs[0] == 0 {
			break // nothing is missing: both sides are the same
		}
	}
}

// divide reorders rows in place, those that go left first.
func (f *boostFitter) divide(rows []int32, s bestSplit) (left, right []int32) {
	bins := f.bins[s.feature]
	var rest []int32
	k := 0
	for _, i := range rows {
		b := int(bins[i])
		if (b == 0 && s.missing) || (b > 0 && b <= s.bin) {
			rows[k] = i
			k++
		} else {
			rest = append(rest, i)
		}
	}
	copy(rows[k:], rest)
	return rows[:k], rows[k:]
}

// LogLoss is the mean negative log-likelihood of samples corrected by b.
func (b *Boost) LogLoss(samples []BoostSample) float64 {
	var sum, w float64
	for i := range samples {
		s := &samples[i]
		l := s.Start + b.At(s.X, nil)
		y := 0.0
		if s.Miner {
			y = 1
		}
		sum += s.W * (LogAddExp(0, l) - y*l)
		w += s.W
	}
	return sum / math.Max(w, 1)
}
