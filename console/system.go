package console

import (
	"cmp"
	"slices"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/access"
	"github.com/flatwatt/flatwatt/casework"
	"github.com/flatwatt/flatwatt/casework/alarms"
)

// qualityPage says how good the readings are, the worst meters first.
type qualityPage struct {
	Meters   int          `json:"meters"`
	Scored   int          `json:"scored"`
	Unknown  int          `json:"not_enough_data"`
	Faults   int          `json:"meter_faults"`
	Mean     *float64     `json:"mean_valid_share"`
	Spread   []bandJSON   `json:"valid_share"`
	Rows     []qualityRow `json:"worst"`
	AsOf     *time.Time   `json:"as_of"`
	Readings int64        `json:"readings"`
}

type bandJSON struct {
	From  float64 `json:"from"` // share, up to the next band
	Count int     `json:"count"`
	Width int     `json:"-"`
}

type qualityRow struct {
	Meter string   `json:"meter_id"`
	Class string   `json:"class"`
	State string   `json:"state"`
	Valid *float64 `json:"valid_share"` // of the last 14 days
	Day   string   `json:"day"`         // last judged
}

// worstShown is how many meters the page of data quality lists.
const worstShown = 100

func qualityView(c *call) (any, error) {
	status := c.Board.Status()
	p := qualityPage{Rows: []qualityRow{}, AsOf: instant(status.AsOf), Readings: status.Readings}
	for _, from := range []float64{0, .5, .8, .9, .95, .99} {
		p.Spread = append(p.Spread, bandJSON{From: from})
	}
	sum, n := 0.0, 0
	for _, f := range c.Board.Findings() {
		if !c.who.Sees(f.Area) || f.Score.Detector == "cluster" {
			continue
		}
		p.Meters++
		p.Scored += btoi(f.Rank > 0)
		p.Unknown += btoi(f.Score.State == flatwatt.NotEnoughData)
		p.Faults += btoi(f.Score.State == flatwatt.MeterFault)
		v := number(f.Score.Features.ValidShare)
		p.Rows = append(p.Rows, qualityRow{string(f.Meter.ID), string(f.Meter.Class), string(f.Score.State), v, f.Score.Day.String()})
		if v == nil {
			continue
		}
		sum, n = sum+*v, n+1
		for i := range slices.Backward(p.Spread) {
			if *v >= p.Spread[i].From {
				p.Spread[i].Count++
				break
			}
		}
	}
	for i := range p.Spread {
		p.Spread[i].Width = 100 * p.Spread[i].Count / max(1, n)
	}
	if n > 0 {
		p.Mean = number(sum / float64(n))
	}
	worst := func(r qualityRow) float64 {
		if r.Valid == nil {
			return -1
		}
		return *r.Valid
	}
	slices.SortStableFunc(p.Rows, func(a, b qualityRow) int { return cmp.Compare(worst(a), worst(b)) })
	p.Rows = p.Rows[:min(len(p.Rows), worstShown)]
	return p, nil
}

// kpiPage is how alarms do, by the figures of ISA-18.2.
type kpiPage struct {
	alarms.KPIs
	Policy  policyJSON                  `json:"policy"`
	Targets map[alarms.Priority]float64 `json:"targets"`
	Days    int                         `json:"days"`
}

// policyJSON is the alarm philosophy as programs read it.
type policyJSON struct {
	OnDelayDays   int     `json:"on_delay_days"`
	OffDelayDays  int     `json:"off_delay_days"`
	BudgetPerDay  int     `json:"budget_per_day"`
	HighKW        float64 `json:"high_kw"`
	MediumKW      float64 `json:"medium_kw"`
	StaleDays     int     `json:"stale_days"`
	ChatterRaises int     `json:"chatter_raises"`
	ChatterDays   int     `json:"chatter_days"`
	MaxShelfDays  int     `json:"max_shelf_days"`
}

func kpisView(c *call) (any, error) {
	list, err := c.cases.alarms.List(c.ctx)
	if err != nil {
		return nil, err
	}
	var seen []casework.Versioned[alarms.Alarm]
	for _, a := range list {
		if c.who.Sees(a.Value.Area) {
			seen = append(seen, a)
		}
	}
	to := c.Board.Status().AsOf.In(c.Zone)
	if to.IsZero() {
		to = c.now
	}
	days := cmp.Or(c.int("days"), 30)
	if days < 1 || days > 3660 {
		return nil, badRequest("days: want 1 to 3660")
	}
	p := c.Policy
	policy := policyJSON{p.OnDelayDays, p.OffDelayDays, p.BudgetPerDay, p.HighKW, p.MediumKW, p.StaleDays, p.ChatterRaises, p.ChatterDays, p.MaxShelfDays}
	return kpiPage{alarms.Measure(p, seen, to, days), policy, alarms.TargetShares(), days}, nil
}

var systemViews = []view{
	{Path: "/quality", Name: "quality", Group: "system", Doc: "How good the readings are", Shape: qualityPage{}, get: qualityView},
	{Path: "/runs", Name: "runs", Group: "system", Doc: "Re-scoring runs", Shape: runsPage{}, get: runsView},
	{
		Path: "/kpis", Name: "kpis", Group: "system", Doc: "Alarm figures after ISA-18.2", Shape: kpiPage{}, get: kpisView,
		Fields: []field{{Name: "days", Type: "int", Doc: "of the window; 30 if left out"}},
	},
	{Path: "/users", Name: "users", Group: "system", Role: access.Administrator, Doc: "Users", Shape: usersPage{}, get: usersView},
	{
		Path: "/audit", Name: "audit", Group: "system", Role: access.Supervisor, Doc: "The audit trail, the latest first", Shape: auditPage{}, get: auditView,
		Fields: []field{{Name: "to", Type: "int", Doc: "number of the last entry to show"}, {Name: "verify", Type: "bool", Doc: "follow the whole chain now"}},
	},
	{Path: "/me", Name: "me", Doc: "Your own account and sessions", Shape: mePage{}, get: meView},
}
