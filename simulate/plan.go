package simulate

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/flatwatt/flatwatt"
)

// A plan is everything decided about one customer before any demand is drawn. It is
// a pure function of the configuration and the customer's number.
type plan struct {
	use         *use
	class       flatwatt.Class // declared
	transformer int
	region      *Region
	contracted  float64 // kW; 0 unknown
	ct          float64 // current transformer ratio; 1: direct
	reactive    bool
	voltage     bool
	netMetered  bool    // export counts negative; otherwise it is not registered
	ohm         float64 // relative voltage drop per kW of own demand
	apps        []appliance
	life        func(*canvas, *rand.Rand)
	miner       *miner
	change      *change
}

// planOf plans customer i.
func (g *Generator) planOf(i int) *plan {
	r := stream(g.cfg.Seed, uint64(i), forPlan)
	p := &plan{transformer: i / g.cfg.Grid.CustomersPerTransformer, ct: 1}
	area := g.areaOf(p.transformer)
	p.region = g.regionOf(p.transformer)
	p.use = &g.uses[weighted(r, g.useWeights[area])]
	p.class = p.use.class
	if chance(r, g.cfg.Misregistered) {
		p.class = p.use.wrong
	}
	p.reactive, p.voltage = chance(r, g.cfg.Metering.ReactiveShare), chance(r, g.cfg.Metering.VoltageShare)
	p.netMetered = chance(r, .5)
	isMiner, isChange, solar := r.Float64() < g.minerChance(p.use), chance(r, g.cfg.Changes.Share), chance(r, g.cfg.PVShare)
	p.contract(r, g.build(p, r, solar), g.cfg.Metering.CTFromKW)
	hours := g.cal.hours()
	if m := g.clustered[i]; m != nil {
		p.miner = m
	} else if isMiner {
		p.miner = g.hide(i, p, hours)
	} else if isChange {
		c := stream(g.cfg.Seed, uint64(i), forChange)
		kind := p.use.changes[c.IntN(len(p.use.changes))]
		p.change = newChange(c, kind, p.use.name, p.region, p.peakGuess(), hours)
	}
	return p
}

// build puts the appliances in and returns the peak they add up to, in kW.
func (g *Generator) build(p *plan, r *rand.Rand, solar bool) float64 {
	b := &builder{r: r, region: p.region}
	p.use.build(b)
	peak := b.peak
	if solar && p.use.solar {
		b.add("panels", nature{}, 0, 0, panels(uniform(r, .3, .9)*max(3, peak)))
	}
	p.apps, p.life = b.apps, b.life
	return peak
}

// contractSteps are usual supply sizes in kW.
var contractSteps = []float64{4, 6, 8, 12, 16, 20, 30, 40, 50, 63, 80, 100, 125, 160, 200, 250, 315, 400, 500, 630, 800, 1000, 1250, 1600, 2000, 2500, 3150}

// contract sizes the supply for the honest peak, with a current transformer where it is large.
func (p *plan) contract(r *rand.Rand, peak, ctFrom float64) {
	want := peak * uniform(r, 1, 1.7)
	p.contracted = math.Ceil(want/1000) * 1000
	for _, s := range contractSteps {
		if s >= want {
			p.contracted = s
			break
		}
	}
	if p.contracted >= ctFrom {
		// 5 A meters at 0.4 kV three-phase carry about 3 kW
		p.ct = math.Ceil(p.contracted/3/5) * 5
	}
	p.ohm = uniform(r, .01, .04) / p.contracted // 1–4 % of voltage at full supply
	if chance(r, .15) {
		p.contracted = -p.contracted // known to us, not to the register
	}
}

func (p *plan) peakGuess() float64 { return math.Abs(p.contracted) / 1.3 }

// hide plans the miner at customer i.
func (g *Generator) hide(i int, p *plan, hours float64) *miner {
	r := stream(g.cfg.Seed, uint64(i), forMiner)
	count := min(geometric(r, p.use.units), g.cfg.Miners.MaxUnits)
	for float64(count)*3 > 2.5*math.Abs(p.contracted) && count > 1 {
		count /= 2 // the fuse would not bear it
	}
	return newMiner(r, &g.cfg.Miners, count, hours)
}

// minerChance spreads the configured share over the uses by their weight as hiding places.
func (g *Generator) minerChance(u *use) float64 {
	if g.hostMean == 0 {
		return 0
	}
	return min(1, g.cfg.Miners.Share*g.host(u.name)/g.hostMean)
}

func (g *Generator) host(name string) float64 {
	if w, ok := g.cfg.Miners.HostWeights[name]; ok {
		return w
	}
	return 1
}

// meter is the register's entry for customer i. It never tells the real use.
func (g *Generator) meter(i int, p *plan) flatwatt.Meter {
	extra := map[string]string{}
	if p.ct > 1 {
		extra["ct_ratio"] = fmt.Sprintf("%g", p.ct)
	}
	return flatwatt.Meter{
		ID: customerID(i), Parent: transformerID(p.transformer), Kind: flatwatt.Customer, Class: p.class,
		Tariff: tariffOf(p.class), Zone: g.zone, Interval: g.cfg.interval(),
		Contracted: flatwatt.KW(max(0, p.contracted)), Region: p.region.Name, Extra: extra,
	}
}

func tariffOf(c flatwatt.Class) string {
	switch c {
	case residential, farming:
		return string(c)
	case industrial, dataCentres:
		return "large_industry_tou"
	}
	return "general_tou"
}

func customerID(i int) flatwatt.MeterID    { return flatwatt.MeterID(fmt.Sprintf("c%07d", i)) }
func transformerID(k int) flatwatt.MeterID { return flatwatt.MeterID(fmt.Sprintf("t%06d", k)) }
func feederID(k int) flatwatt.MeterID      { return flatwatt.MeterID(fmt.Sprintf("f%05d", k)) }

// truth is what is really behind customer i; blk is nil without a miner.
func (g *Generator) truth(i int, p *plan, blk *block, changeKW float64) flatwatt.Truth {
	t := flatwatt.Truth{Meter: customerID(i), Label: flatwatt.NoneLabel, Note: p.use.name}
	if p.class != p.use.class {
		t.Note += ", declared " + string(p.class)
	}
	switch {
	case p.miner != nil && p.miner.bypass:
		t.Note += ", bypass: its miner is seen only at " + string(transformerID(p.transformer))
	case p.miner != nil:
		t = minerTruth(t, p.miner, blk, g.cal)
	case p.change != nil:
		t.Label, t.Onset, t.Block = flatwatt.LegitChange, g.cal.at(p.change.onset), flatwatt.KW(changeKW)
		t.Note += ": " + p.change.kind
	}
	return t
}

func minerTruth(t flatwatt.Truth, m *miner, blk *block, cal *calendar) flatwatt.Truth {
	t.Label, t.Block, t.Units, t.Schedule = flatwatt.Miner, flatwatt.KW(blk.mean()), len(m.machines), m.schedule
	t.Note = strings.TrimPrefix(t.Note+": "+m.String(), ": ")
	if !math.IsInf(m.onset, -1) {
		t.Onset = cal.at(m.onset)
	}
	if !math.IsInf(m.end, 1) {
		t.Note += ", ends " + cal.at(m.end).Format(time.RFC3339)
	}
	return t
}
