package screen

import (
	"math"
	"slices"
	"time"

	"github.com/flatwatt/flatwatt"
)

const (
	recentDays = 28
	usedShare  = .05 // of the level from which a day counts as use
	fullShare  = .85
)

// A local day of a series.
type daily struct {
	start            time.Time
	mean, night, day float64
	rest             bool
	kw               []float64
}

// Measure takes what it can from a meter's series; probabilities are left NaN.
func Measure(s *flatwatt.Series, zone *time.Location) Measured {
	nan := math.NaN()
	m := Measured{Level: nan, FullAfter: nan, LoadFactor: nan, NightDay: nan, WeekdayEnd: nan, Miner: nan, Farm: nan}
	days := dailies(s, zone)
	if len(days) == 0 {
		return m
	}
	recent := days[max(0, len(days)-recentDays):]
	means := make([]float64, 0, len(recent))
	for _, d := range recent {
		means = append(means, d.mean)
	}
	slices.Sort(means)
	m.Level = means[(len(means)-1)*9/10]
	if m.Level <= 0 {
		return m
	}
	first := slices.IndexFunc(days, func(d daily) bool { return d.mean > usedShare*m.Level })
	full := slices.IndexFunc(days, func(d daily) bool { return d.mean >= fullShare*m.Level })
	m.First, m.Days = days[first].start, len(days)-first
	if first > 0 { // else it is older than the data
		m.FullAfter = days[full].start.Sub(m.First).Hours() / 24
	}
	m.LoadFactor, m.NightDay, m.WeekdayEnd = ratios(recent)
	return m
}

func dailies(s *flatwatt.Series, zone *time.Location) (list []daily) {
	hours := s.Interval.Hours()
	for i := 0; i < len(s.Energy); {
		day := flatwatt.DayOf(s.Start.Add(time.Duration(i)*s.Interval), zone)
		end := (day + 1).Start(zone)
		d := daily{start: day.Start(zone)}
		w := time.Unix(int64(day)*86400, 0).UTC().Weekday()
		d.rest = w == time.Saturday || w == time.Sunday
		var sum, n [3]float64
		for ; i < len(s.Energy); i++ {
			at := s.Start.Add(time.Duration(i) * s.Interval)
			if !at.Before(end) {
				break
			}
			kw := s.Energy[i] / hours
			if kw != kw {
				continue
			}
			d.kw = append(d.kw, kw)
			part := 0
			if h := at.In(zone).Hour(); h < 5 {
				part = 1
			} else if h >= 10 && h < 16 {
				part = 2
			}
			sum[0], n[0] = sum[0]+kw, n[0]+1
			if part > 0 {
				sum[part], n[part] = sum[part]+kw, n[part]+1
			}
		}
		if n[0] > 0 {
			d.mean, d.night, d.day = sum[0]/n[0], sum[1]/n[1], sum[2]/n[2]
			list = append(list, d)
		}
	}
	return list
}

// ratios are load factor, night over day, and working days over days of rest.
func ratios(days []daily) (loadFactor, nightDay, weekdayEnd float64) {
	var all []float64
	var sum, night, day float64
	var side, n [2]float64
	for _, d := range days {
		all = append(all, d.kw...)
		for _, kw := range d.kw {
			sum += kw
		}
		if d.night == d.night && d.day == d.day {
			night, day = night+d.night, day+d.day
		}
		k := 0
		if d.rest {
			k = 1
		}
		side[k], n[k] = side[k]+d.mean, n[k]+1
	}
	slices.Sort(all)
	top := all[int(.995*float64(len(all)-1))]
	return sum / float64(len(all)) / top, night / day, (side[0] / n[0]) / (side[1] / n[1])
}
