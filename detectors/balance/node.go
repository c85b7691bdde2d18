package balance

import (
	"math"
	"slices"
	"time"

	"github.com/flatwatt/flatwatt"
)

const (
	// maskShare is how uncertain, as a share of the node's mean load, the energy of
	// missing meters may make an interval before it is left out. A block of 5 % is to be
	// seen, so what is kept must be known to better than that.
	maskShare = 0.02
	// darkShare of its mean load is less than any live node takes: a power cut.
	darkShare = 0.05
	// spikeSigmas is how far below the day's middle a residual is no load but a register
	// that catches up after it stood still.
	spikeSigmas = 8.0
)

// A nodeState is what is remembered of a node. It holds no pointers.
type nodeState struct {
	Loss     loss
	LoadKW   float32 // mean input, exponentially over a week
	Days     uint16
	Held     uint16       // days in a row on which the residual stood above what is usual
	Alarm    flatwatt.Day // first day as a suspect; 0 never
	Accused  int32        // 1 + the member whose register was thought wrong yesterday; 0 none
	Factor   float32      // and its factor
	Usual    [len(levels)]usual
	BlockKW  float32 // as last judged; 0 where there is none
	Residual float32 // share of the input that no meter and no loss explains, over two weeks
	Odds     float32 // of the last day by itself
	Judged   uint32  // 1: Odds are known
}

// scratch is the workspace for one node and day.
type scratch struct {
	input         dayLoad
	rest, doubt   []float64
	steps, sorted []float64
	own           []float64   // steps of one member
	loads         []dayLoad   // of each member, repaired
	volts         [][]float64 // hourly, of each member; empty where not metered
	hourly        []float64
	sums          [2][]float64 // running, of the residual and of its known values
}

// balance makes the residual of node k over z's open day and appends it to s.readings.
//
//	residual = input − Σ factor·meter − (a + b·input²)
//
// in kW of each interval; factor corrects a register that counts wrongly or is not here.
func (s *Scorer) balance(k int32, z *zone) {
	n, c := &s.nodes[k], &s.scratch
	count := int((z.end - z.start) / int64(n.step/time.Second))
	s.load(&c.input, n.meter, count, n.step)
	st := &s.state[k]
	if !c.input.heard {
		return
	}
	s.loadMembers(n, count)
	s.subtract(k, z, st)
	s.explain(k, z, st)
	s.learn(k, z, st)
	s.emit(n, z)
}

// loadMembers fills c.loads with the members' demand as far as it is known.
func (s *Scorer) loadMembers(n *node, count int) {
	c := &s.scratch
	for len(c.loads) < int(n.hi-n.lo) {
		c.loads = append(c.loads, dayLoad{})
	}
	if cap(c.doubt) < count {
		c.doubt, c.rest = make([]float64, count), make([]float64, count)
	}
	c.doubt, c.rest = c.doubt[:count], c.rest[:count]
	clear(c.doubt)
	for i := n.lo; i < n.hi; i++ {
		d := &c.loads[i-n.lo]
		s.load(d, s.members[i].meter, count, n.step)
		s.memory[i].repair(d, c.doubt, n.step)
	}
}

// subtract computes c.rest.
func (s *Scorer) subtract(k int32, z *zone, st *nodeState) {
	n, c := &s.nodes[k], &s.scratch
	copy(c.rest, c.input.kw)
	for i := n.lo; i < n.hi; i++ {
		m := &s.members[i]
		lo, hi := m.span(z, n.step, len(c.rest))
		s.memory[i].takeFrom(c.rest, c.loads[i-n.lo].kw, lo, hi)
	}
	limit := maskShare * float64(st.LoadKW)
	for t, x := range c.input.kw {
		c.rest[t] -= st.Loss.at(x)
		if st.Days > 0 && (x < darkShare*float64(st.LoadKW) || c.doubt[t] > limit*limit) {
			c.rest[t] = math.NaN()
		}
	}
	c.sorted = c.sorted[:0]
	for _, v := range c.rest {
		if v == v {
			c.sorted = append(c.sorted, v)
		}
	}
	if len(c.sorted) < 8 {
		return
	}
	slices.Sort(c.sorted)
	q := func(p float64) float64 { return c.sorted[int(p*float64(len(c.sorted)-1))] }
	low := q(.5) - spikeSigmas*max((q(.5)-q(.16)), 0.1*limit, .02)
	for t, v := range c.rest {
		if v < low {
			c.rest[t] = math.NaN()
		}
	}
}

