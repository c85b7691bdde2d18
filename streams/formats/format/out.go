package format

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/flatwatt/flatwatt"
)

const (
	batchItems = 8192 // readings and rejects of a batch, roughly
	maxKWh     = 1e8  // of one reading, as in docs/formats.md
	maxVolt    = 2e6
	maxReason  = 1000

	firstSecond = 631152000  // 1990-01-01: earlier clocks are wrong ones
	LastSecond  = 4102444800 // 2100-01-01, the end of times that are believed
)

// Out takes what a decoder finds.
type Out struct {
	Tally *Tally
	name  string
	opt   Options
	batch flatwatt.Batch
}

// Reading gives out a reading, unless no meter can have measured it. line is where it
// stood, for the reject.
func (o *Out) Reading(r *flatwatt.Reading, line int64) {
	if reason, field := implausible(r); reason != "" {
		o.Reject(line, field, reason, []byte(r.Meter))
		return
	}
	if r.Length > time.Hour {
		o.Tally.Totals++
		if !o.opt.Totals {
			o.Reject(line, "length", fmt.Sprintf("a total over %v is not an interval reading: ask the head-end for intervals of at most an hour, or keep totals by option", r.Length), []byte(r.Meter))
			return
		}
	}
	o.Tally.Readings++
	o.batch.Readings = append(o.batch.Readings, *r)
}

func implausible(r *flatwatt.Reading) (reason, field string) {
	sec := r.Start.Unix()
	switch {
	case !(math.Abs(float64(r.Energy)) <= maxKWh):
		return fmt.Sprintf("energy of %v kWh in %v: no meter reads that; check the unit and the multiplier", float64(r.Energy), r.Length), "energy_kwh"
	case sec < firstSecond || sec >= LastSecond:
		return fmt.Sprintf("time %s is before 1990 or after 2099: set the meter's clock", r.Start.Format(time.RFC3339)), "start"
	case r.Length <= 0:
		return "the length of the interval is not known: set the interval by option or in the register", "length"
	case math.Abs(float64(r.Reactive)) > maxKWh:
		return fmt.Sprintf("reactive energy of %v kVArh: no meter reads that; check the unit", float64(r.Reactive)), "reactive_kvarh"
	case r.Voltage < 0 || r.Voltage > maxVolt:
		return fmt.Sprintf("voltage of %v V: no meter reads that; check the unit", float64(r.Voltage)), "voltage_v"
	}
	return "", ""
}

// Reject gives out a piece that could not be taken. line is counted from one; 0 stands
// for the whole file.
func (o *Out) Reject(line int64, field, reason string, raw []byte) {
	where := o.name
	if line > 0 {
		where = fmt.Sprintf("%s:%d", o.name, line)
	}
	raw = raw[:min(len(raw), flatwatt.MaxRejectedBytes)]
	if len(reason) > maxReason { // libraries quote what they read
		reason = strings.ToValidUTF8(reason[:maxReason], "") + " …"
	}
	o.Tally.Rejected++
	o.batch.Rejected = append(o.batch.Rejected, flatwatt.Rejected{
		Where: where, Field: field, Reason: reason, Raw: append([]byte(nil), raw...),
	})
}

// Begin says that what follows is from another file.
func (o *Out) Begin(name string) { o.name = name }

// Full says that a decoder had better return from its step.
func (o *Out) Full() bool { return len(o.batch.Readings)+len(o.batch.Rejected) >= batchItems }

// A Step decodes some more. It returns io.EOF when nothing is left, a Damage where the
// rest of the file cannot be read, and any other error where the world is broken.
type Step func(o *Out) error

// NewSource makes a source that calls step until a batch is full.
func NewSource(in *Input, opt Options, step Step) flatwatt.Source {
	return &source{step: step, out: Out{Tally: in.Tally, name: in.Name, opt: opt}}
}

type source struct {
	out  Out
	step Step
	next flatwatt.Position
	end  error
}

// Read implements flatwatt.Source. A position counts readings and rejects.
func (s *source) Read(ctx context.Context) (flatwatt.Batch, error) {
	b := &s.out.batch
	b.Readings, b.Rejected = b.Readings[:0], nil
	for s.end == nil && !s.out.Full() {
		if err := ctx.Err(); err != nil {
			return flatwatt.Batch{Next: s.next}, err
		}
		s.end = s.settle(s.decode())
	}
	if n := len(b.Readings) + len(b.Rejected); n > 0 {
		s.next += flatwatt.Position(n)
		b.Next = s.next
		return *b, nil
	}
	return flatwatt.Batch{Next: s.next}, s.end
}

func (s *source) decode() (err error) {
	defer Recover(&err)
	return s.step(&s.out)
}

// settle turns damage into a reject: what came before it is kept.
func (s *source) settle(err error) error {
	var d *Damage
	if errors.As(err, &d) {
		s.out.Reject(d.Line, "", d.Reason, nil)
		return io.EOF
	}
	if err != nil && err != io.EOF {
		return fmt.Errorf("reading %s: %w", s.out.name, err)
	}
	return err
}

// Damage says that a file cannot be read from some place on: it is cut off, does not
// decompress, or goes beyond a limit.
type Damage struct {
	Line   int64 // 0 where not known
	Reason string
}

func (d *Damage) Error() string { return d.Reason }

// Recover, deferred, turns a panic into Damage. Files come from others: bytes that a
// decoder stumbles over may cost their file, never the service that reads it.
func Recover(err *error) {
	if x := recover(); x != nil {
		*err = &Damage{Reason: fmt.Sprintf("the file cannot be read from some place on, by a fault of flatwatt (%v): report it with the file", x)}
	}
}
