package streams

import (
	"context"
	"fmt"

	"github.com/flatwatt/flatwatt"
)

// A run is one life of a Pipeline. Run's goroutine owns it.
type run struct {
	Pipeline
	source  flatwatt.Source
	scores  []flatwatt.Score
	state   []byte            // reused between saves; Checkpoints must not keep it
	next    flatwatt.Position // just after what Scorer has absorbed
	saved   flatwatt.Position // of the last checkpoint, saved or being saved
	unsaved int               // pieces absorbed since the last checkpoint
	saving  chan error        // the save that goes on behind, nil: none
}

// maxKeptScores is for how many scores there is room from one batch to the next; a score
// takes half a kilobyte, and the next day closes in a day.
const maxKeptScores = 1 << 14

// step makes one batch durable, and now and then the memory of it.
func (r *run) step(ctx context.Context, batch flatwatt.Batch) error {
	if batch.Next < r.next {
		return fmt.Errorf("source went back from position %d to %d", r.next, batch.Next)
	}
	if err := r.settled(); err != nil {
		return err
	}
	if err := r.score(ctx, batch.Readings); err != nil {
		return err
	}
	// A crash here loses memory only: nothing of the batch is durable, all is read again.
	if err := r.reject(ctx, batch.Rejected); err != nil {
		return err
	}
	// A crash here keeps rejects that will be rejected again, with the same identity.
	if err := r.write(ctx, r.scores); err != nil {
		return err
	}
	// A crash here keeps scores, all of them or some chunks, that will be written
	// again with the same values.
	r.next = batch.Next
	if len(r.scores) > 0 {
		r.Seat.wrote()
	}
	if r.Hooks.Scored != nil {
		r.Hooks.Scored(batch, r.scores)
	}
	if cap(r.scores) > maxKeptScores { // a day closed: not until the next one
		r.scores = nil
	}
	// A batch counts for one at least, so that empty messages move the position too.
	pieces := len(batch.Readings) + len(batch.Rejected)
	r.unsaved += max(1, pieces)
	if r.unsaved < r.SaveEvery && (pieces > 0 || r.next-r.saved < r.SaveSpan) {
		return nil
	}
	return r.save(ctx)
	// A crash here resumes after the batch: it repeats nothing.
}

// score waits for its turn, and is done with it before the sink has any work.
func (r *run) score(ctx context.Context, readings []flatwatt.Reading) error {
	done, err := r.Seat.Take(ctx)
	if err != nil {
		return err
	}
	defer done()
	r.scores = r.Scorer.Score(r.scores[:0], readings)
	return nil
}

// end finishes a bounded source. It saves first and closes afterwards, without
// saving again. Close judges days that are still open, as if no more readings came;
// a checkpoint after it would remember them as closed, and when the stream later goes
// on, their remaining readings would be late and dropped. So the memory that is kept
// is the one with open days; a later run absorbs the rest of them, closes them in
// full, and its scores replace these early ones (same meter, day, detector).
// Running to the end twice closes twice, with the same scores.
func (r *run) end(ctx context.Context) error {
	if r.unsaved > 0 {
		if err := r.save(ctx); err != nil {
			return err
		}
	}
	if err := r.settle(); err != nil {
		return err
	}
	// A crash here resumes at the end of the source and comes straight back to Close.
	r.scores = r.Scorer.Close(r.scores[:0])
	if err := r.write(ctx, r.scores); err != nil {
		return err
	}
	// A crash here writes the same scores again.
	if r.Hooks.Closed != nil {
		r.Hooks.Closed(r.scores)
	}
	if r.SaveClosed {
		if err := r.save(ctx); err != nil {
			return err
		}
		return r.settle()
	}
	return nil
}

func (r *run) reject(ctx context.Context, pieces []flatwatt.Rejected) error {
	if len(pieces) == 0 {
		return nil
	}
	err := r.Retry.do(ctx, func() error { return r.Rejects.Reject(ctx, pieces) }, r.retried("keep rejects"))
	if err != nil {
		return fmt.Errorf("keep %d rejects after position %d: %w", len(pieces), r.next, err)
	}
	return nil
}

// write hands scores to the sink in chunks. Retrying a chunk is safe because writing
// a score again replaces it.
func (r *run) write(ctx context.Context, scores []flatwatt.Score) error {
	for len(scores) > 0 {
		chunk := scores[:min(len(scores), MaxScoresPerWrite)]
		err := r.Retry.do(ctx, func() error { return r.Sink.Write(ctx, chunk) }, r.retried("write scores"))
		if err != nil {
			return fmt.Errorf("write %d scores after position %d: %w", len(chunk), r.next, err)
		}
		scores = scores[len(chunk):]
	}
	return nil
}

// save is not retried: after a failure nobody knows whether the checkpoint was kept,
// and a second try against a compare-and-swap would then conflict with the first.
// A restart loads whichever one is there; both are right.
//
// The memory is encoded here and now, so position and memory belong together. With
// SaveBehind it is stored while scoring goes on: what it covers is durable already, so it
// may become durable at any later moment. One save at a time.
func (r *run) save(ctx context.Context) (err error) {
	if err := r.settle(); err != nil {
		return err
	}
	if r.state, err = r.Scorer.AppendBinary(r.state[:0]); err != nil {
		return fmt.Errorf("encode memory at position %d: %w", r.next, err)
	}
	c := flatwatt.Checkpoint{Position: r.next, State: r.state}
	r.unsaved, r.saved = 0, r.next
	if !r.SaveBehind {
		return r.store(ctx, c)
	}
	done := make(chan error, 1)
	r.saving = done
	go func() { done <- r.store(ctx, c) }()
	return nil
}

func (r *run) store(ctx context.Context, c flatwatt.Checkpoint) error {
	if err := r.Checkpoints.Save(ctx, c); err != nil {
		return fmt.Errorf("save checkpoint at position %d: %w", c.Position, err)
	}
	if r.Hooks.Saved != nil {
		r.Hooks.Saved(c.Position, len(c.State))
	}
	return nil
}

// settle waits for the save that goes on behind, if there is one, and says how it ended.
func (r *run) settle() error {
	if r.saving == nil {
		return nil
	}
	err := <-r.saving
	r.saving = nil
	return err
}

// settled says how the save that goes on behind has ended, if it has. Its memory is as
// large as the scorer's and is let go.
func (r *run) settled() error {
	select {
	case err := <-r.saving: // never where there is none
		r.saving, r.state = nil, nil
		return err
	default:
		return nil
	}
}

func (r *run) retried(doing string) func(int, error) {
	return func(attempt int, err error) {
		if r.Hooks.Retried != nil {
			r.Hooks.Retried(doing, attempt, err)
		}
	}
}
