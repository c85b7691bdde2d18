package simulate

import (
	"math"
	"testing"
)

// response draws an appliance with steady and with raised voltage and returns its
// exponent d ln P / d ln V.
func response(t *testing.T, a appliance) float64 {
	t.Helper()
	_, c := blankCanvas(t, clean("home", 1, 4))
	c.add(&a, rng(1))
	low := sum(c.p)
	c.reset()
	for i := range c.dv {
		c.dv[i] = .02
	}
	c.add(&a, rng(1))
	return math.Log(sum(c.p)/low) / math.Log(1.02)
}

func TestLoadsAnswerVoltageByTheirNature(t *testing.T) {
	f := func(name string, e nature, want float64) {
		t.Helper()
		if got := response(t, appliance{nature: e, span: always(), draw: flat(3, .02, .01)}); math.Abs(got-want) > .02 {
			t.Errorf("%s: exponent %.3f, want %g", name, got, want)
		}
	}
	f("resistance", resistive(), 2)
	f("motor", motor(.8, .3), .3)
	f("electronics", leading(.95), 0)
}

// dailySlope is the relative slope of daily demand on daily temperature over a fleet.
func dailySlope(t *testing.T, use, start string, days int) float64 {
	t.Helper()
	cfg := clean(use, 12, days)
	cfg.Start, cfg.Regions = start, cfg.Regions[2:]
	g := fleet(t, cfg)
	demand := newFlow(g.cal.n)
	for i := range cfg.Meters {
		_, _, f := g.customer(i)
		k := 1 / mean(f.p)
		for j := range f.p {
			demand.p[j] += f.p[j] * k / float64(cfg.Meters)
		}
	}
	return slope(daily(g.regions[0].temp, 96), daily(demand.p, 96))
}

func TestThermalSlopes(t *testing.T) {
	f := func(use, start string, low, high float64) {
		t.Helper()
		if s := dailySlope(t, use, start, 45); s < low || s > high {
			t.Errorf("%s from %s: %+.4f /°C, want %g…%g", use, start, s, low, high)
		}
	}
	f("home", "2025-06-15", .005, .12)        // cooling
	f("home", "2025-11-20", -.12, -.005)      // heating
	f("cold_store", "2025-05-01", .004, .03)  // 1–2 % a degree on the compressors
	f("telecom", "2025-05-01", .001, .03)     // its cooling
	f("livestock", "2025-05-01", .01, .15)    // fans
	f("data_centre", "2025-05-01", .001, .03) // chiller, and servers added while it gets warmer
}

// An added motor shows its own power factor in ΔP and ΔQ, whatever else runs.
func TestBareAeratorsHaveAMotorsPowerFactor(t *testing.T) {
	bare := 0
	for seed := range uint64(60) {
		b := &builder{r: rng(seed), region: &Region{}}
		b.aerators(always(), 6)
		_, c := blankCanvas(t, clean("home", 1, 3))
		for k := range b.apps {
			c.add(&b.apps[k], rng(seed))
		}
		p, q := sum(c.p), sum(c.q)
		if p <= 0 {
			t.Fatalf("seed %d: aerators take %.2f kW", seed, p)
		}
		if pf := p / math.Hypot(p, q); pf > .74 && pf < .89 {
			bare++
		} else if pf < .9 {
			t.Errorf("seed %d: power factor %.3f is neither bare (.75–.88) nor compensated (.92 and up)", seed, pf)
		}
	}
	if bare < 33 || bare > 56 { // 75 % of 60 is 45; four standard deviations
		t.Errorf("%d of 60 are bare motors, want about 45", bare)
	}
}

// Edges of street lights move with the sun: between 1 September and 20 December sunset at
// 32° N comes about 90 minutes earlier.
func TestStreetLightsFollowTheSun(t *testing.T) {
	cfg := clean("street_lights", 1, 110)
	cfg.Regions = cfg.Regions[2:]
	g := fleet(t, cfg)
	s, _ := g.Series(0)
	top := quantile(s.Energy, .9)
	on := func(day int) float64 { // local hours of the first burning quarter after noon
		for i := day*96 + 48; i < day*96+96; i++ {
			if s.Energy[i] > top/3 {
				return float64(i-day*96) / 4
			}
		}
		return math.NaN()
	}
	early, late := (on(2)+on(3)+on(4))/3, (on(106)+on(107)+on(108))/3
	if drift := early - late; !(drift > 1 && drift < 2) {
		t.Errorf("lights come on at %.2f in September and %.2f in December", early, late)
	}
	for day := range 110 {
		if noon := s.Energy[day*96+48]; noon > top/10 {
			t.Fatalf("burning at noon of day %d", day)
		}
	}
}

func TestSunTimes(t *testing.T) {
	cfg := clean("home", 1, 200)
	cfg.Start = "2025-03-20"
	cfg.Regions = []Region{{Name: "x", Latitude: 31.23, Longitude: 121.47, Weight: 1}} // Shanghai
	g := fleet(t, cfg)
	// 20 March 2025: sunrise 05:59, sunset 18:06; 21 June: 04:51 and 19:01 (almanac; ± 4 minutes)
	for day, want := range map[int][2]float64{0: {5.98, 18.1}, 93: {24*93 + 4.85, 24*93 + 19.02}} {
		got := [2]float64{g.regions[0].rise[day], g.regions[0].set[day]}
		if math.Abs(got[0]-want[0]) > .07 || math.Abs(got[1]-want[1]) > .07 {
			t.Errorf("day %d: sun up %.2f–%.2f, want %.2f–%.2f", day, got[0], got[1], want[0], want[1])
		}
	}
}

