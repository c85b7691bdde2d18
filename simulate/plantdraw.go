package simulate

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/flatwatt/flatwatt"
)

// A plantPlan is what one plant is.
type plantPlan struct {
	cap    float64 // kW
	units  int
	design float64 // inflow, relative to the mean, that the turbines can take; wind: rated speed
	own    float64 // how much its water or wind differs from its neighbours'
	lag    int     // hours after the head of the cascade
	pond   float64 // share of a night's water kept for the day
	wear   float64 // of its output lost to a clogged rack or dust before each cleaning
	local  float64 // kW of its own use and of the village
}

func (p *Plants) plant(i int) plantPlan {
	r := stream(p.cfg.Seed, uint64(i), forPlant)
	kind := p.parks[i/p.cfg.PerCascade].kind
	q := plantPlan{units: 1 + r.IntN(3), own: uniform(r, .03, .12), lag: i % p.cfg.PerCascade, wear: uniform(r, .01, .06)}
	switch kind {
	case "hydro":
		q.cap, q.design = math.Round(around(r, 2500, .8)/10)*10, uniform(r, .8, 1.8)
		if chance(r, .3) {
			q.pond = uniform(r, .15, .6)
		}
	case "wind":
		q.cap, q.units, q.design, q.own = math.Round(around(r, 12000, .5)/100)*100, 4+r.IntN(12), uniform(r, 10.5, 12), uniform(r, .04, .1)
	default:
		q.cap, q.own = math.Round(around(r, 5000, .6)/10)*10, uniform(r, .02, .06)
	}
	q.local = q.cap * uniform(r, .002, .012)
	return q
}

// A direct is a miner at the private line of a plant, hours after the start.
type direct struct {
	kW       float64
	onset    float64
	night    bool
	from, to float64 // hours of the day by night
	grid     bool    // takes from the grid what the plant lacks
}

func (p *Plants) direct(i int) *direct {
	r := stream(p.cfg.Seed, uint64(i), forDirect)
	has := chance(r, p.cfg.DirectShare)
	d := direct{kW: math.Round(p.plant(i).cap * math.Exp(uniform(r, math.Log(.05), math.Log(.4)))), grid: chance(r, .5)}
	d.onset = math.Floor(uniform(r, .15, .85) * float64(p.hours))
	if chance(r, p.cfg.DayZeroShare) {
		d.onset = math.Inf(-1)
	}
	d.night = chance(r, p.cfg.NightShare)
	d.from, d.to = float64(20+r.IntN(4)), float64(5+r.IntN(4))
	if !has || p.parks[i/p.cfg.PerCascade].kind == "pv" && d.night {
		return nil
	}
	return &d
}

// takes is what the miner takes at local hour h of the day, kW.
func (d *direct) takes(at, hour float64) float64 {
	if d == nil || at < d.onset || d.night && hour < d.from && hour >= d.to {
		return 0
	}
	return d.kW
}

// A change is what altered a plant's output for good and honestly.
type plantChange struct {
	at     float64
	factor float64 // of output: worn runner, new rotor, a fish pass that takes water
	pond   float64 // of a night's water kept for the day, more than before
}

func (p *Plants) change(i int) *plantChange {
	r := stream(p.cfg.Seed, uint64(i), forDirect+1<<8)
	if !chance(r, p.cfg.ChangeShare) || p.direct(i) != nil {
		return nil
	}
	c := &plantChange{at: math.Floor(uniform(r, .1, .9) * float64(p.hours)), factor: 1}
	if chance(r, .3) && p.parks[i/p.cfg.PerCascade].kind == "hydro" {
		c.pond = uniform(r, .15, .4)
		return c
	}
	c.factor = 1 + uniform(r, -.2, .08)
	return c
}

// An outage takes units out of service.
type plantOutage struct {
	span
	share float64 // of the plant
	kind  string
	told  bool
}

func (p *Plants) outages(i int, q plantPlan) (list []plantOutage) {
	r := stream(p.cfg.Seed, uint64(i), forOutage)
	for t := r.ExpFloat64() * 24 * 50; t < float64(p.hours); t += r.ExpFloat64() * 24 * 50 {
		o := plantOutage{span{math.Floor(t), math.Floor(t) + math.Ceil(around(r, 10, 1.2))}, 1 / float64(q.units), "outage", chance(r, p.cfg.Registered)}
		if chance(r, .2) {
			o.share = 1
		}
		list = append(list, o)
	}
	if chance(r, .6) {
		t := math.Floor(r.Float64() * float64(p.hours))
		list = append(list, plantOutage{span{t, t + 24*float64(4+r.IntN(20))}, 1 / float64(q.units), "maintenance", true})
	}
	return list
}

