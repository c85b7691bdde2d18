package main

import (
	"math"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
)

// hourly is a series of so many days from a Monday; level tells the kW of a day.
func hourly(id flatwatt.MeterID, days int, level func(day, hour int) float64) (flatwatt.Series, flatwatt.Meter) {
	s := flatwatt.Series{Meter: id, Start: time.Date(2025, 9, 1, 0, 0, 0, 0, time.UTC), Interval: time.Hour}
	for d := range days {
		for h := range 24 {
			s.Energy = append(s.Energy, level(d, h))
		}
	}
	return s, flatwatt.Meter{ID: id, Zone: time.UTC, Interval: time.Hour, Region: "r", Contracted: 100}
}

// A place that works on weekdays and loses 10 kW on day 30 works on weekdays still when its
// days run backwards, and gains them.
func TestFlippedDaysKeepWeekendsAndTurnALossIntoAGain(t *testing.T) {
	s, m := hourly("a", 60, func(d, h int) float64 {
		kw := 20.0
		if d < 30 {
			kw += 10
		}
		if d%7 < 5 && h >= 8 && h < 18 {
			kw += 50
		}
		return kw
	})
	f, fm := flipped(s, m)
	if fm.Region != "" || len(f.Energy)%24 != 0 || len(f.Energy) < 53*24 {
		t.Fatalf("region %q, %d hours", fm.Region, len(f.Energy))
	}
	for i, v := range f.Energy {
		at := f.Start.Add(time.Duration(i) * time.Hour)
		work := at.Weekday() != time.Saturday && at.Weekday() != time.Sunday && at.Hour() >= 8 && at.Hour() < 18
		if work != (v >= 70) {
			t.Fatalf("%v: %g kW", at, v)
		}
	}
	if first, last := f.Energy[0], f.Energy[len(f.Energy)-1]; !(first < last) {
		t.Errorf("begins with %g and ends with %g kW: the loss is no gain", first, last)
	}
	if short, _ := flipped(flatwatt.Series{Start: s.Start, Interval: time.Hour, Energy: s.Energy[:200]}, m); &short.Energy[0] != &s.Energy[0] {
		t.Error("a week was flipped")
	}
}

func TestMixedAddsAMeterOfTheSameTime(t *testing.T) {
	s, m := hourly("a", 30, func(int, int) float64 { return 20 })
	other, _ := hourly("b", 30, func(_, h int) float64 { return float64(h) })
	later := other
	later.Start = later.Start.Add(24 * time.Hour)
	got := mixed(s, m, []flatwatt.Series{later, other})
	share := (meanOf(got.Energy) - 20) / 20
	if share < 0.33 || share > 3.01 || math.Abs((got.Energy[20]-20)/(got.Energy[10]-20)-2) > 0.01 {
		t.Errorf("the other adds %.2f of the mean; hours 10 and 20 are %.2f and %.2f", share, got.Energy[10], got.Energy[20])
	}
	if alone := mixed(s, m, []flatwatt.Series{later}); &alone.Energy[0] != &s.Energy[0] {
		t.Error("mixed with a meter of another time")
	}
}

// The same plan draws the same; another seed another size.
func TestVariationIsOfTheDraw(t *testing.T) {
	s, m := hourly("a#1", 30, func(int, int) float64 { return 20 })
	v := variation{Scale: [2]float64{0.5, 2}}
	one, scaled := v.vary(s, m, nil)
	two, _ := v.vary(s, m, nil)
	m.ID = "a#2"
	three, _ := v.vary(s, m, nil)
	if one.Energy[5] != two.Energy[5] || one.Energy[5] == three.Energy[5] || s.Energy[5] != 20 {
		t.Errorf("drawn %g, again %g, with another seed %g, of %g", one.Energy[5], two.Energy[5], three.Energy[5], s.Energy[5])
	}
	if got := float64(scaled.Contracted) / 100; math.Abs(got/(meanOf(one.Energy)/20)-1) > 0.01 || got < 0.5 || got > 2 {
		t.Errorf("contracted × %.3f, energy × %.3f", got, meanOf(one.Energy)/20)
	}
}
