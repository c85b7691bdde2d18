package csvmap

import (
	"bytes"
	"math"
	"time"

	"github.com/flatwatt/flatwatt/streams/formats/format"
)

// An order is that of day and month in dates such as 3/4/2026.
type order uint8

const (
	orderUnknown order = iota // both would do: such dates are rejected
	dayFirst
	monthFirst
)

// findOrder looks for a date in the sample that can only be read one way. Files hold days
// beyond the 12th as a rule.
func (l *layout) findOrder(body []byte) {
	column := l.role[roleTime]
	if column < 0 {
		column = l.role[roleDate]
	}
	if column < 0 {
		return
	}
	var fields [][]byte
	for n := 0; n < 20_000 && len(body) > 0; n++ {
		line, rest, _ := bytes.Cut(body, []byte("\n"))
		body = rest
		var ok bool
		if fields, ok = format.SplitFields(fields[:0], append([]byte(nil), line...), l.sep); !ok || column >= len(fields) {
			continue
		}
		f, _ := format.Repair(fields[column])
		a, b, _, _, ok := slashed(f)
		switch {
		case !ok:
		case a > 12 && b <= 12:
			l.order = dayFirst
			return
		case b > 12 && a <= 12:
			l.order = monthFirst
			return
		}
	}
}

// slashed reads dates such as 15/1/2026, 15.01.26 and 15-01-2026.
func slashed(b []byte) (first, second, year, used int, ok bool) {
	number := func() (v int, digits int) {
		for used < len(b) && b[used]-'0' <= 9 && digits < 4 {
			v = v*10 + int(b[used]-'0')
			used, digits = used+1, digits+1
		}
		return v, digits
	}
	var n [3]int
	var digits int
	var mark byte
	for i := range n {
		if n[i], digits = number(); digits == 0 || i < 2 && digits > 2 {
			return 0, 0, 0, 0, false
		}
		if i < 2 {
			if used >= len(b) || b[used] != '/' && b[used] != '.' && b[used] != '-' || i == 1 && b[used] != mark {
				return 0, 0, 0, 0, false
			}
			mark = b[used]
			used++
		}
	}
	switch {
	case digits == 2:
		n[2] += 2000
	case digits != 4:
		return 0, 0, 0, 0, false
	}
	return n[0], n[1], n[2], used, n[0] > 0 && n[1] > 0 && n[0] <= 31 && n[1] <= 31
}

// spreadsheetTime reads what spreadsheets make of times: 15/1/2026 8:00, 1/15/2026 8:00:00
// AM, 15-Jan-26 08:00, and the number of days since 1899-12-30 that is under all of them.
// The wall clock is returned, in seconds since 1970.
func (l *layout) spreadsheetTime(b []byte) (sec int64, ok bool) {
	if serial, ok := format.ParseNumber(b, '.'); ok {
		const first, last, epoch = 32874, 73051, 25569 // 1990, 2100 and 1970 as serial numbers
		if serial < first || serial >= last || len(b) == 8 && serial == math.Trunc(serial) {
			return 0, false
		}
		return int64(math.Round((serial - epoch) * 86400)), true
	}
	if day, used := l.namedMonth(b); used > 0 {
		return withClock(day, b[used:])
	}
	first, second, year, used, ok := slashed(b)
	if !ok || l.order == orderUnknown && first != second {
		return 0, false
	}
	d, m := first, second
	if l.order == monthFirst {
		d, m = second, first
	}
	t := time.Date(year, time.Month(m), d, 0, 0, 0, 0, time.UTC)
	if m > 12 || t.Day() != d {
		return 0, false
	}
	return withClock(t.Unix(), b[used:])
}

// namedMonth reads 15-Jan-26, 15 Jan 2026 and Jan 15 2026.
func (l *layout) namedMonth(b []byte) (day int64, used int) {
	words := bytes.FieldsFunc(b, func(r rune) bool { return r == ' ' || r == '-' || r == ',' || r == '/' })
	if len(words) < 3 || len(words[0]) > 9 || len(words[1]) > 9 || len(words[2]) > 4 {
		return 0, 0
	}
	used = bytes.Index(b, words[0]) + len(words[0])
	for _, w := range words[1:3] {
		used += bytes.Index(b[used:], w) + len(w)
	}
	text := string(bytes.Join(words[:3], []byte(" ")))
	for _, layout := range []string{"2 Jan 2006", "2 Jan 06", "2 January 2006", "Jan 2 2006", "January 2 2006"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.Unix(), used
		}
	}
	return 0, 0
}

// withClock adds the time of day that follows a date, if any; AM and PM are understood.
func withClock(day int64, rest []byte) (sec int64, ok bool) {
	rest = bytes.TrimLeft(rest, " ,T")
	if len(rest) == 0 {
		return day, true
	}
	rest, half := cutHalf(rest)
	rest, _, _ = bytes.Cut(rest, []byte(".")) // a fraction of a second
	clock, ok := clockSeconds(rest)
	if !ok {
		return 0, false
	}
	if half >= 0 {
		if clock < 3600 || clock >= 13*3600 {
			return 0, false // 0:30 AM and 13:00 PM are no times
		}
		clock = clock%(12*3600) + half*3600
	}
	return day + clock, true
}

// halves are the words for the halves of a day, and the hours that they add.
var halves = []struct {
	word string
	from int64
}{{"AM", 0}, {"PM", 12}, {"A.M.", 0}, {"P.M.", 12}, {"上午", 0}, {"下午", 12}}

// cutHalf cuts the word for the half of a day off, which stands after the clock or before
// it; half is −1 where there is none. Letters are compared as they stand: one of the other
// case may be longer.
func cutHalf(b []byte) (rest []byte, half int64) {
	for _, h := range halves {
		switch n := len(b) - len(h.word); {
		case n < 0:
		case bytes.EqualFold(b[n:], []byte(h.word)):
			return bytes.TrimSpace(b[:n]), h.from
		case bytes.EqualFold(b[:len(h.word)], []byte(h.word)):
			return bytes.TrimSpace(b[len(h.word):]), h.from
		}
	}
	return b, -1
}
