package balance

import (
	"math"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/models"
)

const (
	accusedOdds = -3.0 // while a wrong register waits for its second day
	staticOdds  = -1.5 // a residual that was always there: an unmetered honest load as well
	// nodeOdds puts the log-odds of 1 false transformer per 1,000 transformer-months at 0:
	// from fleets of seeds 151–153 and 511–516 (docs/network.md), on which nothing is reported.
	nodeOdds      = 2.3
	firstOdds     = -1.0 // at most, on the first day that is judged
	smallOdds     = -2.0 // of a block of up to smallMost of the node's load …
	smallMost     = 0.02 //
	smallNone     = 0.06 // … rising to none here
	namedMost     = 3    // customers named with a suspected node
	namedFrom     = 0.02 // share from which one is named
	candidateTerm = "customer "
)

// told appends the inner fleet's scores as those of nodes, with the likeliest customers.
func (s *Scorer) told(dst, scores []flatwatt.Score) []flatwatt.Score {
	for i := range scores {
		sc := scores[i]
		k := s.nodeOf[sc.Meter]
		st := &s.state[k]
		sc.Detector = detectorOf(s.meters[s.nodes[k].meter].Kind)
		st.BlockKW = 0
		if sc.Block.Value == sc.Block.Value {
			st.BlockKW = float32(sc.Block.Value)
		}
		s.weigh(&sc, st, s.meters[s.nodes[k].meter].Zone)
		if sc.State == flatwatt.Suspect || sc.State == flatwatt.Ended {
			sc.Evidence = s.withCandidates(sc.Evidence, k)
		}
		dst = append(dst, sc)
	}
	return dst
}

// weigh changes an inner score into that of a node. The inner fleet was made for
// customers, whose loads change for many honest reasons; what is left of a balance has few.
func (s *Scorer) weigh(sc *flatwatt.Score, st *nodeState, zone *time.Location) {
	if sc.State == flatwatt.Suspect || sc.State == flatwatt.Ended {
		sc.State = flatwatt.Normal
	}
	sc.FirstAlarm = time.Time{}
	if sc.LogOdds != sc.LogOdds {
		return
	}
	if st.Accused != 0 {
		sc.LogOdds += accusedOdds
	}
	if sc.Block.Value == sc.Block.Value && sc.Onset.At.IsZero() {
		sc.LogOdds += staticOdds
	}
	sc.LogOdds += nodeOdds + smallBlock(sc.Block.Value/float64(st.LoadKW))
	today := float32(sc.LogOdds)
	if st.Judged != 0 { // a register that stood still for a day is no block
		sc.LogOdds = min(sc.LogOdds, float64(st.Odds))
	} else {
		sc.LogOdds = min(sc.LogOdds, firstOdds)
	}
	st.Odds, st.Judged = today, 1
	sc.Probability = models.Sigmoid(sc.LogOdds)
	if sc.LogOdds >= 0 {
		sc.State = flatwatt.Suspect
		if !sc.Ended.IsZero() {
			sc.State = flatwatt.Ended
		}
		if st.Alarm == 0 {
			st.Alarm = sc.Day
		}
	}
	if st.Alarm != 0 {
		sc.FirstAlarm = (st.Alarm + 1).Start(zone)
	}
}

// smallBlock is the log odds of a block that is such a share of the node's mean load: what
// is a few per cent of it may be an error of the meters together. 0 where it is not known.
func smallBlock(share float64) float64 {
	switch {
	case !(share < smallNone):
		return 0
	case share < smallMost:
		return smallOdds
	}
	return smallOdds * (smallNone - share) / (smallNone - smallMost)
}

// withCandidates copies evidence into the arena and adds the likeliest customers. They say
// where, not whether: they contribute nothing to the log-odds.
func (s *Scorer) withCandidates(evidence []flatwatt.Evidence, k int32) []flatwatt.Evidence {
	from := len(s.evidence)
	s.evidence = append(s.evidence, evidence...)
	for n, c := range s.candidates(nil, k) {
		if n == namedMost || !(c.Share >= namedFrom) {
			break
		}
		s.evidence = append(s.evidence, flatwatt.Evidence{Term: candidateTerm + string(c.Meter), Value: c.Share})
	}
	return s.evidence[from:len(s.evidence):len(s.evidence)]
}

// CandidateOf is the customer that a piece of evidence names as likely; ok is false where
// it is evidence of another kind. Its Value is the customer's share of the probability.
func CandidateOf(e flatwatt.Evidence) (id flatwatt.MeterID, ok bool) {
	if len(e.Term) <= len(candidateTerm) || e.Term[:len(candidateTerm)] != candidateTerm {
		return "", false
	}
	return flatwatt.MeterID(e.Term[len(candidateTerm):]), true
}

// A Balance is how a node stands.
type Balance struct {
	Node        flatwatt.MeterID
	Days        int     // balanced
	LoadKW      float64 // mean input over the last week
	Unexplained float64 // share of the input that neither meters nor loss explain, over two weeks
	NoLoadKW    float64 // loss whatever the load
	CopperPerKW float64 // loss grows by this times the square of the input, 1/kW
	Wrong       []Register
}

// A Register is a meter that seems to count wrongly, to hang elsewhere or to have a wrong clock.
type Register struct {
	Meter  flatwatt.MeterID
	Factor float64 // what one kWh on it is in truth; 0: its load is not below this node
	Late   float64 // hours by which its clock is late
}

// Balances are the nodes as they stand, sorted by node.
func (s *Scorer) Balances() []Balance {
	var list []Balance
	for k := range s.nodes {
		n, st := &s.nodes[k], &s.state[k]
		b := Balance{
			Node: s.meters[n.meter].ID, Days: int(st.Days), LoadKW: float64(st.LoadKW), Unexplained: float64(st.Residual),
			NoLoadKW: float64(st.Loss.A), CopperPerKW: float64(st.Loss.B),
		}
		for i := n.lo; i < n.hi; i++ {
			m := &s.memory[i]
			if math.Abs(float64(m.Factor)-1) >= factorLeast || m.Delay != 0 {
				b.Wrong = append(b.Wrong, Register{s.meters[s.members[i].meter].ID, float64(m.Factor), float64(m.Delay) * n.step.Hours()})
			}
		}
		list = append(list, b)
	}
	return list
}
