package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/access"
	"github.com/flatwatt/flatwatt/casework"
	"github.com/flatwatt/flatwatt/casework/alarms"
	clusters "github.com/flatwatt/flatwatt/detectors/cluster"
	"github.com/flatwatt/flatwatt/detectors/hall"
)

// verdictsOf turns scores into what alarms want to know, with the register at hand.
type verdictsOf struct {
	meters map[flatwatt.MeterID]flatwatt.Meter
	words  func(flatwatt.Score) (string, []string)
}

func newVerdicts(register []flatwatt.Meter, lang string) verdictsOf {
	return verdictsOf{registerOf(register), wordsIn(lang)}
}

// areaOf is the area that a meter belongs to: the register's column "area", on its own row
// or that of whatever it hangs below.
func areaOf(meters map[flatwatt.MeterID]flatwatt.Meter, m flatwatt.Meter) string {
	for range 16 { // deeper than any grid; ends where a register runs in a circle
		if area := m.Extra["area"]; area != "" {
			return area
		}
		up, ok := meters[m.Parent]
		if !ok {
			break
		}
		m = up
	}
	return ""
}

// of is the verdict of a score; ok is false where the score is neither of a ranked detector
// nor of a hall.
func (v verdictsOf) of(s *flatwatt.Score) (out alarms.Verdict, ok bool) {
	if s.Detector == hall.Detector {
		return v.ofHall(s), true
	}
	if !ranks(s.Detector) {
		return out, false
	}
	m := v.meters[s.Meter]
	kind := string(m.Kind)
	if node, is := clusters.NodeOf(s.Meter); is && s.Detector == "cluster" {
		m, kind = v.meters[node], "cluster"
		for _, e := range s.Evidence {
			if id, is := clusters.MemberOf(e); is {
				out.Members = append(out.Members, string(id))
			}
		}
	}
	if kind == "" {
		kind = string(flatwatt.Customer)
	}
	out.ID, out.Day, out.Detector, out.Kind, out.Class = string(s.Meter), s.Day.String(), s.Detector, kind, string(m.Class)
	out.Known = s.State != flatwatt.NotEnoughData && s.State != flatwatt.MeterFault
	out.Suspect = s.State == flatwatt.Suspect
	out.Area, out.Above = areaOf(v.meters, m), string(m.Parent)
	if out.Suspect { // numbers and words are wanted of suspects only
		out.Finding = v.finding(s)
	}
	return out, true
}

// ofHall is the verdict on a large flat load: a mining farm is suspected under a name beside
// the meter's own, since its score as a miner may be low. Where the evidence does not decide,
// an alarm stays as it is: "inspect on site" neither raises one nor clears it.
func (v verdictsOf) ofHall(s *flatwatt.Score) alarms.Verdict {
	m := v.meters[s.Meter]
	out := alarms.Verdict{ID: string(s.Meter) + alarms.HallSuffix, Day: s.Day.String(), Detector: s.Detector, Kind: alarms.HallKind, Meter: string(s.Meter),
		Class: string(m.Class), Area: areaOf(v.meters, m), Above: string(m.Parent)}
	out.Known = s.State == flatwatt.Suspect || s.State == flatwatt.Normal
	if out.Suspect = s.State == flatwatt.Suspect; out.Suspect {
		out.Finding = v.finding(s)
	}
	return out
}

func (v verdictsOf) finding(s *flatwatt.Score) casework.Finding {
	f := casework.Finding{
		Day: s.Day.String(), Model: s.Model, Probability: number(s.Probability),
		BlockKW: number(s.Block.Value), BlockLowKW: number(s.Block.Low), BlockHighKW: number(s.Block.High), EnergyKWh: number(s.Energy.Value),
	}
	if !s.Onset.At.IsZero() {
		f.Onset = s.Onset.At.In(zoneOf(v.meters[s.Meter])).Format(time.RFC3339) // its date is the meter's civil one
	}
	f.Reason, _ = v.words(*s)
	return f
}

// number is a pointer to x, or nil for NaN and infinities, which JSON has not.
func number(x float64) *float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil
	}
	return &x
}

// alarmSink has alarms take scores once they are kept.
type alarmSink struct {
	keep     flatwatt.Sink
	raiser   *alarms.Raiser
	verdicts verdictsOf
	said     func(alarms.Tally)
}

// Write implements flatwatt.Sink. Scores may be written again: alarms take each day once.
func (a alarmSink) Write(ctx context.Context, scores []flatwatt.Score) error {
	if err := a.keep.Write(ctx, scores); err != nil {
		return err
	}
	var list []alarms.Verdict
	for i := range scores {
		if v, ok := a.verdicts.of(&scores[i]); ok {
			list = append(list, v)
		}
	}
	t, err := a.raiser.Apply(ctx, list, false)
	if err != nil {
		return fmt.Errorf("alarms: %w", err)
	}
	if t.Raised+t.Announced+t.Returned > 0 {
		a.said(t)
	}
	return nil
}

// serviceActor is in whose name the service raises alarms.
func serviceActor() access.Actor { return access.Actor{Name: "flatwatt", Role: access.Operator} }

func loadPolicy(path string) (alarms.Policy, error) {
	if path == "" {
		return alarms.DefaultPolicy(), nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return alarms.Policy{}, usagef("alarm policy: %w", err)
	}
	policy, err := alarms.ParsePolicy(text)
	if err != nil {
		return policy, usagef("alarm policy %s: %w", path, err)
	}
	return policy, nil
}

// A verdictLog collects a run's verdicts. Of days before a meter was first suspected it
// keeps only as many as an alarm's delay can be long.
type verdictLog struct {
	of   verdictsOf
	last map[string][]alarms.Verdict
	hot  map[string]bool
}

const longestDelayDays = 60 // of a policy

func newVerdictLog(of verdictsOf) *verdictLog {
	return &verdictLog{of, map[string][]alarms.Verdict{}, map[string]bool{}}
}

// Write implements flatwatt.Sink.
func (l *verdictLog) Write(_ context.Context, scores []flatwatt.Score) error {
	for i := range scores {
		v, ok := l.of.of(&scores[i])
		if !ok {
			continue
		}
		l.hot[v.ID] = l.hot[v.ID] || v.Suspect
		list := append(l.last[v.ID], v)
		if !l.hot[v.ID] && len(list) > longestDelayDays {
			list = list[1:]
		}
		l.last[v.ID] = list
	}
	return nil
}

func (l *verdictLog) all() (list []alarms.Verdict) {
	for _, v := range l.last {
		list = append(list, v...)
	}
	return list
}
