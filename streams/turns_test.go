package streams_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams"
)

// A slowScorer takes a second a batch, and tells of each.
type slowScorer struct {
	flatwatt.Scorer
	tell func()
}

func (s slowScorer) Score(dst []flatwatt.Score, rs []flatwatt.Reading) []flatwatt.Score {
	time.Sleep(time.Second)
	s.tell()
	return s.Scorer.Score(dst, rs)
}

// Eight parts have five days to score, and a processor for one. The second batch closes a
// day: the first scores are there when three parts have begun, rather than all of them.
func TestWhoHasNoScoresYetGoesInTheOrderOfSeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := streams.NewTurns(1)
		var order []int
		done := make(chan error)
		for part := range 8 {
			p := newWorld(days(5, 1), 1).pipeline()
			p.Seat = turns.Join()
			p.Scorer = slowScorer{p.Scorer, func() { order = append(order, part) }}
			go func() { done <- p.Run(t.Context()) }()
		}
		for range 8 {
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		}
		begun := map[int]int{}
		for _, part := range order {
			if begun[part]++; begun[part] == 2 {
				break
			}
		}
		if len(order) != 8*5 || len(begun) > 3 {
			t.Errorf("%d parts had begun when the first closed a day, want 3 at most; batches were scored in the order %v", len(begun), order)
		}
	})
}

func TestTurnsPassWhoHasLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := streams.NewTurns(1)
		done, err := turns.Join().Take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		left := make(chan error)
		go func() {
			_, err := turns.Join().Take(ctx)
			left <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Errorf("who left got %v, want that its context ended", err)
		}
		done()
		again, err := turns.Join().Take(t.Context()) // would wait for ever
		if err != nil {
			t.Fatal(err)
		}
		again()
	})
}

// A turn that is given to one who leaves at that moment goes to the next.
func TestATurnGivenToOneWhoLeavesIsPassedOn(t *testing.T) {
	for range 200 {
		turns := streams.NewTurns(1)
		done, err := turns.Join().Take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		gone := make(chan struct{})
		go func() {
			defer close(gone)
			if end, err := turns.Join().Take(ctx); err == nil {
				end()
			}
		}()
		go cancel()
		go done()
		<-gone
		again, err := turns.Join().Take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		again()
	}
}
