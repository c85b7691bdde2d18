package alarms

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/flatwatt/flatwatt/access"
	"github.com/flatwatt/flatwatt/casework"
)

// A Ref names an alarm at the version that its person saw; version 0 stands for whatever
// is there.
type Ref struct {
	ID      string `json:"id"`
	Version int    `json:"version"`
}

// MaxBatch bounds how many alarms one action takes.
const MaxBatch = 1000

// A Room is where alarms are worked on, by one person at one moment.
type Room struct {
	casework.Desk
	Policy Policy
}

// today is the desk's civil date, UTC.
func (r Room) today() string { return r.Now.UTC().Format(time.DateOnly) }

// List is the alarms that the person sees and that stand, the most urgent first.
func (r Room) List(ctx context.Context) ([]casework.Versioned[Alarm], error) {
	list, err := casework.List[Alarm](ctx, r.Store, Kind)
	return r.Standing(list), err
}

// Standing leaves, of a list such as a Cache gives, what the person sees and what stands,
// the most urgent first.
func (r Room) Standing(list []casework.Versioned[Alarm]) []casework.Versioned[Alarm] {
	var seen []casework.Versioned[Alarm]
	today := r.today()
	order := map[State]int{}
	for i, s := range States() {
		order[s] = i
	}
	for _, a := range list {
		if r.Who.Sees(a.Value.Area) && a.Value.Stands(today) {
			seen = append(seen, a)
		}
	}
	slices.SortFunc(seen, func(x, y casework.Versioned[Alarm]) int {
		if d := order[x.Value.State(today)] - order[y.Value.State(today)]; d != 0 {
			return d
		}
		return Compare(x.ID, &x.Value, y.ID, &y.Value)
	})
	return seen
}

// Alarm is one alarm with its version; ErrNotFound also where it is not the person's to see.
func (r Room) Alarm(ctx context.Context, id string) (Alarm, int, error) {
	a, version, err := casework.Get[Alarm](ctx, r.Store, Kind, id)
	if err != nil {
		return a, 0, err
	}
	return a, version, r.See(Kind, id, a.Area)
}

// act applies do to alarms in one change: all of them or none. With below, the alarms
// that they stand for are taken too, where do fits them.
func (r Room) act(ctx context.Context, action, note string, least access.Role, refs []Ref, below bool, do func(*Alarm) error) error {
	if err := r.Who.Need(least); err != nil {
		return err
	}
	if len(refs) == 0 || len(refs) > MaxBatch {
		return fmt.Errorf("alarms: %d named; want 1 to %d", len(refs), MaxBatch)
	}
	change := r.Act(action, note)
	named := map[string]bool{}
	for _, ref := range refs {
		if named[ref.ID] {
			return fmt.Errorf("alarm %s: is named twice", ref.ID)
		}
		named[ref.ID] = true
	}
	for _, ref := range refs {
		a, w, err := r.write(ctx, ref, do)
		if err != nil {
			return err
		}
		change.Writes = append(change.Writes, w)
		if below {
			change.Writes = append(change.Writes, r.membersOf(ctx, ref.ID, a, named, do)...)
		}
	}
	return r.Store.Commit(ctx, change)
}

// membersOf applies do to the alarms below one, and below those, where it fits them.
func (r Room) membersOf(ctx context.Context, id string, of Alarm, named map[string]bool, do func(*Alarm) error) (writes []casework.Record) {
	for _, m := range of.Members {
		if named[m] {
			continue
		}
		named[m] = true
		a, now, err := r.Alarm(ctx, m)
		if err != nil || a.Parent != id {
			continue
		}
		if _, w, err := r.write(ctx, Ref{ID: m, Version: now}, do); err == nil {
			writes = append(writes, w)
		}
		writes = append(writes, r.membersOf(ctx, m, a, named, do)...)
	}
	return writes
}

func (r Room) write(ctx context.Context, ref Ref, do func(*Alarm) error) (Alarm, casework.Record, error) {
	a, now, err := r.Alarm(ctx, ref.ID)
	if err != nil {
		return a, casework.Record{}, err
	}
	if ref.Version == 0 {
		ref.Version = now
	}
	if ref.Version == now { // else Commit refuses, and knows who came first
		if err := do(&a); err != nil {
			return a, casework.Record{}, fmt.Errorf("alarm %s: %w", ref.ID, err)
		}
	}
	w, err := casework.Write(Kind, ref.ID, ref.Version, a)
	return a, w, err
}