// Events are the dispatch log of plant i in time order of each kind.
func (p *Plants) Events(i int) (list []PlantEvent) {
	id := p.meters[i].ID
	add := func(s span, kind string) {
		list = append(list, PlantEvent{id, p.at(s.from), p.at(s.to), kind})
	}
	for _, o := range p.outages(i, p.plant(i)) {
		if o.told {
			add(o.span, o.kind)
		}
	}
	k := &p.parks[i/p.cfg.PerCascade]
	for _, s := range k.events {
		add(s, "curtailment")
	}
	for _, s := range k.low {
		add(s, "low_water")
	}
	return list
}

// Series draws plant i: energy is negative when exported. The Truth of a plant that
// supplies a miner directly has the label Miner; Block is what the miner takes while it runs.
func (p *Plants) Series(i int) (flatwatt.Series, flatwatt.Truth) {
	q, d, c, park := p.plant(i), p.direct(i), p.change(i), &p.parks[i/p.cfg.PerCascade]
	r := stream(p.cfg.Seed, uint64(i), forPlant+1<<8)
	output := p.output(q, park, c, r)
	s := flatwatt.Series{Meter: p.meters[i].ID, Start: p.start, Interval: 3600e9, Energy: make([]float64, p.hours)}
	outages := p.outages(i, q)
	for h := range output {
		at, up := float64(h), 1.0
		for _, o := range outages {
			if at >= o.from && at < o.to {
				up = max(0, up-o.share)
			}
		}
		for _, e := range park.events {
			if at >= e.from && at < e.to {
				up = min(up, .4)
			}
		}
		gen := min(output[h], q.cap*up)
		hour := float64(p.at(at).In(p.zone).Hour())
		mine := d.takes(at, hour) * (1 + .004*r.NormFloat64())
		if d != nil && !d.grid {
			mine = min(mine, gen)
		}
		village := q.local * (1 + .4*math.Cos(2*math.Pi*(hour-19)/24))
		s.Energy[h] = math.Round((village+mine-gen)*(1+.002*r.NormFloat64())*100) / 100
		if chance(r, p.cfg.Missing) {
			s.Energy[h] = nan
		}
	}
	return s, p.truth(i, d, c)
}

// output is what the plant could give hour by hour without outages, kW.
func (p *Plants) output(q plantPlan, park *park, c *plantChange, r *rand.Rand) []float64 {
	x := make([]float64, p.hours)
	own, wear, quick := newAR(r, q.own, 15*24, 1), 0.0, newAR(r, .02, 6, 1)
	every := uniform(r, 20, 60) * 24
	for h := range x {
		drive := park.drive[max(0, h-q.lag)] * math.Exp(own.next(r)+quick.next(r))
		hour := float64(p.at(float64(h)).In(p.zone).Hour())
		wear = math.Mod(float64(h), every) / every * q.wear
		pond, factor := q.pond, 1.0
		if c != nil && float64(h) >= c.at {
			pond, factor = pond+c.pond, c.factor
		}
		var share float64
		switch park.kind {
		case "hydro":
			share = drive / q.design * (1 + pond*peaking(hour))
		case "wind":
			share = math.Pow(clamp((drive-2.8)/(q.design-2.8), 0, 1), 2.2)
		default:
			share = drive
		}
		x[h] = q.cap * min(1, share) * factor * (1 - wear)
	}
	return x
}

// peaking is how a pond shifts water from night to the peaks of the day; mean 0.
func peaking(hour float64) float64 {
	switch {
	case hour >= 8 && hour < 12 || hour >= 17 && hour < 21:
		return 1
	case hour >= 23 || hour < 7:
		return -1
	}
	return 0
}

func (p *Plants) truth(i int, d *direct, c *plantChange) flatwatt.Truth {
	t := flatwatt.Truth{Meter: p.meters[i].ID, Label: flatwatt.NoneLabel}
	if d != nil {
		t.Label, t.Block, t.Schedule, t.Note = flatwatt.Miner, flatwatt.KW(d.kW), flatwatt.AlwaysOn, "direct supply by a private line"
		if d.night {
			t.Schedule, t.Note = flatwatt.Night, fmt.Sprintf("direct supply from %.0f to %.0f h", d.from, d.to)
		}
		if !math.IsInf(d.onset, -1) {
			t.Onset = p.at(d.onset)
		}
	} else if c != nil {
		t.Label, t.Onset, t.Note = flatwatt.LegitChange, p.at(c.at), fmt.Sprintf("output × %.2f, pond + %.2f", c.factor, c.pond)
	}
	return t
}
