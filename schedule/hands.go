package schedule

import (
	"context"
	"errors"
	"sync"
)

// hands know which runs this process has in hand. A claim under our name that is in no
// hand is one whose end, renewal or reply was lost on the way to the servers: nobody else
// must take it over, and where there is one worker nobody else is there to do so.
type hands struct {
	mu   sync.Mutex       // guards all below
	full map[string]int   // by job
	last map[string]ended // the last run of a job that was begun here
}

// ended is how far a run came.
type ended struct {
	claim claim
	done  bool // it was not cut off
}

func (h *hands) take(job string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.full == nil {
		h.full, h.last = map[string]int{}, map[string]ended{}
	}
	h.full[job]++
}

func (h *hands) drop(job string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.full[job]--
}

// note keeps how far a run has come that is in hand.
func (h *hands) note(job string, c claim, done bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last[job] = ended{c, done}
}

// about says what is known of a claim under our name.
func (h *hands) about(job string, c claim) (held, begun, done bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	last, ok := h.last[job]
	begun = ok && last.claim.same(c)
	return h.full[job] > 0, begun, begun && last.done
}

// start carries a run of ours out beside the look at the clock.
func (w *Worker) start(ctx context.Context, j *Job, c claim, rev uint64, work *sync.WaitGroup) {
	w.hands.take(j.Name)
	work.Go(func() {
		defer w.hands.drop(j.Name)
		w.carryOut(ctx, *j, c, rev)
	})
}

// pickUp looks after a claim under our name that is not in hand: a run that was done is
// let go of, one that was cut off is taken over, one whose claim was made although we
// heard of no success is begun.
func (w *Worker) pickUp(ctx context.Context, j *Job, rec record, rev uint64, work *sync.WaitGroup) error {
	c := *rec.Running
	held, begun, done := w.hands.about(j.Name, c)
	switch {
	case held, ctx.Err() != nil: // what was stopped waits for the next start
		return nil
	case done:
		rec.finish(w.Name)
	case begun:
		return w.takeOver(ctx, j, rec, rev, work)
	default:
		c.Beat++ // if it can be written, the run is ours still
		rec.Running = &c
	}
	rev, err := w.Records.put(ctx, j.Name, rec, rev)
	if errors.Is(err, errChanged) {
		return nil
	}
	if err == nil && rec.Running != nil {
		w.start(ctx, j, *rec.Running, rev, work)
	}
	return err
}
