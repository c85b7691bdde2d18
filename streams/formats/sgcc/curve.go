package sgcc

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/formats/format"
)

// A curve is one row: the points of a day.
type curve struct {
	kind                            byte
	id, date, dataType, flag, whole []byte
	points                          [][]byte
	columns                         int // of points the table has
	from                            int // number of the first of points within the day, from 0
	line                            int64
	raw                             []byte
}

// pointFlags says how many points a DATA_POINT_FLAG stands for.
func pointFlag(b []byte) (points int, known bool) {
	switch string(bytes.TrimSpace(b)) {
	case "":
		return 0, true
	case "1":
		return 96, true
	case "2":
		return 48, true
	case "3":
		return 24, true
	}
	return 0, false
}

// channelOf tells what a kind of curve and a DATA_TYPE (or PHASE_FLAG) stand for.
func channelOf(kind byte, dataType []byte) (ch format.Channel, use, known bool) {
	t := string(bytes.TrimSpace(dataType))
	switch kind {
	case 'P':
		switch t {
		case "", "1", "01":
			return format.Channel{Name: "P"}, true, true
		case "2", "3", "4":
			return format.Channel{Name: "P" + t, Rank: format.RankPhase}, true, true
		case "5":
			return format.Channel{Name: "Q", Quantity: format.ReactiveImport}, true, true
		case "6", "7", "8":
			return format.Channel{Name: "Q" + t, Quantity: format.ReactiveImport, Rank: format.RankPhase}, true, true
		}
	case 'R':
		switch t {
		case "", "1", "01":
			return format.Channel{Name: "R1", Rank: format.RankRegister}, true, true
		case "2":
			return format.Channel{Name: "R2", Quantity: format.ReactiveImport, Rank: format.RankRegister}, true, true
		case "5":
			return format.Channel{Name: "R5", Quantity: format.Export, Rank: format.RankRegister}, true, true
		case "6":
			return format.Channel{Name: "R6", Quantity: format.ReactiveExport, Rank: format.RankRegister}, true, true
		}
	case 'U':
		return format.Channel{Name: "U" + t, Quantity: format.Voltage}, true, true
	default:
		return format.Channel{}, false, true // current, power factor
	}
	return format.Channel{}, false, len(t) > 0 && len(t) <= 3 && format.Digits([]byte(t)) >= 0
}

// curve takes one row.
func (d *decoder) curve(o *format.Out, c *curve) {
	fail := func(field, text string, args ...any) { o.Reject(c.line, field, fmt.Sprintf(text, args...), c.raw) }
	m := d.meters.Get(c.id)
	if m.Fault != "" {
		fail("ID", "%s", m.Fault)
		return
	}
	ch, use, known := channelOf(c.kind, c.dataType)
	if !known {
		fail("DATA_TYPE", "data type %.20q is not known: a number from 1 to 8 is due", c.dataType)
		return
	}
	if !use {
		d.tally.Skip(fmt.Sprintf("curve %c, data type %.3s", c.kind, c.dataType), int64(len(c.points)))
		return
	}
	count, known := pointFlag(c.flag)
	if !known {
		fail("DATA_POINT_FLAG", "flag %.20q is none of 1 (96 points), 2 (48) and 3 (24)", c.flag)
		return
	}
	if count == 0 {
		count = c.columns
		if m.Interval > 0 {
			count = int(24 * time.Hour / m.Interval)
		}
	}
	year, month, day, ok := date(c.date)
	if !ok {
		fail("DATA_DATE", "date %.30q is not like 2026-01-15: correct it", c.date)
		return
	}
	if !d.read(o, c, count) {
		return
	}
	start, _ := d.zone(m).Midnight(year, month, day)
	start += int64(d.opt.FirstPoint / time.Second)
	seconds := int64(86400 / count)
	v := format.Values{Start: start + int64(c.from)*seconds, Length: seconds, Line: c.line}
	if c.kind == 'R' {
		d.differences(o, c, m, ch, &v)
		return
	}
	if d.opt.Stamp == format.StampEnd {
		v.Start -= seconds
	}
	scale := 1.0
	if c.kind == 'P' {
		scale = d.unit.Scale(seconds) * m.Factor
	}
	for i := range d.value {
		d.value[i] *= scale
	}
	v.V = d.value
	d.joiner.Add(d.tally, m.ID, ch, &v)
}

