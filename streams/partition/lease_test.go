package partition

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestGuardRefusesRequestsOfAPausedOwner: nobody has cancelled anything, the clock alone
// says that the lease is over; a request derived from the context is not sent.
func TestGuardRefusesRequestsOfAPausedOwner(t *testing.T) {
	var hits atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	defer server.Close()
	now := time.Duration(0)
	l := &lease{clock: func() time.Duration { return now }}
	l.extend(time.Second)
	ctx, cancel := withLease(t.Context(), l)
	defer cancel(nil)
	ctx, stop := context.WithCancel(ctx) // as an errgroup does
	defer stop()
	client := &http.Client{Timeout: time.Minute}
	send := func() error {
		r, err := http.NewRequestWithContext(Guard(ctx), http.MethodPost, server.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := client.Do(r)
		if err == nil {
			err = res.Body.Close()
		}
		return err
	}
	if err := send(); err != nil || hits.Load() != 1 {
		t.Fatalf("within the lease: %v", err)
	}
	now = time.Second
	if err := send(); !errors.Is(err, ErrLeaseLost) || hits.Load() != 1 {
		t.Errorf("after the lease: %v, %d requests", err, hits.Load())
	}
	if !errors.Is(context.Cause(ctx), ErrLeaseLost) {
		t.Errorf("cause: %v", context.Cause(ctx))
	}
	if Guard(t.Context()) != t.Context() {
		t.Error("a context without a lease is not left alone")
	}
}

// TestTheLeaseClockOnlyGoesOn: a wall that is set an hour ahead and put right again must
// not leave a lease that lasts an hour; a machine that slept must have used its lease up.
func TestTheLeaseClockOnlyGoesOn(t *testing.T) {
	var mono, wall time.Duration
	clock := onward(func() (time.Duration, time.Duration) { return mono, wall })
	l := &lease{clock: clock}
	pass := func(m, w time.Duration) {
		t.Helper()
		before := clock()
		mono, wall = mono+m, wall+w
		if got, want := clock()-before, max(m, w, 0); got != want {
			t.Errorf("went on by %v where the monotonic clock did by %v and the wall by %v; want %v", got, m, w, want)
		}
	}
	pass(time.Second, time.Second)
	pass(time.Second, time.Hour) // the wall is set ahead
	l.extend(clock() + time.Minute)
	pass(time.Second, -time.Hour) // and put right
	for range 59 {
		if l.over() {
			t.Fatal("the lease is over too early")
		}
		pass(time.Second, time.Second)
	}
	if !l.over() {
		t.Error("a minute later the lease of a minute is not over")
	}
	l.extend(clock() + time.Minute)
	if pass(0, time.Hour); !l.over() {
		t.Error("the lease outlasts an hour of sleep")
	}
}

func TestTheLeaseClockIsReadByMany(t *testing.T) {
	clock := sinceStart()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			last := clock()
			for range 1_000 {
				now := clock()
				if now < last {
					t.Errorf("%v after %v", now, last)
				}
				last = now
			}
		})
	}
	all.Wait()
}
