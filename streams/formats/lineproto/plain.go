package lineproto

import (
	"bytes"

	"github.com/flatwatt/flatwatt/streams/formats/format"
)

// plain reads a line without quotes, escapes, signs of more than a minus, exponents and
// words, which is nearly every line that meters send, without setting up the decoder.
// other says that it is not such a line, or not for sure, and nothing was read; what the
// decoder says of it counts then.
//
//	measurement[,tag=value]… field=number[i][,field=number[i]]… time
func (d *mappedDecoder) plain(line []byte, p *point) (skip string, other bool) {
	*p = newPoint()
	first := bytes.IndexByte(line, ' ')
	last := bytes.LastIndexByte(line, ' ')
	if first <= 0 || last <= first || last+1 == len(line) {
		return "", true
	}
	head, fields, at := line[:first], line[first+1:last], line[last+1:]
	if !printable(head) || !printable(fields) || len(at) > 19 {
		return "", true
	}
	name, tags := cutAt(head, ',')
	if len(name) == 0 || name[0] == '#' || bytes.IndexByte(name, '=') >= 0 {
		return "", true
	}
	var meter []byte
	for len(tags) > 0 || len(name)+1 == len(head) {
		var tag []byte
		if tag, tags = cutAt(tags, ','); !d.plainTag(tag, &meter) || len(tags) == 0 && head[len(head)-1] == ',' {
			return "", true
		}
	}
	for rest := fields; ; {
		var one []byte
		one, rest = cutAt(rest, ',')
		if !d.plainField(one, p) || len(rest) == 0 && fields[len(fields)-1] == ',' {
			return "", true
		}
		if len(rest) == 0 {
			break
		}
	}
	n, ok := integer(at)
	if !ok {
		return "", true
	}
	if p.at = n / d.per; string(name) != d.keys.measure {
		return string(name), false
	}
	if meter != nil {
		p.m = d.meters.Get(meter)
	}
	return "", false
}

// plainTag is a tag with a key and a value; false where it is anything else.
func (d *mappedDecoder) plainTag(tag []byte, meter *[]byte) bool {
	key, value := cutAt(tag, '=')
	if len(key) == 0 || len(value) == 0 || bytes.IndexByte(value, '=') >= 0 {
		return false
	}
	if string(key) == d.keys.meter {
		*meter = value
	}
	return true
}

// plainField is a field with a plain number; false where it is anything else, or says
// more than a number could.
func (d *mappedDecoder) plainField(field []byte, p *point) bool {
	key, value := cutAt(field, '=')
	if len(key) == 0 || !plainNumber(value) {
		return false
	}
	if value[len(value)-1] == 'i' {
		value = value[:len(value)-1]
	}
	if name := string(key); name == d.keys.quality || name == d.keys.meter {
		return false
	}
	to := p.number(d.keys, key)
	if to == nil {
		return true
	}
	v, ok := format.ParseNumber(value, '.')
	if ok {
		*to = v
	}
	return ok
}

// plainNumber reports digits, with a minus before and a point or an i at most.
func plainNumber(b []byte) bool {
	if len(b) > 0 && b[0] == '-' {
		b = b[1:]
	}
	whole, point := true, false
	if n := len(b); n > 1 && b[n-1] == 'i' {
		b, whole = b[:n-1], false
	}
	if len(b) == 0 || len(b) > 15 || b[0] == '.' || b[len(b)-1] == '.' || len(b) > 1 && b[0] == '0' && b[1] != '.' {
		return false
	}
	for _, c := range b {
		switch {
		case c-'0' <= 9:
		case c == '.' && whole && !point:
			point = true
		default:
			return false
		}
	}
	return true
}

// printable reports that b is of ASCII without spaces, quotes and backslashes.
func printable(b []byte) bool {
	for _, c := range b {
		if c <= ' ' || c >= 0x7f || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// cutAt is bytes.Cut at one byte.
func cutAt(b []byte, c byte) (before, after []byte) {
	if i := bytes.IndexByte(b, c); i >= 0 {
		return b[:i], b[i+1:]
	}
	return b, nil
}
