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
	Watched  uint8 // 1 while its residual is suspicious: nothing is learned meanwhile
	_        uint8
	Alarm    flatwatt.Day // first day as a suspect; 0 never
	BlockKW  float32      // as last judged; 0 where there is none
	Residual float32      // share of the input that no meter and no loss explains, over two weeks
}

// scratch is the workspace for one node and day.
type scratch struct {
	input, rest, doubt []float64
	own, sorted        []float64
	loads              [][]float64 // of each member, repaired
	raw                []bool      // by member: heard at all on the day
	volts              [][]float64 // hourly, of each member; empty where not metered
	hourly             [2][]float64
}

// balance makes the residual of node k over z's open day and appends it to s.readings.
//
//	residual = input − Σ factor·meter − (a + b·input²)
//
// in kW of each interval; factor corrects a register that counts wrongly or is not here.
func (s *Scorer) balance(k int32, z *zone) {
	n, c := &s.nodes[k], &s.scratch
	count := int((z.end - z.start) / int64(n.step/time.Second))
	c.input = s.load(c.input, n.meter, count, n.step)
	st := &s.state[k]
	if !anyKnown(c.input) {
		return
	}
	s.loadMembers(n, z, count)
	s.subtract(k, z, st)
	if s.explain(k) { // a register that has begun to count wrongly since
		s.subtract(k, z, st)
	}
	s.learn(k, z, st)
	s.emit(n, z)
}

// loadMembers fills c.loads with the members' demand as far as it is known.
func (s *Scorer) loadMembers(n *node, z *zone, count int) {
	c := &s.scratch
	for len(c.loads) < int(n.hi-n.lo) {
		c.loads, c.raw = append(c.loads, nil), append(c.raw, false)
	}
	for i := n.lo; i < n.hi; i++ {
		at := i - n.lo
		c.loads[at] = s.load(c.loads[at], s.members[i].meter, count, n.step)
		c.raw[at] = anyKnown(c.loads[at])
	}
	if cap(c.doubt) < count {
		c.doubt, c.rest = make([]float64, count), make([]float64, count)
	}
	c.doubt, c.rest = c.doubt[:count], c.rest[:count]
	clear(c.doubt)
	for i := n.lo; i < n.hi; i++ {
		s.memory[i].repair(c.loads[i-n.lo], c.doubt, n.step)
	}
}

func anyKnown(x []float64) bool {
	for _, v := range x {
		if v == v {
			return true
		}
	}
	return false
}

// subtract computes c.rest.
func (s *Scorer) subtract(k int32, z *zone, st *nodeState) {
	n, c := &s.nodes[k], &s.scratch
	copy(c.rest, c.input)
	for i := n.lo; i < n.hi; i++ {
		m := &s.members[i]
		lo, hi := m.span(z, n.step, len(c.rest))
		s.memory[i].takeFrom(c.rest, c.loads[i-n.lo], lo, hi)
	}
	limit := maskShare * float64(st.LoadKW)
	for t, x := range c.input {
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
	input, rest := mean(c.input), mean(c.rest)
	if input == input {
		st.Days = min(st.Days+1, 10000)
		st.LoadKW += float32(gain(st.Days, 7) * (input - float64(st.LoadKW)))
	}
	if rest == rest && input > 0 {
		st.Residual += float32(gain(st.Days, 14) * (rest/input - float64(st.Residual)))
	}
	if st.Watched == 0 {
		st.Loss.learn(c.input, c.rest, &c.sorted)
	}
	s.learnVoltage(k, z)
	for i := n.lo; i < n.hi; i++ {
		s.memory[i].learn(c.loads[i-n.lo], c.raw[i-n.lo], st.Watched != 0)
	}
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
