// Package cluster sees what no single meter shows: many blocks that begin within days of
// one another below one transformer or feeder. A Scorer wraps the detector of customers,
// passes its scores on and adds one score a day for every case: its Meter is the node with
// the suffix ".cluster", its evidence names the members.
//
// Null hypothesis: blocks begin at each meter on their own, at the rate at which they begin
// at meters of its class elsewhere in the same days. Against it stands one operator, who gives each meter of the
// node a block within Window days with a probability q that is not known:
//
//	odds = prior · mean over q and size of Π (1 − q + q·L) / (1 + O)
//
// over all meters of the node, where O are the odds that the meter's own readings give
// and L = O · A / (rate · Window) how much likelier they are with a block of those days than
// without; A says how much likelier its size is among machines of one size than anywhere. Three meters must add
// addsLeast each. What it gets wrong: honest changes that come in numbers to one street alone,
// such as heat pumps of one builder, differ from miners only by their own evidence.
package cluster

import (
	"encoding"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/network"
)

// A Scorer passes on the scores of another and adds those of clusters, under the detector
// name "cluster". It implements flatwatt.Scorer. One goroutine owns it.
type Scorer struct {
	inner   flatwatt.Scorer
	ids     []flatwatt.MeterID  // customers, sorted
	zones   []*time.Location    // beside ids
	classes []uint8             // beside ids: numbers of the register's classes
	inClass [maxClasses]float64 // customers of each
	homes   [maxClasses]bool    // whether it is that of homes, or not known
	next    int32               // the meter whose score should come next: a guess
	ups     []up                // of all meters, one after another
	upOf    []int32
	nodes   []node
	nodeOf  map[flatwatt.MeterID]int32

	members []member    // beside ids
	cases   []caseState // beside nodes
	active  []int32     // meters with odds, sorted; made from members

	tracks    map[int32]*track // of meters that had a block, for distant operators
	operators []operator

	byNode   [][]int32 // scratch: active meters of each node
	touched  []int32
	weighed  []weighed
	findings []finding
	order    []int32
	evidence []flatwatt.Evidence
}

var _ flatwatt.Scorer = (*Scorer)(nil)

// maxClasses bounds how many classes are told apart; those beyond count as one.
const maxClasses = 16

// A node is a transformer or feeder with customers below it.
type node struct {
	id    flatwatt.MeterID
	kind  flatwatt.Kind
	count float64 // customers
	zone  *time.Location
}

// An up says that a meter hung below a node during [from, to), Unix seconds.
type up struct {
	node     int32
	from, to int64
}

// A member is what the customer detector last said of a running block that began in the
// data; Odds 0 where it sees none.
type member struct {
	Onset         int64 // Unix seconds
	Day           int32 // of that score
	Odds          float32
	KW, Low, High float32
	_             float32
}

// A caseState is what a node's case has come to.
type caseState struct {
	Opened  int32 // day of the first alarm; 0: none
	Ended   int32 // day from which too few of its blocks run; 0: they run
	LogOdds float64
}

// New wraps inner, which scores the customers among heard, the meters whose readings come.
// register is all meters of the fleet, net says what hangs below what. A node with
// customers whose readings go elsewhere is not judged.
func New(inner flatwatt.Scorer, heard, register []flatwatt.Meter, net *network.Network) *Scorer {
	s := &Scorer{inner: inner, nodeOf: map[flatwatt.MeterID]int32{}, tracks: map[int32]*track{}}
	var list []flatwatt.Meter
	for _, m := range heard {
		if m.IsCustomer() && m.Zone != nil {
			list = append(list, m)
		}
	}
	slices.SortFunc(list, func(a, b flatwatt.Meter) int { return strings.Compare(string(a.ID), string(b.ID)) })
	numbers := map[flatwatt.Class]uint8{}
	for _, m := range list {
		if _, known := numbers[m.Class]; !known {
			numbers[m.Class] = uint8(min(len(numbers), maxClasses-1))
		}
		s.classes = append(s.classes, numbers[m.Class])
		s.inClass[numbers[m.Class]]++
		s.homes[numbers[m.Class]] = m.Class == "residential" || m.Class == ""
		s.ids, s.zones = append(s.ids, m.ID), append(s.zones, m.Zone)
	}
	s.layOut(register, net)
	s.members, s.cases = make([]member, len(s.ids)), make([]caseState, len(s.nodes))
	s.byNode = make([][]int32, len(s.nodes))
	return s
}

// number is that of a customer: ids are in order, and a map of them takes twice their room.
func (s *Scorer) number(id flatwatt.MeterID) (int32, bool) {
	i, ok := slices.BinarySearch(s.ids, id)
	return int32(i), ok
}

