package vee_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/file"
	"github.com/flatwatt/flatwatt/vee"
)

func realFleet(tb testing.TB) *file.Fleet {
	tb.Helper()
	dir := os.Getenv("FLATWATT_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared", "data")
	}
	dir = filepath.Join(dir, "real")
	if _, err := os.Stat(dir); err != nil {
		tb.Skipf("no real data at %s: set FLATWATT_DATA to the folder that holds real/", dir)
	}
	f, err := file.Open(dir, file.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	if err := f.Load(context.Background(), nil); err != nil {
		tb.Fatal(err)
	}
	return f
}

// readAll hands every batch of the fleet to take.
func readAll(tb testing.TB, f *file.Fleet, take func([]flatwatt.Reading)) {
	tb.Helper()
	src := f.Source(time.Time{})
	for {
		b, err := src.Read(context.Background())
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			tb.Fatal(err)
		}
		take(b.Readings)
	}
}

// Honest, published loads of 441 meters: how often each rule speaks on them is how often
// a utility would look in vain. The bounds are what was seen, rounded up.
func TestRealFleet(t *testing.T) {
	f := realFleet(t)
	c, err := vee.New(f.Meters(), vee.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, _ := vee.NewSummary(f.Meters(), vee.Options{})
	var out vee.Report
	n := 0
	flush := func() { s.Add(&out); out.Reset() }
	readAll(t, f, func(r []flatwatt.Reading) { c.Add(&out, r); n += len(r); flush() })
	c.Close(&out)
	flush()
	var all vee.Totals
	broke := map[vee.Code]int{}
	lacking := 0
	for _, r := range s.Meters() {
		all.Days += r.Totals.Days
		all.Expected += r.Totals.Expected
		all.Missing += r.Totals.Missing
		all.Actual += r.Totals.Actual + r.Totals.Estimated + r.Totals.Edited
		for k, v := range r.Totals.Findings {
			broke[k] += v
		}
		if len(r.Lacks) > 0 {
			lacking++
		}
	}
	t.Logf("%d readings, %d meter days, %d missing, %d meters lack data", n, all.Days, all.Missing, lacking)
	for _, code := range vee.Codes() {
		t.Logf("%-14s %7d meter days, %.2f %%", code, broke[code], 100*float64(broke[code])/float64(all.Days))
	}
	// A handful stand alone between holes of days, and nothing confirms their clock.
	if lone := n - all.Actual; lone < 0 || lone > 10 || lone > broke[vee.TimeSync] || all.Expected != all.Actual+all.Missing {
		t.Errorf("%d readings came, %d are accounted for, %d were expected", n, all.Actual, all.Expected)
	}
}

func BenchmarkAdd(b *testing.B) {
	m := customer("a")
	var meters []flatwatt.Meter
	var all []flatwatt.Reading
	for i := range 100 {
		m.ID = flatwatt.MeterID(fmt.Sprint("meter-", i))
		meters = append(meters, m)
		all = append(all, honest(m, monday, 10, uint64(i))...)
	}
	b.ReportAllocs()
	for b.Loop() {
		c, err := vee.New(meters, vee.Options{})
		if err != nil {
			b.Fatal(err)
		}
		var out vee.Report
		c.Add(&out, all)
		c.Close(&out)
	}
	b.ReportMetric(float64(len(all))*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mreadings/s")
}
