package casework

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/flatwatt/flatwatt/access"
)

// A State is where a case stands.
type State string

const (
	Suspected  State = "suspect"
	DeskReview State = "desk review"
	Ordered    State = "inspection ordered"
	Confirmed  State = "confirmed"
	Cleared    State = "cleared"
	Exempt     State = "exempt"
	Rectified  State = "rectified"
	Closed     State = "closed"
)

// next is where a case may go from each state. Confirmed is reached only by four eyes.
// A closed or cleared case is taken up again where new evidence turns up.
var next = map[State][]State{
	Suspected:  {DeskReview},
	DeskReview: {Ordered, Cleared, Exempt},
	Ordered:    {Confirmed, Cleared, Exempt},
	Confirmed:  {Rectified},
	Cleared:    {Closed, DeskReview},
	Exempt:     {Closed},
	Rectified:  {Closed},
	Closed:     {DeskReview},
}

// Next is where a case in state s may go.
func (s State) Next() []State { return slices.Clone(next[s]) }

// reasons are the codes that a move to a state wants; none where any words will do.
var reasons = map[State][]string{
	Confirmed: {"equipment_found", "admitted", "energy_balance", "other"},
	Cleared:   {"no_equipment", "legitimate_load", "meter_fault", "data_error", "vacated", "other"},
	Exempt:    {"data_centre", "telecom", "research", "other"},
	Rectified: {"removed", "disconnected", "moved_away", "other"},
}

// Reasons are the codes that a move to s wants; empty where it wants none.
func (s State) Reasons() []string { return slices.Clone(reasons[s]) }

// Finding is what was known of the meter when the case was opened: numbers of its score,
// null where unknown.
type Finding struct {
	Day         string   `json:"day,omitempty"` // of the score, 2006-01-02
	Model       string   `json:"model,omitempty"`
	Probability *float64 `json:"probability"`
	BlockKW     *float64 `json:"block_kw"`
	BlockLowKW  *float64 `json:"block_low_kw"`
	BlockHighKW *float64 `json:"block_high_kw"`
	Onset       string   `json:"onset,omitempty"` // RFC 3339
	EnergyKWh   *float64 `json:"energy_kwh"`      // since the onset
	Reason      string   `json:"reason,omitempty"`
}

// A Comment is what somebody said.
type Comment struct {
	At   time.Time `json:"at"`
	By   string    `json:"by"`
	Text string    `json:"text"`
}

// A Task is one line of a case's checklist.
type Task struct {
	Text string    `json:"text"`
	Done bool      `json:"done"`
	By   string    `json:"by,omitempty"`
	At   time.Time `json:"at,omitzero"`
}

// An Attachment is a file of a case; its bytes are the record of kind KindFile whose ID
// is its digest.
type Attachment struct {
	Name   string    `json:"name"`
	SHA256 string    `json:"sha256"`
	Bytes  int       `json:"bytes"`
	By     string    `json:"by"`
	At     time.Time `json:"at"`
}

// A Proposal waits for the second pair of eyes.
type Proposal struct {
	Action string    `json:"action"` // ProposeConfirm or ProposeDisconnect
	Reason string    `json:"reason"`
	Note   string    `json:"note,omitempty"`
	By     string    `json:"by"`
	At     time.Time `json:"at"`
}

// What needs four eyes.
const (
	ProposeConfirm    = "confirm"
	ProposeDisconnect = "disconnect"
)

