package streams_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams"
	"github.com/flatwatt/flatwatt/streams/memory"
)

var (
	firstSeed = flag.Uint64("seed", 1, "first seed of the simulation")
	seeds     = flag.Uint64("seeds", 3000, "seeds of the simulation")
)

var errInjected = errors.New("injected")

// A mutation is a planted bug. Those of the loop are planted in the ends, where a
// different order of durable effects is all that can be seen of the loop anyway.
type mutation struct {
	name   string
	scorer tallyBug
	plant  func(p *streams.Pipeline, w *world)
}

// mutations lists the bugs that the simulation is known to catch.
var mutations = []mutation{
	{name: "checkpoint before scores", plant: func(p *streams.Pipeline, _ *world) { p.Sink = &lateSink{Sink: p.Sink} }},
	{name: "checkpoint before rejects", plant: func(p *streams.Pipeline, _ *world) { p.Rejects = &lateRejects{Rejects: p.Rejects} }},
	{name: "position without memory", plant: func(p *streams.Pipeline, w *world) {
		p.Checkpoints = &edited{p.Checkpoints, func(c *flatwatt.Checkpoint) { c.State = w.saved.Latest.State }}
	}},
	{name: "memory without position", plant: func(p *streams.Pipeline, w *world) {
		p.Checkpoints = &edited{p.Checkpoints, func(c *flatwatt.Checkpoint) { c.Position = w.saved.Latest.Position }}
	}},
	{name: "position one too far", plant: func(p *streams.Pipeline, w *world) {
		p.Checkpoints = &edited{p.Checkpoints, func(c *flatwatt.Checkpoint) {
			c.Position = min(c.Position+1, flatwatt.Position(len(w.stream.Messages)))
		}}
	}},
	{name: "failed writes taken for done", plant: func(p *streams.Pipeline, _ *world) { p.Sink = deafSink{p.Sink} }},
	{name: "closed memory saved", plant: func(p *streams.Pipeline, _ *world) { p.SaveClosed = true }},
	{name: "a counter not in the state", scorer: forgetsLate},
	{name: "open day not in the state", scorer: forgetsOpen},
	{name: "map order", scorer: ordersByMap},
	{name: "restoring adds", scorer: keepsOldMemo},
}

// TestSimulation checks that faults change nothing: whatever fails, and whether or not
// a failed effect was kept, restarting until the stream ends leaves the scores, the
// rejects and the memory of a run in which nothing failed.
func TestSimulation(t *testing.T) {
	n := *seeds
	if testing.Short() {
		n = min(n, 300)
	}
	synctest.Test(t, func(t *testing.T) { // whose clock says when a save behind the loop ends
		crashes := 0
		for s := *firstSeed; s < *firstSeed+n; s++ {
			c, err := simulate(s, mutation{})
			if err != nil {
				t.Fatalf("-seed %d: %v", s, err)
			}
			crashes += c
		}
		if crashes < int(n) {
			t.Errorf("only %d crashes in %d seeds: the simulation no longer tests recovery", crashes, n)
		}
	})
}

// TestSimulationCatches checks the checker: each planted bug is found within 300 seeds.
func TestSimulationCatches(t *testing.T) {
	for _, m := range mutations {
		t.Run(m.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for s := uint64(1); s <= 300; s++ {
					if _, err := simulate(s, m); err != nil {
						t.Logf("seed %d: %v", s, err)
						return
					}
				}
				t.Error("not caught")
			})
		})
	}
}

// A world is what outlives a process.
type world struct {
	stream  *memory.Stream
	sink    *memory.Sink
	rejects *memory.Rejects
	saved   *memory.Checkpoints
	behind  bool // checkpoints are stored while the loop goes on
	first   int  // Pipeline.SaveFirst
	storing atomic.Bool
	overrun bool // Run returned while a checkpoint was being stored
}

func newWorld(messages []memory.Message, perBatch int) *world {
	return &world{
		stream: &memory.Stream{Messages: messages, PerBatch: perBatch},
		sink:   &memory.Sink{}, rejects: &memory.Rejects{}, saved: &memory.Checkpoints{},
	}
}

