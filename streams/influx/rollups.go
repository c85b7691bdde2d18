package influx

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/flatwatt/flatwatt"
)

const (
	// MaxDays is how many days Rollups holds, 160 bytes a score: two for zones and
	// two for late data. A day that comes back after it was dropped is read back.
	MaxDays = 4

	// perUnit is the resolution of sums: a millionth of a kW or TH/s. Whole numbers add
	// up to the same whatever the order, and can be taken away again without a rest.
	perUnit = 1e6

	// maxDepth bounds the walk from a meter to its feeder, should parents form a ring.
	maxDepth = 16
)

// Rollups adds up scores by transformer, feeder and part of the fleet. A Write holds
// only some scores of a day, and may hold some for the second time, so a day's scores
// are kept, in brief: what comes again takes the place of what it was. The sums are of
// whole numbers, so they depend on the set of scores alone and not on how it was cut
// into writes, its order or repetitions; the lines are sorted.
//
// Memory is no truth, though: after a restart the pipeline repeats only what its last
// checkpoint does not cover. The database holds the day's other scores, so Sink reads
// them back when it meets a day that it does not know. The roll-ups in the database
// are thus always those of the scores in the database.
//
// Several workers may each write a part of the fleet: they tag their points by part,
// and readers add the parts up. Transformers lie within one part.
type Rollups struct {
	part     string
	strict   bool // count no meter that the register lacks: another part may count it
	register map[flatwatt.MeterID]place
	names    []flatwatt.MeterID // of transformers, feeders, classes, regions, models; place holds indexes
	index    map[flatwatt.MeterID]int32
	days     map[flatwatt.Day]*dayRoll
	touched  uint64 // counts begins, to drop the day that began longest ago
}

// A place is where a meter hangs in the grid: indexes into Rollups.names, 0 for none.
type place struct{ transformer, feeder, class, region int32 }

// A dayRoll is what is known of one day. Only this day's begin and Add change it.
type dayRoll struct {
	began    uint64
	marks    map[scoreKey]mark
	groups   map[group]*sums
	suspects map[string]map[flatwatt.MeterID]mark // by detector
	changed  map[group]bool
	top      map[string]bool // detectors whose top may have changed
}

type scoreKey struct {
	meter    flatwatt.MeterID
	detector string
}

// A mark is a score in brief.
type mark struct {
	state              flatwatt.State
	probability        float64
	block              float64 // kW, NaN where unknown
	kw, hashLo, hashHi int64   // in 1/perUnit; of suspects, else 0
	at                 place
	whole              bool  // its point has all fields
	model              int32 // index into Rollups.names
	fresh              bool  // first suspected on this day
}

// A group is what scores are added up by. Name 0 with level fleet is the whole part.
type group struct {
	level    level
	name     int32
	detector string
}

type level int8

const (
	byTransformer level = iota
	byFeeder
	byFleet
	byClass
	byRegion
	byModel
)

// sums counts scores by state and adds up what suspects would draw and compute.
type sums struct {
	scored, normal, suspects, ended, faults, notEnough int64
	fresh, freshHigh                                   int64 // new suspects, those of high priority
	kw, hashLo, hashHi                                 int64 // in 1/perUnit
}

// NewRollups prepares roll-ups along the parents in register. Part names the part of
// the fleet that is written and then only meters in register count; "" is all of it.
func NewRollups(register []flatwatt.Meter, part string) (*Rollups, error) {
	r := &Rollups{
		part: cmp.Or(part, partOfAllMeters), strict: part != "",
		names: make([]flatwatt.MeterID, 1), index: map[flatwatt.MeterID]int32{"": 0}, days: make(map[flatwatt.Day]*dayRoll),
	}
	if err := checkTag(PartTag, r.part); err != nil {
		return nil, err
	}
	byID := make(map[flatwatt.MeterID]*flatwatt.Meter, len(register))
	for i := range register {
		byID[register[i].ID] = &register[i]
	}
	r.register = make(map[flatwatt.MeterID]place, len(register))
	for i := range register {
		m := &register[i]
		transformer, feeder := ancestors(byID, m.ID)
		for _, node := range [...]flatwatt.MeterID{transformer, feeder} {
			if err := checkTag(TransformerTag+" or "+FeederTag, string(node)); node != "" && err != nil {
				return nil, fmt.Errorf("roll-ups of meter %q: %w", m.ID, err)
			}
		}
		r.register[m.ID] = place{r.intern(string(transformer)), r.intern(string(feeder)), r.intern(string(m.Class)), r.intern(m.Region)}
	}
	return r, nil
}

// intern is the index of a name, 0 for none and for one that no tag can hold.
func (r *Rollups) intern(name string) int32 {
	i, ok := r.index[flatwatt.MeterID(name)]
	if ok {
		return i
	}
	if checkTag("", name) != nil {
		return 0
	}
	r.names = append(r.names, flatwatt.MeterID(strings.Clone(name)))
	i = int32(len(r.names) - 1)
	r.index[r.names[i]] = i
	return i
}

// ancestors is the nearest transformer and feeder at or above id, "" where there is none.
func ancestors(byID map[flatwatt.MeterID]*flatwatt.Meter, id flatwatt.MeterID) (transformer, feeder flatwatt.MeterID) {
	for range maxDepth {
		m := byID[id]
		if m == nil {
			break
		}
		switch {
		case m.Kind == flatwatt.Transformer && transformer == "":
			transformer = m.ID
		case m.Kind == flatwatt.Feeder && feeder == "":
			feeder = m.ID
		}
		id = m.Parent
	}
	return transformer, feeder
}

