package models

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"runtime"
	"testing"
)

// Two measurements that mean nothing alone: the label is their exclusive or.
func xorSamples(n int, seed uint64) (s []BoostSample) {
	rng := rand.New(rand.NewPCG(seed, 9))
	for i := range n {
		x := []float64{rng.NormFloat64(), rng.NormFloat64(), rng.NormFloat64()}
		p := 0.1
		if (x[0] > 0) != (x[1] > 0) {
			p = 0.9
		}
		if i%5 == 0 {
			x[2] = math.NaN()
		}
		s = append(s, BoostSample{X: x, Miner: rng.Float64() < p, Group: i / 4, W: 1})
	}
	return s
}

func TestBoostLearnsAnInteraction(t *testing.T) {
	opt := DefaultBoostOptions()
	opt.Features = 1
	b := FitBoost(xorSamples(6000, 1), opt)
	if err := b.Validate(3); err != nil {
		t.Fatal(err)
	}
	// The entropy of a 10 % coin is 0.325, that of a fair one 0.693.
	if got := b.LogLoss(xorSamples(3000, 2)); got > 0.40 {
		t.Errorf("log loss on new samples is %.3f, 0.325 is the best possible", got)
	}
	if again := FitBoost(xorSamples(6000, 1), opt); !reflect.DeepEqual(again, b) {
		t.Error("the same samples gave other trees")
	}
}

// Every split is the best of all, looked for sample by sample.
func TestBoostSplitsWhereItGainsMost(t *testing.T) {
	opt := DefaultBoostOptions()
	opt.Trees, opt.Features, opt.Rows, opt.MinWeight = 1, 1, 1, 5
	samples := xorSamples(3000, 7)
	f := newBoostFitter(samples, opt)
	tree := f.grow()
	gain := func(rows []int, feature int, cut float64, missing bool) float64 {
		var sum [2][2]float64 // left and right, first and second derivative
		for _, i := range rows {
			v, side := samples[i].X[feature], 0
			if v >= cut || v != v && !missing {
				side = 1
			}
			sum[side][0] += f.grad[i][0]
			sum[side][1] += f.grad[i][1]
		}
		if min(sum[0][1], sum[1][1]) < opt.MinWeight {
			return 0
		}
		score := func(s [2]float64) float64 { return s[0] * s[0] / (s[1] + opt.L2) }
		return score(sum[0]) + score(sum[1]) - score([2]float64{sum[0][0] + sum[1][0], sum[0][1] + sum[1][1]})
	}
	splits := 0
	var check func(n int, rows []int)
	check = func(n int, rows []int) {
		node := tree[n]
		if node.Left == 0 {
			return
		}
		splits++
		got, best := gain(rows, int(node.Feature), float64(node.Threshold), node.Missing), 0.0
		for j, cuts := range f.cuts {
			for _, cut := range cuts {
				best = max(best, gain(rows, j, cut, true), gain(rows, j, cut, false))
			}
		}
		near(t, fmt.Sprintf("gain of the split of node %d", n), got, best, 1e-6)
		var left, right []int
		for _, i := range rows {
			if v := samples[i].X[node.Feature]; v < float64(node.Threshold) || v != v && node.Missing {
				left = append(left, i)
			} else {
				right = append(right, i)
			}
		}
		check(int(node.Left), left)
		check(int(node.Right), right)
	}
	all := make([]int, len(samples))
	for i := range all {
		all[i] = i
	}
	if check(0, all); splits < 7 {
		t.Errorf("the tree has %d splits, want many", splits)
	}
	for range 20 {
		f.grow()
	}
	if n := len(f.free); n > 2*opt.Depth+2 {
		t.Errorf("%d histograms are kept after 21 trees of depth %d", n, opt.Depth)
	}
}

// The number of processors changes neither trees nor curves, and a node's larger child, whose
// sums are what is left of its parent's, is split like any other.
func TestFitsDoNotDependOnTheProcessors(t *testing.T) {
	narrow := xorSamples(2*someSamples+100, 5)
	rng := rand.New(rand.NewPCG(6, 9))
	samples := make([]BoostSample, len(narrow))
	terms := make([]FitSample, len(narrow))
	for i, s := range narrow {
		for len(s.X) < 60 {
			s.X = append(s.X, rng.Float64())
		}
		samples[i] = s
		terms[i] = FitSample{X: s.X[:2], Block: true, Miner: s.Miner, Group: s.Group, W: 1}
	}
	opt := DefaultBoostOptions()
	opt.Trees = 4
	line := Curve{Knots: []float64{-1, 0, 1}, Values: []float64{0, 0.1, 0}}
	fit := func(processors int) (Boost, AdditiveModel) {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(processors))
		m := AdditiveModel{Curves: []Curve{line, line}, Branch: []int{0, 1}, Prior: [][2]float64{{-1, -1}}}
		if err := m.Fit(terms, FitOptions{Smooth: 1, Ridge: 1, ClassBy: 1, Rounds: 5}); err != nil {
			t.Fatal(err)
		}
		return FitBoost(samples, opt), m
	}
	trees, curves := fit(1)
	more, too := fit(4)
	if !reflect.DeepEqual(trees, more) || !reflect.DeepEqual(curves, too) {
		t.Error("four processors give another model than one")
	}
}

func TestBoostSharesAddUp(t *testing.T) {
	b := FitBoost(xorSamples(2000, 3), DefaultBoostOptions())
	roots := 0.0
	for _, tree := range b.Trees {
		roots += float64(tree[0].Value)
	}
	for _, s := range xorSamples(50, 4) {
		parts := make([]float64, 3)
		got := b.At(s.X, 0, parts)
		near(t, "sum of shares", roots+parts[0]+parts[1]+parts[2], got, 1e-5)
	}
}

// The rest of the trees is not asked once the log-odds are low enough at the end of a stage.
func TestBoostAsksNoMoreThanEnough(t *testing.T) {
	one := Boost{Stages: Stages{4, -3}}
	for range 12 {
		one.Trees = append(one.Trees, Tree{{Value: -0.5}})
	}
	for start, want := range map[float64]float64{0: -4, -0.5: -4, -1.5: -2, -9: -2, 0.9: -4, 1: -6, 4: -6, math.NaN(): -6} {
		near(t, fmt.Sprintf("correction of %g", start), one.At(nil, start, nil), want, 0)
		near(t, fmt.Sprintf("correction of %g by the forest", start), NewEvaluator(Plant(&one, 0)).At(nil, start, nil), want, 0)
	}
	for _, bad := range []Stages{{3, 0}, {-4, 0}, {4, math.NaN()}} {
		if (&Boost{Stages: bad}).Validate(0) == nil {
			t.Errorf("%+v passes", bad)
		}
	}
}

func TestBoostValidateRefusesLoops(t *testing.T) {
	for _, bad := range []Tree{{}, {{Left: 0}, {Left: 1, Right: 1}}, {{Left: 1, Right: 2, Feature: 7}, {}, {}}, {{Left: 1, Right: 5}, {}}} {
		if (&Boost{Trees: []Tree{bad}}).Validate(3) == nil {
			t.Errorf("%v passes", bad)
		}
	}
}

func BenchmarkBoost(b *testing.B) {
	boost := FitBoost(xorSamples(4000, 1), DefaultBoostOptions())
	x := []float64{0.3, -0.2, 1}
	b.ReportAllocs()
	for b.Loop() {
		boost.At(x, 0, nil)
	}
}
