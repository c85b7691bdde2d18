package main

import (
	"cmp"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/console"
	clusters "github.com/flatwatt/flatwatt/detectors/cluster"
	"github.com/flatwatt/flatwatt/detectors/hall"
)

// rankedDetector is the detector of customers' meters.
const rankedDetector = "customer"

// ranks says whether a detector's scores are ranked and shown: those that judge a meter
// as a whole. What others say of the same meter is kept in the database.
func ranks(detector string) bool {
	switch detector {
	case rankedDetector, "cluster", "transformer", "feeder", "generator":
		return true
	}
	return false
}

// A board keeps the latest score of every meter and hands it to people. It is what the
// page, the tables and the summary are made from.
type board struct {
	words  func(flatwatt.Score) (reason string, reasons []string) // nil: whoever shows a finding words it
	meters map[flatwatt.MeterID]flatwatt.Meter
	truth  map[flatwatt.MeterID]flatwatt.Truth // nil where it is not known
	loads  loads                               // may be nil

	mu     sync.Mutex // guards what follows
	latest map[flatwatt.MeterID]flatwatt.Score
	halls  map[flatwatt.MeterID]flatwatt.Score // farm against data centre, beside latest
	status console.Status
	ranked []console.Finding // but for the dirty
	dirty  map[flatwatt.MeterID]bool
	place  map[flatwatt.MeterID]int // in ranked
}

// loads tells the demand of a meter.
type loads interface {
	Load(flatwatt.MeterID) (console.Load, bool)
}

func newBoard(title string, meters []flatwatt.Meter, words func(flatwatt.Score) (string, []string)) *board {
	b := &board{
		words: words, meters: make(map[flatwatt.MeterID]flatwatt.Meter, len(meters)),
		latest: make(map[flatwatt.MeterID]flatwatt.Score, len(meters)),
		halls:  map[flatwatt.MeterID]flatwatt.Score{},
		dirty:  map[flatwatt.MeterID]bool{}, place: make(map[flatwatt.MeterID]int, len(meters)),
		status: console.Status{Title: title, Meters: len(meters)},
	}
	for _, m := range meters {
		b.meters[m.ID] = m
	}
	return b
}

// know adds the truth, for fleets where it is known.
func (b *board) know(truth []flatwatt.Truth) {
	b.truth = make(map[flatwatt.MeterID]flatwatt.Truth, len(truth))
	for _, t := range truth {
		b.truth[t.Meter] = t
	}
}

// add takes scores that are durable. A later day replaces an earlier one.
func (b *board) add(readings int, scores []flatwatt.Score) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.status.Readings += int64(readings)
	for _, s := range scores {
		if s.Detector == hall.Detector {
			b.addHall(s)
			continue
		}
		if !ranks(s.Detector) {
			continue
		}
		if old, ok := b.latest[s.Meter]; ok && old.Day > s.Day {
			continue
		}
		s.Evidence = slices.Clone(s.Evidence) // scores are valid until the next call only
		b.latest[s.Meter], b.dirty[s.Meter] = s, true
		if s.Detector == "cluster" {
			continue // no meter: its members tell the time
		}
		if end := (s.Day + 1).Start(zoneOf(b.meters[s.Meter])); end.After(b.status.AsOf) {
			b.status.AsOf = end
			b.status.Days++
		}
	}
}

// addHall takes the posterior of a large flat load.
func (b *board) addHall(s flatwatt.Score) {
	if old, ok := b.halls[s.Meter]; ok && old.Day > s.Day {
		return
	}
	s.Evidence = slices.Clone(s.Evidence)
	b.halls[s.Meter], b.dirty[s.Meter] = s, true
}

// hall is the latest posterior of a large flat load.
func (b *board) hall(id flatwatt.MeterID) (*flatwatt.Score, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s, ok := b.halls[id]
	return &s, ok
}

// finish notes the end of scoring.
func (b *board) finish(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.status.Done = err == nil
	if err != nil {
		b.status.Err = err.Error()
	}
}

