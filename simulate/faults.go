package simulate

import (
	"math"
	"math/rand/v2"

	"github.com/flatwatt/flatwatt"
)

// faults are what is wrong with one meter.
type faults struct {
	r          *rand.Rand
	stuck      []span  // register frozen; the energy comes afterwards in one reading
	estimated  []span  // filled with a flat estimate
	zeroFilled bool    // missing readings arrive as zeros
	swap       float64 // hours; +Inf: never
	gain       float64 // of the new meter
	ctAt       float64 // hours at which the ratio is reprogrammed; +Inf: never
	ctGain     float64
	offset     float64 // hours by which the clock is late
}

func (g *Generator) faultsOf(i int, p *plan) *faults {
	r := stream(g.cfg.Seed, uint64(i), forFaults)
	c, hours := &g.cfg.Faults, g.cal.hours()
	f := &faults{r: r, swap: math.Inf(1), ctAt: math.Inf(1), gain: 1, ctGain: 1}
	if chance(r, c.Stuck) {
		t := r.Float64() * hours
		f.stuck = append(f.stuck, span{t, t + math.Exp(uniform(r, math.Log(2), math.Log(96)))})
	}
	if chance(r, c.Estimated) {
		for range 1 + r.IntN(3) {
			t := r.Float64() * hours
			f.estimated = append(f.estimated, span{t, t + math.Exp(uniform(r, math.Log(1), math.Log(72)))})
		}
	}
	if chance(r, c.Swap) {
		f.swap, f.gain = r.Float64()*hours, 1+normal(r, 0, .012)
	}
	if at, gain := r.Float64()*hours, []float64{.5, 2, 2. / 3, 1.5, .8, 1.25}[r.IntN(6)]; chance(r, c.CTChange) && p.ct > 1 {
		f.ctAt, f.ctGain = at, gain
	}
	if chance(r, c.ClockOffset) {
		f.offset = math.Exp(uniform(r, math.Log(2), math.Log(60))) / 60
		if chance(r, .5) {
			f.offset = -f.offset
		}
	}
	f.zeroFilled = chance(r, c.ZeroFill)
	return f
}

// distort changes what the meter counts: its gain after a swap or a wrong CT ratio,
// and the cut of its intervals when its clock is off.
func (f *faults) distort(g *Generator, x []float64) {
	if f.offset != 0 {
		shift(x, f.offset/g.cal.dt)
	}
	if f.gain == 1 && f.ctGain == 1 {
		return
	}
	for i := range x {
		h := float64(i) * g.cal.dt
		if h >= f.swap {
			x[i] *= f.gain
		}
		if h >= f.ctAt {
			x[i] *= f.ctGain
		}
	}
}

// shift delays x by a fraction of intervals, mixing neighbours as a wrong cut does.
func shift(x []float64, by float64) {
	whole := math.Floor(by)
	f := by - whole
	y := append([]float64(nil), x...)
	at := func(i int) float64 { return y[min(max(i, 0), len(y)-1)] }
	for i := range x {
		j := i - int(whole)
		x[i] = (1-f)*at(j) + f*at(j-1)
	}
}

// spoil applies the faults that concern delivered readings.
func (f *faults) spoil(g *Generator, s *flatwatt.Series) {
	for _, w := range f.stuck {
		lo, hi := g.cal.index(w.from), g.cal.index(w.to)
		held := 0.0
		for i := lo; i < hi; i++ {
			held += s.Energy[i]
			s.Energy[i] = 0
			if s.Reactive != nil {
				s.Reactive[i] = 0
			}
		}
		if hi < g.cal.n && f.r.Float64() < .6 {
			s.Energy[hi] += held // the register catches up
		}
	}
	for _, w := range f.estimated {
		f.estimate(g, s, w)
	}
	if lo := g.cal.index(f.swap); lo < g.cal.n {
		for i := lo; i < min(g.cal.n, lo+int(math.Ceil(3/g.cal.dt))); i++ {
			lost(s, i)
		}
	}
}

// estimate fills a window with its flat mean, as validation and estimation often does.
func (f *faults) estimate(g *Generator, s *flatwatt.Series, w span) {
	lo, hi := g.cal.index(w.from), g.cal.index(w.to)
	if lo >= hi {
		return
	}
	if s.Quality == nil {
		s.Quality = make([]flatwatt.Quality, g.cal.n)
	}
	mean := sum(s.Energy[lo:hi]) / float64(hi-lo)
	mean = math.Round(mean*1000) / 1000
	for i := lo; i < hi; i++ {
		s.Energy[i], s.Quality[i] = mean, flatwatt.Estimated
		if s.Reactive != nil {
			s.Reactive[i] = nan
		}
		if s.Voltage != nil {
			s.Voltage[i] = nan
		}
	}
}

// lose removes readings: the concentrator's outages, common to all meters under a
// transformer, take a quarter of the share, the meter's own losses the rest.
func (g *Generator) lose(i, transformer int, s *flatwatt.Series, zeroFilled bool) {
	share := g.cfg.Faults.Missing
	shared := stream(g.cfg.Seed, uint64(transformer)|1<<43, forFaults)
	g.gaps(shared, s, share/4, 5)
	g.drop(stream(g.cfg.Seed, uint64(i)|1<<44, forFaults), s, share*.75)
	if zeroFilled {
		for k, e := range s.Energy {
			if e != e {
				s.Energy[k] = 0
			}
		}
	}
}

// drop loses single readings and gaps, share of all readings in all.
func (g *Generator) drop(r *rand.Rand, s *flatwatt.Series, share float64) {
	if share <= 0 {
		return
	}
	singles := share * .6
	for i := int(r.ExpFloat64() / singles); i < len(s.Energy); i += 1 + int(r.ExpFloat64()/singles) {
		lost(s, i)
	}
	g.gaps(r, s, share*.4, 9)
}

// gaps loses whole stretches with the given mean length.
func (g *Generator) gaps(r *rand.Rand, s *flatwatt.Series, share, meanHours float64) {
	if share <= 0 {
		return
	}
	for t := r.ExpFloat64() * meanHours / share; t < g.cal.hours(); t += r.ExpFloat64() * meanHours / share {
		end := t + r.ExpFloat64()*meanHours
		for i := g.cal.index(t); i < g.cal.index(end); i++ {
			lost(s, i)
		}
		t = end
	}
}

func lost(s *flatwatt.Series, i int) {
	s.Energy[i] = nan
	if s.Reactive != nil {
		s.Reactive[i] = nan
	}
	if s.Voltage != nil {
		s.Voltage[i] = nan
	}
}
