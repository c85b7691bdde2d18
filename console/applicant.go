package console

import (
	"strconv"

	"github.com/flatwatt/flatwatt/access"
	"github.com/flatwatt/flatwatt/casework"
	"github.com/flatwatt/flatwatt/casework/tips"
)

// applicantPage is one applicant with what is known of it, or one commitment.
type applicantPage struct {
	ID         string           `json:"id"`
	Version    int              `json:"version"`
	Applicant  *tips.Applicant  `json:"applicant"`  // null for a commitment
	Commitment *tips.Commitment `json:"commitment"` // null for an applicant
	Trail      []casework.Entry `json:"trail"`
	List       listing          `json:"-"`
}

func applicantView(c *call) (any, error) {
	p := applicantPage{ID: c.path("id")}
	a, version, err := casework.Get[tips.Applicant](c.ctx, c.Store, tips.KindApplicant, p.ID)
	if isMissing(err) {
		return c.commitmentPage(p)
	}
	if err == nil {
		err = c.desk().See(tips.KindApplicant, p.ID, a.Area)
	}
	if err != nil {
		return nil, err
	}
	a.Hits = append([]tips.Hit{}, a.Hits...)
	p.Version, p.Applicant = version, &a
	if p.Trail, err = c.Store.Trail(c.ctx, tips.KindApplicant, p.ID); err != nil {
		return nil, err
	}
	fact := func(key, value string) pair { return pair{c.t(key), text(value).Text} }
	hits := grille{Caption: c.t("screening.hits"), Columns: c.columns("tips.source", "screening.id", "tips.score#", "reason")}
	for _, h := range a.Hits {
		hits.Rows = append(hits.Rows, []cell{text(c.word("hit.", h.Source)), c.hitLink(h), digits(num(h.Score, 2)), text(c.listed(h.Why, "hitwhy."))})
	}
	p.List = listing{Title: p.ID + " " + a.Company, Back: "/screening", Tables: []grille{hits, c.trailTable(p.Trail)}, Facts: []pair{
		fact("screening.list", c.word("screening.", string(a.List))), fact("ledger.code", a.CreditCode), fact("ledger.address", a.Address), fact("area", a.Area), fact("ledger.kw", num(a.KW, 1)),
		fact("tips.received", c.when(a.Received)), fact("screening.decision", c.word("decision.", a.Decision)), fact("reason", a.Reason), fact("tips.decided", a.DecidedBy),
	}}
	c.meterLinks(&p.List, a.Meter)
	if c.may(access.Supervisor) {
		p.List.Forms = []dialog{{Action: "/screening/decide", Title: c.t("screening.decide"), Button: c.t("save"), Fields: []input{
			c.field("applicant", "screening.id", "", true, pair{p.ID, p.ID + "@" + strconv.Itoa(version)}), c.field("decision", "screening.decision", "", true, c.options("decision.", tips.Decisions()...)...), c.field("reason", "reason", "", true),
		}}}
	}
	return p, nil
}

// hitLink leads to the record that a hit is about.
func (c *call) hitLink(h tips.Hit) cell {
	path := map[string]string{"ledger": "/ledger", "case": "/cases", "commitment": "/screening"}[h.Source]
	if path == "" || h.ID == "" {
		return text(h.ID)
	}
	return link(h.ID, under(path, h.ID))
}

// meterLinks lead to the pages of meters that have one.
func (c *call) meterLinks(l *listing, meters ...string) {
	for _, m := range meters {
		if _, err := c.find(m); err == nil {
			l.Links = append(l.Links, pair{c.t("meter") + " " + m, under("/meters", m)})
		}
	}
}

func (c *call) commitmentPage(p applicantPage) (any, error) {
	v, version, err := casework.Get[tips.Commitment](c.ctx, c.Store, tips.KindCommitment, p.ID)
	if err == nil {
		err = c.desk().See(tips.KindCommitment, p.ID, v.Area)
	}
	if err != nil {
		return nil, err
	}
	p.Version, p.Commitment = version, &v
	if p.Trail, err = c.Store.Trail(c.ctx, tips.KindCommitment, p.ID); err != nil {
		return nil, err
	}
	fact := func(key, value string) pair { return pair{c.t(key), text(value).Text} }
	p.List = listing{Title: p.ID + " " + v.Company, Back: "/screening", Tables: []grille{c.trailTable(p.Trail)}, Facts: []pair{
		fact("ledger.code", v.CreditCode), fact("ledger.address", v.Address), fact("area", v.Area), fact("ledger.kw", num(v.KW, 1)),
		fact("screening.signed", v.Signed), fact("prices.until", v.Until), fact("screening.broken", v.Broken), fact("case", v.Why),
	}}
	c.meterLinks(&p.List, v.Meters...)
	return p, nil
}

// knownOf are the applications and commitments of each meter, by its ID.
func (c *call) knownOf() (map[string][]string, error) {
	known := map[string][]string{}
	applicants, err := c.cases.applicants.List(c.ctx)
	if err != nil {
		return nil, err
	}
	for _, a := range applicants {
		if a.Value.Meter != "" && c.who.Sees(a.Value.Area) {
			known[a.Value.Meter] = append(known[a.Value.Meter], a.ID)
		}
	}
	commitments, err := c.cases.commitments.List(c.ctx)
	for _, v := range commitments {
		for _, m := range v.Value.Meters {
			if c.who.Sees(v.Value.Area) {
				known[m] = append(known[m], v.ID)
			}
		}
	}
	return known, err
}
