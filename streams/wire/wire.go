// Package wire turns message bodies into readings and readings into message bodies.
//
// A message holds one reading or many, in one of three forms, told by its header
// Flatwatt-Format or, where that is missing, by the first byte of the body:
//
//	json          an object, or an array of objects; see json.go
//	lineprotocol  InfluxDB line protocol, a line a reading; see lineprotocol.go
//	batch         protobuf columns, by far the fastest; see wirepb/reading.proto
//
// A row that cannot be taken is rejected with the field at fault and the remedy; the
// good rows of the same message are kept. What every form refuses is in row.go.
package wire

import (
	"fmt"
	"math"
	"time"

	"github.com/flatwatt/flatwatt"
)

// HeaderFormat is the header that names the form of a body.
const HeaderFormat = "Flatwatt-Format"

// A Format is a form of message body.
type Format string

const (
	JSON         Format = "json"
	LineProtocol Format = "lineprotocol"
	Batch        Format = "batch"
)

const (
	// MaxBodyBytes bounds a message body where Decoder.MaxBodyBytes is zero.
	MaxBodyBytes = 8 << 20

	// MaxRejectsPerMessage bounds the rejects of one message; one more sums up the rest.
	MaxRejectsPerMessage = 1000

	// MaxMeterIDBytes bounds a meter's name.
	MaxMeterIDBytes = 128

	// MaxEnergyKWh bounds the size of an energy, reactive energy or voltage. No meter
	// comes near it, and its square summed over a billion readings is still exact enough.
	MaxEnergyKWh = 1e9

	// MaxAhead is how far a reading may start after its message was received: room for
	// a concentrator whose clock is wrong by a time zone's half, not for garbage.
	MaxAhead = time.Hour
)

// earliest is the first start that is taken: before it there were no such meters, and
// clocks that lost their battery say 1970.
var earliest = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// Known looks up a meter: its name, as one string shared by all its readings, and its
// registered interval, 0 where unknown. ok is false for a meter that is not registered.
// It must not keep id.
type Known func(id []byte) (name flatwatt.MeterID, interval time.Duration, ok bool)

// A Message is what a Decoder is given.
type Message struct {
	Format   Format // "": told by the first byte
	Body     []byte
	Received time.Time // by the stream; zero: starts in the future are not refused
	Where    string    // names the message in rejects, e.g. "AMI:17"
}

// A Decoder decodes messages. It reuses its memory: one goroutine may use it at a time.
// It does not allocate for a reading that it takes.
type Decoder struct {
	Known        Known // required
	MaxBodyBytes int   // 0: the constant MaxBodyBytes

	message   Message
	batch     *flatwatt.Batch
	rejected  int   // of this message
	latestSec int64 // last start that is taken, Unix seconds
	scratch   []byte
	columns   columns
}

// Append appends the readings and rejects of m to b. The Raw of a reject may point
// into m.Body; readings never do.
func (d *Decoder) Append(b *flatwatt.Batch, m Message) {
	d.message, d.batch, d.rejected = m, b, 0
	d.latestSec = math.MaxInt64
	if !m.Received.IsZero() {
		d.latestSec = m.Received.Add(MaxAhead).Unix()
	}
	limit := d.MaxBodyBytes
	if limit == 0 {
		limit = MaxBodyBytes
	}
	if len(m.Body) > limit {
		d.reject("", -1, fault{"", fmt.Sprintf("body has %d bytes, the limit is %d: send smaller batches", len(m.Body), limit)}, m.Body)
		return
	}
	format := m.Format
	if format == "" {
		format = sniff(m.Body)
	}
	d.decode(format)
	if more := d.rejected - MaxRejectsPerMessage; more > 0 {
		b.Rejected = append(b.Rejected, flatwatt.Rejected{
			Where: m.Where + " rest", Reason: fmt.Sprintf("%d more pieces of this message are at fault: put the first %d right and see", more, MaxRejectsPerMessage),
			Raw: cut(m.Body),
		})
	}
	d.batch, d.message = nil, Message{}
}

// decode reads the body. A panic costs the rest of its message, not the service: messages
// come from others.
func (d *Decoder) decode(format Format) {
	defer func() {
		if x := recover(); x != nil {
			d.reject("", -1, fault{"", fmt.Sprintf("the rest of the message cannot be read, by a fault of flatwatt (%v): report it with the message", x)}, d.message.Body)
		}
	}()
	switch format {
	case JSON:
		d.json(d.message.Body)
	case LineProtocol:
		d.lines(d.message.Body)
	case Batch:
		d.runs(d.message.Body)
	case "":
		d.reject("", -1, fault{HeaderFormat, "body has no known form: set the header to json, lineprotocol or batch"}, d.message.Body)
	default:
		d.reject("", -1, fault{HeaderFormat, fmt.Sprintf("form %.40q is not known: use json, lineprotocol or batch", format)}, d.message.Body)
	}
}

// sniff tells the form by the first byte; "" where none fits.
func sniff(body []byte) Format {
	for _, c := range body {
		switch {
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
		case c == '{' || c == '[':
			return JSON
		case c == 'r' || c == '#': // measurement "reading", or a comment
			return LineProtocol
		case c == 1<<3 || c == 2<<3|2: // tags of base_s and runs
			return Batch
		default:
			return ""
		}
	}
	return ""
}

// reject keeps a piece with its reason. Its place is the n-th part ("row", "line" …)
// of the message, or the whole message where part is "".
func (d *Decoder) reject(part string, n int, f fault, raw []byte) {
	if d.rejected++; d.rejected > MaxRejectsPerMessage {
		return
	}
	where := d.message.Where
	if part != "" {
		where = fmt.Sprintf("%s %s %d", where, part, n)
	}
	d.batch.Rejected = append(d.batch.Rejected, flatwatt.Rejected{Where: where, Field: f.field, Reason: f.reason, Raw: cut(raw)})
}

func cut(raw []byte) []byte { return raw[:min(len(raw), flatwatt.MaxRejectedBytes)] }
