package console

import (
	"fmt"
	"slices"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/casework"
	"github.com/flatwatt/flatwatt/network"
)

// gridPage is a part of the tree: a node, the way up from it, and what hangs below.
type gridPage struct {
	At    *nodeRow  `json:"at"` // null at the top
	Path  []string  `json:"path"`
	Below []nodeRow `json:"below"`
	From  string    `json:"from"` // days of the balance
	To    string    `json:"to"`
}

// nodeRow is one node or meter with what lies below it.
type nodeRow struct {
	ID       string       `json:"id"`
	Kind     string       `json:"kind"`
	Meters   int          `json:"meters"`   // customers below that the person sees, itself included
	Suspects int          `json:"suspects"` // of them
	BlockKW  float64      `json:"block_kw"` // of the suspects together
	Own      *meterRow    `json:"score"`    // its own score, null where it has none
	Balance  *balanceJSON `json:"balance"`  // null where it is not metered, or not all of it is seen
	Leaf     bool         `json:"leaf"`
}

// balanceJSON is what went into a node and what was metered below it, over whole hours in
// which all of it was read.
type balanceJSON struct {
	InKWh   float64 `json:"in_kwh"`
	OutKWh  float64 `json:"out_kwh"`
	LossKWh float64 `json:"loss_kwh"`
	LossPct float64 `json:"loss_pct"`
	Hours   int     `json:"hours"`
}

// balanceDays is how far back the balance goes.
const balanceDays = 30

// grid is the network with its customers, for one request.
type grid struct {
	*call
	net  *network.Network
	at   time.Time
	from time.Time
}

func (c *call) grid() (g grid) {
	g = grid{call: c, net: c.Network, at: c.Board.Status().AsOf}
	if g.at.IsZero() {
		g.at = c.now
	}
	g.from = g.at.AddDate(0, 0, -balanceDays)
	if g.net == nil {
		var meters []flatwatt.Meter
		for _, f := range c.Board.Findings() {
			if f.Score.Detector != "cluster" {
				meters = append(meters, f.Meter)
			}
		}
		g.net, _ = network.New(network.Parents(meters), nil)
	}
	return g
}

func gridView(c *call) (any, error) {
	g := c.grid()
	p := gridPage{Path: []string{}, Below: []nodeRow{}, From: g.from.In(c.Zone).Format(time.DateOnly), To: g.at.In(c.Zone).Format(time.DateOnly)}
	id := flatwatt.MeterID(c.text("at"))
	below := g.net.Tops()
	if id != "" {
		if g.net.Kind(id) == "" || !g.sees(id) {
			return nil, fmt.Errorf("node %s: %w", id, casework.ErrNotFound)
		}
		node := g.node(id)
		p.At = &node
		for _, up := range slices.Backward(g.net.Path(id, g.at)) {
			p.Path = append(p.Path, string(up))
		}
		below = g.children(id)
	}
	for _, child := range below {
		if g.sees(child) {
			p.Below = append(p.Below, g.node(child))
		}
	}
	return p, nil
}

func (g grid) children(id flatwatt.MeterID) (list []flatwatt.MeterID) {
	for _, l := range g.net.Links(id) {
		if up, ok := g.net.Parent(l.Child, g.at); ok && up == id && !slices.Contains(list, l.Child) {
			list = append(list, l.Child)
		}
	}
	return list
}

// sees says whether any meter at or below a node is the person's to see.
func (g grid) sees(id flatwatt.MeterID) bool {
	if len(g.who.Areas) == 0 {
		return true
	}
	ok := false
	g.walk(id, func(Finding) { ok = true })
	return ok
}

// seesAll says whether every meter at and below a node is the person's to see: a difference
// would tell of those that are not.
func (g grid) seesAll(id flatwatt.MeterID) bool {
	if len(g.who.Areas) == 0 {
		return true
	}
	ok := true
	g.walkAt(id, 0, func(f Finding) { ok = ok && g.who.Sees(f.Area) })
	return ok
}

// gridDepth bounds a walk down: the network holds no circle, so this is never reached.
const gridDepth = 12

