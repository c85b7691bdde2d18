package nem12

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/formats/format"
)

// A channel is what a 200 record opens.
type channel struct {
	meter  *format.Meter // nil: no 200 record, or one that was rejected
	as     format.Channel
	unit   format.Unit
	length time.Duration
	skip   string // not empty: flatwatt has no use for it, and why
	line   int64
	failed bool // the 200 record was rejected
}

// A day is what a 300 record holds, until the 400 records that follow it are read.
type day struct {
	open     bool
	bad      bool
	variable bool
	covered  int // intervals that 400 records have spoken for
	line     int64
	eventsAt int64
	start    int64
	version  int64
	value    []float64
	quality  []flatwatt.Quality
}

// empty is the first interval without a value that should have one; −1 where none is.
func (d *day) empty() int {
	for i, v := range d.value {
		if v != v && d.quality[i] != format.Missing {
			return i
		}
	}
	return -1
}

func (d *day) abandon() { d.bad = true }

func (d *decoder) open200(o *format.Out, line []byte) {
	d.data = true
	n := d.lines.Number()
	c := channel{line: n, failed: true}
	defer func() { d.channel = c }()
	if d.version != "NEM12" {
		o.Reject(n, "RecordIndicator", "a 200 record in a NEM13 file: it and its 300 records are left out; split the file", line)
		return
	}
	m := d.meters.Get(d.field(1))
	if m.Fault != "" {
		o.Reject(n, "NMI", m.Fault+"; its 300 records are left out", line)
		return
	}
	suffix, uom := strings.ToUpper(string(d.field(4))), string(d.field(7))
	minutes := format.Digits(d.field(8))
	if minutes <= 0 || minutes > 60 || 1440%minutes != 0 {
		o.Reject(n, "IntervalLength", fmt.Sprintf("interval length %.20q is no number of minutes that divides an hour, such as 5, 15 or 30; its 300 records are left out", d.field(8)), line)
		return
	}
	c.length = time.Duration(minutes) * time.Minute
	unit, known := format.ParseUnit(uom)
	as, use := channelOf(suffix, unit)
	switch {
	case suffix == "":
		o.Reject(n, "NMISuffix", "the suffix is empty, so the direction of the energy is not known; its 300 records are left out", line)
		return
	case use && !known:
		o.Reject(n, "UOM", fmt.Sprintf("unit %.20q is not known: use kWh, Wh, MWh, kVArh …; its 300 records are left out", uom), line)
		return
	case !use:
		c.skip = fmt.Sprintf("channel %.4s in %.10s", suffix, uom)
	}
	// All channels of an NMI name the same configuration, until a meter is exchanged.
	as.Set, as.Power = strings.ToUpper(string(d.field(2))), unit.Power
	c.meter, c.as, c.unit, c.failed = m, as, unit, false
}

// channelOf tells what a suffix stands for; use is false where flatwatt does not use it.
func channelOf(suffix string, unit format.Unit) (ch format.Channel, use bool) {
	ch.Name = suffix
	if unit.Voltage {
		ch.Quantity = format.Voltage
		return ch, true
	}
	if suffix == "" {
		return ch, false
	}
	const masters, averages, checks = "EBQK", "DAPJ", "FCRL"
	quantities := [...]format.Quantity{format.Import, format.Export, format.ReactiveImport, format.ReactiveExport}
	for rank, letters := range []string{masters, averages, checks} {
		if i := strings.IndexByte(letters, suffix[0]); i >= 0 {
			ch.Quantity, ch.Rank = quantities[i], uint8(rank)
			reactive := ch.Quantity >= format.ReactiveImport
			return ch, unit == (format.Unit{}) || unit.Reactive == reactive
		}
	}
	return ch, false
}

func (d *decoder) open300(o *format.Out, line []byte) {
	c, n := &d.channel, d.lines.Number()
	if c.meter == nil {
		if !c.failed {
			o.Reject(n, "RecordIndicator", "a 300 record without a 200 record before it: its meter is not known", line)
			return
		}
		d.tally.Skip("300 records of a 200 record that was rejected", 1)
		return
	}
	count := int(24 * time.Hour / c.length)
	start, ok := stamp(d.field(1))
	if !ok || len(d.field(1)) != 8 {
		o.Reject(n, "IntervalDate", fmt.Sprintf("date %.20q is not CCYYMMDD: correct it", d.field(1)), line)
		return
	}
	q, variable, ok := quality(d.field(2 + count))
	if found := d.countValues(); !ok || found != count {
		field, reason := "IntervalValue", fmt.Sprintf("%d values where a day of %v has %d: the interval length of the 200 record on line %d or this record is wrong; the day is left out", found, c.length, count, c.line)
		if found == count {
			field, reason = "QualityMethod", fmt.Sprintf("quality method %.20q is not A, E, F, N, S or V with two digits of method: the day is left out", d.field(2+count))
		}
		o.Reject(n, field, reason, line)
		d.day = day{bad: true, value: d.day.value, quality: d.day.quality}
		return
	}
	d.day = day{open: true, variable: variable, line: n, eventsAt: n, start: start, value: d.day.value[:0], quality: d.day.quality[:0]}
	if version := d.field(2 + count + 3); len(version) == 14 {
		d.day.version = int64(format.Digits(version[:8]))*1e6 + int64(format.Digits(version[8:]))
	}
	d.values(o, line, count, q)
}

