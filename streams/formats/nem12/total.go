package nem12

import (
	"fmt"
	"math"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/formats/format"
)

// totals are the accumulated reads (250 records) of one NMI, registers of one period
// added up.
type totals struct {
	meter flatwatt.MeterID
	of    []total
}

type total struct {
	start, end int64
	energy     float64
	quality    flatwatt.Quality
	line       int64
}

// maxTotals bounds the reads of one NMI that are held to be added up.
const maxTotals = 10_000

// accumulated takes a 250 record: what went through a register between two reads.
func (d *decoder) accumulated(o *format.Out, line []byte) {
	d.data = true
	n := d.lines.Number()
	fail := func(field, text string, args ...any) { o.Reject(n, field, fmt.Sprintf(text, args...), line) }
	if d.version != "NEM13" {
		fail("RecordIndicator", "a 250 record in a NEM12 file: split the file")
		return
	}
	m := d.meters.Get(d.field(1))
	from, fromOK := stamp(d.field(9))
	to, toOK := stamp(d.field(14))
	quantity, ok := format.ParseNumber(d.field(18), '.')
	q, variable, qualityOK := quality(d.field(15))
	unit, unitOK := format.ParseUnit(string(d.field(19)))
	direction := string(d.field(7))
	switch {
	case m.Fault != "":
		fail("NMI", "%s", m.Fault)
	case !fromOK:
		fail("PreviousRegisterReadDateTime", "time %.20q is not CCYYMMDDhhmmss: correct it", d.field(9))
	case !toOK || to <= from:
		fail("CurrentRegisterReadDateTime", "time %.20q is not CCYYMMDDhhmmss after the previous read: correct it", d.field(14))
	case !ok:
		fail("Quantity", "quantity %.20q is not a number: correct it", d.field(18))
	case direction != "E" && direction != "I":
		fail("DirectionIndicator", "direction %.10q is neither E (to the customer) nor I (from it): correct it", direction)
	case !qualityOK || variable:
		fail("CurrentQualityMethod", "quality method %.20q is not A, E, F, N or S with two digits of method: correct it", d.field(15))
	case !unitOK || unit.Power:
		fail("UOM", "unit %.20q is not known: use kWh, Wh, MWh or kVArh", d.field(19))
	case unit.Reactive || unit.Voltage:
		d.tally.Skip("accumulated reactive energy", 1)
	case q == format.Missing:
		d.tally.Missing++
	default:
		if direction == "I" {
			quantity = -quantity
		}
		d.totals.add(o, m.ID, total{from, to, quantity * unit.Factor * m.Factor, q, n})
	}
}

func (t *totals) add(o *format.Out, id flatwatt.MeterID, x total) {
	if id != t.meter || len(t.of) >= maxTotals {
		t.give(o)
		t.meter = id
	}
	for i := range t.of {
		if y := &t.of[i]; y.start == x.start && y.end == x.end {
			y.energy += x.energy
			y.quality = format.Worse(y.quality, x.quality)
			return
		}
	}
	t.of = append(t.of, x)
}

func (t *totals) give(o *format.Out) {
	for _, x := range t.of {
		r := flatwatt.Reading{
			Meter: t.meter, Start: time.Unix(x.start, 0).UTC(), Length: time.Duration(x.end-x.start) * time.Second,
			Energy: flatwatt.KWh(x.energy), Reactive: flatwatt.KVArh(math.NaN()), Voltage: flatwatt.Volt(math.NaN()), Quality: x.quality,
		}
		o.Reading(&r, x.line)
	}
	t.of = t.of[:0]
}
