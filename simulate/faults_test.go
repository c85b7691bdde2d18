package simulate

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
	"pgregory.net/rapid"
)

// A register never loses energy: at any moment the sum shown is within one step of the sum used.
func TestRegisterCarriesWhatIsLeft(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kW := rapid.SliceOfN(rapid.Float64Range(-20, 20), 1, 200).Draw(t, "kW")
		step := rapid.SampledFrom([]float64{.001, .01, .1, .4, 2}).Draw(t, "step")
		used, shown := 0.0, 0.0
		for i, e := range register(kW, .25, step) {
			used += kW[i] * .25
			shown += e
			if n := e / step; math.Abs(n-math.Round(n)) > 1e-6 {
				t.Fatalf("reading %d is %v, no multiple of %v", i, e, step)
			}
			if math.Abs(used-shown) > .5*step+1e-6 {
				t.Fatalf("after %d readings %.6f used, %.6f shown", i+1, used, shown)
			}
		}
	})
}

// faulty is a clean fleet with one fault.
func faulty(set func(*Config)) Config {
	c := clean("works_continuous", 8, 40)
	c.Metering.CTFromKW = 1
	set(&c)
	return c
}

func TestMissingShare(t *testing.T) {
	c := clean("home", 200, 60)
	c.Faults.Missing = .015
	g := fleet(t, c)
	missing, n, single := 0, 0, 0
	for i := range c.Meters {
		s, _ := g.Series(i)
		for k, e := range s.Energy {
			n++
			if e != e {
				missing++
				if k > 0 && k < len(s.Energy)-1 && s.Energy[k-1] == s.Energy[k-1] && s.Energy[k+1] == s.Energy[k+1] {
					single++
				}
				if s.Voltage[k] == s.Voltage[k] || s.Reactive[k] == s.Reactive[k] {
					t.Fatal("a lost reading keeps its voltage or reactive energy")
				}
			}
		}
	}
	// shared gaps make 8 transformers of it: a third either way
	if share := float64(missing) / float64(n); share < .010 || share > .020 {
		t.Errorf("%.4f of the readings missing, want .015", share)
	}
	if share := float64(single) / float64(missing); share < .2 || share > .7 {
		t.Errorf("%.2f of the missing are single", share)
	}
}

func TestStuckRegisterFreezesAndCatchesUp(t *testing.T) {
	g, ref := fleet(t, faulty(func(c *Config) { c.Faults.Stuck = 1 })), fleet(t, faulty(func(*Config) {}))
	caught := 0
	for i := range 8 {
		s, _ := g.Series(i)
		r, _ := ref.Series(i)
		zeros := 0
		for _, e := range s.Energy {
			if e == 0 {
				zeros++
			}
		}
		if zeros < 7 {
			t.Errorf("meter %d: %d frozen quarters, want two hours or more", i, zeros)
		}
		if math.Abs(sum(s.Energy)-sum(r.Energy)) < 1e-6*sum(r.Energy) {
			caught++
		}
	}
	if caught < 1 || caught == 8 {
		t.Errorf("%d of 8 registers catch up, want some", caught)
	}
}

func TestEstimatesAreFlatAndMarked(t *testing.T) {
	g := fleet(t, faulty(func(c *Config) { c.Faults.Estimated = 1 }))
	for i := range 8 {
		s, _ := g.Series(i)
		k := slices.Index(s.Quality, flatwatt.Estimated)
		if k < 0 {
			t.Errorf("meter %d has no estimate", i)
			continue
		}
		for j := k; j < k+4 && s.Quality[j] == flatwatt.Estimated; j++ {
			if s.Energy[j] != s.Energy[k] {
				t.Errorf("meter %d: estimate is not flat", i)
			}
		}
	}
}

