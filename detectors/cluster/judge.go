package cluster

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/models"
)

const (
	// Window is the time in days within which the blocks of one operator begin.
	Window = 7.0
	// rate is how often a block begins at a meter, per day: the base rate with which the
	// customer detector's probabilities are calibrated (1.05 % of meters in 120 days).
	rate      = .0105 / 120
	rateSure  = 0.5  // blocks that the rate elsewhere must show before it counts for much
	priorOdds = -9.0 // log-odds of an operator below a node, in any one window
	// caseOdds puts the log-odds of less than one false case per 1,000 node-months at 0: from
	// fleets of seeds 601–606 (docs/network.md), on which nothing is reported. Up to 3.4 the
	// operators there are seen on the same days.
	caseOdds = 1.9
	// endedOdds are those of a case without blocks: below all that still runs, wherever
	// caseOdds puts that.
	endedOdds = -10.2
	// partOdds are those of a case that another one with the same members stands for: it
	// ranks below meters of which something is suspected.
	partOdds               = -4.0
	membersMin             = 3
	addsLeast              = 2.0 // log-odds that each of the strongest membersMin must add: two miners and a doubt are no operator
	membersTold            = 40
	staleDays              = 4       // a block last seen longer ago says nothing
	recallDays             = 90      // blocks older than this open no case
	sameShare              = .65     // of an operator's blocks have the size of one machine …
	sizeSpread             = .12     // … within this, natural logarithm: machine, fans and error of estimate
	homeSize, homeSpread   = 2, 1.1  // kW and natural logarithm, of lasting changes in homes
	otherSize, otherSpread = 15, 1.5 // and elsewhere
	memberFrom             = .5      // probability from which a meter is named as a member
)

// shares are the values of q, the share of a node's meters that an operator uses.
var shares = [...]float64{.015, .03, .06, .12, .25, .5}

// Terms of evidence; memberTerm and partTerm are followed by a name.
const (
	memberTerm = "member "
	countTerm  = "members"
	othersTerm = "others"
	partTerm   = "part of "
	suffix     = ".cluster"
)

// A weighed is one meter of a node while the node is judged.
type weighed struct {
	i     int32
	onset int64
	odds  float64
	kw    float64
	class uint8
	home  bool
}

// judge weighs all nodes of a zone that have blocks or a case.
func (s *Scorer) judge(dst []flatwatt.Score, day flatwatt.Day, zone *time.Location) []flatwatt.Score {
	s.gather(day, zone)
	slices.Sort(s.touched)
	s.weighed, s.findings = s.weighed[:0], s.findings[:0]
	for _, k := range s.touched {
		if s.nodes[k].zone == zone {
			s.findings = append(s.findings, s.likeliest(k))
		}
	}
	s.nest()
	for i := range s.findings {
		f := &s.findings[i]
		c := &s.cases[f.node]
		c.LogOdds = f.logOdds
		if f.logOdds >= 0 && c.Opened == 0 {
			c.Opened = int32(day)
		}
		if len(f.list) > 0 {
			c.Ended = 0
		} else if c.Ended == 0 {
			c.Ended = int32(day)
		}
		if c.Opened != 0 {
			dst = append(dst, s.tell(day, f))
		}
	}
	s.forget()
	return dst
}

// forget empties what gather has filled.
func (s *Scorer) forget() {
	for _, k := range s.touched {
		s.byNode[k] = s.byNode[k][:0]
	}
}

// nest has one of two cases with the same members stand for both, as below a transformer and below
// its feeder: the likelier. The other stays open without being a suspect.
func (s *Scorer) nest() {
	s.order = s.order[:0]
	for i := range s.findings {
		if s.findings[i].logOdds >= 0 {
			s.order = append(s.order, int32(i))
		}
	}
	slices.SortFunc(s.order, func(a, b int32) int {
		return cmp.Or(-cmp.Compare(s.findings[a].logOdds, s.findings[b].logOdds), cmp.Compare(a, b))
	})
	for n, weak := range s.order {
		for _, strong := range s.order[:n] {
			w, f := &s.findings[weak], &s.findings[strong]
			if f.within < 0 && 2*shared(w.list, f.list) >= len(w.list) {
				w.within, w.logOdds = f.node, min(w.logOdds, partOdds)
				break
			}
		}
	}
}

