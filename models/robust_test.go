package models

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat"
)

func near(t *testing.T, what string, got, want, tol float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tol) {
		t.Errorf("%s is %g, want %g ± %g", what, got, want, tol)
	}
}

// After one half-life a weight is ½, after two ¼: what the name promises.
func TestDecayIsAHalfLife(t *testing.T) {
	near(t, "weight after one half-life", math.Pow(Decay(14), 14), 0.5, 1e-12)
	near(t, "weight after two", math.Pow(Decay(14), 28), 0.25, 1e-12)
}

func TestLevelFindsLocationAndScale(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var l Level
	for range 4000 {
		l.Add(5+0.4*rng.NormFloat64(), Decay(200), 0.01)
	}
	// A memory of about 290 effective samples: the standard error of the mean is
	// 0.4/√290 = 0.024, and Huber's clipping takes 3 % of the scale.
	near(t, "location", float64(l.Mu), 5, 0.08)
	near(t, "scale", float64(l.Sigma), 0.4, 0.05)
}

func TestLevelIsMovedLittleByAnOutlier(t *testing.T) {
	var l Level
	for i := range 50 {
		l.Add(10+0.1*float64(i%3-1), Decay(14), 0.01)
	}
	before := l
	l.Add(1e6, Decay(14), 0.01)
	limit := (1 - Decay(14)) * huberK * float64(before.Sigma)
	if moved := float64(l.Mu - before.Mu); moved > limit*1.001 {
		t.Errorf("one outlier moved the level by %g, the bound is %g", moved, limit)
	}
	was := l
	l.Add(math.NaN(), Decay(14), 0.01)
	if l != was {
		t.Error("NaN changed the level")
	}
}

func TestYoungLevelIsThePlainMean(t *testing.T) {
	var l Level
	for _, x := range []float64{1, 2, 6} {
		l.Add(x, Decay(1000), 10)
	}
	near(t, "mean of 1, 2, 6", float64(l.Mu), 3, 1e-6)
}

func TestQuantileAgainstDefinition(t *testing.T) {
	x := []float64{1, 2, 4, 8}
	near(t, "median", Quantile(x, 0.5), 3, 0)          // half way between 2 and 4
	near(t, "upper quartile", Quantile(x, 0.75), 5, 0) // position 2.25: 4 + ¼·4
	near(t, "maximum", Quantile(x, 1), 8, 0)
	if !math.IsNaN(Quantile(nil, 0.5)) {
		t.Error("quantile of nothing is a number")
	}
}

// The merge of two sorted runs must find what sorting the deviations finds.
func TestMedianMADAgainstSorting(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for n := 1; n < 60; n++ {
		x := make([]float64, n)
		for i := range x {
			x[i] = math.Round(rng.NormFloat64()*8) / 4 // ties on purpose
		}
		median, sigma := MedianMAD(slices.Clone(x))
		slices.Sort(x)
		dev := make([]float64, n)
		for i, v := range x {
			dev[i] = math.Abs(v - Quantile(x, 0.5))
		}
		slices.Sort(dev)
		near(t, "median", median, Quantile(x, 0.5), 0)
		near(t, "scale", sigma, MADToSigma*dev[(n+1)/2-1], 1e-12) // the lower median of the deviations
	}
}

func TestLogT3IsTheDensity(t *testing.T) {
	// t₃ density: 2/(π√3)·(1+x²/3)⁻², so log f(2) − log f(0) = −2·log(7/3).
	near(t, "log density at 2", LogT3(2), -2*math.Log(7.0/3), 1e-12)
}

func TestThermalRecoversItsSlopes(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	var th Thermal
	for range 400 {
		c := -5 + 40*rng.Float64()
		h, k := Regressors(c)
		th.Add(2+1.5*h+0.8*k+0.05*rng.NormFloat64(), c, Decay(200))
	}
	heating, cooling := th.Slopes()
	// The ridge of 3 days against some 290 shrinks by a few per cent.
	near(t, "heating slope", heating, 1.5, 0.1)
	near(t, "cooling slope", cooling, 0.8, 0.15) // a third of the days only: the ridge weighs more
	cold, _ := Regressors(-5)
	mild, _ := Regressors(15)
	near(t, "correction from 15 to −5 °C", th.Correction(-5)-th.Correction(15), 1.5*(cold-mild), 0.2)
	if th.Correction(math.NaN()) != 0 {
		t.Error("an unknown temperature corrects")
	}
}

func TestLineAgainstLeastSquares(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	var l Line
	var xs, ys []float64
	for range 50 {
		x := rng.NormFloat64()
		y := 0.3*x + 0.1*rng.NormFloat64()
		l.Add(x, y)
		xs, ys = append(xs, x), append(ys, y)
	}
	_, want := stat.LinearRegression(xs, ys, nil, false)
	got, se, ok := l.Slope()
	if !ok {
		t.Fatal("no slope")
	}
	near(t, "slope", got, want, 1e-4) // sums in single precision
	// σ/√Sxx with σ = 0.1 and Sxx ≈ 50
	near(t, "standard error", se, 0.1/math.Sqrt(50), 0.006)
}

func TestMedianIsThatOfTheSorted(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for n := range 90 {
		for range 40 {
			x := make([]float64, n)
			for i := range x {
				x[i] = float64(rng.IntN(1 + rng.IntN(30)))
				if rng.IntN(12) == 0 {
					x[i] = math.Inf(rng.IntN(2)*2 - 1)
				}
			}
			sorted := slices.Clone(x)
			slices.Sort(sorted)
			want := Quantile(sorted, 0.5)
			if got := Median(x); math.Float64bits(got) != math.Float64bits(want) && !(got != got && want != want) {
				t.Fatalf("%v: %v, want %v", sorted, got, want)
			}
			slices.Sort(x)
			if !slices.Equal(x, sorted) {
				t.Fatalf("values were lost: %v of %v", x, sorted)
			}
		}
	}
}
