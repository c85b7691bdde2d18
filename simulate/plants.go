package simulate

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/flatwatt/flatwatt"
)

// PlantConfig says what cascades of small power plants to draw. The same PlantConfig
// always gives the same plants. Shares are fractions in [0, 1].
type PlantConfig struct {
	Seed         uint64
	Plants       int     // of all kinds, at most 10,000
	Days         int     // civil days in Zone
	Start        string  // first civil day, 2006-01-02
	Zone         string  // IANA name
	PerCascade   int     // plants on one river, or in one wind or solar park
	WindShare    float64 // of plants
	SolarShare   float64 // of plants
	DirectShare  float64 // of plants that supply a miner by a private line
	DayZeroShare float64 // of those, which did so before the data begins
	NightShare   float64 // of those, which do so by night only
	ChangeShare  float64 // of the others, whose output changes for good honestly
	Registered   float64 // of outages that events.csv tells
	Missing      float64 // of readings
}

// DefaultPlantConfig is 100 small plants over a year of hours: 70 % hydro, 8 % direct supply.
func DefaultPlantConfig() PlantConfig {
	return PlantConfig{
		Seed: 1, Plants: 100, Days: 365, Start: "2025-01-01", Zone: "Asia/Shanghai", PerCascade: 10,
		WindShare: .15, SolarShare: .15, DirectShare: .08, DayZeroShare: .15, NightShare: .4,
		ChangeShare: .25, Registered: .6, Missing: .005,
	}
}

// A PlantEvent is an entry of the dispatch log: during [Start, End) a plant could not give
// what its water or wind would have allowed, for the reason that Kind names.
type PlantEvent struct {
	Meter      flatwatt.MeterID
	Start, End time.Time
	Kind       string // low_water, curtailment, outage or maintenance
}

// An InflowRow is the inflow of a region's river on one day, relative to its mean.
type InflowRow struct {
	Region string
	Start  time.Time
	Rel    float64
}

// Plants are drawn power plants. Methods may be called from any goroutine.
type Plants struct {
	cfg    PlantConfig
	zone   *time.Location
	start  time.Time
	hours  int
	meters []flatwatt.Meter
	parks  []park
}

// Purposes of the streams of plants, beyond all others.
const (
	forPark  = 1<<41 + iota // what drives a whole cascade or park
	forPlant                // what a plant is, and its output
	forDirect
	forOutage
)

// NewPlants plans the plants of cfg.
func NewPlants(cfg PlantConfig) (*Plants, error) {
	zone, err := time.LoadLocation(cfg.Zone)
	if err != nil || cfg.Zone == "" || cfg.Zone == "Local" {
		return nil, fmt.Errorf("plant configuration: %w", &FieldError{"zone", cfg.Zone, "give a name of the IANA time zone database"})
	}
	first, err := time.ParseInLocation(time.DateOnly, cfg.Start, zone)
	if err != nil {
		return nil, fmt.Errorf("plant configuration: %w", &FieldError{"start", cfg.Start, "give a date like 2025-01-01"})
	}
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("plant configuration: %w", err)
	}
	p := &Plants{cfg: cfg, zone: zone, start: first.UTC(), hours: int(first.AddDate(0, 0, cfg.Days).Sub(first).Hours())}
	for i := 0; i < cfg.Plants; i += cfg.PerCascade {
		p.parks = append(p.parks, p.newPark(len(p.parks)))
	}
	for i := range cfg.Plants {
		k := i / cfg.PerCascade
		p.meters = append(p.meters, flatwatt.Meter{
			ID: flatwatt.MeterID(fmt.Sprintf("g%05d", i)), Kind: flatwatt.Generator, Class: flatwatt.Class(p.parks[k].kind),
			Zone: zone, Interval: time.Hour, Region: p.parks[k].region, Contracted: flatwatt.KW(p.plant(i).cap),
		})
	}
	return p, nil
}

func (c *PlantConfig) validate() error {
	for _, f := range []struct {
		name     string
		is, most int
	}{{"plants", c.Plants, 10_000}, {"days", c.Days, MaxDays}, {"per_cascade", c.PerCascade, 1000}} {
		if f.is < 1 || f.is > f.most {
			return &FieldError{f.name, f.is, fmt.Sprintf("give a whole number from 1 to %d", f.most)}
		}
	}
	for _, f := range []struct {
		name string
		is   float64
	}{{"wind_share", c.WindShare}, {"solar_share", c.SolarShare}, {"direct_share", c.DirectShare}, {"day_zero_share", c.DayZeroShare},
		{"night_share", c.NightShare}, {"change_share", c.ChangeShare}, {"registered", c.Registered}, {"missing", c.Missing}} {
		if !(f.is >= 0 && f.is <= 1) {
			return &FieldError{f.name, f.is, "give a share from 0 to 1"}
		}
	}
	return nil
}

