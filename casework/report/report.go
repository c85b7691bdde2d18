// Package report makes the weekly report to the regulator: figures of the week beside
// those of the week before, the ledger, what was confirmed and who has gone. Once issued
// it is frozen, and its digest stands in the audit trail and on every copy.
package report

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"github.com/flatwatt/flatwatt/access"
	"github.com/flatwatt/flatwatt/casework"
	"github.com/flatwatt/flatwatt/casework/ledger"
	"github.com/flatwatt/flatwatt/casework/price"
)

// Kind is the kind of an issued report; its ID is the week and, for one of an area, the area.
const Kind = "weekly report"

// Figures are those of one week. Counts of events are of the week, all others as of its end.
type Figures struct {
	Existing     int     `json:"existing"` // projects that have not exited
	Construction int     `json:"under_construction"`
	Planned      int     `json:"planned"`
	New          int     `json:"new"`       // entered in the week
	Confirmed    int     `json:"confirmed"` // cases
	Exited       int     `json:"exited"`
	Overdue      int     `json:"overdue"` // planned exit passed, not gone
	Units        int     `json:"units"`
	HashrateTHs  float64 `json:"hashrate_ths"`
	KW           float64 `json:"kw"`

	EnergyKWh  decimal.Decimal `json:"energy_kwh"`  // of the week
	CountedKWh decimal.Decimal `json:"counted_kwh"` // the same in the dual-control account
	CO2Kg      decimal.Decimal `json:"co2_kg"`
	Billed     decimal.Decimal `json:"billed_yuan"` // statements issued in the week
	Paid       decimal.Decimal `json:"paid_yuan"`   // in the week
	Arrears    decimal.Decimal `json:"arrears_yuan"`

	IllegalSupply int `json:"illegal_supply"` // cases of power plants opened in the week
	// IllegalReported is cases of power plants that were reported to the regulator in the week.
	IllegalReported int `json:"illegal_supply_reported"`
	Alarms          int `json:"alarms"`    // announced in the week
	TipOffs         int `json:"tip_offs"`  // received
	Matched         int `json:"matched"`   // of those, to a meter
	Inspected       int `json:"inspected"` // spot checks with an outcome of the week
	Found           int `json:"found"`     // of those, mining
}

// A Line is a project as the report lists it.
type Line struct {
	ID      string          `json:"id"`
	Project ledger.Project  `json:"project"`
	Week    ledger.Account  `json:"week"`  // its energy of the week
	Total   ledger.Account  `json:"total"` // since the onset
	Billed  decimal.Decimal `json:"billed_yuan"`
	Event   string          `json:"event,omitempty"` // of the week: new, exited, overdue
}

// A CaseLine is a case that was confirmed in the week.
type CaseLine struct {
	ID    string `json:"id"`
	Meter string `json:"meter"`
	Area  string `json:"area,omitempty"`
	Day   string `json:"day"`
	Why   string `json:"why"` // reason code
}

// A Report is what is frozen.
type Report struct {
	Week       string        `json:"week"`
	Area       string        `json:"area,omitempty"`
	From       string        `json:"from"`
	To         string        `json:"to"`
	Now        Figures       `json:"now"`
	Before     Figures       `json:"before"`
	BeforeIs   string        `json:"before_is"` // issued: as reported last week; computed: from what is known now
	Projects   []Line        `json:"projects"`
	Cases      []CaseLine    `json:"cases"`
	Missing    []string      `json:"missing,omitempty"` // confirmed cases that are in no entry of the ledger
	Updated    bool          `json:"updated"`           // the ledger's weekly run has been
	Head       casework.Head `json:"head"`              // of the audit trail when it was made
	Made       time.Time     `json:"made"`
	MadeBy     string        `json:"made_by"`
	Correction string        `json:"correction,omitempty"` // why an issued report was issued anew
}

// ID is the name of a week's report.
func ID(week, area string) string {
	if area == "" {
		return week
	}
	return week + " " + area
}

// A Maker makes reports, as one person at one moment.
type Maker struct {
	price.Office
	Rules ledger.Rules
}

