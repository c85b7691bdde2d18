package csvmap

import (
	"fmt"
	"math"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/formats/format"
)

// day takes a line of a wide file: the points of a civil day.
func (d *decoder) day(o *format.Out, line []byte) {
	l := d.layout
	r := row{line: d.lines.Number(), raw: line, unit: l.unit}
	for len(d.fields) < l.width {
		d.fields = append(d.fields, nil) // points left out at the end
	}
	r.m = d.meters.Get(d.fields[l.role[roleMeter]])
	if r.m.Fault != "" {
		o.Reject(r.line, l.names[l.role[roleMeter]], r.m.Fault, line)
		return
	}
	column := l.role[roleDate]
	if column < 0 {
		column = l.role[roleTime]
	}
	wall, absolute, ok := l.parse(d.fields[column])
	if !ok || absolute || wall%86400 != 0 {
		o.Reject(r.line, l.names[column], fmt.Sprintf("date %.40q is not like 2026-01-15: give its layout in the mapping (time_layout)", d.fields[column]), line)
		return
	}
	if !d.describe(o, &r) || !d.read(o, &r) {
		return
	}
	if r.ch.Quantity == asSkip {
		d.tally.Skip("channel "+r.ch.Name, int64(len(d.value)))
		return
	}
	if r.quality == format.Missing {
		d.tally.Missing += int64(len(d.value))
		return
	}
	d.spread(o, &r, wall)
}

// read parses the points of a row into d.value.
func (d *decoder) read(o *format.Out, r *row) bool {
	l := d.layout
	scale := r.scale(l.step)
	if isRegister(r.ch.Quantity) {
		scale = 1 // units and ratios apply to differences
	}
	d.value = d.value[:0]
	for i, f := range d.fields[l.first : l.first+l.points] {
		v, ok := format.ParseNumber(f, l.decimal)
		if !ok {
			if v, ok = d.number(o, f); !ok {
				o.Reject(r.line, l.names[l.first+i], fmt.Sprintf("value %.40q is not a number: correct it, or leave it empty where there is none; the day is left out", f), r.raw)
				return false
			}
			if v != v {
				d.tally.Missing++
			}
		}
		d.value = append(d.value, v*scale)
	}
	return true
}

// spread places the points of a day. On a day of 23 or 25 hours a column stands for a
// time the clock shows, or, by the mapping or where there are columns for 25 hours, for
// time since midnight. The clock shows an hour twice when it is put back: the columns
// have room for it once, and it is taken for the first.
func (d *decoder) spread(o *format.Out, r *row, wall int64) {
	l, z := d.layout, d.zone(r.m)
	day := wall / 86400
	y, m, dd := civilOf(day)
	start, length := z.Midnight(y, m, dd)
	shift := l.shift
	v := format.Values{Start: start + shift, Length: l.step, All: r.quality, Version: r.version, Line: r.line}
	elapsed := d.opt.Mapping.Elapsed || int64(l.points)*l.step > 86400
	if isRegister(r.ch.Quantity) {
		d.wideRegister(o, r, start, wall, elapsed)
		return
	}
	if length == 86400 || elapsed {
		n := min(int64(l.points), length/l.step)
		if length%l.step != 0 || !d.empty(int(n)) {
			o.Reject(r.line, l.names[min(l.width-1, l.first+int(n))], fmt.Sprintf("there are values beyond the %v hours of this day: correct the zone, or the columns", float64(length)/3600), r.raw)
			return
		}
		v.V = d.value[:n]
		d.joiner.Add(d.tally, r.m.ID, r.ch, &v)
		return
	}
	for i, x := range d.value {
		if x != x {
			continue
		}
		unix, ok := d.shown(o, r, wall+shift, i)
		if !ok {
			continue
		}
		v.Start, v.V = unix, d.value[i:i+1]
		d.joiner.Add(d.tally, r.m.ID, r.ch, &v)
	}
}

// shown is the instant at which the clock shows the time of point i; first is that of the
// first one. The value of a time that is skipped is rejected.
func (d *decoder) shown(o *format.Out, r *row, first int64, i int) (unix int64, ok bool) {
	l := d.layout
	if unix, ok = d.zone(r.m).Local(first+int64(i)*l.step, math.MinInt64); !ok {
		o.Reject(r.line, l.names[l.first+i], "there is a value for a time that the clock skipped on this day: set the right zone, or elapsed in the mapping where columns count time since midnight; the value is left out", r.raw)
	}
	return unix, ok
}

// wideRegister takes a day of readings of a register. Its points are placed as those of
// intervals are.
func (d *decoder) wideRegister(o *format.Out, r *row, start, wall int64, elapsed bool) {
	told, named := false, d.layout.named
	for i, x := range d.value {
		if x != x {
			continue
		}
		at, ok := start+named+int64(i)*d.layout.step, true
		if !elapsed {
			at, ok = d.shown(o, r, wall+named, i)
		}
		if !ok {
			continue
		}
		o.Showed(r.m, r.registerChannel(), at, x*r.unit.Factor*r.m.Factor)
		delta, ok, reason := r.m.Register(d.tally, r.ch.Name, at, x, 0, r.quality == flatwatt.Estimated)
		if reason != "" && !told {
			o.Reject(r.line, d.layout.names[d.layout.first+i], reason, r.raw)
			told = true // one a row is enough
		}
		if !ok {
			continue
		}
		if delta.End-delta.Start != d.layout.step {
			d.tally.Gaps++
			continue
		}
		q := r.quality
		if delta.Estimated {
			q = flatwatt.Estimated
		}
		d.addDelta(r, &delta, q)
	}
}

// empty says whether all points from n on are missing.
func (d *decoder) empty(n int) bool {
	for _, v := range d.value[n:] {
		if v == v {
			return false
		}
	}
	return true
}

func civilOf(day int64) (year, month, dayOfMonth int) {
	t := time.Unix(day*86400, 0).UTC()
	return t.Year(), int(t.Month()), t.Day()
}
