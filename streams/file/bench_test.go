package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
)

// readingsText is n rows of quarter-hours of meters, sorted by meter.
func readingsText(n, perMeter int, full bool) (register, text string) {
	r := rand.New(rand.NewPCG(1, 1))
	var reg, b strings.Builder
	reg.WriteString("meter_id,timezone,interval_minutes\n")
	b.WriteString("meter_id,start,energy_kwh,reactive_kvarh,voltage_v,quality\n")
	for i := range n {
		m := fmt.Sprintf("customer-%06d", i/perMeter)
		if i%perMeter == 0 {
			reg.WriteString(m + ",UTC,15\n")
		}
		at := midnight.Add(time.Duration(i%perMeter) * 15 * time.Minute)
		if full {
			fmt.Fprintf(&b, "%s,%s,%.3f,%.3f,%.1f,actual\n", m, at.Format(time.RFC3339), r.ExpFloat64(), r.ExpFloat64()/4, 225+r.Float64()*10)
		} else {
			fmt.Fprintf(&b, "%s,%s,%.3f,,,\n", m, at.Format(time.RFC3339), r.ExpFloat64())
		}
	}
	return reg.String(), b.String()
}

// BenchmarkParseCSV is one core's parsing of CSV that is in memory already.
func BenchmarkParseCSV(b *testing.B) {
	for _, full := range []bool{false, true} {
		const n = 20_000
		reg, text := readingsText(n, 1000, full)
		f, err := Open(fleetOf(b, map[string]string{"meters.csv": reg}), Options{})
		if err != nil {
			b.Fatal(err)
		}
		l := &loader{Fleet: f}
		for i := range f.meters {
			l.grids = append(l.grids, declaredGrid(&f.meters[i]))
		}
		file := &csvFile{loader: l, name: "x"}
		head, lines, _ := strings.Cut(text, "\n")
		file.setRoles(head)
		data := []byte(lines)
		b.Run(map[bool]string{false: "energy", true: "everything"}[full], func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				p := &piece{rejects: newRejects(1)}
				file.parse(p, data, 2)
				p.group()
				if p.len() != n {
					b.Fatalf("%d rows: %+v", p.len(), p.rejects)
				}
			}
			b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "readings/s")
		})
	}
}

// BenchmarkLoad is the whole way from disk to columns, with all cores.
func BenchmarkLoad(b *testing.B) {
	const n = 1 << 20
	reg, text := readingsText(n, 4096, true)
	byMeter := fleetOf(b, map[string]string{"meters.csv": reg, "readings/a.csv": text})
	f := load(b, byMeter, Options{})
	dirs := map[string]string{"csv": byMeter, "parquet": b.TempDir(), "csv.gz": b.TempDir()}
	for _, format := range []Format{Parquet, CSVGzip} {
		series := func(yield func(*flatwatt.Series, error) bool) {
			for _, m := range f.Meters() {
				if s, ok := f.Series(m.ID); ok && !yield(&s, nil) {
					return
				}
			}
		}
		if err := WriteFleet(dirs[string(format)], f.Meters(), nil, nil, series, format); err != nil {
			b.Fatal(err)
		}
	}
	for _, name := range []string{"csv", "csv.gz", "parquet"} {
		b.Run(name, func(b *testing.B) { benchLoad(b, dirs[name], n) })
	}
}

func BenchmarkLoadReal(b *testing.B) { benchLoad(b, realFleet(b), 4_342_996) }

func benchLoad(b *testing.B, dir string, n int64) {
	b.ReportAllocs()
	for b.Loop() {
		f, err := Open(dir, Options{})
		if err != nil {
			b.Fatal(err)
		}
		if err := f.Load(context.Background(), nil); err != nil {
			b.Fatal(err)
		}
		if f.Stats().Readings != n {
			b.Fatalf("%+v", f.Stats())
		}
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "readings/s")
}

func BenchmarkSource(b *testing.B) {
	f := sampleFleet(b, 400_000)
	b.ReportAllocs()
	for b.Loop() {
		src := f.Source(time.Time{})
		for {
			if _, err := src.Read(context.Background()); errors.Is(err, io.EOF) {
				break
			}
		}
	}
	b.ReportMetric(float64(f.Stats().Readings)*float64(b.N)/b.Elapsed().Seconds(), "readings/s")
}

func BenchmarkWrite(b *testing.B) {
	s := sampleSeries(sampleMeters(b)[0], 200_000, true, 1)
	for _, format := range []Format{CSV, Parquet} {
		b.Run(string(format), func(b *testing.B) {
			b.ReportAllocs()
			path := filepath.Join(b.TempDir(), "x."+string(format))
			for b.Loop() {
				w, err := NewReadingsWriter(path, format)
				if err != nil {
					b.Fatal(err)
				}
				w.WriteSeries(s)
				if err := w.Close(); err != nil {
					b.Fatal(err)
				}
			}
			st, err := os.Stat(path)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(200_000*float64(b.N)/b.Elapsed().Seconds(), "readings/s")
			b.ReportMetric(float64(st.Size())/200_000, "B/reading")
		})
	}
}
