package price

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/flatwatt/flatwatt/access"
	"github.com/flatwatt/flatwatt/casework"
	"github.com/flatwatt/flatwatt/casework/ledger"
)

// Kinds of records: the list's entries under their project's ID, statements such as
// S-2026-00001, payments such as Y-2026-00001.
const (
	KindListed    = "price list"
	KindStatement = "statement"
	KindPayment   = "payment"
)

// A Listed is a project's place on the list of customers who pay the differential price.
type Listed struct {
	Company    string   `json:"company"`
	CreditCode string   `json:"credit_code,omitempty"`
	Area       string   `json:"area,omitempty"`
	Meters     []string `json:"meters"`
	Listed     string   `json:"listed"`             // day
	Delisted   string   `json:"delisted,omitempty"` // last day for which it pays; "": it still does
	Earlier    []Term   `json:"earlier,omitempty"`  // when it was listed before it came back
}

// A Payment is money that came in for a statement.
type Payment struct {
	Statement string          `json:"statement"`
	Yuan      decimal.Decimal `json:"yuan"`
	Day       string          `json:"day"`
	Reference string          `json:"reference,omitempty"`
}

// An Office is where prices are worked on, by one person at one moment.
type Office struct {
	ledger.Book
	Schedule Schedule
}

func (o Office) today() string { return o.Now.UTC().Format(time.DateOnly) }

// A Step is what Sync did to the list.
type Step struct {
	Project string `json:"project"`
	What    string `json:"what"` // listed, delisted, changed
}

// Sync brings the list into step with the ledger: existing projects that have not exited
// are on it, those that have exited leave it with the day of their exit. With dry it only
// says what it would do.
func (o Office) Sync(ctx context.Context, dry bool) (steps []Step, err error) {
	if err := o.Who.Need(access.Supervisor); err != nil {
		return nil, err
	}
	projects, err := o.Book.List(ctx)
	if err != nil {
		return nil, err
	}
	change := o.Act("price.sync", "")
	for _, p := range projects {
		l, version, err := casework.Get[Listed](ctx, o.Store, KindListed, p.ID)
		if err != nil && !errors.Is(err, casework.ErrNotFound) {
			return nil, err
		}
		next, what := follow(l, &p.Value, version > 0, o.today())
		if what == "" {
			continue
		}
		steps = append(steps, Step{p.ID, what})
		w, err := casework.Write(KindListed, p.ID, version, next)
		if err != nil {
			return nil, err
		}
		change.Writes = append(change.Writes, w)
	}
	if dry || len(steps) == 0 {
		return steps, nil
	}
	return steps, o.Store.Commit(ctx, change)
}

// follow is a project's place on the list after what the ledger says.
func follow(l Listed, p *ledger.Project, known bool, today string) (next Listed, what string) {
	next = Listed{p.Company, p.CreditCode, p.Area, p.Meters, l.Listed, l.Delisted, l.Earlier}
	switch {
	case p.Status != ledger.Existing:
		return l, ""
	case !known: // one that has gone is listed too: it may owe for the time before
		next.Listed, next.Delisted, what = today, p.ExitedOn, "listed"
	case p.Progress == ledger.Exited && l.Delisted != p.ExitedOn:
		next.Delisted, what = p.ExitedOn, "delisted"
	case p.Progress != ledger.Exited && l.Delisted != "": // it came back
		next.Earlier = append(slices.Clone(l.Earlier), Term{l.Listed, l.Delisted})
		next.Listed, next.Delisted, what = today, "", "listed"
	case l.Company != p.Company || l.CreditCode != p.CreditCode || l.Area != p.Area || !slices.Equal(l.Meters, p.Meters):
		what = "changed"
	}
	return next, what
}

// Statements are those that the person sees, by ID.
func (o Office) Statements(ctx context.Context) ([]casework.Versioned[Statement], error) {
	list, err := casework.List[Statement](ctx, o.Store, KindStatement)
	return slices.DeleteFunc(list, func(s casework.Versioned[Statement]) bool { return !o.Who.Sees(s.Value.Area) }), err
}

// Cancel takes a statement back, for a reason.
func (o Office) Cancel(ctx context.Context, id string, version int, reason string) error {
	if err := o.Who.Need(access.Supervisor); err != nil {
		return err
	}
	if reason == "" {
		return fmt.Errorf("reason: say why")
	}
	st, now, err := casework.Get[Statement](ctx, o.Store, KindStatement, id)
	if err == nil {
		err = o.See(KindStatement, id, st.Area)
	}
	if err != nil {
		return err
	}
	if st.Cancelled != "" {
		return fmt.Errorf("%s: was cancelled on %s already", id, st.Cancelled)
	}
	if version == 0 {
		version = now
	}
	st.Cancelled, st.Reason = o.today(), reason
	return casework.Put(ctx, o.Store, o.Act("price.cancel", reason), KindStatement, id, version, st)
}

// Pay notes money that came in for a statement and returns the payment's ID.
func (o Office) Pay(ctx context.Context, pay Payment, note string) (id string, err error) {
	if err := o.Who.Need(access.Operator); err != nil {
		return "", err
	}
	if _, err := time.Parse(time.DateOnly, pay.Day); err != nil || pay.Yuan.IsZero() || !pay.Yuan.Equal(pay.Yuan.Round(2)) {
		return "", fmt.Errorf("payment of %s on %q: want yuan with at most two decimals, not 0, and a date", pay.Yuan, pay.Day)
	}
	st, _, err := casework.Get[Statement](ctx, o.Store, KindStatement, pay.Statement)
	if err == nil {
		err = o.See(KindStatement, pay.Statement, st.Area)
	}
	if err != nil {
		return "", err
	}
	if err := o.plausible(ctx, pay); err != nil {
		return "", err
	}
	return o.Desk.Add(ctx, "price.pay", note, KindPayment, "Y", pay, nil)
}

// maxPayment is more yuan than any statement; what is beyond it was mistyped.
var maxPayment = decimal.NewFromInt(1_000_000_000)

// plausible refuses what was mistyped: money of days to come, beyond measure, or given
// back though it never came.
func (o Office) plausible(ctx context.Context, pay Payment) error {
	if o.ToCome(pay.Day) {
		return fmt.Errorf("payment on %s: that day is still to come", pay.Day)
	}
	if pay.Yuan.Abs().GreaterThan(maxPayment) {
		return fmt.Errorf("payment of %s: want at most %s yuan", pay.Yuan, maxPayment)
	}
	if pay.Yuan.IsPositive() {
		return nil
	}
	payments, err := casework.List[Payment](ctx, o.Store, KindPayment)
	if err != nil {
		return err
	}
	paid := decimal.Zero
	for _, p := range payments {
		if p.Value.Statement == pay.Statement {
			paid = paid.Add(p.Value.Yuan)
		}
	}
	if paid.Add(pay.Yuan).IsNegative() {
		return fmt.Errorf("payment of %s: gives back more than the %s that came in for %s", pay.Yuan, paid, pay.Statement)
	}
	return nil
}
