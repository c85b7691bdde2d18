package partition

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
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
