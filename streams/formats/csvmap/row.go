package csvmap

import (
	"bytes"
	"fmt"
	"math"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/formats/format"
)

// A row is what the columns of one line say, before it is a reading.
type row struct {
	m       *format.Meter
	start   int64
	length  int64
	quality flatwatt.Quality
	version int64
	ch      format.Channel
	unit    format.Unit
	line    int64
	raw     []byte
}

// reading takes a line of a long file.
func (d *decoder) reading(o *format.Out, line []byte) {
	r := row{line: d.lines.Number(), raw: line, unit: d.layout.unit}
	if !d.place(o, &r) || !d.describe(o, &r) {
		return
	}
	if r.ch.Quantity == asSkip {
		d.tally.Skip("channel "+r.ch.Name, 1)
		return
	}
	l := d.layout
	if r.quality == format.Missing {
		d.tally.Missing++
		return
	}
	energy, ok := d.cell(o, &r, roleEnergy, math.NaN())
	export, ok2 := d.cell(o, &r, roleExport, 0)
	reactive, ok3 := d.cell(o, &r, roleReactive, math.NaN())
	voltage, ok4 := d.cell(o, &r, roleVoltage, math.NaN())
	if !(ok && ok2 && ok3 && ok4) {
		return
	}
	if l.role[roleRegister] >= 0 || isRegister(r.ch.Quantity) {
		d.register(o, &r, energy)
		return
	}
	if energy != energy {
		d.without(o, &r, export)
		return
	}
	energy -= l.asEnergy(&r, export)
	if l.role[roleChannel] >= 0 || l.role[roleVersion] >= 0 {
		d.join(o, &r, energy, reactive, voltage)
		return
	}
	hours := r.unit.Scale(r.length) * r.m.Factor
	out := flatwatt.Reading{
		Meter: r.m.ID, Start: time.Unix(r.start, 0).UTC(), Length: time.Duration(r.length) * time.Second,
		Energy: flatwatt.KWh(energy * hours), Reactive: flatwatt.KVArh(reactive * r.m.Factor), Voltage: flatwatt.Volt(voltage), Quality: r.quality,
	}
	o.Reading(&out, r.line)
}

// without takes a row that has no energy: of a row that says what was fed in, a part of the
// energy is not known.
func (d *decoder) without(o *format.Out, r *row, export float64) {
	if export == export && export != 0 {
		l := d.layout
		o.Reject(r.line, l.names[l.role[roleEnergy]], fmt.Sprintf("there is no energy beside the export of %v: write 0 where there was none", export), r.raw)
		return
	}
	d.tally.Missing++
}

// asEnergy is the export of a row in the unit of its energy; none is 0, as in line
// protocol.
func (l *layout) asEnergy(r *row, export float64) float64 {
	switch {
	case export != export:
		return 0
	case l.export.Factor == 0 || r.length <= 0: // without a length the row is rejected
		return export
	}
	return export * l.export.Scale(r.length) / r.unit.Scale(r.length)
}

// place finds the meter and the interval of a row.
func (d *decoder) place(o *format.Out, r *row) bool {
	l := d.layout
	r.m = d.meters.Get(d.fields[l.role[roleMeter]])
	if r.m.Fault != "" {
		o.Reject(r.line, l.names[l.role[roleMeter]], r.m.Fault, r.raw)
		return false
	}
	sec, absolute, field, ok := l.stamp(d.fields)
	if !ok {
		o.Reject(r.line, l.names[field], fmt.Sprintf("time %.40q is not like 2026-01-15 08:00: give its layout in the mapping (time_layout)", d.fields[field]), r.raw)
		return false
	}
	channel := ""
	if i := l.role[roleChannel]; i >= 0 {
		channel = string(d.fields[i])
	}
	if !absolute {
		last := r.m.Last(channel)
		unix, ok := d.zone(r.m).Local(sec, *last)
		if !ok {
			o.Reject(r.line, l.names[field], fmt.Sprintf("time %.40q does not exist in %s, where clocks were put forward: export times with a zone, or set the right one", d.fields[field], r.m.Zone), r.raw)
			return false
		}
		*last, sec = unix, unix
	}
	r.length = int64(r.m.Interval / time.Second)
	if r.length == 0 {
		r.length = l.interval
	}
	if r.start = snap(sec); l.end && l.role[roleRegister] < 0 {
		r.start -= r.length
	}
	return true
}

