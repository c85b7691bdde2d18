package format

import (
	"strings"

	"github.com/flatwatt/flatwatt"
)

// A Unit says how a number becomes energy or voltage.
type Unit struct {
	Factor   float64 // to kW, kWh, kVAr, kVArh or V
	Power    bool    // mean power: times the hours of the interval it is energy
	Reactive bool
	Voltage  bool
}

// ParseUnit reads kWh, Wh, MWh, GWh, kW, W, MW, the same of VArh and VAr, and V and kV,
// in upper or lower case.
func ParseUnit(s string) (u Unit, ok bool) {
	s = strings.ToLower(strings.TrimSpace(s))
	u = Unit{Factor: 1}
	switch s {
	case "v":
		return Unit{Factor: 1, Voltage: true}, true
	case "kv":
		return Unit{Factor: 1000, Voltage: true}, true
	}
	base, hours := strings.CutSuffix(s, "h")
	u.Power = !hours
	prefix, reactive := strings.CutSuffix(base, "var")
	u.Reactive = reactive
	if !reactive {
		if prefix, ok = strings.CutSuffix(base, "w"); !ok {
			return Unit{}, false
		}
	}
	switch prefix {
	case "":
		u.Factor = 1e-3
	case "k":
	case "m":
		u.Factor = 1e3
	case "g":
		u.Factor = 1e6
	default:
		return Unit{}, false
	}
	return u, true
}

// Scale is what a value over an interval of seconds is multiplied with to be kWh, kVArh
// or V.
func (u Unit) Scale(seconds int64) float64 {
	if u.Power {
		return u.Factor * float64(seconds) / 3600
	}
	return u.Factor
}

// Missing is the quality of a value that is none.
const Missing flatwatt.Quality = 255

// ParseQuality reads the words of docs/formats.md. Missing says that there is no value.
func ParseQuality(s string) (q flatwatt.Quality, ok bool) {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "", "actual", "a", "measured", "valid", "v":
		return flatwatt.Actual, true
	case "estimated", "e", "substituted", "s":
		return flatwatt.Estimated, true
	case "edited", "f", "final", "manual", "m":
		return flatwatt.Edited, true
	case "n", "missing", "null":
		return Missing, true
	}
	return 0, false
}
