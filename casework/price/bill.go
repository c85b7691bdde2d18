package price

import (
	"context"
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"github.com/flatwatt/flatwatt/casework/energy"
	"github.com/flatwatt/flatwatt/casework/ledger"
)

// A Line is a run of days of one meter under one rule within one month.
type Line struct {
	Meter         string          `json:"meter"`
	From          string          `json:"from"`
	To            string          `json:"to"`
	KWh           decimal.Decimal `json:"kwh"`
	Rule          string          `json:"rule"`
	Basis         string          `json:"basis,omitempty"`
	YuanPerKWh    decimal.Decimal `json:"yuan_per_kwh"`
	Yuan          decimal.Decimal `json:"yuan"`           // KWh × YuanPerKWh to the fen, half away from zero
	MissingDays   float64         `json:"missing_days"`   // without readings: not billed
	EstimatedDays float64         `json:"estimated_days"` // whose readings were filled in or edited
}

// A Statement is what one customer owes for some days, and how that comes about. Once
// issued it never changes; a wrong one is cancelled and issued anew.
type Statement struct {
	Project    string          `json:"project"`
	Company    string          `json:"company"`
	CreditCode string          `json:"credit_code,omitempty"`
	Address    string          `json:"address"`
	Area       string          `json:"area,omitempty"`
	From       string          `json:"from"`
	To         string          `json:"to"`
	Why        string          `json:"why"` // why it begins on From
	Energy     ledger.Basis    `json:"energy_basis"`
	CapKW      float64         `json:"cap_kw,omitempty"` // of each meter where Energy is a block
	Lines      []Line          `json:"lines"`
	KWh        decimal.Decimal `json:"kwh"`
	Yuan       decimal.Decimal `json:"yuan"`
	Currency   string          `json:"currency"`
	Issued     string          `json:"issued"`
	Due        string          `json:"due"`
	Cancelled  string          `json:"cancelled,omitempty"` // day; "": it stands
	Reason     string          `json:"reason,omitempty"`    // of the cancellation
}

// Start is the first day that a project pays for, and why. listed is the day on which it
// entered the list.
func (s *Schedule) Start(p *ledger.Project, listed string) (day, why string) {
	r, ok := s.Rule(p.Area, p.TariffClass, listed)
	switch {
	case !ok || r.Since == SinceListed:
		return listed, "from the listing"
	case p.OnsetProven && p.Onset != "":
		return min(p.Onset, listed), "all use since the proven onset"
	}
	d, err := time.Parse(time.DateOnly, listed)
	if err != nil {
		return listed, "from the listing"
	}
	return monthsBack(d, r.UnprovenMonths).Format(time.DateOnly), fmt.Sprintf("onset not proven: %d months before the listing", r.UnprovenMonths)
}

// monthsBack is the same day n months earlier, or the month's last where it has no such day.
func monthsBack(d time.Time, n int) time.Time {
	first := time.Date(d.Year(), d.Month()-time.Month(n), 1, 0, 0, 0, 0, time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(d.Day(), last)-1)
}

// Draw works out the statement of a project's days [from, to]. It writes nothing.
func (s *Schedule) Draw(ctx context.Context, p *ledger.Project, source energy.Source, from, to string) (Statement, error) {
	st := Statement{Company: p.Company, CreditCode: p.CreditCode, Address: p.Address, Area: p.Area, From: from, To: to,
		Energy: p.Basis, CapKW: p.CapKW(), Currency: s.Currency, Lines: []Line{}}
	if _, _, err := energy.Dates(from, to); err != nil || to < from {
		return st, fmt.Errorf("period %s to %s: want two days, the first one first", from, to)
	}
	for _, m := range p.Meters {
		days, err := source.Days(ctx, m, from, to, p.CapKW())
		if err != nil {
			return st, err
		}
		st.add(s, p, m, days)
	}
	for i := range st.Lines {
		l := &st.Lines[i]
		l.Yuan = l.KWh.Mul(l.YuanPerKWh).Round(2)
		st.KWh, st.Yuan = st.KWh.Add(l.KWh), st.Yuan.Add(l.Yuan)
	}
	return st, nil
}

// add puts the days of one meter into lines. Days for which there is no rule cost nothing
// and stand on no line.
func (st *Statement) add(s *Schedule, p *ledger.Project, meter string, days []energy.Day) {
	var line *Line
	for _, d := range days {
		r, ok := s.Rule(p.Area, p.TariffClass, d.Date)
		if !ok {
			line = nil
			continue
		}
		if line == nil || line.Rule != r.Name || line.To[:7] != d.Date[:7] {
			st.Lines = append(st.Lines, Line{Meter: meter, From: d.Date, Rule: r.Name, Basis: r.Basis, YuanPerKWh: r.Yuan})
			line = &st.Lines[len(st.Lines)-1]
		}
		line.To = d.Date
		line.KWh = line.KWh.Add(d.KWh)
		line.MissingDays += d.MissingShare
		line.EstimatedDays += d.EstimatedPart * (1 - d.MissingShare)
	}
}
