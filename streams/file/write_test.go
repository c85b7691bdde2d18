package file

import (
	"context"
	"errors"
	"io"
	"iter"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
)

func mustZone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// sampleMeters are three meters that differ in everything that a register can say.
func sampleMeters(t testing.TB) []flatwatt.Meter {
	return []flatwatt.Meter{
		{ID: "a,1", Parent: "tx", Kind: flatwatt.Customer, Class: "residential", Tariff: `"night" saver`, Zone: mustZone(t, "Asia/Shanghai"),
			Interval: 15 * time.Minute, Contracted: 10.5, Region: "ordos", Extra: map[string]string{"note": "x, y", "use": ""}},
		{ID: "b", Kind: flatwatt.Customer, Class: "industrial", Zone: mustZone(t, "Asia/Kolkata"), Interval: time.Hour,
			Extra: map[string]string{"note": "", "use": "mill"}},
		{ID: "tx", Kind: flatwatt.Transformer, Zone: time.UTC, Interval: 30 * time.Minute, Extra: map[string]string{"note": "", "use": ""}},
	}
}

// sampleSeries is a meter's readings with gaps; with tells which columns there are.
func sampleSeries(m flatwatt.Meter, n int, with bool, seed uint64) *flatwatt.Series {
	r := rand.New(rand.NewPCG(seed, 1))
	start := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	if m.ID == "b" {
		start = start.Add(30 * time.Minute) // India's hours begin at half past, UTC
	}
	s := &flatwatt.Series{Meter: m.ID, Start: start, Interval: m.Interval}
	for i := range n {
		e := math.Round(r.ExpFloat64()*1000) / 1000
		if i > 0 && i < n-1 && r.IntN(20) == 0 {
			e = math.NaN()
		}
		s.Energy = append(s.Energy, e)
		if !with {
			continue
		}
		reactive, voltage, q := math.Round(r.NormFloat64()*100)/100, math.Round(2300+r.NormFloat64()*20)/10, flatwatt.Quality(r.IntN(3))
		if e != e {
			reactive, voltage, q = e, e, flatwatt.Actual
		}
		s.Reactive, s.Voltage, s.Quality = append(s.Reactive, reactive), append(s.Voltage, voltage), append(s.Quality, q)
	}
	return s
}

func each(all []*flatwatt.Series) iter.Seq2[*flatwatt.Series, error] {
	return func(yield func(*flatwatt.Series, error) bool) {
		for _, s := range all {
			if !yield(s, nil) {
				return
			}
		}
	}
}

