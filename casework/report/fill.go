package report

import (
	"context"
	"time"

	"github.com/flatwatt/flatwatt/access"
	"github.com/flatwatt/flatwatt/casework"
	"github.com/flatwatt/flatwatt/casework/alarms"
	"github.com/flatwatt/flatwatt/casework/ledger"
	"github.com/flatwatt/flatwatt/casework/price"
	"github.com/flatwatt/flatwatt/casework/spotcheck"
	"github.com/flatwatt/flatwatt/casework/tips"
)

// within says whether a record of an area belongs into the report.
func (r *Report) within(area string) bool {
	return r.Area == "" || area != "" && access.Actor{Areas: []string{r.Area}}.Sees(area)
}

// during says whether a moment or a day lies in the report's week, UTC.
func (r *Report) during(t time.Time) bool { return r.on(t.UTC().Format(time.DateOnly)) }
func (r *Report) on(day string) bool      { return r.From <= day && day <= r.To }

// fill works out the figures and lines of r's week from what the records say.
func (m Maker) fill(ctx context.Context, r *Report) error {
	r.Projects, r.Cases = []Line{}, []CaseLine{}
	for _, part := range []func(context.Context, *Report) error{m.projects, m.money, m.cases, m.watching} {
		if err := part(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

func (m Maker) projects(ctx context.Context, r *Report) error {
	list, err := m.List(ctx)
	if err != nil {
		return err
	}
	f := &r.Now
	for _, x := range list {
		p := x.Value
		if !r.within(p.Area) || p.Added.UTC().Format(time.DateOnly) > r.To {
			continue
		}
		line := Line{ID: x.ID, Project: p, Total: m.Rules.Account(&p, p.EnergyKWh)}
		for _, w := range p.Weeks {
			if w.Week == r.Week {
				line.Week = m.Rules.Account(&p, w.KWh)
			}
		}
		f.EnergyKWh = f.EnergyKWh.Add(line.Week.EnergyKWh)
		f.CountedKWh = f.CountedKWh.Add(line.Week.CountedKWh)
		f.CO2Kg = f.CO2Kg.Add(line.Week.CO2Kg)
		line.Event = f.count(&p, r)
		line.Project.Weeks = nil // the ledger keeps them
		r.Projects = append(r.Projects, line)
	}
	return nil
}

// count counts a project and says what happened to it in the week.
func (f *Figures) count(p *ledger.Project, r *Report) (event string) {
	if r.during(p.Added) {
		f.New++
		event = "new"
	}
	if p.ExitedOn != "" && p.ExitedOn <= r.To {
		if r.on(p.ExitedOn) {
			f.Exited++
			event = "exited"
		}
		return event
	}
	switch p.Status {
	case ledger.Existing:
		f.Existing++
		f.Units += p.Units
		f.HashrateTHs += p.HashrateTHs
		f.KW += p.KW
	case ledger.Construction:
		f.Construction++
	case ledger.Planned:
		f.Planned++
	}
	if p.PlannedExit != "" && p.PlannedExit <= r.To {
		f.Overdue++
		event = "overdue"
	}
	return event
}

func (m Maker) money(ctx context.Context, r *Report) error {
	statements, err := m.Statements(ctx)
	if err != nil {
		return err
	}
	ours := map[string]bool{}
	line := map[string]*Line{}
	for i := range r.Projects {
		line[r.Projects[i].ID] = &r.Projects[i]
	}
	for _, s := range statements {
		v := s.Value
		if !r.within(v.Area) {
			continue
		}
		ours[s.ID] = true
		if !r.on(v.Issued) || v.Cancelled != "" && v.Cancelled <= r.To {
			continue
		}
		r.Now.Billed = r.Now.Billed.Add(v.Yuan)
		if l := line[v.Project]; l != nil {
			l.Billed = l.Billed.Add(v.Yuan)
		}
	}
	payments, err := casework.List[price.Payment](ctx, m.Store, price.KindPayment)
	if err != nil {
		return err
	}
	for _, p := range payments {
		if ours[p.Value.Statement] && r.on(p.Value.Day) {
			r.Now.Paid = r.Now.Paid.Add(p.Value.Yuan)
		}
	}
	arrears, err := m.Arrears(ctx, r.To)
	for _, a := range arrears {
		if r.within(a.Area) {
			r.Now.Arrears = r.Now.Arrears.Add(a.Overdue)
		}
	}
	return err
}

// cases finds those that were confirmed in the week by their trail: a case that has moved
// on since was confirmed all the same.
func (m Maker) cases(ctx context.Context, r *Report) error {
	list, err := m.Cases(ctx)
	if err != nil {
		return err
	}
	for _, x := range list {
		if !r.within(x.Value.Area) {
			continue
		}
		day, why, err := m.confirmed(ctx, x.ID, r)
		if err != nil {
			return err
		}
		if day != "" {
			r.Now.Confirmed++
			r.Cases = append(r.Cases, CaseLine{x.ID, x.Value.Meter, x.Value.Area, day, why})
		}
	}
	return nil
}

// confirmed is the day of r's week on which a case was confirmed; "" where it was not.
func (m Maker) confirmed(ctx context.Context, id string, r *Report) (day, why string, err error) {
	trail, err := m.Store.Trail(ctx, casework.KindCase, id)
	if err != nil {
		return "", "", err
	}
	for _, e := range trail {
		if e.Action != "case.decide" || !r.during(e.At) {
			continue
		}
		c, err := casework.GetVersion[casework.Case](ctx, m.Store, casework.KindCase, id, e.Version)
		if err != nil {
			return "", "", err
		}
		if c.State == casework.Confirmed && c.Disconnect == nil {
			day, why = e.At.UTC().Format(time.DateOnly), c.Reason
		}
	}
	return day, why, nil
}

// watching counts what came in: alarms, cases of power plants, tip-offs, spot checks.
func (m Maker) watching(ctx context.Context, r *Report) error {
	list, err := casework.List[alarms.Alarm](ctx, m.Store, alarms.Kind)
	if err != nil {
		return err
	}
	for _, x := range list {
		a := x.Value
		if !m.Who.Sees(a.Area) || !r.within(a.Area) {
			continue
		}
		if a.Parent == "" && a.Announced != "" && r.on(a.Announced) {
			r.Now.Alarms++
		}
		if a.Kind != "generator" || a.Case == "" {
			continue
		}
		c, _, err := casework.Get[casework.Case](ctx, m.Store, casework.KindCase, a.Case)
		if err != nil {
			return err
		}
		if r.during(c.Opened) {
			r.Now.IllegalSupply++
		}
		if c.Reported != nil && r.during(c.Reported.At) {
			r.Now.IllegalReported++
		}
	}
	reports, err := tips.Inbox{Desk: m.Desk}.List(ctx)
	if err != nil {
		return err
	}
	for _, t := range reports {
		if r.within(t.Value.Area) && r.during(t.Value.Received) {
			r.Now.TipOffs++
			if t.Value.State == tips.Matched {
				r.Now.Matched++
			}
		}
	}
	checks, err := spotcheck.Board{Desk: m.Desk}.List(ctx)
	for _, c := range checks {
		for _, p := range c.Value.Picks {
			if p.Outcome == nil || !r.on(p.Outcome.Day) || !r.within(p.Item.Area) {
				continue
			}
			r.Now.Inspected++
			if p.Outcome.Result == "mining found" {
				r.Now.Found++
			}
		}
	}
	return err
}
