// Package energy tells how much a meter used, day by day, in exact decimals, from the
// archive or a fleet directory. It is what the ledger and bills are made from.
package energy

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/shopspring/decimal"

	"github.com/flatwatt/flatwatt"
)

// A Day is what a meter used on one civil date in its own zone.
type Day struct {
	Date          string          `json:"date"` // 2006-01-02
	KWh           decimal.Decimal `json:"kwh"`  // of the intervals that were read, to the watt-hour
	Intervals     int             `json:"intervals"`
	MissingShare  float64         `json:"missing_share"`  // of the day's intervals, in [0, 1]
	EstimatedPart float64         `json:"estimated_part"` // of the intervals that were read, in [0, 1]
}

// A Source tells the days [from, to] of a meter, whole civil dates in its zone; a day
// without any reading has none. capKW bounds what of each interval counts, where only a
// block of the meter is meant: 0 counts everything.
type Source interface {
	Days(ctx context.Context, meter string, from, to string, capKW float64) ([]Day, error)
}

// WattHours is the number of decimals to which a day's energy is rounded, half away from zero.
const WattHours = 3

// maxDays bounds one question: forty years.
const maxDays = 366 * 40

// Dates are the days from first to last; an error where they are no dates or too many.
func Dates(first, last string) (from, to flatwatt.Day, err error) {
	a, err1 := time.Parse(time.DateOnly, first)
	b, err2 := time.Parse(time.DateOnly, last)
	if err1 != nil || err2 != nil {
		return 0, 0, fmt.Errorf("days %q to %q: want dates such as 2026-01-31", first, last)
	}
	from, to = flatwatt.DayOf(a, time.UTC), flatwatt.DayOf(b, time.UTC)
	if to-from > maxDays {
		return 0, 0, fmt.Errorf("days %s to %s: more than %d", first, last, maxDays)
	}
	return from, to, nil
}

// Sum is the days [from, to] of readings of meter m, in any order, one a start. Exported
// energy (negative) counts nothing: a bill never shrinks by what was fed in.
func Sum(m flatwatt.Meter, readings []flatwatt.Reading, from, to flatwatt.Day, capKW float64) []Day {
	if to < from {
		return nil
	}
	zone := m.Zone
	if zone == nil {
		zone = time.UTC
	}
	days := make([]Day, to-from+1)
	estimated := make([]int, len(days))
	kwh := make([]float64, len(days))
	for _, r := range readings {
		d := flatwatt.DayOf(r.Start, zone)
		if d < from || d > to || math.IsNaN(float64(r.Energy)) {
			continue
		}
		e := max(0, float64(r.Energy))
		if capKW > 0 {
			e = min(e, capKW*r.Length.Hours())
		}
		i := d - from
		kwh[i] += e
		days[i].Intervals++
		if r.Quality != flatwatt.Actual {
			estimated[i]++
		}
	}
	for i := range days {
		d := from + flatwatt.Day(i)
		days[i].Date = d.String()
		days[i].KWh = decimal.NewFromFloat(kwh[i]).Round(WattHours)
		expected := 1.0
		if m.Interval > 0 {
			expected = (d + 1).Start(zone).Sub(d.Start(zone)).Hours() / m.Interval.Hours() // 23, 24 or 25 hours
		}
		days[i].MissingShare = max(0, 1-float64(days[i].Intervals)/expected)
		if days[i].Intervals > 0 {
			days[i].EstimatedPart = float64(estimated[i]) / float64(days[i].Intervals)
		}
	}
	return days
}

// Total adds up days: their energy, and how many days' worth of readings are missing.
func Total(days []Day) (kwh decimal.Decimal, missingDays float64) {
	for _, d := range days {
		kwh = kwh.Add(d.KWh)
		missingDays += d.MissingShare
	}
	return kwh, missingDays
}