// Draft works out a week's report. It writes nothing.
func (m Maker) Draft(ctx context.Context, week, area string) (r Report, err error) {
	r = Report{Week: week, Area: area, Made: m.Now, MadeBy: m.Who.Name}
	if r.From, r.To, err = ledger.ParseWeek(week); err != nil {
		return r, err
	}
	if err := m.See(Kind, ID(week, area), area); err != nil {
		return r, err
	}
	if len(m.Who.Areas) > 0 && area == "" {
		return r, access.ErrForbidden{Actor: m.Who.Name, Needs: "name an area: a report of everything is for those who see everything"}
	}
	monday, _ := time.Parse(time.DateOnly, r.From)
	last, lastFrom, lastTo := ledger.WeekOf(monday.AddDate(0, 0, -7))
	r.BeforeIs = "issued"
	issued, _, err := casework.Get[Report](ctx, m.Store, Kind, ID(last, area))
	r.Before = issued.Now
	if errors.Is(err, casework.ErrNotFound) {
		r.BeforeIs = "computed"
		before := Report{Week: last, Area: area, From: lastFrom, To: lastTo}
		if err := m.fill(ctx, &before); err != nil {
			return r, err
		}
		r.Before = before.Now
	} else if err != nil {
		return r, err
	}
	if err := m.fill(ctx, &r); err != nil {
		return r, err
	}
	if err = m.missing(ctx, &r); err != nil {
		return r, err
	}
	for _, id := range []string{week, ledger.UpdateID(week, m.Who)} {
		_, _, err = casework.Get[ledger.Update](ctx, m.Store, ledger.KindUpdate, id)
		if err != nil && !errors.Is(err, casework.ErrNotFound) {
			return r, err
		}
		r.Updated = r.Updated || err == nil
	}
	r.Head, err = m.Store.Head(ctx)
	return r, err
}

// missing names the confirmed cases of r's area that no entry of the ledger names.
func (m Maker) missing(ctx context.Context, r *Report) error {
	all, err := m.Missing(ctx)
	if err != nil {
		return err
	}
	for _, id := range all {
		c, _, err := m.Case(ctx, id)
		if err != nil {
			return err
		}
		if r.within(c.Area) {
			r.Missing = append(r.Missing, id)
		}
	}
	return nil
}

// Issue freezes a week's report and returns its digest. A report that was issued can only
// be issued anew with the reason of the correction; the earlier version stays.
func (m Maker) Issue(ctx context.Context, week, area, correction string) (r Report, digest string, err error) {
	if err := m.Who.Need(access.Supervisor); err != nil {
		return r, "", err
	}
	if r, err = m.Draft(ctx, week, area); err != nil {
		return r, "", err
	}
	today := m.Now.UTC().Format(time.DateOnly)
	switch {
	case today <= r.To:
		return r, "", fmt.Errorf("%s: ends on %s, it is %s: a report is issued when its week is over", week, r.To, today)
	case !r.Updated:
		return r, "", fmt.Errorf("%s: the weekly run of the ledger has not been: `flatwatt ledger update --week %s` first", week, week)
	case len(r.Missing) > 0:
		return r, "", fmt.Errorf("%s: confirmed cases are in no entry of the ledger: %v", week, r.Missing)
	}
	_, version, err := casework.Get[Report](ctx, m.Store, Kind, ID(week, area))
	if err != nil && !errors.Is(err, casework.ErrNotFound) {
		return r, "", err
	}
	if (version > 0) != (correction != "") {
		if version > 0 {
			return r, "", fmt.Errorf("%s: was issued already; a correction wants its reason", ID(week, area))
		}
		return r, "", fmt.Errorf("%s: was not issued yet; there is nothing to correct", ID(week, area))
	}
	r.Correction = correction
	w, err := casework.Write(Kind, ID(week, area), version, r)
	if err != nil {
		return r, "", err
	}
	change := m.Act("report.issue", correction)
	change.Writes = []casework.Record{w}
	return r, Digest(w.Body), m.Store.Commit(ctx, change)
}

// Digest is the SHA-256 of a report's body as it is kept, which the audit trail holds too.
func Digest(body []byte) string {
	s := sha256.Sum256(body)
	return hex.EncodeToString(s[:])
}

// Issued is an issued report with its digest; version 0 is the latest.
func (m Maker) Issued(ctx context.Context, week, area string, version int) (r Report, digest string, err error) {
	rec, err := m.Store.Get(ctx, Kind, ID(week, area), version)
	if err != nil {
		return r, "", err
	}
	if err := json.Unmarshal(rec.Body, &r); err != nil {
		return r, "", fmt.Errorf("%s: %w", ID(week, area), err)
	}
	if len(m.Who.Areas) > 0 && r.Area == "" {
		return Report{}, "", fmt.Errorf("%s %s: %w", Kind, week, casework.ErrNotFound)
	}
	return r, Digest(rec.Body), m.See(Kind, ID(week, area), r.Area)
}
