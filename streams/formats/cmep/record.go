package cmep

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/flatwatt/flatwatt/streams/formats/format"
)

// A record is what the fixed fields of a line say.
type record struct {
	m        *format.Meter
	ch       format.Channel
	unit     format.Unit
	register bool
	factor   float64
	length   int64 // seconds
	count    int
	line     int64
	raw      []byte
}

func (d *decoder) record(o *format.Out, line []byte) {
	var ok bool
	d.fields, ok = format.SplitFields(d.fields[:0], line, ',')
	r := record{line: d.lines.Number(), raw: line, factor: 1}
	fail := func(field, text string, args ...any) { o.Reject(r.line, field, fmt.Sprintf(text, args...), line) }
	kind := string(d.field(0))
	switch {
	case !ok:
		fail("", "a field in quotes has no end: correct the record")
		return
	case strings.HasPrefix(kind, "MEP") && kind != "MEPMD01" && kind != "MEPLF01":
		d.tally.Skip("record type "+kind[:min(len(kind), 10)], 1)
		return
	case kind != "MEPMD01" && kind != "MEPLF01":
		fail("record type", "record type %.20q is not MEPMD01: correct or remove the line", kind)
		return
	case len(d.fields) < fieldData:
		fail("", "%d fields where a record has %d before its data: the line is cut off", len(d.fields), fieldData)
		return
	}
	d.unshift()
	if c := string(d.field(fieldCommodity)); c != "" && c != "E" {
		d.tally.Skip(fmt.Sprintf("commodity %.8s, which is not electricity", c), 1)
		return
	}
	id := d.field(fieldMeter)
	if strings.EqualFold(d.opt.Mapping.Meter, "customer") || len(id) == 0 {
		if id = d.field(fieldCustomer); len(id) == 0 {
			id = d.field(fieldSender)
		}
	}
	if r.m = d.meters.Get(id); r.m.Fault != "" {
		fail("meter id", "%s", r.m.Fault)
		return
	}
	if field, reason := d.describe(&r); reason != "" {
		fail(field, "%s", reason)
		return
	}
	if r.ch.Name == "" {
		d.tally.Skip(fmt.Sprintf("units %.12s", d.field(fieldUnits)), int64(r.count))
		return
	}
	d.data(o, &r)
}

// unshift mends records in which a sender left an empty field before the meter.
func (d *decoder) unshift() {
	if purpose(d.field(fieldPurpose)) || !purpose(d.field(fieldPurpose+1)) || len(d.field(fieldMeter)) > 0 {
		return
	}
	d.fields = append(d.fields[:fieldMeter], d.fields[fieldMeter+1:]...)
}

func purpose(b []byte) bool {
	switch string(bytes.ToUpper(b)) {
	case "OK", "RESEND", "SUMMARY", "HISTORY", "PROFILE", "TEMPLATE", "REJECT":
		return true
	}
	return false
}

// describe reads units, constant, interval and count. The channel stays without a name
// where flatwatt has no use for the units.
func (d *decoder) describe(r *record) (field, reason string) {
	if text := d.field(fieldMultiplier); len(text) > 0 {
		var ok bool
		if r.factor, ok = format.ParseNumber(text, '.'); !ok || !(r.factor > 0) || r.factor > 1e9 {
			return "calculation constant", fmt.Sprintf("calculation constant %.20q is not a number above zero: correct it", text)
		}
	}
	text := d.field(fieldInterval) // MMDDhhmm
	if n := format.Digits(text); len(text) > 0 {
		if n < 0 || len(text) != 8 || n/1e6 > 0 {
			return "interval", fmt.Sprintf("interval %.20q is not MMDDhhmm of less than a month, such as 00000015: correct it", text)
		}
		r.length = int64(n/10000%100)*86400 + int64(n/100%100)*3600 + int64(n%100)*60
	}
	if r.length == 0 {
		r.length = int64(r.m.Interval / time.Second)
	}
	if r.count = format.Digits(d.field(fieldCount)); r.count < 0 || r.count > maxCount {
		return "count", fmt.Sprintf("count %.20q is not a number up to %d: correct it", d.field(fieldCount), maxCount)
	}
	if have := (len(d.fields) - fieldData) / 3; have < r.count {
		return "count", fmt.Sprintf("count says %d values and the record holds %d: the line is cut off, or the count is wrong", r.count, have)
	}
	if !r.measure(strings.ToUpper(string(d.field(fieldUnits)))) {
		return "", ""
	}
	if r.length <= 0 && !r.register {
		return "interval", "the interval is zero: write it as MMDDhhmm, or set it by option or in the register"
	}
	return "", ""
}

// measure reads units such as KWH, KWHREG, KVARH, -KWH, KWHREC: what is measured, and
// whether by a register. Before them G (generated) or R (received) means energy from the
// customer, N net, D or S energy to the customer. ok is false for units of no use.
func (r *record) measure(units string) (ok bool) {
	base, register := strings.CutSuffix(units, "REG")
	base = strings.Trim(base, "_ ")
	for _, suffix := range []string{"_REC", "REC", "_REV", "REV", "-R", "_R", "(R)"} { // received from the customer
		if b, cut := strings.CutSuffix(base, suffix); cut {
			base, r.ch.Quantity = b, format.Export
			break
		}
	}
	for _, suffix := range []string{"_DEL", "DEL", "-D", "_D", "(D)"} {
		base = strings.TrimSuffix(base, suffix)
	}
	if b, cut := strings.CutPrefix(base, "-"); cut {
		base, r.ch.Quantity = b, format.Export
	}
	if r.unit, ok = format.ParseUnit(base); !ok && len(base) > 1 {
		if r.unit, ok = format.ParseUnit(base[1:]); !ok {
			return false
		}
		switch base[0] {
		case 'G', 'R':
			r.ch.Quantity = format.Export
		case 'N':
			r.ch.Rank = format.RankNet
		case 'D', 'S':
		default:
			return false
		}
	}
	if !ok {
		return false
	}
	switch {
	case r.unit.Voltage:
		r.ch.Quantity = format.Voltage
	case r.unit.Reactive:
		r.ch.Quantity += format.ReactiveImport - format.Import
	}
	if register {
		r.ch.Rank += format.RankRegister
	}
	r.register, r.ch.Name, r.ch.Power = register, units, r.unit.Power
	return true
}