func load(t testing.TB, dir string, opt Options) *Fleet {
	t.Helper()
	f, err := Open(dir, opt)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Load(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
	return f
}

// sameSeries compares bit by bit, with NaN equal to NaN.
func sameSeries(a, b flatwatt.Series) bool {
	bits := func(col []float64) (out []uint64) {
		for _, v := range col {
			if v != v {
				v = math.NaN()
			}
			out = append(out, math.Float64bits(v))
		}
		return out
	}
	return a.Meter == b.Meter && a.Start.Equal(b.Start) && a.Interval == b.Interval && reflect.DeepEqual(a.Quality, b.Quality) &&
		reflect.DeepEqual(bits(a.Energy), bits(b.Energy)) && reflect.DeepEqual(bits(a.Reactive), bits(b.Reactive)) &&
		reflect.DeepEqual(bits(a.Voltage), bits(b.Voltage))
}

func TestAFleetIsReadAsItWasWritten(t *testing.T) {
	meters := sampleMeters(t)
	var all []*flatwatt.Series
	for i, m := range meters {
		all = append(all, sampleSeries(m, 5000, i != 1, uint64(i)))
	}
	weather := []WeatherRow{{"ordos", time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), -3.5}, {"ordos", time.Date(2026, 3, 1, 1, 0, 0, 0, time.UTC), -3.1}}
	truth := []flatwatt.Truth{
		{Meter: "a,1", Label: flatwatt.Miner, Onset: time.Date(2026, 3, 9, 2, 0, 0, 0, time.UTC), Block: 6.5, Units: 2, Schedule: flatwatt.Night, Note: `2 × "S19j", hidden`},
		{Meter: "b", Label: flatwatt.NoneLabel},
	}
	for _, format := range []Format{CSV, CSVGzip, Parquet} {
		dir := t.TempDir()
		if err := WriteFleet(dir, meters, weather, truth, each(all), format); err != nil {
			t.Fatalf("%s: %v", format, err)
		}
		f := load(t, dir, Options{})
		if got := f.Meters(); !reflect.DeepEqual(got, meters) {
			t.Errorf("%s: meters %+v, want %+v", format, got, meters)
		}
		if !reflect.DeepEqual(f.Truth(), truth) || !reflect.DeepEqual(f.WeatherRows(), weather) {
			t.Errorf("%s: truth %+v, weather %+v", format, f.Truth(), f.WeatherRows())
		}
		for _, want := range all {
			if got, ok := f.Series(want.Meter); !ok || !sameSeries(got, *want) {
				t.Errorf("%s: series of %s differs", format, want.Meter)
			}
		}
		if len(f.Rejects()) != 0 || len(f.Notes()) != 0 {
			t.Errorf("%s: rejects %+v, notes %+v", format, f.Rejects(), f.Notes())
		}
		if hidden, _ := filepath.Glob(filepath.Join(dir, "*", ".tmp*")); len(hidden) > 0 {
			t.Errorf("%s: left %v", format, hidden)
		}
	}
}

func TestWritingTwiceGivesTheSameBytes(t *testing.T) {
	meters := sampleMeters(t)
	for _, format := range []Format{CSV, CSVGzip, Parquet} {
		var before []byte
		for range 2 {
			dir := t.TempDir()
			if err := WriteFleet(dir, meters, nil, nil, each([]*flatwatt.Series{sampleSeries(meters[0], 300, true, 1)}), format); err != nil {
				t.Fatal(err)
			}
			b, err := os.ReadFile(filepath.Join(dir, "readings", "readings."+string(format)))
			if err != nil {
				t.Fatal(err)
			}
			if before != nil && string(before) != string(b) {
				t.Errorf("%s: the second file differs from the first", format)
			}
			before = b
		}
	}
}

func TestAFailedWriteLeavesTheOldFile(t *testing.T) {
	meters := sampleMeters(t)
	dir := t.TempDir()
	s := sampleSeries(meters[0], 10, false, 1)
	if err := WriteFleet(dir, meters, nil, nil, each([]*flatwatt.Series{s}), CSV); err != nil {
		t.Fatal(err)
	}
	broken := func(yield func(*flatwatt.Series, error) bool) {
		_ = yield(sampleSeries(meters[1], 10, false, 1), nil) && yield(nil, io.ErrUnexpectedEOF)
	}
	if err := WriteFleet(dir, meters, nil, nil, broken, CSV); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatalf("error %v", err)
	}
	f := load(t, dir, Options{})
	if got, _ := f.Series(s.Meter); f.Stats().Meters != 1 || !sameSeries(got, *s) {
		t.Errorf("the old readings are gone: %+v", f.Stats())
	}
	if entries, _ := os.ReadDir(filepath.Join(dir, "readings")); len(entries) != 1 {
		t.Errorf("left %v", entries)
	}
}

func TestAFleetIsNotMixedWithAnother(t *testing.T) {
	meters := sampleMeters(t)
	dir := t.TempDir()
	one := each([]*flatwatt.Series{sampleSeries(meters[0], 10, false, 1)})
	if err := WriteFleet(dir, meters, nil, nil, one, CSV); err != nil {
		t.Fatal(err)
	}
	if err := WriteFleet(dir, meters, nil, nil, one, Parquet); err == nil {
		t.Error("readings.parquet was written beside readings.csv, which holds the same readings")
	}
}
