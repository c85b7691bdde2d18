package main

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/simulate"
)

// A variation makes many places of one real meter, for training: what separates a miner from
// a building has to be learned from more buildings than anybody publishes. Each draw of a
// meter is varied by hash of its id and seed.
type variation struct {
	// Scale bounds the factor by which a draw is larger than the meter; both 0: as it is.
	Scale [2]float64 `yaml:"scale"`
	// Flip is the share of draws whose days run backwards: whatever was taken out of service
	// is put in. Saturdays and Sundays change places; the weather is not told.
	Flip float64 `yaml:"flip"`
	// Mix is the share of draws to which another meter of the entry is added that was read
	// at the same time in the same intervals, scaled to at most three times the first.
	Mix float64 `yaml:"mix"`
}

func (v *variation) check() error {
	if s := v.Scale; s != [2]float64{} && !(s[0] > 0 && s[0] <= s[1] && s[1] <= 100) {
		return fmt.Errorf("vary: scale: %g; want [from, to] with 0 < from ≤ to ≤ 100", s)
	}
	if !(v.Flip >= 0 && v.Flip <= 1 && v.Mix >= 0 && v.Mix <= 1) {
		return fmt.Errorf("vary: flip: %g, mix: %g; want shares from 0 to 1", v.Flip, v.Mix)
	}
	return nil
}

// chanceOf is a number in [0, 1) for a draw and a purpose.
func chanceOf(id flatwatt.MeterID, purpose string) float64 {
	return float64(hashOf(flatwatt.MeterID(purpose)+id)>>8) / (1 << 24)
}

// vary makes the place of a draw; others are meters to mix with.
func (v *variation) vary(s flatwatt.Series, m flatwatt.Meter, others []flatwatt.Series) (flatwatt.Series, flatwatt.Meter) {
	if chanceOf(m.ID, "mix/") < v.Mix {
		s = mixed(s, m, others)
	}
	if chanceOf(m.ID, "flip/") < v.Flip {
		s, m = flipped(s, m)
	}
	if v.Scale != [2]float64{} {
		s, m = simulate.Scaled(s, m, v.Scale[0]*math.Pow(v.Scale[1]/v.Scale[0], chanceOf(m.ID, "scale/")))
	}
	return s, m
}

// mixed adds one of others, with its mean power between a third of that of s and three
// times as much; s itself where none was read at the same time.
func mixed(s flatwatt.Series, m flatwatt.Meter, others []flatwatt.Series) flatwatt.Series {
	var list []*flatwatt.Series
	for i := range others {
		if o := &others[i]; o.Start.Equal(s.Start) && o.Interval == s.Interval && len(o.Energy) == len(s.Energy) && meanOf(o.Energy) > 0 {
			list = append(list, o)
		}
	}
	if len(list) == 0 || !(meanOf(s.Energy) > 0) {
		return s
	}
	o := list[int(chanceOf(m.ID, "partner/")*float64(len(list)))]
	factor := math.Pow(3, 2*chanceOf(m.ID, "share/")-1) * meanOf(s.Energy) / meanOf(o.Energy)
	add, _ := simulate.Scaled(*o, m, factor)
	s.Energy = summed(s.Energy, add.Energy)
	if s.Reactive != nil && add.Reactive != nil {
		s.Reactive = summed(s.Reactive, add.Reactive)
	} else {
		s.Reactive = nil
	}
	return s
}

// summed is a + b: missing where either is.
func summed(a, b []float64) []float64 {
	c := make([]float64, len(a))
	for i := range a {
		c[i] = a[i] + b[i]
	}
	return c
}

// meanOf is the mean of the known values of x.
func meanOf(x []float64) float64 {
	sum, n := 0.0, 0.0
	for _, v := range x {
		if v == v {
			sum, n = sum+v, n+1
		}
	}
	return sum / n
}

// flipped runs the whole local days of s backwards, each from morning to night as it was, so
// that weekends stay weekends; days at the ends that would not are left out.
func flipped(s flatwatt.Series, m flatwatt.Meter) (flatwatt.Series, flatwatt.Meter) {
	zone := m.Zone
	if zone == nil {
		zone = time.UTC
	}
	per := int(24 * time.Hour / s.Interval)
	local := s.Start.In(zone)
	midnight := time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, zone)
	from := (per - int(local.Sub(midnight)/s.Interval)) % per
	days := (len(s.Energy) - from) / per
	first := int(s.Start.Add(time.Duration(from)*s.Interval + 12*time.Hour).In(zone).Weekday())
	// Day i becomes day days−1−i: its weekday must be 6 − that of i for weekends to stay.
	for days > 0 && (first+days-1+first)%7 != 6 {
		days--
	}
	if days < 14 {
		return s, m
	}
	m.Region = ""
	s.Start = s.Start.Add(time.Duration(from) * s.Interval)
	for _, x := range []*[]float64{&s.Energy, &s.Reactive, &s.Voltage} {
		if *x != nil {
			*x = reversedDays((*x)[from:from+days*per], per)
		}
	}
	if s.Quality != nil {
		s.Quality = reversedDays(s.Quality[from:from+days*per], per)
	}
	return s, m
}

func reversedDays[T any](x []T, per int) (y []T) {
	for day := range slices.Backward(slices.Collect(slices.Chunk(x, per))) {
		y = append(y, x[day*per:(day+1)*per]...)
	}
	return y
}