// simulate runs one seed and returns how often the process died.
func simulate(seed uint64, m mutation) (crashes int, err error) {
	rng := rand.New(rand.NewPCG(seed, 0))
	messages := generate(rng)
	perBatch, saveEvery := 1+rng.IntN(3), 1+rng.IntN(60)
	behind, first := rng.IntN(2) == 0, rng.IntN(saveEvery+1)

	want, err := expected(messages)
	if err != nil {
		return 0, err
	}
	got := newWorld(messages, perBatch)
	got.behind, got.first = behind, first
	got.inject(rng, 8+rng.IntN(40)) // more often, and some seeds never reach a checkpoint
	scorer := newTally(m.scorer)
	// First the stream seems to end early, perhaps in the middle of a day; then it goes on.
	for _, end := range []int{rng.IntN(len(messages)), len(messages)} {
		got.stream.Messages = messages[:end]
		for got.live(m, scorer, saveEvery) != nil {
			if crashes++; crashes > 10_000 {
				return crashes, errors.New("no progress")
			}
			if rng.IntN(2) == 0 || len(got.saved.Latest.State) == 0 {
				scorer = newTally(m.scorer) // else restoring must replace what it remembers
			}
			if err := got.check(messages); err != nil {
				return crashes, fmt.Errorf("after crash %d: %w", crashes, err)
			}
		}
	}
	if text(got.sink.Sorted()) != text(want.sink.Sorted()) {
		return crashes, fmt.Errorf("scores differ after %d crashes", crashes)
	}
	if text(got.rejects.Pieces) != text(want.rejects.Pieces) {
		return crashes, fmt.Errorf("rejects differ after %d crashes", crashes)
	}
	if !bytes.Equal(got.saved.Latest.State, want.saved.Latest.State) {
		return crashes, fmt.Errorf("memory differs after %d crashes", crashes)
	}
	return crashes, nil
}

// expected is what must be left in the end, found without the loop: all messages in order.
func expected(messages []memory.Message) (*world, error) {
	w, naive := newWorld(messages, 1), newTally(noBug)
	var scores []flatwatt.Score
	for _, m := range messages {
		scores = naive.Score(scores, m.Readings)
		if err := w.rejects.Reject(context.Background(), m.Rejected); err != nil {
			return nil, err
		}
	}
	state, err := naive.AppendBinary(nil)
	if err != nil {
		return nil, err
	}
	w.saved.Latest = flatwatt.Checkpoint{Position: flatwatt.Position(len(messages)), State: state}
	return w, w.sink.Write(context.Background(), naive.Close(scores))
}

// live is one life of the process.
func (w *world) live(m mutation, scorer flatwatt.Scorer, saveEvery int) error {
	p := streams.Pipeline{
		Open: w.stream.Open, Scorer: scorer, Sink: w.sink, Rejects: w.rejects,
		Checkpoints: w.saved, SaveEvery: saveEvery, SaveFirst: w.first, SaveBehind: w.behind,
		Retry: streams.Retry{Attempts: 2, Sleep: func(context.Context, time.Duration) error { return nil }},
	}
	if m.plant != nil {
		m.plant(&p, w)
	}
	err := p.Run(context.Background())
	w.overrun = w.overrun || w.storing.Load()
	return err
}

// inject makes every end fail one time in oneIn, half of the effects kept, or a part.
func (w *world) inject(rng *rand.Rand, oneIn int) {
	fails := func() bool { return rng.IntN(oneIn) == 0 }
	saves := rand.New(rand.NewPCG(rng.Uint64(), 1)) // which may go on behind the loop
	part := func(n int) (int, error) {
		if fails() {
			return rng.IntN(n + 1), errInjected
		}
		return n, nil
	}
	w.sink.Fault, w.rejects.Fault = part, part
	w.stream.Fault = func() error {
		if w.behind {
			time.Sleep(time.Millisecond)
		}
		if fails() {
			return errInjected
		}
		return nil
	}
	w.saved.Fault = func() (bool, error) {
		w.storing.Store(true)
		defer w.storing.Store(false)
		if w.behind { // for some messages; never at the moment of a Read
			time.Sleep(time.Duration(saves.IntN(10))*time.Millisecond + time.Microsecond)
		}
		if saves.IntN(oneIn) == 0 {
			return saves.IntN(2) == 0, errInjected
		}
		return true, nil
	}
}