// read parses the points into d.value, NaN for those that are missing.
func (d *decoder) read(o *format.Out, c *curve, count int) bool {
	points, stride := c.points, 1
	if c.from == 0 && len(points) > count && len(points)%count == 0 && spread(points, count) {
		stride = len(points) / count // 24 points in P1, P5, P9 …
	} else if len(points) > count-c.from {
		for _, p := range points[max(0, count-c.from):] {
			if !format.IsNone(p) {
				o.Reject(c.line, "DATA_POINT_FLAG", fmt.Sprintf("there are values beyond the %d points that DATA_POINT_FLAG announces: correct the flag", count), c.raw)
				return false
			}
		}
		points = points[:max(0, count-c.from)]
	}
	whole := bytes.TrimSpace(c.whole)
	flagged := len(whole) == count && len(bytes.Trim(whole, "01")) == 0
	d.value = d.value[:0]
	for i := 0; i < len(points); i += stride {
		p := points[i]
		v, ok := format.ParseNumber(p, '.')
		if !ok {
			if v, ok = d.odd(o, p); !ok {
				o.Reject(c.line, fmt.Sprintf("%c%d", c.kind, c.from+i+1), fmt.Sprintf("value %.30q is not a number: leave it empty where there is none; the row is left out", p), c.raw)
				return false
			}
		}
		if n := c.from + i/stride; flagged && whole[n] == '0' || v <= -9999 {
			v = math.NaN() // not collected: the number there is a filler
		}
		if v != v {
			d.tally.Missing++
		}
		d.value = append(d.value, v)
	}
	return true
}

// odd reads a point that is not plainly a number.
func (d *decoder) odd(o *format.Out, p []byte) (float64, bool) {
	if format.IsNone(p) {
		return math.NaN(), true
	}
	return o.Number(p, '.')
}

// spread says whether count values stand evenly in more columns, with nothing between.
func spread(points [][]byte, count int) bool {
	stride, held := len(points)/count, 0
	for i, p := range points {
		there := !format.IsNone(p)
		if there && i%stride != 0 {
			return false
		}
		if there && i >= count {
			held++
		}
	}
	return held > 0
}

// differences turns points of a register into what went through between them.
func (d *decoder) differences(o *format.Out, c *curve, m *format.Meter, ch format.Channel, v *format.Values) {
	told := false
	for i, x := range d.value {
		if x != x {
			continue
		}
		o.Showed(m, ch, v.Start+int64(i)*v.Length, x*m.Factor)
		delta, ok, reason := m.Register(d.tally, ch.Name, v.Start+int64(i)*v.Length, x, 0, false)
		if reason != "" && !told {
			o.Reject(c.line, fmt.Sprintf("%c%d", c.kind, c.from+i+1), reason, c.raw)
			told = true // one a row is enough
		}
		if ok && delta.End-delta.Start != v.Length {
			d.tally.Gaps++
			continue
		}
		if ok {
			one := [1]float64{delta.Energy * m.Factor}
			d.joiner.Add(d.tally, m.ID, ch, &format.Values{Start: delta.Start, Length: v.Length, V: one[:], All: flatwatt.Actual, Line: c.line})
		}
	}
}

func (d *decoder) zone(m *format.Meter) *format.Zone {
	loc := m.Zone
	if loc == nil {
		loc = china
	}
	z := d.zones[loc]
	if z == nil {
		z = format.NewZone(loc)
		d.zones[loc] = z
	}
	return z
}

// date reads a DATA_DATE, which may carry a time of midnight, or be Oracle's 15-JAN-26.
func date(b []byte) (year, month, day int, ok bool) {
	year, month, day, used := format.Date(b)
	if used == 0 {
		if b, _ = format.Repair(b); len(b) > 0 {
			year, month, day, used = format.Date(b)
		}
	}
	if used > 0 {
		rest := bytes.Trim(b[used:], " T0:.Z")
		return year, month, day, len(rest) == 0
	}
	// Oracle in Chinese unloads 15-1月 -26.
	text := strings.Join(strings.Fields(string(b)), "")
	for _, layout := range []string{"02-Jan-06", "02-Jan-2006", "2006年1月2日", "02-1月-06", "02-1月-2006"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.Year(), int(t.Month()), t.Day(), true
		}
	}
	return 0, 0, 0, false
}
