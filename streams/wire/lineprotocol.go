package wire

import (
	"bytes"
	"math"
	"strconv"
	"time"
)

// The line protocol form is InfluxDB's, a reading a line:
//
//	reading,meter=SP-000017 energy_kwh=0.25,voltage_v=230.1,length_s=900i 1769788800000000000
//
// The measurement is "reading"; the tag meter names the service point; the fields are
// energy_kwh [, reactive_kvarh, voltage_v, length_s, quality="estimated"]; the time is
// the start of the interval in nanoseconds, and must be there: the time at which a
// server happens to receive a reading says nothing about it. Other tags and fields are
// ignored. A line ends at the first newline, also within quotes.

func (d *Decoder) lines(body []byte) {
	var r row
	for n := 1; len(body) > 0; n++ {
		line, rest, _ := bytes.Cut(body, []byte{'\n'})
		body = rest
		line = bytes.TrimRight(line, "\r")
		trimmed := bytes.TrimLeft(line, " \t")
		if len(trimmed) == 0 || trimmed[0] == '#' {
			continue
		}
		r.reset()
		l := lineParser{b: trimmed, scratch: d.scratch[:0]}
		l.line(&r)
		d.scratch = l.scratch
		f := r.fault
		if f.reason == "" {
			f = d.take(&r)
		}
		if f.reason != "" {
			d.reject("line", n, f, line)
		}
	}
}

// A lineParser walks over one line.
type lineParser struct {
	b       []byte
	i       int
	scratch []byte // unescaped names; the row's id may point into it
}

func (l *lineParser) line(r *row) {
	if m := l.token(", ", r); string(m) != "reading" {
		r.blame("measurement", "measurement %.40q is not reading", m)
		return
	}
	for l.have(',') && r.fault.field == "" {
		l.tag(r)
	}
	if !l.spaces() {
		r.blame("fields", "no fields: write a space and energy_kwh=… after the tags")
	}
	for more := true; more && r.fault.field == ""; more = l.have(',') {
		l.field(r)
	}
	if r.fault.field == "" {
		l.time(r)
	}
}

func (l *lineParser) tag(r *row) {
	key := l.token(",= ", r)
	if len(key) == 0 || !l.have('=') {
		r.blame("tags", "a tag is not written name=value")
		return
	}
	value := l.token(",= ", r)
	if len(value) == 0 || l.i < len(l.b) && l.b[l.i] == '=' {
		r.blame("tags", "tag %.40q has an empty or unescaped value", key)
		return
	}
	if string(key) == "meter" {
		if r.id != nil {
			r.blame("meter_id", "tag meter is there twice: send one")
		}
		r.id = value
	}
}

func (l *lineParser) field(r *row) {
	key := l.token(",= ", r)
	if len(key) == 0 || !l.have('=') {
		r.blame("fields", "a field is not written name=value")
		return
	}
	value, quoted := l.value(r)
	switch string(key) {
	case "energy_kwh":
		r.energy, r.hasEnergy = lineNumber(r, "energy_kwh", value, quoted), true
	case "reactive_kvarh":
		r.reactive = lineNumber(r, "reactive_kvarh", value, quoted)
	case "voltage_v":
		r.voltage = lineNumber(r, "voltage_v", value, quoted)
	case "length_s":
		r.length, r.hasSize = seconds(lineNumber(r, "length_s", value, quoted)), true
	case "quality":
		var ok bool
		if r.quality, ok = quality(value); !ok || !quoted {
			r.blame("quality", "quality %.40q is not known: use \"actual\", \"estimated\" or \"edited\", in quotes", value)
		}
	default:
		if !quoted && !plausible(value) {
			r.blame("fields", "field %.40q has the value %.40q, which is none of line protocol", key, value)
		}
	}
}

// time reads the timestamp, the last thing on a line.
func (l *lineParser) time(r *row) {
	spaced := l.spaces()
	rest := bytes.TrimRight(l.b[l.i:], " ")
	if len(rest) == 0 {
		r.blame("time", "the time is missing: write the start of the interval in nanoseconds")
		return
	}
	ns, err := strconv.ParseInt(string(rest), 10, 64)
	if err != nil || !spaced || rest[0] == '+' {
		r.blame("time", "time %.40q is not a number of nanoseconds", rest)
		return
	}
	r.start = time.Unix(0, ns).UTC()
}

func (l *lineParser) have(c byte) bool {
	ok := l.i < len(l.b) && l.b[l.i] == c
	if ok {
		l.i++
	}
	return ok
}

func (l *lineParser) spaces() bool {
	start := l.i
	for l.have(' ') {
	}
	return l.i > start
}

// token reads up to one of stops, which a backslash makes ordinary. A backslash before
// anything else stands for itself.
func (l *lineParser) token(stops string, r *row) []byte {
	start, escapes := l.i, 0
	for ; l.i < len(l.b); l.i++ {
		c := l.b[l.i]
		if c == '\\' && l.i+1 < len(l.b) && isStop(l.b[l.i+1], stops) {
			escapes++
			l.i++
			continue
		}
		if isStop(c, stops) {
			break
		}
		if c < 0x20 || c == 0x7f {
			r.blame("line", "the control character %#02x at byte %d: remove it", c, l.i)
			return nil
		}
	}
	tok := l.b[start:l.i]
	if escapes == 0 {
		return tok
	}
	from := len(l.scratch)
	for i := 0; i < len(tok); i++ {
		if tok[i] == '\\' && i+1 < len(tok) && isStop(tok[i+1], stops) {
			i++
		}
		l.scratch = append(l.scratch, tok[i])
	}
	return l.scratch[from:]
}

func isStop(c byte, stops string) bool {
	for i := range len(stops) {
		if stops[i] == c {
			return true
		}
	}
	return false
}

// value reads a field's value; that of a quoted string without its quotes, escapes left in.
func (l *lineParser) value(r *row) (v []byte, quoted bool) {
	if !l.have('"') {
		start := l.i
		for l.i < len(l.b) && l.b[l.i] != ',' && l.b[l.i] != ' ' {
			l.i++
		}
		return l.b[start:l.i], false
	}
	start := l.i
	for ; l.i < len(l.b); l.i++ {
		if l.b[l.i] == '\\' {
			l.i++
		} else if l.b[l.i] == '"' {
			l.i++
			return l.b[start : l.i-1], true
		}
	}
	r.blame("fields", "a quoted value has no end")
	return nil, true
}

// lineNumber reads a float (1.5), an integer (2i) or an unsigned integer (2u).
func lineNumber(r *row, field string, v []byte, quoted bool) float64 {
	digits := v
	if n := len(v); n > 1 && (v[n-1] == 'i' || v[n-1] == 'u') && !bytes.ContainsAny(v, ".eE") {
		digits = v[:n-1]
	}
	f, err := strconv.ParseFloat(string(digits), 64)
	if err != nil || quoted || bytes.ContainsAny(v, "xX_") {
		r.blame(field, "%s %.40q is not a number: write it like 0.25, without quotes", field, v)
		return math.NaN()
	}
	if math.IsNaN(f) {
		r.blame(field, "%s is NaN: leave the field out where it is not metered", field)
	}
	return f
}

// plausible says whether a value that nobody reads looks like one of line protocol.
func plausible(v []byte) bool {
	switch string(v) {
	case "t", "T", "true", "True", "TRUE", "f", "F", "false", "False", "FALSE":
		return true
	}
	var r row
	lineNumber(&r, "field", v, false)
	return r.fault.field == ""
}
