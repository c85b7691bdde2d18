package streams

import (
	"context"
	"math"
	"slices"
	"sort"
	"sync"
)

// Turns share the processors among pipelines that run beside each other. After a restart, and
// when a day closes, all parts of a fleet have the same work at once; were they served alike,
// the first would be ready as late as the last. With Turns a part that has not yet written a
// score since it started goes before those that joined after it.
type Turns struct {
	mu      sync.Mutex // guards what follows
	free    int
	joined  int
	waiting []*waiter // by rank, those alike in the order in which they came
}

// A waiter gets the turn when given is closed.
type waiter struct {
	rank  int
	given chan struct{}
}

// NewTurns has so many pipelines work at a time.
func NewTurns(atOnce int) *Turns { return &Turns{free: atOnce} }

// Join returns a seat behind those that joined before.
func (t *Turns) Join() *Seat {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.joined++
	return &Seat{turns: t, rank: t.joined}
}

// A Seat is one pipeline's place among others. A nil Seat never waits.
type Seat struct {
	turns *Turns
	rank  int // guarded by turns.mu
}

// served is the rank of who has written scores: they no longer go before anybody.
const served = math.MaxInt

// Take waits until it is this seat's turn, or ctx ends. The turn is over when done is called.
func (s *Seat) Take(ctx context.Context) (done func(), err error) {
	if s == nil {
		return func() {}, nil
	}
	t := s.turns
	t.mu.Lock()
	if t.free > 0 {
		t.free--
		t.mu.Unlock()
		return t.pass, nil
	}
	w := &waiter{rank: s.rank, given: make(chan struct{})}
	at := sort.Search(len(t.waiting), func(i int) bool { return t.waiting[i].rank > w.rank })
	t.waiting = slices.Insert(t.waiting, at, w)
	t.mu.Unlock()
	select {
	case <-w.given:
		return t.pass, nil
	case <-ctx.Done():
		t.leave(w)
		return nil, ctx.Err()
	}
}

// pass gives a turn that is over to the first who waits.
func (t *Turns) pass() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.waiting) == 0 {
		t.free++
		return
	}
	close(t.waiting[0].given)
	t.waiting = slices.Delete(t.waiting, 0, 1)
}

// leave takes back a wait, and passes on a turn that was given meanwhile.
func (t *Turns) leave(w *waiter) {
	t.mu.Lock()
	at := slices.Index(t.waiting, w)
	if at >= 0 {
		t.waiting = slices.Delete(t.waiting, at, at+1)
	}
	t.mu.Unlock()
	if at < 0 {
		t.pass()
	}
}

// wrote notes that scores are durable.
func (s *Seat) wrote() {
	if s == nil {
		return
	}
	s.turns.mu.Lock()
	defer s.turns.mu.Unlock()
	s.rank = served
}
