package rescore_test

import (
	"math"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/detectors"
	"github.com/flatwatt/flatwatt/rescore"
	"github.com/flatwatt/flatwatt/streams/archive"
)

// BenchmarkRun scores 1,000 meters of four partitions over 60 days from the archive, on all
// cores: decode, score with the shipped model, and write every score with its evidence.
func BenchmarkRun(b *testing.B) {
	meters := register(1000)
	store := newMemory()
	const partitions = 4
	partition := func(m flatwatt.Meter) int { return int(m.Parent[len(m.Parent)-1]-'0') % partitions }
	parts := make([][]flatwatt.Meter, partitions)
	for _, m := range meters {
		parts[partition(m)] = append(parts[partition(m)], m)
	}
	w, err := archive.OpenWriter(b.Context(), store, archive.Options{Meters: meters, Partitions: partitions, Partition: partition})
	if err != nil {
		b.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	const days = 60
	for day := range days {
		var batch []flatwatt.Reading
		for _, m := range meters {
			for k := range 96 {
				batch = append(batch, flatwatt.Reading{Meter: m.ID, Start: begin.Add(time.Duration(day*96+k) * 15 * time.Minute), Length: 15 * time.Minute,
					Energy: flatwatt.KWh(math.Round(50+60*rng.ExpFloat64()) / 1000), Reactive: flatwatt.KVArh(math.NaN()), Voltage: flatwatt.Volt(math.NaN())})
			}
		}
		if err := w.Import(b.Context(), "bench", flatwatt.Batch{Readings: batch, Next: flatwatt.Position(day + 1)}); err != nil {
			b.Fatal(err)
		}
	}
	if err := w.EndImport(b.Context(), "bench", days); err != nil {
		b.Fatal(err)
	}
	if err := w.Merge(b.Context()); err != nil {
		b.Fatal(err)
	}
	a, err := archive.Open(b.Context(), store)
	if err != nil {
		b.Fatal(err)
	}
	n, began := int64(0), cpuTime()
	for b.Loop() {
		r := rescore.Runner{Archive: a, Runs: rescore.Runs{Store: newMemory()}, Now: time.Now, NewScorer: func(p int) (flatwatt.Scorer, error) {
			return detectors.NewFleet(detectors.DefaultParams(), parts[p], nil, detectors.Options{})
		}}
		spec, err := rescore.Plan(a, rescore.Spec{From: flatwatt.DayOf(begin, shanghai), To: flatwatt.DayOf(begin, shanghai) + days})
		if err != nil {
			b.Fatal(err)
		}
		e, err := r.Run(b.Context(), spec)
		if err != nil {
			b.Fatal(err)
		}
		n += e.Readings
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds()/1e6, "Mreadings/s")
	// On a machine that others use, the time on the wall says little.
	b.ReportMetric(float64(n)/(cpuTime()-began).Seconds()/1e6, "Mreadings/core-s")
}

// cpuTime is what this process has used on all cores.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
