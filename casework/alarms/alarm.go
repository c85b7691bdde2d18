// Package alarms turns daily scores into alarms that people work on, after ISA-18.2 and
// IEC 62682: each has one state, a priority and an owner, and none is lost or raised twice.
package alarms

import (
	"slices"
	"time"

	"github.com/flatwatt/flatwatt/casework"
)

// Kind is the kind of an alarm's record. Its ID is the name under which the score stands:
// a meter, a transformer, a cluster, a meter with HallSuffix, or a node with GroupSuffix.
const Kind = "alarm"

// HallSuffix marks the alarm of a large flat load that looks like a mining farm rather than
// the data centre it may be, whatever its own score as a miner says. Its kind is HallKind.
const (
	HallSuffix = ".hall"
	HallKind   = "hall"
)

// GroupSuffix marks the parent alarm of a transformer below which several meters alarm.
const GroupSuffix = ".group"

// A State is where an alarm stands.
type State string

// States of ISA-18.2, and Backlog: active, but held back by the alarm budget.
const (
	Normal         State = "normal"
	Backlog        State = "backlog"
	Unacknowledged State = "unacknowledged"
	Acknowledged   State = "acknowledged"
	Returned       State = "returned unacknowledged"
	Shelved        State = "shelved"
	Suppressed     State = "suppressed by design"
	OutOfService   State = "out of service"
)

// States are all states, those that want attention first.
func States() []State {
	return []State{Unacknowledged, Returned, Backlog, Acknowledged, Shelved, Suppressed, OutOfService, Normal}
}

// A Priority says how soon somebody must act.
type Priority string

const (
	High   Priority = "high"
	Medium Priority = "medium"
	Low    Priority = "low"
)

// Priorities are all priorities, the most urgent first.
func Priorities() []Priority { return []Priority{High, Medium, Low} }

// A Hold keeps an alarm off the list: shelved by a person for a time, suppressed by
// design by a rule, or out of service for maintenance.
type Hold struct {
	State  State     `json:"state"` // Shelved, Suppressed or OutOfService
	Reason string    `json:"reason"`
	By     string    `json:"by"` // a person, or the name of the rule
	At     time.Time `json:"at"`
	Until  string    `json:"until,omitempty"` // last day of it, 2006-01-02; "" only where not Shelved
}

// An Alarm is what people get of a meter, a transformer or a cluster. Days are civil
// dates, 2006-01-02; "" stands for never.
type Alarm struct {
	Detector string   `json:"detector"`
	Kind     string   `json:"kind"`            // customer, transformer, feeder, generator, cluster, hall, group
	Meter    string   `json:"meter,omitempty"` // whose alarm it is, where that is not its ID: of a hall
	Area     string   `json:"area,omitempty"`
	Class    string   `json:"class,omitempty"`
	Above    string   `json:"above,omitempty"`   // the nearest transformer
	Parent   string   `json:"parent,omitempty"`  // the alarm that stands for this one
	Members  []string `json:"members,omitempty"` // of a parent alarm: alarms below it

	// What the scores say. Day is the last day that changed anything here; Streak counts
	// judged days in a row on which the score agreed with Condition, up to the delay.
	Condition bool   `json:"condition"`
	Streak    int    `json:"streak"`
	Day       string `json:"day"`

	Active       bool             `json:"active"` // after on- and off-delay
	Acknowledged bool             `json:"acknowledged"`
	Priority     Priority         `json:"priority"`
	ExpectedKW   float64          `json:"expected_kw"` // probability times block: what priority goes by
	Finding      casework.Finding `json:"finding"`

	Raised    string   `json:"raised,omitempty"`    // day on which it became active, last time
	Announced string   `json:"announced,omitempty"` // day on which it left the backlog; "": it has not
	Returned  string   `json:"returned,omitempty"`  // day on which the condition ended, last time
	Acked     string   `json:"acked,omitempty"`     // day of the last acknowledgement
	AckedBy   string   `json:"acked_by,omitempty"`
	Raises    []string `json:"raises,omitempty"` // days of the last MaxRaises activations

	Hold     *Hold  `json:"hold,omitempty"`
	Assignee string `json:"assignee,omitempty"`
	Due      string `json:"due,omitempty"`
	Case     string `json:"case,omitempty"` // opened from this alarm
}

// MaxRaises bounds the days kept of one alarm's activations.
const MaxRaises = 64

// State is where the alarm stands on a day. A shelf ends by itself after its last day.
func (a *Alarm) State(today string) State {
	if a.held(today) {
		return a.Hold.State
	}
	switch {
	case a.Active && a.Announced == "":
		return Backlog
	case a.Active && !a.Acknowledged:
		return Unacknowledged
	case a.Active:
		return Acknowledged
	case a.Announced != "" && !a.Acknowledged:
		return Returned
	}
	return Normal
}

func (a *Alarm) held(today string) bool {
	return a.Hold != nil && (a.Hold.Until == "" || today <= a.Hold.Until)
}

// Stands says whether the alarm is on the list of those that stand: anything but normal.
func (a *Alarm) Stands(today string) bool { return a.State(today) != Normal }

// clone is a copy that shares nothing that changes.
func (a Alarm) clone() Alarm {
	a.Members, a.Raises = slices.Clone(a.Members), slices.Clone(a.Raises)
	if a.Hold != nil {
		h := *a.Hold
		a.Hold = &h
	}
	return a
}
