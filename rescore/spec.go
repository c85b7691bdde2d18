// Package rescore scores the archive again: with another model, with the readings that
// came late, for chosen days or meters. What it computes goes to a set of its own, a
// shadow, beside what is live; Diff says what would change, and Promote makes it live.
//
// A run is named by what it computes (Spec), so asking for the same thing again goes on
// with the same run: chunks that are there stay, a kill costs what came after the last
// saved state. Scoring is the service's own (flatwatt.Scorer), fed from the archive.
package rescore

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/archive"
)

// TailDays is how many UTC days after the last one wanted are read: by then its local
// day has closed in every time zone, late readings included.
const TailDays = 2

// A Spec says what a run computes. Two runs with the same Spec give the same scores.
type Spec struct {
	From  flatwatt.Day   `json:"from"`           // first day whose scores are kept
	To    flatwatt.Day   `json:"to"`             // last one
	Days  []flatwatt.Day `json:"days,omitempty"` // of these, only those; nil: all
	Since flatwatt.Day   `json:"since"`          // first UTC day read, to warm up
	Until flatwatt.Day   `json:"until"`          // last one
	Live  bool           `json:"as_live"`        // late readings as they came, not as they are known now

	Meters    []flatwatt.MeterID `json:"meters,omitempty"` // scores of these are kept, sorted; nil: of all
	Selection string             `json:"selection"`        // how they were chosen, for people

	Model   string   `json:"model"`   // version
	Config  string   `json:"config"`  // hash of all that gives the Scorer's memory its meaning
	Content []uint64 `json:"content"` // of the archive's days read, by partition
}

// Plan completes s from the archive: what is read, and what it holds now. s.Since is
// kept if it is set, else everything from the archive's first day on is read: scores are
// then those of a service that has run all the time.
func Plan(a *archive.Archive, s Spec) (Spec, error) {
	first, last, ok := a.Days()
	if !ok {
		return s, errors.New("the archive holds no readings: import some, or let the service run")
	}
	if s.From > s.To {
		return s, fmt.Errorf("from %s is after to %s", s.From, s.To)
	}
	if s.From > last || s.To < first {
		return s, fmt.Errorf("days %s to %s: the archive holds %s to %s", s.From, s.To, first, last)
	}
	if s.Since == 0 {
		s.Since = first
	}
	s.Since = max(min(s.Since, s.From), first)
	s.Until = min(s.To+TailDays, last)
	slices.Sort(s.Meters)
	s.Meters = slices.Compact(s.Meters)
	slices.Sort(s.Days)
	s.Days = slices.Compact(s.Days)
	s.Content = nil
	for p := range a.Manifest().Partitions {
		s.Content = append(s.Content, a.Content(p, s.Since, s.Until))
	}
	return s, nil
}

// ID names the run that computes s.
func (s Spec) ID() string {
	text, err := json.Marshal(s)
	if err != nil {
		panic(fmt.Sprintf("encode a plan: %v", err)) // plain numbers and texts: cannot fail
	}
	sum := sha256.Sum256(text)
	return "r" + hex.EncodeToString(sum[:6])
}

// keeps says whether a score is wanted.
func (s *Spec) keeps(score *flatwatt.Score) bool {
	if score.Day < s.From || score.Day > s.To {
		return false
	}
	if s.Days != nil && !found(s.Days, score.Day) {
		return false
	}
	return s.Meters == nil || found(s.Meters, score.Meter)
}

func found[T cmp.Ordered](list []T, v T) bool {
	_, ok := slices.BinarySearch(list, v)
	return ok
}
