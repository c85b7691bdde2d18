package detectors

import (
	"math"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/models"
)

// recent is the memory behind the published features: exponentially weighted with a
// half-life of 7 days, so that a day of two weeks ago weighs a quarter.
type recent struct {
	mean, sq, q05, q50, q95, top models.Mean
	spread                       models.Mean // MAD stand-in: (q95 − q05)/3.29 of a normal
	night, noon                  models.Mean
	sides                        [2]models.Mean
	acf                          models.Mean
	valid                        models.Mean
	pf                           models.Mean
	prof                         [models.Hours]float32 // yesterday's hourly floor, for the 24 h autocorrelation
	noise                        models.Mean           // relative to the floor
	dips                         models.Mean
	floorSD                      models.Level // log floor from day to day
	swing                        models.Mean  // (max − min)/mean of the hourly floors
	nightExcess                  models.Mean  // night floor over day floor, log
	vXX, vXY                     float32
	thermal                      models.Thermal // of the floor, everything learned
}

func (f *recent) add(d *day, p *part) {
	k := recentDecay
	f.mean.Add(d.mean, k)
	f.sq.Add(d.sd*d.sd+d.mean*d.mean, k)
	f.q05.Add(d.q05, k)
	f.q50.Add(d.q50, k)
	f.q95.Add(d.q95, k)
	f.top.Add(d.top, k)
	f.spread.Add((d.q95-d.q05)/3.29, k)
	f.night.Add(d.night, k)
	f.noon.Add(d.noon, k)
	f.sides[p.weekend].Add(d.mean, k)
	f.valid.Add(d.valid, k)
	fl := d.floor[maskAll]
	if fl > 0 {
		f.noise.Add(d.noise/fl, staticDecay)
		f.dips.Add(d.dips, staticDecay)
		f.thermal.Add(fl, d.tempC, thermalDecay)
		f.floorSD.Add(math.Log(fl), staticDecay, 0.001)
	}
	if n, o := d.floor[maskNight], d.floor[maskDay]; n > 0 && o > 0 {
		f.nightExcess.Add(math.Log(n/o), staticDecay)
	}
	if d.pFloor > 0 {
		f.pf.Add(d.pFloor/math.Hypot(d.pFloor, d.qFloor), k)
	}
	f.vXX = f.vXX*float32(staticDecay) + float32(d.vXX)
	f.vXY = f.vXY*float32(staticDecay) + float32(d.vXY)
	f.profile(d)
}

// profile updates what depends on the shape of the day.
func (f *recent) profile(d *day) {
	var sx, sy, sxx, syy, sxy, n float64
	lo, hi, sum := math.Inf(1), math.Inf(-1), 0.0
	for h, z := range d.z {
		if z != z {
			continue
		}
		lo, hi, sum = min(lo, z), max(hi, z), sum+z
		y := float64(f.prof[h])
		sx, sy, sxx, syy, sxy, n = sx+z, sy+y, sxx+z*z, syy+y*y, sxy+z*y, n+1
		f.prof[h] = float32(z)
	}
	if n < 18 {
		return
	}
	vx, vy := sxx-sx*sx/n, syy-sy*sy/n
	if vx > 0 && vy > 0 {
		f.acf.Add(min(1, max(-1, (sxy-sx*sy/n)/math.Sqrt(vx*vy))), recentDecay)
	}
	if sum > 0 {
		f.swing.Add((hi-lo)/(sum/n), staticDecay)
	}
}

// features are the published form.
func (f *recent) features() flatwatt.Features {
	mean := f.mean.Value()
	out := flatwatt.Features{
		MeanKW: mean, FloorKW: f.q05.Value(),
		LoadFactor: ratio(mean, f.top.Value()), CV: math.NaN(),
		RobustCV:      ratio(f.spread.Value(), f.q50.Value()),
		BaseloadShare: ratio(f.q05.Value(), mean),
		NightDay:      ratio(f.night.Value(), f.noon.Value()),
		WeekdayEnd:    ratio(f.sides[0].Value(), f.sides[1].Value()),
		ACF24:         f.acf.Value(), PowerFactor: f.pf.Value(), ThermalPct: math.NaN(),
		ValidShare: f.valid.Value(),
	}
	if v := f.sq.Value() - mean*mean; v >= 0 {
		out.CV = ratio(math.Sqrt(v), mean)
	}
	if fl := f.q05.Value(); f.thermal.N >= 5 && fl > 0 {
		heating, cooling := f.thermal.Slopes()
		out.ThermalPct = 10 * (cooling - heating) / fl / 2 // per °C, mean of both branches
	}
	return out
}

// ratio is a/b, NaN unless b is positive.
func ratio(a, b float64) float64 {
	if !(b > 0) {
		return math.NaN()
	}
	return a / b
}
