package wire

import (
	"fmt"
	"math"
	"time"
	"unicode/utf8"

	"github.com/flatwatt/flatwatt"
)

// A fault says which field is wrong, and how to put it right. The zero fault is none.
type fault struct{ field, reason string }

// A row is one reading as sent, before it is judged.
type row struct {
	id                 []byte
	start              time.Time // zero: missing
	length             time.Duration
	energy             float64 // NaN with hasEnergy false: missing
	reactive, voltage  float64 // NaN: not metered
	quality            flatwatt.Quality
	hasEnergy, hasSize bool  // hasSize: length was sent
	fault              fault // the first one met while parsing
}

func (r *row) reset() { *r = row{energy: math.NaN(), reactive: math.NaN(), voltage: math.NaN()} }

// blame notes the first fault of a row.
func (r *row) blame(field, format string, args ...any) {
	if r.fault.field == "" {
		r.fault = fault{field, fmt.Sprintf(format, args...)}
	}
}

// take appends the row's reading to the batch, or says why not.
func (d *Decoder) take(r *row) fault {
	if r.fault.field != "" {
		return r.fault
	}
	meter, interval, f := d.meter(r.id)
	if f.reason != "" {
		return f
	}
	if !r.hasSize {
		r.length = interval
	}
	if f := checkLength(r.length); f.reason != "" {
		return f
	}
	if r.start.IsZero() {
		return fault{"start", "start is missing: send the start of the interval"}
	}
	if f := d.checkStart(r.start.Unix()); f.reason != "" {
		return f
	}
	if !r.hasEnergy {
		return fault{"energy_kwh", "energy_kwh is missing: leave the whole reading out where the meter has none"}
	}
	if f := checkValues(r.energy, r.reactive, r.voltage); f.reason != "" {
		return f
	}
	d.batch.Readings = append(d.batch.Readings, flatwatt.Reading{
		Meter: meter, Start: r.start, Length: r.length, Energy: flatwatt.KWh(r.energy),
		Reactive: flatwatt.KVArh(r.reactive), Voltage: flatwatt.Volt(r.voltage), Quality: r.quality,
	})
	return fault{}
}

func (d *Decoder) meter(id []byte) (flatwatt.MeterID, time.Duration, fault) {
	if f := checkMeterID(id); f.reason != "" {
		return "", 0, f
	}
	meter, interval, ok := d.Known(id)
	if !ok {
		return "", 0, fault{"meter_id", fmt.Sprintf("meter %q is not registered: add it to the register and send the reading again", id)}
	}
	return meter, interval, fault{}
}

func checkMeterID(id []byte) fault {
	switch {
	case len(id) == 0:
		return fault{"meter_id", "meter_id is empty or missing: name the service point"}
	case len(id) > MaxMeterIDBytes:
		return fault{"meter_id", fmt.Sprintf("meter_id has %d bytes, the limit is %d: use the service point's name", len(id), MaxMeterIDBytes)}
	}
	ascii := true
	for _, c := range id {
		if c < 0x20 || c == 0x7f {
			return fault{"meter_id", fmt.Sprintf("meter_id %q holds the control character %#02x: remove it", id, c)}
		}
		ascii = ascii && c < utf8.RuneSelf
	}
	if !ascii && !utf8.Valid(id) {
		return fault{"meter_id", fmt.Sprintf("meter_id %q is not UTF-8: convert it", id)}
	}
	return fault{}
}

func checkLength(l time.Duration) fault {
	switch l {
	case 5 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour:
		return fault{}
	case 0:
		return fault{"length_s", "length is missing or zero, and no interval is registered for the meter: send length_s"}
	}
	return fault{"length_s", fmt.Sprintf("length %v is not supported: use 300, 900, 1800 or 3600 s", l)}
}

func (d *Decoder) checkStart(sec int64) fault {
	if sec < earliest.Unix() {
		return fault{"start", fmt.Sprintf("start %s is before %s: set the meter's clock", stamp(sec), stamp(earliest.Unix()))}
	}
	if sec > d.latestSec {
		return fault{"start", fmt.Sprintf("start is more than %v after the message was received (%s): set the meter's clock",
			MaxAhead, d.message.Received.UTC().Format(time.RFC3339))}
	}
	return fault{}
}

// stamp writes Unix seconds for people; far ones, which have no calendar date, as a number.
func stamp(sec int64) string {
	if sec < -1<<37 || sec > 1<<37 {
		return fmt.Sprintf("%d s", sec)
	}
	return time.Unix(sec, 0).UTC().Format(time.RFC3339)
}

// checkValues refuses what no meter measures. Reactive energy and voltage may be NaN,
// which stands for "not metered"; the forms that have no NaN leave them out.
func checkValues(energy, reactive, voltage float64) fault {
	switch {
	case !(math.Abs(energy) <= MaxEnergyKWh):
		return outOfRange("energy_kwh", energy)
	case math.Abs(reactive) > MaxEnergyKWh:
		return outOfRange("reactive_kvarh", reactive)
	case voltage < 0 || voltage > MaxEnergyKWh:
		return outOfRange("voltage_v", voltage)
	}
	return fault{}
}

func outOfRange(field string, v float64) fault {
	return fault{field, fmt.Sprintf("%s %v is not a value that a meter can read: leave the reading out where there is none", field, v)}
}

// seconds is a length sent as a number; what is not a whole, small number of seconds
// becomes a length that checkLength refuses.
func seconds(v float64) time.Duration {
	if v != math.Trunc(v) || math.Abs(v) > 1e6 {
		return time.Duration(-1)
	}
	return time.Duration(v) * time.Second
}

// quality reads a quality by its name.
func quality(name []byte) (flatwatt.Quality, bool) {
	switch string(name) {
	case "actual":
		return flatwatt.Actual, true
	case "estimated":
		return flatwatt.Estimated, true
	case "edited":
		return flatwatt.Edited, true
	}
	return 0, false
}

// qualityName is the inverse of quality; "" for a value that is none.
func qualityName(q flatwatt.Quality) string {
	switch q {
	case flatwatt.Actual:
		return "actual"
	case flatwatt.Estimated:
		return "estimated"
	case flatwatt.Edited:
		return "edited"
	}
	return ""
}