// shared counts the meters in both lists.
func shared(a, b []weighed) (n int) {
	for _, x := range a {
		if slices.ContainsFunc(b, func(y weighed) bool { return x.i == y.i }) {
			n++
		}
	}
	return n
}

// gather sorts the active meters by the nodes above them.
func (s *Scorer) gather(day flatwatt.Day, zone *time.Location) {
	s.touched = s.touched[:0]
	for k := range s.cases {
		if s.cases[k].Opened != 0 {
			s.touched = append(s.touched, int32(k))
		}
	}
	oldest := (day - recallDays).Start(zone).Unix()
	for _, i := range s.active {
		m := &s.members[i]
		if s.zones[i] != zone || int32(day)-m.Day > staleDays {
			continue
		}
		for _, u := range s.ups[s.upOf[i]:s.upOf[i+1]] {
			opened := s.cases[u.node].Opened != 0
			if m.Onset < u.from || m.Onset >= u.to || m.Onset < oldest && !opened {
				continue
			}
			if len(s.byNode[u.node]) == 0 && !opened {
				s.touched = append(s.touched, u.node)
			}
			s.byNode[u.node] = append(s.byNode[u.node], i)
		}
	}
}

// A finding is the likeliest window of a node.
type finding struct {
	node    int32
	within  int32 // node whose case has the same members and is likelier; −1: none
	logOdds float64
	q       float64             // likeliest share
	perQ    [maxClasses]float64 // L per odds, by class: 1 / (rate · Window · ρ)
	seed    int                 // whose size the operator's machines have
	list    []weighed
}

// likeliest slides the window over the onsets below node k.
func (s *Scorer) likeliest(k int32) finding {
	from := len(s.weighed)
	for _, i := range s.byNode[k] {
		m := &s.members[i]
		s.weighed = append(s.weighed, weighed{i, m.Onset, float64(m.Odds), float64(m.KW), s.classes[i], s.homes[s.classes[i]]})
	}
	all := s.weighed[from:]
	slices.SortFunc(all, func(a, b weighed) int { return cmp.Or(cmp.Compare(a.onset, b.onset), cmp.Compare(a.i, b.i)) })
	best := finding{node: k, within: -1, logOdds: math.Inf(-1)}
	hi := 0
	for lo := range all {
		for hi < len(all) && all[hi].onset < all[lo].onset+int64(Window*86400) {
			hi++
		}
		if hi-lo < membersMin {
			continue
		}
		if f := s.weigh(k, all[lo:hi]); f.logOdds > best.logOdds {
			best = f
		}
	}
	if math.IsInf(best.logOdds, -1) { // too few blocks to be anything: the prior alone
		best.logOdds = endedOdds
	}
	return best
}

// weigh gives the log-odds of an operator whose blocks began where those of list did, the
// mean over the size of machines, each block's own in turn, and over shares.
func (s *Scorer) weigh(k int32, list []weighed) finding {
	f := finding{node: k, within: -1, list: list, logOdds: math.Inf(-1)}
	s.elsewhere(&f)
	most := math.Inf(-1)
	for seed := range list {
		for _, q := range shares {
			sum := (s.nodes[k].count - float64(len(list))) * math.Log1p(-q)
			for i, w := range list {
				l := w.odds * f.perQ[w.class]
				if i != seed {
					l *= alike(&w, list[seed].kw)
				}
				sum += math.Log(1-q+q*l) - math.Log1p(w.odds)
			}
			if sum > most {
				most, f.q, f.seed = sum, q, seed
			}
			f.logOdds = models.LogAddExp(f.logOdds, sum)
		}
	}
	f.logOdds += priorOdds + caseOdds - math.Log(float64(len(shares)*len(list)))
	if f.count() < membersMin || f.added(membersMin) < addsLeast {
		f.logOdds = min(f.logOdds, -1)
	}
	return f
}

// alike is how much likelier w's block is where an operator has machines of size kW than
// anywhere: sizes of lasting changes are log-normal, about 2 kW in homes and wider about
// 15 kW elsewhere, and not all of an operator's blocks are one machine.
func alike(w *weighed, size float64) float64 {
	usual := density(math.Log(w.kw), math.Log(homeSize), homeSpread)
	if !w.home {
		usual = density(math.Log(w.kw), math.Log(otherSize), otherSpread)
	}
	return 1 - sameShare + sameShare*density(math.Log(w.kw), math.Log(size), sizeSpread)/usual
}
