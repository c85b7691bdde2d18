package simulate

import (
	"math"
	"strings"
	"time"
)

// A calendar is a fixed grid of intervals seen in local time. It is shared and
// never changes once made.
type calendar struct {
	start time.Time // UTC
	step  time.Duration
	dt    float64 // hours an interval
	n     int
	zone  *time.Location
	slots []slot
	days  []civil
}

// A slot is one interval: the civil day it begins on and its quarter of that day.
type slot struct {
	day     int32
	quarter uint8 // 0–95, local time of its start
}

// A civil is one local day that the grid touches.
type civil struct {
	midnight float64 // hours after start of the grid; negative before it
	date     time.Time
	weekday  time.Weekday
	yearDay  int
	rest     bool    // weekend or public holiday
	festival float64 // 0–1, how much the great festival of the year rules the day
}

func newCalendar(start time.Time, step time.Duration, n int, zone *time.Location) *calendar {
	c := &calendar{start: start.UTC(), step: step, dt: step.Hours(), n: n, zone: zone, slots: make([]slot, n)}
	chinese := isChinese(zone)
	for i := range c.slots {
		t := start.Add(time.Duration(i) * step).In(zone)
		y, m, d := t.Date()
		if k := len(c.days) - 1; k < 0 || c.days[k].date.Day() != d || c.days[k].date.Month() != m {
			mid := time.Date(y, m, d, 0, 0, 0, 0, zone)
			c.days = append(c.days, newCivil(mid, mid.Sub(start).Hours(), chinese))
		}
		c.slots[i] = slot{int32(len(c.days) - 1), uint8(t.Hour()*4 + t.Minute()/15)}
	}
	return c
}

func isChinese(zone *time.Location) bool {
	switch zone.String() {
	case "Asia/Shanghai", "Asia/Chongqing", "Asia/Urumqi", "Asia/Harbin", "Asia/Taipei", "Asia/Hong_Kong", "Asia/Macau", "PRC":
		return true
	}
	return strings.HasPrefix(zone.String(), "China")
}

func newCivil(midnight time.Time, offset float64, chinese bool) civil {
	d := civil{midnight: offset, date: midnight, weekday: midnight.Weekday(), yearDay: midnight.YearDay()}
	d.festival = festival(midnight, chinese)
	d.rest = d.weekday == time.Saturday || d.weekday == time.Sunday || d.festival > .5 || publicHoliday(midnight, chinese)
	return d
}

// springFestivals are the first days of the Chinese lunar years (public calendar).
var springFestivals = [...]string{
	"2012-01-23", "2013-02-10", "2014-01-31", "2015-02-19", "2016-02-08", "2017-01-28", "2018-02-16",
	"2019-02-05", "2020-01-25", "2021-02-12", "2022-02-01", "2023-01-22", "2024-02-10", "2025-01-29",
	"2026-02-17", "2027-02-06", "2028-01-26", "2029-02-13", "2030-02-03", "2031-01-23", "2032-02-11",
	"2033-01-31", "2034-02-19", "2035-02-08",
}

// festival rises from 0 ten days before Spring Festival to 1 on its eve, stays for a
// week and is gone after the Lantern Festival. Elsewhere Christmas takes its place.
func festival(day time.Time, chinese bool) float64 {
	y, m, d := day.Date()
	civil := time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	first := time.Date(y, 12, 25, 0, 0, 0, 0, time.UTC)
	if m == time.January {
		first = first.AddDate(-1, 0, 0)
	}
	if chinese {
		first = time.Time{}
		for _, s := range springFestivals {
			if f, err := time.Parse(time.DateOnly, s); err == nil && f.Year() == y {
				first = f
			}
		}
		if first.IsZero() {
			return 0
		}
	}
	x := civil.Sub(first).Hours() / 24
	switch {
	case x < -10 || x > 15:
		return 0
	case x < -1:
		return (x + 10) / 9
	case x <= 7:
		return 1
	}
	return (15 - x) / 8
}

func publicHoliday(day time.Time, chinese bool) bool {
	_, m, d := day.Date()
	if chinese {
		return m == 10 && d <= 7 || m == 5 && d <= 5 || m == 1 && d == 1
	}
	return m == 1 && d == 1 || m == 12 && (d == 25 || d == 26)
}

// hours is the length of the grid.
func (c *calendar) hours() float64 { return float64(c.n) * c.dt }

// index is the interval that holds the moment h hours after the start, kept inside the grid.
func (c *calendar) index(h float64) int { return int(clamp(math.Floor(h/c.dt), 0, float64(c.n))) }

// at is the moment h hours after the start.
func (c *calendar) at(h float64) time.Time {
	return c.start.Add(time.Duration(math.Round(h*60)) * time.Minute)
}

// sunTimes gives sunrise and sunset in hours after the start of the grid for each of its days.
// It uses Cooper's declination and Spencer's equation of time; 0.83° stand for
// refraction and the sun's radius. Good to a few minutes.
func (c *calendar) sunTimes(latitude, longitude float64) (rise, set []float64) {
	rise, set = make([]float64, len(c.days)), make([]float64, len(c.days))
	for k, d := range c.days {
		decl := declination(d.yearDay)
		phi := latitude * math.Pi / 180
		x := (math.Sin(-.83*math.Pi/180) - math.Sin(phi)*math.Sin(decl)) / (math.Cos(phi) * math.Cos(decl))
		half := math.Acos(clamp(x, -1, 1)) * 12 / math.Pi
		noon := c.solarNoon(k, longitude)
		rise[k], set[k] = noon-half, noon+half
	}
	return rise, set
}

// solarNoon of day k in hours after the start of the grid.
func (c *calendar) solarNoon(k int, longitude float64) float64 {
	d := c.days[k]
	y, m, day := d.date.Date()
	utcMidnight := time.Date(y, m, day, 0, 0, 0, 0, time.UTC).Sub(c.start).Hours()
	b := 2 * math.Pi * float64(d.yearDay-81) / 364
	minutes := 9.87*math.Sin(2*b) - 7.53*math.Cos(b) - 1.5*math.Sin(b)
	return utcMidnight + 12 - longitude/15 - minutes/60
}

func declination(yearDay int) float64 {
	return 23.45 * math.Pi / 180 * math.Sin(2*math.Pi*float64(284+yearDay)/365)
}