// A park is a cascade of hydro plants on one river, or neighbours under one wind or sun.
type park struct {
	kind   string
	region string
	drive  []float64 // hourly: inflow relative to its mean, wind in m/s, or sun in [0, 1]
	events []span    // curtailment of the whole park, hours
	low    []span    // low water, hours
}

func (p *Plants) newPark(k int) park {
	r := stream(p.cfg.Seed, uint64(k), forPark)
	kind := []string{"hydro", "wind", "pv"}[weighted(r, []float64{1 - p.cfg.WindShare - p.cfg.SolarShare, p.cfg.WindShare, p.cfg.SolarShare})]
	c := park{kind: kind, region: fmt.Sprintf("%s%03d", map[string]string{"hydro": "river", "wind": "hill", "pv": "plain"}[kind], k)}
	switch kind {
	case "hydro":
		c.drive = p.river(r)
		for h := 0; h < p.hours; h++ { // the dispatcher logs low water a day late
			if c.drive[h] < .18 && (len(c.low) == 0 || float64(h) >= c.low[len(c.low)-1].to) {
				c.low = append(c.low, span{float64(h + 24), float64(h + 24*7)})
			}
		}
	case "wind":
		c.drive = p.wind(r)
	default:
		c.drive = p.sun(r)
	}
	for t := r.ExpFloat64() * 24 * 60; t < float64(p.hours); t += r.ExpFloat64() * 24 * 60 {
		c.events = append(c.events, span{math.Floor(t), math.Floor(t) + 6 + math.Floor(r.ExpFloat64()*48)})
	}
	return c
}

// river is hourly inflow relative to its mean: a wet season, slow wanderings, and floods
// that recede over days. The shape is an assumption after small rivers in Sichuan.
func (p *Plants) river(r *rand.Rand) []float64 {
	x := make([]float64, p.hours)
	slow := newAR(r, .25, 20*24, 1)
	peak, swing, flood := uniform(r, 190, 220), uniform(r, .5, .9), 0.0
	sum := 0.0
	for h := range x {
		day := float64(p.start.Add(time.Duration(h) * time.Hour).YearDay())
		season := swing * math.Cos(2*math.Pi*(day-peak)/365)
		flood *= math.Exp(-1. / 60)
		if chance(r, math.Exp(season)/(24*12)) {
			flood += r.ExpFloat64() * .5
		}
		x[h] = math.Exp(season+slow.next(r)) + flood
		sum += x[h]
	}
	for h := range x {
		x[h] *= float64(p.hours) / sum
	}
	return x
}

// wind is speed at the hub in m/s: weather of days over a daily wave.
func (p *Plants) wind(r *rand.Rand) []float64 {
	x := make([]float64, p.hours)
	front, gust := newAR(r, 1, 40, 1), newAR(r, .35, 4, 1)
	mean, wave := uniform(r, 6, 7.8), uniform(r, .2, .8)
	for h := range x {
		hour := float64(p.start.Add(time.Duration(h) * time.Hour).In(p.zone).Hour())
		x[h] = max(0, mean+2.6*front.next(r)+gust.next(r)+wave*math.Cos(2*math.Pi*(hour-2)/24))
	}
	return x
}

// sun is irradiance as a share of the panels' rating: a clear day less clouds.
func (p *Plants) sun(r *rand.Rand) []float64 {
	x := make([]float64, p.hours)
	cloud, front := newAR(r, 1, 3, 1), newAR(r, 1, 60, 1)
	for h := range x {
		t := p.start.Add(time.Duration(h) * time.Hour).In(p.zone)
		long := 12 + 2*math.Cos(2*math.Pi*float64(t.YearDay()-172)/365)
		s := math.Sin(math.Pi * (float64(t.Hour()) + .5 - (12.7 - long/2)) / long)
		if d := float64(t.Hour()) + .5 - 12.7; math.Abs(d) > long/2 {
			s = 0
		}
		x[h] = max(0, s) * clamp(.85-.25*max(0, front.next(r)+.4*cloud.next(r)), .08, .95)
	}
	return x
}

// Meters is the register: generators, Contracted being their capacity in kW.
func (p *Plants) Meters() []flatwatt.Meter { return slices.Clone(p.meters) }

// Inflow is the daily inflow of every river as a gauge gives it: within some per cent.
func (p *Plants) Inflow() (rows []InflowRow) {
	for k := range p.parks {
		if p.parks[k].kind != "hydro" {
			continue
		}
		r := stream(p.cfg.Seed, uint64(k), forPark+1<<8)
		for h := 0; h+24 <= p.hours; h += 24 {
			rel := sum(p.parks[k].drive[h:h+24]) / 24 * math.Exp(.04*r.NormFloat64())
			rows = append(rows, InflowRow{p.parks[k].region, p.at(float64(h)), math.Round(rel*1000) / 1000})
		}
	}
	return rows
}

func (p *Plants) at(h float64) time.Time { return p.start.Add(time.Duration(h * float64(time.Hour))) }
