package console

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/access"
	"github.com/flatwatt/flatwatt/casework/tips"
)

// screeningPage is applicants and the commitments of data centres.
type screeningPage struct {
	Applicants  []applicantRow  `json:"applicants"`
	Commitments []commitmentRow `json:"commitments"`
	List        listing         `json:"-"`
}

type applicantRow struct {
	ID        string         `json:"id"`
	Version   int            `json:"version"`
	Applicant tips.Applicant `json:"applicant"`
}

type commitmentRow struct {
	ID         string          `json:"id"`
	Version    int             `json:"version"`
	Commitment tips.Commitment `json:"commitment"`
}

func screeningView(c *call) (any, error) {
	applicants, err := c.inbox().Applicants(c.ctx)
	if err != nil {
		return nil, err
	}
	commitments, err := c.inbox().Commitments(c.ctx)
	if err != nil {
		return nil, err
	}
	p := screeningPage{Applicants: []applicantRow{}, Commitments: []commitmentRow{}}
	asks := grille{Caption: c.t("screening.applicants"), Columns: c.columns("screening.id", "screening.list", "ledger.company", "ledger.address", "area", "meter", "ledger.kw#", "screening.hits", "screening.decision", "reason")}
	var open []pair
	for _, a := range applicants {
		one := a.Value
		one.Hits = append([]tips.Hit{}, one.Hits...)
		p.Applicants = append(p.Applicants, applicantRow{a.ID, a.Version, one})
		hits := ""
		for _, h := range one.Hits {
			hits += fmt.Sprintf("%s %s (%s); ", c.word("hit.", h.Source), h.ID, num(h.Score, 2))
		}
		asks.Rows = append(asks.Rows, []cell{link(a.ID, under("/screening", a.ID)), text(c.word("screening.", string(one.List))), text(one.Company), text(one.Address), text(one.Area), text(one.Meter), digits(num(one.KW, 1)), text(strings.TrimSuffix(hits, "; ")), text(c.word("decision.", one.Decision)), text(one.Reason)})
		if one.Decision == "" {
			open = append(open, pair{a.ID + " " + one.Company, a.ID + "@" + strconv.Itoa(a.Version)})
		}
	}
	words := grille{Caption: c.t("screening.commitments"), Columns: c.columns("screening.id", "ledger.company", "ledger.address", "area", "ledger.kw#", "screening.signed", "prices.until", "screening.broken", "reason")}
	for _, v := range commitments {
		one := v.Value
		one.Meters = append([]string{}, one.Meters...)
		p.Commitments = append(p.Commitments, commitmentRow{v.ID, v.Version, one})
		words.Rows = append(words.Rows, []cell{link(v.ID, under("/screening", v.ID)), text(one.Company), text(one.Address), text(one.Area), digits(num(one.KW, 1)), text(one.Signed), text(one.Until), text(one.Broken), text(one.Why)})
	}
	p.List = listing{Title: c.t("page.screening"), Note: c.t("screening.note"), Tables: []grille{asks, words}, Forms: c.screeningForms(open)}
	return p, nil
}

func (c *call) screeningForms(open []pair) (forms []dialog) {
	if c.may(access.Supervisor) && len(open) > 0 {
		forms = append(forms, dialog{Action: "/screening/decide", Title: c.t("screening.decide"), Button: c.t("save"), Fields: []input{
			c.field("applicant", "screening.id", "", true, open...), c.field("decision", "screening.decision", "", true, c.options("decision.", tips.Decisions()...)...), c.field("reason", "reason", "", true),
		}})
	}
	if !c.may(access.Operator) {
		return forms
	}
	party := []input{c.field("company", "ledger.company", "", true), c.field("credit_code", "ledger.code", "", false), c.field("address", "ledger.address", "", true), c.field("area", "area", "", false), c.field("kw", "ledger.kw", "number", false)}
	screen := append([]input{c.field("list", "screening.list", "", true, c.options("screening.", string(tips.MarketParticipants), string(tips.NewConnections))...)}, party...)
	forms = append(forms, dialog{Action: "/screening", Title: c.t("screening.screen"), Button: c.t("screening.screen"), Fields: append(screen, c.field("meter", "meter", "", false))})
	return append(forms, dialog{Action: "/screening/commitments", Title: c.t("screening.commit"), Button: c.t("screening.commit"), Fields: append(party, c.field("meters", "ledger.meters", "", false), c.field("signed", "screening.signed", "date", true), c.field("until", "prices.until", "date", true))})
}

