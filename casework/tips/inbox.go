package tips

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/flatwatt/flatwatt/access"
	"github.com/flatwatt/flatwatt/casework"
)

// Kind is the kind of a report's record, ID e.g. T-2026-00001.
const Kind = "tip"

// A State says what became of a report.
type State string

const (
	New      State = "new"
	Matched  State = "matched"  // to a meter, by a person
	Rejected State = "rejected" // with a reason
)

// Sources are what a report can be: the kinds of outside evidence.
func Sources() []string {
	return []string{"tip_off", "ip_contact", "pool_contact", "thermal_survey", "other"}
}

// A Tip is one report. Who gave it is for inspectors only.
type Tip struct {
	Source   string    `json:"source"`  // one of Sources
	Channel  string    `json:"channel"` // e.g. 12398, web, letter, network monitoring
	Text     string    `json:"text"`
	Account  string    `json:"account,omitempty"`
	Name     string    `json:"name,omitempty"`
	Address  string    `json:"address,omitempty"`
	Area     string    `json:"area,omitempty"`
	Network  []Contact `json:"network,omitempty"`
	Contact  string    `json:"contact,omitempty"` // of who gave it; hidden below inspector
	Observed time.Time `json:"observed"`
	Received time.Time `json:"received"`
	State    State     `json:"state"`
	Matches  []Match   `json:"matches,omitempty"` // proposed
	Meter    string    `json:"meter,omitempty"`   // chosen
	Decided  string    `json:"decided,omitempty"` // by whom
	Reason   string    `json:"reason,omitempty"`  // of a rejection
	Case     string    `json:"case,omitempty"`
}

// A Contact is network evidence: an address of the customer that talked to a mining pool.
type Contact struct {
	Customer string    `json:"customer"` // IP address
	Pool     string    `json:"pool"`     // host or IP address, with port
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	Packets  int       `json:"packets,omitempty"`
}

// MaxMatches bounds the meters that are proposed.
const MaxMatches = 10

// An Inbox is where reports are worked on, by one person at one moment.
type Inbox struct{ casework.Desk }

// Receive takes a report in and proposes meters. index may be nil.
func (b Inbox) Receive(ctx context.Context, t Tip, index *Index) (id string, err error) {
	if err := b.Who.Need(access.Operator); err != nil {
		return "", err
	}
	switch {
	case !slices.Contains(Sources(), t.Source):
		return "", fmt.Errorf("source %q: want one of %s", t.Source, strings.Join(Sources(), ", "))
	case strings.TrimSpace(t.Text) == "" || len(t.Text) > casework.MaxComment:
		return "", fmt.Errorf("text: want 1 to %d bytes", casework.MaxComment)
	case t.Observed.After(b.Now):
		return "", fmt.Errorf("observed %s: lies ahead", t.Observed.Format(time.RFC3339))
	case len(t.Network) > 1000 || len(t.Account)+len(t.Name)+len(t.Address)+len(t.Contact)+len(t.Channel) > casework.MaxComment:
		return "", fmt.Errorf("tip: too long")
	}
	if t.Observed.IsZero() {
		t.Observed = b.Now
	}
	t.State, t.Received, t.Meter, t.Case, t.Matches = New, b.Now, "", "", nil
	if index != nil {
		t.Matches = index.Find(t.Account, t.Name, t.Address, MaxMatches)
		if t.Area == "" && len(t.Matches) > 0 {
			t.Area = t.Matches[0].Area
		}
	}
	// Whoever hears of something may pass it on, also to an area that is not theirs.
	return b.Add(ctx, "tip.receive", t.Channel, Kind, "T", t, nil)
}

// hide takes out what is not for the person.
func (b Inbox) hide(t Tip) Tip {
	if b.Who.Need(access.Inspector) != nil && t.Contact != "" {
		t.Contact = "hidden"
	}
	return t
}

// Tip is a report with its version; ErrNotFound also where it is not the person's to see.
func (b Inbox) Tip(ctx context.Context, id string) (Tip, int, error) {
	t, version, err := casework.Get[Tip](ctx, b.Store, Kind, id)
	if err != nil {
		return t, 0, err
	}
	return b.hide(t), version, b.See(Kind, id, t.Area)
}

// List is the reports that the person sees, by ID.
func (b Inbox) List(ctx context.Context) ([]casework.Versioned[Tip], error) {
	list, err := casework.List[Tip](ctx, b.Store, Kind)
	list = slices.DeleteFunc(list, func(t casework.Versioned[Tip]) bool { return !b.Who.Sees(t.Value.Area) })
	for i := range list {
		list[i].Value = b.hide(list[i].Value)
	}
	return list, err
}

func (b Inbox) change(ctx context.Context, id string, version int, action, note string, do func(*Tip) error) error {
	if err := b.Who.Need(access.Operator); err != nil {
		return err
	}
	t, now, err := casework.Get[Tip](ctx, b.Store, Kind, id)
	if err == nil {
		err = b.See(Kind, id, t.Area)
	}
	if err != nil {
		return err
	}
	if version == 0 {
		version = now
	}
	if version == now { // else Commit refuses, and knows who came first
		if err := do(&t); err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
	}
	return casework.Put(ctx, b.Store, b.Act(action, note), Kind, id, version, t)
}

// Match says which meter a report means. It then counts as outside evidence.
func (b Inbox) Match(ctx context.Context, id string, version int, meter, note string) error {
	return b.change(ctx, id, version, "tip.match", note, func(t *Tip) error {
		if strings.TrimSpace(meter) == "" {
			return fmt.Errorf("meter: name the service point")
		}
		t.State, t.Meter, t.Decided, t.Reason = Matched, meter, b.Who.Name, ""
		return nil
	})
}

// Reject says that a report leads nowhere, and why.
func (b Inbox) Reject(ctx context.Context, id string, version int, reason string) error {
	return b.change(ctx, id, version, "tip.reject", reason, func(t *Tip) error {
		if strings.TrimSpace(reason) == "" {
			return fmt.Errorf("reason: say why")
		}
		if t.Case != "" {
			return fmt.Errorf("case %s was opened from it: clear that", t.Case)
		}
		t.State, t.Meter, t.Decided, t.Reason = Rejected, "", b.Who.Name, reason
		return nil
	})
}

// OpenCase opens a case from a matched report, and ties both in one change.
func (b Inbox) OpenCase(ctx context.Context, id, title string) (string, error) {
	if err := b.Who.Need(access.Operator); err != nil {
		return "", err
	}
	t, version, err := casework.Get[Tip](ctx, b.Store, Kind, id)
	if err == nil {
		err = b.See(Kind, id, t.Area)
	}
	if err != nil {
		return "", err
	}
	if t.State != Matched || t.Case != "" {
		return "", fmt.Errorf("%s: is %s, case %q; match it to a meter first, and open one case", id, t.State, t.Case)
	}
	c, err := casework.NewCase(t.Meter, t.Area, title, casework.Finding{Reason: t.Source + " " + id}, b.Now)
	if err != nil {
		return "", err
	}
	return b.Open(ctx, c, func(name string) ([]casework.Record, error) {
		t.Case = name
		w, err := casework.Write(Kind, id, version, t)
		return []casework.Record{w}, err
	})
}
