package alarms

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/flatwatt/flatwatt/access"
	"github.com/flatwatt/flatwatt/casework"
)

// KindProgress is the kind of the one record that says up to which day alarms stand.
const (
	KindProgress = "alarm progress"
	progressID   = "all"
)

// Progress is the last day whose scores alarms took.
type Progress struct {
	Day string `json:"day"`
}

// A Raiser takes verdicts into alarms. Any number of goroutines and processes may.
type Raiser struct {
	Store  casework.Store
	Policy Policy
	Who    access.Actor // in whose name the trail has it
	Now    func() time.Time

	once  sync.Once
	cache *casework.Cache[Alarm]
}

// A Tally says what Apply did.
type Tally struct {
	Day                         string
	Raised, Announced, Returned int
	Waiting                     int // in the backlog afterwards
	Written                     int // alarms that changed at all
	Old                         int // verdicts of a re-scored meter that were older than what alarms stand on
}

func (t Tally) String() string {
	return fmt.Sprintf("alarms of %s: %d raised, %d announced, %d returned, %d in the backlog", t.Day, t.Raised, t.Announced, t.Returned, t.Waiting)
}

// applyAttempts bounds how often Apply starts over because people changed alarms meanwhile.
const applyAttempts = 8

// Apply takes verdicts, all of them in one change or none. again says that they come from
// scoring history anew: then they replace what scores said before.
func (r *Raiser) Apply(ctx context.Context, verdicts []Verdict, again bool) (t Tally, err error) {
	if len(verdicts) == 0 {
		return t, nil
	}
	r.once.Do(func() { r.cache = casework.NewCache[Alarm](r.Store, Kind) })
	verdicts = slices.Clone(verdicts)
	slices.SortStableFunc(verdicts, func(a, b Verdict) int {
		if c := strings.Compare(a.ID, b.ID); c != 0 {
			return c
		}
		return strings.Compare(a.Day, b.Day)
	})
	for range applyAttempts {
		t, err = r.apply(ctx, verdicts, again)
		if overtaken := (casework.ConflictError{}); !errors.As(err, &overtaken) {
			return t, err
		}
	}
	return t, err
}

func (r *Raiser) apply(ctx context.Context, verdicts []Verdict, again bool) (t Tally, err error) {
	done, version, err := casework.Get[Progress](ctx, r.Store, KindProgress, progressID)
	if err != nil && !errors.Is(err, casework.ErrNotFound) {
		return t, err
	}
	if again {
		n := len(verdicts)
		verdicts = newEnough(verdicts, done.Day)
		t.Old = n - len(verdicts)
	}
	list, err := r.cache.List(ctx)
	if err != nil {
		return t, err
	}
	current, versions := make(map[string]Alarm, len(list)), make(map[string]int, len(list))
	for _, a := range list {
		current[a.ID], versions[a.ID] = a.Value, a.Version
	}
	t.Day = done.Day
	for i := range verdicts {
		t.Day = max(t.Day, verdicts[i].Day)
	}
	now := r.Now()
	next := Next(r.Policy, current, verdicts, again, t.Day, now)
	change := casework.Change{At: now, Actor: r.Who, Action: "alarm.score", Note: t.Day}
	for _, id := range slices.Sorted(maps.Keys(next)) {
		w, err := casework.Write(Kind, id, versions[id], next[id])
		if err != nil {
			return t, err
		}
		change.Writes = append(change.Writes, w)
		t.count(current[id], next[id])
	}
	maps.Copy(current, next)
	for _, a := range current {
		t.Waiting += btoi(a.State(t.Day) == Backlog)
	}
	if len(change.Writes) == 0 && t.Day == done.Day {
		return t, nil
	}
	w, err := casework.Write(KindProgress, progressID, version, Progress{t.Day})
	if err != nil {
		return t, err
	}
	change.Writes = append(change.Writes, w)
	return t, r.Store.Commit(ctx, change)
}

// newEnough leaves out the meters whose re-scoring ends before the day up to which alarms
// stand: their alarms know better. Zones close a day apart, so one day less will do.
func newEnough(verdicts []Verdict, day string) []Verdict {
	d, err := time.Parse(time.DateOnly, day)
	if err != nil { // nothing was taken yet
		return verdicts
	}
	oldest := d.AddDate(0, 0, -1).Format(time.DateOnly)
	last := map[string]string{}
	for i := range verdicts {
		last[verdicts[i].ID] = max(last[verdicts[i].ID], verdicts[i].Day)
	}
	return slices.DeleteFunc(slices.Clone(verdicts), func(v Verdict) bool { return last[v.ID] < oldest })
}

func (t *Tally) count(was, now Alarm) {
	t.Written++
	t.Raised += btoi(now.Active && now.Raised != was.Raised)
	t.Announced += btoi(now.Announced != "" && now.Announced != was.Announced)
	t.Returned += btoi(was.Active && !now.Active)
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