// check verifies what must hold after every crash: the checkpoint is the memory of
// exactly the messages before it, and all that they gave is durable.
func (w *world) check(messages []memory.Message) error {
	if w.overrun {
		return errors.New("the loop has ended while a checkpoint is being stored")
	}
	c := w.saved.Latest
	naive, rejects := newTally(noBug), 0
	var scores []flatwatt.Score
	for _, m := range messages[:c.Position] {
		scores = naive.Score(scores, m.Readings)
		rejects += len(m.Rejected)
	}
	state, err := naive.AppendBinary(nil)
	if err != nil {
		return err
	}
	if !bytes.Equal(state, c.State) {
		return fmt.Errorf("checkpoint at %d is not the memory of what lies before it", c.Position)
	}
	for _, s := range scores {
		key := memory.Key{Meter: s.Meter, Day: s.Day, Detector: s.Detector}
		if kept, ok := w.sink.Scores[key]; !ok || text([]flatwatt.Score{kept}) != text([]flatwatt.Score{s}) {
			return fmt.Errorf("checkpoint at %d covers the score %v, which is not durable", c.Position, key)
		}
	}
	if len(w.rejects.Pieces) < rejects {
		return fmt.Errorf("checkpoint at %d covers %d rejects, only %d are durable", c.Position, rejects, len(w.rejects.Pieces))
	}
	return nil
}

// generate returns a stream that moves every piece of a tally's memory: late, repeated
// and out-of-order readings, lasting changes, rejects and empty messages.
func generate(rng *rand.Rand) []memory.Message {
	messages := make([]memory.Message, 8+rng.IntN(40))
	meters := 1 + rng.IntN(4)
	start := time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)
	level, row := 1.0, 0
	for i := range messages {
		m := &messages[i]
		for range rng.IntN(8) {
			row++
			lag := rng.IntN(4)
			if rng.IntN(10) == 0 {
				lag = rng.IntN(20) // late by up to five days
			}
			m.Readings = append(m.Readings, flatwatt.Reading{
				Meter: flatwatt.MeterID(fmt.Sprint("m", rng.IntN(meters))), Length: time.Hour,
				Start:  start.Add(time.Duration(row/meters-lag) * 6 * time.Hour),
				Energy: flatwatt.KWh(level + rng.Float64()),
			})
		}
		if rng.IntN(10) == 0 {
			level += 3
		}
		if rng.IntN(6) == 0 {
			m.Rejected = append(m.Rejected, flatwatt.Rejected{Where: fmt.Sprint("message ", i), Field: "energy_kwh", Raw: []byte{byte(i)}})
		}
	}
	return messages
}

// lateSink acknowledges scores and writes them at the next call.
type lateSink struct {
	flatwatt.Sink
	held []flatwatt.Score
}

func (s *lateSink) Write(ctx context.Context, scores []flatwatt.Score) error {
	err := s.Sink.Write(ctx, s.held)
	s.held = append([]flatwatt.Score(nil), scores...)
	return err
}

// lateRejects does the same with rejects.
type lateRejects struct {
	streams.Rejects
	held []flatwatt.Rejected
}

func (r *lateRejects) Reject(ctx context.Context, pieces []flatwatt.Rejected) error {
	err := r.Rejects.Reject(ctx, r.held)
	r.held = append([]flatwatt.Rejected(nil), pieces...)
	return err
}

// edited changes what is saved.
type edited struct {
	flatwatt.Checkpoints
	edit func(*flatwatt.Checkpoint)
}

func (e *edited) Save(ctx context.Context, c flatwatt.Checkpoint) error {
	e.edit(&c)
	return e.Checkpoints.Save(ctx, c)
}

// deafSink does not hear of errors.
type deafSink struct{ flatwatt.Sink }

func (s deafSink) Write(ctx context.Context, scores []flatwatt.Score) error {
	_ = s.Sink.Write(ctx, scores)
	return nil
}
