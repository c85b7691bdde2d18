package rescore

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"iter"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/flatwatt/flatwatt"
)

const (
	// changedBy is how much a probability must move to be listed as changed.
	changedBy = 0.05

	// changedBlock is the same for a block, as a share of the larger one.
	changedBlock = 0.10

	// MaxTop bounds the ranks that are compared.
	MaxTop = 10_000
)

// A Verdict is what a set of scores says of a meter by one detector, at its last day.
type Verdict struct {
	Meter       flatwatt.MeterID `json:"meter"`
	Detector    string           `json:"detector"`
	Day         flatwatt.Day     `json:"-"`
	State       flatwatt.State   `json:"state"`
	Probability float64          `json:"-"`
	BlockKW     float64          `json:"-"`
	Model       string           `json:"model"`
	rank        int              // from 1
}

// A Set is the verdicts of a set of scores, and a hash of every score.
type Set struct {
	Name     string
	verdicts map[string]*Verdict // by detector and meter
	days     map[string]uint64   // hash of a score, by detector, meter and day
	top      []*Verdict          // by probability
}

// Collect reads scores into a set; those that keep refuses are left out. keep may be nil.
func Collect(name string, scores iter.Seq2[flatwatt.Score, error], keep func(*flatwatt.Score) bool) (*Set, error) {
	s := &Set{Name: name, verdicts: map[string]*Verdict{}, days: map[string]uint64{}}
	for score, err := range scores {
		if err != nil {
			return nil, fmt.Errorf("scores of %s: %w", name, err)
		}
		if keep != nil && !keep(&score) {
			continue
		}
		key := score.Detector + "\x00" + string(score.Meter)
		s.days[fmt.Sprintf("%s\x00%d", key, score.Day)] = hashScore(&score)
		if v := s.verdicts[key]; v == nil || score.Day >= v.Day {
			s.verdicts[key] = &Verdict{Meter: score.Meter, Detector: score.Detector, Day: score.Day, State: score.State,
				Probability: score.Probability, BlockKW: score.Block.Value, Model: score.Model}
		}
	}
	for _, v := range s.verdicts {
		if v.Probability == v.Probability {
			s.top = append(s.top, v)
		}
	}
	slices.SortFunc(s.top, func(a, b *Verdict) int {
		return cmp.Or(cmp.Compare(b.Probability, a.Probability), cmp.Compare(a.Meter, b.Meter), cmp.Compare(a.Detector, b.Detector))
	})
	for i, v := range s.top {
		v.rank = i + 1
	}
	return s, nil
}

// Suspects are the verdicts of suspects, by rank: each meter once.
func (s *Set) Suspects() (list []Verdict) {
	seen := map[flatwatt.MeterID]bool{}
	for _, v := range s.top {
		if v.State == flatwatt.Suspect && !seen[v.Meter] {
			seen[v.Meter] = true
			list = append(list, *v)
		}
	}
	return list
}

