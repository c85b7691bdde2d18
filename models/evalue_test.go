package models_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/flatwatt/flatwatt/models"
)

func TestEBHIsTheTextbookProcedure(t *testing.T) {
	ln := math.Log
	tests := []struct {
		name string
		logE []float64
		want []int
	}{
		{"none", nil, nil},
		{"nothing strong enough", []float64{ln(39), 0, 0, 0}, nil},
		{"one at n/alpha", []float64{0, ln(40) + 1e-12, 0, 0}, []int{1}},
		{"two help each other", []float64{ln(21), 0, ln(20.1), 0}, []int{0, 2}},
		{"NaN is no evidence but counts", []float64{ln(39), math.NaN(), math.NaN(), math.NaN()}, nil},
		{"infinite evidence", []float64{math.Inf(1), math.Inf(-1), 0, 0}, []int{0}},
	}
	for _, tt := range tests {
		if got := models.EBH(tt.logE, 0.1); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// The null is as nasty as e-BH allows: all nulls of a fleet move together.
func TestEBHKeepsItsPromiseUnderDependence(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 1))
	const fleets, meters, miners, alpha = 4000, 200, 6, 0.1
	total, sum := 0.0, 0.0
	for range fleets {
		common := rng.NormFloat64() * 2
		logE := make([]float64, meters)
		for i := range logE {
			x := 0.9*common + 0.8*rng.NormFloat64()
			s := 0.9*0.9*4 + 0.8*0.8 // E[exp(x − s/2)] = 1
			logE[i] = x - s/2
			if i < miners {
				logE[i] += 8
			}
		}
		found := models.EBH(logE, alpha)
		wrong := 0
		for _, i := range found {
			if i >= miners {
				wrong++
			}
		}
		if len(found) > 0 {
			sum += float64(wrong) / float64(len(found))
			total++
		}
	}
	if got := sum / fleets; got > alpha {
		t.Errorf("false-discovery rate %.3f, promised %g", got, alpha)
	}
	if total < fleets/4 {
		t.Errorf("only %g of %d fleets have discoveries: the test shows nothing", total, fleets)
	}
}

// heavy is honest log-odds with the heavy tail that real backgrounds have, and miners'.
func heavy(rng *rand.Rand, stratum string, meters int, shift float64) []models.ESample {
	var out []models.ESample
	for m := range meters {
		level := -6 + shift + 1.5*rng.ExpFloat64()
		for range 5 { // days of one meter go together
			out = append(out, models.ESample{Stratum: stratum, Meter: m, LogOdds: level + 0.3*rng.NormFloat64()})
		}
		if m%50 == 0 {
			out = append(out, models.ESample{Stratum: stratum, Meter: meters + m, LogOdds: 2 + 2*rng.NormFloat64(), Miner: true})
		}
	}
	return out
}

func TestEValuesOfUnseenHonestMetersHaveMeanAtMostOne(t *testing.T) {
	above := 0
	const runs = 40
	for seed := range uint64(runs) {
		rng := rand.New(rand.NewPCG(seed, 2))
		train := append(heavy(rng, "mild", 2000, 0), heavy(rng, "nasty", 2000, 1)...)
		opt := models.DefaultEOptions()
		opt.Replicates = 100
		e, err := models.FitEValue(train, opt)
		if err != nil {
			t.Fatal(err)
		}
		for _, shift := range []float64{0, 1} {
			var mean float64
			n := 0
			for _, s := range heavy(rng, "", 20000, shift) {
				if !s.Miner {
					mean += math.Exp(e.Log(s.LogOdds))
					n++
				}
			}
			if mean/float64(n) > 1 {
				above++
			}
		}
	}
	if above > runs/5 { // 5 % are promised of the worst stratum; chance included
		t.Errorf("mean e above 1 in %d of %d fits: the bound is too low", above, runs)
	}
}

func TestFitEValueIsRepeatableAndNamesWhatIsMissing(t *testing.T) {
	train := heavy(rand.New(rand.NewPCG(3, 3)), "a", 500, 0)
	opt := models.DefaultEOptions()
	a, err := models.FitEValue(train, opt)
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(train)
	b, err := models.FitEValue(train, opt)
	if err != nil || math.Abs(a.LogMean-b.LogMean) > 1e-9 || a.Cap != b.Cap {
		t.Errorf("the order of samples matters: %v, %v, %v", a, b, err)
	}
	if _, err := models.FitEValue(nil, opt); err == nil {
		t.Error("no samples: want an error")
	}
	if _, err := models.FitEValue([]models.ESample{{LogOdds: 1}}, opt); err == nil {
		t.Error("no miners: want an error")
	}
	if x := (models.EValue{}).Log(3); !math.IsNaN(x) {
		t.Errorf("the zero EValue promises %g", x)
	}
}

func TestThresholdNeverExceedsTheBudget(t *testing.T) {
	a := models.AlarmRates{Probability: []float64{0.2, 0.5, 0.9}, Per1000Months: []float64{10, 2, 0.5}}
	if err := a.Validate(); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ budget, want float64 }{{100, 0.2}, {10, 0.2}, {9.9, 0.5}, {1, 0.9}, {0.5, 0.9}} {
		if got, ok := a.Threshold(tt.budget); !ok || got != tt.want {
			t.Errorf("budget %g: %g, %v; want %g", tt.budget, got, ok, tt.want)
		}
	}
	if _, ok := a.Threshold(0.4); ok {
		t.Error("a budget that nothing was counted for must not be promised")
	}
	for _, bad := range []models.AlarmRates{
		{Probability: []float64{0.1}},
		{Probability: []float64{0.5, 0.2}, Per1000Months: []float64{2, 1}},
		{Probability: []float64{0.2, 0.5}, Per1000Months: []float64{1, 2}},
	} {
		if bad.Validate() == nil {
			t.Errorf("%v: want an error", bad)
		}
	}
}
