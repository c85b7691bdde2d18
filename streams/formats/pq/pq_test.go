package pq_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/flatwatt/flatwatt/streams/formats/formattest"
)

type plainRow struct {
	Meter  string    `parquet:"meter_id,dict"`
	Start  time.Time `parquet:"start,timestamp(millisecond)"`
	Energy float64   `parquet:"energy_kwh"`
}

type fullRow struct {
	Meter    int64    `parquet:"meter_id"`
	Start    string   `parquet:"start,snappy"`
	Energy   *float32 `parquet:"energy_kwh,zstd"`
	Export   int32    `parquet:"export_kwh"`
	Reactive *float64 `parquet:"reactive_kvarh"`
	Voltage  float64  `parquet:"voltage_v"`
	Quality  *string  `parquet:"quality,dict"`
}

func file[T any](rows []T) string {
	var b bytes.Buffer
	w := parquet.NewGenericWriter[T](&b)
	if _, err := w.Write(rows); err != nil {
		panic(err)
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.String()
}

var (
	start = time.Date(2026, 1, 15, 0, 0, 0, 0, time.UTC)
	half  = float32(0.5)
	kvarh = 0.1
	word  = "E"
)

var samples = []formattest.Sample{
	{Name: "a.parquet", Data: file([]plainRow{{"7", start, 0.5}, {"7", start.Add(15 * time.Minute), 0.25}, {"A", start, 1}})},
	{Name: "b.parquet", Data: file([]fullRow{{7, "2026-01-15T08:00:00+08:00", &half, 1, &kvarh, 230, &word}, {7, "2026-01-15T00:15:00Z", nil, 0, nil, 231, nil}})},
}

func TestSuite(t *testing.T) { formattest.Suite(t, "parquet", samples...) }

func FuzzParquet(f *testing.F) { formattest.Fuzz(f, "parquet", samples...) }
