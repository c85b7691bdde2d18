// Package outside fuses what people, registers and other systems say of a meter into its
// scores. A Scorer wraps another: to the log odds of every score of a meter it adds
//
//	Σ reliability of each piece of outside evidence · 2^−(earlier ones of its kind and source)
//	+ what a registration says of the use that was measured
//
// Calls of one hotline about one meter are not independent, so each further one counts half
// as much as the one before. The sum is bounded by MaxTotal. Every piece is a line of
// evidence of the score, with source, time and who entered it; Score.Outside is their sum.
//
// Assumption: outside evidence and the meter's own readings are independent given what is
// there. What it gets wrong: a hotline called by those who see the same list.
package outside

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/models"
)

const (
	// MaxTotal bounds what outside evidence adds to log odds, either way.
	MaxTotal = 8.0
	// mostTold is how many pieces are told one by one.
	mostTold = 16
)

// A Threshold says from which probability a detector's score is a suspect. Zero Normal:
// below From it is Normal; else between both it is to be inspected.
type Threshold struct{ From, Normal float64 }

// A Scorer passes on the scores of another with outside evidence fused into them. It
// implements flatwatt.Scorer. One goroutine owns it.
type Scorer struct {
	inner  flatwatt.Scorer
	book   flatwatt.OutsideBook
	usual  *time.Location                      // of most meters
	zones  map[flatwatt.MeterID]*time.Location // of the others
	alarms map[string]Threshold
	first  map[key]flatwatt.Day // first day as a suspect, of fused scores
}

type key struct {
	meter    flatwatt.MeterID
	detector string
}

var _ flatwatt.Scorer = (*Scorer)(nil)

// New wraps inner. alarms names the detectors whose scores take outside evidence; others
// pass as they are. book may be nil.
func New(inner flatwatt.Scorer, meters []flatwatt.Meter, book flatwatt.OutsideBook, alarms map[string]Threshold) *Scorer {
	s := &Scorer{inner: inner, book: book, alarms: alarms, usual: time.UTC, zones: map[flatwatt.MeterID]*time.Location{}, first: map[key]flatwatt.Day{}}
	n := map[*time.Location]int{}
	for _, m := range meters {
		if n[m.Zone]++; m.Zone != nil && n[m.Zone] > n[s.usual] {
			s.usual = m.Zone
		}
	}
	for _, m := range meters {
		if m.Zone != s.usual {
			s.zones[m.ID] = m.Zone // nil: UTC
		}
	}
	return s
}

// Score implements flatwatt.Scorer.
func (s *Scorer) Score(dst []flatwatt.Score, readings []flatwatt.Reading) []flatwatt.Score {
	from := len(dst)
	dst = s.inner.Score(dst, readings)
	s.fuse(dst[from:])
	return dst
}

// Close implements flatwatt.Scorer.
func (s *Scorer) Close(dst []flatwatt.Score) []flatwatt.Score {
	from := len(dst)
	dst = s.inner.Close(dst)
	s.fuse(dst[from:])
	return dst
}

func (s *Scorer) fuse(scores []flatwatt.Score) {
	for i := range scores {
		sc := &scores[i]
		limit, ok := s.alarms[sc.Detector]
		if !ok || sc.LogOdds != sc.LogOdds || sc.State == flatwatt.MeterFault {
			continue
		}
		if s.book != nil {
			s.add(sc, limit)
		}
		s.note(sc)
	}
}

// add puts what is told of sc's meter into sc.
func (s *Scorer) add(sc *flatwatt.Score, limit Threshold) {
	told := s.told(sc)
	if len(told) == 0 {
		return
	}
	sum := 0.0
	for _, e := range told {
		sum += e.LogOdds
	}
	sum = min(max(sum, -MaxTotal), MaxTotal)
	p := min(max(sc.Probability, 1e-12), 1-1e-12)
	sc.Outside = sum
	sc.LogOdds += sum
	sc.Probability = models.Sigmoid(math.Log(p/(1-p)) + sum)
	sc.Evidence = append(told, sc.Evidence...)
	slices.SortStableFunc(sc.Evidence, func(a, b flatwatt.Evidence) int {
		return cmp.Compare(math.Abs(b.LogOdds), math.Abs(a.LogOdds))
	})
	restate(sc, limit, sum)
}

// restate says what is to be done by the fused probability. What has ended stays so unless
// it is cleared.
func restate(sc *flatwatt.Score, limit Threshold, sum float64) {
	switch {
	case sc.Probability >= limit.From && sum > 0 && sc.State != flatwatt.Ended:
		sc.State = flatwatt.Suspect
	case sc.Probability >= limit.From: // as it was
	case limit.Normal > 0 && sc.Probability > limit.Normal:
		sc.State = flatwatt.Inspect
	case sum < 0 || sc.State == flatwatt.Inspect && sc.Probability <= limit.Normal:
		sc.State = flatwatt.Normal
	}
}

// note keeps the first alarm of fused scores.
func (s *Scorer) note(sc *flatwatt.Score) {
	k := key{sc.Meter, sc.Detector}
	day, ok := s.first[k]
	if !ok && (sc.State == flatwatt.Suspect || sc.State == flatwatt.Ended) {
		day, ok = sc.Day, true
		s.first[k] = day
	}
	sc.FirstAlarm = time.Time{}
	if ok {
		sc.FirstAlarm = (day + 1).Start(s.zone(sc.Meter))
	}
}

func (s *Scorer) zone(id flatwatt.MeterID) *time.Location {
	z, ok := s.zones[id]
	switch {
	case !ok:
		return s.usual
	case z == nil:
		return time.UTC
	}
	return z
}

// told is the evidence that counts on sc's day: outside evidence, then the registration.
func (s *Scorer) told(sc *flatwatt.Score) (list []flatwatt.Evidence) {
	zone := s.zone(sc.Meter)
	end := (sc.Day + 1).Start(zone)
	seen := map[[2]string]int{}
	for _, o := range current(s.book.Outside(sc.Meter), sc.Start, end) {
		k := [2]string{string(o.Kind), o.Source}
		list = append(list, flatwatt.Evidence{
			Term: termOf(&o), LogOdds: o.LogOdds * math.Exp2(-float64(seen[k])), Value: math.Floor(end.Sub(o.At).Hours() / 24),
		})
		seen[k]++
	}
	if len(list) > mostTold {
		rest := flatwatt.Evidence{Term: moreTerm, Value: float64(len(list) - mostTold)}
		for _, e := range list[mostTold:] {
			rest.LogOdds += e.LogOdds
		}
		list = append(list[:mostTold], rest)
	}
	if sc.Detector == "customer" {
		if e, ok := registered(s.book.Registered(sc.Meter), sc, end); ok {
			list = append(list, e)
		}
	}
	return list
}

// current are the pieces that count on the day [start, end): entered by then, not over yet,
// and of each id the one entered last. One that is worth nothing has been taken back.
func current(all []flatwatt.Outside, start, end time.Time) (list []flatwatt.Outside) {
	last := map[string]int{}
	for i := range all {
		if all[i].Entered.Before(end) {
			last[all[i].ID] = i
		}
	}
	for i := range all {
		if o := &all[i]; last[o.ID] == i && o.Entered.Before(end) && o.At.Before(end) && o.Until.After(start) && o.LogOdds != 0 {
			list = append(list, *o)
		}
	}
	return list
}
