package archive_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt/streams/archive"
)

const leaseTime = 600 * time.Millisecond

func TestOnlyOneHoldsALock(t *testing.T) {
	s := openS3(t, "a")
	held, release, err := s.Lock(t.Context(), "runs/1/lock", "anna", leaseTime)
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	if _, _, err := s.Lock(t.Context(), "runs/1/lock", "ben", leaseTime); !errors.Is(err, archive.ErrLocked) {
		t.Errorf("a second holder: %v", err)
	}
	if d := time.Since(begun); d > leaseTime {
		t.Errorf("refused after %v, want at the first renewal", d)
	}
	_, other, err := s.Lock(t.Context(), "runs/2/lock", "ben", leaseTime)
	if err != nil || other() != nil {
		t.Errorf("another lock: %v", err)
	}
	time.Sleep(2 * leaseTime)
	if held.Err() != nil {
		t.Errorf("lost though renewed: %v", context.Cause(held))
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	if _, release, err = s.Lock(t.Context(), "runs/1/lock", "ben", leaseTime); err != nil || release() != nil {
		t.Errorf("after it was given back: %v", err)
	}
}

func TestOfManyOneGetsTheLock(t *testing.T) {
	s := openS3(t, "")
	var wg sync.WaitGroup
	var mu sync.Mutex
	got := 0
	for range 8 {
		wg.Go(func() {
			if _, _, err := s.Lock(t.Context(), "lock", "x", leaseTime); err == nil {
				mu.Lock()
				got++
				mu.Unlock()
			} else if !errors.Is(err, archive.ErrLocked) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got != 1 {
		t.Errorf("%d hold the lock", got)
	}
}

// A holder that was killed is succeeded after its lease; one that was paused notices.
func TestALockIsTakenOver(t *testing.T) {
	s := openS3(t, "a")
	killed, kill := context.WithCancel(t.Context())
	if _, _, err := s.Lock(killed, "lock", "anna", leaseTime); err != nil {
		t.Fatal(err)
	}
	kill()
	begun := time.Now()
	held, _, err := s.Lock(t.Context(), "lock", "ben", leaseTime)
	if err != nil || time.Since(begun) < leaseTime {
		t.Fatalf("%v after %v, want the lock after the lease", err, time.Since(begun))
	}
	if err := s.Put(t.Context(), "lock", []byte(`{"holder":"carl","id":"3","n":1}`)); err != nil { // while ben was paused
		t.Fatal(err)
	}
	select {
	case <-held.Done():
	case <-time.After(10 * leaseTime):
		t.Fatal("the one that was overtaken does not notice")
	}
	if !errors.Is(context.Cause(held), archive.ErrLocked) {
		t.Errorf("it ended with %v", context.Cause(held))
	}
}
