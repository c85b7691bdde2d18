package influx

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/flatwatt/flatwatt"
)

const (
	// queriesAtOnce bounds what the sinks of one client ask together: databases refuse more
	// than so many queries at once (the embedded one 16), and others ask too.
	queriesAtOnce = 8

	// dayReadLimit bounds the reading of a whole day's scores; a million take half a minute.
	dayReadLimit = 10 * time.Minute
)

// dayReads has one sink read a day's scores for all those of its client that wait for them.
// After a restart each of many parts of a fleet needs its scores of the same day, and the
// database can tell all of them as fast as those of one.
type dayReads struct {
	mu    sync.Mutex // guards of
	of    map[flatwatt.Day]*dayRead
	asked chan struct{} // holds one for each query of recall under way
}

// A dayRead is of one day. reading is held by whoever reads.
type dayRead struct {
	reading sync.Mutex
	waiting []*dayWaiter // guarded by dayReads.mu
}

type dayWaiter struct {
	yield func(s *flatwatt.Score, whole bool)
	done  bool // guarded by reading
	err   error
}

// ask waits for its turn to query.
func (d *dayReads) ask(ctx context.Context) (done func(), err error) {
	select {
	case d.asked <- struct{}{}:
		return func() { <-d.asked }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// scoresFor yields the scores of a day, read by this call or by one that waited with it.
// The reading began after the call did, so it has everything that was durable then.
func (c *Client) scoresFor(ctx context.Context, day flatwatt.Day, yield func(s *flatwatt.Score, whole bool)) error {
	d, me := &c.days, &dayWaiter{yield: yield}
	d.mu.Lock()
	r := d.of[day]
	if r == nil {
		r = &dayRead{}
		d.of[day] = r
	}
	r.waiting = append(r.waiting, me)
	d.mu.Unlock()

	r.reading.Lock()
	defer r.reading.Unlock()
	if me.done {
		return me.err
	}
	d.mu.Lock()
	all := r.waiting
	r.waiting = nil
	d.mu.Unlock()
	err := c.readDay(ctx, day, all)
	for _, w := range all {
		if w.done = true; err != nil && w != me {
			w.err = fmt.Errorf("%v", err) // by its text: that this call's context ended is not theirs
		}
	}
	d.mu.Lock()
	if len(r.waiting) == 0 && d.of[day] == r {
		delete(d.of, day)
	}
	d.mu.Unlock()
	return err
}

func (c *Client) readDay(ctx context.Context, day flatwatt.Day, all []*dayWaiter) error {
	done, err := c.days.ask(ctx)
	if err != nil {
		return err
	}
	defer done()
	ctx, cancel := context.WithTimeout(ctx, dayReadLimit)
	defer cancel()
	return c.scoresOf(ctx, day, func(s *flatwatt.Score, whole bool) {
		for _, w := range all {
			w.yield(s, whole)
		}
	})
}
