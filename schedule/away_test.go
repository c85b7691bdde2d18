package schedule

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	js "github.com/nats-io/nats.go/jetstream"
)

// A bucket keeps the record of one job. It is away at times, and replies get lost.
type bucket struct {
	js.KeyValue
	mu    sync.Mutex // guards all below
	value []byte
	rev   uint64
	away  time.Time   // until then
	lose  func() bool // whether the reply to this write is lost
}

type entry struct {
	js.KeyValueEntry
	value []byte
	rev   uint64
}

func (e entry) Value() []byte    { return e.value }
func (e entry) Revision() uint64 { return e.rev }

var errAway = errors.New("nats: timeout")

func (b *bucket) Get(context.Context, string) (js.KeyValueEntry, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case time.Now().Before(b.away):
		return nil, errAway
	case b.rev == 0:
		return nil, js.ErrKeyNotFound
	}
	return entry{value: b.value, rev: b.rev}, nil
}

func (b *bucket) Update(_ context.Context, _ string, value []byte, rev uint64) (uint64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if time.Now().Before(b.away) {
		return 0, errAway
	}
	if rev != b.rev {
		return 0, js.ErrKeyExists
	}
	b.value, b.rev = value, rev+1
	if b.lose != nil && b.lose() {
		b.lose = nil
		return 0, errAway
	}
	return b.rev, nil
}

func (b *bucket) Create(ctx context.Context, key string, value []byte, _ ...js.KVCreateOpt) (uint64, error) {
	return b.Update(ctx, key, value, 0)
}

func (b *bucket) leave(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.away = time.Now().Add(d)
}

// lines are what a worker wrote to its ledger.
type lines struct {
	mu   sync.Mutex // guards list
	list []Run
}

func (l *lines) Put(_ context.Context, r Run) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, r)
	return nil
}

// alone has one worker run a job each second for so many seconds of fake time, and returns
// what it wrote when runs ended. do is told the number of the run.
func alone(t *testing.T, overlap Overlap, seconds int, b *bucket, do func(ctx context.Context, n int) error) (list []Run) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		when, err := ParseWhen("@every 1s", nil)
		if err != nil {
			t.Fatal(err)
		}
		l, n := &lines{}, 0
		w := &Worker{
			Name: "w", Jobs: []Job{{Name: "j", When: when, Overlap: overlap, Missed: Once, Command: []string{"x"}}},
			Records: &Records{b}, Ledger: l, TTL: 3 * time.Second, Tick: 200 * time.Millisecond,
			Do: func(ctx context.Context, _ Job) (Result, error) { n++; return Result{}, do(ctx, n) },
		}
		ctx, stop := context.WithTimeout(t.Context(), time.Duration(seconds)*time.Second+100*time.Millisecond)
		defer stop()
		_ = w.Run(ctx)
		for _, r := range l.list {
			if r.Outcome != Running {
				list = append(list, r)
			}
		}
	})
	return list
}

func count(list []Run, o Outcome) (n int) {
	for _, r := range list {
		if r.Outcome == o {
			n++
		}
	}
	return n
}

// A claim that stays after its run keeps all later runs from being made, for where one
// worker is nobody else takes it over.
func TestAJobGoesOnAfterAnOutageAtItsEnd(t *testing.T) {
	for _, c := range []struct {
		outage  time.Duration
		overlap Overlap
		least   int // of 20 runs
	}{
		{300 * time.Millisecond, Skip, 19},
		{10 * time.Second, Skip, 9}, // longer than is tried to let go
		{10 * time.Second, Queue, 9},
	} {
		t.Run(fmt.Sprint(c.outage, " ", c.overlap), func(t *testing.T) {
			b := &bucket{}
			list := alone(t, c.overlap, 20, b, func(_ context.Context, n int) error {
				if n == 2 {
					b.leave(c.outage)
				}
				return nil
			})
			if n := count(list, Done); n < c.least || n != len(list) {
				t.Errorf("%d done of %d: %+v; want %d or more, and no other", n, len(list), list, c.least)
			}
		})
	}
}

// The claim was made, and the worker does not know.
func TestAClaimWhoseReplyIsLostIsCarriedOut(t *testing.T) {
	writes := 0
	b := &bucket{lose: func() bool { writes++; return writes == 2 }} // the first is that of a new job
	list := alone(t, Skip, 5, b, func(context.Context, int) error { return nil })
	if n := count(list, Done); n != 5 || n != len(list) || list[0].Attempt != 1 {
		t.Errorf("%+v; want five done, the first at its first attempt", list)
	}
}

func TestAReleaseWhoseReplyIsLostIsMade(t *testing.T) {
	writes := 0
	b := &bucket{lose: func() bool { writes++; return writes == 3 }}
	list := alone(t, Skip, 5, b, func(context.Context, int) error { return nil })
	if n := count(list, Done); n != 5 || n != len(list) {
		t.Errorf("%+v; want five done", list)
	}
}

// A run that could not be renewed is cut off; who is alone takes it over from itself.
func TestAWorkerTakesItsOwnLostRunOver(t *testing.T) {
	b := &bucket{}
	list := alone(t, Skip, 20, b, func(ctx context.Context, n int) error {
		if n == 1 {
			b.leave(6 * time.Second)
			<-ctx.Done()
			return context.Cause(ctx)
		}
		return nil
	})
	list = slices.DeleteFunc(list, func(r Run) bool { return r.Outcome == Skipped }) // due while the first was under way
	if len(list) < 10 || list[0].Outcome != Done || list[0].Attempt != 2 || count(list, Done) != len(list) {
		t.Errorf("%+v; want the first run done at its second attempt, and those after", list)
	}
}
