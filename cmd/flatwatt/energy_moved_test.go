package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/archive"
)

// TestAMovedMeterCountsOnce corrects an hour of 10 kWh to 8 after the meter moved to a
// transformer of another bucket, so that the claims lie in two partitions. Another meter stays.
func TestAMovedMeterCountsOnce(t *testing.T) {
	ctx, dir := t.Context(), filepath.Join(t.TempDir(), "archive")
	m := flatwatt.Meter{ID: "m", Zone: time.UTC, Interval: time.Hour}
	at := time.Date(2026, 1, 15, 0, 0, 0, 0, time.UTC)
	put := func(bucket int, next flatwatt.Position, list ...flatwatt.Reading) {
		t.Helper()
		w, err := archive.OpenWriter(ctx, archive.Dir(dir), archive.Options{
			Meters: []flatwatt.Meter{m, {ID: "stays"}}, Partitions: 2, Partition: func(flatwatt.Meter) int { return bucket },
		})
		if err == nil {
			err = w.Take(ctx, flatwatt.Batch{Next: next, Readings: list})
		}
		if err == nil {
			err = w.Flush(ctx)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	put(0, 1, flatwatt.Reading{Meter: "m", Start: at, Length: time.Hour, Energy: 10}, flatwatt.Reading{Meter: "stays", Start: at, Length: time.Hour, Energy: 3})
	put(1, 2, flatwatt.Reading{Meter: "m", Start: at, Length: time.Hour, Energy: 8, Quality: flatwatt.Edited})
	a, err := archive.Open(ctx, archive.Dir(dir))
	if err != nil {
		t.Fatal(err)
	}
	days, err := archiveEnergy{a, registerOf([]flatwatt.Meter{m})}.Days(ctx, "m", "2026-01-15", "2026-01-15", 0)
	if err != nil || days[0].KWh.String() != "8" || days[0].Intervals != 1 {
		t.Errorf("%+v, %v; want 8 kWh of one interval", days, err)
	}
	for only, want := range map[string]string{"": "m 8 stays 3", "m": "m 8", "stays": "stays 3"} {
		out := filepath.Join(t.TempDir(), "out.csv")
		if code, _, stderr := run(t, nil, "archive", "export", "--archive", dir, "--out", out, "--meter", only); code != exitOK {
			t.Fatal(stderr)
		}
		if got := exportedEnergy(t, out); got != want {
			t.Errorf("export --meter %q: %s, want %s", only, got, want)
		}
	}
}

// exportedEnergy is the meter and energy of each row, sorted.
func exportedEnergy(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n")[1:] {
		cell := strings.Split(line, ",")
		rows = append(rows, cell[0]+" "+cell[2])
	}
	slices.Sort(rows)
	return strings.Join(rows, " ")
}
