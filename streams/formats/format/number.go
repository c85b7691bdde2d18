package format

import (
	"bytes"
	"math"
	"strconv"
)

// exact are the powers of ten that float64 holds exactly.
var exact = [...]float64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
	1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22}

// ParseNumber reads a decimal number, with point or comma as its decimal mark. Where
// the digits fit in 53 bits, which is nearly always, the result is one exact division
// and so the nearest float64; otherwise strconv decides. Words such as NaN and
// hexadecimal numbers are none.
func ParseNumber(b []byte, mark byte) (v float64, ok bool) {
	i, n := 0, len(b)
	neg := n > 0 && b[0] == '-'
	if neg || n > 0 && b[0] == '+' {
		i++
	}
	first := i
	var mantissa uint64
	for i < n && b[i]-'0' <= 9 {
		mantissa = mantissa*10 + uint64(b[i]-'0')
		i++
	}
	digits, frac := i-first, 0
	if i < n && b[i] == mark {
		i++
		from := i
		for i < n && b[i]-'0' <= 9 {
			mantissa = mantissa*10 + uint64(b[i]-'0')
			i++
		}
		frac = i - from
		digits += frac
	}
	if i != n || digits == 0 || digits > 18 || mantissa >= 1<<53 {
		return slowNumber(b, mark)
	}
	v = float64(mantissa) / exact[frac]
	if neg {
		v = -v
	}
	return v, true
}

func slowNumber(b []byte, mark byte) (float64, bool) {
	if len(b) == 0 || len(b) > 64 {
		return 0, false
	}
	for _, c := range b {
		if c-'0' > 9 && c != mark && c != '-' && c != '+' && c != 'e' && c != 'E' {
			return 0, false
		}
	}
	if mark != '.' {
		b = bytes.Replace(append([]byte(nil), b...), []byte{mark}, []byte{'.'}, 1)
	}
	v, err := strconv.ParseFloat(string(b), 64)
	return v, err == nil && !math.IsInf(v, 0)
}

// Repair undoes what spreadsheets and typists do to a field: spaces (also the
// unbreakable ones), quotes, ="00123", an apostrophe before it. changed is false for
// fields that were fine but for plain spaces.
func Repair(b []byte) (field []byte, changed bool) {
	b = bytes.TrimSpace(b)
	for {
		before := len(b)
		b = bytes.TrimSpace(bytes.TrimSuffix(bytes.TrimPrefix(b, []byte("\u00a0")), []byte("\u00a0")))
		b = bytes.TrimPrefix(b, []byte("\ufeff"))
		if n := len(b); n >= 3 && b[0] == '=' && b[1] == '"' && b[n-1] == '"' {
			b = b[2 : n-1]
		} else if n >= 2 && (b[0] == '"' || b[0] == '\'') && b[n-1] == b[0] {
			b = b[1 : n-1]
		} else if n >= 2 && b[0] == '\'' {
			b = b[1:]
		}
		if len(b) == before {
			return b, changed
		}
		changed = true
	}
}

// Number reads a field that may have been through a spreadsheet: "1,234.50", "1 234,5".
func (o *Out) Number(b []byte, mark byte) (float64, bool) {
	if v, ok := ParseNumber(b, mark); ok {
		return v, true
	}
	f, changed := Repair(b)
	v, ok := ParseNumber(f, mark)
	if !ok {
		if f = ungroup(f, mark); f == nil {
			return 0, false
		}
		changed = true
		v, ok = ParseNumber(f, mark)
	}
	if ok && changed {
		o.Tally.Repaired++
	}
	return v, ok
}

// ungroup takes the marks between groups of three digits out; nil where it holds none,
// or some in other places.
func ungroup(b []byte, mark byte) []byte {
	whole, rest := b, []byte(nil)
	if i := bytes.IndexByte(b, mark); i >= 0 {
		whole, rest = b[:i], b[i:]
	}
	group := byte(',')
	if mark == ',' {
		group = '.'
	}
	whole = bytes.ReplaceAll(whole, []byte("\u00a0"), []byte{' '})
	if bytes.IndexByte(whole, ' ') >= 0 {
		group = ' '
	}
	parts := bytes.Split(whole, []byte{group})
	if len(parts) < 2 || len(parts[0]) == 0 || len(bytes.TrimLeft(parts[0], "+-")) > 3 {
		return nil
	}
	for _, p := range parts[1:] {
		if len(p) != 3 {
			return nil
		}
	}
	return append(bytes.Join(parts, nil), rest...)
}

// IsNone says whether a field is a word for no value: empty, NULL, None, NaN, n/a, a dash.
func IsNone(b []byte) bool {
	b = bytes.TrimSpace(b)
	if len(b) > 6 {
		return false
	}
	switch string(bytes.ToLower(b)) {
	case "", "null", `\n`, "-", "--", "(null)", "nan", "n/a", "na", "#n/a", "none", "nil":
		return true
	}
	return false
}