func TestContinuousIndustryIsHighButNoisy(t *testing.T) {
	g := fleet(t, clean("works_continuous", 10, 60))
	for i := range 10 {
		s, _ := g.Series(i)
		lf, cv := mean(s.Energy)/quantile(s.Energy, .995), sd(s.Energy)/mean(s.Energy)
		if lf < .6 || lf > .96 || cv < .04 || cv > .35 {
			t.Errorf("works %d: load factor %.2f, CV %.3f", i, lf, cv)
		}
	}
}

func TestWorksCloseAtSpringFestival(t *testing.T) {
	cfg := clean("works_1_shift", 10, 60)
	cfg.Start = "2026-01-05" // Spring Festival is on 17 February, day 43
	g := fleet(t, cfg)
	for i := range 10 {
		s, _ := g.Series(i)
		if work, rest := mean(s.Energy[7*96:12*96]), mean(s.Energy[43*96:48*96]); rest > .35*work {
			t.Errorf("works %d: %.2f kWh a quarter at the festival, %.2f at work", i, rest, work)
		}
	}
}

func TestGrowHouseRunsOnATimer(t *testing.T) {
	b := &builder{r: rng(3), region: &Region{}}
	growHouse(b)
	_, c := blankCanvas(t, clean("home", 1, 20))
	b.apps[0].draw(c, rng(1)) // the lamps
	on := 0
	for i, kW := range c.buf[2*96 : 18*96] {
		if next := c.buf[2*96+i+96]; (kW > 1) != (next > 1) {
			t.Fatalf("quarter %d: lamps differ from the next day", i)
		}
		if kW > 1 {
			on++
		}
	}
	if share := float64(on) / (16 * 96); share < .49 || share > .76 {
		t.Errorf("lamps burn %.2f of the time, want 12 or 18 hours of 24", share)
	}
}

func TestDataCentreTestsItsGeneratorMonthly(t *testing.T) {
	g := fleet(t, clean("data_centre", 6, 100))
	for i := range 6 {
		s, _ := g.Series(i)
		dark := 0
		for k := 1; k < len(s.Energy); k++ {
			if s.Energy[k] == 0 && s.Energy[k-1] > 0 {
				dark++
				if h := int(g.cal.slots[k].quarter) / 4; h < 10 || h > 16 {
					t.Errorf("data centre %d: test at %d o'clock", i, h)
				}
			}
		}
		if dark < 2 || dark > 4 {
			t.Errorf("data centre %d: %d generator tests in 100 days", i, dark)
		}
	}
}

// Every use draws something, never negative, never beyond thrice its own supply.
func TestEveryUseIsPlausible(t *testing.T) {
	for _, use := range Uses() {
		g := fleet(t, clean(use, 6, 30))
		for i := range 6 {
			s, _ := g.Series(i)
			p := g.planOf(i)
			low, high := quantile(s.Energy, 0)*4, quantile(s.Energy, 1)*4
			if !(low >= 0) || !(high > 0) || high > 3*math.Abs(p.contracted) {
				t.Errorf("%s %d: demand %.3f … %.2f kW at a supply of %g kW", use, i, low, high, p.contracted)
			}
		}
	}
}

func TestPanelsWorkByDay(t *testing.T) {
	_, c := blankCanvas(t, clean("home", 1, 30))
	panels(5)(c, rng(1))
	for i, kW := range c.buf {
		if h := int(c.cal.slots[i].quarter) / 4; (h < 5 || h > 20) && kW != 0 || kW > 0 || kW < -5.5 {
			t.Fatalf("%.2f kW at %d o'clock from 5 kWp", kW, h)
		}
	}
	if yield := -mean(c.buf) * 24 / 5; yield < 1.5 || yield > 6 {
		t.Errorf("%.1f kWh a day per kWp in September at 40° N", yield)
	}
}

// The weather has seasons, days and fronts that regions share.
func TestWeather(t *testing.T) {
	cfg := clean("home", 1, 366)
	g := fleet(t, cfg)
	for k, reg := range cfg.Regions {
		d := daily(g.regions[k].temp, 96)
		if m := mean(d); math.Abs(m-reg.MeanC) > 2.5 {
			t.Errorf("%s: mean %.1f °C, want %.1f", reg.Name, m, reg.MeanC)
		}
		if swing := quantile(d, .97) - quantile(d, .03); swing < 1.5*reg.SeasonalC || swing > 3.2*reg.SeasonalC {
			t.Errorf("%s: swing %.1f °C over the year at an amplitude of %.1f", reg.Name, swing, reg.SeasonalC)
		}
	}
	a, b := g.regions[0].temp, g.regions[1].temp
	var da, db []float64 // day-to-day steps have no season in them
	for i := 960; i < len(a); i += 96 {
		da, db = append(da, a[i]-a[i-96]), append(db, b[i]-b[i-96])
	}
	if r := slope(da, db) * sd(da) / sd(db); r < .15 || r > .9 {
		t.Errorf("correlation of fronts between regions %.2f", r)
	}
	rows := 0
	for row := range g.WeatherRows() {
		if x, ok := g.Weather().TemperatureC(row.Region, row.Time); !ok || math.Abs(x-row.TemperatureC) > .051 {
			t.Fatalf("%+v, but asked directly %.2f %v", row, x, ok)
		}
		rows++
	}
	if want := 3 * (366*24 + 2*48 + 1); rows != want {
		t.Errorf("%d rows, want %d", rows, want)
	}
	if _, ok := g.Weather().TemperatureC("atlantis", g.Start()); ok {
		t.Error("knows the weather of a region that does not exist")
	}
}
