package alarms

import (
	"time"

	"github.com/flatwatt/flatwatt/casework"
)

// A Verdict is what one day's score of one meter says to its alarm. It is plain, so that
// alarms know nothing of detectors.
type Verdict struct {
	ID       string
	Day      string // 2006-01-02
	Known    bool   // false: not enough data, or a meter fault: the alarm stays as it is
	Suspect  bool
	Detector string
	Kind     string
	Meter    string // as in Alarm
	Area     string
	Class    string
	Above    string   // the nearest transformer, "" where unknown
	Members  []string // of a cluster
	Finding  casework.Finding
}

// expectedKW is the probability times the block; a block of unknown size counts 0.
func (v *Verdict) expectedKW() float64 {
	f := v.Finding
	if f.Probability == nil || f.BlockKW == nil {
		return 0
	}
	return *f.Probability * *f.BlockKW
}

// step is an alarm after one more day. It is pure, and a day that was seen already
// changes nothing, so that scores may be told any number of times.
func step(p Policy, a Alarm, v *Verdict) Alarm {
	if !v.Known || v.Day <= a.Day {
		return a
	}
	if v.Suspect != a.Condition {
		a.Condition, a.Streak = v.Suspect, 0
	}
	delay := p.OffDelayDays
	if a.Condition {
		delay = p.OnDelayDays
	}
	if a.Streak < delay {
		a.Streak, a.Day = a.Streak+1, v.Day
	}
	if a.Streak < delay || a.Active == a.Condition {
		return refresh(p, a, v)
	}
	if a.Active = a.Condition; a.Active {
		return raise(p, a, v)
	}
	a.Returned = v.Day
	if a.Announced == "" { // it came and went unseen: nobody needs to acknowledge it
		a.Acknowledged = true
	}
	return a
}

// raise makes an alarm active: unacknowledged and, until the budget lets it out, in the backlog.
func raise(p Policy, a Alarm, v *Verdict) Alarm {
	a.Raised, a.Announced, a.Returned, a.Acknowledged, a.Acked, a.AckedBy = v.Day, "", "", false, "", ""
	a.Raises = append(a.Raises, v.Day)
	a.Raises = a.Raises[max(0, len(a.Raises)-MaxRaises):]
	return describe(p, a, v)
}

// describe takes what the score says of the meter.
func describe(p Policy, a Alarm, v *Verdict) Alarm {
	a.Finding, a.ExpectedKW = v.Finding, v.expectedKW()
	a.Priority = p.Priority(a.ExpectedKW)
	if v.Kind == "cluster" {
		a.Priority = High // several machines and an operator
		a.Members = v.Members
	}
	return a
}

// refresh takes a suspect's newer numbers where they would change what is done: a higher
// priority. Anything less is on the meter's page, and no change of the alarm. A priority
// never falls while an alarm is active.
func refresh(p Policy, a Alarm, v *Verdict) Alarm {
	if a.Active && v.Suspect && rank(p.Priority(v.expectedKW())) < rank(a.Priority) {
		a = describe(p, a, v)
		a.Day = v.Day
	}
	return a
}

func rank(p Priority) int {
	switch p {
	case High:
		return 0
	case Medium:
		return 1
	}
	return 2
}

// newAlarm is the alarm of a meter that never had one.
func newAlarm(v *Verdict) Alarm {
	return Alarm{Detector: v.Detector, Kind: v.Kind, Meter: v.Meter, Area: v.Area, Class: v.Class, Above: v.Above, Acknowledged: true, Priority: Low}
}

// redo is an alarm after a run that scored its meter anew. The run's days take the place
// of what the scores said before; what people did stays where the outcome is the same.
func redo(p Policy, a Alarm, verdicts []Verdict) Alarm {
	fresh := newAlarm(&verdicts[0])
	for i := range verdicts {
		fresh = step(p, fresh, &verdicts[i])
	}
	last := &verdicts[len(verdicts)-1]
	switch {
	case fresh.Day == "":
		return a
	case a.Day == "":
		return fresh
	case fresh.Active && !a.Active:
		a = raise(p, a, last)
	case !fresh.Active && a.Active:
		a.Active, a.Returned = false, last.Day
	case a.Active && last.Suspect:
		a = describe(p, a, last)
	}
	a.Condition, a.Streak, a.Day = fresh.Condition, fresh.Streak, fresh.Day
	return a
}

// hold applies rules and ends shelves that are over. An alarm that comes back from a
// hold while it is active is announced anew, unacknowledged.
func hold(p Policy, id string, a Alarm, today string, now time.Time) Alarm {
	r, fits := p.rule(id, &a, today)
	switch {
	case a.Hold != nil && a.Hold.State != Suppressed && a.held(today):
		return a // a person's hold stands over a rule's
	case fits && (a.Hold == nil || a.Hold.State != Suppressed || a.Hold.By != r.Name || a.Hold.Reason != r.Reason || a.Hold.Until != r.Until):
		a.Hold = &Hold{State: Suppressed, Reason: r.Reason, By: r.Name, At: now, Until: r.Until}
	case !fits && a.Hold != nil:
		a = release(a)
	}
	return a
}

// release ends a hold.
func release(a Alarm) Alarm {
	a.Hold = nil
	if a.Active {
		a.Acknowledged, a.Acked, a.AckedBy, a.Announced = false, "", "", ""
	}
	return a
}