func TestCTChangeMultiplies(t *testing.T) {
	g, ref := fleet(t, faulty(func(c *Config) { c.Faults.CTChange = 1 })), fleet(t, faulty(func(*Config) {}))
	for i := range 8 {
		p := g.planOf(i)
		f := g.faultsOf(i, p)
		s, _ := g.Series(i)
		r, _ := ref.Series(i)
		at := g.cal.index(f.ctAt) + 1
		if p.ct <= 1 || f.ctGain == 1 {
			t.Fatalf("meter %d: ratio %g, gain %g", i, p.ct, f.ctGain)
		}
		if got := s.Energy[at] / r.Energy[at]; math.Abs(got-f.ctGain) > 1e-9 {
			t.Errorf("meter %d: readings grow by %.4f after the change, want %.4f", i, got, f.ctGain)
		}
		if at > 2 && s.Energy[at-2] != r.Energy[at-2] {
			t.Errorf("meter %d differs before the change", i)
		}
	}
}

func TestClockOffsetShiftsTheCurve(t *testing.T) {
	x := []float64{0, 0, 0, 4, 0, 0, 0}
	shift(x, 1.25)
	if want := []float64{0, 0, 0, 0, 3, 1, 0}; !slices.Equal(x, want) {
		t.Errorf("late by 1.25 intervals: %v, want %v", x, want)
	}
	shift(x, -1)
	if want := []float64{0, 0, 0, 3, 1, 0, 0}; !slices.Equal(x, want) {
		t.Errorf("early by one interval: %v, want %v", x, want)
	}
}

func TestZeroFillLeavesNothingMissing(t *testing.T) {
	g := fleet(t, faulty(func(c *Config) { c.Faults.ZeroFill, c.Faults.Missing = 1, .05 }))
	s, _ := g.Series(0)
	if slices.ContainsFunc(s.Energy, math.IsNaN) || !slices.Contains(s.Energy, 0) {
		t.Error("gaps should arrive as zeros")
	}
}

func TestMeterSwapHasAGap(t *testing.T) {
	g := fleet(t, faulty(func(c *Config) { c.Faults.Swap = 1 }))
	for i := range 8 {
		s, _ := g.Series(i)
		if k := slices.IndexFunc(s.Energy, math.IsNaN); k < 0 || s.Reactive[k] == s.Reactive[k] {
			t.Errorf("meter %d: no gap at its exchange", i)
		}
	}
}

func TestPowerCutsDarkenAllOfATransformer(t *testing.T) {
	c := clean("works_continuous", 50, 60)
	c.Faults.PowerCutsPerYear = 60
	g := fleet(t, c)
	for k := range g.transformers {
		for _, cut := range g.cuts(k) {
			at := int(cut.from/g.cal.dt) + 1
			if float64(at+1)*g.cal.dt > cut.to || at >= g.cal.n {
				continue // too short to darken a whole quarter
			}
			for _, i := range []int{k * 25, k*25 + 24} {
				if s, _ := g.Series(i); s.Energy[at] != 0 || s.Voltage[at] != 0 {
					t.Errorf("meter %d shows %.2f kWh at %.0f V in a power cut", i, s.Energy[at], s.Voltage[at])
				}
			}
		}
	}
}

func TestDeliveries(t *testing.T) {
	c := clean("home", 300, 60)
	c.Faults.LateDays, c.Faults.Duplicate = .02, .01
	g := fleet(t, c)
	late, twice := 0.0, 0.0
	for i := range c.Meters {
		for _, d := range g.Deliveries(i) {
			if d.Meter != g.Meters()[i].ID || d.To.Sub(d.From) != 24*time.Hour || d.LateDays < 0 || d.LateDays > 5 || d.LateDays == 0 && !d.Twice {
				t.Fatalf("%+v", d)
			}
			if d.Twice {
				twice++
			} else {
				late++
			}
		}
	}
	// 18,000 meter days: four standard deviations of 360 and 180
	if late < 280 || late > 440 || twice < 125 || twice > 235 {
		t.Errorf("%.0f days late, %.0f twice; want about 356 and 180", late, twice)
	}
	a := []flatwatt.Reading{{Energy: 1}, {Energy: 2}, {Energy: 3}, {Energy: 4}, {Energy: 5}, {Energy: 6}}
	b := slices.Clone(a)
	d := Delivery{Meter: "m", Shuffled: true}
	d.Shuffle(a)
	if slices.Equal(a, b) {
		t.Error("not shuffled")
	}
	d.Shuffle(b)
	if !slices.Equal(a, b) {
		t.Error("shuffled differently the second time")
	}
}
