package streams_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams"
	"github.com/flatwatt/flatwatt/streams/memory"
)

// days is a stream with one reading of each meter a day, a message a day.
func days(n, meters int) []memory.Message {
	ms := make([]memory.Message, n)
	for d := range ms {
		for m := range meters {
			ms[d].Readings = append(ms[d].Readings, flatwatt.Reading{
				Meter: flatwatt.MeterID(fmt.Sprint(m)), Length: time.Hour, Energy: 1,
				Start: time.Date(2026, 1, 1+d, 0, 0, 0, 0, time.UTC),
			})
		}
	}
	return ms
}

func (w *world) pipeline() streams.Pipeline {
	return streams.Pipeline{
		Open: w.stream.Open, Scorer: newTally(noBug), Sink: w.sink, Rejects: w.rejects, Checkpoints: w.saved, SaveEvery: 1,
	}
}

// An early end must not spoil a later resume: the open day is judged, but remembered open.
func TestEarlyCloseIsNotRemembered(t *testing.T) {
	w := newWorld(days(2, 1), 1)
	half := w.stream.Messages[1].Readings[0]
	half.Start = half.Start.Add(6 * time.Hour)
	w.stream.Messages = append(w.stream.Messages, memory.Message{Readings: []flatwatt.Reading{half}})
	all := w.stream.Messages
	w.stream.Messages = all[:2] // the second day is half read
	for _, step := range []struct {
		messages []memory.Message
		want     float64 // kWh of day 2 above day 1's
	}{{all[:2], 0}, {all, 1}} {
		w.stream.Messages = step.messages
		if err := w.pipeline().Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		got := w.sink.Sorted()
		if len(got) != 2 || got[1].LogOdds != step.want {
			t.Errorf("after %d messages: scores %v, want the second with log-odds %v", len(step.messages), text(got), step.want)
		}
	}
}

func TestScoresAreWrittenInChunks(t *testing.T) {
	for _, c := range []struct{ meters, writes int }{
		{streams.MaxScoresPerWrite, 1}, {streams.MaxScoresPerWrite + 1, 2},
	} {
		w := newWorld(days(1, c.meters), 1) // closed at the end only
		if err := w.pipeline().Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if w.sink.Writes != c.writes || len(w.sink.Scores) != c.meters {
			t.Errorf("%d meters: %d writes of %d scores, want %d writes", c.meters, w.sink.Writes, len(w.sink.Scores), c.writes)
		}
	}
}

func TestSaveEveryCountsPieces(t *testing.T) {
	f := func(messages []memory.Message, every, wantSaves int) {
		t.Helper()
		w := newWorld(messages, 1)
		p := w.pipeline()
		p.SaveEvery = every
		if err := p.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if w.saved.Saves != wantSaves {
			t.Errorf("%d saves, want %d", w.saved.Saves, wantSaves)
		}
		if w.saved.Latest.Position != flatwatt.Position(len(messages)) {
			t.Errorf("saved position %d, want %d", w.saved.Latest.Position, len(messages))
		}
	}
	f(days(10, 3), 6, 5)
	f(days(10, 3), 7, 4)                                    // 9, 18, 27, and 3 at the end
	f(make([]memory.Message, 10), 5, 2)                     // empty messages move the position too
	f(days(3, 1), 1000, 1)                                  // only at the end
	f([]memory.Message{{Rejected: badPieces(4)}, {}}, 4, 2) // rejects count
}

func badPieces(n int) []flatwatt.Rejected {
	ps := make([]flatwatt.Rejected, n)
	for i := range ps {
		ps[i] = flatwatt.Rejected{Where: fmt.Sprint(i)}
	}
	return ps
}

// The pauses double up to the longest; the last error is returned and nothing is saved.
func TestRetryIsBounded(t *testing.T) {
	w := newWorld(days(2, 1), 1)
	w.sink.Fault = func(int) (int, error) { return 0, errInjected }
	var pauses []time.Duration
	p := w.pipeline()
	p.Retry = streams.Retry{Attempts: 5, First: time.Second, Longest: 3 * time.Second, Sleep: func(_ context.Context, d time.Duration) error {
		pauses = append(pauses, d)
		return nil
	}}
	retried := 0
	p.Hooks.Retried = func(string, int, error) { retried++ }
	if err := p.Run(t.Context()); !errors.Is(err, errInjected) {
		t.Errorf("error %v, want %v", err, errInjected)
	}
	want := []time.Duration{time.Second, 2 * time.Second, 3 * time.Second, 3 * time.Second}
	if !slices.Equal(pauses, want) || retried != len(want) || w.sink.Writes != 5 {
		t.Errorf("pauses %v, %d retries, %d writes; want %v", pauses, retried, w.sink.Writes, want)
	}
	if w.saved.Latest.Position > 1 {
		t.Errorf("saved position %d, past scores that are not durable", w.saved.Latest.Position)
	}
}

func TestPermanentFaultsAreNotRetried(t *testing.T) {
	w := newWorld(days(2, 1), 1)
	w.sink.Fault = func(int) (int, error) { return 0, fmt.Errorf("wrapped: %w", streams.Permanent(errInjected)) }
	if err := w.pipeline().Run(t.Context()); !errors.Is(err, errInjected) || w.sink.Writes != 1 {
		t.Errorf("error %v after %d writes, want %v after one", err, w.sink.Writes, errInjected)
	}
}

// The default pauses sum up to about 16 s of fake time, and ctx cuts them short.
func TestDefaultRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(days(2, 1), 1)
		w.sink.Fault = func(int) (int, error) { return 0, errInjected }
		begin := time.Now()
		if err := w.pipeline().Run(t.Context()); !errors.Is(err, errInjected) {
			t.Error(err)
		}
		if took := time.Since(begin); took != 16300*time.Millisecond {
			t.Errorf("gave up after %v", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begin = time.Now()
		err := w.pipeline().Run(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, errInjected) || time.Since(begin) != time.Second {
			t.Errorf("error %v after %v, want both after 1 s", err, time.Since(begin))
		}
	})
}

func TestHalfWiredPipelineIsRefused(t *testing.T) {
	for i := range 5 {
		p := newWorld(days(1, 1), 1).pipeline()
		switch i {
		case 0:
			p.Open = nil
		case 1:
			p.Scorer = nil
		case 2:
			p.Sink = nil
		case 3:
			p.Rejects = nil
		case 4:
			p.Checkpoints = nil
		}
		if err := p.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "must all be set") {
			t.Errorf("field %d missing: error %v", i, err)
		}
	}
}

type backward struct{ closed *bool }

func (backward) Read(context.Context) (flatwatt.Batch, error) { return flatwatt.Batch{Next: 3}, nil }
func (b backward) Close() error                               { *b.closed = true; return nil }

func TestSourceMustNotGoBackAndIsClosed(t *testing.T) {
	w, closed := newWorld(nil, 1), false
	w.saved.Latest.Position = 4
	p := w.pipeline()
	p.Open = func(context.Context, flatwatt.Position) (flatwatt.Source, error) { return backward{&closed}, nil }
	if err := p.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "from position 4 to 3") || !closed {
		t.Errorf("error %v, closed %v", err, closed)
	}
}

func TestCheckpointPastTheEndIsRefused(t *testing.T) {
	w := newWorld(days(2, 1), 1)
	w.saved.Latest.Position = 3
	if err := w.pipeline().Run(t.Context()); err == nil || !strings.Contains(err.Error(), "past the end") {
		t.Errorf("error %v", err)
	}
}
