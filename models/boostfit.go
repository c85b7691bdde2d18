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
	Stages    Stages // of the Boost
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
	b := Boost{Stages: opt.Stages}
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
	bins    []uint8     // by sample, by feature
	width   int         // features
	margin  []float64
	grad    [][2]float64 // first and second derivative of the loss, by sample
	rows    []int32      // of the tree being grown
	rest    []int32      // scratch of divide
	groups  int
	free    []histogram // to be used again
}

func newBoostFitter(samples []BoostSample, opt BoostOptions) *boostFitter {
	n, width := len(samples), len(samples[0].X)
	f := &boostFitter{
		opt: opt, samples: samples, rng: rand.New(rand.NewPCG(opt.Seed, 0)), width: width,
		cuts: make([][]float64, width), bins: make([]uint8, n*width), margin: make([]float64, n), grad: make([][2]float64, n),
	}
	for i := range samples {
		f.margin[i] = samples[i].Start
		f.groups = max(f.groups, samples[i].Group+1)
	}
	sideways(width, func(j int) { f.bin(j) })
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
	for i := range f.samples {
		if v := f.samples[i].X[j]; v == v {
			at, found := slices.BinarySearch(cuts, v)
			if found {
				at++ // bins are closed below: x < cut goes left
			}
			f.bins[i*f.width+j] = uint8(at + 1)
		}
	}
	f.cuts[j] = cuts
}

// grow fits one tree to the present gradients and applies it.
func (f *boostFitter) grow() Tree {
	in := make([]bool, f.groups)
	for g := range in {
		in[g] = f.rng.Float64() < f.opt.Rows
	}
	var features []int
	for j := range f.cuts {
		if f.rng.Float64() < f.opt.Features {
			features = append(features, j)
		}
	}
	inParts(len(f.samples), func(_, from, to int) { f.derive(from, to) })
	f.rows = f.rows[:0]
	for i := range f.samples {
		if in[f.samples[i].Group] {
			f.rows = append(f.rows, int32(i))
		}
	}
	t := Tree{{}}
	f.split(&t, 0, f.rows, f.count(f.rows, features), features, f.opt.Depth)
	one := Boost{Trees: []Tree{t}}
	inParts(len(f.samples), func(_, from, to int) {
		for i := from; i < to; i++ {
			f.margin[i] += one.At(f.samples[i].X, 0, nil)
		}
	})
	return t
}

// derive takes the derivatives of the loss of some samples at their margins.
func (f *boostFitter) derive(from, to int) {
	for i := from; i < to; i++ {
		s := &f.samples[i]
		p := Sigmoid(f.margin[i])
		y := 0.0
		if s.Miner {
			y = 1
		}
		f.grad[i] = [2]float64{s.W * (p - y), s.W * max(p*(1-p), 1e-6)}
	}
}

type bestSplit struct {
	gain    float64
	feature int
	bin     int // bins ≤ bin go left
	missing bool
}

// split gives node n, whose derivatives are summed in sums, its value and, where it pays, two
// children. It takes sums.
func (f *boostFitter) split(t *Tree, n int, rows []int32, sums histogram, features []int, depth int) {
	defer func() {
		if sums != nil {
			f.free = append(f.free, sums)
		}
	}()
	var g, h float64
	for _, i := range rows {
		g, h = g+f.grad[i][0], h+f.grad[i][1]
	}
	(*t)[n].Value = float32(-f.opt.Rate * g / (h + f.opt.L2))
	if depth == 0 || h < 2*f.opt.MinWeight {
		return
	}
	var best bestSplit
	for k, j := range features {
		f.search(&best, j, &sums[k], g, h)
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
	var of [2]histogram
	if depth > 1 {
		small, rows := 0, left
		if len(right) < len(left) {
			small, rows = 1, right
		}
		of[small] = f.count(rows, features)
		of[1-small] = f.histogram(len(features))
		copy(of[1-small], sums)
		of[1-small].less(of[small])
	}
	f.split(t, l, left, of[0], features, depth-1)
	f.split(t, l+1, right, of[1], features, depth-1)
}

// search tries every cut of feature j, with missing values on either side.
func (f *boostFitter) search(best *bestSplit, j int, sums *[boostBins + 1][2]float64, g, h float64) {
	score := func(g, h float64) float64 { return g * g / (h + f.opt.L2) }
	whole := score(g, h)
	none := sums[0][1] < 1e-9 // what is left of a difference is not a sample, which has 1e-6
	for _, missingLeft := range []bool{false, true} {
		var gl, hl float64
		if missingLeft {
			gl, hl = sums[0][0], sums[0][1]
		}
		for b := 1; b <= len(f.cuts[j]); b++ {
			gl, hl = gl+sums[b][0], hl+sums[b][1]
			if hl < f.opt.MinWeight || h-hl < f.opt.MinWeight {
				continue
			}
			if gain := score(gl, hl) + score(g-gl, h-hl) - whole; gain > best.gain+1e-9 {
				// Where nothing is missing here, what is elsewhere goes with the many.
				*best = bestSplit{gain, j, b, missingLeft || none && 2*hl > h}
			}
		}
		if none {
			break // nothing is missing: both sides are the same
		}
	}
}

// divide reorders rows in place, those that go left first.
func (f *boostFitter) divide(rows []int32, s bestSplit) (left, right []int32) {
	f.rest = f.rest[:0]
	k := 0
	for _, i := range rows {
		b := int(f.bins[int(i)*f.width+s.feature])
		if (b == 0 && s.missing) || (b > 0 && b <= s.bin) {
			rows[k] = i
			k++
		} else {
			f.rest = append(f.rest, i)
		}
	}
	copy(rows[k:], f.rest)
	return rows[:k], rows[k:]
}

// LogLoss is the mean negative log-likelihood of samples corrected by b.
func (b *Boost) LogLoss(samples []BoostSample) float64 {
	var sum, w float64
	for i := range samples {
		s := &samples[i]
		l := s.Start + b.At(s.X, s.Start, nil)
		y := 0.0
		if s.Miner {
			y = 1
		}
		sum += s.W * (LogAddExp(0, l) - y*l)
		w += s.W
	}
	return sum / math.Max(w, 1)
}