// countValues counts the numbers from the third field on: the values, since the quality
// that follows them begins with a letter.
func (d *decoder) countValues() (n int) {
	for i := 2; i < len(d.fields); i++ {
		f := d.field(i)
		if len(f) > 0 && (f[0] >= 'A' && f[0] <= 'Z' || f[0] >= 'a' && f[0] <= 'z') {
			break
		}
		n++
	}
	return n
}

func (d *decoder) values(o *format.Out, line []byte, count int, q flatwatt.Quality) {
	scale := d.channel.unit.Scale(d.channel.seconds())
	if !d.channel.unit.Voltage {
		scale *= d.channel.meter.Factor
	}
	for i := range count {
		v, ok := format.ParseNumber(d.field(2+i), '.')
		if !ok && (q == format.Missing || d.day.variable) && len(d.field(2+i)) == 0 {
			v, ok = math.NaN(), true // whether it may be is told by the 400 records of a V
		}
		if !ok {
			o.Reject(d.day.line, fmt.Sprintf("IntervalValue%d", i+1), fmt.Sprintf("value %.20q is not a number: correct it, or give it quality N; the day is left out", d.field(2+i)), line)
			d.day.open, d.day.bad = false, true
			return
		}
		d.day.value, d.day.quality = append(d.day.value, v*scale), append(d.day.quality, q)
	}
}

// event takes a 400 record: the quality of a range of intervals of the day.
func (d *decoder) event(o *format.Out, line []byte) {
	y, n := &d.day, d.lines.Number()
	if y.bad || d.channel.failed {
		return // the day was rejected already
	}
	if !y.open {
		o.Reject(n, "RecordIndicator", "a 400 record without a 300 record before it: remove it", line)
		return
	}
	fail := func(field, format string, args ...any) {
		o.Reject(n, field, fmt.Sprintf(format, args...)+"; the day is left out", line)
		y.open, y.bad = false, true
	}
	from, to := format.Digits(d.field(1)), format.Digits(d.field(2))
	q, variable, ok := quality(d.field(3))
	switch {
	case !y.variable:
		o.Reject(n, "QualityMethod", "a 400 record for a day whose quality is not V: it is ignored; correct one of the two", line)
		return
	case from < 1 || to < from || to > len(y.value):
		fail("StartInterval", "range %.10s to %.10s is not within the day's %d intervals", d.field(1), d.field(2), len(y.value))
		return
	case from != y.covered+1:
		fail("StartInterval", "the range begins at %d where %d is due: ranges must follow one another", from, y.covered+1)
		return
	case !ok || variable:
		fail("QualityMethod", "quality method %.20q of a range is not A, E, F, N or S", d.field(3))
		return
	}
	for i := from - 1; i < to; i++ {
		y.quality[i] = q
	}
	y.covered, y.eventsAt = to, n
}

// closeDay hands the day over, now that its qualities are known.
func (d *decoder) closeDay(o *format.Out) {
	y, c := &d.day, &d.channel
	open := y.open
	y.open, y.bad = false, false
	if !open {
		return
	}
	if y.variable && y.covered != len(y.value) {
		o.Reject(y.eventsAt, "EndInterval", fmt.Sprintf("quality is V but 400 records speak for %d of the day's %d intervals only: deliver the others; the day is left out", y.covered, len(y.value)), nil)
		return
	}
	if i := y.empty(); i >= 0 {
		o.Reject(y.line, fmt.Sprintf("IntervalValue%d", i+1), "the value is empty, and no 400 record gives it quality N: correct one of the two; the day is left out", nil)
		return
	}
	if c.skip != "" {
		d.tally.Skip(c.skip, int64(len(y.value)))
		return
	}
	for i, q := range y.quality {
		if q == format.Missing {
			y.value[i] = math.NaN()
			d.tally.Missing++
		}
	}
	d.joiner.Add(d.tally, c.meter.ID, c.as, &format.Values{
		Start: y.start, Length: c.seconds(), V: y.value, Quality: y.quality, Version: y.version, Line: y.line,
	})
}