// snap puts a time that is up to 5 s off a full minute on it: head-ends stamp the poll.
func snap(sec int64) int64 {
	const tolerance = 5
	switch off := ((sec % 60) + 60) % 60; {
	case off <= tolerance:
		return sec - off
	case off >= 60-tolerance:
		return sec + 60 - off
	}
	return sec
}

// describe reads quality, version, channel and unit of a row.
func (d *decoder) describe(o *format.Out, r *row) bool {
	l, m := d.layout, d.opt.Mapping
	if i := l.role[roleQuality]; i >= 0 && len(d.fields[i]) > 0 {
		word := string(bytes.TrimSpace(d.fields[i]))
		if said, ok := m.Qualities[word]; ok {
			word = said
		}
		var ok bool
		if r.quality, ok = format.ParseQuality(word); !ok {
			o.Reject(r.line, l.names[i], fmt.Sprintf("quality %.40q is not known: say in the mapping (qualities) what it stands for", word), r.raw)
			return false
		}
	}
	if i := l.role[roleVersion]; i >= 0 && len(d.fields[i]) > 0 {
		var ok bool
		if r.version, ok = version(d.fields[i]); !ok {
			o.Reject(r.line, l.names[i], fmt.Sprintf("version %.40q is neither a number nor a time", d.fields[i]), r.raw)
			return false
		}
	}
	if i := l.role[roleUnit]; i >= 0 && len(d.fields[i]) > 0 {
		var ok bool
		if r.unit, ok = format.ParseUnit(string(d.fields[i])); !ok {
			o.Reject(r.line, l.names[i], fmt.Sprintf("unit %.40q is not known: use kWh, Wh, MWh, kW, W, MW, kVArh or V", d.fields[i]), r.raw)
			return false
		}
	}
	return d.channel(o, r)
}

// version reads a number, or a time as its digits, so that later is larger.
func version(b []byte) (int64, bool) {
	if sec, _, ok := usualTime(b); ok {
		return sec, true
	}
	v, ok := format.ParseNumber(bytes.TrimSpace(b), '.')
	return int64(v), ok && math.Abs(v) < 1<<53
}

// cell reads the number in a column, none where there is no such column.
func (d *decoder) cell(o *format.Out, r *row, role int, none float64) (v float64, ok bool) {
	i := d.layout.role[role]
	if i < 0 {
		return none, true
	}
	if v, ok = d.number(o, d.fields[i]); !ok {
		o.Reject(r.line, d.layout.names[i], fmt.Sprintf("value %.40q is not a number: correct it, or leave it empty where there is none", d.fields[i]), r.raw)
	}
	return v, ok
}

// scale is what the value of a row is multiplied with. The unit of a column is that of
// energy, and so are the ratios of transformers: a voltage has its own, or is in V.
func (r *row) scale(seconds int64) float64 {
	switch {
	case r.ch.Quantity != format.Voltage:
		return r.unit.Scale(seconds) * r.m.Factor
	case r.unit.Voltage:
		return r.unit.Factor
	}
	return 1
}

// join hands the values of a row to the joiner, for its channels or versions.
func (d *decoder) join(o *format.Out, r *row, energy, reactive, voltage float64) {
	if r.length <= 0 || 86400%r.length != 0 {
		o.Reject(r.line, "length", "the length of the interval is not known, or no part of a day: set the interval by option or in the register", r.raw)
		return
	}
	add := func(ch format.Channel, v float64) {
		one := [1]float64{v}
		d.joiner.Add(d.tally, r.m.ID, ch, &format.Values{Start: r.start, Length: r.length, V: one[:], All: r.quality, Version: r.version, Line: r.line})
	}
	add(r.ch, energy*r.scale(r.length))
	if d.layout.role[roleReactive] >= 0 {
		add(format.Channel{Name: "reactive", Quantity: format.ReactiveImport}, reactive*r.m.Factor)
	}
	if d.layout.role[roleVoltage] >= 0 {
		add(format.Channel{Name: "voltage", Quantity: format.Voltage}, voltage)
	}
}
