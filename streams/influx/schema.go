// Package influx keeps scores in a time-series database and reads them back. One code
// serves the embedded database and an InfluxDB 2.x: writing goes through the official
// client, reading through InfluxQL, which both understand.
//
// schema.go says what is stored. Sink writes it, Client reads it.
package influx

import (
	"time"

	"github.com/flatwatt/flatwatt"
)

// Measurements. All times are whole seconds.
const (
	// ScoreMeasurement has a point for every meter, day and detector, at Score.Start.
	// Tags: meter, detector. Region, class and feeder are no tags: they would not make
	// more series, but a change of the register would split a meter's history.
	ScoreMeasurement = "score"

	// The roll-ups have a point for every transformer, feeder or part of the fleet, day
	// and detector, at the day's midnight in UTC whatever the meters' zones, so that
	// zones meet. Tags: transformer or feeder (as named), detector, part; a transformer's
	// also have its feeder.
	TransformerMeasurement = "rollup_transformer"
	FeederMeasurement      = "rollup_feeder"
	FleetMeasurement       = "rollup_fleet"

	// The same by the class and region of the register and by the model that scored. A class
	// or region that no tag can hold is left out; so is a meter that has none.
	ClassMeasurement  = "rollup_class"
	RegionMeasurement = "rollup_region"
	ModelMeasurement  = "rollup_model"

	// EventMeasurement has what lasted from Time to end_ms (milliseconds since 1970), for
	// annotations: of each suspect the interval of its onset and its alarm so far. Tags:
	// meter, detector, kind and the meter's transformer. An onset that is estimated anew may leave the one before
	// behind; as_of_s tells the latest.
	EventMeasurement = "event"

	// RunMeasurement has a point for every re-scoring that was made live, at the start of
	// its first day. Tag: run. Fields: at_s (when it was made live), end_ms, model, scores,
	// text.
	RunMeasurement = "rescore"

	// TopMeasurement has the TopN likeliest suspects of a day, likeliest first, at the
	// time of the roll-ups. Tags: rank ("01" …), detector, part. Ranks that nobody holds
	// are written too, with meter "", because they may have been held before.
	TopMeasurement = "top"
)

// Tags. Values are bounded by MaxTagBytes.
const (
	MeterTag       = "meter"
	DetectorTag    = "detector"
	TransformerTag = "transformer"
	FeederTag      = "feeder"
	PartTag        = "part" // of the fleet that one sink writes; sums over parts are the fleet
	RankTag        = "rank"
	ClassTag       = "class"
	RegionTag      = "region"
	ModelTag       = "model"
	RunTag         = "run"
	KindTag        = "kind" // of an event: onset or alarm
)

const (
	// Missing stands in a float field for a value that is not known (NaN). InfluxDB has
	// no NaN, and leaving a field out would let the value of an earlier write shine
	// through, since a point that is written again is merged field by field. It lies
	// far outside of every real range, so that a chart that forgot to filter is plainly
	// wrong and not subtly: filter by judged = true, or by value > -1e8.
	Missing = -1e9

	// MaxAbs bounds what a float field holds; ±Inf and beyond are stored as ±MaxAbs.
	MaxAbs = 1e8

	// NoTime stands in a time field for the zero time; read as an instant it is 1970.
	NoTime = 0

	// HighProbability is from where a new suspect counts as one of high priority.
	HighProbability = 0.9

	// TopN is how many ranks the top has.
	TopN = 50

	// MaxTagBytes bounds a meter's or detector's name.
	MaxTagBytes = 256

	// MaxEvidenceBytes bounds the evidence of a score as JSON. Terms that do not fit are
	// left out, the weakest first.
	MaxEvidenceBytes = 4096
)

// A field of the score measurement. Every field is written every time (see Missing).
type (
	floatField struct {
		name, unit string // unit of the value, "1" for a plain number
		of         func(*flatwatt.Score) *float64
	}
	timeField struct { // seconds since 1970 UTC, an integer
		name string
		of   func(*flatwatt.Score) *time.Time
	}
	textField struct {
		name string
		of   func(*flatwatt.Score) *string
	}
)

// Fields without a table row: judged (boolean: State is not "not enough data"), day
// (integer: flatwatt.Day) and evidence (text: JSON, see appendEvidence).
const (
	judgedField   = "judged"
	dayField      = "day"
	evidenceField = "evidence"
)

// restField is a text that holds what a brief point has no fields for. Most scores say
// "normal", and each field of each meter is a series to the database: two thirds of its
// work. So a normal score is written with the fields of briefTexts … briefFloats, and the
// others in one text. A point with a rest has its truth there: fields of a longer point
// that was written before it at the same place may shine through, so Sink writes all
// fields where it knows of one.
//
// Form: "1", then the values of scoreTimes (Unix seconds) and scoreFloats in their order,
// each after a comma, nothing where it is not known. New fields are added at the end of
// their table under a new number.
const (
	restField   = "rest"
	restVersion = "1"

	wholeField = "valid_share" // one that only whole points have
)