// Acknowledge says that the person has seen the alarms, and with a parent those below it.
// A returned one goes back to normal.
func (r Room) Acknowledge(ctx context.Context, refs []Ref, note string) error {
	return r.act(ctx, "alarm.acknowledge", note, access.Operator, refs, true, func(a *Alarm) error {
		if s := a.State(r.today()); s != Unacknowledged && s != Returned && s != Backlog {
			return fmt.Errorf("is %s; only what is unacknowledged can be acknowledged", s)
		}
		if a.Announced == "" { // taken out of the backlog by hand
			a.Announced = r.today()
		}
		a.Acknowledged, a.Acked, a.AckedBy = true, r.today(), r.Who.Name
		return nil
	})
}

// Shelve keeps alarms off the list until the end of the day until, for a reason.
func (r Room) Shelve(ctx context.Context, refs []Ref, reason, until string) error {
	end, err := time.Parse(time.DateOnly, until)
	last := r.Now.UTC().AddDate(0, 0, r.Policy.MaxShelfDays)
	switch {
	case err != nil || until < r.today() || end.After(last):
		return fmt.Errorf("until %q: want a date from today to %s", until, last.Format(time.DateOnly))
	case strings.TrimSpace(reason) == "" || len(reason) > casework.MaxComment:
		return fmt.Errorf("reason: say why, in 1 to %d bytes", casework.MaxComment)
	}
	return r.act(ctx, "alarm.shelve", reason, access.Operator, refs, true, func(a *Alarm) error {
		if s := a.State(r.today()); s == Normal || s == Suppressed || s == OutOfService {
			return fmt.Errorf("is %s and cannot be shelved", s)
		}
		a.Hold = &Hold{State: Shelved, Reason: reason, By: r.Who.Name, At: r.Now, Until: until}
		return nil
	})
}

// Unshelve takes alarms from the shelf; those still active are announced at once.
func (r Room) Unshelve(ctx context.Context, refs []Ref, note string) error {
	return r.act(ctx, "alarm.unshelve", note, access.Operator, refs, true, r.release(Shelved))
}

func (r Room) release(from State) func(*Alarm) error {
	return func(a *Alarm) error {
		if a.Hold == nil || a.Hold.State != from {
			return fmt.Errorf("is %s, not %s", a.State(r.today()), from)
		}
		if *a = release(*a); a.Active {
			a.Announced = r.today()
		}
		return nil
	}
}

// OutOfService takes alarms off the list for maintenance, until ReturnToService.
func (r Room) OutOfService(ctx context.Context, refs []Ref, reason string) error {
	if strings.TrimSpace(reason) == "" {
		return fmt.Errorf("reason: say why")
	}
	return r.act(ctx, "alarm.out_of_service", reason, access.Supervisor, refs, false, func(a *Alarm) error {
		a.Hold = &Hold{State: OutOfService, Reason: reason, By: r.Who.Name, At: r.Now}
		return nil
	})
}

// ReturnToService ends OutOfService.
func (r Room) ReturnToService(ctx context.Context, refs []Ref, note string) error {
	return r.act(ctx, "alarm.return_to_service", note, access.Supervisor, refs, false, r.release(OutOfService))
}

// Assign gives alarms to somebody with a due date, or to nobody.
func (r Room) Assign(ctx context.Context, refs []Ref, to, due, note string) error {
	if due != "" {
		if _, err := time.Parse(time.DateOnly, due); err != nil {
			return fmt.Errorf("due %q: want a date such as 2026-01-31", due)
		}
	}
	if err := r.CanWork(ctx, to); err != nil {
		return err
	}
	return r.act(ctx, "alarm.assign", note, access.Operator, refs, true, func(a *Alarm) error {
		a.Assignee, a.Due = to, due
		return nil
	})
}

// OpenCase opens a case from an alarm, acknowledges it and hangs both together, in one change.
func (r Room) OpenCase(ctx context.Context, ref Ref, title, note string) (id string, err error) {
	if err := r.Who.Need(access.Operator); err != nil {
		return "", err
	}
	a, _, err := r.Alarm(ctx, ref.ID)
	if err != nil {
		return "", err
	}
	c, err := casework.NewCase(cmp.Or(a.Meter, ref.ID), a.Area, title, a.Finding, r.Now)
	if err != nil {
		return "", err
	}
	c.Assignee, c.Due = a.Assignee, a.Due
	return r.Open(ctx, c, func(id string) ([]casework.Record, error) {
		_, w, err := r.write(ctx, ref, func(a *Alarm) error {
			if a.Case != "" {
				return fmt.Errorf("belongs to case %s already", a.Case)
			}
			a.Case = id
			if !a.Acknowledged {
				a.Acknowledged, a.Acked, a.AckedBy = true, r.today(), r.Who.Name
			}
			if a.Active && a.Announced == "" {
				a.Announced = r.today()
			}
			return nil
		})
		return []casework.Record{w}, err
	})
}
