package simulate

import (
	"iter"
	"math"
	"math/rand/v2"
	"time"
)

// A WeatherRow is the outdoor temperature of one region at one moment.
type WeatherRow struct {
	Region       string
	Time         time.Time // UTC, on the hour
	TemperatureC float64
}

// weather is hourly weather of all regions. It implements flatwatt.Weather.
type weather struct {
	start time.Time // of the first hour
	hours int
	names []string
	air   map[string]*climate
}

// A climate is the hourly weather of one region.
type climate struct {
	temp  []float64 // °C
	cloud []float64 // 0 clear – 1 overcast
	rain  []float64 // 0 dry – 1 heavy
}

// weatherMarginHours are known before and after the data, as in any weather feed.
const weatherMarginHours = 48

func newWeather(seed uint64, cal *calendar, regions []Region) *weather {
	w := &weather{
		start: cal.start.Truncate(time.Hour).Add(-weatherMarginHours * time.Hour),
		hours: int(math.Ceil(cal.hours())) + 2*weatherMarginHours + 1,
		air:   map[string]*climate{},
	}
	shared := synoptic(stream(seed, 0, forWeather), w.hours)
	for i, reg := range regions {
		r := stream(seed, uint64(i)+1, forWeather)
		w.names = append(w.names, reg.Name)
		w.air[reg.Name] = newClimate(r, w, reg, shared, synoptic(r, w.hours), cal.zone)
	}
	return w
}

// synoptic is the weather of passing fronts, in °C: slow noise, and cold waves that fall
// within a day and recover over three to five. They come every 24 days, so the mean over
// a year is put back to zero.
func synoptic(r *rand.Rand, hours int) []float64 {
	x := make([]float64, hours)
	front := newAR(r, 3.2, 55, 1)
	for i := range x {
		x[i] = front.next(r) + coldWaveMeanC
	}
	for t := r.ExpFloat64() * 20 * 24; t < float64(hours); t += (4 + r.ExpFloat64()*20) * 24 {
		depth, fall, recover := uniform(r, 5, 13), uniform(r, 10, 30), uniform(r, 40, 110)
		for i := int(t); i < min(hours, int(t+6*recover)); i++ {
			age := float64(i) - t
			x[i] -= depth * min(1, age/fall) * math.Exp(-max(0, age-fall)/recover)
		}
	}
	return x
}

// coldWaveMeanC is mean depth 9 °C × (half of 20 h falling + 75 h recovering) / 576 h between waves.
const coldWaveMeanC = 9. * (10 + 75) / (24 * 24)

func newClimate(r *rand.Rand, w *weather, reg Region, shared, own []float64, zone *time.Location) *climate {
	c := &climate{temp: make([]float64, w.hours), cloud: make([]float64, w.hours), rain: make([]float64, w.hours)}
	sky, wet, local := newAR(r, 1, 18, 1), newAR(r, 1, 8, 1), newAR(r, .5, 3, 1)
	south := 0.0
	if reg.Latitude < 0 {
		south = 182.5
	}
	for i := range c.temp {
		t := w.start.Add(time.Duration(i) * time.Hour)
		c.cloud[i] = 1 / (1 + math.Exp(-1.6*sky.next(r)))
		c.rain[i] = clamp((sky.x+wet.next(r)-2)/2, 0, 1)
		solar := float64(t.Hour()) + reg.Longitude/15
		season := -math.Cos(2 * math.Pi * (float64(t.In(zone).YearDay()) - 20 - south) / 365.25)
		day := math.Cos(2*math.Pi*(solar-14.7)/24) * (1 - .65*c.cloud[i])
		winter := 1 - .35*season // fronts are stronger in winter
		front := (.75*shared[i] + .66*own[i]) * winter
		c.temp[i] = reg.MeanC + reg.SeasonalC*season + reg.DiurnalC*day + front + local.next(r)
	}
	return c
}

// TemperatureC interpolates between the hours; ok is false for an unknown region and
// for times outside the simulated weather.
func (w *weather) TemperatureC(region string, t time.Time) (celsius float64, ok bool) {
	c := w.air[region]
	if c == nil {
		return 0, false
	}
	return w.lookup(c.temp, t.Sub(w.start).Hours())
}

func (w *weather) lookup(x []float64, h float64) (float64, bool) {
	if h < 0 || h > float64(len(x)-1) {
		return 0, false
	}
	i := min(int(h), len(x)-2)
	f := h - float64(i)
	return x[i]*(1-f) + x[i+1]*f, true
}

// onGrid samples an hourly column at the middle of every interval of cal.
func (w *weather) onGrid(x []float64, cal *calendar) []float64 {
	y := make([]float64, cal.n)
	first := cal.start.Sub(w.start).Hours()
	for i := range y {
		y[i], _ = w.lookup(x, first+(float64(i)+.5)*cal.dt)
	}
	return y
}

// rows yields the weather hour by hour, regions in their configured order.
func (w *weather) rows() iter.Seq[WeatherRow] {
	return func(yield func(WeatherRow) bool) {
		for i := range w.hours {
			for _, name := range w.names {
				row := WeatherRow{name, w.start.Add(time.Duration(i) * time.Hour), math.Round(w.air[name].temp[i]*10) / 10}
				if !yield(row) {
					return
				}
			}
		}
	}
}
