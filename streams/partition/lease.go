package partition

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

// ErrLeaseLost is why the context of a partition's work ended: another worker may own it.
var ErrLeaseLost = errors.New("the partition now belongs to another worker")

// A lease is how long a worker may act as owner without renewing. It is shorter than the
// time after which others take over, measured from before the renewal was asked for.
type lease struct {
	clock func() time.Duration
	until atomic.Int64 // on clock
}

func (l *lease) extend(until time.Duration) { l.until.Store(int64(until)) }
func (l *lease) over() bool                 { return int64(l.clock()) >= l.until.Load() }

// A leaseContext has ended when its lease is over, even if nobody was awake to cancel it:
// a process that was stopped and goes on between two instructions finds its context
// done before it sends the next request, because clients ask for Done first.
type leaseContext struct {
	context.Context
	lease  *lease
	cancel context.CancelCauseFunc
}

func withLease(ctx context.Context, l *lease) (leaseContext, context.CancelCauseFunc) {
	inner, cancel := context.WithCancelCause(ctx)
	return leaseContext{inner, l, cancel}, cancel
}

// Done implements context.Context.
func (c leaseContext) Done() <-chan struct{} {
	c.check()
	return c.Context.Done()
}

// Err implements context.Context.
func (c leaseContext) Err() error {
	c.check()
	return c.Context.Err()
}

func (c leaseContext) check() {
	if c.lease.over() {
		c.cancel(ErrLeaseLost)
	}
}

// sinceStart is a clock that sees pauses of the process and, by the wall, of the machine.
func sinceStart() func() time.Duration {
	began := time.Now()
	wall := began.Round(0)
	return func() time.Duration {
		now := time.Now()
		return max(now.Sub(began), now.Round(0).Sub(wall)) // the monotonic clock stands still while a machine sleeps
	}
}
