package tips

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/flatwatt/flatwatt/access"
	"github.com/flatwatt/flatwatt/casework"
	"github.com/flatwatt/flatwatt/casework/ledger"
)

// Kinds of records: a data centre's commitment such as D-2026-00001, and an applicant on a
// screening list such as A-2026-00001.
const (
	KindCommitment = "commitment"
	KindApplicant  = "applicant"
)

// A Commitment is a data centre's word that it does not mine.
type Commitment struct {
	Company    string   `json:"company"`
	CreditCode string   `json:"credit_code,omitempty"`
	Address    string   `json:"address"`
	Area       string   `json:"area,omitempty"`
	Meters     []string `json:"meters"`
	KW         float64  `json:"kw"` // declared
	Signed     string   `json:"signed"`
	Until      string   `json:"until"`            // last day
	Broken     string   `json:"broken,omitempty"` // day; "": it was kept so far
	Why        string   `json:"why,omitempty"`    // the case that broke it
}

// A List is what an applicant is screened for.
type List string

const (
	MarketParticipants List = "market participants" // may miners trade power directly?
	NewConnections     List = "new connections"
)

// A Hit is why an applicant should be looked at.
type Hit struct {
	Source string  `json:"source"` // ledger, commitment, case, load
	ID     string  `json:"id"`     // of the record; "" for load
	Score  float64 `json:"score"`  // in [0, 1]
	Why    string  `json:"why"`
}

// An Applicant is one line of a screening list.
type Applicant struct {
	List       List      `json:"list"`
	Company    string    `json:"company"`
	CreditCode string    `json:"credit_code,omitempty"`
	Address    string    `json:"address"`
	Area       string    `json:"area,omitempty"`
	Meter      string    `json:"meter,omitempty"` // "" where there is none yet
	KW         float64   `json:"kw"`
	Hits       []Hit     `json:"hits"`
	Decision   string    `json:"decision,omitempty"` // cleared, asked, refused; "": open
	Reason     string    `json:"reason,omitempty"`
	DecidedBy  string    `json:"decided_by,omitempty"`
	Received   time.Time `json:"received"`
}

// Decisions are the codes of a decision on an applicant.
func Decisions() []string { return []string{"cleared", "asked", "refused"} }

// Commit enters a data centre's commitment.
func (b Inbox) Commit(ctx context.Context, c Commitment) (id string, err error) {
	if err := b.Who.Need(access.Operator); err != nil {
		return "", err
	}
	if err := party(c.Company, c.CreditCode, c.Address); err != nil {
		return "", err
	}
	for name, day := range map[string]string{"signed": c.Signed, "until": c.Until} {
		if _, err := time.Parse(time.DateOnly, day); err != nil {
			return "", fmt.Errorf("%s %q: want a date such as 2026-01-31", name, day)
		}
	}
	if len(c.Meters) == 0 || c.Until < c.Signed || !(c.KW >= 0) {
		return "", fmt.Errorf("commitment: wants a meter, kw of 0 or more, and an end no earlier than its day")
	}
	if err := b.See(KindCommitment, "", c.Area); err != nil {
		return "", err
	}
	c.Broken, c.Why = "", ""
	return b.Add(ctx, "commitment.sign", "", KindCommitment, "D", c, nil)
}

// Commitments are those that the person sees, by ID.
func (b Inbox) Commitments(ctx context.Context) ([]casework.Versioned[Commitment], error) {
	list, err := casework.List[Commitment](ctx, b.Store, KindCommitment)
	return slices.DeleteFunc(list, func(c casework.Versioned[Commitment]) bool { return !b.Who.Sees(c.Value.Area) }), err
}

// CheckCommitments marks as broken every commitment one of whose meters has a confirmed
// case, in one change, and names them. A case of an area that the person does not see breaks
// it too, and is told by number only.
func (b Inbox) CheckCommitments(ctx context.Context) (broken []string, err error) {
	if err := b.Who.Need(access.Operator); err != nil {
		return nil, err
	}
	cases, err := casework.List[casework.Case](ctx, b.Store, casework.KindCase)
	if err != nil {
		return nil, err
	}
	list, err := b.Commitments(ctx)
	if err != nil {
		return nil, err
	}
	change := b.Act("commitment.break", "")
	for _, c := range list {
		v := c.Value
		for _, k := range cases {
			day := k.Value.Moved.UTC().Format(time.DateOnly)
			confirmed := k.Value.State == casework.Confirmed || k.Value.State == casework.Rectified
			if v.Broken != "" || !confirmed || !slices.Contains(v.Meters, k.Value.Meter) || k.Value.Opened.UTC().Format(time.DateOnly) < v.Signed {
				continue
			}
			v.Broken, v.Why = day, k.ID
			w, err := casework.Write(KindCommitment, c.ID, c.Version, v)
			if err != nil {
				return nil, err
			}
			change.Writes, broken = append(change.Writes, w), append(broken, c.ID)
		}
	}
	if len(broken) == 0 {
		return nil, nil
	}
	return broken, b.Store.Commit(ctx, change)
}