// layOut finds the nodes above the customers and who hangs below which.
func (s *Scorer) layOut(register []flatwatt.Meter, net *network.Network) {
	customers := make(map[flatwatt.MeterID]bool, len(register))
	for _, m := range register {
		customers[m.ID] = m.IsCustomer()
	}
	customer := func(id flatwatt.MeterID) bool { return customers[id] }
	below := make([][]up, len(s.ids))
	for _, id := range net.Ancestors(s.ids) {
		kind := net.Kind(id)
		if kind != flatwatt.Transformer && kind != flatwatt.Feeder {
			continue
		}
		n := node{id: id, kind: kind}
		seen := map[flatwatt.MeterID]bool{}
		links := net.Measured(id, customer)
		elsewhere := func(l network.Link) bool { _, ok := s.number(l.Child); return !ok }
		if slices.ContainsFunc(links, elsewhere) {
			continue
		}
		for _, l := range links {
			i, _ := s.number(l.Child) // is heard
			below[i] = append(below[i], up{int32(len(s.nodes)), unixOr(l.From, math.MinInt64), unixOr(l.To, math.MaxInt64)})
			seen[l.Child], n.zone = true, s.zones[i]
		}
		n.count = float64(len(seen))
		s.nodeOf[id] = int32(len(s.nodes))
		s.nodes = append(s.nodes, n)
	}
	s.upOf = []int32{0}
	for _, list := range below {
		s.ups = append(s.ups, list...)
		s.upOf = append(s.upOf, int32(len(s.ups)))
	}
}

func unixOr(t time.Time, open int64) int64 {
	if t.IsZero() {
		return open
	}
	return t.Unix()
}

// Score implements flatwatt.Scorer.
func (s *Scorer) Score(dst []flatwatt.Score, readings []flatwatt.Reading) []flatwatt.Score {
	from := len(dst)
	return s.follow(s.inner.Score(dst, readings), from)
}

// Close implements flatwatt.Scorer.
func (s *Scorer) Close(dst []flatwatt.Score) []flatwatt.Score {
	from := len(dst)
	return s.follow(s.inner.Close(dst), from)
}

// follow takes in the scores from dst[from] on, which come whole days of a time zone at a
// time, and judges the nodes after each such day.
func (s *Scorer) follow(dst []flatwatt.Score, from int) []flatwatt.Score {
	s.evidence = s.evidence[:0]
	end := len(dst)
	for at := from; at < end; at++ {
		sc := &dst[at]
		i, ok := s.find(sc.Meter)
		if !ok {
			continue
		}
		s.hear(i, sc)
		if at+1 == end || dst[at+1].Day != sc.Day || s.zoneAt(dst[at+1].Meter) != s.zones[i] {
			dst = s.judge(dst, sc.Day, s.zones[i])
			dst = s.judgeDistant(dst, sc.Day, s.zones[i])
		}
	}
	return dst
}

func (s *Scorer) find(id flatwatt.MeterID) (int32, bool) {
	if int(s.next) < len(s.ids) && s.ids[s.next] == id {
		s.next++
		return s.next - 1, true
	}
	i, ok := s.number(id)
	if ok {
		s.next = i + 1
	}
	return i, ok
}

// zoneAt peeks at the zone of the next score's meter without moving the guess.
func (s *Scorer) zoneAt(id flatwatt.MeterID) *time.Location {
	if int(s.next) < len(s.ids) && s.ids[s.next] == id {
		return s.zones[s.next]
	}
	if i, ok := s.number(id); ok {
		return s.zones[i]
	}
	return nil
}

// hear notes what the customer detector says of meter i today.
func (s *Scorer) hear(i int32, sc *flatwatt.Score) {
	m := &s.members[i]
	running := sc.Ended.IsZero() && !sc.Onset.At.IsZero() && sc.Block.Value > 0 && sc.Probability > 0
	if !running {
		if m.Odds != 0 {
			*m = member{}
			s.drop(i)
		}
		return
	}
	if m.Odds == 0 {
		at, _ := slices.BinarySearch(s.active, i)
		s.active = slices.Insert(s.active, at, i)
	}
	p := min(sc.Probability, 1-1e-9)
	*m = member{
		Onset: sc.Onset.At.Unix(), Day: int32(sc.Day), Odds: float32(p / (1 - p)),
		KW: float32(sc.Block.Value), Low: float32(sc.Block.Low), High: float32(sc.Block.High),
	}
}

func (s *Scorer) drop(i int32) {
	if at, ok := slices.BinarySearch(s.active, i); ok {
		s.active = slices.Delete(s.active, at, at+1)
	}
}

var _ encoding.BinaryAppender = (*Scorer)(nil)