// span is the part of the day's intervals during which m counts.
func (m *member) span(z *zone, step time.Duration, count int) (lo, hi int) {
	sec := int64(step / time.Second)
	clip := func(t int64) int { return int(min(max((t-z.start+sec-1)/sec, 0), int64(count))) }
	if m.from <= z.start {
		lo = 0
	} else {
		lo = clip(m.from)
	}
	if m.to >= z.end {
		return lo, count
	}
	return lo, clip(m.to)
}

// learn takes the day into the memory of the node and its members.
func (s *Scorer) learn(k int32, z *zone, st *nodeState) {
	n, c := &s.nodes[k], &s.scratch
	input, rest := mean(c.input.kw), mean(c.rest)
	if input == input {
		st.Days = min(st.Days+1, 10000)
		st.LoadKW += float32(gain(st.Days, 7) * (input - float64(st.LoadKW)))
	}
	if rest == rest && input > 0 {
		st.Residual += float32(gain(st.Days, 14) * (rest/input - float64(st.Residual)))
	}
	held := st.hold(c.rest, &c.sorted)
	if !held {
		st.Loss.learn(c.input.kw, c.rest, &c.sorted)
	}
	s.learnVoltage(k, z)
	for i := n.lo; i < n.hi; i++ {
		s.memory[i].learn(&c.loads[i-n.lo], held)
	}
}

const (
	holdAbove = 4.0 // usual distances from which a residual is unusual and not learned from …
	holdShare = 0.01
	holdMost  = 60 // … for so many days in a row; then it has become what is usual
	holdAfter = 7  // days before which the usual is not known
)

// A usual is what a quantile of a day's residual used to be.
type usual struct{ MidKW, DevKW float32 }

func (u *usual) unusual(x float64, st *nodeState) bool {
	return math.Abs(x-float64(u.MidKW)) > holdAbove*float64(u.DevKW)+holdShare*float64(st.LoadKW)
}

func (u *usual) learn(x float64, st *nodeState) {
	e := x - float64(u.MidKW)
	g := gain(st.Days, 14)
	u.MidKW += float32(g * e)
	u.DevKW += float32(g * (min(math.Abs(e), 6*float64(u.DevKW)+0.01*float64(st.LoadKW)) - float64(u.DevKW)))
}

// levels are the quantiles by which a residual is told to be unusual: the middle, and
// one that a block of a few hours a day lifts.
var levels = [2]float64{0.5, 0.85}

// unusual reports whether a day's residual is far from what it used to be.
func (st *nodeState) unusual(rest []float64, buf *[]float64) bool {
	if st.Days <= holdAfter {
		return false
	}
	for i, p := range levels {
		if st.Usual[i].unusual(quantile(rest, p, buf), st) {
			return true
		}
	}
	return false
}

// hold reports whether the day is unusual: then the loss and the members' levels are not
// learned from it, lest a block becomes a loss.
func (st *nodeState) hold(rest []float64, buf *[]float64) bool {
	if x := quantile(rest, .5, buf); x != x {
		return true
	}
	if st.unusual(rest, buf) && st.Held < holdMost {
		st.Held++
		return true
	}
	st.Held = 0
	for i, p := range levels {
		st.Usual[i].learn(quantile(rest, p, buf), st)
	}
	return false
}

// quantile is that of the known values; NaN where fewer than a quarter are known.
func quantile(x []float64, p float64, buf *[]float64) float64 {
	known := (*buf)[:0]
	for _, v := range x {
		if v == v {
			known = append(known, v)
		}
	}
	*buf = known
	if len(known) == 0 || len(known) < len(x)/4 {
		return math.NaN()
	}
	slices.Sort(known)
	return known[int(p*float64(len(known)-1))]
}

// gain is the weight of the n-th of a mean that forgets half in so many days.
func gain(n uint16, halfLifeDays float64) float64 {
	return max(1/float64(n), 1-math.Exp2(-1/halfLifeDays))
}

func mean(x []float64) float64 {
	sum, n := 0.0, 0.0
	for _, v := range x {
		if v == v {
			sum, n = sum+v, n+1
		}
	}
	return sum / n
}

// emit appends the residual as readings for the inner fleet. The residual before the
// loss is known is kept back: it would teach a wrong baseline.
func (s *Scorer) emit(n *node, z *zone) {
	id := s.meters[n.meter].ID
	for t, v := range s.scratch.rest {
		if v == v {
			s.readings = append(s.readings, flatwatt.Reading{
				Meter: id, Start: time.Unix(z.start, 0).UTC().Add(time.Duration(t) * n.step), Length: n.step,
				Energy: flatwatt.KWh(v * n.step.Hours()), Reactive: flatwatt.KVArh(math.NaN()), Voltage: flatwatt.Volt(math.NaN()),
			})
		}
	}
}
