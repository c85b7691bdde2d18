// Package cmep reads CMEP, the California Metering Exchange Protocol: a MEPMD01 (or
// MEPLF01) record a line, with the intervals of one meter and channel as triples of
// time, quality and value. A time is the end of its interval; where it is left out it
// is the one before plus the interval. Times are in UTC unless a zone is given: senders
// differ.
package cmep

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/formats/format"
)

// Format describes CMEP.
func Format() format.Format {
	return format.Format{
		Name: "cmep", Description: "CMEP, California Metering Exchange Protocol (MEPMD01, MEPLF01)",
		Extensions: []string{".cmep", ".csv", ".txt", ".dat"},
		Sniff:      sniff, Open: open,
	}
}

func sniff(head []byte, _ string) int {
	head = bytes.TrimLeft(head, " \t\r\n\"\ufeff")
	if bytes.HasPrefix(head, []byte("MEPMD01,")) || bytes.HasPrefix(head, []byte("MEPLF01,")) || bytes.HasPrefix(head, []byte("MEPMD01\",")) {
		return 100
	}
	if bytes.HasPrefix(head, []byte("MEP")) && bytes.Contains(head, []byte("\nMEPMD01,")) {
		return 90
	}
	return 0
}

// Fields of a record.
const (
	fieldSender     = 3
	fieldCustomer   = 5
	fieldMeter      = 7
	fieldPurpose    = 8
	fieldCommodity  = 9
	fieldUnits      = 10
	fieldMultiplier = 11
	fieldInterval   = 12
	fieldCount      = 13
	fieldData       = 14

	// maxCount bounds the triples of a record: three years of five minutes.
	maxCount = 400_000
)

func open(in *format.Input, opt format.Options) (flatwatt.Source, error) {
	if opt.Mapping == nil {
		opt.Mapping = &format.Mapping{}
	}
	var offset int
	if opt.Zone != nil {
		_, offset = time.Date(2026, 1, 1, 0, 0, 0, 0, opt.Zone).Zone()
	}
	d := &decoder{
		opt: opt, lines: format.NewLines(in.R, opt.Limits), tally: in.Tally,
		meters: format.NewMeters(opt, in.Tally), joiner: format.NewJoiner(opt, int64(offset)),
	}
	return format.NewSource(in, opt, d.step), nil
}

type decoder struct {
	opt     format.Options
	lines   *format.Lines
	tally   *format.Tally
	meters  *format.Meters
	joiner  *format.Joiner
	fields  [][]byte
	drained bool
	any     bool
}

func (d *decoder) step(o *format.Out) error {
	if d.drained {
		if d.joiner.Flush(o) {
			return io.EOF
		}
		return nil
	}
	for range 16 {
		line, err := d.lines.Next()
		if err == format.ErrLongLine {
			o.Reject(d.lines.Number(), "", d.lines.LongLine(), nil)
			continue
		}
		if err != nil {
			return d.end(o, err)
		}
		if len(bytes.TrimSpace(line)) > 0 {
			d.any = true
			d.record(o, line)
		}
	}
	d.joiner.Drain(o)
	return nil
}

func (d *decoder) end(o *format.Out, err error) error {
	damage, isDamage := err.(*format.Damage)
	if !isDamage && err != io.EOF {
		return err
	}
	d.drained = true
	if isDamage {
		o.Reject(damage.Line, "", damage.Reason, nil)
	} else if !d.any {
		o.Reject(1, "", "the file is empty: export it again", nil)
	}
	return nil
}

func (d *decoder) field(i int) []byte {
	if i >= len(d.fields) {
		return nil
	}
	return bytes.TrimSpace(d.fields[i])
}

