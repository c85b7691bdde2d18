package cim

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/formats/format"
)

// A readingType is what the 18 numbers of its name say.
type readingType struct {
	format.CIMType
	ch     format.Channel
	unit   format.Unit
	length int64 // seconds, 0 not said
	skip   string
}

// measuring are the lengths of the third number, in minutes.
var measuring = map[int]int64{1: 10, 2: 15, 3: 1, 4: 1440, 5: 30, 6: 5, 7: 60, 10: 2, 14: 3, 31: 20}

// macro are those of the first number, where it says one: daily.
var macro = map[int]int64{11: 1440}

// parseType reads the name of a reading type; reason says why it cannot.
func parseType(s string) (rt readingType, reason string) {
	parts := strings.Split(s, ".")
	var n [18]int
	if len(parts) != len(n) {
		return rt, fmt.Sprintf("reading type %.80q is not a name of 18 numbers: refer to the type by its name", s)
	}
	for i, p := range parts {
		var err error
		if n[i], err = strconv.Atoi(p); err != nil {
			return rt, fmt.Sprintf("reading type %.80q is not a name of 18 numbers: %q is none", s, p)
		}
	}
	const (
		period, aggregate, minutes, accumulation, flow, commodity = 0, 1, 2, 3, 4, 5
		tou, cpp, tier, phases, multiplier, unit                  = 11, 12, 13, 14, 15, 16
	)
	if n[multiplier] < -12 || n[multiplier] > 12 {
		return rt, fmt.Sprintf("reading type %.80q has a power of ten beyond 12", s)
	}
	rt.length = 60 * measuring[n[minutes]]
	if rt.length == 0 {
		rt.length = 60 * macro[n[period]]
	}
	rt.CIMType = format.CIMType{
		Aggregate: n[aggregate], Accumulation: n[accumulation], Flow: n[flow], Commodity: n[commodity], Unit: n[unit], Phase: n[phases],
		Tariff: n[tou]*10000 + n[cpp]*100 + n[tier], Power: n[multiplier],
	}
	rt.ch, rt.unit, rt.skip = rt.Channel()
	return rt, ""
}

// one gives out the i-th value of the MeterReading.
func (d *decoder) one(o *format.Out, m *format.Meter, i int) {
	v := &d.values[i]
	fail := func(field, text string, args ...any) {
		o.Reject(v.line, field, fmt.Sprintf(text, args...), []byte(v.number))
	}
	if v.readType == "" {
		fail("ReadingType", "the value has no ReadingType, so its unit is not known: it is left out")
		return
	}
	rt, reason := parseType(v.readType)
	x, isNumber := format.ParseNumber([]byte(v.number), '.')
	switch {
	case reason != "":
		fail("ReadingType", "%s", reason)
		return
	case rt.skip != "":
		d.tally.Skip(rt.skip, 1)
		return
	case rt.length == 0 && v.from == "" && rt.Accumulation == 12 && !rt.unit.Voltage:
		d.tally.Skip("momentary power", 1)
		return
	case v.quality == format.Missing || format.IsNone([]byte(v.number)):
		d.tally.Missing++
		return
	case !isNumber:
		fail("value", "value %.40q is not a number: correct it, or leave the reading out", v.number)
		return
	}
	at, length, field, reason := d.when(m, v, &rt, i)
	if reason != "" {
		fail(field, "%s", reason)
		return
	}
	start := at - length
	if d.opt.Stamp == format.StampStart && v.from == "" {
		start = at
	}
	if rt.Register() {
		o.Showed(m, rt.ch, at, x*rt.unit.Factor*m.Factor)
		delta, ok, reason := m.Register(d.tally, rt.ch.Name, at, x, 0, v.quality == flatwatt.Estimated)
		if reason != "" {
			fail("value", "%s", reason)
		}
		if !ok {
			return
		}
		if length > 0 && delta.End-delta.Start != length {
			d.tally.Gaps++
			return
		}
		start, length, x = delta.Start, delta.End-delta.Start, delta.Energy
		if delta.Estimated {
			v.quality = flatwatt.Estimated
		}
	}
	if length <= 0 {
		fail("ReadingType", "the length of the interval is not known: neither the reading type nor the times before say it; set the interval by option")
		return
	}
	d.add(m, v, &rt, start, length, x)
}

func (d *decoder) add(m *format.Meter, v *value, rt *readingType, start, length int64, x float64) {
	scale := rt.unit.Scale(length)
	if !rt.unit.Voltage {
		scale *= m.Factor
	}
	one := [1]float64{x * scale}
	d.joiner.Add(d.tally, m.ID, rt.ch, &format.Values{Start: start, Length: length, V: one[:], All: v.quality, Line: v.line})
}

// when says at which time a value ends (or stands, by option) and how long it lasts, 0
// where nothing says it.
func (d *decoder) when(m *format.Meter, v *value, rt *readingType, i int) (at, length int64, field, reason string) {
	length = rt.length
	if v.from != "" && v.to != "" {
		from, ok1 := d.instant(m, v.from, rt)
		to, ok2 := d.instant(m, v.to, rt)
		if !ok1 || !ok2 || to <= from || to-from > 400*86400 {
			return 0, 0, "timePeriod", fmt.Sprintf("the period from %.40q to %.40q is none: correct it", v.from, v.to)
		}
		return to, to - from, "", ""
	}
	at, ok := d.instant(m, v.at, rt)
	if !ok {
		return 0, 0, "timeStamp", fmt.Sprintf("time stamp %.40q is not like 2026-01-15T08:00:00Z: correct it", v.at)
	}
	if length == 0 && m.Interval > 0 {
		length = int64(m.Interval / time.Second)
	}
	if length == 0 && !rt.Register() {
		length = d.spacing(m, at, rt, i)
	}
	return at, length, "", ""
}

// spacing is the distance to the value before or after, 0 where that is over an hour.
func (d *decoder) spacing(m *format.Meter, at int64, rt *readingType, i int) int64 {
	for _, j := range []int{i - 1, i + 1} {
		if j < 0 || j >= len(d.values) || d.values[j].readType != d.values[i].readType {
			continue
		}
		last := *m.Last(rt.ch.Name)
		other, ok := d.instant(m, d.values[j].at, rt)
		*m.Last(rt.ch.Name) = last // only a look
		if gap := max(at-other, other-at); ok && gap > 0 && gap <= 3600 {
			return gap
		}
	}
	return 0
}

// instant reads a time of XML Schema; one without a zone is in the meter's.
func (d *decoder) instant(m *format.Meter, s string, rt *readingType) (unix int64, ok bool) {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t.Unix(), believable(t.Unix())
	}
	t, err := time.Parse("2006-01-02T15:04:05", s)
	if err != nil {
		return 0, false
	}
	zone := m.Zone
	if zone == nil {
		zone = time.UTC
	}
	unix, ok = format.Local(t, zone, *m.Last(rt.ch.Name))
	if ok {
		*m.Last(rt.ch.Name) = unix
	}
	return unix, ok && believable(unix)
}

// believable keeps sums of times from running over; whether a year is sensible is looked
// at later.
func believable(unix int64) bool { return unix > -1<<40 && unix < 1<<40 }
