package formats_test

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/formats"
)

// samples is the directory of the public samples; the test skips where it is absent.
func samples(t *testing.T, name string) string {
	t.Helper()
	data := os.Getenv("FLATWATT_DATA")
	if data == "" {
		data = filepath.Join("..", "..", "..", "shared", "data")
	}
	dir := filepath.Join(data, "formats", name)
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("no samples at %s; set FLATWATT_DATA to the directory that holds formats/", dir)
	}
	return dir
}

// A sampleSum is what one meter of a file adds up to.
type sampleSum struct {
	kwh       float64
	intervals int
}

// readSample reads a file whole.
func readSample(t *testing.T, path string) (sums map[flatwatt.MeterID]sampleSum, rejected []flatwatt.Rejected, err error) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	sums = map[flatwatt.MeterID]sampleSum{}
	source, _, err := formats.Open(filepath.Base(path), f, formats.Options{})
	if err != nil {
		return nil, nil, err
	}
	for {
		batch, err := source.Read(t.Context())
		for _, r := range batch.Readings {
			if e := float64(r.Energy); e == e {
				s := sums[r.Meter]
				s.kwh += e
				s.intervals++
				sums[r.Meter] = s
			}
		}
		for _, r := range batch.Rejected {
			r.Raw = nil
			rejected = append(rejected, r)
		}
		if errors.Is(err, io.EOF) {
			return sums, rejected, nil
		}
		if err != nil {
			return sums, rejected, err
		}
	}
}

// testdata/nem12.sums.csv is what nemreader, an independent reader, makes of the same
// files: scripts/formats-oracle.
func TestNEM12SamplesAddUpAsAnIndependentReaderSays(t *testing.T) {
	dir := samples(t, "nem12")
	f, err := os.Open(filepath.Join("testdata", "nem12.sums.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	read := map[string]map[flatwatt.MeterID]sampleSum{}
	for _, row := range rows[1:] {
		name, nmi := row[0], flatwatt.MeterID(row[1])
		if read[name] == nil {
			sums, rejected, err := readSample(t, filepath.Join(dir, name))
			if err != nil || len(rejected) > 0 {
				t.Errorf("%s: %d rejected, first %+v, %v", name, len(rejected), first(rejected), err)
			}
			read[name] = sums
		}
		want, _ := strconv.ParseFloat(row[2], 64)
		n, _ := strconv.Atoi(row[3])
		if got := read[name][nmi]; math.Abs(got.kwh-want) > 1e-3+1e-6*math.Abs(want) || got.intervals != n {
			t.Errorf("%s %s: %.4f kWh in %d intervals, want %.4f in %d; has %v", name, nmi, got.kwh, got.intervals, want, n, len(read[name]))
		}
	}
	if len(read) < 15 {
		t.Errorf("only %d files", len(read))
	}
}

func first(r []flatwatt.Rejected) (x flatwatt.Rejected) {
	if len(r) > 0 {
		return r[0]
	}
	return x
}

// refused says for every invalid sample on which line the first fault is.
var refused = map[string]int{
	"Example_NEM12_15min_200_30min_300.csv":     3,
	"Example_NEM12_15min_200_30min_400.csv":     5,
	"Example_NEM12_30min_200_15min_300.csv":     3,
	"Example_NEM12_30min_200_15min_400.csv":     3,
	"Example_NEM12_empty.csv":                   2,
	"Example_NEM12_incomplete_interval.csv":     3,
	"Example_NEM12_missing_header.csv":          1,
	"Example_NEM12_powercor.csv":                1,
	"Example_NEM12_powercor.csv.zip":            1,
	"Example_NEM12_powercor_missing_fields.csv": 1,
	"Example_empty_file.csv":                    1,
}

func TestInvalidNEM12SamplesAreRefused(t *testing.T) {
	dir := filepath.Join(samples(t, "nem12"), "invalid")
	for name, line := range refused {
		_, rejected, err := readSample(t, filepath.Join(dir, name))
		if err != nil || len(rejected) == 0 {
			t.Errorf("%s: %d rejected, %v", name, len(rejected), err)
			continue
		}
		r := rejected[0]
		if !strings.HasSuffix(r.Where, fmt.Sprintf("%s:%d", strings.TrimSuffix(name, ".zip"), line)) || r.Reason == "" {
			t.Errorf("%s: refused at %s (%s), want line %d", name, r.Where, r.Reason, line)
		}
	}
}

// testdata/espi.sums.csv is what a plain walk over the XML adds up to (espi_sums.py).
func TestESPISamplesAddUpAsAPlainWalkOverTheXML(t *testing.T) {
	dir := samples(t, "espi")
	f, err := os.Open(filepath.Join("testdata", "espi.sums.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows[1:] {
		sums, rejected, err := readSample(t, filepath.Join(dir, row[0]))
		if err != nil || len(rejected) > 0 {
			t.Errorf("%s: %d rejected, first %+v, %v", row[0], len(rejected), first(rejected), err)
		}
		var got sampleSum
		for _, s := range sums {
			got.kwh += s.kwh
			got.intervals += s.intervals
		}
		want, _ := strconv.ParseFloat(row[1], 64)
		if n, _ := strconv.Atoi(row[2]); math.Abs(got.kwh-want) > 1e-4+1e-6*math.Abs(want) || got.intervals != n {
			t.Errorf("%s: %.4f kWh in %d intervals, want %.4f in %d", row[0], got.kwh, got.intervals, want, n)
		}
	}
}
