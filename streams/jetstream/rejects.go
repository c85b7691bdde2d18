package jetstream

import (
	"context"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
	js "github.com/nats-io/nats.go/jetstream"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams"
)

// Headers of a rejected piece; its body is the piece as received.
const (
	HeaderWhere  = "Flatwatt-Where"
	HeaderField  = "Flatwatt-Field"
	HeaderReason = "Flatwatt-Reason"
)

var _ streams.Rejects = Rejects{}

// Rejects publishes what could not be taken to RejectedSubject. A piece that comes
// again after a restart has the same message id, so the stream keeps it once, within
// its dedupe window; readers of older pieces tell repeats by the id.
type Rejects struct{ JetStream js.JetStream }

// Reject returns once the pieces are stored.
func (r Rejects) Reject(ctx context.Context, pieces []flatwatt.Rejected) error {
	var w window
	for _, p := range pieces {
		m := nats.NewMsg(RejectedSubject)
		m.Data = p.Raw[:min(len(p.Raw), flatwatt.MaxRejectedBytes)]
		m.Header.Set(HeaderWhere, oneLine(p.Where))
		m.Header.Set(HeaderField, oneLine(p.Field))
		m.Header.Set(HeaderReason, oneLine(p.Reason))
		m.Header.Set(js.MsgIDHeader, contentID([]byte(p.Where), []byte(p.Field), m.Data))
		if err := w.publish(ctx, r.JetStream, m); err != nil {
			return fmt.Errorf("publish to %s: %w", RejectedSubject, err)
		}
	}
	if err := w.flush(ctx); err != nil {
		return fmt.Errorf("publish to %s: %w", RejectedSubject, err)
	}
	return nil
}

// oneLine makes s fit for a header.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}
