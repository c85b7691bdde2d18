package balance

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/flatwatt/flatwatt"
)

const (
	voltageDecay = 0.977 // a day: half-life 30 days
	minSiblings  = 4     // meters with voltage of which a median is worth something
	hoursPerFact = 4.0   // neighbouring hours say much the same
	maxShareOdds = 200.0 // log-odds beyond which evidence adds nothing
	dropOdds     = 2.0   // log-odds of a load that falls by as much as the block
	fuseFactor   = 2.5   // more than this times its contract a supply does not bear
	fuseOdds     = -3.0
)

// voltage are sums for the regression of a member's voltage, less the median of its
// siblings', on its own load p and the node's residual r, hour by hour:
//
//	v = c − ohm·p − sag·r
//
// A current that its own meter does not see flows through the line of whoever bypasses,
// and of nobody else. Units V and kW.
type voltage struct{ N, P, R, V, PP, PR, RR, PV, RV, VV float64 }

func (u *voltage) add(p, r, v float64) {
	u.N++
	u.P, u.R, u.V = u.P+p, u.R+r, u.V+v
	u.PP, u.PR, u.RR = u.PP+p*p, u.PR+p*r, u.RR+r*r
	u.PV, u.RV, u.VV = u.PV+p*v, u.RV+r*v, u.VV+v*v
}

func (u *voltage) decay(keep float64) {
	for _, x := range []*float64{&u.N, &u.P, &u.R, &u.V, &u.PP, &u.PR, &u.RR, &u.PV, &u.RV, &u.VV} {
		*x *= keep
	}
}

// sag is the voltage lost per kW of the residual and the log likelihood ratio for it, own
// load allowed for. The ratio is 0 where voltage rises with the residual.
func (u *voltage) sag() (voltsPerKW, logRatio float64) {
	if u.N < 48 {
		return 0, 0
	}
	n := u.N
	cov := func(xy, x, y float64) float64 { return xy/n - x/n*y/n }
	pp, rr, vv := cov(u.PP, u.P, u.P), cov(u.RR, u.R, u.R), cov(u.VV, u.V, u.V)
	pr, pv, rv := cov(u.PR, u.P, u.R), cov(u.PV, u.P, u.V), cov(u.RV, u.R, u.V)
	if pp > 1e-9 { // what own load explains is taken out of both
		rr, rv, vv = rr-pr*pr/pp, rv-pr*pv/pp, vv-pv*pv/pp
	}
	if rr < 1e-9 || vv < 1e-9 || rv >= 0 {
		return 0, 0
	}
	rho2 := min(rv*rv/(rr*vv), 0.999)
	return -rv / rr, -n / hoursPerFact / 2 * math.Log1p(-rho2)
}

// learnVoltage takes the day's voltages at the members of node k.
func (s *Scorer) learnVoltage(k int32, z *zone) {
	if s.volts == nil {
		return
	}
	n, c := &s.nodes[k], &s.scratch
	for len(c.volts) < int(n.hi-n.lo) {
		c.volts = append(c.volts, nil)
	}
	hours := int((z.end - z.start) / 3600)
	any := 0
	for i := n.lo; i < n.hi; i++ {
		c.volts[i-n.lo] = s.hourlyVolts(c.volts[i-n.lo][:0], s.members[i].meter, hours)
		any += min(len(c.volts[i-n.lo]), 1)
	}
	if any < minSiblings {
		return
	}
	per := int(time.Hour / n.step)
	c.hourly = hourly(c.hourly[:0], c.rest, per)
	for i := n.lo; i < n.hi; i++ {
		if len(c.volts[i-n.lo]) > 0 {
			s.memory[i].Volt.decay(voltageDecay)
		}
	}
	for h := range hours {
		s.learnHour(n, h, per)
	}
}

