package file

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/deprecated"
)

// parquetOf is a Parquet file of rows.
func parquetOf[T any](t testing.TB, rows []T, options ...parquet.WriterOption) string {
	t.Helper()
	var b bytes.Buffer
	w := parquet.NewGenericWriter[T](&b, options...)
	if _, err := w.Write(rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

var midnight = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// TestParquetTypesThatAreTaken writes the same three readings in different types.
func TestParquetTypesThatAreTaken(t *testing.T) {
	good := func(name, content string) {
		t.Run(name, func(t *testing.T) {
			f := load(t, fleetOf(t, map[string]string{"meters.csv": "meter_id,timezone\n1,UTC\n2,UTC\n", "readings/a.parquet": content}), Options{})
			s, ok := f.Series("1")
			if !ok || len(f.Rejects()) > 0 || f.Stats().Readings != 3 || s.Start != midnight ||
				len(s.Energy) != 3 || s.Energy[0] != .5 || s.Energy[1] != 1.5 || s.Energy[2] != 2 {
				t.Errorf("%+v, rejects %+v, %+v", s, f.Rejects(), f.Stats())
			}
		})
	}
	at := func(i int) time.Time { return midnight.Add(time.Duration(i) * 15 * time.Minute) }
	type milli struct {
		Meter  string  `parquet:"meter_id"`
		Start  int64   `parquet:"start,timestamp(millisecond)"`
		Energy float64 `parquet:"energy_kwh"`
	}
	good("milliseconds, plain ids", parquetOf(t, []milli{{"1", at(0).UnixMilli(), .5}, {"1", at(1).UnixMilli(), 1.5}, {"1", at(2).UnixMilli(), 2}}))
	type micro struct {
		Meter  []byte  `parquet:"meter_id,dict,zstd"`
		Start  int64   `parquet:"start,timestamp(microsecond),dict"`
		Energy float32 `parquet:"energy_kwh,split"`
	}
	good("microseconds, floats", parquetOf(t, []micro{{[]byte("1"), at(0).UnixMicro(), .5}, {[]byte("1"), at(1).UnixMicro(), 1.5}, {[]byte("1"), at(2).UnixMicro(), 2}}))
	type nano struct {
		Meter  int64   `parquet:"meter_id"`
		Start  int64   `parquet:"start,timestamp(nanosecond:local),delta"`
		Energy float64 `parquet:"energy_kwh,dict,snappy"`
	}
	good("nanoseconds, numeric ids, data page 1", parquetOf(t, []nano{{1, at(0).UnixNano(), .5}, {1, at(1).UnixNano() + 1e6, 1.5}, {1, at(2).UnixNano(), 2}}, parquet.DataPageVersion(1)))
	type text struct {
		Start  string   `parquet:"START,dict"`
		Energy *float64 `parquet:"energy_kwh,optional"`
		Meter  *string  `parquet:"meter_id,optional,dict"`
		Note   []string `parquet:"note"`
	}
	e0, e1, e2, id := .5, 1.5, 2., "1"
	good("text times, nulls, other columns", parquetOf(t, []text{
		{"2026-01-01T00:00:00Z", &e0, &id, nil}, {"2026-01-01T01:15:00+01:00", &e1, &id, []string{"x", "y"}},
		{"2026-01-01T07:00:00Z", nil, &id, nil}, {"2026-01-01T00:30:00Z", &e2, &id, nil}}))
	type spark struct {
		Meter  int32            `parquet:"meter_id"`
		Start  deprecated.Int96 `parquet:"start"`
		Energy float64          `parquet:"energy_kwh"`
	}
	i96 := func(i int) deprecated.Int96 { // 2026-01-01 is Julian day 2461042
		ns := uint64(i) * 15 * 60 * 1e9
		return deprecated.Int96{uint32(ns), uint32(ns >> 32), 2461042}
	}
	good("96-bit times", parquetOf(t, []spark{{1, i96(0), .5}, {1, i96(1), 1.5}, {1, i96(2), 2}}))
}

func TestParquetTypesThatAreRefused(t *testing.T) {
	bad := func(name, content, field, reason string) {
		t.Run(name, func(t *testing.T) {
			f := load(t, fleetOf(t, map[string]string{"meters.csv": twoMeters, "readings/a.parquet": content, "readings/b.csv": header + day(1)}), Options{})
			wantReject(t, f, "readings/a.parquet", field, reason)
			if f.Stats().Readings != 1 {
				t.Errorf("%+v", f.Stats())
			}
		})
	}
	type number struct {
		Meter  string  `parquet:"meter_id"`
		Start  int64   `parquet:"start"`
		Energy float64 `parquet:"energy_kwh"`
	}
	bad("number as time", parquetOf(t, []number{{"m1", 0, 1}}), "start", "store a timestamp")
	type words struct {
		Meter  string `parquet:"meter_id"`
		Start  string `parquet:"start"`
		Energy string `parquet:"energy_kwh"`
	}
	bad("text as energy", parquetOf(t, []words{{"m1", "2026-01-01T00:00:00Z", "1"}}), "energy_kwh", "store a double")
	type decimal struct {
		Meter  string `parquet:"meter_id"`
		Start  string `parquet:"start"`
		Energy int64  `parquet:"energy_kwh,decimal(3:18)"`
	}
	bad("decimal", parquetOf(t, []decimal{{"m1", "2026-01-01T00:00:00Z", 1}}), "energy_kwh", "store a double")
	type list struct {
		Meter  string    `parquet:"meter_id"`
		Start  string    `parquet:"start"`
		Energy []float64 `parquet:"energy_kwh"`
	}
	bad("list", parquetOf(t, []list{{"m1", "2026-01-01T00:00:00Z", []float64{1}}}), "energy_kwh", "nested or repeated")
	type short struct {
		Meter string `parquet:"meter_id"`
		Start string `parquet:"start"`
	}
	bad("missing column", parquetOf(t, []short{{"m1", "x"}}), "energy_kwh", "no column energy_kwh")
	type flag struct {
		Meter  bool    `parquet:"meter_id"`
		Start  string  `parquet:"start"`
		Energy float64 `parquet:"energy_kwh"`
	}
	bad("flag as meter", parquetOf(t, []flag{{true, "x", 1}}), "meter_id", "store text or a whole number")
}

// full is a row with everything.
type full struct {
	Meter    string  `parquet:"meter_id,dict"`
	Start    string  `parquet:"start"`
	Energy   float64 `parquet:"energy_kwh"`
	Reactive float64 `parquet:"reactive_kvarh"`
	Voltage  float64 `parquet:"voltage_v"`
	Quality  string  `parquet:"quality"`
}

func TestABadParquetRowCostsThatRowOnly(t *testing.T) {
	nan := math.NaN()
	good := full{"m1", "2026-01-01T00:00:00Z", 1, nan, nan, "E"}
	bad := func(name string, row full, field, reason string) {
		t.Run(name, func(t *testing.T) {
			f := load(t, fleetOf(t, map[string]string{"meters.csv": twoMeters, "readings/a.parquet": parquetOf(t, []full{good, row})}), Options{})
			wantReject(t, f, "readings/a.parquet:row 2", field, reason)
			if s := f.Stats(); s.Readings != 1 || s.Rejected != 1 {
				t.Errorf("%+v", s)
			}
		})
	}
	const start = "2026-01-01T00:15:00Z"
	bad("NaN", full{"m1", start, nan, nan, nan, ""}, "energy_kwh", "leave the field empty")
	bad("Inf", full{"m1", start, math.Inf(-1), nan, nan, ""}, "energy_kwh", "check the unit")
	bad("meter", full{"m7", start, 1, nan, nan, ""}, "meter_id", `"m7" is not in meters.csv`)
	bad("time", full{"m1", "yesterday", 1, nan, nan, ""}, "start", "RFC 3339")
	bad("clock", full{"m1", "1970-01-01T00:00:00Z", 1, nan, nan, ""}, "start", "clock is wrong")
	bad("seconds", full{"m1", "2026-01-01T00:15:30Z", 1, nan, nan, ""}, "start", "off a full minute")
	bad("quality", full{"m1", start, 1, nan, nan, "?"}, "quality", "not actual")
	bad("reactive", full{"m1", start, 1, math.Inf(1), nan, ""}, "reactive_kvarh", "check the unit")
	bad("voltage", full{"m1", start, 1, nan, -1, ""}, "voltage_v", "not between")
}

// TestADamagedParquetFile cuts and flips bytes of a good file in many places: the other
// file is always kept, and nothing panics. (A flipped bit inside a value cannot be told
// from another value: Parquet pages carry no checksum unless the writer adds one.)
func TestADamagedParquetFile(t *testing.T) {
	meters := sampleMeters(t)
	dir := t.TempDir()
	want := sampleSeries(meters[0], 3000, true, 3)
	if err := WriteFleet(dir, meters, nil, nil, each1(want), Parquet); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "readings", "readings.parquet")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "readings", "z.csv"), []byte(header+"b,2026-03-01T00:30:00Z,1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	check := func(name string, content []byte) int64 {
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
		f := load(t, dir, Options{})
		if _, ok := f.Series("b"); !ok {
			t.Errorf("%s: the other file was lost", name)
		}
		return f.Stats().Readings
	}
	for _, n := range []int{0, 3, 4, 8, len(whole) / 2, len(whole) - 1} {
		if got := check("cut", whole[:n]); got != 1 {
			t.Errorf("cut at %d: %d readings", n, got)
		}
	}
	for i := 5; i < len(whole); i += len(whole) / 60 {
		flipped := bytes.Clone(whole)
		flipped[i] ^= 0x55
		check("flip", flipped)
	}
}

