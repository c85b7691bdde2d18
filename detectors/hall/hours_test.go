package hall

import (
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
)

// Every hour keeps its own demand, also where intervals fill no quarter hour.
func TestHoursOfAnyInterval(t *testing.T) {
	start := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for _, minutes := range []int{1, 4, 5, 10, 12, 15, 20, 30, 60} {
		step := time.Duration(minutes) * time.Minute
		s, err := New([]flatwatt.Meter{{ID: "a", Kind: flatwatt.Customer, Class: "datacentre", Zone: time.UTC, Interval: step}}, nil, Options{})
		if err != nil {
			t.Fatal(err)
		}
		for at := start; at.Before(start.AddDate(0, 0, 1)); at = at.Add(step) {
			s.Score(nil, []flatwatt.Reading{{Meter: "a", Start: at, Length: step, Energy: flatwatt.KWh(float64(100+at.Hour()) * step.Hours())}})
		}
		s.Close(nil)
		if len(s.state[0].Days) != 1 {
			t.Fatalf("%d minutes: %d days remembered, want 1", minutes, len(s.state[0].Days))
		}
		for h, kw := range s.state[0].Days[0].HourKW {
			if kw < float32(100+h)-.01 || kw > float32(100+h)+.01 {
				t.Errorf("%d minutes: %v kW at hour %d, want %d", minutes, kw, h, 100+h)
			}
		}
	}
}