// learnHour compares the members' voltages of one hour with their median.
func (s *Scorer) learnHour(n *node, h, per int) {
	c := &s.scratch
	rest := c.hourly[h]
	c.sorted = c.sorted[:0]
	for at := range c.volts[:n.hi-n.lo] {
		if len(c.volts[at]) > h && c.volts[at][h] == c.volts[at][h] {
			c.sorted = append(c.sorted, c.volts[at][h])
		}
	}
	if len(c.sorted) < minSiblings || rest != rest {
		return
	}
	slices.Sort(c.sorted)
	m := len(c.sorted) / 2
	median := (c.sorted[m] + c.sorted[(len(c.sorted)-1)/2]) / 2
	for i := n.lo; i < n.hi; i++ {
		v := c.volts[i-n.lo]
		if len(v) <= h || v[h] != v[h] {
			continue
		}
		own := 0.0
		for _, x := range c.loads[i-n.lo].kw[h*per : h*per+per] {
			own += x / float64(per)
		}
		s.memory[i].Volt.add(own, rest, v[h]-median)
	}
}

// hourly appends means of runs of per values; one with a missing value is missing.
func hourly(dst, x []float64, per int) []float64 {
	for t := 0; t+per <= len(x); t += per {
		sum := 0.0
		for _, v := range x[t : t+per] {
			sum += v
		}
		dst = append(dst, sum/float64(per))
	}
	return dst
}

// hourlyVolts appends the mean voltage of each hour with at least half of its readings; nothing
// where the meter records none. A dark meter's 0 V is none.
func (s *Scorer) hourlyVolts(dst []float64, i int32, hours int) []float64 {
	per := int(time.Hour / s.meters[i].Interval)
	w := s.volts[s.offset[i]:]
	any := false
	for h := range hours {
		sum, n := 0.0, 0
		for _, v := range w[h*per : h*per+per] {
			if v > 0 {
				sum, n = sum+float64(v), n+1
			}
		}
		if 2*n < per {
			dst = append(dst, math.NaN())
			continue
		}
		any = true
		dst = append(dst, sum/float64(n))
	}
	if !any {
		return dst[:0]
	}
	return dst
}

// A Candidate is a customer who may be the one that bypasses the meter below a node.
type Candidate struct {
	Meter      flatwatt.MeterID
	Share      float64 // probability given that one of those below the node does, in [0, 1]
	VoltsPerKW float64 // sag of its voltage against its siblings' per kW of the residual; 0: none
	Voltage    float64 // log likelihood ratio of that sag; NaN where no voltage is metered
	DropKW     float64 // by how much its own load is below what it was before; 0 or more
}

// Candidates are the members of a node, likeliest first; nil for a node that is not
// balanced. They mean something only while the node is suspected.
func (s *Scorer) Candidates(id flatwatt.MeterID) []Candidate {
	k, ok := s.nodeOf[id]
	if !ok {
		return nil
	}
	return s.candidates(nil, k)
}

func (s *Scorer) candidates(dst []Candidate, k int32) []Candidate {
	n, st := &s.nodes[k], &s.state[k]
	from, most := len(dst), math.Inf(-1)
	for i := n.lo; i < n.hi; i++ {
		c := s.candidate(i, float64(st.BlockKW))
		most = max(most, c.Share)
		dst = append(dst, c)
	}
	list, total := dst[from:], 0.0
	for i := range list {
		list[i].Share = math.Exp(list[i].Share - most)
		total += list[i].Share
	}
	for i := range list {
		list[i].Share /= total
	}
	slices.SortFunc(list, func(a, b Candidate) int {
		return cmp.Or(-cmp.Compare(a.Share, b.Share), cmp.Compare(a.Meter, b.Meter))
	})
	return dst
}

// candidate weighs one member; Share holds its log-odds up to a constant.
func (s *Scorer) candidate(i int32, blockKW float64) Candidate {
	m, meter := &s.memory[i], &s.meters[s.members[i].meter]
	c := Candidate{Meter: meter.ID, Voltage: math.NaN(), DropKW: max(0, float64(m.Slow-m.Fast)-2*float64(m.SlowDev))}
	if m.Volt.N > 48 {
		c.VoltsPerKW, c.Voltage = m.Volt.sag()
		// The price of a free slope: what a member without any sag would reach by chance.
		c.Share = min(c.Voltage, maxShareOdds) - 0.5*math.Log(m.Volt.N/hoursPerFact)
	}
	if blockKW > 0 {
		c.Share += dropOdds * min(1, c.DropKW/blockKW)
		if kw := float64(meter.Contracted); kw > 0 && blockKW > fuseFactor*kw {
			c.Share += fuseOdds
		}
	}
	return c
}
