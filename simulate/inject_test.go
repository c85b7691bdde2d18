package simulate

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
)

// host is a home as it might be loaded from a file: rounded, gappy, any interval.
func host(t testing.TB, minutes int) (flatwatt.Series, flatwatt.Meter) {
	c := clean("home", 1, 60)
	c.IntervalMinutes, c.Metering.ResolutionKWh, c.Faults.Missing = minutes, .01, .02
	g := fleet(t, c)
	s, _ := g.Series(0)
	return s, g.Meters()[0]
}

func TestInjectAddsABlockAndNothingElse(t *testing.T) {
	for _, minutes := range []int{5, 15, 30, 60} {
		s, m := host(t, minutes)
		before := slices.Clone(s.Energy)
		for seed := range uint64(8) {
			got, truth, err := Inject(s, m, flatwatt.Miner, rng(seed), DefaultInjectConfig())
			if err != nil {
				t.Fatal(err)
			}
			if !sameColumn(s.Energy, before) {
				t.Fatal("the original was changed")
			}
			if truth.Label != flatwatt.Miner || truth.Block < .3 || truth.Units < 1 || truth.Schedule == flatwatt.NoneKnown {
				t.Errorf("truth %+v", truth)
			}
			checkInjected(t, s, got, truth)
		}
	}
}

func checkInjected(t *testing.T, s, got flatwatt.Series, truth flatwatt.Truth) {
	t.Helper()
	var running []float64
	for i, e := range got.Energy {
		end := s.Start.Add(time.Duration(i+1) * s.Interval)
		switch d := e - s.Energy[i]; {
		case (e != e) != (s.Energy[i] != s.Energy[i]):
			t.Fatalf("reading %d: %v became %v: a missing reading must stay so", i, s.Energy[i], e)
		case e != e:
		case math.Abs(e*100-math.Round(e*100)) > 1e-6:
			t.Fatalf("reading %d: %v is no multiple of 0.01 kWh", i, e)
		case d < -1e-9:
			t.Fatalf("reading %d: a miner took %v kWh away", i, -d)
		case d > .0101 && !truth.Onset.IsZero() && !end.After(truth.Onset):
			t.Fatalf("reading %d: %.2f kWh added before the onset", i, d)
		case d/s.Interval.Hours() > .5*float64(truth.Block):
			running = append(running, d/s.Interval.Hours())
		}
	}
	if len(running) > 50 && math.Abs(mean(running)/float64(truth.Block)-1) > .2 { // staged blocks and power modes
		t.Errorf("added %.2f kW while running, truth says %.2f (%s)", mean(running), truth.Block, truth.Note)
	}
}

func TestInjectedReactiveEnergyAndVoltage(t *testing.T) {
	s, m := host(t, 15)
	cfg := DefaultInjectConfig()
	cfg.Miners.DayZeroShare = 1
	got, truth, err := Inject(s, m, flatwatt.Miner, rng(2), cfg)
	if err != nil {
		t.Fatal(err)
	}
	var p, q, v []float64
	for i := range got.Energy {
		if d := got.Energy[i] - s.Energy[i]; d*4 > .8*float64(truth.Block) {
			p, q, v = append(p, d), append(q, got.Reactive[i]-s.Reactive[i]), append(v, got.Voltage[i]-s.Voltage[i])
		}
	}
	if pf := sum(p) / math.Hypot(sum(p), sum(q)); pf < .95 {
		t.Errorf("power factor of the added block %.3f", pf)
	}
	if mean(v) >= 0 {
		t.Errorf("voltage changes by %+.2f V under more load", mean(v))
	}
}

func TestInjectHonestChanges(t *testing.T) {
	s, m := host(t, 30)
	kinds := map[string]bool{}
	for seed := range uint64(120) {
		got, truth, err := Inject(s, m, flatwatt.LegitChange, rng(seed), DefaultInjectConfig())
		if err != nil {
			t.Fatal(err)
		}
		kinds[truth.Note] = true
		if truth.Label != flatwatt.LegitChange || truth.Onset.Before(s.Start) {
			t.Errorf("truth %+v", truth)
		}
		for i, e := range got.Energy {
			if e < 0 || (e != e) != (s.Energy[i] != s.Energy[i]) {
				t.Fatalf("%s: reading %d: %v became %v", truth.Note, i, s.Energy[i], e)
			}
		}
	}
	if want := len(homeChanges); len(kinds) != want {
		t.Errorf("%d kinds of change in 120 draws, want all %d", len(kinds), want)
	}
}

func TestEveryKindOfChangeCanBeDrawn(t *testing.T) {
	_, c := blankCanvas(t, clean("home", 1, 10))
	for _, u := range allUses() {
		for _, kind := range u.changes {
			ch := newChange(rng(1), kind, u.name, &Region{}, 20, 200)
			if (ch.life == nil) == (len(ch.apps) == 0) {
				t.Errorf("%s at %s: neither new load nor a new life, or both", kind, u.name)
			}
			for k := range ch.apps {
				c.add(&ch.apps[k], rng(2))
			}
		}
	}
	for i := range c.p {
		if c.p[i] != c.p[i] || c.q[i] != c.q[i] {
			t.Fatalf("interval %d is not a number", i)
		}
	}
}

// 8 % and 8 % of 5,000: four standard deviations are 77 around 400.
func TestDrawsDependOnTheMeterAlone(t *testing.T) {
	c, n := DefaultInjectConfig(), map[flatwatt.Label]int{}
	for i := range 5000 {
		label, _ := c.Draw(customerID(i))
		again, _ := c.Draw(customerID(i))
		if label != again {
			t.Fatal("drawn differently the second time")
		}
		n[label]++
	}
	for _, l := range []flatwatt.Label{flatwatt.Miner, flatwatt.LegitChange} {
		if n[l] < 323 || n[l] > 477 {
			t.Errorf("%d of 5000 get %s, want about 400", n[l], l)
		}
	}
}

func TestInjectRefusesWhatItCannotDo(t *testing.T) {
	s, m := host(t, 15)
	f := func(change func(*flatwatt.Series), label flatwatt.Label, want string) {
		t.Helper()
		x := s
		x.Energy = slices.Clone(s.Energy)
		change(&x)
		if _, _, err := Inject(x, m, label, rng(1), DefaultInjectConfig()); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), string(s.Meter)) {
			t.Errorf("error %v, want %q and the meter", err, want)
		}
	}
	f(func(x *flatwatt.Series) { x.Interval = 2 * time.Hour }, flatwatt.Miner, "5 to 60 minutes")
	f(func(x *flatwatt.Series) {
		for i := range x.Energy {
			x.Energy[i] = nan
		}
	}, flatwatt.Miner, "less than a day")
	f(func(*flatwatt.Series) {}, "martian", "martian")
	if got, truth, err := Inject(s, m, flatwatt.NoneLabel, rng(1), DefaultInjectConfig()); err != nil || !same(got, s) || truth.Label != flatwatt.NoneLabel {
		t.Errorf("none: %v, %+v", err, truth)
	}
}

func TestResolutionIsRead(t *testing.T) {
	f := func(step float64, want float64) {
		t.Helper()
		x := make([]float64, 300)
		r := rng(1)
		for i := range x {
			if x[i] = r.Float64() * 30; step > 0 {
				x[i] = math.Round(x[i]/step) * step
			}
		}
		x[5] = nan
		if got := resolutionOf(x); got != want {
			t.Errorf("step %g read as %g, want %g", step, got, want)
		}
	}
	f(.01, .01)
	f(.4, .4)
	f(1, 1)
	f(.001, .001)
	f(0, 0)
}
