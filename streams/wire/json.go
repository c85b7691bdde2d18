package wire

import (
	"encoding/json"
	"math"
	"strconv"
	"time"
)

// The JSON form is an object, or an array of objects, with the members
//
//	meter_id          string
//	start             string, RFC 3339 with an offset or Z
//	length_s          number of seconds, or interval_minutes; else as registered
//	energy_kwh        number
//	reactive_kvarh    number; missing or null: not metered
//	voltage_v         number; missing or null: not metered
//	quality           "actual" (default), "estimated" or "edited"
//
// Other members are ignored. Of a member sent twice the last one counts. A wrong member
// costs its row; a syntax error costs its row and all after it, for nothing after it
// can be trusted to be where it seems.

// maxJSONDepth bounds the nesting of members that are ignored.
const maxJSONDepth = 32

func (d *Decoder) json(body []byte) {
	p := &parser{b: body}
	if p.peek() != '[' {
		d.jsonRow(p, 1)
	} else {
		d.jsonArray(p)
	}
	if p.err == "" && p.peek() != 0 {
		p.fail("more follows the end: send several readings as an array")
	}
	if p.err != "" {
		d.reject("byte", p.at, fault{"", "not JSON from here on: " + p.err}, body[min(p.row, len(body)):])
	}
}

func (d *Decoder) jsonArray(p *parser) {
	p.i++
	if p.peek() == ']' {
		p.i++
		return
	}
	for n := 1; p.err == ""; n++ {
		d.jsonRow(p, n)
		if p.err != "" || p.comma(']') {
			return
		}
	}
}

// jsonRow reads one element and takes it.
func (d *Decoder) jsonRow(p *parser, n int) {
	c := p.peek()
	p.row = p.i
	if c != '{' {
		if p.skip(0); p.err == "" {
			d.reject("row", n, fault{"", "not an object: send a reading as {\"meter_id\": …}"}, p.b[p.row:p.i])
		}
		return
	}
	var r row
	r.reset()
	p.object(&r)
	if p.err != "" {
		return
	}
	if f := d.take(&r); f.reason != "" {
		d.reject("row", n, f, p.b[p.row:p.i])
	}
}

// object reads the members of one reading.
func (p *parser) object(r *row) {
	p.i++
	if p.peek() == '}' {
		p.i++
		return
	}
	for p.err == "" {
		key := p.str()
		if p.err != "" || !p.expect(':') {
			return
		}
		p.member(r, key)
		if p.err != "" || p.comma('}') {
			return
		}
	}
}

func (p *parser) member(r *row, key []byte) {
	switch string(key) {
	case "meter_id":
		r.id = p.wantString(r, "meter_id")
	case "start":
		if s := p.wantString(r, "start"); s != nil {
			t, err := time.Parse(time.RFC3339, string(s))
			if err != nil {
				r.blame("start", "start %.40q is not RFC 3339: write it like 2026-01-31T00:15:00+08:00", s)
			}
			r.start = t.UTC()
		}
	case "length_s":
		p.length(r, "length_s", 1)
	case "interval_minutes":
		p.length(r, "interval_minutes", 60)
	case "energy_kwh":
		r.energy, r.hasEnergy = p.wantNumber(r, "energy_kwh")
	case "reactive_kvarh":
		r.reactive, _ = p.wantNumber(r, "reactive_kvarh")
	case "voltage_v":
		r.voltage, _ = p.wantNumber(r, "voltage_v")
	case "quality":
		if s := p.wantString(r, "quality"); s != nil {
			var ok bool
			if r.quality, ok = quality(s); !ok {
				r.blame("quality", "quality %.40q is not known: use actual, estimated or edited", s)
			}
		}
	default:
		p.skip(0)
	}
}

// length reads a length in units of so many seconds.
func (p *parser) length(r *row, field string, unit float64) {
	v, ok := p.wantNumber(r, field)
	if !ok {
		return
	}
	l := seconds(v * unit)
	if f := checkLength(l); f.reason != "" {
		r.blame(field, "%s %v is not supported: use 300, 900, 1800 or 3600 s", field, v)
	} else if r.hasSize && l != r.length {
		r.blame(field, "length_s and interval_minutes contradict each other: send one of them")
	}
	r.length, r.hasSize = l, true
}

// wantString reads a string; nil with the row blamed where it is something else.
func (p *parser) wantString(r *row, field string) []byte {
	if p.peek() != '"' {
		p.skip(0)
		r.blame(field, "%s is not a string: put it in quotes", field)
		return nil
	}
	return p.str()
}

// wantNumber reads a number; NaN and false for null, and for something else, for which
// the row is blamed.
func (p *parser) wantNumber(r *row, field string) (float64, bool) {
	switch c := p.peek(); {
	case c == '-' || c >= '0' && c <= '9':
		s := p.number()
		v, err := strconv.ParseFloat(string(s), 64)
		if err != nil {
			r.blame(field, "%s %.40s is out of range: leave the reading out where there is none", field, s)
		}
		return v, true
	case c == 'n':
		p.skip(0)
	default:
		p.skip(0)
		r.blame(field, "%s is not a number: write it without quotes, with a point", field)
	}
	return math.NaN(), false
}

// unquote resolves the escapes of a quoted string.
func unquote(quoted []byte) ([]byte, bool) {
	var s string
	if json.Unmarshal(quoted, &s) != nil {
		return nil, false
	}
	return []byte(s), true
}