// Hash is the same for sets of scores that are the same to the bit.
func (s *Set) Hash() string {
	h := fnv.New128a()
	for _, key := range slices.Sorted(maps.Keys(s.days)) {
		fmt.Fprintf(h, "%q %x\n", key, s.days[key])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// hashScore is the same for scores that are the same to the bit.
func hashScore(s *flatwatt.Score) uint64 {
	h := uint64(14695981039346656037)
	for _, b := range []byte(fmt.Sprintf("%+v", rowText(s))) {
		h = (h ^ uint64(b)) * 1099511628211
	}
	return h
}

// rowText is s with its times as numbers: two times that are equal may print differently.
func rowText(s *flatwatt.Score) any {
	c := *s
	r := rowOf(&c)
	deref := func(n *int64) int64 {
		if n == nil {
			return 0
		}
		return *n
	}
	times := [...]int64{deref(r.Start), deref(r.Onset), deref(r.OnsetLow), deref(r.OnsetHigh), deref(r.Ended), deref(r.FirstAlarm)}
	r.Start, r.Onset, r.OnsetLow, r.OnsetHigh, r.Ended, r.FirstAlarm = nil, nil, nil, nil, nil, nil
	return []any{times, r}
}

// A Change is a meter of which the two sets say something else. Probabilities and blocks
// that are not known are nil.
type Change struct {
	Meter    flatwatt.MeterID `json:"meter"`
	Detector string           `json:"detector"`
	Kind     string           `json:"kind"` // new, cleared, changed, only in one
	Before   flatwatt.State   `json:"before"`
	After    flatwatt.State   `json:"after"`
	PBefore  *float64         `json:"probability_before"`
	PAfter   *float64         `json:"probability_after"`
	KWBefore *float64         `json:"block_kw_before"`
	KWAfter  *float64         `json:"block_kw_after"`
	RBefore  int              `json:"rank_before"` // 0: none
	RAfter   int              `json:"rank_after"`
	Known    string           `json:"known,omitempty"` // outcome of an inspection
}

// A Diff says how two sets differ.
type Diff struct {
	Before string `json:"before"`
	After  string `json:"after"`

	Scores    int `json:"scores"`     // that both have
	Same      int `json:"same"`       // of them, to the bit
	OnlyOne   int `json:"only_one"`   // scores that one set lacks
	New       int `json:"new"`        // meters that become suspects
	Cleared   int `json:"cleared"`    // that are none any more
	Changed   int `json:"changed"`    // other state, probability by 0.05 or block by a tenth
	RankMoves int `json:"rank_moves"` // meters that enter or leave the first Top ranks
	Top       int `json:"top"`

	PrecisionBefore Share `json:"precision_before"` // of suspects with a known outcome
	PrecisionAfter  Share `json:"precision_after"`

	Changes []Change `json:"changes"`
}

// Differs says whether any score differs.
func (d *Diff) Differs() bool { return d.Same != d.Scores || d.OnlyOne > 0 }

// Compare compares two sets. known tells the latest outcome of a meter's inspections, ""
// where there is none; it may be nil.
func Compare(before, after *Set, top int, known func(flatwatt.MeterID) Finding) *Diff {
	d := &Diff{Before: before.Name, After: after.Name, Top: min(max(top, 1), MaxTop), Changes: []Change{}}
	for key, h := range before.days {
		if other, ok := after.days[key]; !ok {
			d.OnlyOne++
		} else {
			d.Scores++
			d.Same += btoi(h == other)
		}
	}
	d.OnlyOne += len(after.days) - d.Scores
	keys := map[string]bool{}
	for key := range before.verdicts {
		keys[key] = true
	}
	for key := range after.verdicts {
		keys[key] = true
	}
	for key := range keys {
		d.add(before.verdicts[key], after.verdicts[key], known)
	}
	slices.SortFunc(d.Changes, func(a, b Change) int {
		return cmp.Or(cmp.Compare(kindOrder(a.Kind), kindOrder(b.Kind)), cmp.Compare(orLast(a.RAfter), orLast(b.RAfter)),
			strings.Compare(string(a.Meter), string(b.Meter)), strings.Compare(a.Detector, b.Detector))
	})
	d.PrecisionBefore, d.PrecisionAfter = precision(before, known), precision(after, known)
	return d
}

func kindOrder(kind string) int {
	return slices.Index([]string{"new", "cleared", "changed", "only in one"}, kind)
}

func orLast(rank int) int {
	if rank == 0 {
		return math.MaxInt
	}
	return rank
}

func (d *Diff) add(a, b *Verdict, known func(flatwatt.MeterID) Finding) {
	some := cmp.Or(a, b)
	c := Change{Meter: some.Meter, Detector: some.Detector}
	if a != nil {
		c.Before, c.PBefore, c.KWBefore, c.RBefore = a.State, number(a.Probability), number(a.BlockKW), a.rank
	}
	if b != nil {
		c.After, c.PAfter, c.KWAfter, c.RAfter = b.State, number(b.Probability), number(b.BlockKW), b.rank
	}
	in := func(rank int) bool { return rank > 0 && rank <= d.Top }
	d.RankMoves += btoi(in(c.RBefore) != in(c.RAfter))
	switch {
	case c.Before != flatwatt.Suspect && c.After == flatwatt.Suspect:
		c.Kind = "new"
		d.New++
	case c.Before == flatwatt.Suspect && c.After != flatwatt.Suspect:
		c.Kind = "cleared"
		d.Cleared++
	case a == nil || b == nil:
		c.Kind = "only in one"
	case a.State != b.State || far(a.Probability, b.Probability, changedBy) || far(a.BlockKW, b.BlockKW, changedBlock*max(math.Abs(a.BlockKW), math.Abs(b.BlockKW))):
		c.Kind = "changed"
		d.Changed++
	default:
		return
	}
	if known != nil {
		c.Known = string(known(c.Meter))
	}
	d.Changes = append(d.Changes, c)
}

// far says whether two numbers differ by more than by; a number and none always do.
func far(a, b, by float64) bool {
	if a != a || b != b {
		return (a != a) != (b != b)
	}
	return math.Abs(a-b) > by
}

func number(v float64) *float64 {
	if v != v {
		return nil
	}
	return &v
}

func precision(s *Set, known func(flatwatt.MeterID) Finding) (p Share) {
	if known == nil {
		return p
	}
	for _, v := range s.verdicts {
		if v.State == flatwatt.Suspect {
			p.add(known(v.Meter))
		}
	}
	return p
}
