// Package ingest takes readings in where they do not come over NATS by themselves: pushed
// over HTTP, dropped as files into a folder, or from Kafka. Whatever the way, an Intake
// makes them durable in JetStream before anybody is told that they were taken, keeps what
// cannot be taken with its reason, and says both in one Result.
//
// What is sent again is stored once within the stream's dedupe window, for a message is
// named by its content and the same input is always cut into the same messages; after the
// window a repeat is absorbed by the Scorer. So every sender may repeat when in doubt.
package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	js "github.com/nats-io/nats.go/jetstream"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/jetstream"
)

const (
	// MaxBuffered is how many readings are sorted by concentrator before they are sent:
	// enough that meters in turn still make full messages, 6 MB of memory.
	MaxBuffered = 1 << 16

	// MaxRejectsStored bounds what one input may put into the stream of rejects, and
	// MaxRejectsTold what a Result lists. All are counted.
	MaxRejectsStored = 10_000
	MaxRejectsTold   = 1_000

	// UnknownConcentrator is the subject of meters whose concentrator is not known.
	UnknownConcentrator = "unknown"
)

// A Route says under which concentrator a meter's readings are published; ok is false for
// a meter that is not registered.
type Route func(flatwatt.MeterID) (concentrator string, ok bool)

// AnyMeter routes every meter to one concentrator, for a site without a register here.
func AnyMeter(concentrator string) Route {
	return func(flatwatt.MeterID) (string, bool) { return concentrator, true }
}

// An Intake makes readings durable in JetStream. Any number of goroutines may use it.
type Intake struct {
	JetStream js.JetStream
	Route     Route            // required
	Now       func() time.Time // nil: time.Now; readings that start far after it are rejected
}

// A Result is what became of one input.
type Result struct {
	Accepted int       // readings that JetStream has
	Rejected int       // pieces that could not be taken
	First    time.Time // start of the earliest reading accepted; zero without one
	Last     time.Time // end of the latest
	Rejects  []flatwatt.Rejected
}

// Take reads src to its end and stores what it yields. It returns once JetStream has
// acknowledged everything in the Result. After an error the Result holds what was stored
// before it, whether src failed (SourceError) or JetStream did.
func (in *Intake) Take(ctx context.Context, src flatwatt.Source) (Result, error) {
	if c, ok := src.(io.Closer); ok {
		defer c.Close()
	}
	t := in.begin()
	for {
		batch, err := src.Read(ctx)
		if err == nil {
			err = t.take(ctx, batch)
			if err != nil {
				return t.stored, err
			}
			continue
		}
		if done := t.end(ctx); done != nil {
			return t.stored, done
		}
		if errors.Is(err, io.EOF) {
			return t.stored, nil
		}
		return t.stored, &SourceError{err}
	}
}

// A SourceError says that the input failed, not the stream that it goes to.
type SourceError struct{ Err error }

func (e *SourceError) Error() string { return "read: " + e.Err.Error() }

// Unwrap returns the cause.
func (e *SourceError) Unwrap() error { return e.Err }

// A taking is one input on its way into JetStream.
type taking struct {
	*Intake
	pub      *jetstream.Publisher
	latest   time.Time // start that is taken
	waiting  map[string][]flatwatt.Reading
	buffered int
	rejects  []flatwatt.Rejected // to be stored
	rejected int

	taken  Result // of what has been handed over
	stored Result // of what has been acknowledged
}

func (in *Intake) begin() *taking {
	now := time.Now
	if in.Now != nil {
		now = in.Now
	}
	return &taking{Intake: in, pub: &jetstream.Publisher{JetStream: in.JetStream}, latest: now().Add(maxAhead), waiting: map[string][]flatwatt.Reading{}}
}

// take sorts a batch into concentrators. Where it is cut must not depend on how the source
// cuts its batches, or a repeat would have other message ids.
func (t *taking) take(ctx context.Context, batch flatwatt.Batch) error {
	for _, r := range batch.Rejected {
		r.Raw = slices.Clone(r.Raw)
		t.reject(r)
	}
	for i := range batch.Readings {
		x := batch.Readings[i]
		x.Start = x.Start.Round(time.Second) // the stream's form has no fractions
		to, fault := t.check(&x)
		if fault.Reason != "" {
			t.reject(fault)
			continue
		}
		t.waiting[to] = append(t.waiting[to], x)
		t.taken.note(&x)
		if t.buffered++; t.buffered == MaxBuffered {
			if err := t.flush(ctx); err != nil {
				return err
			}
		}
	}
	if len(t.rejects) >= MaxRejectsTold {
		return t.keepRejects(ctx)
	}
	return nil
}

func (t *taking) keepRejects(ctx context.Context) error {
	if len(t.rejects) == 0 {
		return nil
	}
	if err := (jetstream.Rejects{JetStream: t.JetStream}).Reject(ctx, t.rejects); err != nil {
		return fmt.Errorf("keep rejects: %w", err)
	}
	t.rejects = t.rejects[:0]
	return nil
}

func (t *taking) reject(r flatwatt.Rejected) {
	t.rejected++
	t.taken.Rejected++
	if len(t.taken.Rejects) < MaxRejectsTold {
		t.taken.Rejects = append(t.taken.Rejects, r)
	}
	if t.rejected <= MaxRejectsStored {
		t.rejects = append(t.rejects, r)
	}
}

// flush stores what waits: rejects first, as in the pipeline.
func (t *taking) flush(ctx context.Context) error {
	if err := t.keepRejects(ctx); err != nil {
		return err
	}
	for _, to := range slices.Sorted(maps.Keys(t.waiting)) {
		if err := t.pub.Publish(ctx, to, t.waiting[to]); err != nil {
			return err
		}
		t.waiting[to] = t.waiting[to][:0]
	}
	if err := t.pub.Flush(ctx); err != nil {
		return err
	}
	t.buffered = 0
	t.stored = t.taken
	return nil
}

// end stores the rest, and sums up the rejects that were too many to be kept.
func (t *taking) end(ctx context.Context) error {
	if more := t.rejected - MaxRejectsStored; more > 0 {
		last := t.taken.Rejects[len(t.taken.Rejects)-1]
		t.rejects = append(t.rejects, flatwatt.Rejected{
			Where:  last.Where + " rest",
			Reason: fmt.Sprintf("%d more pieces of this input are at fault: put the first %d right and see", more, MaxRejectsStored),
		})
	}
	return t.flush(ctx)
}

// note counts a reading.
func (r *Result) note(x *flatwatt.Reading) {
	r.Accepted++
	if r.First.IsZero() || x.Start.Before(r.First) {
		r.First = x.Start
	}
	if end := x.End(); end.After(r.Last) {
		r.Last = end
	}
}
