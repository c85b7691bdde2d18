// Package vee validates interval readings day by day, meter by meter, and estimates what
// is missing for display and for sums of energy: validation, estimation and editing, as
// utilities call it.
//
//	checker, err := vee.New(meters, vee.Options{})
//	var out vee.Report
//	checker.Add(&out, readings)   // appends what closed
//	checker.Close(&out)
//
// It never changes a reading. What it estimates stands beside the readings, as a Fill,
// and must not reach a Scorer: a floor that is made of estimates says what somebody
// believed, and a gap that is filled hides that nothing was measured.
//
// The rules are those that metering codes share (the validation chapters of California's
// direct access standards for metering and meter data, and of Australia's metrology
// procedure): the limits are Options, so that a utility can put its own in.
//
// Memory is bounded: two open days a meter, a profile of 2 × 96 values at 15 minutes, and
// MaxOpenBalances days a transformer. Only event time counts: the same readings in the
// same order give the same report.
package vee

import (
	"fmt"
	"time"

	"github.com/flatwatt/flatwatt"
)

// A Code names a rule. Codes are stable: programs and people may keep them.
type Code string

// The rules. Value and Limit of a Finding are in the unit that stands here.
const (
	Missing      Code = "missing"       // intervals without a reading; Value: longest gap in hours
	Negative     Code = "negative"      // energy below zero where nothing can be exported; Value: least kWh
	Spike        Code = "spike"         // one interval far above the third highest of its day; kW
	Overload     Code = "overload"      // more than the connection can carry; kW
	Stuck        Code = "stuck"         // the same value for hours, though the meter resolves finer; hours
	Zero         Code = "zero"          // nothing but zeros all day: vacant, switched off, or bypassed; hours
	TimeSync     Code = "time_sync"     // starts off the meter's grid, or a clock that jumped; seconds
	Interval     Code = "interval"      // readings of another length than the meter's; minutes
	Conflict     Code = "conflict"      // two readings of one start that disagree; greatest difference in kWh
	Late         Code = "late"          // readings that came after their day had closed; hours after its end
	RegisterSum  Code = "register_sum"  // the intervals do not add up to the register; kWh
	RegisterBack Code = "register_back" // the register went back: exchange, reset or rollover; kWh
	SumCheck     Code = "sum_check"     // customers do not add up to their transformer; share of what it supplied
)

// Codes are all codes in the order in which reports show them.
func Codes() []Code {
	return []Code{Missing, Negative, Spike, Overload, Stuck, Zero, TimeSync, Interval, Conflict, Late, RegisterSum, RegisterBack, SumCheck}
}

// A Finding is one rule broken by one meter on one day; a rule broken several times on a
// day is one Finding with a Count.
type Finding struct {
	Meter flatwatt.MeterID
	Day   flatwatt.Day
	Code  Code
	Count int       // intervals, or registers for RegisterSum and RegisterBack
	From  time.Time // start of the first
	To    time.Time // end of the last
	Value float64   // the worst, in the unit of Code
	Limit float64   // that it passed; NaN where the rule has none
}

// Options are the limits of the rules. Zero fields take the defaults.
type Options struct {
	// AnyMeter takes meters that are not registered too, as customers in Zone, up to
	// MaxMeters; the others are only counted.
	AnyMeter  bool
	Zone      *time.Location // nil: UTC
	MaxMeters int            // 0: DefaultMaxMeters

	SpikeRatio     float64       // (highest − third highest) / third highest; 0: 1.8
	SpikeKW        float64       // smallest demand that can be a spike; 0: 5
	OverloadRatio  float64       // demand / contracted power; 0: 3
	StuckFor       time.Duration // 0: 24 h
	TimeTolerance  time.Duration // off the grid; 0: 5 s, as for files
	RegisterKWh    float64       // absolute tolerance of the register check; 0: 0.1
	RegisterShare  float64       // and relative; 0: 0.005
	LossMost       float64       // share of supply that may be lost between transformer and customers; 0: 0.12
	GainMost       float64       // share by which customers may exceed the transformer; 0: 0.02
	InterpolateFor time.Duration // longest gap filled by a straight line; 0: 2 h

	// A meter has enough data with MinDays days on which at least MinShare of the
	// intervals were measured; 0: 5 days, as the customer detector needs for its floor,
	// and 0.5.
	MinDays  int
	MinShare float64
}

const (
	// DefaultMaxMeters bounds the meters that AnyMeter takes.
	DefaultMaxMeters = 2_000_000

	// MaxOpenBalances bounds the days for which a transformer waits for its customers.
	MaxOpenBalances = 8

	// MaxOpenRegisters bounds the register readings of a meter that wait for their day.
	MaxOpenRegisters = 64

	// MaxSilentDays bounds the days without a reading that Close tells of a meter that
	// fell silent: after a month it is gone, and more of the same says nothing new.
	MaxSilentDays = 31

	// maxGapDays is the longest silence of a meter that is told day by day. A longer one
	// is a clock that is wrong.
	maxGapDays = 3660

	// jumpDays is how far a meter's reading may lie ahead of its last before a second
	// one must confirm it.
	jumpDays = 2
)

