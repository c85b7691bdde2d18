// Package jetstream is a pipeline's ends on NATS JetStream: readings come from a
// stream, rejects go to another, checkpoints live in a third with a pointer in a KV
// bucket. The server may run in this process (package natsd) or be a cluster.
//
// The place in the stream is flatwatt's own, kept in the checkpoint beside the memory
// that belongs to it; the server's acknowledgements are not used, because the two
// could disagree. A Position is the stream sequence of the last message absorbed.
package jetstream

import (
	"context"
	"errors"
	"fmt"
	"time"

	js "github.com/nats-io/nats.go/jetstream"
)

const (
	ReadingsStream   = "AMI"
	ReadingsSubjects = "ami.readings.>" // one more token or several: the concentrator
	RejectedStream   = "AMI_REJECTED"
	RejectedSubject  = "ami.rejected"
)

// Retention says how long a stream keeps its messages. Zero fields: no limit (50,000
// messages of rejects), one replica, and a dedupe window of DefaultDedupe.
type Retention struct {
	MaxAge   time.Duration
	MaxBytes int64 // the oldest messages go first
	Replicas int

	MaxMessages int64 // here too the oldest go first

	// Dedupe is how long a message id is remembered: a message that comes again within
	// it is stored once. The server holds the ids in memory, some 100 bytes each.
	Dedupe time.Duration

	compress bool // on the disk
}

// DefaultDedupe covers a publisher's reconnects and restarts.
const DefaultDedupe = 10 * time.Minute

// rejectsDedupe covers the repeats of a restart, which a supervisor makes at once and people
// within the hour. A worker that stood longer stores again what its checkpoint does not
// cover, few messages since pieces are put together, under the ids they had; the server
// meanwhile need not hold the ids of a day of a flood.
const rejectsDedupe = time.Hour

// maxRejects bounds the messages of rejects where nothing else is asked for, so that a
// head-end gone mad cannot fill the disk with them: 6.4 GB at worst, and a fraction of it as
// the disk has it compressed. The oldest go first. A bound in bytes would have to be free on
// the disk from the start: the server reserves it.
const maxRejects = 50_000

// EnsureReadings makes the stream of readings where it is missing. One that exists is
// left as its operator made it.
func EnsureReadings(ctx context.Context, j js.JetStream, r Retention) (js.Stream, error) {
	if r.Dedupe == 0 {
		r.Dedupe = DefaultDedupe
	}
	return ensure(ctx, j, ReadingsStream, ReadingsSubjects, "Meter readings as received", r)
}

// EnsureRejected makes the stream of rejects where it is missing.
func EnsureRejected(ctx context.Context, j js.JetStream, r Retention) (js.Stream, error) {
	if r.Dedupe == 0 {
		r.Dedupe = rejectsDedupe
		if r.MaxAge > 0 {
			r.Dedupe = min(r.Dedupe, r.MaxAge) // the server insists
		}
	}
	if r.MaxMessages == 0 {
		r.MaxMessages = maxRejects
	}
	r.compress = true // the pieces of one message are much alike
	return ensure(ctx, j, RejectedStream, RejectedSubject, "Input that could not be taken, with the reason", r)
}

func ensure(ctx context.Context, j js.JetStream, name, subjects, about string, r Retention) (js.Stream, error) {
	return ensureStream(ctx, j, name, subjects, about, r, nil)
}

func ensureStream(ctx context.Context, j js.JetStream, name, subjects, about string, r Retention, transform *js.SubjectTransformConfig) (js.Stream, error) {
	s, err := j.Stream(ctx, name)
	if err == nil {
		return s, nil
	}
	if !errors.Is(err, js.ErrStreamNotFound) {
		return nil, fmt.Errorf("look for stream %s: %w", name, err)
	}
	compression := js.NoCompression
	if r.compress {
		compression = js.S2Compression
	}
	s, err = j.CreateStream(ctx, js.StreamConfig{
		Name: name, Subjects: []string{subjects}, Description: about, Storage: js.FileStorage,
		Discard: js.DiscardOld, MaxAge: r.MaxAge, MaxBytes: unlimited(r.MaxBytes), MaxMsgs: unlimited(r.MaxMessages), Replicas: max(1, r.Replicas),
		Duplicates: r.Dedupe, AllowDirect: true, SubjectTransform: transform, Compression: compression,
	})
	if err != nil {
		return nil, fmt.Errorf("create stream %s: %w", name, err)
	}
	return s, nil
}

// unlimited is JetStream's way to say "no limit".
func unlimited(n int64) int64 {
	if n == 0 {
		return -1
	}
	return n
}
