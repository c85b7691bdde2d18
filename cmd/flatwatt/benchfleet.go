package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/detectors"
)

// A benchFleet makes readings up: a daily profile with noise, a level for each meter.
type benchFleet struct {
	meters []flatwatt.Meter
	days   int
	rng    *rand.Rand
	start  time.Time
	noise  []float64
}

func newBenchFleet(flags benchFlags) *benchFleet {
	g := &benchFleet{days: flags.days, rng: rand.New(rand.NewPCG(flags.seed, 0)), start: time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)}
	g.meters = make([]flatwatt.Meter, 0, flags.meters)
	for i := range flags.meters {
		g.meters = append(g.meters, flatwatt.Meter{
			ID: flatwatt.MeterID(fmt.Sprintf("SP-%08d", i)), Parent: flatwatt.MeterID(fmt.Sprintf("T-%06d", i/perTransf)),
			Kind: flatwatt.Customer, Class: "residential", Zone: time.UTC, Interval: benchInterval, Region: "r",
		})
	}
	g.noise = make([]float64, 1<<12)
	for i := range g.noise {
		g.noise[i] = g.rng.NormFloat64()
	}
	return g
}

// each calls use with message after message, in event time, and the number of the transformer
// that it is of; the slice is reused.
func (g *benchFleet) each(days int, use func(transformer int, rs []flatwatt.Reading) error) error {
	rs := make([]flatwatt.Reading, 0, perTransf*perBatch)
	for from := 0; from < days*perDay; from += perBatch {
		for first := 0; first < len(g.meters); first += perTransf {
			rs = rs[:0]
			for m := first; m < min(first+perTransf, len(g.meters)); m++ {
				for i := from; i < min(from+perBatch, days*perDay); i++ {
					rs = append(rs, g.reading(m, i))
				}
			}
			if err := use(first/perTransf, rs); err != nil {
				return err
			}
		}
	}
	return nil
}

func (g *benchFleet) reading(m, i int) flatwatt.Reading {
	hour := float64(i%perDay) / 4
	kw := 0.2 + float64(m%17)/20 + 0.3*math.Max(0, math.Sin((hour-7)/24*2*math.Pi)) + 0.05*math.Abs(g.noise[(m*31+i)&(len(g.noise)-1)])
	return flatwatt.Reading{
		Meter: g.meters[m].ID, Start: g.start.Add(time.Duration(i) * benchInterval), Length: benchInterval,
		Energy: flatwatt.KWh(math.Round(kw/4*1000) / 1000), Reactive: flatwatt.KVArh(math.NaN()), Voltage: flatwatt.Volt(math.NaN()),
	}
}

// scorers are those of the buckets.
func (g *benchFleet) scorers(model *detectors.Params, buckets int) (list []flatwatt.Scorer, err error) {
	var part []flatwatt.Meter // one at a time: what is built keeps no copy
	for b := range buckets {
		part = part[:0]
		for i, m := range g.meters {
			if benchBucket(i/perTransf, buckets) == b {
				part = append(part, m)
			}
		}
		s, err := newScorer(model, part, part, nil, aside{})
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, nil
}

// benchBucket is that of what lies below the n-th transformer.
func benchBucket(n, buckets int) int { return n % buckets }
