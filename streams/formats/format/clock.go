package format

import "time"

// Local finds the instant at which a wall clock in zone shows what civil says (the
// fields of civil count, not its zone). When clocks are put back an hour is shown
// twice: after is the last instant taken for the same meter (0: none), and of the two
// the first one later than it is meant, so readings in order are told apart. ok is
// false for a time that the clock never shows.
func Local(civil time.Time, zone *time.Location, after int64) (unix int64, ok bool) {
	wall := civil.Unix() // as if in UTC
	if civil.Location() != time.UTC {
		wall = time.Date(civil.Year(), civil.Month(), civil.Day(), civil.Hour(), civil.Minute(), civil.Second(), 0, time.UTC).Unix()
	}
	// The offsets around the time: one day before and after is beyond any one change.
	early := offsetAt(wall-86400, zone)
	late := offsetAt(wall+86400, zone)
	first, second := wall-early, wall-late
	if first > second {
		first, second = second, first
	}
	firstOK := offsetAt(first, zone) == wall-first
	secondOK := offsetAt(second, zone) == wall-second
	switch {
	case firstOK && (first > after || !secondOK):
		return first, true
	case secondOK:
		return second, true
	}
	return 0, false
}

func offsetAt(unix int64, zone *time.Location) int64 {
	_, off := time.Unix(unix, 0).In(zone).Zone()
	return int64(off)
}

// A Zone tells offsets fast: it remembers the span in which the last one held.
type Zone struct {
	loc      *time.Location
	from, to int64 // Unix seconds of the span
	offset   int64
	ready    bool
}

// NewZone makes a Zone of loc; nil is UTC.
func NewZone(loc *time.Location) *Zone {
	if loc == nil {
		loc = time.UTC
	}
	return &Zone{loc: loc}
}

// Midnight is the instant at which the civil date begins, and the length of that day in
// seconds: 23, 24 or 25 hours, as a rule.
func (z *Zone) Midnight(year, month, day int) (start, length int64) {
	wall := Civil(year, month, day)
	// Well inside the span of one offset there is nothing to look up.
	if z.ready && wall-z.offset-86400 > z.from && wall-z.offset+2*86400 < z.to {
		return wall - z.offset, 86400
	}
	start = z.begin(wall)
	z.remember(start)
	return start, z.begin(wall+86400) - start
}

func (z *Zone) begin(wall int64) int64 {
	t := time.Unix(wall, 0).UTC()
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, z.loc).Unix()
}

func (z *Zone) remember(unix int64) {
	t := time.Unix(unix, 0).In(z.loc)
	_, off := t.Zone()
	from, to := t.ZoneBounds()
	z.ready, z.offset = true, int64(off)
	z.from, z.to = -1<<60, 1<<60
	if !from.IsZero() {
		z.from = from.Unix()
	}
	if !to.IsZero() {
		z.to = to.Unix()
	}
}

// Local is the function Local in this zone, fast away from changes of the clock. wall
// is the time shown, in seconds since 1970 as if in UTC.
func (z *Zone) Local(wall, after int64) (unix int64, ok bool) {
	if u := wall - z.offset; z.ready && u-86400 > z.from && u+86400 < z.to {
		return u, true
	}
	unix, ok = Local(time.Unix(wall, 0).UTC(), z.loc, after)
	if ok {
		z.remember(unix)
	}
	return unix, ok
}

// Civil is the midnight of a date, in seconds since 1970 as if in UTC. Months and days
// out of range carry over, as in time.Date.
func Civil(year, month, day int) int64 {
	if month < 1 || month > 12 {
		return time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC).Unix()
	}
	// Days since 1970 by the count of leap years before March of the year.
	y, m := year, month-3
	if m < 0 {
		y, m = y-1, m+12
	}
	era := y / 400
	if y < 0 {
		era = (y - 399) / 400
	}
	yoe := y - era*400
	doe := yoe*365 + yoe/4 - yoe/100 + (153*m+2)/5 + day - 1
	return int64(era*146097+doe-719468) * 86400
}

// Digits reads b as a number of n digits; −1 where it is none.
func Digits(b []byte) int {
	v := 0
	for _, c := range b {
		if c-'0' > 9 {
			return -1
		}
		v = v*10 + int(c-'0')
	}
	if len(b) == 0 || len(b) > 9 {
		return -1
	}
	return v
}

// Date reads 2026-01-15, 2026/1/15, 20260115, or the beginning of a time stamp with one
// of these; used says how many bytes it took, 0 where b is no date.
func Date(b []byte) (year, month, day, used int) {
	if len(b) >= 8 && b[4]-'0' <= 9 {
		year, month, day, used = Digits(b[:4]), Digits(b[4:6]), Digits(b[6:8]), 8
	} else if len(b) >= 8 && (b[4] == '-' || b[4] == '/' || b[4] == '.') {
		sep := b[4]
		year = Digits(b[:4])
		var n int
		month, n = small(b[5:])
		if used = 5 + n; n == 0 || used >= len(b) || b[used] != sep {
			return 0, 0, 0, 0
		}
		day, n = small(b[used+1:])
		if used += 1 + n; n == 0 {
			return 0, 0, 0, 0
		}
	}
	if year < 0 || month < 1 || month > 12 || day < 1 || day > 31 || day > monthDays(year, month) {
		return 0, 0, 0, 0
	}
	return year, month, day, used
}

func monthDays(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// small reads one or two digits.
func small(b []byte) (v, used int) {
	for used < 2 && used < len(b) && b[used]-'0' <= 9 {
		v = v*10 + int(b[used]-'0')
		used++
	}
	return v, used
}
