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
		run(b, func() (flatwatt.Scorer, error) { return newCustomers(params, g.Meters(), g.Weather(), nil) })
	})
	b.Run("all", func(b *testing.B) {
		run(b, func() (flatwatt.Scorer, error) {
			return newScorer(params, g.Meters(), g.Meters(), g.Weather(), aside{})
		})
	})
}
