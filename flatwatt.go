// Package flatwatt is the vocabulary of flatwatt: the words every other package
// speaks. Read it first.
//
// Readings flow one way:
//
//	Source ──Reading──▶ Scorer ──Score──▶ Sink
//	   ▲                  │
//	   └── Checkpoint ◀───┘
//
// A Source yields readings in stream order. A Scorer absorbs them and, each time a
// day closes, judges every meter that read on it. A Sink keeps the scores. Position
// and memory are saved together as a Checkpoint, so a restart resumes from both or
// from neither. Live scoring and re-scoring run the same loop, streams.Pipeline;
// only the ends differ. Nothing between Source and Sink reads a clock, the network
// or a random source: the same readings always give the same scores.
package flatwatt

import (
	"context"
	"encoding"
	"time"
)

// A MeterID names a service point. It outlives the device: a meter swap keeps it.
type MeterID string

// KWh is active energy, KVArh reactive energy, KW power. The types exist so that
// they cannot be mixed.
type (
	KWh   float64
	KVArh float64
	KW    float64
	Volt  float64
)

// A Reading is the energy one meter registered over one interval [Start, Start+Length).
type Reading struct {
	Meter    MeterID
	Start    time.Time     // inclusive, UTC
	Length   time.Duration // 5m, 15m, 30m or 1h
	Energy   KWh           // delivered to the customer; negative when exported
	Reactive KVArh         // over the same interval; NaN where it is not metered
	Voltage  Volt          // mean over the interval; NaN where it is not metered
	Quality  Quality
}

// End is the end of the interval, exclusive: the next reading's Start.
func (r Reading) End() time.Time { return r.Start.Add(r.Length) }

// Demand is the mean power over the interval.
func (r Reading) Demand() KW { return KW(float64(r.Energy) / r.Length.Hours()) }

// Quality says how the head-end came by a reading.
type Quality uint8

const (
	Actual    Quality = iota // measured by the meter
	Estimated                // filled in by validation, estimation and editing (VEE)
	Edited                   // corrected by a person
)

// A Meter is the register's entry for one service point.
type Meter struct {
	ID         MeterID
	Parent     MeterID // transformer, feeder …; "" at the top
	Kind       Kind
	Class      Class  // as declared by the customer
	Tariff     string // name of the tariff
	Zone       *time.Location
	Interval   time.Duration // between readings
	Contracted KW            // 0 where unknown
	Region     string        // weather and peer region
	Extra      map[string]string
}

// IsCustomer reports whether m is a customer's, which a register need not say.
func (m *Meter) IsCustomer() bool { return m.Kind == Customer || m.Kind == "" }

// Kind says what a meter measures; Class what its customer declared to be.
type (
	Kind  string
	Class string
)

const (
	Customer    Kind = "customer"
	Transformer Kind = "transformer"
	Feeder      Kind = "feeder"
	Generator   Kind = "generator"
)

// A Day is a civil date in a meter's own time zone, counted from 1970-01-01.
type Day int32

// String formats d as 2006-01-02.
func (d Day) String() string { return time.Unix(int64(d)*86400, 0).UTC().Format(time.DateOnly) }

// Start is the instant at which d begins in zone.
func (d Day) Start(zone *time.Location) time.Time {
	y, m, day := time.Unix(int64(d)*86400, 0).UTC().Date()
	return time.Date(y, m, day, 0, 0, 0, 0, zone).UTC()
}

// DayOf is the civil date of t in zone.
func DayOf(t time.Time, zone *time.Location) Day {
	y, m, d := t.In(zone).Date()
	return Day(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86400)
}

// Weather tells outdoor temperatures; ok is false where none is known.
type Weather interface {
	TemperatureC(region string, t time.Time) (celsius float64, ok bool)
}

// A Rejected is a piece of input that could not be taken, kept with its reason.
type Rejected struct {
	Where  string // file:line or stream sequence
	Field  string // "" where the whole piece is at fault
	Reason string // what is wrong and what would put it right
	Raw    []byte // as received, cut at MaxRejectedBytes
}

// MaxRejectedBytes bounds what is kept of a rejected piece of input.
const MaxRejectedBytes = 64 << 10

// A Position counts the messages of a stream, so it orders them and can be resumed from.
type Position uint64

// A Batch is a run of consecutive readings. Next is the position just after it.
type Batch struct {
	Readings []Reading
	Rejected []Rejected
	Next     Position
}

// A Source yields readings in stream order.
type Source interface {
	// Read waits for the next batch, which is valid until the next call.
	// After the last reading of a bounded source it returns io.EOF.
	Read(ctx context.Context) (Batch, error)
}

// A Scorer holds what is known of every meter and judges them day by day.
type Scorer interface {
	// Score absorbs readings and appends to dst the scores of every day that they
	// close. Scores are valid until the next call.
	Score(dst []Score, readings []Reading) []Score
	// Close closes the days still open, as at the end of a bounded source.
	Close(dst []Score) []Score

	encoding.BinaryAppender
	encoding.BinaryUnmarshaler
}

// A Sink keeps scores.
type Sink interface {
	// Write returns once scores are durable. After an error, any part of them may be.
	// Writing the score of a meter, day and detector again replaces it.
	Write(ctx context.Context, scores []Score) error
}

// A Checkpoint is a Scorer's memory of everything before Position.
type Checkpoint struct {
	Position Position
	State    []byte
}

// Checkpoints keeps the latest checkpoint.
type Checkpoints interface {
	// Load returns the zero Checkpoint if none was saved.
	Load(ctx context.Context) (Checkpoint, error)
	// Save replaces the checkpoint whole or not at all.
	Save(ctx context.Context, c Checkpoint) error
}
