package detectors

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
)

// nightly is a block that is switched on at the local hour that on tells for each night, and
// off at 7, from day 30 on.
func nightly(kw float64, on func(day int) float64) func(time.Time) float64 {
	return func(at time.Time) float64 {
		local := at.In(shanghai)
		hour := float64(local.Hour()) + float64(local.Minute())/60
		day := int(at.Sub(march) / daily)
		if day >= 30 && (hour < 7 && day > 30 || hour >= on(day)) {
			return kw
		}
		return 0
	}
}

// watched is what the terms measured at the last close.
func watched(t *testing.T, opt Options, readings []flatwatt.Reading) map[string]float64 {
	t.Helper()
	meters := testMeters(readings[0].Meter)
	meters[0].Tariff = "tou"
	f, err := NewFleet(DefaultParams(), meters, nil, opt)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	f.Watch(func(_ *flatwatt.Score, _ flatwatt.Class, x []float64, _ bool, _ int) {
		for i, name := range TermNames() {
			got[name] = x[i]
		}
	})
	f.Close(f.Score(nil, readings))
	return got
}

// tou is cheap from 22:30 to 7 and dear from 17 to 21.
func tou() flatwatt.Tariffs {
	var table flatwatt.Tariff
	for q := range table {
		switch {
		case q >= 90 || q < 28:
			table[q] = 0.4
		case q >= 68 && q < 84:
			table[q] = 1.5
		default:
			table[q] = 1
		}
	}
	return flatwatt.Tariffs{"tou": &table}
}

func TestSwitchingTellsTimerHandAndSun(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	var hand [80]float64
	for i := range hand {
		hand[i] = 21.5 + 1.5*rng.Float64()
	}
	opt := Options{Tariffs: tou()}
	timer := watched(t, opt, home("a", march, 60, 1, nightly(6.6, func(int) float64 { return 22.5 })))
	person := watched(t, opt, home("a", march, 60, 1, nightly(6.6, func(day int) float64 { return hand[day] })))
	sun := watched(t, opt, home("a", march, 60, 1, nightly(6.6, func(day int) float64 { return 18 + float64(day-30)*0.05 })))
	if !(timer["switch_spread"] < math.Log(0.3)) || !(person["switch_spread"] > math.Log(0.45)) {
		t.Errorf("a timer varies by e^%.2f hours, a hand by e^%.2f", timer["switch_spread"], person["switch_spread"])
	}
	if !(timer["switch_drift"] < 0.4) || math.Abs(sun["switch_drift"]-3) > 0.8 {
		t.Errorf("a timer drifts by %.2f minutes a day, the sun by %.2f, want 0 and 3", timer["switch_drift"], sun["switch_drift"])
	}
	if !(timer["switch_tariff"] <= 0.25) || !(sun["switch_tariff"] > 0.5) {
		t.Errorf("a timer at the tariff's boundary is %.2f hours from it, the sun %.2f", timer["switch_tariff"], sun["switch_tariff"])
	}
	if x := timer["price"]; !(x < -0.3) {
		t.Errorf("cheap hours cost %+.2f of the day's price", x)
	}
	if x := watched(t, Options{}, home("a", march, 60, 1, nightly(6.6, func(int) float64 { return 22.5 }))); x["price"] == x["price"] || x["switch_tariff"] == x["switch_tariff"] {
		t.Error("a price without a table")
	}
	if x := watched(t, opt, home("a", march, 60, 1, from(30, 6.6))); x["switch_spread"] == x["switch_spread"] {
		t.Error("a block that never rests is switched on")
	}
}

func TestCheapHoursAreOneMoreSchedule(t *testing.T) {
	cheap := cheapBands(tou())["tou"]
	if len(cheap) != 2 || cheap[0] != 0 || cheap[1] != 1 {
		t.Errorf("cheap bands %v, want 0 and 1", cheap)
	}
	if got := inOrder([]int{0, 1, 6, 7}); got[0] != 6 || got[3] != 1 {
		t.Errorf("bands %v, want 6 7 0 1", got)
	}
	odd := flatwatt.Tariff{} // cheap from 6 to 12 and from 18 to 21: no schedule that is tried anyway
	for q := range odd {
		odd[q] = 1
		if h := q / 4; h >= 6 && h < 12 || h >= 18 && h < 21 {
			odd[q] = 0.3
		}
	}
	block := func(at time.Time) float64 {
		if h := at.In(shanghai).Hour(); at.Sub(march) > 35*daily && (h >= 6 && h < 12 || h >= 18 && h < 21) {
			return 6.6
		}
		return 0
	}
	f := newTestFleet(t, "a")
	f.Close(f.Score(nil, home("a", march, 60, 1, block)))
	temps := f.groups.temperatures(nil, "", 0, &f.zones[0])
	s, _ := f.scanner.scan(f.memoryOf(0), temps, cheapBands(flatwatt.Tariffs{"odd": &odd})["odd"])
	if s.bands != 3 || math.Abs(s.block-6.6) > 0.4 {
		t.Errorf("%d bands with %.2f kW, want 3 with 6.6", s.bands, s.block)
	}
	if s, _ := f.scanner.scan(f.memoryOf(0), temps, nil); s.bands == 3 && math.Abs(s.block-6.6) < 0.4 {
		t.Error("found without the tariff as well: the test shows nothing")
	}
}

// A customer is asked three times to do with less; its machines go off each time.
func TestShedTellsWhoAnswersACall(t *testing.T) {
	var list []Call
	for _, day := range []int{40, 47, 54} {
		at := march.Add(time.Duration(day)*daily + 10*time.Hour)
		list = append(list, Call{"a", at, at.Add(4 * time.Hour)})
	}
	with := func(left float64) map[string]float64 {
		return watched(t, Options{Calls: list}, home("a", march, 60, 1, func(at time.Time) float64 {
			kw := from(30, 9.9)(at)
			for _, c := range list {
				if !at.Before(c.Start) && at.Before(c.End) {
					kw *= left
				}
			}
			return kw
		}))
	}
	if x := with(0)["shed"]; math.Abs(x-1) > 0.15 {
		t.Errorf("machines that answer shed %.2f of the block, want 1", x)
	}
	if x := with(1)["shed"]; math.Abs(x) > 0.15 {
		t.Errorf("what never rests sheds %.2f, want 0", x)
	}
	if x := watched(t, Options{}, home("a", march, 60, 1, from(30, 9.9)))["shed"]; x == x {
		t.Errorf("%.2f shed without a call", x)
	}
}

// Single machines go down for hours: the dips are one machine deep, or two thirds of one.
func TestUnitDipsTellMachines(t *testing.T) {
	with := func(depth float64) float64 {
		return watched(t, Options{}, home("a", march, 60, 1, func(at time.Time) float64 {
			kw := from(20, 16.5)(at)
			if h := at.Sub(march) % daily; at.Sub(march) > 22*daily && h >= 18*time.Hour && h < 20*time.Hour {
				kw -= depth
			}
			return kw
		}))["unit_dips"]
	}
	if whole, part := with(3.3), with(2.1); !(whole > part+0.5) || !(whole > 0) {
		t.Errorf("dips of one machine weigh %+.2f, of two thirds of one %+.2f", whole, part)
	}
}