func (r *Rollups) knows(d flatwatt.Day) bool { return r.days[d] != nil }

// begin makes room for day d, by dropping the day that began longest ago.
func (r *Rollups) begin(d flatwatt.Day) {
	r.touched++
	r.days[d] = &dayRoll{
		began: r.touched, marks: make(map[scoreKey]mark), groups: make(map[group]*sums),
		suspects: make(map[string]map[flatwatt.MeterID]mark), changed: make(map[group]bool), top: make(map[string]bool),
	}
	if len(r.days) <= MaxDays {
		return
	}
	oldest := d
	for other, roll := range r.days {
		if roll.began < r.days[oldest].began {
			oldest = other
		}
	}
	delete(r.days, oldest)
}

func (r *Rollups) forget(d flatwatt.Day) { delete(r.days, d) }

// Add takes score in, in place of the one of the same meter, day and detector. Its
// strings must stay valid.
func (r *Rollups) Add(s *flatwatt.Score) { r.add(s, !r.mayBeBrief(s)) }

// mayBeBrief says whether the point of s needs no more than the brief fields: nobody looks
// for the others, and no point with all of them lies below it.
func (r *Rollups) mayBeBrief(s *flatwatt.Score) bool {
	if _, ok := r.register[s.Meter]; !ok && r.strict || !mayBeBrief(s.State) {
		return false // of what is not added nobody knows what lies below
	}
	day := r.days[s.Day]
	return day == nil || !day.marks[scoreKey{s.Meter, s.Detector}].whole
}

func (r *Rollups) add(s *flatwatt.Score, whole bool) {
	at, ok := r.register[s.Meter]
	if !ok && r.strict {
		return
	}
	if !r.knows(s.Day) {
		r.begin(s.Day)
	}
	day, key := r.days[s.Day], scoreKey{s.Meter, s.Detector}
	if old, ok := day.marks[key]; ok {
		day.count(key, old, -1)
	}
	m := newMark(s, at)
	m.whole = whole
	m.model = r.intern(s.Model)
	day.marks[key] = m
	day.count(key, m, 1)
}

func newMark(s *flatwatt.Score, at place) mark {
	m := mark{state: s.State, probability: s.Probability, block: s.Block.Value, at: at}
	if s.State == flatwatt.Suspect {
		m.fresh = s.FirstAlarm.After(s.Start)
		m.kw, m.hashLo, m.hashHi = whole(s.Block.Value), whole(s.HashrateTHs.Low), whole(s.HashrateTHs.High)
	}
	return m
}

// whole is v in 1/perUnit, 0 where it is not known.
func whole(v float64) int64 {
	if v != v {
		return 0
	}
	return int64(math.Round(min(max(v, -MaxAbs), MaxAbs) * perUnit))
}

// count adds m to its groups, or takes it away: by is 1 or -1.
func (d *dayRoll) count(key scoreKey, m mark, by int64) {
	groups := [...]group{
		{byTransformer, m.at.transformer, key.detector}, {byFeeder, m.at.feeder, key.detector}, {byFleet, 0, key.detector},
		{byClass, m.at.class, key.detector}, {byRegion, m.at.region, key.detector}, {byModel, m.model, key.detector},
	}
	for _, g := range groups {
		if g.name == 0 && g.level != byFleet {
			continue
		}
		if d.groups[g] == nil {
			d.groups[g] = new(sums)
		}
		d.groups[g].add(m, by)
		d.changed[g] = true
	}
	d.top[key.detector] = true // written at least once, even without a suspect
	if m.state != flatwatt.Suspect {
		return
	}
	if by < 0 {
		delete(d.suspects[key.detector], key.meter)
		return
	}
	if d.suspects[key.detector] == nil {
		d.suspects[key.detector] = make(map[flatwatt.MeterID]mark)
	}
	d.suspects[key.detector][key.meter] = m
}

func (s *sums) add(m mark, by int64) {
	s.scored += by
	switch m.state {
	case flatwatt.Normal:
		s.normal += by
	case flatwatt.Suspect:
		s.suspects += by
	case flatwatt.Ended:
		s.ended += by
	case flatwatt.MeterFault:
		s.faults += by
	case flatwatt.NotEnoughData:
		s.notEnough += by
	}
	if m.fresh {
		s.fresh += by
		if m.probability >= HighProbability {
			s.freshHigh += by
		}
	}
	s.kw += by * m.kw
	s.hashLo += by * m.hashLo
	s.hashHi += by * m.hashHi
}

// A suspect is a rank of the top.
type suspect struct {
	meter              flatwatt.MeterID
	probability, block float64
}

// ranked is the likeliest n suspects: by probability, then block, then name. NaN is last.
func (d *dayRoll) ranked(detector string, n int) []suspect {
	all := make([]suspect, 0, len(d.suspects[detector]))
	for id, m := range d.suspects[detector] {
		all = append(all, suspect{id, m.probability, m.block})
	}
	slices.SortFunc(all, func(a, b suspect) int {
		return cmp.Or(cmp.Compare(b.probability, a.probability), cmp.Compare(b.block, a.block), cmp.Compare(a.meter, b.meter))
	})
	return all[:min(n, len(all))]
}