// A Case is one suspicion on its way to an end.
type Case struct {
	Meter       string       `json:"meter"`
	Area        string       `json:"area,omitempty"`
	Title       string       `json:"title"`
	State       State        `json:"state"`
	Reason      string       `json:"reason,omitempty"` // code of the last move that wanted one
	Assignee    string       `json:"assignee,omitempty"`
	Due         string       `json:"due,omitempty"` // 2006-01-02
	Opened      time.Time    `json:"opened"`
	Moved       time.Time    `json:"moved"` // into State
	Finding     Finding      `json:"finding"`
	Checklist   []Task       `json:"checklist"`
	Comments    []Comment    `json:"comments,omitempty"`
	Attachments []Attachment `json:"attachments,omitempty"`
	Pending     *Proposal    `json:"pending,omitempty"`
	// Disconnect is the request to disconnect, once a second person has agreed.
	Disconnect *Proposal `json:"disconnect,omitempty"`
	ApprovedBy string    `json:"approved_by,omitempty"` // the second pair of eyes, last time
	// Reported is the report of this case to a regulator, such as of illegal supply by a
	// power plant; nil: it was not reported.
	Reported *Notice `json:"reported,omitempty"`
}

// A Notice is a report to an authority.
type Notice struct {
	To        string    `json:"to"`                  // e.g. the energy regulator's office
	Reference string    `json:"reference,omitempty"` // number of the letter
	By        string    `json:"by"`
	At        time.Time `json:"at"`
}

// standardChecklist is what every desk review goes through.
func standardChecklist() []Task {
	var list []Task
	for _, text := range []string{
		"data quality of the meter is good enough", "tariff class and contracted power compared with the load",
		"business register and site looked up", "cold store, pump, telecom or data centre ruled out",
		"energy balance of the transformer looked at", "earlier cases of this meter looked at",
	} {
		list = append(list, Task{Text: text})
	}
	return list
}

// NewCase opens a case as a suspicion.
func NewCase(meter, area, title string, f Finding, at time.Time) (Case, error) {
	if strings.TrimSpace(meter) == "" {
		return Case{}, fmt.Errorf("case: meter: is empty; name the service point")
	}
	if title == "" {
		title = meter
	}
	return Case{Meter: meter, Area: area, Title: title, State: Suspected, Opened: at, Moved: at, Finding: f, Checklist: standardChecklist()}, nil
}

// Move brings the case to another state. Confirming goes by Propose and Decide.
func (c *Case) Move(to State, reason string, who access.Actor, at time.Time) error {
	least := access.Operator
	if c.State == Ordered {
		least = access.Inspector // what an inspection found is for inspectors to say
	}
	if err := who.Need(least); err != nil {
		return err
	}
	if to == Confirmed {
		return fmt.Errorf("state: a case is confirmed by two people: propose it, then another supervisor decides")
	}
	return c.move(to, reason, at)
}

func (c *Case) move(to State, reason string, at time.Time) error {
	if c.Pending != nil {
		return fmt.Errorf("state: %s was proposed by %s and waits for a decision: decide that first", c.Pending.Action, c.Pending.By)
	}
	if !slices.Contains(next[c.State], to) {
		return fmt.Errorf("state: a case cannot go from %s to %s; it can go to %s", c.State, to, joined(next[c.State]))
	}
	if want := reasons[to]; len(want) > 0 {
		if !slices.Contains(want, reason) {
			return fmt.Errorf("reason %q: want one of %s", reason, strings.Join(want, ", "))
		}
		c.Reason = reason
	}
	c.State, c.Moved = to, at
	if to == DeskReview && c.Disconnect != nil {
		c.Disconnect = nil // a case taken up again starts anew
	}
	return nil
}

func joined(states []State) string {
	var names []string
	for _, s := range states {
		names = append(names, string(s))
	}
	return strings.Join(names, ", ")
}

