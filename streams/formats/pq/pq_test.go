package pq_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/flatwatt/flatwatt/streams/formats"
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

func file[T any](rows []T, opt ...parquet.WriterOption) string {
	var b bytes.Buffer
	w := parquet.NewGenericWriter[T](&b, opt...)
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
	none  = "N"
)

func at(quarters int) time.Time { return start.Add(time.Duration(quarters) * 15 * time.Minute) }

var samples = []formattest.Sample{
	{Name: "plain.parquet", Data: file([]plainRow{{"7", at(0), 0.5}, {"7", at(1), 0.25}, {"A", at(0), 1}}),
		Want: `
		7 01-15T00:00 15 0.5 - - A
		7 01-15T00:15 15 0.25 - - A
		A 01-15T00:00 15 1 - - A
		`},
	// Identifiers as numbers, times as text, nulls, export, qualities.
	{Name: "full.parquet", Data: file([]fullRow{{7, "2026-01-15T08:00:00+08:00", &half, 1, &kvarh, 230, &word}, {7, "2026-01-15T00:15:00Z", nil, 0, nil, 231, nil}, {7, "2026-01-15T00:30:00Z", &half, 0, nil, 231, nil}, {7, "2026-01-15T00:45:00Z", &half, 0, nil, 231, &none}, {7, "soon", &half, 0, nil, 231, nil}}),
		Want: `
		7 01-15T00:00 15 -0.5 0.1 230 E
		7 01-15T00:30 15 0.5 - 231 A
		! full.parquet:5 [start]
		`},
}

func TestSuite(t *testing.T) { formattest.Suite(t, "parquet", samples...) }

func FuzzParquet(f *testing.F) { formattest.Fuzz(f, "parquet", samples...) }

// Every way of packing gives the same, also in many pages and row groups.
func TestCodecs(t *testing.T) {
	var rows []plainRow
	for i := range 3000 {
		rows = append(rows, plainRow{fmt.Sprint("M", i/96), at(i % 96), float64(i%7) / 4})
	}
	want := formattest.Read(t, "f", []byte(file(rows)), formats.Options{}).String()
	for _, codec := range []parquet.WriterOption{
		parquet.Compression(&parquet.Uncompressed), parquet.Compression(&parquet.Snappy), parquet.Compression(&parquet.Gzip),
		parquet.Compression(&parquet.Zstd), parquet.Compression(&parquet.Brotli), parquet.Compression(&parquet.Lz4Raw),
	} {
		for _, pages := range []parquet.WriterOption{parquet.PageBufferSize(256), parquet.DataPageVersion(1), parquet.MaxRowsPerRowGroup(500)} {
			if got := formattest.Read(t, "f", []byte(file(rows, codec, pages)), formats.Options{}); got.String() != want {
				t.Errorf("%v %v: %d readings, %v", codec, pages, len(got.Readings), got.Rejected)
			}
		}
	}
}

type localRow struct {
	Zaehler string  `parquet:"zaehler"`
	Zeit    int64   `parquet:"zeit,timestamp(microsecond:local)"`
	KW      float64 `parquet:"kw"`
}

// Columns by a mapping; wall clock times of the meter's zone, told apart by order in the
// hour that comes twice; ends of intervals; mean power.
func TestMappingAndLocalTimes(t *testing.T) {
	london, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	local := func(h, m int) int64 { return time.Date(2026, 10, 25, h, m, 0, 0, time.UTC).UnixMicro() }
	data := file([]localRow{{"1", local(1, 0), 2}, {"1", local(1, 30), 4}, {"1", local(1, 0), 6}, {"1", local(1, 30), 8}, {"1", local(2, 0), 10}})
	opt := formats.Options{Zone: london, Stamp: formats.StampEnd, Mapping: &formats.Mapping{Meter: "zaehler", Time: "zeit", Energy: "kw", Unit: "kW"}}
	formattest.Check(t, formattest.Read(t, "f", []byte(data), opt), `
	1 10-24T23:30 30 1 - - A
	1 10-25T00:00 30 2 - - A
	1 10-25T00:30 30 3 - - A
	1 10-25T01:00 30 4 - - A
	1 10-25T01:30 30 5 - - A
	`)
	opt.Mapping = &formats.Mapping{Energy: "watt"}
	if r := formattest.Read(t, "f", []byte(data), opt); len(r.Rejected) != 1 || r.Rejected[0].Field != "meter_id" {
		t.Errorf("a lost column: %s", r)
	}
}

// An export that is null is none; an energy that is null beside an export is half a reading.
func TestNullsBesideExport(t *testing.T) {
	type row struct {
		Meter  string    `parquet:"meter_id"`
		Start  time.Time `parquet:"start,timestamp(millisecond)"`
		Energy *float32  `parquet:"energy_kwh"`
		Export *float32  `parquet:"export_kwh"`
	}
	data := file([]row{{"7", at(0), &half, nil}, {"7", at(1), &half, &half}, {"7", at(2), nil, &half}, {"7", at(3), nil, nil}})
	formattest.Check(t, formattest.Read(t, "f", []byte(data), formats.Options{}), `
	7 01-15T00:00 15 0.5 - - A
	7 01-15T00:15 15 0 - - A
	! f:3 [energy_kwh]
	`)
}
