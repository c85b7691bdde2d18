package simulate

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/flatwatt/flatwatt"
)

// HallConfig says what large flat loads to draw: data centres and mining farms. The same
// HallConfig always gives the same halls.
type HallConfig struct {
	Seed            uint64
	Halls           int     // at most 10,000
	Days            int     // civil days in Zone
	Start           string  // first civil day, 2006-01-02
	IntervalMinutes int     // 5, 15, 30 or 60
	Zone            string  // IANA name
	FarmShare       float64 // of halls that are mining farms
	Unregistered    float64 // of halls whose contracted capacity the register does not tell
	Missing         float64 // of readings
}

// DefaultHallConfig is 60 halls over 200 days across the halving of 20 April 2024, half farms.
func DefaultHallConfig() HallConfig {
	return HallConfig{Seed: 1, Halls: 60, Days: 200, Start: "2024-01-15", IntervalMinutes: 15, Zone: "Asia/Shanghai",
		FarmShare: .5, Unregistered: .15, Missing: .005}
}

// Purposes of the streams of halls, beyond all others.
const (
	forHall = 1<<42 + iota
	forHallDraw
	forHallFaults
	forCoin
)

// A hallKind is one sort of large flat load.
type hallKind struct {
	name   string
	farm   bool
	weight float64
	load   float64 // median kW of the machines
	use    [2]float64
	draw   func(h *hall, c *canvas, r *rand.Rand)
}

// hallKinds in a fixed order: their position takes part in drawing. Sizes and weights are
// assumptions; docs/halls.md says what each kind is modelled after.
func hallKinds() []hallKind {
	return []hallKind{
		{"cloud", false, 3, 600, [2]float64{.35, .7}, (*hall).cloud},
		{"colocation", false, 3, 400, [2]float64{.35, .75}, (*hall).colocation},
		{"ai training", false, 2, 900, [2]float64{.5, .95}, (*hall).training},
		{"batch computing", false, 1, 500, [2]float64{.6, .95}, (*hall).batch},
		{"telecom hall", false, 2, 120, [2]float64{.4, .8}, (*hall).exchange},
		{"air-cooled farm", true, 3, 500, [2]float64{.85, 1}, (*hall).mine},
		{"curtailing farm", true, 2, 700, [2]float64{.85, 1}, (*hall).mine},
		{"immersion farm", true, 2, 500, [2]float64{.85, 1}, (*hall).mine},
		{"wet-season farm", true, 1, 800, [2]float64{.85, 1}, (*hall).mine},
		{"mixed farm", true, 1, 500, [2]float64{.7, .95}, (*hall).mixed},
	}
}

// Halls are drawn large flat loads. Methods may be called from any goroutine.
type Halls struct {
	cfg    HallConfig
	cal    *calendar
	kinds  []hallKind
	air    *weather
	skies  []sky
	coin   []CoinRow
	meters []flatwatt.Meter
}

// A hall is what one load is.
type hall struct {
	*Halls
	kind   hallKind
	region int
	kW     float64 // of the machines at full use
	first  float64 // hours after the start at which it was energised; −Inf: before
}

// NewHalls plans the halls of cfg.
func NewHalls(cfg HallConfig) (*Halls, error) {
	zone, err := time.LoadLocation(cfg.Zone)
	if err != nil || cfg.Zone == "" || cfg.Zone == "Local" {
		return nil, fmt.Errorf("hall configuration: %w", &FieldError{"zone", cfg.Zone, "give a name of the IANA time zone database"})
	}
	first, err := time.ParseInLocation(time.DateOnly, cfg.Start, zone)
	if err != nil {
		return nil, fmt.Errorf("hall configuration: %w", &FieldError{"start", cfg.Start, "give a date like 2025-01-01"})
	}
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("hall configuration: %w", err)
	}
	step := time.Duration(cfg.IntervalMinutes) * time.Minute
	n := int(first.AddDate(0, 0, cfg.Days).Sub(first) / step)
	s := &Halls{cfg: cfg, cal: newCalendar(first, step, n, zone), kinds: hallKinds()}
	regions := DefaultConfig().Regions
	s.air = newWeather(cfg.Seed, s.cal, regions)
	for _, reg := range regions {
		s.skies = append(s.skies, newSky(s.air, s.cal, reg))
	}
	s.coin = s.drawCoin()
	for i := range cfg.Halls {
		s.meters = append(s.meters, s.meter(i))
	}
	return s, nil
}

func (c *HallConfig) validate() error {
	for _, f := range []struct {
		name     string
		is, most int
	}{{"halls", c.Halls, 10_000}, {"days", c.Days, MaxDays}} {
		if f.is < 1 || f.is > f.most {
			return &FieldError{f.name, f.is, fmt.Sprintf("give a whole number from 1 to %d", f.most)}
		}
	}
	if !slices.Contains([]int{5, 15, 30, 60}, c.IntervalMinutes) {
		return &FieldError{"interval_minutes", c.IntervalMinutes, "give 5, 15, 30 or 60"}
	}
	for _, f := range []struct {
		name string
		is   float64
	}{{"farm_share", c.FarmShare}, {"unregistered", c.Unregistered}, {"missing", c.Missing}} {
		if !(f.is >= 0 && f.is <= 1) {
			return &FieldError{f.name, f.is, "give a share from 0 to 1"}
		}
	}
	return nil
}

