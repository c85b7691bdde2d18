package influx

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"testing"

	influxdb2 "github.com/influxdata/influxdb-client-go/v2"
	"github.com/influxdata/influxdb-client-go/v2/api/write"

	"github.com/flatwatt/flatwatt"
)

// fleetDay is a day's scores of n meters, one in a hundred a suspect, with values that
// are as hard to compress as real ones.
func fleetDay(n int, day flatwatt.Day) []flatwatt.Score {
	rng := rand.New(rand.NewPCG(uint64(day), 7))
	scores := make([]flatwatt.Score, n)
	for i := range scores {
		s := full(flatwatt.MeterID(fmt.Sprintf("SP%08d", i)), day)
		s.Model, s.State = "2024.1", flatwatt.Normal
		if rng.IntN(100) == 0 {
			s.State = flatwatt.Suspect
		}
		for _, f := range scoreFloats {
			*f.of(&s) = rng.Float64()
		}
		scores[i] = s
	}
	return scores
}

// fleetRegister hangs 50 meters under a transformer and 100 transformers under a feeder.
func fleetRegister(n int) []flatwatt.Meter {
	var register []flatwatt.Meter
	for i := range n {
		t := i / 50
		if i%5000 == 0 {
			register = append(register, flatwatt.Meter{ID: flatwatt.MeterID(fmt.Sprintf("F%d", t/100)), Kind: flatwatt.Feeder})
		}
		if i%50 == 0 {
			register = append(register, flatwatt.Meter{
				ID: flatwatt.MeterID(fmt.Sprintf("T%d", t)), Parent: flatwatt.MeterID(fmt.Sprintf("F%d", t/100)), Kind: flatwatt.Transformer,
			})
		}
		register = append(register, flatwatt.Meter{
			ID: flatwatt.MeterID(fmt.Sprintf("SP%08d", i)), Parent: flatwatt.MeterID(fmt.Sprintf("T%d", t)), Kind: flatwatt.Customer,
		})
	}
	return register
}

const (
	benchMeters = 10_000
	benchWrite  = 5_000 // scores a Write, as streams.MaxScoresPerWrite
)

// BenchmarkSink is one day of 10,000 meters into the embedded database, roll-ups
// included, durable; B/point is what the database has on disk for a score at the end.
func BenchmarkSink(b *testing.B) {
	dir := b.TempDir()
	c, stop := embeddedIn(b, dir)
	s := sinkOf(b, open(b, c), fleetRegister(benchMeters))
	day := firstDay
	for b.Loop() {
		b.StopTimer()
		scores := fleetDay(benchMeters, day)
		day++
		b.StartTimer()
		for i := 0; i < benchMeters; i += benchWrite {
			mustWrite(b, s, scores[i:i+benchWrite]...)
		}
	}
	points := float64(b.N * benchMeters)
	b.ReportMetric(points/b.Elapsed().Seconds(), "scores/s")
	stop()
	b.ReportMetric(float64(size(b, dir))/points, "B/score")
}

// BenchmarkRecords and BenchmarkNewPoint write the same scores without roll-ups: as
// lines of our own, and as the client's points.
func BenchmarkRecords(b *testing.B) {
	c, _ := embeddedIn(b, b.TempDir())
	s := sinkOf(b, open(b, c), nil)
	day := firstDay
	for b.Loop() {
		b.StopTimer()
		scores := fleetDay(benchMeters, day)
		day++
		b.StartTimer()
		err := s.inChunks(b.Context(), len(scores), func(b []byte, i int) ([]byte, error) { return appendScore(b, &scores[i], mayBeBrief(scores[i].State)) })
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*benchMeters)/b.Elapsed().Seconds(), "scores/s")
}

func BenchmarkNewPoint(b *testing.B) {
	c, _ := embeddedIn(b, b.TempDir())
	client := open(b, c)
	day := firstDay
	for b.Loop() {
		b.StopTimer()
		scores := fleetDay(benchMeters, day)
		day++
		b.StartTimer()
		for i := 0; i < benchMeters; i += benchWrite {
			points := make([]*write.Point, benchWrite)
			for j := range points {
				points[j] = newPoint(&scores[i+j])
			}
			if err := client.write.WritePoint(b.Context(), points...); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.N*benchMeters)/b.Elapsed().Seconds(), "scores/s")
}

func newPoint(s *flatwatt.Score) *write.Point {
	fields := map[string]any{judgedField: s.State != flatwatt.NotEnoughData, dayField: int64(s.Day), evidenceField: string(appendEvidence(nil, s.Evidence))}
	for _, f := range scoreTexts {
		fields[f.name] = *f.of(s)
	}
	for _, f := range scoreTimes {
		fields[f.name] = unix(*f.of(s))
	}
	for _, f := range scoreFloats {
		fields[f.name] = *f.of(s)
	}
	return influxdb2.NewPoint(ScoreMeasurement, map[string]string{MeterTag: string(s.Meter), DetectorTag: s.Detector}, fields, s.Start)
}

// BenchmarkAppendScore is the cost of a line alone.
func BenchmarkAppendScore(b *testing.B) {
	s := fleetDay(1, firstDay)[0]
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf, _ = appendScore(buf[:0], &s, mayBeBrief(s.State))
	}
	b.ReportMetric(float64(len(buf)), "B/line")
}

// BenchmarkRecall is what a new process pays to read a day of 10,000 meters back.
func BenchmarkRecall(b *testing.B) {
	c, _ := embeddedIn(b, b.TempDir())
	client := open(b, c)
	mustWrite(b, sinkOf(b, client, nil), fleetDay(benchMeters, firstDay)...)
	for b.Loop() {
		n := 0
		if err := client.scoresOf(b.Context(), firstDay, func(*flatwatt.Score, bool) { n++ }); err != nil || n != benchMeters {
			b.Fatal(n, err)
		}
	}
}

// BenchmarkLatest is what the console pays to show one of 10,000 meters.
func BenchmarkLatest(b *testing.B) {
	c, _ := embeddedIn(b, b.TempDir())
	client := open(b, c)
	for d := range flatwatt.Day(3) {
		mustWrite(b, sinkOf(b, client, nil), fleetDay(benchMeters, firstDay+d*20)...)
	}
	for b.Loop() {
		if got, err := client.Latest(b.Context(), "SP00001234"); err != nil || len(got) != 1 {
			b.Fatal(got, err)
		}
	}
}

func size(b *testing.B, dir string) (bytes int64) {
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			bytes += info.Size()
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return bytes
}
