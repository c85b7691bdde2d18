package models

import (
	"math"
	"testing"
)

func TestHalfKeepsElevenBits(t *testing.T) {
	for x := 1e-4; x < 6e4; x *= 1.037 {
		for _, v := range []float64{x, -x} {
			if got := ToHalf(v).Float(); math.Abs(got/v-1) > 0x1p-11 {
				t.Errorf("%g became %g", v, got)
			}
		}
	}
	for x, want := range map[float64]float64{0: 0, 1e6: halfMax, -1e6: -halfMax, 65519: halfMax, 2e-8: 0, 3e-7: 5 * 0x1p-24} {
		if got := ToHalf(x).Float(); got != want {
			t.Errorf("%g became %g, want %g", x, got, want)
		}
	}
	if got := ToHalf(math.NaN()).Float(); got == got {
		t.Errorf("NaN became %g", got)
	}
	for h := range Half(0x7c00) { // every finite number is its own nearest
		if ToHalf(h.Float()) != h || ToHalf(-h.Float())&0x7fff != h {
			t.Fatalf("%#x became %#x", h, ToHalf(h.Float()))
		}
	}
}
