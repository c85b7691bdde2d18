//go:build unix

package formats_test

import (
	"bytes"
	"context"
	"io"
	"syscall"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt/streams/formats"
)

// BenchmarkRead reports readings a second of CPU time (so also on a busy machine, and
// with the collector's work), from bytes in memory to batches.
// Files are of the size at which set-up no longer shows: about 500,000 readings.
func BenchmarkRead(b *testing.B) {
	interval := formats.Options{Interval: 15 * time.Minute}
	mapped := interval
	mapped.Mapping = &formats.Mapping{Measure: "meters", Meter: "id", Energy: "kwh"}
	for _, x := range []struct {
		name string
		file []byte
		opt  formats.Options
	}{
		{"csv", longCSV(500, 1000), formats.Options{}},
		{"csv_local_time", localCSV(500, 1000), formats.Options{Zone: mustZone("Europe/London")}},
		{"csv_wide", wideCSV(5000), formats.Options{}},
		{"sgcc", powerCurve(5000), formats.Options{}},
		{"sgcc_registers", readCurve(5000), formats.Options{}},
		{"parquet", parquetFile(b, 500, 1000), formats.Options{}},
		{"lineprotocol", lineProtocol(500, 1000), formats.Options{}},
		{"lineprotocol_mapped", bytes.ReplaceAll(bytes.ReplaceAll(lineProtocol(500, 1000), []byte("reading,meter="), []byte("meters,id=")), []byte("energy_kwh="), []byte("kwh=")), mapped},
		{"nem12", nem12File(5000), formats.Options{}},
		{"cmep", cmepFile(5000), formats.Options{}},
		{"espi", espiFile(40_000), formats.Options{}},
		{"cim", cimFile(500, 96), formats.Options{}},
	} {
		b.Run(x.name, func(b *testing.B) {
			b.ReportAllocs()
			var n int64
			cpu := cpuSeconds(b)
			for b.Loop() {
				src, info, err := formats.Open("bench", bytes.NewReader(x.file), x.opt)
				if err != nil {
					b.Fatal(err)
				}
				for err = nil; err == nil; {
					_, err = src.Read(context.Background())
				}
				if err != io.EOF || info.Tally.Readings == 0 || info.Tally.Rejected > 0 {
					b.Fatalf("%v, %+v", err, *info.Tally)
				}
				n += info.Tally.Readings
			}
			cpu = cpuSeconds(b) - cpu
			b.ReportMetric(float64(n)/cpu, "readings/cpu-s")
			b.ReportMetric(float64(len(x.file))*float64(b.N)/cpu/1e6, "MB/cpu-s")
		})
	}
}

// cpuSeconds is the CPU time this process has used, all threads together.
func cpuSeconds(b *testing.B) float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}
