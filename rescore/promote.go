package rescore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/flatwatt/flatwatt"
)

const liveKey = "live.json"

// Live says which runs' scores count, the latest promotion first. It is replaced whole.
type Live struct {
	Promoted []Promotion `json:"promoted"`
}

// A Promotion makes a run's scores those that count.
type Promotion struct {
	Run         string    `json:"run"`
	Who         string    `json:"who"`
	At          time.Time `json:"at"`
	ApplyAlarms bool      `json:"apply_alarms"`
	Written     int       `json:"written"` // chunks that are in the database
	Done        bool      `json:"done"`    // all of them are
}

// Live reads what is live; nothing where nothing was promoted.
func (r Runs) Live(ctx context.Context) (l Live, err error) {
	text, err := r.Store.Get(ctx, liveKey)
	if errors.Is(err, fs.ErrNotExist) {
		return l, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &l)
	}
	if err != nil {
		return l, fmt.Errorf("%s: %w", liveKey, err)
	}
	return l, nil
}

func (r Runs) putLive(ctx context.Context, l Live) error {
	text, err := json.MarshalIndent(l, "", "  ")
	if err != nil {
		return err
	}
	return r.Store.Put(ctx, liveKey, text)
}

// A Promoter makes a run live. Alarms, if not nil, tells when a meter's alarm was first
// raised, so that alarms that people work on keep their date: see Promotion.ApplyAlarms.
type Promoter struct {
	Runs   Runs
	Sink   flatwatt.Sink // the database; nil: what is live is told by Live alone
	Alarms func(context.Context, *flatwatt.Score) (first time.Time, err error)
	Now    func() time.Time
	Who    string
	Apply  bool // the run's alarms replace those that are there

	Progress func(done, total int)
}

// Promote first replaces Live, which is one write: from then on the run counts, whole.
// Then it copies the run's scores to the database, where each replaces the one before. A
// kill in the middle leaves a promotion that is not Done; promoting again goes on.
func (p Promoter) Promote(ctx context.Context, id string) error {
	e, ok, err := p.Runs.Find(ctx, id)
	switch {
	case err != nil:
		return err
	case !ok:
		return fmt.Errorf("there is no run %s: `flatwatt rescore ls` lists them", id)
	case e.Outcome != Done:
		return fmt.Errorf("run %s is %s, not done: run it again first", id, e.Outcome)
	}
	live, err := p.Runs.Live(ctx)
	if err != nil {
		return err
	}
	if len(live.Promoted) == 0 || live.Promoted[0].Run != id {
		next := Promotion{Run: id, Who: p.Who, At: p.Now(), ApplyAlarms: p.Apply, Done: p.Sink == nil}
		live.Promoted = slices.Insert(slices.DeleteFunc(live.Promoted, func(q Promotion) bool { return q.Run == id }), 0, next)
		if err := p.Runs.putLive(ctx, live); err != nil {
			return fmt.Errorf("promote %s: %w", id, err)
		}
	}
	if p.Sink == nil || live.Promoted[0].Done {
		return nil
	}
	return p.write(ctx, live)
}

// write copies what is left of the latest promotion to the database.
func (p Promoter) write(ctx context.Context, live Live) error {
	at := &live.Promoted[0]
	keys, err := p.Runs.chunks(ctx, at.Run)
	if err != nil {
		return err
	}
	for i := at.Written; i < len(keys); i++ {
		list, err := p.Runs.chunk(ctx, keys[i])
		if err != nil {
			return err
		}
		if !at.ApplyAlarms {
			if err := p.keepAlarms(ctx, list); err != nil {
				return err
			}
		}
		if err := p.Sink.Write(ctx, list); err != nil {
			return fmt.Errorf("promote %s: %w: promote it again to go on", at.Run, err)
		}
		at.Written = i + 1
		if err := p.Runs.putLive(ctx, live); err != nil {
			return err
		}
		if p.Progress != nil {
			p.Progress(at.Written, len(keys))
		}
	}
	at.Done = true
	return p.Runs.putLive(ctx, live)
}

// keepAlarms leaves the alarms that are there as they are, and raises no new one.
func (p Promoter) keepAlarms(ctx context.Context, list []flatwatt.Score) error {
	for i := range list {
		list[i].FirstAlarm = time.Time{}
		if p.Alarms == nil {
			continue
		}
		first, err := p.Alarms(ctx, &list[i])
		if err != nil {
			return fmt.Errorf("alarm of meter %s: %w", list[i].Meter, err)
		}
		list[i].FirstAlarm = first
	}
	return nil
}
