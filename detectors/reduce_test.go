package detectors

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/flatwatt/flatwatt/models"
)

func TestLowQuantileIsThatOfTheSorted(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for n := 1; n <= models.Hours; n++ {
		for range 200 {
			x := make([]float64, n)
			for i := range x {
				x[i] = float64(rng.IntN(12))
			}
			sorted := slices.Clone(x)
			slices.Sort(sorted)
			for _, p := range []float64{0, 0.1, 0.2, 0.5, 1} {
				if got, want := lowQuantile(slices.Clone(x), p), models.Quantile(sorted, p); got != want {
					t.Fatalf("%g of %v: %g, want %g", p, x, got, want)
				}
			}
		}
	}
}
