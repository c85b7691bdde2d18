package models

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/diff/fd"
)

func testModel() AdditiveModel {
	return AdditiveModel{
		Curves: []Curve{{[]float64{-1, 0, 1}, []float64{0, 0, 0}}, {[]float64{-1, 1}, []float64{0, 0}}},
		Branch: []int{0, 1}, Prior: [][2]float64{{-2, -3}, {-2, -3}},
	}
}

// truth: log-odds −1 + 2·x₀ on the onset branch where a block is seen, else −3.
func testSamples(n int, rng *rand.Rand) (s []FitSample) {
	for i := range n {
		x := []float64{2*rng.Float64() - 1, 2*rng.Float64() - 1}
		block := i/2%2 == 0 // in both classes
		l := -3.0
		if block {
			l = LogAddExp(-1+2*x[0], -3)
		}
		if i%7 == 0 {
			x[1] = math.NaN()
		}
		s = append(s, FitSample{X: x, Class: i % 2, Block: block, Miner: rng.Float64() < Sigmoid(l), W: 1})
	}
	return s
}

func TestGradientIsTheDerivative(t *testing.T) {
	m := testModel()
	rng := rand.New(rand.NewPCG(1, 1))
	f := newFitter(&m, testSamples(50, rng), FitOptions{Smooth: 0.7, Ridge: 0.3, ClassBy: 2})
	x := f.pack(&m)
	f.start = append([]float64(nil), x...)
	for i := range x {
		x[i] += rng.NormFloat64()
	}
	want := fd.Gradient(nil, f.loss, x, nil)
	got := make([]float64, len(x))
	f.grad(got, x)
	for i := range want {
		near(t, "partial derivative", got[i], want[i], 1e-4*(1+math.Abs(want[i]))) // forward differences
	}
}

func TestFitFindsTheCurve(t *testing.T) {
	m := testModel()
	if err := m.Fit(testSamples(20000, rand.New(rand.NewPCG(2, 2))), FitOptions{Smooth: 0.1, Ridge: 0.01, ClassBy: 1, Rounds: 200}); err != nil {
		t.Fatal(err)
	}
	s := FitSample{X: []float64{1, 0}, Block: true}
	high := m.LogOdds(&s)
	s.X = []float64{-1, 0}
	low := m.LogOdds(&s)
	// 10,000 samples with a block: some 0.1 on the log-odds at the ends of the range.
	near(t, "log-odds at x = 1", high, LogAddExp(1, -3), 0.25)
	near(t, "log-odds at x = −1", low, LogAddExp(-3, -3), 0.35)
	s.Block = false
	near(t, "log-odds without a block", m.LogOdds(&s), -3, 0.25)
}

func TestCurve(t *testing.T) {
	c := Curve{[]float64{0, 1, 3}, []float64{0, 2, -2}}
	for _, k := range []struct{ x, want float64 }{{-5, 0}, {0.5, 1}, {1, 2}, {2, 0}, {9, -2}, {math.NaN(), 0}} {
		near(t, "contribution", c.At(k.x), k.want, 1e-12)
		if i, f, ok := c.Weights(k.x); ok {
			near(t, "by weights", c.Values[i]*(1-f)+c.Values[i+1]*f, k.want, 1e-12)
		}
	}
	for _, bad := range []Curve{{[]float64{1, 1}, []float64{0, 0}}, {[]float64{1}, nil}, {[]float64{0, math.NaN()}, []float64{0, 0}}} {
		if bad.Validate() == nil {
			t.Errorf("%v passes", bad)
		}
	}
}

func TestLogAddExpDoesNotOverflow(t *testing.T) {
	near(t, "log(e⁸⁰⁰+e⁸⁰⁰)", LogAddExp(800, 800), 800+math.Ln2, 1e-9)
	near(t, "log(e¹+0)", LogAddExp(1, math.Inf(-1)), 1, 0)
}