// data reads the triples.
func (d *decoder) data(o *format.Out, r *record) {
	at, told := int64(0), 0
	for i := range r.count {
		stamp, flag, text := d.field(fieldData+3*i), d.field(fieldData+3*i+1), d.field(fieldData+3*i+2)
		reason, field := "", "time"
		var v float64
		q, ok := quality(flag)
		switch {
		case len(stamp) == 0 && (at == 0 || r.length == 0):
			reason = "the first value has no time: the record says nothing without it"
		case len(stamp) == 0:
			at += r.length
		default:
			var good bool
			if at, good = d.stamp(r, stamp); !good {
				reason = fmt.Sprintf("time %.20q of value %d is not CCYYMMDDhhmm of a time that exists: correct it", stamp, i+1)
			}
		}
		if reason == "" && !ok {
			field, reason = "quality", fmt.Sprintf("quality %.20q of value %d begins with none of R, A, E, V, N: correct it", flag, i+1)
		}
		if reason == "" && (q == format.Missing || format.IsNone(text)) {
			d.tally.Missing++
			continue
		}
		if reason == "" {
			if v, ok = format.ParseNumber(text, '.'); !ok {
				field, reason = "value", fmt.Sprintf("value %.40q (number %d of the record) is not a number: correct it", text, i+1)
			}
		}
		if reason != "" {
			if told++; told <= 10 { // a record of a thousand bad values says so ten times
				o.Reject(r.line, field, reason, r.raw)
			}
			continue
		}
		d.one(o, r, at, v*r.factor, q)
	}
}

// stamp reads a time; the zone is the meter's or UTC.
func (d *decoder) stamp(r *record, b []byte) (int64, bool) {
	y, mo, day, used := format.Date(b)
	if used != 8 || len(b) != 12 && len(b) != 14 {
		return 0, false
	}
	h, mi := format.Digits(b[8:10]), format.Digits(b[10:12])
	if h < 0 || h > 24 || mi < 0 || mi > 59 {
		return 0, false
	}
	wall := format.Civil(y, mo, day) + int64(h*3600+mi*60)
	if r.m.Zone == nil {
		return wall, true
	}
	last := r.m.Last(r.ch.Name)
	unix, ok := format.Local(time.Unix(wall, 0).UTC(), r.m.Zone, *last)
	if ok {
		*last = unix
	}
	return unix, ok
}

func (d *decoder) one(o *format.Out, r *record, at int64, v float64, q flatwatt.Quality) {
	start, length := at-r.length, r.length
	if d.opt.Stamp == format.StampStart {
		start = at
	}
	if r.register {
		o.Showed(r.m, r.ch, at, v*r.unit.Factor*r.m.Factor)
		delta, ok, reason := r.m.Register(d.tally, r.ch.Name, at, v, 0, q == flatwatt.Estimated)
		if reason != "" {
			o.Reject(r.line, "value", reason, r.raw)
		}
		if !ok {
			return
		}
		if length > 0 && delta.End-delta.Start != length {
			d.tally.Gaps++
			return
		}
		start, length, v = delta.Start, delta.End-delta.Start, delta.Energy
		if delta.Estimated {
			q = flatwatt.Estimated
		}
	}
	scale := r.unit.Scale(length)
	if !r.unit.Voltage {
		scale *= r.m.Factor
	}
	one := [1]float64{v * scale}
	if math.IsInf(one[0], 0) {
		one[0] = math.MaxFloat64 // refused as beyond any meter
	}
	d.joiner.Add(d.tally, r.m.ID, r.ch, &format.Values{Start: start, Length: length, V: one[:], All: q, Line: r.line})
}

// quality reads a flag such as R0 or E: its first letter, R or V as read, A adjusted, E
// estimated, N none.
func quality(b []byte) (q flatwatt.Quality, ok bool) {
	if len(b) == 0 {
		return flatwatt.Actual, true
	}
	switch b[0] {
	case 'R', 'V', 'r', 'v':
		return flatwatt.Actual, true
	case 'A', 'a':
		return flatwatt.Edited, true
	case 'E', 'e':
		return flatwatt.Estimated, true
	case 'N', 'n':
		return format.Missing, true
	}
	return 0, false
}
