package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/flatwatt/flatwatt/access"
	"github.com/flatwatt/flatwatt/casework"
	"github.com/flatwatt/flatwatt/casework/energy"
)

// KindUpdate is the kind of a weekly update's record; see UpdateID.
const KindUpdate = "ledger update"

// UpdateID is the ISO week and, where somebody of some areas ran it, these: such a run has
// updated no more than what they see.
func UpdateID(week string, who access.Actor) string {
	if len(who.Areas) == 0 {
		return week
	}
	return week + " " + strings.Join(slices.Sorted(slices.Values(who.Areas)), ",")
}

// WeekOf is the ISO week of a day, e.g. 2026-W09, and its Monday and Sunday.
func WeekOf(day time.Time) (name, monday, sunday string) {
	y, w := day.ISOWeek()
	back := (int(day.Weekday()) + 6) % 7
	first := day.AddDate(0, 0, -back)
	return fmt.Sprintf("%d-W%02d", y, w), first.Format(time.DateOnly), first.AddDate(0, 0, 6).Format(time.DateOnly)
}

// ParseWeek is the week named such as 2026-W09.
func ParseWeek(name string) (monday, sunday string, err error) {
	var y, w int
	if n, err := fmt.Sscanf(name, "%4d-W%2d", &y, &w); n != 2 || err != nil || w < 1 || w > 53 {
		return "", "", fmt.Errorf("week %q: want one such as 2026-W09", name)
	}
	day := time.Date(y, 1, 4, 0, 0, 0, 0, time.UTC).AddDate(0, 0, 7*(w-1)) // 4 January is always in week 1
	got, monday, sunday := WeekOf(day)
	if got != name {
		return "", "", fmt.Errorf("week %q: %d has no such week", name, y)
	}
	return monday, sunday, nil
}

// An Update is one weekly run over the ledger.
type Update struct {
	Week        string          `json:"week"`
	From        string          `json:"from"`
	To          string          `json:"to"`
	Projects    int             `json:"projects"` // updated
	KWh         decimal.Decimal `json:"kwh"`      // of the week
	MissingDays float64         `json:"missing_days"`
	Unread      []string        `json:"unread,omitempty"`  // projects of whose meters nothing was read
	Missing     []string        `json:"missing,omitempty"` // confirmed cases that are in no entry
	At          time.Time       `json:"at"`
}

// Update brings the energy of every project of the person's areas up to the end of a week,
// in one change. Running a week again replaces its figures: readings may come late. What
// was counted after an exit that was entered later is taken back by the run of any week.
func (b Book) Update(ctx context.Context, from energy.Source, week string) (u Update, err error) {
	if err := b.Who.Need(access.Supervisor); err != nil {
		return u, err
	}
	u = Update{Week: week, At: b.Now}
	if u.From, u.To, err = ParseWeek(week); err != nil {
		return u, err
	}
	list, err := b.List(ctx)
	if err != nil {
		return u, err
	}
	change := b.Act("ledger.update", week)
	for _, p := range list {
		next := p.Value
		changed, err := next.update(ctx, from, &u)
		if err != nil {
			return u, fmt.Errorf("%s: %w", p.ID, err)
		}
		if !changed {
			continue
		}
		if !next.gone(&u) && next.read(week) == 0 {
			u.Unread = append(u.Unread, p.ID)
		}
		w, err := casework.Write(Kind, p.ID, p.Version, next)
		if err != nil {
			return u, err
		}
		change.Writes = append(change.Writes, w)
	}
	if u.Missing, err = b.Missing(ctx); err != nil {
		return u, err
	}
	_, version, err := casework.Get[Update](ctx, b.Store, KindUpdate, UpdateID(week, b.Who))
	if err != nil && !errors.Is(err, casework.ErrNotFound) {
		return u, err
	}
	w, err := casework.Write(KindUpdate, UpdateID(week, b.Who), version, u)
	if err != nil {
		return u, err
	}
	change.Writes = append(change.Writes, w)
	return u, b.Store.Commit(ctx, change)
}