func party(company, code, address string) error {
	switch {
	case strings.TrimSpace(company) == "" || len(company) > 500:
		return fmt.Errorf("company: want 1 to 500 bytes")
	case strings.TrimSpace(address) == "" || len(address) > 1000:
		return fmt.Errorf("address: want 1 to 1000 bytes")
	case code != "":
		return ledger.CheckCode(code)
	}
	return nil
}

// Screen puts an applicant on a list, with what the records and, as load, the readings
// know of it.
func (b Inbox) Screen(ctx context.Context, a Applicant, load []Hit) (id string, err error) {
	if err := b.Who.Need(access.Operator); err != nil {
		return "", err
	}
	if err := party(a.Company, a.CreditCode, a.Address); err != nil {
		return "", err
	}
	if a.List != MarketParticipants && a.List != NewConnections {
		return "", fmt.Errorf("list %q: want %s or %s", a.List, MarketParticipants, NewConnections)
	}
	if err := b.See(KindApplicant, "", a.Area); err != nil {
		return "", err
	}
	if a.Hits, err = b.hits(ctx, &a); err != nil {
		return "", err
	}
	a.Hits = append(a.Hits, load...)
	a.Decision, a.Reason, a.DecidedBy, a.Received = "", "", "", b.Now
	return b.Add(ctx, "screening.receive", string(a.List), KindApplicant, "A", a, nil)
}

// hits compares an applicant with the ledger, broken commitments and confirmed cases of
// the whole file: a miner who moves is found in another area too, by number only there.
func (b Inbox) hits(ctx context.Context, a *Applicant) (hits []Hit, err error) {
	compare := func(source, id, name, code, address string, meters []string) {
		score, why := 0.0, ""
		byName, byAddress := dice(gramsOf(company(name)), gramsOf(company(a.Company))), dice(gramsOf(words(address)), gramsOf(words(a.Address)))*agree(numbers(address), numbers(a.Address))
		switch {
		case a.CreditCode != "" && code == a.CreditCode:
			score, why = 1, "credit code"
		case a.Meter != "" && slices.Contains(meters, a.Meter):
			score, why = 1, "meter"
		case byName >= 0.8:
			score, why = byName, "name"
		case byAddress >= 0.8:
			score, why = byAddress, "address"
		default:
			return
		}
		hits = append(hits, Hit{source, id, score, why})
	}
	projects, err := casework.List[ledger.Project](ctx, b.Store, ledger.Kind)
	if err != nil {
		return nil, err
	}
	for _, p := range projects {
		compare("ledger", p.ID, p.Value.Company, p.Value.CreditCode, p.Value.Address, p.Value.Meters)
	}
	commitments, err := casework.List[Commitment](ctx, b.Store, KindCommitment)
	if err != nil {
		return nil, err
	}
	for _, c := range commitments {
		if c.Value.Broken != "" {
			compare("commitment", c.ID, c.Value.Company, c.Value.CreditCode, c.Value.Address, c.Value.Meters)
		}
	}
	cases, err := casework.List[casework.Case](ctx, b.Store, casework.KindCase)
	for _, c := range cases {
		if a.Meter != "" && c.Value.Meter == a.Meter && (c.Value.State == casework.Confirmed || c.Value.State == casework.Rectified) {
			hits = append(hits, Hit{"case", c.ID, 1, "meter"})
		}
	}
	return hits, err
}

// Applicants are those that the person sees, by ID.
func (b Inbox) Applicants(ctx context.Context) ([]casework.Versioned[Applicant], error) {
	list, err := casework.List[Applicant](ctx, b.Store, KindApplicant)
	return slices.DeleteFunc(list, func(a casework.Versioned[Applicant]) bool { return !b.Who.Sees(a.Value.Area) }), err
}

// Decide notes what was decided on an applicant.
func (b Inbox) Decide(ctx context.Context, id string, version int, decision, reason string) error {
	if err := b.Who.Need(access.Supervisor); err != nil {
		return err
	}
	if !slices.Contains(Decisions(), decision) || strings.TrimSpace(reason) == "" {
		return fmt.Errorf("decision %q: want one of %s, and a reason", decision, strings.Join(Decisions(), ", "))
	}
	a, now, err := casework.Get[Applicant](ctx, b.Store, KindApplicant, id)
	if err == nil {
		err = b.See(KindApplicant, id, a.Area)
	}
	if err != nil {
		return err
	}
	if version == 0 {
		version = now
	}
	a.Decision, a.Reason, a.DecidedBy = decision, reason, b.Who.Name
	return casework.Put(ctx, b.Store, b.Act("screening.decide", reason), KindApplicant, id, version, a)
}