// plan is hall i.
func (s *Halls) plan(i int) *hall {
	r := stream(s.cfg.Seed, uint64(i), forHall)
	h := &hall{Halls: s, first: math.Inf(-1)}
	farm := chance(r, s.cfg.FarmShare)
	weights := make([]float64, len(s.kinds))
	for k, kind := range s.kinds {
		if kind.farm == farm {
			weights[k] = kind.weight
		}
	}
	h.kind = s.kinds[weighted(r, weights)]
	h.region = r.IntN(len(s.skies))
	h.kW = clamp(around(r, h.kind.load, .7), 60, 4000)
	if chance(r, .2) {
		h.first = math.Floor(uniform(r, .05, .5) * s.cal.hours())
	}
	return h
}

// meter is the register's entry. It never tells the real use.
func (s *Halls) meter(i int) flatwatt.Meter {
	h, r := s.plan(i), stream(s.cfg.Seed, uint64(i), forHall+1<<8)
	class := []flatwatt.Class{dataCentres, industrial, commercial}[weighted(r, []float64{.8, .1, .1})]
	if h.kind.farm {
		class = []flatwatt.Class{dataCentres, industrial, commercial}[weighted(r, []float64{.5, .3, .2})]
	} else if h.kind.name == "telecom hall" {
		class = telecoms
	}
	contracted := math.Ceil(h.kW*1.3/uniform(r, h.kind.use[0], h.kind.use[1])/10) * 10
	if h.kind.farm {
		contracted = math.Ceil(h.kW*1.06/uniform(r, h.kind.use[0], h.kind.use[1])/10) * 10
	}
	if chance(r, s.cfg.Unregistered) {
		contracted = 0
	}
	return flatwatt.Meter{
		ID: flatwatt.MeterID(fmt.Sprintf("h%05d", i)), Kind: flatwatt.Customer, Class: class, Tariff: tariffOf(class), Zone: s.cal.zone,
		Interval: s.cal.step, Contracted: flatwatt.KW(contracted), Region: DefaultConfig().Regions[h.region].Name,
	}
}

// Meters is the register, one customer a hall.
func (s *Halls) Meters() []flatwatt.Meter { return slices.Clone(s.meters) }

// Kind names what hall i really is.
func (s *Halls) Kind(i int) string { return s.plan(i).kind.name }

// Weather tells outdoor temperatures; WeatherRows are the same hour by hour.
func (s *Halls) Weather() flatwatt.Weather { return s.air }

// WeatherRows are the temperatures of all regions hour by hour, rounded to 0.1 °C.
func (s *Halls) WeatherRows() []WeatherRow { return slices.Collect(s.air.rows()) }

// Coin is the market as it was, weekly.
func (s *Halls) Coin() []CoinRow { return slices.Clone(s.coin) }

// Series draws hall i. The truth has the label Miner where it is a farm, whose Block is its
// mean power while it runs.
func (s *Halls) Series(i int) (flatwatt.Series, flatwatt.Truth) {
	h, r := s.plan(i), stream(s.cfg.Seed, uint64(i), forHallDraw)
	c := newCanvas(s.cal.n)
	c.reset()
	c.outdoors(s.skies[h.region], s.cal)
	h.kind.draw(h, c, r)
	h.begin(c, r)
	one := flatwatt.Series{Meter: s.meters[i].ID, Start: s.cal.start, Interval: s.cal.step}
	one.Energy = register(c.p, s.cal.dt, .01*math.Ceil(h.kW/50))
	f := stream(s.cfg.Seed, uint64(i), forHallFaults)
	for k := range one.Energy {
		if chance(f, s.cfg.Missing) {
			one.Energy[k] = nan
		}
	}
	truth := flatwatt.Truth{Meter: one.Meter, Label: flatwatt.NoneLabel, Note: h.kind.name}
	if h.kind.farm {
		truth.Label, truth.Block, truth.Schedule = flatwatt.Miner, flatwatt.KW(h.kW), flatwatt.AlwaysOn
		if h.first > 0 {
			truth.Onset = s.cal.at(h.first)
		}
	}
	return one, truth
}

// begin has nothing run before the hall was energised; an honest one then fills over months.
func (h *hall) begin(c *canvas, r *rand.Rand) {
	fill := uniform(r, 25, 120) * 24
	for k := range c.p {
		t := float64(k) * h.cal.dt
		switch {
		case t < h.first:
			c.p[k] = .004 * h.kW
		case !h.kind.farm:
			c.p[k] *= clamp((t-h.first)/fill, .08, 1)
		}
	}
}
