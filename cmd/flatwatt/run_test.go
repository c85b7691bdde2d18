package main

import (
	"math"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
)

func TestRecentLoadsKeepTheLastHours(t *testing.T) {
	l := newRecentLoads(48)
	base := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	reading := func(h int, minutes int, kwh float64) flatwatt.Reading {
		return flatwatt.Reading{
			Meter: "m", Start: base.Add(time.Duration(h)*time.Hour + time.Duration(minutes)*time.Minute),
			Length: 15 * time.Minute, Energy: flatwatt.KWh(kwh),
		}
	}
	var all []flatwatt.Reading
	for h := range 100 {
		if h == 80 {
			continue // an hour without readings
		}
		for q := range 4 {
			all = append(all, reading(h, 15*q, float64(h)/4))
		}
	}
	l.add(all)
	l.add(all[len(all)-4:])                        // repeated: changes nothing
	l.add([]flatwatt.Reading{reading(3, 0, 999)})  // too old: dropped
	l.add([]flatwatt.Reading{reading(100, 0, 25)}) // a quarter of an hour at 100 kW
	got, ok := l.Load("m")
	if !ok || len(got.KW) != 48 || !got.Start.Equal(base.Add(53*time.Hour)) {
		t.Fatalf("%d hours from %v, want 48 from hour 53", len(got.KW), got.Start)
	}
	for i, kw := range got.KW {
		h := 53 + i
		if h == 80 {
			if !math.IsNaN(float64(kw)) {
				t.Errorf("hour 80 is %g, want NaN: there was no reading", kw)
			}
			continue
		}
		if kw != float32(h) {
			t.Errorf("hour %d is %g kW", h, kw)
		}
	}
	// A jump of years must not take years of steps, and forgets everything before.
	l.add([]flatwatt.Reading{reading(1_000_000, 0, 1)})
	if got, _ := l.Load("m"); len(got.KW) != 1 || got.KW[0] != 4 {
		t.Errorf("after a jump: %v", got.KW)
	}
	if _, ok := l.Load("other"); ok {
		t.Error("a meter that was never heard of has a load")
	}
}
