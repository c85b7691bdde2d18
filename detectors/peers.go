package detectors

import (
	"math"
	"slices"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/models"
)

// minPeers is how many peers with a baseline a group needs before its median speaks
// for the weather, a holiday or the hour; with fewer the next wider group is asked.
const minPeers = 8

// kappaMax bounds the common mode, in sigmas: beyond it something else is wrong.
const kappaMax = 4

// peerLevels are the widths of peer groups: zone × region × class, zone × region,
// zone × class, zone.
const peerLevels = 4

// peerGroups knows who is whose peer: all of a kind (roster) are of the same groups.
type peerGroups struct {
	of     [][peerLevels]int32 // group of each kind at each width
	values [][numMasks][]float64
	median [][numMasks]float64
	floors [][]float64 // log of the 28-day floor
	floorM []float64   // their median and scale
	floorS []float64
	means  [][]float64        // log of the usual mean demand
	meanM  []float64          // their median
	temps  []pastTemperatures // by group of zone and region
}

func (g *peerGroups) layOut(kinds []flatwatt.Meter, zoneOf []int32, zones []zone) {
	type key struct {
		zone   int32
		level  int
		region string
		class  flatwatt.Class
	}
	ids := map[key]int32{}
	id := func(k key) int32 {
		n, ok := ids[k]
		if !ok {
			n = int32(len(ids))
			ids[k] = n
			zones[k.zone].groups = append(zones[k.zone].groups, n)
		}
		return n
	}
	g.of = make([][peerLevels]int32, len(kinds))
	for i, m := range kinds {
		z := zoneOf[i]
		g.of[i] = [peerLevels]int32{
			id(key{z, 0, m.Region, m.Class}), id(key{z, 1, m.Region, ""}),
			id(key{z, 2, "", m.Class}), id(key{z, 3, "", ""}),
		}
	}
	g.values = make([][numMasks][]float64, len(ids))
	g.median = make([][numMasks]float64, len(ids))
	g.floors = make([][]float64, len(ids))
	g.floorM = make([]float64, len(ids))
	g.floorS = make([]float64, len(ids))
	g.means = make([][]float64, len(ids))
	g.meanM = make([]float64, len(ids))
	g.temps = make([]pastTemperatures, len(ids))
}

// begin forgets the day before.
func (g *peerGroups) begin(z *zone) {
	for _, k := range z.groups {
		for m := range numMasks {
			g.values[k][m] = g.values[k][m][:0]
		}
		g.floors[k], g.means[k] = g.floors[k][:0], g.means[k][:0]
	}
}

// take adds the day of a meter of a kind to its groups.
func (g *peerGroups) take(kind uint32, c *customer, p *part) {
	for _, id := range g.of[kind] {
		if p.ready {
			for m := range numMasks {
				if r := p.dev[m] / p.sigma[m]; r == r {
					g.values[id][m] = append(g.values[id][m], r)
				}
			}
		}
		if c.floor.N >= 3 {
			g.floors[id] = append(g.floors[id], float64(c.floor.Mu))
			g.means[id] = append(g.means[id], math.Log(max(c.feat.mean.Value(), 0.02)))
		}
	}
}

// commonMode finds what peers did together on the day: the median of their
// standardised deviations, per mask. Removing it takes out cold waves, holidays and
// clock changes without knowing their cause. It also finds each group's usual floor.
func (g *peerGroups) commonMode(z *zone) {
	for _, id := range z.groups {
		for m := range numMasks {
			v := g.values[id][m]
			g.median[id][m] = math.NaN()
			if len(v) >= minPeers {
				slices.Sort(v)
				g.median[id][m] = commonRise(v)
			}
		}
		g.floorM[id], g.floorS[id] = math.NaN(), math.NaN()
		if len(g.floors[id]) >= minPeers {
			g.floorM[id], g.floorS[id] = models.MedianMAD(g.floors[id])
			slices.Sort(g.means[id])
			g.meanM[id] = models.Quantile(g.means[id], 0.5)
		}
	}
}

// assign gives a meter the common mode and the usual floor of its narrowest group that
// has enough peers; none is 0 and NaN.
func (g *peerGroups) assign(p *part, kind uint32) {
	p.kappa = [numMasks]float64{}
	p.peerFloor, p.peerScale, p.peerMean = math.NaN(), math.NaN(), math.NaN()
	for m := range numMasks {
		for _, id := range g.of[kind] {
			if v := g.median[id][m]; v == v {
				p.kappa[m] = v
				break
			}
		}
	}
	for _, level := range []int{0, 2, 1, 3} { // a floor is a matter of class before region
		if id := g.of[kind][level]; g.floorM[id] == g.floorM[id] {
			p.peerFloor, p.peerScale, p.peerMean = g.floorM[id], g.floorS[id], g.meanM[id]
			break
		}
	}
}

// commonRise is the median of sorted standardised deviations within ±kappaMax; beyond, it is
// the quartile nearer to 0, if that lies beyond as well: then most peers agree.
func commonRise(v []float64) float64 {
	m := models.Quantile(v, 0.5)
	low, high := models.Quantile(v, 0.25), models.Quantile(v, 0.75)
	switch {
	case m > kappaMax:
		return max(kappaMax, low)
	case m < -kappaMax:
		return min(-kappaMax, high)
	}
	return m
}

// pastTemperatures are a region's daily means in °C, by day modulo historyDays; NaN unknown.
// They are no state: they come from the weather whenever they are needed.
type pastTemperatures struct {
	last  flatwatt.Day // 0 = none
	daily [historyDays]float64
}

// temperatures are those of a kind's region, of the days up to z's open day.
func (g *peerGroups) temperatures(w flatwatt.Weather, region string, kind uint32, z *zone) *[historyDays]float64 {
	t := &g.temps[g.of[kind][1]]
	from := max(t.last+1, z.day-historyDays+1)
	if t.last > z.day {
		from = z.day - historyDays + 1
	}
	for d := from; d <= z.day; d++ {
		t.daily[(d%historyDays+historyDays)%historyDays] = meanTemperature(w, region, d, z.loc)
	}
	t.last = z.day
	return &t.daily
}

// meanTemperature is a day's mean at 3-hour steps, NaN if fewer than half are known.
func meanTemperature(w flatwatt.Weather, region string, d flatwatt.Day, loc *time.Location) float64 {
	if w == nil {
		return math.NaN()
	}
	sum, n := 0.0, 0.0
	end := (d + 1).Start(loc).Unix()
	for at := d.Start(loc).Unix(); at < end; at += 3 * 3600 {
		if c, ok := w.TemperatureC(region, time.Unix(at, 0).UTC()); ok {
			sum, n = sum+c, n+1
		}
	}
	if n < 4 {
		return math.NaN()
	}
	return sum / n
}
