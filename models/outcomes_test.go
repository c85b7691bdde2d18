package models

import (
	"math"
	"math/rand/v2"
	"testing"
)

// drawOutcomes draws cases whose true log-odds are 0.6·x − 1 and another 1.5 in region 1.
func drawOutcomes(n int) (list []Outcome) {
	rng := rand.New(rand.NewPCG(1, 9))
	for range n {
		o := Outcome{LogOdds: 3 * rng.NormFloat64(), Group: [2]int{rng.IntN(3), rng.IntN(2)}}
		v := 0.6*o.LogOdds - 1
		if o.Group[1] == 1 {
			v += 1.5
		}
		o.Confirmed = rng.Float64() < Sigmoid(v)
		list = append(list, o)
	}
	return list
}

func TestOutcomesCorrectTheModel(t *testing.T) {
	list := drawOutcomes(20_000)
	f, err := FitOutcomes(list, 3, 2, OutcomeOptions{Intercept: 5, Slope: 5, Group: 5})
	if err != nil {
		t.Fatal(err)
	}
	// Standard errors are some 0.03 with 20,000 cases. Groups are told up to a constant.
	if math.Abs(f.Slope-0.6) > 0.05 || math.Abs(f.Region[1]-f.Region[0]-1.5) > 0.12 {
		t.Errorf("slope %.3f, regions %.3f apart; want 0.6 and 1.5", f.Slope, f.Region[1]-f.Region[0])
	}
	mid := f.Intercept + (f.Class[0]+f.Class[1]+f.Class[2])/3 + f.Region[0]
	if math.Abs(mid+1) > 0.1 {
		t.Errorf("intercept of region 0 is %.3f, want -1", mid)
	}
	if after, before := LogLoss(list, f.At), LogLoss(list, func(o Outcome) float64 { return o.LogOdds }); after > 0.9*before {
		t.Errorf("log loss %.3f, before %.3f", after, before)
	}
}

func TestFewOutcomesMoveLittle(t *testing.T) {
	list := []Outcome{{LogOdds: 2, Group: [2]int{0, -1}, Confirmed: true}, {LogOdds: 1, Group: [2]int{0, -1}}, {LogOdds: 3, Group: [2]int{1, -1}, Confirmed: true}}
	f, err := FitOutcomes(list, 2, 0, DefaultOutcomeOptions())
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(f.Slope-1) > 0.3 || math.Abs(f.Class[0]) > 0.7 || math.Abs(f.Class[1]) > 0.7 {
		t.Errorf("%+v after three outcomes", f)
	}
	for _, bad := range [][]Outcome{nil, {{LogOdds: 1, Group: [2]int{-1, -1}}}, {{LogOdds: math.NaN()}, {Confirmed: true}}, {{Group: [2]int{2, -1}}, {Confirmed: true}}} {
		if _, err := FitOutcomes(bad, 1, 1, DefaultOutcomeOptions()); err == nil {
			t.Errorf("%v is taken", bad)
		}
	}
	upside := []Outcome{}
	for i := range 200 {
		upside = append(upside, Outcome{LogOdds: float64(i%9) - 4, Group: [2]int{-1, -1}, Confirmed: i%9 < 4})
	}
	if _, err := FitOutcomes(upside, 0, 0, OutcomeOptions{Intercept: 5, Slope: 5, Group: 1}); err == nil {
		t.Error("a model that is the wrong way round is corrected, not refused")
	}
}
