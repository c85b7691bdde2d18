package cluster

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/models"
)

// Distant operators: blocks of one size at meters anywhere whose power steps at the same
// hours by the same share, as when one person updates the firmware of all machines. For a
// meter taken as the first member, every other one has log odds of belonging to it:
//
//	prior + log odds of its own block + Σ over the first's steps [match or miss] + size
//
// A match counts log(1 − real + real · hit · n(ratio) / (rate · u(ratio))), where rate is how many of the
// other meters stepped in those hours, so that a cold night that moves all floors says nothing, or how likely
// the meter steps there by chance, if that is more: who steps every third day steps with somebody.
const (
	distantPrior = -9.0 // log odds that a block belongs to the operator of another one
	distantSum   = 5.0  // of the members' log odds together, from which it is a case
	distantLeast = 3    // members
	ownBase      = 4.0  // log odds by which a block's own probability is above the usual
	realShare    = .3   // of the first member's steps that are its operator's, not of its own use
	hitShare     = .7   // of an operator's steps that are seen at a member
	hourSlack    = 3    // hours by which the same step may be seen apart
	ratioSpread  = .03  // of one step's shares at two members
	sharedLeast  = 1    // steps that a member must share
	distantMost  = 400  // meters with a block that are compared, likeliest first
	commonShare  = .4   // of all blocks, from which a step is the weather's or the feed's, not an operator's
	commonLeast  = 12   // blocks; with fewer a share says little
	sharedTerm   = "shared steps"
	operatorNode = "operator/"
)

// An operator is a case of distant members. Its name is that of its first member.
type operator struct {
	Lead   int32
	Opened int32 // day
	Ended  int32 // day on which the first member's block was seen to have ended while there was no case; 0: not so
}

// A suspectStep is a step with whose it is.
type suspectStep struct {
	step
	of int32
}

// judgeDistant looks for operators among the meters of a zone that have a block.
func (s *Scorer) judgeDistant(dst []flatwatt.Score, day flatwatt.Day, zone *time.Location) []flatwatt.Score {
	list := s.blocks(day, zone)
	if len(list) < distantLeast && len(s.operators) == 0 {
		return dst
	}
	told := map[int32]bool{}
	for _, g := range s.groups(day, list) {
		o := s.nameOf(day, &g)
		told[o.Lead] = true
		if node, ok := s.wholeOf(&g); ok { // neighbours as well: their case stands for it
			sc := s.operatorScore(day, zone, o, partOdds)
			s.evidence = append(s.evidence, flatwatt.Evidence{Term: partTerm + string(node), LogOdds: sc.LogOdds})
			sc.Evidence = s.evidence[len(s.evidence)-1 : len(s.evidence) : len(s.evidence)]
			dst = append(dst, sc)
			continue
		}
		dst = append(dst, s.tellOperator(day, zone, &g, o))
	}
	for k := range s.operators { // a case that was told once is told on, also when it is none any more
		o := &s.operators[k]
		if s.zones[o.Lead] != zone {
			continue
		}
		if told[o.Lead] || s.members[o.Lead].Odds != 0 {
			o.Ended = 0
		} else if o.Ended == 0 {
			o.Ended = int32(day)
		}
		if !told[o.Lead] {
			dst = append(dst, ended(s.operatorScore(day, zone, *o, endedOdds), o.Ended, zone))
		}
	}
	return dst
}

// groups are the operators seen today. A group of which half the members belong to one
// before it is the same operator.
func (s *Scorer) groups(day flatwatt.Day, list []int32) (found []group) {
	all := s.allSteps(day, list)
	of := map[int32]int{} // group of a member, from 1
	for _, seed := range list {
		if of[seed] != 0 {
			continue
		}
		g := s.group(day, seed, list, all)
		if g.sum < distantSum || len(g.members) < distantLeast {
			continue
		}
		into, free := len(found)+1, len(g.members)
		in := map[int]int{}
		for _, m := range g.members {
			if k := of[m.i]; k != 0 {
				in[k]++
				free--
				if 2*in[k] >= len(g.members) {
					into = k
				}
			}
		}
		if into > len(found) && free < distantLeast {
			continue
		}
		if into > len(found) {
			found = append(found, group{})
		}
		to := &found[into-1]
		for _, m := range g.members {
			if of[m.i] == 0 {
				of[m.i] = into
				to.members, to.sum = append(to.members, m), to.sum+m.odds
			}
		}
		to.shared = max(to.shared, g.shared)
	}
	return found
}

// wholeOf is the node whose case, told just before, has at least half of g's members.
func (s *Scorer) wholeOf(g *group) (flatwatt.MeterID, bool) {
	for k := range s.findings {
		f := &s.findings[k]
		n := 0
		for _, w := range f.list {
			if slices.ContainsFunc(g.members, func(b belonging) bool { return b.i == w.i }) {
				n++
			}
		}
		if f.logOdds >= 0 && f.within < 0 && 2*n >= len(g.members) {
			return s.nodes[f.node].id, true
		}
	}
	return "", false
}

