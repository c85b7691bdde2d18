// Package balance watches the energy that goes into a transformer or feeder and comes out
// at no meter below it. What is left when the meters and the technical loss are taken
// away is the residual: a miner wired past its meter is a flat block in it. A Scorer makes
// the residual of each node and has detectors.Fleet judge it like a customer's load.
//
// Null hypothesis: the residual is what it always was. What it gets wrong: a customer who
// bypasses the meter with honest use of the same flat shape, and a register that omits a
// flat load, look the same; a block older than the data hides in the loss up to the
// bounds of loss.go, and is judged by its level beyond them.
package balance

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/detectors"
	"github.com/flatwatt/flatwatt/network"
)

// Options say how a Scorer keeps time.
type Options struct {
	// Grace is how long after local midnight a day stays open for late readings; the
	// same as the customer detector's. Default detectors.DefaultGrace, at most 72 h.
	Grace time.Duration
}

const maxGrace = 72 * time.Hour

// A Scorer balances every metered transformer and feeder and judges the residual. It
// implements flatwatt.Scorer; its scores bear the detector names "transformer" and
// "feeder", and Features of the residual, not of the node. One goroutine owns it.
type Scorer struct {
	params  *detectors.Params
	grace   time.Duration
	inner   *detectors.Fleet
	meters  []flatwatt.Meter // nodes and what is measured below them, sorted by ID
	index   map[flatwatt.MeterID]int32
	next    []int32 // the meter that was heard after it the last time: a guess
	last    int32
	zones   []zone
	zoneOf  []int32 // by meter
	seconds []int32 // by meter, of its interval
	nodes   []node
	nodeOf  map[flatwatt.MeterID]int32
	skipped []Skipped

	slots  []slot    // open windows of all meters, one after another
	volts  []float32 // beside slots; nil until a reading carries it
	offset []int32   // of each meter's window

	state   []nodeState // beside nodes
	members []member    // of all nodes, one after another
	memory  []memberState

	scratch   scratch
	readings  []flatwatt.Reading // residuals of one day
	fromInner []flatwatt.Score
	evidence  []flatwatt.Evidence // arena of the scores of one call
}

var _ flatwatt.Scorer = (*Scorer)(nil)

// A node is a metered transformer or feeder with something measured below it.
type node struct {
	meter  int32
	lo, hi int32 // of its members in Scorer.members
	step   time.Duration
}

// A member is a meter whose energy counts towards a node during [from, to), Unix seconds.
type member struct {
	meter, node int32
	from, to    int64
}

// A Skipped is a node that is not balanced, and why.
type Skipped struct {
	Node   flatwatt.MeterID
	Reason string
}

// New returns a Scorer of the nodes among heard, the meters whose readings will come.
// register is all meters of the fleet, net says what hangs below them. A node is skipped
// when the readings of a meter below it go elsewhere: see Skipped. weather may be nil.
func New(params *detectors.Params, heard, register []flatwatt.Meter, net *network.Network, weather flatwatt.Weather, opt Options) (*Scorer, error) {
	if opt.Grace == 0 {
		opt.Grace = detectors.DefaultGrace
	}
	if opt.Grace < 0 || opt.Grace > maxGrace {
		return nil, fmt.Errorf("grace is %v: give 0 to %v", opt.Grace, maxGrace)
	}
	s := &Scorer{params: params, grace: opt.Grace, index: map[flatwatt.MeterID]int32{}, nodeOf: map[flatwatt.MeterID]int32{}}
	s.layOutNodes(heard, register, net)
	if err := s.layOutMeters(); err != nil {
		return nil, err
	}
	var pseudo []flatwatt.Meter
	for i := range s.nodes {
		pseudo = append(pseudo, s.pseudo(&s.nodes[i]))
	}
	var err error
	// The residuals of a day come at once when it closes: no grace beyond a second.
	s.inner, err = detectors.NewFleet(params, pseudo, weather, detectors.Options{Grace: time.Second})
	return s, err
}

// pseudo is the customer that the inner fleet takes a residual for.
func (s *Scorer) pseudo(n *node) flatwatt.Meter {
	m := s.meters[n.meter]
	return flatwatt.Meter{
		ID: m.ID, Kind: flatwatt.Customer, Class: flatwatt.Class(m.Kind), Zone: m.Zone, Interval: n.step, Region: m.Region,
	}
}

