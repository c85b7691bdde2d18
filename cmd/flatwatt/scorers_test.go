package main

import (
	"context"
	"testing"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/detectors"
	"github.com/flatwatt/flatwatt/simulate"
)

// BenchmarkScorers compares the detector of customers alone with all detectors of the
// service on the same readings of 1,000 customers, 40 transformers and 5 feeders.
func BenchmarkScorers(b *testing.B) {
	cfg := simulate.DefaultConfig()
	cfg.Seed, cfg.Meters, cfg.Days = 5, 1000, 30
	g, err := simulate.New(cfg)
	if err != nil {
		b.Fatal(err)
	}
	var days [][]flatwatt.Reading
	for s := range g.All(context.Background()) {
		for i := range s.Energy {
			day := i / 96
			for len(days) <= day {
				days = append(days, nil)
			}
			if r, ok := s.Reading(i); ok {
				days[day] = append(days[day], r)
			}
		}
	}
	n := 0
	for _, d := range days {
		n += len(d)
	}
	run := func(b *testing.B, made func() (flatwatt.Scorer, error)) {
		var scores []flatwatt.Score
		for b.Loop() {
			s, err := made()
			if err != nil {
				b.Fatal(err)
			}
			for _, d := range days {
				scores = s.Score(scores[:0], d)
			}
			s.Close(scores[:0])
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/reading")
	}
	params := detectors.DefaultParams()
	b.Run("customers", func(b *testing.B) {
		run(b, func() (flatwatt.Scorer, error) { return newCustomers(params, g.Meters(), g.Weather(), aside{}) })
	})
	b.Run("all", func(b *testing.B) {
		run(b, func() (flatwatt.Scorer, error) {
			return newScorer(params, g.Meters(), g.Meters(), g.Weather(), aside{})
		})
	})
}

// BenchmarkDayClose is what a day of a customer's meter costs once six weeks lie behind
// it: 96 readings and the close of the day, on one core.
func BenchmarkDayClose(b *testing.B) {
	const before, timed = 45, 10
	cfg := simulate.DefaultConfig()
	cfg.Seed, cfg.Meters, cfg.Days = 5, 1000, before+timed
	g, err := simulate.New(cfg)
	if err != nil {
		b.Fatal(err)
	}
	var days [before + timed][]flatwatt.Reading
	for s := range g.All(context.Background()) {
		for i := range s.Energy {
			if r, ok := s.Reading(i); ok {
				days[min(i/96, len(days)-1)] = append(days[min(i/96, len(days)-1)], r)
			}
		}
	}
	warm, err := newCustomers(detectors.DefaultParams(), g.Meters(), g.Weather(), aside{})
	if err != nil {
		b.Fatal(err)
	}
	var scores []flatwatt.Score
	for _, d := range days[:before] {
		scores = warm.Score(scores[:0], d)
	}
	memory, err := warm.AppendBinary(nil)
	if err != nil {
		b.Fatal(err)
	}
	closed, b0 := 0, 0
	for b.Loop() {
		b.StopTimer()
		s, err := newCustomers(detectors.DefaultParams(), g.Meters(), g.Weather(), aside{})
		if err == nil {
			err = s.UnmarshalBinary(memory)
		}
		if err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		for _, d := range days[before:] {
			scores = s.Score(scores[:0], d)
			closed += len(scores)
			b0 += len(d)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(closed), "µs/meter-day")
	b.ReportMetric(float64(b0)/b.Elapsed().Seconds()/1e6, "Mreadings/s")
}
