package console

import (
	"math"
	"slices"

	"github.com/flatwatt/flatwatt"
)

// peersJSON compares a meter with others of its class, in its region where there are enough.
type peersJSON struct {
	Group    string     `json:"group"` // what they have in common: class, or class and region
	Count    int        `json:"count"`
	Features []peerJSON `json:"features"`
}

// peerJSON is one feature of the meter beside its peers'.
type peerJSON struct {
	Name   string   `json:"name"`
	Value  *float64 `json:"value"`
	Low    *float64 `json:"p10"`
	Median *float64 `json:"median"`
	High   *float64 `json:"p90"`
	Below  *float64 `json:"share_below"` // share of peers with a lower value
}

// enoughPeers is from how many on a group says something.
const enoughPeers = 8

var features = []struct {
	name string
	of   func(*flatwatt.Features) float64
}{
	{"mean_kw", func(f *flatwatt.Features) float64 { return f.MeanKW }},
	{"floor_kw", func(f *flatwatt.Features) float64 { return f.FloorKW }},
	{"baseload_share", func(f *flatwatt.Features) float64 { return f.BaseloadShare }},
	{"load_factor", func(f *flatwatt.Features) float64 { return f.LoadFactor }},
	{"cv", func(f *flatwatt.Features) float64 { return f.CV }},
	{"night_day", func(f *flatwatt.Features) float64 { return f.NightDay }},
	{"weekday_weekend", func(f *flatwatt.Features) float64 { return f.WeekdayEnd }},
	{"acf24", func(f *flatwatt.Features) float64 { return f.ACF24 }},
	{"power_factor", func(f *flatwatt.Features) float64 { return f.PowerFactor }},
	{"thermal_pct", func(f *flatwatt.Features) float64 { return f.ThermalPct }},
}

func peersOf(f Finding, all []Finding) peersJSON {
	inRegion, inClass := []*flatwatt.Features{}, []*flatwatt.Features{}
	for i := range all {
		o := &all[i]
		if o.Meter.ID == f.Meter.ID || o.Meter.Class != f.Meter.Class || o.Meter.Kind != f.Meter.Kind || o.Rank == 0 {
			continue
		}
		inClass = append(inClass, &o.Score.Features)
		if o.Meter.Region == f.Meter.Region {
			inRegion = append(inRegion, &o.Score.Features)
		}
	}
	p := peersJSON{Group: "class_region", Count: len(inRegion), Features: []peerJSON{}}
	peers := inRegion
	if len(peers) < enoughPeers {
		p.Group, p.Count, peers = "class", len(inClass), inClass
	}
	if len(peers) == 0 {
		return p
	}
	for _, ft := range features {
		if row, ok := comparePeers(ft.of(&f.Score.Features), peers, ft.of); ok {
			row.Name = ft.name
			p.Features = append(p.Features, row)
		}
	}
	return p
}

func comparePeers(own float64, peers []*flatwatt.Features, of func(*flatwatt.Features) float64) (row peerJSON, ok bool) {
	var known []float64
	below := 0
	for _, peer := range peers {
		if v := of(peer); !math.IsNaN(v) {
			known = append(known, v)
			below += btoi(v < own)
		}
	}
	if len(known) == 0 || math.IsNaN(own) {
		return row, false
	}
	slices.Sort(known)
	at := func(q float64) *float64 { return number(known[int(q*float64(len(known)-1))]) }
	share := float64(below) / float64(len(known))
	return peerJSON{Value: number(own), Low: at(.1), Median: at(.5), High: at(.9), Below: &share}, true
}
