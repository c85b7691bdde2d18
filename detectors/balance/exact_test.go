package balance

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// drawDay is a member's day with gaps and zeros here and there.
func drawDay(rng *rand.Rand, faults float64) (d dayLoad) {
	d.heard, d.plain = true, true
	for range 96 {
		kw, sure := 1+rng.Float64(), rng.Float64() > faults
		if !sure {
			kw = []float64{0, math.NaN(), kw}[rng.IntN(3)]
		}
		d.kw, d.sure = append(d.kw, kw), append(d.sure, sure)
		d.plain = d.plain && kw == kw && kw != 0
	}
	return d
}

// TestStepsAreCountedAsWritten holds the quick sums against the formula, bit by bit.
func TestStepsAreCountedAsWritten(t *testing.T) {
	rng, own := rand.New(rand.NewPCG(1, 2)), []float64(nil)
	for _, late := range []float32{0, 1.3, -2.7, 4} {
		m, d := memberState{Factor: .97, Delay: late}, drawDay(rng, .02)
		dr := make([]float64, 96)
		for i := range dr {
			dr[i] = rng.NormFloat64()
		}
		var want counts
		for at := 1; at < 96-lags; at++ {
			sure := at-lags-1 >= 1 // the first reading has no step before it
			for u := at - lags - 1; sure && u <= at+lags; u++ {
				sure = d.sure[u]
			}
			if !sure {
				continue
			}
			x := func(j int) float64 { return float64(m.Factor) * (d.kw[at+j] - d.kw[at+j-1]) }
			r := dr[at]
			if late != 0 {
				k := math.Floor(float64(late))
				g := float64(late) - k
				r += (1-g)*x(int(k)) + g*x(min(int(k)+1, lags)) - x(0)
			}
			for j := range want.C {
				want.C[j] += r * x(j-lags)
			}
			for j := range want.A {
				want.A[j] += x(0) * x(j)
			}
			want.RR, want.N = want.RR+r*r, want.N+1
		}
		if got := m.countSteps(dr, &d, &own); got != want || got.N < 10 {
			t.Errorf("late %v: %+v, want %+v", late, got, want)
		}
	}
}

// TestAPlainDayNeedsNoRepair compares a day on which nothing is missing with the long way.
func TestAPlainDayNeedsNoRepair(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 50 {
		m := memberState{Days: 9, Zeros: 2}
		d, doubt := drawDay(rng, 0), make([]float64, 96)
		before := append([]float64(nil), d.kw...)
		long, other, doubts := m, d, make([]float64, 96)
		other.plain, other.kw = false, append([]float64(nil), d.kw...)
		m.repair(&d, doubt, 15*time.Minute)
		long.repair(&other, doubts, 15*time.Minute)
		for i := range before {
			if d.kw[i] != before[i] || other.kw[i] != before[i] || doubt[i] != 0 || doubts[i] != 0 {
				t.Fatalf("interval %d was repaired", i)
			}
		}
		if m != long {
			t.Fatalf("%+v, want %+v", m, long)
		}
	}
}
