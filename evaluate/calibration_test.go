package evaluate

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestCalibration(t *testing.T) {
	list := []Ranked{{0.1, false}, {0.3, true}, {0.6, false}, {0.9, true}}
	// Two groups of two: means 0.2 and 0.75, half miners each: (0.3 + 0.25)/2.
	if got := ECE(list, 2); !near(got, 0.275) {
		t.Errorf("ECE in 2 bins = %v, want 0.275", got)
	}
	// One group: mean 0.475, observed 0.5.
	if got := ECE(list, 1); !near(got, 0.025) {
		t.Errorf("ECE in 1 bin = %v, want 0.025", got)
	}
	// (0.01 + 0.49 + 0.36 + 0.01)/4
	if got := Brier(list); !near(got, 0.2175) {
		t.Errorf("Brier = %v, want 0.2175", got)
	}
	// 1.9 expected, 2 there
	if got := ExpectedOverActual(list); !near(got, 0.95) {
		t.Errorf("expected over actual = %v, want 0.95", got)
	}
	if !math.IsNaN(ECE(nil, 3)) || !math.IsNaN(Brier(nil)) || !math.IsNaN(ExpectedOverActual(list[:1])) {
		t.Error("nothing to judge must be NaN")
	}
}

func TestECEDoesNotPunishTies(t *testing.T) {
	var list []Ranked // 100 meters, all at 0.3, 30 of them miners, miners first
	for i := range 100 {
		list = append(list, Ranked{0.3, i < 30})
	}
	if got := ECE(list, 10); !near(got, 0) { // every tenth holds 3 of 10
		t.Errorf("ECE of a constant that is right = %v, want 0", got)
	}
}

func TestBayesList(t *testing.T) {
	f := func(fdr, want float64, length int, list ...Ranked) {
		t.Helper()
		got, n := BayesList(list, fdr)
		if !near(got, want) || n != length {
			t.Errorf("BayesList(%v, %v) = %v, %d, want %v, %d", list, fdr, got, n, want, length)
		}
	}
	list := []Ranked{{0.99, true}, {0.95, false}, {0.8, true}, {0.2, false}}
	f(0.1, 1./3, 3, list...) // doubts 0.01, 0.06, 0.26: means 0.01, 0.03, 0.087; then 0.265
	f(0.02, 0, 1, list...)
	f(0.001, math.NaN(), 0, list...)
	f(0.1, math.NaN(), 0, Ranked{0.8, true}, Ranked{0.8, true}) // mean doubt 0.2
	f(0.1, math.NaN(), 0)
	f(0.25, 0, 1, Ranked{0.75, true}) // just at the rate: 0.25 is exact in binary
}

func TestTiesAreSpreadEvenly(t *testing.T) {
	f := func(miners, n int, want string) {
		t.Helper()
		list := make([]Ranked, n)
		for i := range miners {
			list[i].Miner = true
		}
		got := ""
		for _, r := range spreadTies(list) {
			got += map[bool]string{true: "M", false: "o"}[r.Miner]
		}
		if got != want {
			t.Errorf("%d miners among %d: %s, want %s", miners, n, got, want)
		}
	}
	f(1, 5, "ooMoo") // (0+½)·5/1 = 2.5
	f(2, 8, "ooMoooMo")
	f(3, 3, "MMM")
	f(0, 2, "oo")
}

func TestCalibrationProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := lists().Draw(t, "list")
		bins := rapid.IntRange(1, 50).Draw(t, "bins")
		n, miners := 0, 0.0
		for _, b := range Reliability(l, bins) {
			n += b.Count
			miners += b.Observed * float64(b.Count)
		}
		if n != len(l) || math.Abs(miners-float64(last(steps(l)).miners)) > 1e-9 {
			t.Fatalf("bins hold %d meters and %v miners of %v", n, miners, l)
		}
		if e := ECE(l, bins); e < 0 || e > 1 {
			t.Fatalf("ECE %v", e)
		}
		if b := Brier(l); b < 0 || b > 1 {
			t.Fatalf("Brier %v", b)
		}
		short, n1 := BayesList(l, 0.1)
		_, n2 := BayesList(l, 0.3)
		if n2 < n1 || short < 0 || short > 1 {
			t.Fatalf("lists of %d and %d at rates 0.1 and 0.3, false share %v", n1, n2, short)
		}
		// Perfect probabilities are perfectly calibrated whatever the bins.
		for i := range l {
			l[i].Score = 0
			if l[i].Miner {
				l[i].Score = 1
			}
		}
		if e, b := ECE(l, bins), Brier(l); !near(e, 0) || b != 0 {
			t.Fatalf("perfect probabilities: ECE %v, Brier %v", e, b)
		}
	})
}

func TestQuantile(t *testing.T) {
	inf := math.Inf(1)
	f := func(q, want float64, x ...float64) {
		t.Helper()
		if got := Quantile(x, q); !near(got, want) {
			t.Errorf("Quantile(%v, %v) = %v, want %v", x, q, got, want)
		}
	}
	f(0.5, 2, 3, 1, 2)
	f(0.5, 2.5, 4, 1, 2, 3)
	f(0.9, 4.6, 1, 2, 3, 4, 5) // place 0.9·4 = 3.6: between 4 and 5
	f(0.5, inf, 1, inf)
	f(0.5, inf, 1, inf, inf, inf)
	f(0.5, math.NaN())
	f(1, 3, 1, 3)
}
