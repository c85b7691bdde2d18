package jetstream

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/nats-io/nats.go"
	js "github.com/nats-io/nats.go/jetstream"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams"
)

// Headers of a message of rejects. Of several pieces HeaderWhere and HeaderReason are those
// of the first.
const (
	HeaderWhere  = "Flatwatt-Where"
	HeaderField  = "Flatwatt-Field"
	HeaderReason = "Flatwatt-Reason"
	HeaderCount  = "Flatwatt-Count" // of pieces; missing in messages of older programs: 1
)

// maxBundleBytes bounds the body of several pieces: 500 readings of one message fit into it.
const maxBundleBytes = 2 * flatwatt.MaxRejectedBytes

// A bundledPiece is a piece among several, a line of their message. Reason is left out
// where it is that of the header; raw that is not UTF-8 goes into Bytes.
type bundledPiece struct {
	Where  string `json:"where"`
	Reason string `json:"reason,omitempty"`
	Raw    string `json:"raw,omitempty"`
	Bytes  []byte `json:"raw_base64,omitempty"`
}

// A bundle is pieces with one field and kind of reason, in one message.
type bundle struct {
	first flatwatt.Rejected
	count int
	lines bytes.Buffer // of all pieces, the first too
}

var _ streams.Rejects = Rejects{}

// Rejects publishes what could not be taken to RejectedSubject. Pieces that come together
// and are refused for the same reason are one message: a head-end whose clock is wrong has
// each of its readings refused, and a message and an id for each would fill the server's
// memory and push everything else out of the stream. One piece is its message's body as
// received, several are a JSON object a line.
//
// What comes again after a restart has the same message id, so the stream keeps it once,
// within its dedupe window; readers of older pieces tell repeats by the id.
type Rejects struct{ JetStream js.JetStream }

// Reject returns once the pieces are stored.
func (r Rejects) Reject(ctx context.Context, pieces []flatwatt.Rejected) error {
	var w window
	for _, b := range bundles(pieces) {
		if err := w.publish(ctx, r.JetStream, b.message()); err != nil {
			return fmt.Errorf("publish to %s: %w", RejectedSubject, err)
		}
	}
	if err := w.flush(ctx); err != nil {
		return fmt.Errorf("publish to %s: %w", RejectedSubject, err)
	}
	return nil
}

// bundles puts pieces together, in the order of their first ones.
func bundles(pieces []flatwatt.Rejected) (list []*bundle) {
	type key struct{ field, kind string }
	open := map[key]*bundle{}
	for _, p := range pieces {
		p.Raw = p.Raw[:min(len(p.Raw), flatwatt.MaxRejectedBytes)]
		k := key{p.Field, kindOf(p.Reason)}
		b := open[k]
		if b == nil || !b.add(p) {
			b = &bundle{first: p}
			b.add(p)
			open[k], list = b, append(list, b)
		}
	}
	return list
}

// add takes p if there is room; there always is for the first.
func (b *bundle) add(p flatwatt.Rejected) bool {
	line := bundledPiece{Where: p.Where}
	if p.Reason != b.first.Reason {
		line.Reason = p.Reason
	}
	if utf8.Valid(p.Raw) {
		line.Raw = string(p.Raw)
	} else {
		line.Bytes = p.Raw
	}
	before, e := b.lines.Len(), json.NewEncoder(&b.lines)
	e.SetEscapeHTML(false)
	_ = e.Encode(&line) // strings and bytes always can be
	if b.count > 0 && b.lines.Len() > maxBundleBytes {
		b.lines.Truncate(before)
		return false
	}
	b.count++
	return true
}

func (b *bundle) message() *nats.Msg {
	p, m := b.first, nats.NewMsg(RejectedSubject)
	if m.Data = p.Raw; b.count > 1 {
		m.Data = b.lines.Bytes()
	}
	m.Header.Set(HeaderWhere, oneLine(p.Where))
	m.Header.Set(HeaderField, oneLine(p.Field))
	m.Header.Set(HeaderReason, oneLine(p.Reason))
	m.Header.Set(HeaderCount, strconv.Itoa(b.count))
	m.Header.Set(js.MsgIDHeader, contentID([]byte(p.Where), []byte(p.Field), m.Data))
	return m
}

// kindOf is a reason without what it quotes and without digits: meters' names, times and
// values differ from piece to piece.
func kindOf(reason string) string {
	var quoted, escaped bool
	return strings.Map(func(r rune) rune {
		switch {
		case escaped:
			escaped = false
		case quoted && r == '\\':
			escaped = true
		case r == '"':
			quoted = !quoted
		case !quoted && (r < '0' || r > '9'):
			return r
		}
		return -1
	}, reason)
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