func (o *Options) complete() error {
	def := func(v *float64, d float64) {
		if *v == 0 {
			*v = d
		}
	}
	def(&o.SpikeRatio, 1.8)
	def(&o.SpikeKW, 5)
	def(&o.OverloadRatio, 3)
	def(&o.RegisterKWh, 0.1)
	def(&o.RegisterShare, 0.005)
	def(&o.LossMost, 0.12)
	def(&o.GainMost, 0.02)
	def(&o.MinShare, 0.5)
	defTime := func(v *time.Duration, d time.Duration) {
		if *v == 0 {
			*v = d
		}
	}
	defTime(&o.StuckFor, 24*time.Hour)
	defTime(&o.TimeTolerance, 5*time.Second)
	defTime(&o.InterpolateFor, 2*time.Hour)
	if o.MinDays == 0 {
		o.MinDays = 5
	}
	if o.MaxMeters == 0 {
		o.MaxMeters = DefaultMaxMeters
	}
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	return o.check()
}

func (o *Options) check() error {
	for name, v := range map[string]float64{
		"SpikeRatio": o.SpikeRatio, "SpikeKW": o.SpikeKW, "OverloadRatio": o.OverloadRatio, "RegisterKWh": o.RegisterKWh,
		"RegisterShare": o.RegisterShare, "LossMost": o.LossMost, "GainMost": o.GainMost, "MinShare": o.MinShare,
	} {
		if !(v > 0) || v > 1e9 {
			return fmt.Errorf("vee: %s is %v; want a number above 0", name, v)
		}
	}
	if o.MinShare > 1 || o.StuckFor < 0 || o.TimeTolerance < 0 || o.InterpolateFor < 0 || o.MinDays < 0 || o.MaxMeters < 0 {
		return fmt.Errorf("vee: MinShare is at most 1, durations and counts are not negative: %+v", *o)
	}
	return nil
}

// A Register is a reading of a meter's cumulative register at an instant.
type Register struct {
	Meter    flatwatt.MeterID
	At       time.Time
	Total    flatwatt.KWh
	Rollover flatwatt.KWh // value at which the register starts again at 0; 0: unknown
}

// A Method says how a missing interval was estimated.
type Method uint8

// The methods of estimation.
const (
	Linear  Method = iota // between the readings before and after; gaps up to InterpolateFor
	LikeDay               // mean of the same interval on the last like days (weekdays or weekends)
)

// A Fill is an estimate of one missing interval: for display and sums, never for a Scorer.
type Fill struct {
	Start    time.Time
	Length   time.Duration
	Energy   flatwatt.KWh
	Method   Method
	Register bool // scaled so that the day adds up to the register
}

// A DayReport is what is known of one meter's day once it has closed.
type DayReport struct {
	Meter, Parent flatwatt.MeterID
	Day           flatwatt.Day
	Interval      time.Duration

	// Expected = Actual + Estimated + Edited + Missing. A day of the change to summer
	// time expects 23 hours.
	Expected, Actual, Estimated, Edited, Missing int

	Repeats  int          // told again with the same values
	Outdone  int          // readings that another of the same interval made void, repeats among them
	Void     flatwatt.KWh // what those said
	Energy   flatwatt.KWh // of the readings that are there
	Filled   flatwatt.KWh // of Fills
	Findings []Finding    // in the order of Codes
	Fills    []Fill       // in order of time; intervals without any basis have none

	gap float64 // kWh that the register says the gaps hold; NaN: unknown
}

// Enough says whether at least share of the day was measured.
func (d *DayReport) Enough(share float64) bool {
	return d.Expected > 0 && float64(d.Actual+d.Edited) >= share*float64(d.Expected)
}

// A Balance is the sum check of one transformer and day, over the hours in which the
// transformer and, for a loss, all its customers were read.
type Balance struct {
	Parent    flatwatt.MeterID
	Day       flatwatt.Day
	Members   int          // customers that it supplies
	Complete  int          // members without a gap
	Hours     int          // of all Supplied and Delivered
	Supplied  flatwatt.KWh // by the transformer
	Delivered flatwatt.KWh // to its members
	Checked   bool         // enough hours (12) to say whether something is lost
	Finding   *Finding     // nil: nothing is wrong, or nothing could be checked
}

// Loss is the share of what was supplied that did not arrive; NaN where nothing was.
func (b *Balance) Loss() float64 { return float64(b.Supplied-b.Delivered) / float64(b.Supplied) }

// A Report collects what closes. Reset it between calls, or let it grow.
type Report struct {
	Days     []DayReport
	Balances []Balance
}

// Reset empties r, keeping its memory. The Findings and Fills of earlier days stay valid.
func (r *Report) Reset() { r.Days, r.Balances = r.Days[:0], r.Balances[:0] }
