package price

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/flatwatt/flatwatt/access"
	"github.com/flatwatt/flatwatt/casework"
	"github.com/flatwatt/flatwatt/casework/energy"
)

// Draft works out the next statement of a project up to the day to: from the day after the
// last that was billed, or from the first for which it is liable. from, if not "", begins
// it there instead. It ends where the project left the list, though it came back later.
func (o Office) Draft(ctx context.Context, source energy.Source, project, from, to string) (Statement, error) {
	p, _, err := o.Project(ctx, project)
	if err != nil {
		return Statement{}, err
	}
	l, _, err := casework.Get[Listed](ctx, o.Store, KindListed, project)
	if errors.Is(err, casework.ErrNotFound) {
		return Statement{}, fmt.Errorf("%s: is not on the list; `flatwatt price sync` brings it into step with the ledger", project)
	}
	if err != nil {
		return Statement{}, err
	}
	all, err := o.billed(ctx, project)
	if err != nil {
		return Statement{}, err
	}
	begins, follows := from, ""
	for _, s := range all {
		if from != "" && s.From <= to && from <= s.To {
			return Statement{}, s.again(project, from, to)
		}
		if next := dayAfter(s.To); from == "" && next > begins {
			begins, follows = next, s.before()
		}
	}
	owed, ok := o.Schedule.owed(&p, &l, begins, to)
	switch {
	case ok && owed.To >= o.today():
		return Statement{}, fmt.Errorf("to %s: is not over yet", owed.To)
	case !ok && follows != "":
		return Statement{}, fmt.Errorf("%s: everything up to %s is billed", project, to)
	case !ok:
		return Statement{}, fmt.Errorf("%s: owes nothing for the days up to %s", project, to)
	case follows != "" && owed.From == begins:
		owed.Why = follows
	}
	st, err := o.Schedule.Draw(ctx, &p, source, owed.From, owed.To)
	st.Project, st.Why, st.Issued = project, owed.Why, o.today()
	st.Due = o.Now.UTC().AddDate(0, 0, o.Schedule.DueDays).Format(time.DateOnly)
	return st, err
}

func dayAfter(day string) string {
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return ""
	}
	return t.AddDate(0, 0, 1).Format(time.DateOnly)
}

// Issue issues a draft and returns the statement's ID. Two who bill the same project at
// once cannot both: each issue writes the project's place on the list anew.
func (o Office) Issue(ctx context.Context, st Statement, note string) (id string, err error) {
	if err := o.Who.Need(access.Supervisor); err != nil {
		return "", err
	}
	l, version, err := casework.Get[Listed](ctx, o.Store, KindListed, st.Project)
	if err != nil {
		return "", err
	}
	all, err := o.billed(ctx, st.Project)
	if err != nil {
		return "", err
	}
	for _, s := range all {
		if s.From <= st.To && st.From <= s.To {
			return "", s.again(st.Project, st.From, st.To)
		}
	}
	return o.Desk.Add(ctx, "price.issue", note, KindStatement, "S", st, func(string) ([]casework.Record, error) {
		w, err := casework.Write(KindListed, st.Project, version, l)
		return []casework.Record{w}, err
	})
}

// A bill is the days of a statement that stands. One of an area that the person does not
// see counts too, for a project may have moved, but has no ID for them.
type bill struct{ ID, From, To string }

// billed are the statements of a project that stand, of whatever area.
func (o Office) billed(ctx context.Context, project string) (list []bill, err error) {
	all, err := casework.List[Statement](ctx, o.Store, KindStatement)
	for _, s := range all {
		v := s.Value
		switch {
		case v.Project != project || v.Cancelled != "":
		case o.Who.Sees(v.Area):
			list = append(list, bill{s.ID, v.From, v.To})
		default:
			list = append(list, bill{"", v.From, v.To})
		}
	}
	return list, err
}

// again refuses to bill days of [from, to] that b bills already. Of a statement that is not
// the person's to see it tells no more than which of their days it bills.
func (b bill) again(project, from, to string) error {
	if b.ID == "" {
		return fmt.Errorf("%s: %s to %s is billed already", project, max(from, b.From), min(to, b.To))
	}
	return fmt.Errorf("%s: %s to %s is billed already by %s; cancel that first", project, b.From, b.To, b.ID)
}

// before says why a statement begins on the day after b.
func (b bill) before() string {
	if b.ID == "" {
		return "follows what is billed already"
	}
	return "follows " + b.ID
}
