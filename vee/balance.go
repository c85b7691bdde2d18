package vee

import (
	"math"
	"slices"
	"time"

	"github.com/flatwatt/flatwatt"
)

// minBalanceHours is how many hours a day's sum check needs: half a day, so that one
// bad hour does not decide.
const minBalanceHours = 12

// A balance is the open sum check of one transformer and day, by hour.
type balance struct {
	day      flatwatt.Day
	start    time.Time
	closed   int // members whose day has closed
	complete int // members without a gap
	headDone bool
	hours    []hour
}

// An hour of a balance.
type hour struct {
	supplied, delivered float64 // kWh
	members             int     // that have the whole hour
	head                bool    // the transformer has
}

// balance takes a closed day into the sum checks that it belongs to.
func (c *Checker) balance(m *meter, d *day, out *DayReport) {
	if m.group >= 0 {
		g := &c.groups[m.group]
		if b := c.openBalance(g, d.day); b != nil {
			b.closed++
			b.complete += btoi(out.Missing == 0)
			d.hours(b, func(h *hour, kwh float64) { h.delivered += kwh; h.members++ })
			c.settle(g, b)
		}
	}
	if m.own >= 0 {
		g := &c.groups[m.own]
		if b := c.openBalance(g, d.day); b != nil {
			b.headDone = true
			d.hours(b, func(h *hour, kwh float64) { h.supplied, h.head = kwh, true })
			c.settle(g, b)
		}
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// hours hands out the energy of every hour of which each interval was read. Members keep
// the days of their own zone; where that is not the transformer's, hours meet by instant.
func (d *day) hours(b *balance, take func(*hour, float64)) {
	if d.interval == 0 || time.Hour%d.interval != 0 {
		return
	}
	per := int(time.Hour / d.interval)
	for i := 0; i+per <= len(d.energy); i += per {
		h := int(d.at(i).Sub(b.start) / time.Hour)
		if h < 0 || h >= len(b.hours) {
			continue
		}
		sum := 0.0
		for _, e := range d.energy[i : i+per] {
			sum += e // NaN where one is missing
		}
		if sum == sum {
			take(&b.hours[h], sum)
		}
	}
}

// openBalance returns the balance of a day, opened where it must; nil for one that is
// settled already. The oldest is settled as it is where too many wait.
func (c *Checker) openBalance(g *group, today flatwatt.Day) *balance {
	if g.begun && today <= g.done {
		return nil
	}
	at, ok := slices.BinarySearchFunc(g.open, today, func(b balance, d flatwatt.Day) int { return int(b.day) - int(d) })
	if ok {
		return &g.open[at]
	}
	zone := c.meters[g.head].Zone
	start := today.Start(zone)
	n := int((today + 1).Start(zone).Sub(start) / time.Hour)
	g.open = slices.Insert(g.open, at, balance{day: today, start: start, hours: make([]hour, n)})
	if len(g.open) > MaxOpenBalances {
		oldest := g.open[0].day
		c.closeBalances(g, oldest)
		if oldest == today {
			return nil
		}
		at--
	}
	return &g.open[at]
}

// settle ends a balance that has all it waits for, and those before it.
func (c *Checker) settle(g *group, b *balance) {
	if b.headDone && b.closed == g.members {
		c.closeBalances(g, b.day)
	}
}

// closeBalances reports the balances up to a day.
func (c *Checker) closeBalances(g *group, until flatwatt.Day) {
	for len(g.open) > 0 && g.open[0].day <= until {
		c.report.Balances = append(c.report.Balances, c.sumUp(g, &g.open[0]))
		g.done, g.begun = g.open[0].day, true
		g.open = slices.Delete(g.open, 0, 1)
	}
}

// sumUp compares what a transformer supplied with what its customers got. A loss needs
// every customer in the hour; customers that got more than was supplied need not all be
// there, for the missing ones would only make it worse.
func (c *Checker) sumUp(g *group, b *balance) Balance {
	out := Balance{Parent: c.meters[g.head].ID, Day: b.day, Members: g.members, Complete: b.complete}
	var gainS, gainD float64
	gainHours := 0
	for _, h := range b.hours {
		if !h.head || h.members == 0 {
			continue
		}
		if h.members == g.members {
			out.Hours++
			out.Supplied += flatwatt.KWh(h.supplied)
			out.Delivered += flatwatt.KWh(h.delivered)
		}
		gainHours++
		gainS, gainD = gainS+h.supplied, gainD+h.delivered
	}
	out.Checked = out.Hours >= minBalanceHours
	end := b.start.Add(time.Duration(len(b.hours)) * time.Hour)
	finding := func(share, limit float64, n int) {
		out.Finding = &Finding{Meter: out.Parent, Day: b.day, Code: SumCheck, Count: n, From: b.start, To: end, Value: share, Limit: limit}
	}
	if loss := out.Loss(); out.Checked && loss > c.opt.LossMost {
		finding(loss, c.opt.LossMost, out.Hours)
	} else if gain := (gainD - gainS) / math.Abs(gainS); gainHours >= minBalanceHours && gain > c.opt.GainMost {
		finding(-gain, -c.opt.GainMost, gainHours)
	}
	return out
}
