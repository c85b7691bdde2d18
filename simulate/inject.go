package simulate

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/flatwatt/flatwatt"
)

// InjectConfig says what is added to real series.
type InjectConfig struct {
	Seed        uint64
	MinerShare  float64 // of meters that get a miner
	ChangeShare float64 // of meters that get an honest lasting change
	// A miner's power is drawn from these shares of the meter's contracted demand, or
	// of its 99.5 % quantile of demand where that is not known; never less than one unit.
	LowShare, HighShare float64
	Miners              MinerConfig      // behaviour; Share, BypassShare and HostWeights play no part
	Weather             flatwatt.Weather // nil, or where it knows nothing: a simulated temperate climate
}

// DefaultInjectConfig gives 8 % of the meters a miner of 10–90 % of their peak and 8 % an honest change.
func DefaultInjectConfig() InjectConfig {
	return InjectConfig{Seed: 1, MinerShare: .08, ChangeShare: .08, LowShare: .1, HighShare: .9, Miners: DefaultConfig().Miners}
}

// Draw decides what meter id gets, and with which random stream: a pure function of
// the seed and the id, whatever other meters there are.
func (c *InjectConfig) Draw(id flatwatt.MeterID) (flatwatt.Label, *rand.Rand) {
	r := stream(c.Seed, hashString(string(id)), forPlan)
	switch x := r.Float64(); {
	case x < c.MinerShare:
		return flatwatt.Miner, r
	case x < c.MinerShare+c.ChangeShare:
		return flatwatt.LegitChange, r
	}
	return flatwatt.NoneLabel, r
}

// hashString is FNV-1a, 64 bits.
func hashString(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}

// InjectDrawn draws what m gets and adds it to s. Apply it to every series of a loaded fleet.
func InjectDrawn(s flatwatt.Series, m flatwatt.Meter, cfg InjectConfig) (flatwatt.Series, flatwatt.Truth, error) {
	label, r := cfg.Draw(m.ID)
	return Inject(s, m, label, r, cfg)
}

// Inject adds a simulated miner or honest change to a copy of s: energy, and where
// metered reactive energy and voltage, in the resolution that s shows. Missing readings
// stay missing. Intervals of 5 to 60 minutes; an error where s cannot carry a block.
func Inject(s flatwatt.Series, m flatwatt.Meter, label flatwatt.Label, r *rand.Rand, cfg InjectConfig) (flatwatt.Series, flatwatt.Truth, error) {
	t := flatwatt.Truth{Meter: s.Meter, Label: label}
	if label == flatwatt.NoneLabel {
		return s, t, nil
	}
	first, last := validRange(s.Energy)
	if s.Interval < 5*time.Minute || s.Interval > time.Hour {
		return s, t, fmt.Errorf("inject into meter %s: interval %v: give a series of 5 to 60 minutes", s.Meter, s.Interval)
	}
	if last-first < int(24*time.Hour/s.Interval) {
		return s, t, fmt.Errorf("inject into meter %s: less than a day of readings: give a longer series", s.Meter)
	}
	in := newInjection(s, m, cfg, first, last)
	switch label {
	case flatwatt.Miner:
		t = in.miner(r, &cfg, t)
	case flatwatt.LegitChange:
		t = in.change(r, m.Class, t)
	default:
		return s, t, fmt.Errorf("inject into meter %s: label %q: give %q or %q", s.Meter, label, flatwatt.Miner, flatwatt.LegitChange)
	}
	return in.s, t, nil
}

func validRange(x []float64) (first, last int) {
	first, last = len(x), -1
	for i, v := range x {
		if v == v {
			first, last = min(first, i), i
		}
	}
	return first, last
}

// An injection is the work on one series.
type injection struct {
	s      flatwatt.Series // a copy
	c      *canvas
	region *Region
	peak   float64 // kW
	from   float64 // hours of the first valid reading
	hours  float64 // from there to the last
	export bool    // the meter already shows negative energy
}

func newInjection(s flatwatt.Series, m flatwatt.Meter, cfg InjectConfig, first, last int) *injection {
	s.Energy, s.Reactive, s.Voltage = slices.Clone(s.Energy), slices.Clone(s.Reactive), slices.Clone(s.Voltage)
	zone := m.Zone
	if zone == nil {
		zone = time.UTC
	}
	cal := newCalendar(s.Start, s.Interval, len(s.Energy), zone)
	in := &injection{s: s, from: float64(first) * cal.dt, hours: float64(last-first+1) * cal.dt}
	_, offset := s.Start.In(zone).Zone()
	in.region = &Region{Name: m.Region, Latitude: 42, Longitude: float64(offset) / 240, MeanC: 12, SeasonalC: 9, DiurnalC: 4.5, Weight: 1}
	in.c = newCanvas(cal.n)
	in.c.reset()
	in.c.outdoors(newSky(newWeather(cfg.Seed, cal, []Region{*in.region}), cal, *in.region), cal)
	if cfg.Weather != nil {
		for i := range in.c.temp {
			if x, ok := cfg.Weather.TemperatureC(m.Region, cal.at((float64(i)+.5)*cal.dt)); ok {
				in.c.temp[i] = x
			}
		}
		in.c.lag(10)
	}
	nominal := quantile(s.Voltage, .5)
	for i, v := range s.Voltage {
		if d := v/nominal - 1; d > -.1 && d < .1 { // NaN, 0 V and faults count as nominal
			in.c.dv[i] = d
		}
	}
	in.export = quantile(s.Energy, 0) < 0
	if in.peak = float64(m.Contracted); in.peak <= 0 {
		in.peak = max(.5, quantile(s.Energy, .995)/cal.dt)
	}
	return in
}

