package partition

import (
	"context"
	"errors"
	"sync"
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

// A guard is what a context carries of its lease.
type guard struct {
	lease  *lease
	cancel context.CancelCauseFunc
}

type guardKey struct{}

func withLease(ctx context.Context, l *lease) (context.Context, context.CancelCauseFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	return context.WithValue(ctx, guardKey{}, guard{l, cancel}), cancel
}

// Guard returns a context that has ended when the lease of ctx is over, even if nobody
// was awake to cancel it. A process that was stopped and goes on between two instructions
// is not cancelled yet; but a client that derives a request from this context finds it
// done. Use it around what cannot be fenced otherwise; it costs a look at the clock each
// time that Done is asked for. A ctx that is not of a Group's Work is returned as it is.
func Guard(ctx context.Context) context.Context {
	if g, ok := ctx.Value(guardKey{}).(guard); ok {
		return guarded{ctx, g}
	}
	return ctx
}

type guarded struct {
	context.Context
	guard guard
}

// Done implements context.Context.
func (c guarded) Done() <-chan struct{} {
	c.check()
	return c.Context.Done()
}

// Err implements context.Context.
func (c guarded) Err() error {
	c.check()
	return c.Context.Err()
}

func (c guarded) check() {
	if c.guard.lease.over() {
		c.guard.cancel(ErrLeaseLost)
	}
}

// sinceStart is a clock that sees pauses of the process and, by the wall, of the machine.
func sinceStart() func() time.Duration {
	began := time.Now()
	start := began.Round(0)
	return onward(func() (mono, wall time.Duration) {
		now := time.Now()
		return now.Sub(began), now.Round(0).Sub(start)
	})
}

// onward goes on by what the monotonic clock or the wall went on since it was last read,
// whichever is more: the monotonic one stands still while a machine sleeps. It never goes
// back. A wall that is set ahead and then put right ends leases once, too early; were it
// followed back, none would end, and no silent worker be missed, for as long as it was ahead.
func onward(read func() (mono, wall time.Duration)) func() time.Duration {
	var mu sync.Mutex // guards all below, and that readings are taken in turn
	var now, lastMono, lastWall time.Duration
	return func() time.Duration {
		mu.Lock()
		defer mu.Unlock()
		mono, wall := read()
		now += max(mono-lastMono, wall-lastWall, 0)
		lastMono, lastWall = mono, wall
		return now
	}
}