// Propose asks for what needs two people: to confirm, or to disconnect.
func (c *Case) Propose(action, reason, note string, who access.Actor, at time.Time) error {
	if err := who.Need(access.Inspector); err != nil {
		return err
	}
	if c.Pending != nil {
		return fmt.Errorf("proposal: %s waits for a decision already", c.Pending.Action)
	}
	switch {
	case action == ProposeConfirm && c.State != Ordered:
		return fmt.Errorf("proposal: only a case with an inspection ordered can be confirmed; this one is in state %s", c.State)
	case action == ProposeConfirm && !slices.Contains(reasons[Confirmed], reason):
		return fmt.Errorf("reason %q: want one of %s", reason, strings.Join(reasons[Confirmed], ", "))
	case action == ProposeDisconnect && (c.State != Confirmed || c.Disconnect != nil):
		return fmt.Errorf("proposal: disconnection is requested once, of a confirmed case; this one is in state %s", c.State)
	case action != ProposeConfirm && action != ProposeDisconnect:
		return fmt.Errorf("proposal %q: want confirm or disconnect", action)
	}
	c.Pending = &Proposal{Action: action, Reason: reason, Note: note, By: who.Name, At: at}
	return nil
}

// Decide agrees to what was proposed, or refuses it. The one who proposed it cannot.
func (c *Case) Decide(agree bool, who access.Actor, at time.Time) error {
	p := c.Pending
	if p == nil {
		return fmt.Errorf("decision: nothing was proposed")
	}
	if !agree && strings.EqualFold(p.By, who.Name) {
		c.Pending = nil // whoever proposed may take it back
		return who.Need(access.Inspector)
	}
	if err := who.Need(access.Supervisor); err != nil {
		return err
	}
	if strings.EqualFold(p.By, who.Name) {
		return access.ErrForbidden{Actor: who.Name, Needs: "a second person must decide what they proposed themselves"}
	}
	c.Pending = nil
	if !agree {
		return nil
	}
	c.ApprovedBy = who.Name
	if p.Action == ProposeConfirm {
		return c.move(Confirmed, p.Reason, at)
	}
	c.Disconnect = p
	return nil
}

// Assign gives the case to somebody with a due date, or to nobody.
func (c *Case) Assign(to, due string, who access.Actor) error {
	if err := who.Need(access.Operator); err != nil {
		return err
	}
	if due != "" {
		if _, err := time.Parse(time.DateOnly, due); err != nil {
			return fmt.Errorf("due %q: want a date such as 2026-01-31", due)
		}
	}
	c.Assignee, c.Due = to, due
	return nil
}

// Say adds a comment.
func (c *Case) Say(text string, who access.Actor, at time.Time) error {
	if err := who.Need(access.Operator); err != nil {
		return err
	}
	if text = strings.TrimSpace(text); text == "" || len(text) > MaxComment {
		return fmt.Errorf("comment: want 1 to %d bytes", MaxComment)
	}
	c.Comments = append(c.Comments, Comment{at, who.Name, text})
	return nil
}

// MaxComment bounds a comment, in bytes.
const MaxComment = 10_000

// Report notes that the case was reported to an authority. A case is reported once, from
// the order to inspect on.
func (c *Case) Report(to, reference string, who access.Actor, at time.Time) error {
	if err := who.Need(access.Supervisor); err != nil {
		return err
	}
	switch {
	case c.State == Suspected || c.State == DeskReview || c.State == Cleared:
		return fmt.Errorf("report: the case is in state %s: order an inspection first", c.State)
	case c.Reported != nil:
		return fmt.Errorf("report: was reported to %s already", c.Reported.To)
	case strings.TrimSpace(to) == "" || len(to)+len(reference) > MaxComment:
		return fmt.Errorf("report: to whom? name the authority")
	}
	c.Reported = &Notice{To: strings.TrimSpace(to), Reference: strings.TrimSpace(reference), By: who.Name, At: at}
	return nil
}

// Tick marks task i of the checklist, from 0, as done or not.
func (c *Case) Tick(i int, done bool, who access.Actor, at time.Time) error {
	if err := who.Need(access.Operator); err != nil {
		return err
	}
	if i < 0 || i >= len(c.Checklist) {
		return fmt.Errorf("task %d: the checklist has %d", i+1, len(c.Checklist))
	}
	c.Checklist[i] = Task{Text: c.Checklist[i].Text, Done: done, By: who.Name, At: at}
	return nil
}
