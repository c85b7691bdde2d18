package jetstream

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	js "github.com/nats-io/nats.go/jetstream"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/wire"
)

const (
	// DefaultPerMessage is how many readings a message holds: measured, more gain little.
	DefaultPerMessage = 500

	// DefaultInFlight is how many messages may wait for the server's answer.
	DefaultInFlight = 256

	// answerWithin bounds the wait for one answer.
	answerWithin = 30 * time.Second
)

// A Publisher sends readings to the stream, as a head-end or a replay does. A message
// is named by its content: what is published again within the stream's dedupe window
// is stored once. One goroutine may use it at a time.
type Publisher struct {
	JetStream  js.JetStream
	Format     wire.Format // "": wire.Batch
	PerMessage int         // readings; 0: DefaultPerMessage
	InFlight   int         // messages; 0: DefaultInFlight

	// Rate is the most readings a second, 0: no limit. Sleep and Now are time's where
	// nil; Sleep returns early with ctx's error.
	Rate  float64
	Sleep func(ctx context.Context, d time.Duration) error
	Now   func() time.Time

	window window
	body   []byte
	begun  time.Time // of the rate's accounting
	sent   int       // readings since then
}

// Publish sends readings in their order under the subject of a concentrator. They are
// stored for sure only after Flush.
func (p *Publisher) Publish(ctx context.Context, concentrator string, readings []flatwatt.Reading) error {
	format, per := p.Format, p.PerMessage
	if format == "" {
		format = wire.Batch
	}
	if per == 0 {
		per = DefaultPerMessage
	}
	for len(readings) > 0 {
		part := readings[:min(per, len(readings))]
		body, err := wire.AppendBody(p.body[:0], format, part)
		if err != nil {
			return fmt.Errorf("encode readings of %s: %w", concentrator, err)
		}
		p.body = body
		if err := p.pace(ctx, len(part)); err != nil {
			return err
		}
		if err := p.PublishBody(ctx, concentrator, format, body); err != nil {
			return err
		}
		readings = readings[len(part):]
	}
	return nil
}

// PublishBody sends a body as it is.
func (p *Publisher) PublishBody(ctx context.Context, concentrator string, format wire.Format, body []byte) error {
	if err := checkConcentrator(concentrator); err != nil {
		return err
	}
	m := nats.NewMsg("ami.readings." + concentrator)
	m.Header.Set(wire.HeaderFormat, string(format))
	m.Header.Set(js.MsgIDHeader, contentID([]byte(m.Subject), []byte(format), body))
	m.Data = body
	p.window.limit = p.InFlight
	if err := p.window.publish(ctx, p.JetStream, m); err != nil {
		return fmt.Errorf("publish readings of %s: %w", concentrator, err)
	}
	return nil
}

// Flush waits until everything published is stored.
func (p *Publisher) Flush(ctx context.Context) error {
	if err := p.window.flush(ctx); err != nil {
		return fmt.Errorf("publish readings: %w", err)
	}
	return nil
}

// pace waits until n more readings are due.
func (p *Publisher) pace(ctx context.Context, n int) error {
	if p.Rate <= 0 {
		return nil
	}
	now := time.Now
	if p.Now != nil {
		now = p.Now
	}
	if p.begun.IsZero() {
		p.begun = now()
	}
	due := p.begun.Add(time.Duration(float64(p.sent) / p.Rate * float64(time.Second)))
	p.sent += n
	wait := due.Sub(now())
	if wait <= 0 {
		return nil
	}
	if p.Sleep != nil {
		return p.Sleep(ctx, wait)
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// checkConcentrator refuses what would not be one subject of ReadingsSubjects.
func checkConcentrator(c string) error {
	bad := func(r rune) bool { return r <= ' ' || r == '*' || r == '>' || r == 0x7f }
	if c == "" || strings.ContainsFunc(c, bad) || strings.HasPrefix(c, ".") || strings.HasSuffix(c, ".") || strings.Contains(c, "..") {
		return fmt.Errorf("concentrator %q cannot be part of a subject: use letters, digits, - and _, with single points between", c)
	}
	return nil
}

// contentID names a message by its content; parts are kept apart by their lengths.
func contentID(parts ...[]byte) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:", len(p))
		h.Write(p)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
