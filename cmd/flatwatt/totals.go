package main

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/flatwatt/flatwatt"
)

// totalsOf are readings over more than an hour: energy of a day, or between two visits to
// the meter. They can be read, added up and converted, but tell nothing of a load's shape.
type totalsOf struct {
	Count     int64   `json:"count"`
	Meters    int     `json:"meters"`
	EnergyKWh float64 `json:"energy_kwh"`
	First     string  `json:"first"`
	Last      string  `json:"last"`

	first, last time.Time
	seen        map[flatwatt.MeterID]struct{}
}

// keep takes totals out of readings, and returns the others.
func (t *totalsOf) keep(readings []flatwatt.Reading) []flatwatt.Reading {
	return slices.DeleteFunc(readings, func(r flatwatt.Reading) bool {
		if r.Length <= time.Hour {
			return false
		}
		if t.seen == nil {
			t.seen = map[flatwatt.MeterID]struct{}{}
		}
		t.seen[r.Meter] = struct{}{}
		t.Count, t.Meters = t.Count+1, len(t.seen)
		t.EnergyKWh += float64(r.Energy)
		if t.first.IsZero() || r.Start.Before(t.first) {
			t.first = r.Start
		}
		if r.End().After(t.last) {
			t.last = r.End()
		}
		t.First, t.Last = timeText(t.first), timeText(t.last)
		return true
	})
}

// groupedKWh writes energy with three decimals and spaces between thousands.
func groupedKWh(kwh float64) string {
	whole, frac, _ := strings.Cut(strconv.FormatFloat(math.Abs(kwh), 'f', 3, 64), ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return strconv.FormatFloat(kwh, 'g', -1, 64)
	}
	sign := ""
	if kwh < 0 {
		sign = "-"
	}
	return sign + grouped(n) + "." + frac
}
