package csvmap

import (
	"bytes"
	"strconv"
	"time"

	"github.com/flatwatt/flatwatt/streams/formats/format"
)

// stamp reads the time of a row: as Unix seconds where it has a zone, else as the wall
// clock in seconds since 1970. The field is for messages.
func (l *layout) stamp(fields [][]byte) (sec int64, absolute bool, field int, ok bool) {
	if i := l.role[roleTime]; i >= 0 {
		sec, absolute, ok = l.parse(fields[i])
		return sec, absolute, i, ok
	}
	i, j := l.role[roleDate], l.role[roleClock]
	day, _, ok := l.parse(fields[i])
	if !ok {
		return 0, false, i, false
	}
	sec, ok = withClock(day, bytes.TrimSpace(fields[j]))
	return sec, false, j, ok
}

func (l *layout) parse(b []byte) (sec int64, absolute, ok bool) {
	layouts := l.opt.Mapping.TimeLayout
	if len(layouts) == 0 {
		if sec, absolute, ok = usualTime(b); ok {
			return sec, absolute, true
		}
		b, changed := format.Repair(b)
		if changed {
			if sec, absolute, ok = usualTime(b); ok {
				return sec, absolute, true
			}
		}
		sec, ok = l.spreadsheetTime(b)
		return sec, false, ok
	}
	b, _ = format.Repair(b)
	for _, layout := range layouts {
		if sec, absolute, ok := byLayout(string(b), layout); ok {
			return sec, absolute, true
		}
	}
	return 0, false, false
}

func byLayout(s, layout string) (sec int64, absolute, ok bool) {
	switch layout {
	case "unix", "unixms":
		n, err := strconv.ParseInt(s, 10, 64)
		if layout == "unixms" {
			n /= 1000
		}
		return n, true, err == nil
	}
	t, err := time.Parse(layout, s)
	if err != nil {
		return 0, false, false
	}
	// A layout with a zone makes an instant; one without is the wall clock.
	zoned := bytes.Contains([]byte(layout), []byte("Z07")) || bytes.Contains([]byte(layout), []byte("-07"))
	return t.Unix(), zoned, true
}

// usualTime reads 2026-01-15T08:00:00Z, with a zone or without, with a blank for T,
// slashes for hyphens, seconds or not, and 202601150800; 24:00 is the next midnight.
func usualTime(b []byte) (sec int64, absolute, ok bool) {
	b = bytes.TrimSpace(b)
	y, mo, d, used := format.Date(b)
	if used == 0 {
		return 0, false, false
	}
	day := format.Civil(y, mo, d)
	rest := b[used:]
	if len(rest) == 0 {
		return day, false, true
	}
	if c := rest[0]; c == 'T' || c == 't' || c == ' ' || c == '_' {
		rest = bytes.TrimLeft(rest[1:], " ")
	} else if used != 8 || len(rest) != 4 && len(rest) != 6 {
		return 0, false, false
	}
	end := len(rest) // of the clock
	for i, c := range rest {
		if c == 'Z' || c == 'z' || c == '+' || c == '-' || c == '.' || c == ' ' {
			end = i
			break
		}
	}
	s, ok := clockSeconds(rest[:end])
	if !ok {
		return 0, false, false
	}
	return zoned(day+s, rest[end:])
}

// zoned applies what follows a clock: a fraction, which is dropped, and a zone.
func zoned(sec int64, rest []byte) (_ int64, absolute, ok bool) {
	if len(rest) > 0 && rest[0] == '.' {
		i := 1
		for i < len(rest) && rest[i]-'0' <= 9 {
			i++
		}
		rest = rest[i:]
	}
	rest = bytes.TrimSpace(rest)
	switch {
	case len(rest) == 0:
		return sec, false, true
	case len(rest) == 1 && (rest[0] == 'Z' || rest[0] == 'z'), string(rest) == "UTC":
		return sec, true, true
	case rest[0] != '+' && rest[0] != '-':
		return 0, false, false
	}
	sign, digits := int64(1), bytes.Replace(rest[1:], []byte(":"), nil, 1)
	if rest[0] == '-' {
		sign = -1
	}
	if len(digits) == 2 {
		digits = append(append([]byte(nil), digits...), "00"...)
	}
	hm := format.Digits(digits)
	if len(digits) != 4 || hm < 0 || hm%100 > 59 || hm > 1500 {
		return 0, false, false
	}
	return sec - sign*int64(hm/100*3600+hm%100*60), true, true
}

// clockSeconds reads 8:00, 08:00:00, 0800, 080000; up to 24:00.
func clockSeconds(b []byte) (sec int64, ok bool) {
	h, m, s := -1, 0, 0
	switch {
	case len(b) == 8 && b[2] == ':' && b[5] == ':':
		h, m, s = format.Digits(b[:2]), format.Digits(b[3:5]), format.Digits(b[6:])
	case len(b) == 5 && b[2] == ':':
		h, m = format.Digits(b[:2]), format.Digits(b[3:])
	case len(b) >= 4 && b[1] == ':':
		return clockSeconds(append([]byte{'0'}, b...))
	case len(b) == 4:
		h, m = format.Digits(b[:2]), format.Digits(b[2:])
	case len(b) == 6:
		h, m, s = format.Digits(b[:2]), format.Digits(b[2:4]), format.Digits(b[4:])
	}
	if h < 0 || h > 24 || m < 0 || m > 59 || s < 0 || s > 60 || h == 24 && m+s > 0 {
		return 0, false
	}
	return int64(h*3600 + m*60 + s), true
}