// TestManyRowGroups reads a file whose ranges begin inside pages.
func TestManyRowGroups(t *testing.T) {
	type row struct {
		Meter  string   `parquet:"meter_id,dict"`
		Start  int64    `parquet:"start,timestamp"`
		Energy *float64 `parquet:"energy_kwh,optional"`
	}
	var rows []row
	for i := range 3*rangeRows/2 + rangeRows/4 + 77 {
		e := float64(i % 1000)
		r := row{"m1", midnight.Add(time.Duration(i) * time.Minute).UnixMilli(), &e}
		if i%5 == 3 {
			r.Energy = nil
		}
		rows = append(rows, r)
	}
	f := load(t, fleetOf(t, map[string]string{"meters.csv": "meter_id,timezone\nm1,UTC\n",
		"readings/a.parquet": parquetOf(t, rows, parquet.MaxRowsPerRowGroup(int64(len(rows)-999)))}), Options{})
	s, _ := f.Series("m1")
	if len(s.Energy) != len(rows) || len(f.Rejects()) > 0 {
		t.Fatalf("%d of %d, %+v", len(s.Energy), len(rows), f.Rejects())
	}
	for i, v := range s.Energy {
		if want := rows[i].Energy; (want == nil) != (v != v) || want != nil && *want != v {
			t.Fatalf("reading %d is %v", i, v)
		}
	}
	if !strings.Contains(f.Notes()[0].Text, "every 1 minutes") {
		t.Errorf("notes %+v", f.Notes())
	}
}
