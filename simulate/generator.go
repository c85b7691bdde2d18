package simulate

import (
	"fmt"
	"iter"
	"math"
	"sync"
	"time"

	"github.com/flatwatt/flatwatt"
)

// A Generator draws a fleet. After New it never changes: all methods may be called
// from any number of goroutines, in any order, and always give the same.
type Generator struct {
	cfg          Config
	cal          *calendar
	zone         *time.Location
	weather      *weather
	regions      []sky
	uses         []use
	useWeights   [3][]float64 // per area
	areaShare    []float64
	hostMean     float64
	transformers int
	feeders      int
	meters       []flatwatt.Meter
	miners       []bool // whether customer i has one
	clusters     []Cluster
	clustered    map[int]*miner // by customer
	pool         sync.Pool      // *canvas
}

// sky is the weather of one region on the grid of intervals.
type sky struct {
	temp, cloud, rain, rise, set, noon []float64
	lat                                float64
}

// New plans the fleet of cfg. It returns a *FieldError where cfg is wrong.
func New(cfg Config) (*Generator, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("fleet configuration: %w", err)
	}
	zone, err := time.LoadLocation(cfg.Zone)
	if err != nil {
		return nil, fmt.Errorf("fleet configuration: %w", err)
	}
	first, err := time.ParseInLocation(time.DateOnly, cfg.Start, zone)
	if err != nil {
		return nil, fmt.Errorf("fleet configuration: %w", err)
	}
	n := int(first.AddDate(0, 0, cfg.Days).Sub(first) / cfg.interval())
	g := &Generator{cfg: cfg, zone: zone, cal: newCalendar(first, cfg.interval(), n, zone), uses: allUses()}
	g.weather = newWeather(cfg.Seed, g.cal, cfg.Regions)
	for _, reg := range cfg.Regions {
		g.regions = append(g.regions, newSky(g.weather, g.cal, reg))
	}
	g.transformers = (cfg.Meters + cfg.Grid.CustomersPerTransformer - 1) / cfg.Grid.CustomersPerTransformer
	g.feeders = (g.transformers + cfg.Grid.TransformersPerFeeder - 1) / cfg.Grid.TransformersPerFeeder
	g.weigh()
	g.pool.New = func() any { return newCanvas(n) }
	g.planClusters()
	g.register()
	return g, nil
}

func newSky(w *weather, cal *calendar, reg Region) sky {
	air := w.air[reg.Name]
	s := sky{temp: w.onGrid(air.temp, cal), cloud: w.onGrid(air.cloud, cal), rain: w.onGrid(air.rain, cal), lat: reg.Latitude}
	s.rise, s.set = cal.sunTimes(reg.Latitude, reg.Longitude)
	for k := range cal.days {
		s.noon = append(s.noon, cal.solarNoon(k, reg.Longitude))
	}
	return s
}

// weigh turns the shares of uses into weights per area such that the configured
// shares hold over the whole fleet, and finds the mean weight as a hiding place.
func (g *Generator) weigh() {
	total := 0.0
	g.areaShare = make([]float64, 3)
	for a := range g.useWeights {
		g.useWeights[a] = make([]float64, len(g.uses))
	}
	for i, u := range g.uses {
		share := g.cfg.Shares[u.name]
		total += share
		g.hostMean += share * g.host(u.name)
		for a, f := range u.area {
			g.useWeights[a][i] = share * f
			g.areaShare[a] += share * f
		}
	}
	g.hostMean /= total
}

func (g *Generator) register() {
	for i := range g.cfg.Meters {
		p := g.planOf(i)
		g.meters, g.miners = append(g.meters, g.meter(i, p)), append(g.miners, p.miner != nil)
	}
	if !g.cfg.Grid.Meters {
		return
	}
	grid := func(id, parent flatwatt.MeterID, kind flatwatt.Kind, k int) {
		g.meters = append(g.meters, flatwatt.Meter{ID: id, Parent: parent, Kind: kind, Zone: g.zone,
			Interval: g.cfg.interval(), Region: g.regionOf(k).Name})
	}
	for k := range g.transformers {
		grid(transformerID(k), feederID(k/g.cfg.Grid.TransformersPerFeeder), flatwatt.Transformer, k)
	}
	for k := range g.feeders {
		grid(feederID(k), "", flatwatt.Feeder, k*g.cfg.Grid.TransformersPerFeeder)
	}
}

// Config is what the fleet was drawn from.
func (g *Generator) Config() Config { return g.cfg }

// Meters is the register: customers first, then transformers, then feeders. Not to be changed.
func (g *Generator) Meters() []flatwatt.Meter { return g.meters }

