package archive_test

import (
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/archive"
)

// household draws 15-minute energies of a home to the watt-hour.
func household(meters []flatwatt.Meter, days int, yield func([]flatwatt.Reading)) {
	rng := rand.New(rand.NewPCG(1, 2))
	var out []flatwatt.Reading
	for day := range days {
		out = out[:0]
		for k := range 96 {
			for _, m := range meters {
				r := reading(string(m.ID), march.Add(time.Duration(day*96+k)*15*time.Minute), math.Round(50+40*rng.ExpFloat64())/1000)
				out = append(out, r)
			}
		}
		yield(out)
	}
}

func benchArchive(b *testing.B, meters, days int, period archive.Period) *archive.Archive {
	b.Helper()
	store := archive.Dir(b.TempDir())
	reg := register(meters)
	w, err := archive.OpenWriter(b.Context(), store, archive.Options{Meters: reg, Period: period})
	if err != nil {
		b.Fatal(err)
	}
	n := 0
	household(reg, days, func(r []flatwatt.Reading) {
		n += len(r)
		if err := w.Import(b.Context(), "bench", flatwatt.Batch{Readings: r, Next: flatwatt.Position(n)}); err != nil {
			b.Fatal(err)
		}
	})
	if err := w.EndImport(b.Context(), "bench", flatwatt.Position(n)); err != nil {
		b.Fatal(err)
	}
	if err := w.Merge(b.Context()); err != nil {
		b.Fatal(err)
	}
	return open(b, store)
}

// BenchmarkRead decodes an archive and gives its readings out on one core.
func BenchmarkRead(b *testing.B) {
	a := benchArchive(b, 1000, 31, archive.Monthly)
	first, last, _ := a.Days()
	n := 0
	var buf []flatwatt.Reading
	for b.Loop() {
		for r := a.Read(0, first, last, archive.AsKnown); ; {
			d, err := r.Next(b.Context())
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				b.Fatal(err)
			}
			if buf, err = d.Each(buf, func(part []flatwatt.Reading) error { n += len(part); return nil }); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds()/1e6, "Mreadings/s")
}

// BenchmarkMeter reads 13 months of one meter out of a thousand.
func BenchmarkMeter(b *testing.B) {
	for _, p := range []archive.Period{archive.Monthly, archive.Daily} {
		b.Run(fmt.Sprintf("a file a %s", p), func(b *testing.B) {
			a := benchArchive(b, 1000, 396, p)
			began := cpuTime()
			for b.Loop() {
				got, err := a.Meter(b.Context(), "m-0500", 0, march, march.AddDate(2, 0, 0))
				if err != nil || len(got) != 396*96 {
					b.Fatal(len(got), err)
				}
			}
			// On a machine that others use, the time on the wall says little.
			b.ReportMetric(float64((cpuTime()-began).Milliseconds())/float64(b.N), "cpu-ms/op")
		})
	}
}

// cpuTime is what this process has used on all cores.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