// operatorScore is the score of an operator's case without its members.
func (s *Scorer) operatorScore(day flatwatt.Day, zone *time.Location, o operator, odds float64) flatwatt.Score {
	none := flatwatt.Estimate{Value: nan, Low: nan, High: nan}
	sc := flatwatt.Score{
		Meter: CaseOf(operatorNode + s.ids[o.Lead]), Day: day, Start: day.Start(zone), Detector: "cluster", Model: "cluster-1",
		State: flatwatt.Normal, LogOdds: odds, Probability: models.Sigmoid(odds), LogEValue: nan,
		Block: none, Energy: none, Features: unknown, FirstAlarm: (flatwatt.Day(o.Opened) + 1).Start(zone),
	}
	if odds >= 0 {
		sc.State = flatwatt.Suspect
	}
	return sc
}

// blocks are the meters of a zone with a block today that have stepped, likeliest first.
func (s *Scorer) blocks(day flatwatt.Day, zone *time.Location) (list []int32) {
	for _, i := range s.active {
		if m := &s.members[i]; s.zones[i] == zone && int32(day)-m.Day <= staleDays && s.tracks[i] != nil {
			list = append(list, i)
		}
	}
	slices.SortStableFunc(list, func(a, b int32) int { return -cmp.Compare(s.members[a].Odds, s.members[b].Odds) })
	return list[:min(len(list), distantMost)]
}

// since is the first hour of a member's block in the unit of steps.
func (s *Scorer) since(i int32) int32 {
	return (int32(flatwatt.DayOf(time.Unix(s.members[i].Onset, 0), s.zones[i])) + 1) * trackHours
}

func (s *Scorer) allSteps(day flatwatt.Day, list []int32) (all []suspectStep) {
	for _, i := range list {
		s.tracks[i].steps(int32(day), s.since(i), func(st step) { all = append(all, suspectStep{st, i}) })
	}
	return all
}

// A group is who belongs to the operator of a seed.
type group struct {
	members []belonging
	sum     float64
	shared  int // steps that most members share
}

type belonging struct {
	i      int32
	odds   float64
	shared int
}

// group weighs every other meter against seed.
func (s *Scorer) group(day flatwatt.Day, seed int32, list []int32, all []suspectStep) (g group) {
	var own []step
	s.tracks[seed].steps(int32(day), s.since(seed), func(st step) {
		if stepShare(st, all, len(list)) < commonShare {
			own = append(own, st)
		}
	})
	if len(own) == 0 {
		return g
	}
	g.members = append(g.members, belonging{seed, 0, len(own)})
	rates := make([]float64, len(own))
	for k, st := range own {
		rates[k] = stepRate(st, all, len(list))
	}
	for _, i := range list {
		if i == seed {
			continue
		}
		if b := s.belongs(day, seed, i, own, rates); b.odds > 0 && b.shared >= sharedLeast {
			g.members = append(g.members, b)
			g.sum += b.odds
			g.shared = max(g.shared, b.shared)
		}
	}
	return g
}

// tellOperator is the score of a case, which keeps the name of the first member that it had.
func (s *Scorer) tellOperator(day flatwatt.Day, zone *time.Location, g *group, o operator) flatwatt.Score {
	sc := s.operatorScore(day, zone, o, g.sum-distantSum)
	from := len(s.evidence)
	var kw, below, above float64
	for _, b := range g.members {
		m := &s.members[b.i]
		kw += float64(m.KW)
		below, above = below+math.Pow(float64(m.KW-m.Low), 2), above+math.Pow(float64(m.High-m.KW), 2)
		few, many := models.UnitCount(float64(m.KW), float64(m.High-m.Low)/(2*1.645))
		sc.Units.Low, sc.Units.High = sc.Units.Low+few, sc.Units.High+many
		at := time.Unix(m.Onset, 0).UTC()
		if sc.Onset.At.IsZero() || at.Before(sc.Onset.At) {
			sc.Onset.At, sc.Onset.Low = at, at
		}
		if at.After(sc.Onset.High) {
			sc.Onset.High = at
		}
		s.evidence = append(s.evidence, flatwatt.Evidence{Term: memberTerm + string(s.ids[b.i]), Value: float64(m.KW), LogOdds: b.odds})
	}
	s.evidence = append(s.evidence[:min(len(s.evidence), from+membersTold)], flatwatt.Evidence{Term: sharedTerm, Value: float64(g.shared)})
	sc.Evidence = s.evidence[from:len(s.evidence):len(s.evidence)]
	slices.SortStableFunc(sc.Evidence, func(a, b flatwatt.Evidence) int { return -cmp.Compare(math.Abs(a.LogOdds), math.Abs(b.LogOdds)) })
	sc.Block = flatwatt.Estimate{Value: kw, Low: max(0, kw-math.Sqrt(below)), High: kw + math.Sqrt(above)}
	sc.HashrateTHs.Low, sc.HashrateTHs.High = models.HashrateTHs(sc.Block.Low, sc.Block.High)
	return sc
}

// nameOf is the case that a group continues, or a new one.
func (s *Scorer) nameOf(day flatwatt.Day, g *group) operator {
	for _, o := range s.operators {
		if slices.ContainsFunc(g.members, func(b belonging) bool { return b.i == o.Lead }) {
			return o
		}
	}
	o := operator{Lead: g.members[0].i, Opened: int32(day)}
	s.operators = append(s.operators, o)
	return o
}

// IsShared says whether a piece of evidence tells how many steps the members of a distant
// operator share.
func IsShared(e flatwatt.Evidence) bool { return e.Term == sharedTerm }