// Start is the start of the first interval, Intervals their number.
func (g *Generator) Start() time.Time { return g.cal.start }

// Intervals is the number of intervals of every series.
func (g *Generator) Intervals() int { return g.cal.n }

// Weather tells the outdoor temperature of every region, from two days before the
// data to two days after.
func (g *Generator) Weather() flatwatt.Weather { return g.weather }

// WeatherRows yields the same weather hour by hour, rounded to 0.1 °C.
func (g *Generator) WeatherRows() iter.Seq[WeatherRow] { return g.weather.rows() }

// Use is what meter i really does, one of Uses(); "" for transformers and feeders.
func (g *Generator) Use(i int) string {
	if i >= g.cfg.Meters {
		return ""
	}
	return g.planOf(i).use.name
}

// Series draws meter i as numbered in Meters: what its register delivered, and the
// truth behind it. Transformers and feeders draw all their customers again, so All
// is the faster way to have every series.
//
// Where a miner bypasses its customer's meter, the transformer has the label Miner and
// the customer NoneLabel: no detector of customers could see it. Block is 0 for a
// change of life, such as a vacancy, which adds no load of its own.
func (g *Generator) Series(i int) (flatwatt.Series, flatwatt.Truth) {
	if i < g.cfg.Meters {
		s, t, _ := g.customer(i)
		return s, t
	}
	if k := i - g.cfg.Meters; k < g.transformers {
		return g.transformerSeries(k, g.transformerFlow(k))
	}
	return g.feederSeries(i - g.cfg.Meters - g.transformers)
}

// A flow is true demand: kW and kvar per interval, before any meter saw it.
type flow struct{ p, q []float64 }

func newFlow(n int) flow { return flow{make([]float64, n), make([]float64, n)} }

func (f flow) add(o flow) {
	for i := range f.p {
		f.p[i] += o.p[i]
		f.q[i] += o.q[i]
	}
}

// customer draws customer i; the flow is what it takes from its transformer, bypass included.
func (g *Generator) customer(i int) (flatwatt.Series, flatwatt.Truth, flow) {
	p := g.planOf(i)
	c := g.pool.Get().(*canvas)
	defer g.pool.Put(c)
	c.reset()
	c.under(g, p.region)
	g.voltage(p.transformer, c)
	changeKW := g.honest(i, p, c)
	var blk *block
	if p.miner != nil {
		blk = p.miner.draw(c, stream(g.cfg.Seed, uint64(i), forMinerDraw), g.cuts(p.transformer))
	}
	drawn := newFlow(g.cal.n)
	copy(drawn.p, c.p)
	copy(drawn.q, c.q)
	if blk != nil {
		drawn.add(flow{blk.kW, blk.kvar})
		if !p.miner.bypass {
			copy(c.p, drawn.p)
			copy(c.q, drawn.q)
		}
	}
	g.dropBypass(p, blk, c)
	g.cutPower(p.transformer, c, drawn)
	return g.measure(i, p, c), g.truth(i, p, blk, changeKW), drawn
}

// honest draws the appliances and the change; it returns the mean of what the change added, in kW.
func (g *Generator) honest(i int, p *plan, c *canvas) float64 {
	if p.life != nil {
		p.life(c, stream(g.cfg.Seed, uint64(i), forAppliance))
	}
	if p.change != nil && p.change.life != nil {
		p.change.life(c, stream(g.cfg.Seed, uint64(i), forChangeDraw), c.cal.index(p.change.onset))
	}
	for k := range p.apps {
		c.add(&p.apps[k], stream(g.cfg.Seed, uint64(i), forAppliance+1+uint64(k)))
	}
	if p.change == nil {
		return 0
	}
	before := sum(c.p)
	for k := range p.change.apps {
		c.add(&p.change.apps[k], stream(g.cfg.Seed, uint64(i), 1<<20+uint64(k)))
	}
	return (sum(c.p) - before) / max(1, float64(g.cal.n-c.cal.index(p.change.onset)))
}

func sum(x []float64) (s float64) {
	for _, v := range x {
		s += v
	}
	return s
}

// under puts c under the sky of a region.
func (c *canvas) under(g *Generator, reg *Region) {
	for k := range g.cfg.Regions {
		if &g.cfg.Regions[k] == reg {
			c.outdoors(g.regions[k], g.cal)
		}
	}
}

// outdoors gives c a grid and its weather.
func (c *canvas) outdoors(s sky, cal *calendar) {
	c.cal, c.temp, c.cloud, c.rain = cal, s.temp, s.cloud, s.rain
	c.rise, c.set, c.noon, c.lat = s.rise, s.set, s.noon, s.lat
	c.lag(10)
}

var nan = math.NaN()
