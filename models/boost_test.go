package models

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
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
	one := Boost{Stage: 4, Enough: -3}
	for range 12 {
		one.Trees = append(one.Trees, Tree{{Value: -0.5}})
	}
	for start, want := range map[float64]float64{0: -4, -0.5: -4, -1.5: -2, -9: -2, 0.9: -4, 1: -6, 4: -6, math.NaN(): -6} {
		near(t, fmt.Sprintf("correction of %g", start), one.At(nil, start, nil), want, 0)
		near(t, fmt.Sprintf("correction of %g by the forest", start), NewEvaluator(Plant(&one, 0)).At(nil, start, nil), want, 0)
	}
	for _, bad := range []Boost{{Stage: 3}, {Stage: -4}, {Stage: 4, Enough: math.NaN()}} {
		if bad.Validate(0) == nil {
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
