package flatwatt

import "time"

// A Score is one detector's judgement of one meter as of the end of one day.
// Meter, Day and Detector identify it: writing it again replaces it.
//
// Where State is NotEnoughData, Probability, LogOdds and Block are NaN: a score of
// zero never stands for "unknown".
type Score struct {
	Meter    MeterID
	Day      Day
	Start    time.Time // of Day in the meter's zone, UTC; the score's time in the database
	Detector string    // "customer", …
	Model    string    // version of the model file
	State    State

	Probability float64 // that the meter hides a miner, or hid one that has ended; calibrated, in [0, 1]
	LogOdds     float64 // natural logarithm of the odds, before calibration
	Outside     float64 // the part of LogOdds that outside evidence and registers added; 0: none
	LogEValue   float64 // natural logarithm of the e-value against "an honest meter"; NaN: the model has none

	Block       Estimate  // mean kW of the suspected block while it ran
	Onset       Instants  // zero At: the block is older than the data
	Ended       time.Time // when the block vanished; zero while it runs
	FirstAlarm  time.Time // close of the first day on which the meter was a suspect; zero if none
	Units       Range     // whole ASIC units
	HashrateTHs Range     // TH/s
	Energy      Estimate  // kWh of the block since its onset
	Schedule    Schedule

	Evidence []Evidence // largest absolute contribution first
	Features Features
}

// State is what is to be done about a meter.
type State string

const (
	Normal        State = "normal"
	Suspect       State = "suspect"
	Ended         State = "ended" // a suspected block that has vanished
	MeterFault    State = "meter fault"
	NotEnoughData State = "not enough data"
	Inspect       State = "inspect on site" // of a hall: the evidence does not decide between farm and data centre
)

// An Estimate is a value with its 90 % interval. All NaN where there is none.
type Estimate struct{ Value, Low, High float64 }

// Instants is a moment with its 90 % interval. All zero where there is none.
type Instants struct{ At, Low, High time.Time }

// A Range is a plain lower and upper bound; both zero where there is none.
type Range struct{ Low, High float64 }

// Schedule names the hours at which a block runs.
type Schedule string

const (
	AlwaysOn  Schedule = "24x7"
	Night     Schedule = "night"
	OffPeak   Schedule = "off_peak" // all but the evening or price peak
	Daytime   Schedule = "daytime"  // solar-paired
	NoneKnown Schedule = ""
)

// Evidence is one term of a score: what was measured and what it says.
type Evidence struct {
	Term    string  // its name, as registered in package detectors
	LogOdds float64 // contribution; positive speaks for a miner
	Value   float64 // what was measured, in the unit that the term documents
}

// Features are the published load features of a meter over the 14 days that end with
// the score's day. NaN where they cannot be computed. They inform; they never judge.
type Features struct {
	MeanKW        float64 // mean demand
	FloorKW       float64 // 5 % quantile of demand
	LoadFactor    float64 // mean / 99.5 % quantile, in [0, 1]
	CV            float64 // standard deviation / mean
	RobustCV      float64 // 1.4826 × MAD / median
	BaseloadShare float64 // 5 % quantile / mean
	NightDay      float64 // mean of 00–05 / mean of 10–16, local
	WeekdayEnd    float64 // mean of weekdays / mean of weekends
	ACF24         float64 // autocorrelation at 24 hours, in [−1, 1]
	PowerFactor   float64 // median; NaN where reactive energy is not metered
	ThermalPct    float64 // slope of daily mean on daily temperature, % per °C; NaN without weather
	ValidShare    float64 // valid intervals / expected, in [0, 1]
}
