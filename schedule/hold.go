package schedule

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// A hold is a worker's grip on a run: it shows signs of life, and lets go.
type hold struct {
	worker *Worker
	job    string
	claim  claim

	mu  sync.Mutex // guards rev
	rev uint64     // of the record as we left it
}

// while does work and renews the claim meanwhile. The context of work ends with ErrLost
// when the claim could not be renewed for so long that others may have taken it over.
func (h *hold) while(ctx context.Context, work func(context.Context) error) error {
	inner, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	done := make(chan struct{})
	var renewing sync.WaitGroup
	renewing.Go(func() {
		h.renew(inner, done, func() { cancel(ErrLost) })
	})
	err := work(inner)
	close(done)
	renewing.Wait()
	if errors.Is(context.Cause(inner), ErrLost) {
		return ErrLost
	}
	return err
}

// renew shows a sign of life three times a TTL until done, and calls lost when it cannot.
func (h *hold) renew(ctx context.Context, done <-chan struct{}, lost func()) {
	every := h.worker.TTL / 3
	alive := time.Now()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-ctx.Done(): // until work has seen it too, the claim stays ours
			select {
			case <-done:
				return
			case <-tick.C:
			}
		case <-tick.C:
		}
		asked := time.Now()
		bound, cancel := context.WithTimeout(context.WithoutCancel(ctx), every)
		err := h.change(bound, func(r *record) { r.Running.Beat++ })
		cancel()
		switch {
		case err == nil:
			alive = asked
		case errors.Is(err, ErrLost), time.Since(alive) >= 2*every:
			lost()
			return
		}
	}
}

// change changes the record while the run is ours; what others change meanwhile, such as a
// time that is due, stays.
func (h *hold) change(ctx context.Context, do func(*record)) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		rec, rev, err := h.worker.Records.get(ctx, h.job)
		if err != nil {
			return err
		}
		if c := rec.Running; c == nil || !c.same(h.claim) {
			return ErrLost
		}
		do(&rec)
		rev, err = h.worker.Records.put(ctx, h.job, rec, rev)
		if errors.Is(err, errChanged) {
			continue
		}
		if err == nil {
			h.rev = rev
		}
		return err
	}
}

// release lets go of the run, and returns what is to be run next at once. After a stop the
// run stays where it is, to be taken over, and the attempt does not count.
func (h *hold) release(ctx context.Context, stopped bool) (next *claim, err error) {
	err = h.change(ctx, func(r *record) {
		if stopped {
			r.Running.Attempt--
			return
		}
		next = r.finish(h.worker.Name)
	})
	if err != nil {
		return nil, fmt.Errorf("let go of the run: %w", err)
	}
	return next, nil
}

// Pauses between tries to let go of a run.
const (
	firstLetGo   = 100 * time.Millisecond // doubles
	longestLetGo = 5 * time.Second
)

// letGo releases the run, again and again while the servers are away, until ctx ends or
// others would take the run over: what is not released keeps the job's later runs waiting.
func (h *hold) letGo(ctx context.Context, stopped bool) (next *claim, err error) {
	began := time.Now()
	for wait := firstLetGo; ; wait = min(2*wait, longestLetGo) {
		tried := err != nil
		next, err = h.release(context.WithoutCancel(ctx), stopped)
		if tried && errors.Is(err, ErrLost) {
			return nil, nil // an earlier try was made after all, or another has it
		}
		if err == nil || errors.Is(err, ErrLost) || ctx.Err() != nil || time.Since(began)+wait >= h.worker.TTL {
			return next, err
		}
		if pause(ctx, wait); ctx.Err() != nil {
			return nil, err
		}
	}
}
