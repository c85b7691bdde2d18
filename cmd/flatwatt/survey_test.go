package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
)

// Which end is stamped shows where data begin and end.
func TestStampGuess(t *testing.T) {
	shanghai, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	f := func(name string, zone *time.Location, interval, shift time.Duration, convention, midnight string, certain bool) {
		t.Helper()
		s := &survey{meters: map[flatwatt.MeterID]*surveyed{}, zone: zone}
		first := time.Date(2026, 3, 1, 0, 0, 0, 0, shanghai).UTC()
		for _, id := range []flatwatt.MeterID{"a", "b", "c"} {
			s.meters[id] = &surveyed{first: first.Add(shift), last: first.Add(shift + 48*time.Hour), interval: interval}
		}
		if g := s.stamps(zone != nil); g.Convention != convention || g.Midnight != midnight || g.Certain != certain || g.Of != 3 {
			t.Errorf("%s: %+v", name, g)
		}
	}
	const quarter = 15 * time.Minute
	f("right", shanghai, quarter, 0, "start", "", true)
	f("late", shanghai, quarter, quarter, "end", "", true)
	f("any hour", shanghai, quarter, 7*time.Hour, "unknown", "", true)
	f("right, zone unknown", nil, quarter, 0, "start", "16:00", true)
	f("late, zone unknown", nil, quarter, quarter, "end", "16:00", true)
	f("hourly, zone unknown", nil, time.Hour, time.Hour, "unknown", "17:00", true)
}

// An interval that was told three times holds its energy once: the reading that scoring
// would keep.
func TestInspectCountsAnIntervalOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "day.csv")
	writeFile(t, path, `meter_id,start,energy_kwh,quality
m,2025-05-01T00:00:00Z,1,actual
m,2025-05-01T01:00:00Z,2,actual
m,2025-05-01T02:00:00Z,2,actual
m,2025-05-01T00:00:00Z,5,actual
m,2025-05-01T01:00:00Z,2,actual
m,2025-05-01T02:00:00Z,3,edited
`)
	code, stdout, stderr := run(t, nil, "inspect", path, "-o", "json")
	var got inspection
	if err := json.Unmarshal([]byte(stdout), &got); code != exitOK || err != nil {
		t.Fatalf("exit code %d, %v: %s", code, err, stderr)
	}
	if got.Readings != 6 || got.EnergyKWh != 6 || got.DemandKW[1] == nil || *got.DemandKW[1] != 2 {
		t.Errorf("readings %d, energy %v kWh, mean %v kW: want 6, 1 + 2 + 3 = 6, 2", got.Readings, got.EnergyKWh, *got.DemandKW[1])
	}
}

// A file without anything in it has no format to be told of.
func TestInspectOfAnEmptyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "empty.csv")
	writeFile(t, path, "")
	if code, stdout, _ := run(t, nil, "inspect", path); code != exitData || strings.Contains(stdout, "% sure") || !strings.Contains(stdout, "not known") {
		t.Errorf("exit code %d: %s", code, stdout)
	}
}