// walk visits a node and what hangs below it, as far as the person sees it.
func (g grid) walk(id flatwatt.MeterID, visit func(Finding)) {
	g.walkAt(id, 0, func(f Finding) {
		if g.who.Sees(f.Area) {
			visit(f)
		}
	})
}

func (g grid) walkAt(id flatwatt.MeterID, depth int, visit func(Finding)) {
	if f, ok := g.Board.Finding(id); ok {
		visit(f)
	}
	if depth > gridDepth {
		return
	}
	for _, child := range g.children(id) {
		g.walkAt(child, depth+1, visit)
	}
}

func (g grid) node(id flatwatt.MeterID) nodeRow {
	row := nodeRow{ID: string(id), Kind: string(g.net.Kind(id)), Leaf: len(g.net.Links(id)) == 0}
	g.walk(id, func(f Finding) {
		if k := f.Meter.Kind; k != flatwatt.Customer && k != "" {
			return
		}
		row.Meters++
		if f.Score.State == flatwatt.Suspect {
			row.Suspects++
			if kw := number(f.Score.Block.Value); kw != nil {
				row.BlockKW += *kw
			}
		}
	})
	if f, ok := g.Board.Finding(id); ok && g.who.Sees(f.Area) {
		own := newMeterRow(g.words()(f))
		row.Own = &own
	}
	if !row.Leaf && g.seesAll(id) {
		row.Balance = g.balance(id)
	}
	return row
}

// balance compares a node's meter with the nearest meters below it, hour by hour.
func (g grid) balance(id flatwatt.MeterID) *balanceJSON {
	in, ok := g.Board.Load(id)
	if !ok {
		return nil
	}
	metered := func(m flatwatt.MeterID) bool { _, ok := g.Board.Load(m); return ok }
	var below []Load
	for _, l := range g.net.Measured(id, metered) {
		if !l.To.IsZero() && !l.To.After(g.at) {
			continue
		}
		load, _ := g.Board.Load(l.Child)
		below = append(below, hourly(load))
	}
	if len(below) == 0 {
		return nil
	}
	in = hourly(in)
	var b balanceJSON
	for i := in.index(g.from); i < in.index(g.at); i++ {
		if out, ok := sumAt(below, in.at(i)); ok && in.KW[i] == in.KW[i] {
			b.Hours++
			b.InKWh += float64(in.KW[i]) * in.Step.Hours()
			b.OutKWh += out * in.Step.Hours()
		}
	}
	if b.Hours == 0 || b.InKWh <= 0 {
		return nil
	}
	b.LossKWh = b.InKWh - b.OutKWh
	b.LossPct = 100 * b.LossKWh / b.InKWh
	return &b
}

// sumAt is what loads were together in the step at t; ok is false where one is not known.
func sumAt(loads []Load, t time.Time) (kw float64, ok bool) {
	for _, l := range loads {
		i := l.index(t)
		if i >= len(l.KW) || !l.at(i).Equal(t) || l.KW[i] != l.KW[i] {
			return 0, false
		}
		kw += float64(l.KW[i])
	}
	return kw, true
}

var gridViews = []view{
	{
		Path: "/network", Name: "network", Group: "grid", Doc: "Feeder tree with the energy balance of each metered node", Shape: gridPage{}, get: gridView,
		Fields: []field{{Name: "at", Doc: "node; empty: the top"}},
	},
	{
		Path: "/map", Name: "map", Group: "grid", Doc: "Meters on a map by their coordinates", Shape: mapPage{}, get: mapView,
		Fields: []field{
			{Name: "box", Doc: "west,south,east,north in degrees; empty: all"}, {Name: "all", Type: "bool", Doc: "also meters that are no suspects"},
		},
	},
	{Path: "/plants", Name: "plants", Group: "grid", Doc: "Power plants compared with their peers", Shape: kindPage{}, get: plantsView},
	{Path: "/datacentres", Name: "datacentres", Group: "grid", Doc: "Declared data centres for inspection on site", Shape: kindPage{}, get: datacentresView},
}
