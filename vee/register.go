package vee

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/flatwatt/flatwatt"
)

// registers is what is known of a meter's cumulative register.
type registers struct {
	open []Register // whose day has not closed, by time
	base Register   // the last that was checked
	set  bool       // base is there

	sum     float64 // kWh of the intervals since base
	missing int     // intervals without a reading since base
}

// AddRegister takes readings of cumulative registers. They are checked when the day that
// they end or lie in closes. It returns how many came too late for that, were of meters
// that are not registered or were more than MaxOpenRegisters for one meter.
func (c *Checker) AddRegister(all []Register) (ignored int) {
	for _, r := range all {
		k, ok := c.index[r.Meter]
		if !ok || math.IsNaN(float64(r.Total)) || math.IsInf(float64(r.Total), 0) {
			ignored++
			continue
		}
		m := &c.meters[k]
		if m.begun && !r.At.After(m.next.Start(m.Zone)) && m.reg.set || len(m.reg.open) >= MaxOpenRegisters {
			ignored++
			continue
		}
		m.reg.open = append(m.reg.open, r)
	}
	return ignored
}

// registers checks the register readings of a closing day against its intervals. Between
// two readings without a gap the sums must agree to RegisterKWh or RegisterShare; with a
// gap, the intervals that are there must not exceed the register.
func (c *Checker) registers(m *meter, d *day) {
	g := &m.reg
	if len(g.open) == 0 && !g.set {
		return
	}
	slices.SortStableFunc(g.open, func(a, b Register) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Total, b.Total))
	})
	from := d.start
	for len(g.open) > 0 && !g.open[0].At.After(d.end) {
		r := g.open[0]
		g.open = slices.Delete(g.open, 0, 1)
		if r.At.Before(from) { // before the first interval, or a repeat
			if !g.set {
				g.base, g.set = r, true
				g.missing++ // what lies between is not known
			}
			continue
		}
		sum, gaps := d.between(from, r.At)
		g.sum, g.missing, from = g.sum+sum, g.missing+gaps, r.At
		if g.set && r.At.After(g.base.At) {
			c.compare(m, d, r)
		}
		g.base, g.set, g.sum, g.missing = r, true, 0, 0
	}
	sum, gaps := d.between(from, d.end)
	g.sum, g.missing = g.sum+sum, g.missing+gaps
}

// compare checks one register reading against the one before it.
func (c *Checker) compare(m *meter, d *day, r Register) {
	g := &m.reg
	moved := float64(r.Total - g.base.Total)
	if moved < 0 && r.Rollover > 0 {
		moved += float64(r.Rollover)
	}
	if moved < -c.opt.RegisterKWh {
		d.notes.add(RegisterBack, g.base.At, r.At, moved, 0)
		return
	}
	off := g.sum - moved
	tolerance := max(c.opt.RegisterKWh, c.opt.RegisterShare*math.Abs(moved))
	if off > tolerance || g.missing == 0 && off < -tolerance {
		d.notes.add(RegisterSum, g.base.At, r.At, off, tolerance)
	}
}

// between adds up the intervals in [from, to); one that is cut by an end counts by its share.
func (d *day) between(from, to time.Time) (kwh float64, missing int) {
	for i, e := range d.energy {
		lo, hi := d.at(i), d.at(i+1)
		if lo.Before(from) {
			lo = from
		}
		if hi.After(to) {
			hi = to
		}
		switch part := hi.Sub(lo); {
		case part <= 0:
		case e != e:
			missing++
		default:
			kwh += e * float64(part) / float64(d.interval)
		}
	}
	return kwh, missing
}

// gapEnergy is what a register says of the gaps of a day; NaN unless the register was
// read at both ends of it. It must be asked before the day's registers are checked.
func (g *registers) gapEnergy(d *day, energy flatwatt.KWh) float64 {
	i := slices.IndexFunc(g.open, func(r Register) bool { return r.At.Equal(d.end) })
	base := g.base
	set := g.set && base.At.Equal(d.start)
	if j := slices.IndexFunc(g.open, func(r Register) bool { return r.At.Equal(d.start) }); j >= 0 {
		base, set = g.open[j], true
	}
	if i < 0 || !set {
		return nan
	}
	moved := float64(g.open[i].Total - base.Total)
	if moved < 0 && g.open[i].Rollover > 0 {
		moved += float64(g.open[i].Rollover)
	}
	return moved - float64(energy)
}
