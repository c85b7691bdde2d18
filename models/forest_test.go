package models

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// wild is a Boost with trees of every shape, and measurements that hit thresholds, are
// missing or infinite.
func wild(seed uint64, trees, features int) (*Boost, func() []float64) {
	rng := rand.New(rand.NewPCG(seed, 1))
	b := &Boost{}
	for range trees {
		var t Tree
		var grow func(depth int) int16
		grow = func(depth int) int16 {
			n := int16(len(t))
			t = append(t, Node{Value: float32(rng.NormFloat64())})
			if depth == 0 || rng.IntN(5) == 0 {
				return n
			}
			feature, missing, threshold := int16(rng.IntN(features)), rng.IntN(2) == 0, float32(rng.IntN(7)-3)
			left := grow(depth - 1)
			right := grow(depth - 1)
			t[n].Feature, t[n].Missing, t[n].Threshold, t[n].Left, t[n].Right = feature, missing, threshold, left, right
			return n
		}
		grow(rng.IntN(6) + rng.IntN(2)*rng.IntN(2)*4)
		b.Trees = append(b.Trees, t)
	}
	return b, func() []float64 {
		x := make([]float64, features)
		for i := range x {
			x[i] = float64(rng.IntN(9) - 4)
			switch rng.IntN(8) {
			case 0:
				x[i] = math.NaN()
			case 2, 3: // nearer to a threshold than its precision
				x[i] += 1e-12 * rng.NormFloat64()
			case 1:
				x[i] = math.Inf(rng.IntN(2)*2 - 1)
			}
		}
		return x
	}
}

func TestForestIsItsBoost(t *testing.T) {
	for seed := range uint64(40) {
		features := 1 + int(seed)*8 // the last ones are too many to be planted
		b, draw := wild(seed, int(seed), features)
		if err := b.Validate(features); err != nil {
			t.Fatal(err)
		}
		if seed%2 == 1 {
			b.Stage, b.Enough = 4*int(1+seed%3), -1
		}
		f := NewEvaluator(Plant(b, features))
		for range 50 {
			x, start := draw(), draw()[0]
			want, got := make([]float64, features), make([]float64, features)
			if w, g := b.At(x, start, want), f.At(x, start, got); w != g || f.At(x, start, nil) != w {
				t.Fatalf("seed %d, %v: %v, want %v", seed, x, g, w)
			}
			for i := range want {
				if want[i] != got[i] {
					t.Fatalf("seed %d, %v: share of %d is %v, want %v", seed, x, i, got[i], want[i])
				}
			}
		}
	}
}

func BenchmarkForest(b *testing.B) {
	boost, draw := wild(7, 5000, 70)
	boost.Trees = slices.DeleteFunc(boost.Trees, func(t Tree) bool { return t.depth(0) != 5 || len(t) < 40 })[:100]
	f := NewEvaluator(Plant(boost, 70))
	var list [][]float64
	for range 4096 { // too many to be learned by heart
		list = append(list, draw())
	}
	parts := make([]float64, 70)
	k := 0
	b.Run("boost", func(b *testing.B) {
		for b.Loop() {
			boost.At(list[k%4096], 0, parts)
			k++
		}
	})
	b.Run("forest", func(b *testing.B) {
		for b.Loop() {
			f.At(list[k%4096], 0, parts)
			k++
		}
	})
}

func TestScorersOfOneModelShareTheForest(t *testing.T) {
	b, _ := wild(3, 20, 10)
	other, _ := wild(3, 20, 10)
	f := PlantOnce(b, 10)
	if PlantOnce(other, 10) != f {
		t.Error("equal trees are planted twice")
	}
	b.Trees[0][0].Value++
	if PlantOnce(b, 10) == f || PlantOnce(other, 11) == f {
		t.Error("other trees or features give the forest of those before")
	}
}
