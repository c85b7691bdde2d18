package file

import (
	"math"
	"strconv"
	"time"

	"github.com/flatwatt/flatwatt"
)

// Readings outside these years are a broken clock, not history.
const (
	firstYear = 1990
	lastYear  = 2100
)

var (
	minUnix = time.Date(firstYear, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	maxUnix = time.Date(lastYear+1, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
)

// snapSeconds is how far a start may be off the full minute and still be taken as that
// minute: head-ends stamp the poll, which comes a few seconds after the interval's edge.
const snapSeconds = 5

// maxEnergyKWh bounds the energy of one interval: 100 GWh is more than any feeder
// carries in an hour, so beyond it the unit or the field is wrong.
const maxEnergyKWh = 1e8

// parseTime reads RFC 3339 (a blank for T is allowed, as in the RFC) into Unix seconds
// and nanoseconds. It wants a zone: a local time without one cannot be placed.
func parseTime(b []byte) (unix int64, ok bool) {
	if len(b) < 20 || b[4] != '-' || b[7] != '-' || (b[10] != 'T' && b[10] != 't' && b[10] != ' ') || b[13] != ':' || b[16] != ':' {
		return 0, false
	}
	y, ok1 := digits2(b[0], b[1])
	y2, ok2 := digits2(b[2], b[3])
	mo, ok3 := digits2(b[5], b[6])
	d, ok4 := digits2(b[8], b[9])
	h, ok5 := digits2(b[11], b[12])
	mi, ok6 := digits2(b[14], b[15])
	s, ok7 := digits2(b[17], b[18])
	if !(ok1 && ok2 && ok3 && ok4 && ok5 && ok6 && ok7) {
		return 0, false
	}
	y = y*100 + y2
	if mo < 1 || mo > 12 || d < 1 || d > daysIn(y, mo) || h > 23 || mi > 59 || s > 60 {
		return 0, false
	}
	unix = daysFromCivil(y, mo, d)*86400 + int64(h*3600+mi*60+s)
	if len(b) == 20 && b[19] == 'Z' {
		return unix, true
	}
	return parseZone(b[19:], unix)
}

// parseZone reads the rest of a time from its fraction on. Fractions are rounded to the
// nearest second, which is finer than anything that is done with a start.
func parseZone(b []byte, unix int64) (int64, bool) {
	if b[0] == '.' {
		i := 1
		for i < len(b) && b[i]-'0' <= 9 {
			i++
		}
		if i == 1 || i == len(b) {
			return 0, false
		}
		if b[1] >= '5' {
			unix++
		}
		b = b[i:]
	}
	if len(b) == 1 && (b[0] == 'Z' || b[0] == 'z') {
		return unix, true
	}
	if len(b) != 6 || (b[0] != '+' && b[0] != '-') || b[3] != ':' {
		return 0, false
	}
	h, ok1 := digits2(b[1], b[2])
	m, ok2 := digits2(b[4], b[5])
	if !ok1 || !ok2 || h > 23 || m > 59 {
		return 0, false
	}
	if off := int64(h*3600 + m*60); b[0] == '+' {
		unix -= off
	} else {
		unix += off
	}
	return unix, true
}

func digits2(a, b byte) (int, bool) {
	a, b = a-'0', b-'0'
	return int(a)*10 + int(b), a <= 9 && b <= 9
}

func daysIn(y, m int) int {
	if m == 2 {
		if y%4 == 0 && (y%100 != 0 || y%400 == 0) {
			return 29
		}
		return 28
	}
	return 30 + (m+m>>3)&1
}

// daysFromCivil counts days from 1970-01-01 in the Gregorian calendar, with years that
// begin in March so that the leap day comes last. The year is moved by one cycle of 400,
// which has 146,097 days, so that January of year 0 does not divide a negative number.
func daysFromCivil(y, m, d int) int64 {
	y += 400
	if m <= 2 {
		y--
		m += 12
	}
	return int64(365*y+y/4-y/100+y/400+(153*(m-3)+2)/5+d-1) - 719468 - 146097
}

// minuteOf puts a start on the full minute; ok is false if it is further off than
// snapSeconds.
func minuteOf(unix int64) (minute int32, ok bool) {
	m := (unix + 30) / 60 // starts are after 1970: no negative division here
	off := unix - m*60
	return int32(m), off >= -snapSeconds && off <= snapSeconds
}

var pow10 = [...]float64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}

// parseNumber reads a decimal number. Short plain ones (up to 15 digits, no exponent) are
// a division of two exactly represented numbers and hence correctly rounded; all others
// go to strconv. NaN and Inf parse: the caller refuses them with a reason of their own.
func parseNumber(b []byte) (float64, bool) {
	i, negative := 0, false
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		negative = b[0] == '-'
		i = 1
	}
	var mantissa uint64
	digits, point := 0, -1
	for ; i < len(b); i++ {
		switch c := b[i] - '0'; {
		case c <= 9:
			mantissa = mantissa*10 + uint64(c)
			digits++
		case b[i] == '.' && point < 0:
			point = digits
		default:
			return parseSlow(b)
		}
	}
	if digits == 0 || digits > 15 {
		return parseSlow(b)
	}
	v := float64(mantissa)
	if point >= 0 {
		v /= pow10[digits-point]
	}
	if negative {
		v = -v
	}
	return v, true
}

// parseSlow leaves to strconv what it is for, but not its hexadecimal floats and
// underscores, which in a meter file are damage.
func parseSlow(b []byte) (float64, bool) {
	for _, c := range b {
		if c == '_' || c == 'x' || c == 'X' {
			return 0, false
		}
	}
	v, err := strconv.ParseFloat(string(b), 64)
	return v, err == nil || math.IsInf(v, 0)
}

// missing is what parseQuality returns for a row that says that there is no reading.
const missing flatwatt.Quality = 255

// parseQuality knows the words and the letters of docs/formats.md, in any case.
func parseQuality(b []byte) (flatwatt.Quality, bool) {
	if len(b) == 0 {
		return flatwatt.Actual, true
	}
	if len(b) == 1 {
		switch b[0] | 0x20 {
		case 'a', 'v':
			return flatwatt.Actual, true
		case 'e', 's':
			return flatwatt.Estimated, true
		case 'f', 'm':
			return flatwatt.Edited, true
		case 'n':
			return missing, true
		}
		return 0, false
	}
	switch lower(b) {
	case "actual", "measured", "valid":
		return flatwatt.Actual, true
	case "estimated", "substituted":
		return flatwatt.Estimated, true
	case "edited", "final", "manual":
		return flatwatt.Edited, true
	case "missing", "null":
		return missing, true
	}
	return 0, false
}

// lower is b in lower-case ASCII; "" if it is longer than any word that is known.
func lower(b []byte) string {
	var buf [16]byte
	if len(b) > len(buf) {
		return ""
	}
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		buf[i] = c
	}
	return string(buf[:len(b)])
}

// qualityName is the word that is written for q.
func qualityName(q flatwatt.Quality) string {
	switch q {
	case flatwatt.Estimated:
		return "estimated"
	case flatwatt.Edited:
		return "edited"
	}
	return "actual"
}
