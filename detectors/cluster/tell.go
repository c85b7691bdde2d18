package cluster

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/models"
)

var nan = math.NaN()

// CaseOf is the meter name under which a node's case is scored.
func CaseOf(node flatwatt.MeterID) flatwatt.MeterID { return node + suffix }

// NodeOf is the node of a case; ok is false where id is no case.
func NodeOf(id flatwatt.MeterID) (node flatwatt.MeterID, ok bool) {
	text, ok := strings.CutSuffix(string(id), suffix)
	return flatwatt.MeterID(text), ok
}

// MemberOf is the member that a piece of evidence names; ok is false where it is evidence
// of another kind. Its Value is the size of the member's block in kW, its LogOdds what the
// member adds to the case.
func MemberOf(e flatwatt.Evidence) (id flatwatt.MeterID, ok bool) {
	text, ok := strings.CutPrefix(e.Term, memberTerm)
	return flatwatt.MeterID(text), ok
}

// WholeOf is the node whose case a piece of evidence says to contain this one; ok is false
// where it is evidence of another kind.
func WholeOf(e flatwatt.Evidence) (node flatwatt.MeterID, ok bool) {
	text, ok := strings.CutPrefix(e.Term, partTerm)
	return flatwatt.MeterID(text), ok
}

// IsCount says whether a piece of evidence tells the number of members, IsOthers whether
// that of the node's other meters, which speak against an operator.
func IsCount(e flatwatt.Evidence) bool  { return e.Term == countTerm }
func IsOthers(e flatwatt.Evidence) bool { return e.Term == othersTerm }

// A Member is one meter of a case.
type Member struct {
	Meter  flatwatt.MeterID
	KW     float64
	Onset  time.Time
	Alone  float64 // probability of a miner by the meter's own readings
	Raised float64 // given all members
}

// Members are the meters of a node's likeliest window whose raised probability is at
// least one half, in order of onset; nil where there are none. They mean something only while the node
// has a case.
func (s *Scorer) Members(id flatwatt.MeterID, day flatwatt.Day) (list []Member) {
	k, ok := s.nodeOf[id]
	if !ok {
		return nil
	}
	s.gather(day, s.nodes[k].zone)
	s.weighed = s.weighed[:0]
	f := s.likeliest(k)
	p := models.Sigmoid(f.logOdds)
	for i, w := range f.list {
		if r := f.raised(i); r >= memberFrom {
			alone := w.odds / (1 + w.odds)
			list = append(list, Member{s.ids[w.i], w.kw, time.Unix(w.onset, 0).UTC(), alone, p*r + (1-p)*alone})
		}
	}
	s.forget()
	return list
}

// tell is the score of the case of f's node.
func (s *Scorer) tell(day flatwatt.Day, f *finding) flatwatt.Score {
	n := &s.nodes[f.node]
	none := flatwatt.Estimate{Value: nan, Low: nan, High: nan}
	sc := flatwatt.Score{
		Meter: CaseOf(n.id), Day: day, Start: day.Start(n.zone), Detector: "cluster", Model: "cluster-1",
		State: flatwatt.Normal, LogOdds: f.logOdds, Probability: models.Sigmoid(f.logOdds), LogEValue: nan,
		Block: none, Energy: none, Features: unknown,
		FirstAlarm: (flatwatt.Day(s.cases[f.node].Opened) + 1).Start(n.zone),
	}
	if f.logOdds >= 0 {
		sc.State = flatwatt.Suspect
	}
	sc = ended(sc, s.cases[f.node].Ended, n.zone)
	if f.within >= 0 {
		s.evidence = append(s.evidence, flatwatt.Evidence{Term: partTerm + string(s.nodes[f.within].id), LogOdds: f.logOdds})
		sc.Evidence = s.evidence[len(s.evidence)-1 : len(s.evidence) : len(s.evidence)]
		return sc
	}
	s.tellMembers(&sc, f)
	return sc
}

// ended marks sc as a case whose blocks have ended on a day; 0: they have not. Its odds
// are those of a node without blocks, so that it ranks below whatever still runs.
func ended(sc flatwatt.Score, day int32, zone *time.Location) flatwatt.Score {
	if day != 0 {
		sc.State, sc.Ended = flatwatt.Ended, flatwatt.Day(day).Start(zone)
	}
	return sc
}

// tellMembers adds up the members' blocks and names them.
func (s *Scorer) tellMembers(sc *flatwatt.Score, f *finding) {
	from := len(s.evidence)
	var kw, below, above float64 // errors of members are their own: squares add
	for i, w := range f.list {
		if f.raised(i) < memberFrom {
			continue
		}
		m := &s.members[w.i]
		kw += w.kw
		below += math.Pow(float64(m.KW-m.Low), 2)
		above += math.Pow(float64(m.High-m.KW), 2)
		few, many := models.UnitCount(w.kw, float64(m.High-m.Low)/(2*1.645))
		sc.Units.Low, sc.Units.High = sc.Units.Low+few, sc.Units.High+many
		at := time.Unix(w.onset, 0).UTC()
		if sc.Onset.At.IsZero() {
			sc.Onset.At, sc.Onset.Low = at, at
		}
		sc.Onset.High = at
		s.evidence = append(s.evidence, flatwatt.Evidence{
			Term: memberTerm + string(s.ids[w.i]), Value: w.kw,
			LogOdds: f.adds(i),
		})
	}
	named := s.evidence[from:]
	if len(named) == 0 {
		return
	}
	count := float64(len(named))
	slices.SortStableFunc(named, func(a, b flatwatt.Evidence) int { return -cmp.Compare(a.LogOdds, b.LogOdds) })
	rest := f.logOdds // the parts add up
	for _, e := range named {
		rest -= e.LogOdds
	}
	s.evidence = append(s.evidence[:min(len(s.evidence), from+membersTold)], flatwatt.Evidence{Term: countTerm, Value: count},
		flatwatt.Evidence{Term: othersTerm, Value: s.nodes[f.node].count - count, LogOdds: rest})
	sc.Evidence = s.evidence[from:len(s.evidence):len(s.evidence)]
	slices.SortStableFunc(sc.Evidence, func(a, b flatwatt.Evidence) int {
		return -cmp.Compare(math.Abs(a.LogOdds), math.Abs(b.LogOdds))
	})
	sc.Block = flatwatt.Estimate{Value: kw, Low: max(0, kw-math.Sqrt(below)), High: kw + math.Sqrt(above)}
	sc.HashrateTHs.Low, sc.HashrateTHs.High = models.HashrateTHs(sc.Block.Low, sc.Block.High)
}

// unknown are the features of what is no meter.
var unknown = flatwatt.Features{
	MeanKW: nan, FloorKW: nan, LoadFactor: nan, CV: nan, RobustCV: nan, BaseloadShare: nan,
	NightDay: nan, WeekdayEnd: nan, ACF24: nan, PowerFactor: nan, ThermalPct: nan, ValidShare: nan,
}
