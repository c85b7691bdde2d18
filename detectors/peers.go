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

// peerGroups knows who is whose peer.
type peerGroups struct {
	of     [][peerLevels]int32 // group of each meter at each width
	values [][numMasks][]float64
	median [][numMasks]float64
	floors [][]float64 // log of the 28-day floor
	floorM []float64   // their median and scale
	floorS []float64
	temps  map[string]float64 // of the day being closed, by region
	tempAt int64
}

func (g *peerGroups) layOut(meters []flatwatt.Meter, zoneOf []int32, zones []zone) {
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
	g.of = make([][peerLevels]int32, len(meters))
	for i, m := range meters {
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
	g.temps = map[string]float64{}
}

// commonMode finds what peers did together on the day: the median of their
// standardised deviations, per mask. Removing it takes out cold waves, holidays and
// clock changes without knowing their cause. It also finds each group's usual floor.
func (g *peerGroups) commonMode(f *Fleet, z *zone, days []day, parts []part) {
	for _, k := range z.groups {
		for m := range numMasks {
			g.values[k][m] = g.values[k][m][:0]
		}
		g.floors[k] = g.floors[k][:0]
	}
	for k, i := range z.meters {
		if days[k].valid == 0 {
			continue
		}
		for _, id := range g.of[i] {
			if parts[k].ready {
				for m := range numMasks {
					if r := parts[k].dev[m] / parts[k].sigma[m]; r == r {
						g.values[id][m] = append(g.values[id][m], r)
					}
				}
			}
			if v := float64(f.state[i].floor.Mu); f.state[i].floor.N >= 3 {
				g.floors[id] = append(g.floors[id], v)
			}
		}
	}
	for _, id := range z.groups {
		for m := range numMasks {
			v := g.values[id][m]
			g.median[id][m] = math.NaN()
			if len(v) >= minPeers {
				slices.Sort(v)
				g.median[id][m] = models.Quantile(v, 0.5)
			}
		}
		g.floorM[id], g.floorS[id] = math.NaN(), math.NaN()
		if len(g.floors[id]) >= minPeers {
			g.floorM[id], g.floorS[id] = models.MedianMAD(g.floors[id])
		}
	}
	for k, i := range z.meters {
		if days[k].valid > 0 {
			g.assign(&parts[k], i)
		}
	}
}

// assign gives a meter the common mode and the usual floor of its narrowest group that
// has enough peers; none is 0 and NaN.
func (g *peerGroups) assign(p *part, i int32) {
	p.kappa = [numMasks]float64{}
	p.peerFloor, p.peerScale = math.NaN(), math.NaN()
	for m := range numMasks {
		for _, id := range g.of[i] {
			if v := g.median[id][m]; v == v {
				p.kappa[m] = min(max(v, -kappaMax), kappaMax)
				break
			}
		}
	}
	for _, level := range []int{0, 2, 1, 3} { // a floor is a matter of class before region
		if id := g.of[i][level]; g.floorM[id] == g.floorM[id] {
			p.peerFloor, p.peerScale = g.floorM[id], g.floorS[id]
			break
		}
	}
}

// temperature is the mean temperature of a region on z's open day.
func (g *peerGroups) temperature(w flatwatt.Weather, region string, z *zone) float64 {
	if g.tempAt != z.start {
		clear(g.temps)
		g.tempAt = z.start
	}
	key := z.loc.String() + "\x00" + region
	if t, ok := g.temps[key]; ok {
		return t
	}
	sum, n := 0.0, 0.0
	for at := z.start; at < z.end; at += 3 * 3600 {
		if c, ok := w.TemperatureC(region, time.Unix(at, 0).UTC()); ok {
			sum, n = sum+c, n+1
		}
	}
	t := math.NaN()
	if n >= 4 {
		t = sum / n
	}
	g.temps[key] = t
	return t
}
