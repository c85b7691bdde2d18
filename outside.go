package flatwatt

import (
	"fmt"
	"math"
	"strings"
	"time"
	"unicode"
)

// An Outside is a piece of outside evidence: what a person or another system said of a
// meter. It is fused into the meter's score as a line of its own, never silently.
//
// ID identifies it: of several with the same one the last entered counts, so it can be
// corrected, or taken back by one with LogOdds 0. It counts from the meter's local day on
// which it was Entered, whatever At says, so that scoring again later gives the same.
type Outside struct {
	ID      string      // of its source; at most MaxOutsideText bytes
	Meter   MeterID     // or, where that is not known:
	Account string      // of the customer, as in the column account of the register
	Address string      // of the supply, as in the column address
	Kind    OutsideKind // what it is
	Source  string      // who said it: a hotline's number, a system, a team
	At      time.Time   // when it was observed
	Entered time.Time   // when it was entered
	By      string      // who entered it
	LogOdds float64     // its reliability: natural log odds for a miner, −6 to 6
	Until   time.Time   // from when it no longer counts; zero: DefaultTerm of its kind
	Note    string      // for people
}

// OutsideKind says what a piece of outside evidence is.
type OutsideKind string

const (
	TipOff        OutsideKind = "tip_off"        // of a hotline such as 12398, a neighbour, a colleague
	IPContact     OutsideKind = "ip_contact"     // an address of the internet that mines, matched to the customer
	PoolContact   OutsideKind = "pool_contact"   // traffic to a mining pool, matched to the customer
	Inspection    OutsideKind = "inspection"     // outcome of an inspection: positive where a miner was found
	ThermalSurvey OutsideKind = "thermal_survey" // a picture of heat
	OtherOutside  OutsideKind = "other"
)

// Limits of outside evidence.
const (
	MaxOutsideText    = 200 // bytes of each text
	MaxOutsideLogOdds = 6.0
)

// outsideKinds gives the log odds that stand where none are told, and for how many days a
// piece of evidence counts. Assumptions: a hotline's calls are right about one time in
// five more often than chance, and a machine that talked to a pool is likely still there.
var outsideKinds = map[OutsideKind]struct {
	logOdds float64
	days    int
}{
	TipOff: {1.5, 365}, IPContact: {3, 120}, PoolContact: {4, 120}, Inspection: {math.NaN(), 365}, ThermalSurvey: {2, 180}, OtherOutside: {math.NaN(), 365},
}

// Complete fills in what may be left out, NaN LogOdds and zero Until and Entered among it,
// and says what is wrong: the field and what would put it right. Both are empty where
// nothing is.
func (o *Outside) Complete() (field, reason string) {
	kind, known := outsideKinds[o.Kind]
	if !known {
		return "kind", fmt.Sprintf("%q is not tip_off, ip_contact, pool_contact, inspection, thermal_survey or other", o.Kind)
	}
	for _, f := range []struct {
		name, text string
		need       bool
	}{{"id", o.ID, true}, {"meter_id", string(o.Meter), false}, {"account", o.Account, false}, {"address", o.Address, false}, {"source", o.Source, true}, {"by", o.By, true}, {"note", o.Note, false}} {
		switch {
		case f.need && f.text == "":
			return f.name, "is empty: every piece of evidence says who said it, who entered it, and has an id"
		case len(f.text) > MaxOutsideText:
			return f.name, fmt.Sprintf("has %d bytes: shorten it to %d", len(f.text), MaxOutsideText)
		case strings.ContainsFunc(f.text, unicode.IsControl) || strings.ToValidUTF8(f.text, "") != f.text:
			return f.name, "has control characters or is not UTF-8: write plain text"
		}
	}
	if o.Meter == "" && o.Account == "" && o.Address == "" {
		return "meter_id", "is empty: name the meter, the account or the address"
	}
	if o.At.IsZero() {
		return "at", "is empty: say when it was observed, like 2026-01-31T10:00:00Z"
	}
	if o.LogOdds != o.LogOdds {
		o.LogOdds = kind.logOdds
	}
	if !(math.Abs(o.LogOdds) <= MaxOutsideLogOdds) {
		return "log_odds", fmt.Sprintf("is %v: give −%g to %g; an inspection needs one, positive where a miner was found", o.LogOdds, MaxOutsideLogOdds, MaxOutsideLogOdds)
	}
	if o.Entered.IsZero() {
		o.Entered = o.At
	}
	if o.Until.IsZero() {
		o.Until = o.At.AddDate(0, 0, kind.days)
	}
	if !o.Until.After(o.At) {
		return "until", "is not after the observation: leave it empty for the usual term"
	}
	return "", ""
}

// A Registered is a flat load that the utility knows of: a telecom hall, a data centre,
// street lights, pumps. Use as declared speaks against a miner, use beyond it for one.
type Registered struct {
	Meter MeterID
	Use   RegisteredUse
	KW    KW        // expected mean demand
	From  time.Time // zero: always
	Until time.Time // zero: without expiry
	Note  string
}

// RegisteredUse is what a registered flat load was declared to be.
type RegisteredUse string

const (
	TelecomUse     RegisteredUse = "telecom"
	DataCentreUse  RegisteredUse = "data_centre"
	StreetLightUse RegisteredUse = "street_light"
	PumpUse        RegisteredUse = "pump"
	OtherUse       RegisteredUse = "other"
)

// OutsideBook tells outside evidence and registrations. Implementations must return
// evidence of a meter in the order in which it was entered, completed.
type OutsideBook interface {
	Outside(MeterID) []Outside
	Registered(MeterID) []Registered
}
