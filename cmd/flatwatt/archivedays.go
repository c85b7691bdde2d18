package main

import (
	"strconv"
	"strings"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/archive"
)

// archiveDays reads two days. Relative ones count from the archive's last day, not from
// today, so that a schedule that is late does what it would have done in time.
func archiveDays(a *archive.Archive, from, to string) (first, last flatwatt.Day, err error) {
	begin, end, ok := a.Days()
	if !ok {
		return 0, 0, usagef("the archive holds no readings: `flatwatt import` loads some")
	}
	if first, err = archiveDay("--from", from, begin, end); err != nil {
		return 0, 0, err
	}
	last, err = archiveDay("--to", to, begin, end)
	return first, last, err
}

func archiveDay(flag, text string, first, last flatwatt.Day) (flatwatt.Day, error) {
	switch text {
	case "first":
		return first, nil
	case "last", "":
		return last, nil
	}
	if n, ok := strings.CutSuffix(text, "d"); ok && strings.HasPrefix(text, "-") {
		if back, err := strconv.Atoi(n); err == nil {
			return max(first, last+flatwatt.Day(back)), nil
		}
	}
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return 0, usagef("%s %s: want a date like 2026-01-31, first, last, or -7d for days before the archive's last", flag, text)
	}
	return flatwatt.DayOf(t, time.UTC), nil
}