// read is the days of a week that have readings.
func (p *Project) read(week string) float64 {
	for _, w := range p.Weeks {
		if w.Week == week {
			return 7*float64(len(p.Meters)) - w.MissingDays
		}
	}
	return 0
}

// gone says whether a project had exited before u's week.
func (p *Project) gone(u *Update) bool { return p.ExitedOn != "" && p.ExitedOn < u.From }

// update brings one project to the end of u's week. Projects without meters, that began
// later or had gone before have nothing to add.
func (p *Project) update(ctx context.Context, from energy.Source, u *Update) (changed bool, err error) {
	if len(p.Meters) == 0 || p.Onset > u.To {
		return false, nil
	}
	changed, err = p.takeBack(ctx, from)
	if err != nil || p.gone(u) {
		return changed, err
	}
	first, last := p.first(u.From), u.To
	if p.ExitedOn != "" {
		last = min(last, p.ExitedOn)
	}
	s, err := p.sum(ctx, from, first, last, u.From)
	if err != nil {
		return false, err
	}
	u.Projects++
	u.KWh, u.MissingDays = u.KWh.Add(s.week.KWh), u.MissingDays+s.week.MissingDays
	if u.To >= p.EnergyTo { // an older week run again changes that week only
		p.EnergyKWh, p.EnergyFrom, p.EnergyTo, p.MissingDays = s.kwh, first, last, s.missing
	}
	s.week.Week = u.Week
	p.setWeek(s.week)
	return true, nil
}

// first is the first day of which energy counts, as of the week that begins on monday.
func (p *Project) first(monday string) string {
	if p.Onset != "" {
		return p.Onset
	}
	return min(p.Added.UTC().Format(time.DateOnly), monday)
}

// takeBack takes out what was counted after the exit, where that was entered late: the
// weeks that begin after it, and days of its own week and of the total.
func (p *Project) takeBack(ctx context.Context, from energy.Source) (changed bool, err error) {
	if p.ExitedOn == "" || p.ExitedOn >= p.EnergyTo {
		return false, nil
	}
	day, err := time.Parse(time.DateOnly, p.ExitedOn)
	if err != nil {
		return false, err
	}
	name, monday, _ := WeekOf(day)
	first := p.first(monday)
	s, err := p.sum(ctx, from, first, p.ExitedOn, monday)
	if err != nil {
		return false, err
	}
	p.EnergyKWh, p.EnergyFrom, p.EnergyTo, p.MissingDays = s.kwh, first, p.ExitedOn, s.missing
	s.week.Week = name
	if slices.ContainsFunc(p.Weeks, func(w Week) bool { return w.Week == name }) {
		p.setWeek(s.week)
	}
	p.Weeks = slices.DeleteFunc(slices.Clone(p.Weeks), func(w Week) bool { return w.Week > name })
	return true, nil
}

// A sum is the energy of days of a project's meters, and what of it is of one week.
type sum struct {
	kwh     decimal.Decimal
	missing float64 // days
	week    Week
}

// sum adds up the days [first, last]; the week begins on monday and goes on to last.
func (p *Project) sum(ctx context.Context, from energy.Source, first, last, monday string) (s sum, err error) {
	for _, m := range p.Meters {
		days, err := from.Days(ctx, m, first, last, p.capKW())
		if err != nil {
			return s, err
		}
		for _, d := range days {
			s.kwh, s.missing = s.kwh.Add(d.KWh), s.missing+d.MissingShare
			if d.Date >= monday {
				s.week.KWh, s.week.MissingDays = s.week.KWh.Add(d.KWh), s.week.MissingDays+d.MissingShare
			}
		}
	}
	return s, nil
}

// setWeek puts a week in its place.
func (p *Project) setWeek(w Week) {
	weeks := make([]Week, 0, len(p.Weeks)+1)
	placed := false
	for _, old := range p.Weeks {
		if !placed && old.Week >= w.Week {
			weeks, placed = append(weeks, w), true
		}
		if old.Week != w.Week {
			weeks = append(weeks, old)
		}
	}
	if !placed {
		weeks = append(weeks, w)
	}
	p.Weeks = weeks[max(0, len(weeks)-MaxWeeks):]
}