// Status implements console.Board.
func (b *board) Status() console.Status {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.status
}

// Load implements console.Board.
func (b *board) Load(id flatwatt.MeterID) (console.Load, bool) {
	if b.loads == nil {
		return console.Load{}, false
	}
	return b.loads.Load(id)
}

// Finding implements console.Board.
func (b *board) Finding(id flatwatt.MeterID) (console.Finding, bool) {
	all := b.Findings()
	b.mu.Lock()
	at, ok := b.place[id]
	b.mu.Unlock()
	if !ok || at >= len(all) || all[at].Score.Meter != id {
		return console.Finding{}, false
	}
	return all[at], true
}

// Findings implements console.Board. The order is total, so that the same scores always
// give the same ranks. Only meters with new scores are looked at anew: the others keep
// their order, and are merged with them into a new list, since readers hold the old one.
func (b *board) Findings() []console.Finding {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.dirty) == 0 && b.ranked != nil {
		return b.ranked
	}
	fresh := make([]console.Finding, 0, len(b.dirty))
	for id := range b.dirty {
		if s, ok := b.latest[id]; ok { // else only its hall was judged
			fresh = append(fresh, b.finding(id, s))
		}
	}
	slices.SortFunc(fresh, compareFindings)
	list := make([]console.Finding, 0, len(b.latest))
	for i := range b.ranked {
		old := &b.ranked[i]
		if b.dirty[old.Score.Meter] {
			continue
		}
		for len(fresh) > 0 && compareFindings(fresh[0], *old) < 0 {
			list, fresh = append(list, fresh[0]), fresh[1:]
		}
		list = append(list, *old)
	}
	list = append(list, fresh...)
	clear(b.dirty)
	for i := range list {
		b.place[list[i].Score.Meter] = i
		list[i].Rank = 0
		if !math.IsNaN(list[i].Score.LogOdds) {
			list[i].Rank = i + 1
		}
	}
	b.ranked = list
	return list
}

func compareFindings(x, y console.Finding) int { return compareScores(x.Score, y.Score) }

// finding is what people get of a score.
func (b *board) finding(id flatwatt.MeterID, s flatwatt.Score) console.Finding {
	f := console.Finding{Meter: b.meters[id], Score: s}
	if node, ok := clusters.NodeOf(id); ok && s.Detector == "cluster" {
		f.Meter = b.meters[node]
		f.Meter.ID, f.Meter.Kind = id, "cluster"
		f.Meter.Zone = zoneOf(f.Meter)
	}
	if f.Meter.ID == "" {
		f.Meter = flatwatt.Meter{ID: id, Zone: time.UTC}
	}
	if h, ok := b.halls[id]; ok && s.Detector == rankedDetector {
		f.Hall = &console.Hall{Score: h}
	}
	b.say(&f)
	if t, ok := b.truth[id]; ok {
		f.Truth = &t
	} else if b.truth != nil {
		f.Truth = &flatwatt.Truth{Meter: id, Label: flatwatt.NoneLabel}
	}
	f.Area = areaOf(b.meters, f.Meter)
	return f
}

// say puts a finding into words, where the board does.
func (b *board) say(f *console.Finding) {
	if b.words == nil {
		return
	}
	f.Reason, f.Reasons = b.words(f.Score)
	if f.Hall != nil {
		f.Hall.Reason, f.Hall.Reasons = b.words(f.Hall.Score)
	}
}

// compareScores puts the highest probability first, which detectors have in common, then
// the highest log odds; meters without a score last; ties by name.
func compareScores(x, y flatwatt.Score) int {
	return cmp.Or(
		cmp.Compare(btoi(math.IsNaN(x.LogOdds)), btoi(math.IsNaN(y.LogOdds))),
		-cmp.Compare(x.Probability, y.Probability),
		-cmp.Compare(x.LogOdds, y.LogOdds),
		cmp.Compare(x.Meter, y.Meter),
	)
}