// Fields that a brief point has as well as a whole one; beside them judged, day, the
// texts, and the evidence.
var (
	briefTimes  = []string{"first_alarm_s"}
	briefFloats = []string{"probability", "log_odds", "log_e_value", "block_kw", "mean_kw", "floor_kw"}
)

var scoreTexts = []textField{
	{"state", func(s *flatwatt.Score) *string { return (*string)(&s.State) }},
	{"model", func(s *flatwatt.Score) *string { return &s.Model }},
	{"schedule", func(s *flatwatt.Score) *string { return (*string)(&s.Schedule) }},
}

var scoreTimes = []timeField{
	{"onset_s", func(s *flatwatt.Score) *time.Time { return &s.Onset.At }},
	{"onset_low_s", func(s *flatwatt.Score) *time.Time { return &s.Onset.Low }},
	{"onset_high_s", func(s *flatwatt.Score) *time.Time { return &s.Onset.High }},
	{"ended_s", func(s *flatwatt.Score) *time.Time { return &s.Ended }},
	{"first_alarm_s", func(s *flatwatt.Score) *time.Time { return &s.FirstAlarm }},
}

var scoreFloats = []floatField{
	{"probability", "1, in [0, 1]", func(s *flatwatt.Score) *float64 { return &s.Probability }},
	{"log_odds", "1, natural", func(s *flatwatt.Score) *float64 { return &s.LogOdds }},
	{"outside_log_odds", "1, natural: part of log_odds from outside evidence", func(s *flatwatt.Score) *float64 { return &s.Outside }},
	{"log_e_value", "1, natural", func(s *flatwatt.Score) *float64 { return &s.LogEValue }},
	{"block_kw", "kW", func(s *flatwatt.Score) *float64 { return &s.Block.Value }},
	{"block_low_kw", "kW", func(s *flatwatt.Score) *float64 { return &s.Block.Low }},
	{"block_high_kw", "kW", func(s *flatwatt.Score) *float64 { return &s.Block.High }},
	{"units_low", "whole ASIC units", func(s *flatwatt.Score) *float64 { return &s.Units.Low }},
	{"units_high", "whole ASIC units", func(s *flatwatt.Score) *float64 { return &s.Units.High }},
	{"hashrate_low_ths", "TH/s", func(s *flatwatt.Score) *float64 { return &s.HashrateTHs.Low }},
	{"hashrate_high_ths", "TH/s", func(s *flatwatt.Score) *float64 { return &s.HashrateTHs.High }},
	{"energy_kwh", "kWh since onset", func(s *flatwatt.Score) *float64 { return &s.Energy.Value }},
	{"energy_low_kwh", "kWh since onset", func(s *flatwatt.Score) *float64 { return &s.Energy.Low }},
	{"energy_high_kwh", "kWh since onset", func(s *flatwatt.Score) *float64 { return &s.Energy.High }},
	{"mean_kw", "kW", func(s *flatwatt.Score) *float64 { return &s.Features.MeanKW }},
	{"floor_kw", "kW", func(s *flatwatt.Score) *float64 { return &s.Features.FloorKW }},
	{"load_factor", "1", func(s *flatwatt.Score) *float64 { return &s.Features.LoadFactor }},
	{"cv", "1", func(s *flatwatt.Score) *float64 { return &s.Features.CV }},
	{"robust_cv", "1", func(s *flatwatt.Score) *float64 { return &s.Features.RobustCV }},
	{"baseload_share", "1", func(s *flatwatt.Score) *float64 { return &s.Features.BaseloadShare }},
	{"night_day", "1", func(s *flatwatt.Score) *float64 { return &s.Features.NightDay }},
	{"weekday_weekend", "1", func(s *flatwatt.Score) *float64 { return &s.Features.WeekdayEnd }},
	{"acf24", "1, in [-1, 1]", func(s *flatwatt.Score) *float64 { return &s.Features.ACF24 }},
	{"power_factor", "1", func(s *flatwatt.Score) *float64 { return &s.Features.PowerFactor }},
	{"thermal_pct", "% per °C", func(s *flatwatt.Score) *float64 { return &s.Features.ThermalPct }},
	{"valid_share", "1, in [0, 1]", func(s *flatwatt.Score) *float64 { return &s.Features.ValidShare }},
}

// Fields of the roll-ups: how many scores there are, in which states, and sums over the
// suspects. Sums add what is known: a suspect whose block is not known adds nothing.
const (
	scoredField     = "scored" // integers from here
	normalField     = "normal"
	suspectsField   = "suspects"
	endedField      = "ended"
	faultsField     = "meter_faults"
	notEnoughField  = "not_enough_data"
	newField        = "new_suspects" // first alarm on this day
	newHighField    = "new_high"     // of these, as likely as HighProbability
	suspectedField  = "suspected_kw" // floats from here
	hashLowField    = "hashrate_low_ths"
	hashHighField   = "hashrate_high_ths"
	topMeterField   = "meter_id" // text; not "meter", which is a tag elsewhere
	topProbField    = "probability"
	topBlockField   = "block_kw"
	endField        = "end_ms" // end of the day or event; of roll-ups only fleet and model
	asOfField       = "as_of_s"
	eventTextField  = "text"
	partOfAllMeters = "all" // value of PartTag where one sink writes the whole fleet
)
