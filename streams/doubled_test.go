package streams_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams"
)

// A doubledBug is a mistake that only shows where several workers score the same bucket.
type doubledBug int

const (
	noDoubledBug doubledBug = iota
	blindSave               // the checkpoint is replaced whatever its revision
	staleLoad               // a worker saves against a revision that it did not load with
	scorerKept              // after a failure the old memory scores on from the checkpoint
	skipsAhead              // a worker resumes at its predecessor's place with the older memory
)

// A stage lets workers act one at a time, in an order that the seed decides: between any
// two of their effects another may have its turn, or many.
type stage struct {
	rng     *rand.Rand
	turns   []chan struct{}
	yielded chan struct{}
}

// wait gives the turn back and waits for the next.
func (s *stage) wait(worker int) {
	s.yielded <- struct{}{}
	<-s.turns[worker]
}

// A desk is one worker's view of the world that all share.
type desk struct {
	*stage
	worker   int
	world    *world
	shared   *sharedCheckpoint
	revision int
	bug      doubledBug
	oneIn    int
}

// A sharedCheckpoint is replaced by compare-and-swap.
type sharedCheckpoint struct {
	revision int
	latest   flatwatt.Checkpoint
	wentBack error // or came to no end
}

func (d *desk) Load(context.Context) (flatwatt.Checkpoint, error) {
	d.wait(d.worker)
	d.revision = d.shared.revision
	c := d.shared.latest
	return flatwatt.Checkpoint{Position: c.Position, State: slices.Clone(c.State)}, nil
}

func (d *desk) Save(_ context.Context, c flatwatt.Checkpoint) error {
	d.wait(d.worker)
	if d.bug == staleLoad {
		d.revision = d.shared.revision
	}
	if d.revision != d.shared.revision && d.bug != blindSave {
		return errors.New("fenced")
	}
	fails := d.rng.IntN(d.oneIn) == 0
	if fails && d.rng.IntN(2) == 0 {
		return errInjected
	}
	if c.Position < d.shared.latest.Position {
		d.shared.wentBack = fmt.Errorf("the checkpoint went back from %d to %d", d.shared.latest.Position, c.Position)
	}
	d.shared.latest = flatwatt.Checkpoint{Position: c.Position, State: slices.Clone(c.State)}
	d.shared.revision++
	d.revision = d.shared.revision
	if fails {
		return errInjected // yet it was kept
	}
	return nil
}

// Write writes in two parts, so that another worker may write in between.
func (d *desk) Write(ctx context.Context, scores []flatwatt.Score) error {
	half := d.rng.IntN(len(scores) + 1)
	for _, part := range [][]flatwatt.Score{scores[:half], scores[half:]} {
		d.wait(d.worker)
		if err := d.world.sink.Write(ctx, part); err != nil {
			return err
		}
	}
	return nil
}

func (d *desk) Reject(ctx context.Context, pieces []flatwatt.Rejected) error {
	d.wait(d.worker)
	return d.world.rejects.Reject(ctx, pieces)
}

// work lives again and again until it has once come to the end of the stream.
func (d *desk) work(saveEvery int) {
	scorer := newTally(noBug)
	for lives := 0; ; lives++ {
		if lives > 10_000 {
			d.shared.wentBack = errors.New("no progress")
			return
		}
		p := streams.Pipeline{
			Open: func(ctx context.Context, from flatwatt.Position) (flatwatt.Source, error) {
				d.wait(d.worker)
				if d.bug == skipsAhead {
					from = max(from, d.shared.latest.Position)
				}
				return d.world.stream.Open(ctx, from)
			},
			Scorer: scorer, Sink: d, Rejects: d, Checkpoints: d, SaveEvery: saveEvery,
			Retry: streams.Retry{Attempts: 2, Sleep: func(context.Context, time.Duration) error { return nil }},
		}
		if p.Run(context.Background()) == nil {
			return
		}
		if d.bug != scorerKept {
			scorer = newTally(noBug)
		}
	}
}

// simulateDoubled has up to four workers score the same bucket at the same time. Nobody
// keeps them apart but the checkpoint's compare-and-swap; some stand still for long and go
// on where they were. The result must be that of one worker, and the checkpoint must
// never go back.
func simulateDoubled(seed uint64, bug doubledBug) error {
	rng := rand.New(rand.NewPCG(seed, 2))
	messages := generate(rng)
	saveEvery := 1 + rng.IntN(40)
	want, err := expected(messages)
	if err != nil {
		return err
	}
	oneIn := 8 + rng.IntN(40)
	got := newWorld(messages, 1+rng.IntN(3))
	got.inject(rng, oneIn)
	s := &stage{rng: rng, yielded: make(chan struct{})}
	shared := &sharedCheckpoint{}
	n := 2 + rng.IntN(3)
	ended := make([]bool, n)
	for i := range n {
		s.turns = append(s.turns, make(chan struct{}))
		d := &desk{stage: s, worker: i, world: got, shared: shared, bug: bug, oneIn: oneIn}
		go func() {
			<-s.turns[i]
			d.work(saveEvery)
			ended[i] = true
			s.yielded <- struct{}{}
		}()
	}
	s.run(ended)
	switch {
	case shared.wentBack != nil:
		return shared.wentBack
	case text(got.sink.Sorted()) != text(want.sink.Sorted()):
		return errors.New("scores differ")
	case len(got.rejects.Pieces) != len(want.rejects.Pieces):
		return fmt.Errorf("%d rejects, want %d", len(got.rejects.Pieces), len(want.rejects.Pieces))
	case string(shared.latest.State) != string(want.saved.Latest.State):
		return errors.New("memory differs")
	}
	return nil
}

// run gives turns until all workers have ended. A worker gets runs of turns, so that the
// others stand still for as long.
func (s *stage) run(ended []bool) {
	current, rest := 0, 0
	for left := len(ended); left > 0; rest-- {
		if rest <= 0 || ended[current] {
			current, rest = s.rng.IntN(len(ended)), 1+s.rng.IntN(60)
			if s.rng.IntN(2) == 0 {
				rest = 1
			}
		}
		if ended[current] {
			continue
		}
		s.turns[current] <- struct{}{}
		<-s.yielded
		if ended[current] {
			left--
		}
	}
}

func TestDoubledSimulation(t *testing.T) {
	n := *seeds / 3 // each costs that of three
	if testing.Short() {
		n = min(n, 300)
	}
	for s := *firstSeed; s < *firstSeed+n; s++ {
		if err := simulateDoubled(s, noDoubledBug); err != nil {
			t.Fatalf("-seed %d: %v", s, err)
		}
	}
}

// TestDoubledSimulationCatches plants bugs; each is found within 300 seeds.
func TestDoubledSimulationCatches(t *testing.T) {
	for name, bug := range map[string]doubledBug{
		"blind save": blindSave, "save against a revision not loaded": staleLoad, "memory kept after a failure": scorerKept, "place without its memory": skipsAhead,
	} {
		t.Run(name, func(t *testing.T) {
			for s := uint64(1); s <= 300; s++ {
				if err := simulateDoubled(s, bug); err != nil {
					t.Logf("seed %d: %v", s, err)
					return
				}
			}
			t.Error("not caught")
		})
	}
}