// screen takes an applicant in and looks at the load of the meter it names.
func screen(c *call) (done, error) {
	a := tips.Applicant{List: tips.List(c.text("list")), Company: c.text("company"), CreditCode: c.text("credit_code"), Address: c.text("address"), Area: c.text("area"), Meter: c.text("meter"), KW: c.float("kw")}
	var load []tips.Hit
	if a.Meter != "" {
		f, err := c.find(a.Meter)
		if err != nil {
			return done{}, err
		}
		if f.Score.State == flatwatt.Suspect {
			load = append(load, tips.Hit{Source: "load", Score: f.Score.Probability, Why: f.Reason})
		}
		if f.Hall != nil && f.Hall.Score.State == flatwatt.Suspect { // a farm rather than a data centre
			load = append(load, tips.Hit{Source: "load", Score: f.Hall.Score.Probability, Why: f.Hall.Reason})
		}
	}
	id, err := c.inbox().Screen(c.ctx, a, load)
	return done{To: "/screening", Say: "screening.screened", Args: []any{id}, Body: map[string]any{"id": id}}, err
}

func (c *call) float(name string) (v float64) {
	_, _ = fmt.Sscan(c.text(name), &v) // checked by check; 0 where it was left out
	return v
}

var partyFields = []field{{Name: "company", Needed: true, Doc: "name"}, {Name: "credit_code", Doc: "unified social credit code"}, {Name: "address", Needed: true, Doc: "address"}, {Name: "area", Doc: "area"}, {Name: "kw", Type: "number", Doc: "declared"}}

var screeningActs = []act{
	{
		Path: "/screening", Name: "screenApplicant", Role: access.Operator, Doc: "Screen an applicant against ledger, commitments, cases and the load of its meter",
		Fields: append([]field{{Name: "list", Needed: true, Words: []string{string(tips.MarketParticipants), string(tips.NewConnections)}, Doc: "what for"}, {Name: "meter", Doc: "service point"}}, partyFields...), do: screen,
	},
	{
		Path: "/screening/decide", Name: "decideApplicant", Role: access.Supervisor, Doc: "Decide on an applicant",
		Fields: []field{{Name: "applicant", Needed: true, Doc: "ID@version"}, {Name: "decision", Needed: true, Words: tips.Decisions(), Doc: "decision"}, {Name: "reason", Needed: true, Doc: "why"}},
		do: func(c *call) (done, error) {
			c.in["ref"] = c.in["applicant"]
			refs, err := c.refs()
			if err != nil {
				return done{}, err
			}
			return done{To: "/screening", Say: "saved"}, c.inbox().Decide(c.ctx, refs[0].ID, refs[0].Version, c.text("decision"), c.text("reason"))
		},
	},
	{
		Path: "/screening/commitments", Name: "addCommitment", Role: access.Operator, Doc: "Enter a data centre's word that it does not mine",
		Fields: append([]field{{Name: "meters", Doc: "service points with commas between"}, {Name: "signed", Type: "date", Needed: true, Doc: "day"}, {Name: "until", Type: "date", Needed: true, Doc: "last day"}}, partyFields...),
		do: func(c *call) (done, error) {
			meters := areasOf(c.text("meters"))
			if err := c.mayName(meters...); err != nil {
				return done{}, err
			}
			id, err := c.inbox().Commit(c.ctx, tips.Commitment{Company: c.text("company"), CreditCode: c.text("credit_code"), Address: c.text("address"), Area: c.text("area"), Meters: meters, KW: c.float("kw"), Signed: c.text("signed"), Until: c.text("until")})
			return done{To: "/screening", Say: "saved", Body: map[string]any{"id": id}}, err
		},
	},
}
