package ingest

import (
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/wire"
)

// maxAhead is how far a reading may start after it came, as in package wire.
const maxAhead = wire.MaxAhead

// earliest is the first start that the stream takes.
var earliest = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// check says where a reading goes, or why it cannot be taken. Its rules are those of
// package wire, which decodes what is stored here: a reading that would be rejected there
// is told to its sender while he listens.
func (t *taking) check(r *flatwatt.Reading) (to string, fault flatwatt.Rejected) {
	no := func(field, format string, args ...any) (string, flatwatt.Rejected) {
		return "", flatwatt.Rejected{
			Where: fmt.Sprintf("reading of %.128q at %s", r.Meter, r.Start.UTC().Format(time.RFC3339)),
			Field: field, Reason: fmt.Sprintf(format, args...),
			Raw: fmt.Appendf(nil, "%s,%s,%v,%v,%v,%v", r.Meter, r.Start.UTC().Format(time.RFC3339), float64(r.Energy), float64(r.Reactive), float64(r.Voltage), r.Length),
		}
	}
	if len(r.Meter) == 0 || len(r.Meter) > wire.MaxMeterIDBytes {
		return no("meter_id", "meter_id has %d bytes, from 1 to %d are taken: use the service point's name", len(r.Meter), wire.MaxMeterIDBytes)
	}
	if strings.ContainsFunc(string(r.Meter), func(c rune) bool { return c < ' ' || c == 0x7f }) || !utf8.ValidString(string(r.Meter)) {
		return no("meter_id", "meter_id %q holds control characters or is not UTF-8: correct it", r.Meter)
	}
	to, ok := t.Route(r.Meter)
	if !ok {
		return no("meter_id", "meter %q is not registered: add it to the register and send the reading again", r.Meter)
	}
	switch r.Length {
	case 5 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour:
	default:
		return no("length_s", "length %v is not supported: send intervals of 5, 15, 30 or 60 minutes", r.Length)
	}
	switch {
	case r.Start.Before(earliest):
		return no("start", "start is before %s: set the meter's clock", earliest.Format(time.RFC3339))
	case r.Start.After(t.latest):
		return no("start", "start is more than %v in the future: set the meter's clock", maxAhead)
	case !(math.Abs(float64(r.Energy)) <= wire.MaxEnergyKWh):
		return no("energy_kwh", "energy %v is not a value that a meter can read: leave the reading out where there is none", float64(r.Energy))
	case math.Abs(float64(r.Reactive)) > wire.MaxEnergyKWh:
		return no("reactive_kvarh", "reactive energy %v is not a value that a meter can read: leave it out where there is none", float64(r.Reactive))
	case r.Voltage < 0 || r.Voltage > wire.MaxEnergyKWh:
		return no("voltage_v", "voltage %v is not a value that a meter can read: leave it out where there is none", float64(r.Voltage))
	case r.Quality > flatwatt.Edited:
		return no("quality", "quality %d is not known: use actual, estimated or edited", r.Quality)
	}
	return to, flatwatt.Rejected{}
}
