package jetstream

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	js "github.com/nats-io/nats.go/jetstream"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/wire"
)

const (
	// EvidenceStream keeps outside evidence; EvidenceSubject is where anybody with leave
	// publishes it, one or several JSON objects a message (package wire).
	EvidenceStream  = "AMI_EVIDENCE"
	EvidenceSubject = "ami.evidence"
)

// EnsureEvidence makes the stream of outside evidence where it is missing.
func EnsureEvidence(ctx context.Context, j js.JetStream, r Retention) (js.Stream, error) {
	if r.Dedupe == 0 {
		r.Dedupe = DefaultDedupe
	}
	return ensure(ctx, j, EvidenceStream, EvidenceSubject, "Outside evidence as entered", r)
}

// PublishEvidence returns once the server has stored o.
func PublishEvidence(ctx context.Context, j js.JetStream, o flatwatt.Outside) error {
	body, err := wire.AppendOutside(nil, o)
	if err != nil {
		return fmt.Errorf("encode evidence %q: %w", o.ID, err)
	}
	m := nats.NewMsg(EvidenceSubject)
	m.Data = body
	m.Header.Set(js.MsgIDHeader, contentID(body))
	var w window // which tells where the user may not, to which there is no answer
	if err := errors.Join(w.publish(ctx, j, m), w.flush(ctx)); err != nil {
		return fmt.Errorf("publish evidence %q: %w", o.ID, err)
	}
	return nil
}

// A Heard is a piece of outside evidence from the stream, or what is wrong with a message.
type Heard struct {
	flatwatt.Outside
	Rejected *flatwatt.Rejected // nil: the evidence is good
}

// FollowEvidence tells every piece of evidence that the stream holds, in its order, calls
// caughtUp once, and goes on with what comes until ctx ends. A piece was entered when the
// server stored it, or earlier where an import of history says so. tell returns an error to stop.
func FollowEvidence(ctx context.Context, j js.JetStream, tell func(Heard) error, caughtUp func()) error {
	s, err := j.Stream(ctx, EvidenceStream)
	if err != nil {
		return fmt.Errorf("look for stream %s: %w", EvidenceStream, err)
	}
	from, err := startPull(ctx, s, EvidenceSubject, 0)
	if err != nil {
		return fmt.Errorf("follow stream %s: %w", EvidenceStream, err)
	}
	defer from.stop()
	info, err := s.Info(ctx)
	if err != nil {
		return fmt.Errorf("look for stream %s: %w", EvidenceStream, err)
	}
	waiting := info.State.Msgs > 0
	if !waiting {
		caughtUp()
	}
	for {
		var m pulled
		select {
		case <-ctx.Done():
			return ctx.Err()
		case m = <-from.out:
		}
		if m.err != nil {
			return fmt.Errorf("follow stream %s: %w", EvidenceStream, m.err)
		}
		pending, err := hear(m.msg, tell)
		if err != nil {
			return err
		}
		if waiting && pending == 0 {
			waiting = false
			caughtUp()
		}
	}
}

// hear tells the evidence of one message and returns how many wait behind it.
func hear(m js.Msg, tell func(Heard) error) (pending uint64, err error) {
	meta, err := m.Metadata()
	if err != nil {
		return 0, fmt.Errorf("stream %s: %w", EvidenceStream, err)
	}
	bad := func(field, reason string) error {
		where := fmt.Sprintf("%s %d", EvidenceStream, meta.Sequence.Stream)
		return tell(Heard{Rejected: &flatwatt.Rejected{Where: where, Field: field, Reason: reason, Raw: m.Data()}})
	}
	list, wrong := wire.ParseOutside(m.Data())
	for _, o := range list {
		if at := meta.Timestamp.UTC(); o.Entered.IsZero() || o.Entered.After(at) {
			o.Entered = at
		}
		if field, reason := o.Complete(); field != "" {
			err = bad(field, reason)
		} else {
			err = tell(Heard{Outside: o})
		}
		if err != nil {
			return 0, err
		}
	}
	if wrong != nil {
		err = bad("", wrong.Error())
	}
	return meta.NumPending, err
}