// layOutNodes finds the nodes and collects the meters that take part.
func (s *Scorer) layOutNodes(heard, register []flatwatt.Meter, net *network.Network) {
	byID := make(map[flatwatt.MeterID]*flatwatt.Meter, len(heard))
	var ids []flatwatt.MeterID
	for i := range heard {
		byID[heard[i].ID] = &heard[i]
		if k := heard[i].Kind; k == flatwatt.Transformer || k == flatwatt.Feeder {
			ids = append(ids, heard[i].ID)
		}
	}
	slices.Sort(ids)
	metered := make(map[flatwatt.MeterID]bool, len(register))
	for i := range register {
		metered[register[i].ID] = true
	}
	take := func(id flatwatt.MeterID) int32 {
		i, ok := s.index[id]
		if !ok {
			i = int32(len(s.meters))
			s.index[id] = i
			s.meters = append(s.meters, *byID[id])
		}
		return i
	}
	for _, id := range slices.Compact(ids) {
		links := net.Measured(id, func(id flatwatt.MeterID) bool { return metered[id] })
		if why := whyNot(byID[id], links, byID); why != "" {
			s.skipped = append(s.skipped, Skipped{id, why})
			continue
		}
		n := node{meter: take(id), lo: int32(len(s.members)), step: byID[id].Interval}
		for _, l := range links {
			n.step = max(n.step, byID[l.Child].Interval)
			s.members = append(s.members, member{meter: take(l.Child), node: int32(len(s.nodes)), from: unixOr(l.From, minTime), to: unixOr(l.To, maxTime)})
		}
		n.hi = int32(len(s.members))
		s.nodeOf[id] = int32(len(s.nodes))
		s.nodes = append(s.nodes, n)
	}
}

const (
	minTime = -1 << 62
	maxTime = 1 << 62
)

func unixOr(t time.Time, open int64) int64 {
	if t.IsZero() {
		return open
	}
	return t.Unix()
}

// whyNot says why a node cannot be balanced; "" where it can.
func whyNot(m *flatwatt.Meter, links []network.Link, heard map[flatwatt.MeterID]*flatwatt.Meter) string {
	if len(links) == 0 {
		return "no meter hangs below it"
	}
	for _, l := range links {
		c := heard[l.Child]
		if c == nil {
			return fmt.Sprintf("the readings of %s below it go elsewhere", l.Child)
		}
		if c.Zone == nil || m.Zone == nil || c.Zone.String() != m.Zone.String() {
			return fmt.Sprintf("%s below it is in another time zone", l.Child)
		}
	}
	return ""
}

// Skipped are the nodes that are not balanced, sorted by node.
func (s *Scorer) Skipped() []Skipped { return s.skipped }

// Nodes are the transformers and feeders that are balanced, sorted by ID.
func (s *Scorer) Nodes() []flatwatt.Meter {
	var list []flatwatt.Meter
	for i := range s.nodes {
		list = append(list, s.meters[s.nodes[i].meter])
	}
	return list
}

// layOutMeters gives each meter its zone and window.
func (s *Scorer) layOutMeters() error {
	s.state, s.memory = make([]nodeState, len(s.nodes)), make([]memberState, len(s.members))
	for i := range s.memory {
		s.memory[i].Factor = 1
	}
	s.next, s.zoneOf = make([]int32, len(s.meters)), make([]int32, len(s.meters))
	s.offset, s.seconds = make([]int32, len(s.meters)+1), make([]int32, len(s.meters))
	byName := map[string]int32{}
	for i := range s.meters {
		m := &s.meters[i]
		if m.Zone == nil || m.Interval < time.Minute || m.Interval > time.Hour || time.Hour%m.Interval != 0 {
			return fmt.Errorf("meter %s: needs a time zone and an interval of 1 to 60 minutes that divides the hour, has %v", m.ID, m.Interval)
		}
		z, ok := byName[m.Zone.String()]
		if !ok {
			z = int32(len(s.zones))
			byName[m.Zone.String()] = z
			s.zones = append(s.zones, zone{loc: m.Zone})
		}
		s.zoneOf[i], s.seconds[i] = z, int32(m.Interval/time.Second)
		s.zones[z].meters = append(s.zones[z].meters, int32(i))
		s.offset[i+1] = s.offset[i] + int32((25*time.Hour+s.grace)/m.Interval)
	}
	for i := range s.nodes {
		z := &s.zones[s.zoneOf[s.nodes[i].meter]]
		z.nodes = append(z.nodes, int32(i))
	}
	s.slots = make([]slot, s.offset[len(s.meters)])
	return nil
}

// detectorOf is the detector's name for a node.
func detectorOf(k flatwatt.Kind) string { return strings.ToLower(string(k)) }