// quantile of the valid values of x; 0 without any.
func quantile(x []float64, q float64) float64 {
	var y []float64
	for _, v := range x {
		if v == v {
			y = append(y, v)
		}
	}
	if len(y) == 0 {
		return 0
	}
	slices.Sort(y)
	return y[int(q*float64(len(y)-1))]
}

// miner adds a block sized to the meter.
func (in *injection) miner(r *rand.Rand, cfg *InjectConfig, t flatwatt.Truth) flatwatt.Truth {
	want := in.peak * uniform(r, cfg.LowShare, cfg.HighShare)
	count := int(clamp(math.Round(want/3), 1, float64(max(1, cfg.Miners.MaxUnits))))
	m := newMiner(r, &cfg.Miners, count, in.hours)
	m.onset, m.end = m.onset+in.from, m.end+in.from
	for i := range m.pauses {
		m.pauses[i] = span{m.pauses[i].from + in.from, m.pauses[i].to + in.from}
	}
	blk := m.draw(in.c, r, nil)
	in.put(blk.kW, blk.kvar)
	return minerTruth(t, m, blk, in.c.cal)
}

// change adds an honest change that fits the class.
func (in *injection) change(r *rand.Rand, class flatwatt.Class, t flatwatt.Truth) flatwatt.Truth {
	kinds := tradeChanges
	switch class {
	case residential:
		kinds = homeChanges
	case farming:
		kinds = farmChanges
	case industrial:
		kinds = worksChanges
	}
	ch := newChange(r, kinds[r.IntN(len(kinds))], "", in.region, in.peak, in.hours)
	ch.onset += in.from
	t.Onset, t.Note = in.c.cal.at(ch.onset), ch.kind
	at := in.c.cal.index(ch.onset)
	if ch.life != nil {
		ch.life(in.c, r, at)
		in.scale()
		return t
	}
	for i := range ch.apps {
		ch.apps[i].span = span{ch.onset, math.Inf(1)}
		in.c.add(&ch.apps[i], r)
	}
	t.Block = flatwatt.KW(sum(in.c.p) / max(1, float64(in.c.cal.n-at)))
	in.put(in.c.p, in.c.q)
	return t
}

// put adds kW and kvar to the copy. Both are counted in the resolution that the
// series already shows, so the sum is still what such a meter can show.
func (in *injection) put(kW, kvar []float64) {
	dt := in.c.cal.dt
	in.s.Energy = added(in.s.Energy, kW, dt, in.export)
	if in.s.Reactive != nil {
		in.s.Reactive = added(in.s.Reactive, kvar, dt, true)
	}
	step := resolutionOf(in.s.Voltage)
	for i, v := range in.s.Voltage {
		in.s.Voltage[i] = v * (1 - .02*clamp(kW[i]/in.peak, -1.5, 1.5))
		if step > 0 {
			in.s.Voltage[i] = math.Round(math.Round(in.s.Voltage[i]/step)*step*1e6) / 1e6
		}
	}
}

func added(x, kW []float64, dt float64, negative bool) []float64 {
	resolution := resolutionOf(x)
	plus := register(kW, dt, resolution)
	decimals := decimalsOf(resolution)
	for i := range x {
		x[i] += plus[i]
		if resolution > 0 {
			x[i] = math.Round(x[i]*decimals) / decimals
		}
		if !negative && x[i] < 0 {
			x[i] = 0
		}
	}
	return x
}

// scale multiplies the demand by how alive the place has become, down to its floor
// (2 % quantile), which stays: a fridge does not know who lives there.
func (in *injection) scale() {
	for _, x := range [][]float64{in.s.Energy, in.s.Reactive} {
		floor, shown := quantile(x, .02), newCounter(x)
		for i, v := range x {
			if v == v && in.c.act[i] != 1 {
				x[i] = shown.count(floor + (v-floor)*in.c.act[i])
			}
		}
	}
}

// resolutionOf is the coarsest usual register step of which all readings looked at are
// multiples; 0 where there is none, as after averaging.
func resolutionOf(x []float64) float64 {
	for _, step := range []float64{10, 5, 4, 2, 1, .5, .4, .25, .2, .1, .05, .04, .02, .01, .005, .002, .001, .0001} {
		seen, fits := 0, true
		for _, v := range x {
			if v == v && v != 0 {
				seen++
				n := math.Round(v / step)
				if fits = math.Abs(v-n*step) < step*1e-4+1e-9; !fits || seen > 5000 {
					break
				}
			}
		}
		if fits && seen > 20 {
			return step
		}
	}
	return 0
}
