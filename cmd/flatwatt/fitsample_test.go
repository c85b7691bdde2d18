package main

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
)

func TestMinerOnFollowsOnsetAndEnd(t *testing.T) {
	at := func(d int) time.Time { return time.Date(2025, 9, d, 0, 0, 0, 0, time.UTC) }
	block := flatwatt.Truth{Label: flatwatt.Miner, Onset: at(10), Note: "2 × S19, ends 2025-09-20T08:00:00+08:00, day only"}
	for _, c := range []struct {
		truth        flatwatt.Truth
		end          time.Time
		miner, known bool
	}{
		{flatwatt.Truth{Label: flatwatt.LegitChange, Onset: at(1)}, at(5), false, true},
		{flatwatt.Truth{}, at(5), false, true},
		{flatwatt.Truth{Label: flatwatt.Miner}, at(5), true, true}, // older than the data
		{block, at(9), false, true},
		{block, at(10), true, true},
		{block, at(20), true, true}, // 08:00 there is midnight in UTC
		{block, at(21), false, false},
	} {
		if miner, known := minerOn(c.truth, c.end); miner != c.miner || known != c.known {
			t.Errorf("%v at %v: miner %v, known %v", c.truth, c.end, miner, known)
		}
	}
	if !hidden(flatwatt.Truth{Note: "1 × S9, Bypass"}) || hidden(block) {
		t.Error("a bypass is not told from a miner")
	}
}

func TestWindowOfCutsWholeDays(t *testing.T) {
	s := flatwatt.Series{Meter: "m1", Start: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC), Interval: time.Hour}
	for i := range 24 * 100 {
		s.Energy, s.Voltage = append(s.Energy, float64(i)), append(s.Voltage, float64(i))
	}
	cut := windowOf(s, 30)
	shift := int(cut.Start.Sub(s.Start) / time.Hour)
	if len(cut.Energy) != 30*24 || len(cut.Voltage) != 30*24 || shift%24 != 0 || cut.Energy[0] != float64(shift) || cut.Voltage[0] != float64(shift) {
		t.Errorf("%d values from hour %d, first %g", len(cut.Energy), shift, cut.Energy[0])
	}
	other := s
	other.Meter = "m2"
	if windowOf(other, 30).Start.Equal(cut.Start) {
		t.Error("both meters have the same window")
	}
	for _, days := range []int{0, 100, 200} {
		if got := windowOf(s, days); len(got.Energy) != len(s.Energy) {
			t.Errorf("%d days: %d values", days, len(got.Energy))
		}
	}
}

func TestModelFlagNamesTheFault(t *testing.T) {
	dir := t.TempDir()
	broken := filepath.Join(dir, "broken.json")
	writeFile(t, broken, `{"version": "x", "nonsense": 1}`)
	for _, c := range []struct {
		path string
		code int
		want string
	}{{filepath.Join(dir, "none.json"), exitUsage, "flatwatt fit"}, {broken, exitData, "nonsense"}} {
		code, _, stderr := run(t, nil, "score", "--fleet", dir, "--model", c.path)
		if code != c.code || !strings.Contains(stderr, c.want) {
			t.Errorf("%s: exit code %d, no %q in %s", c.path, code, c.want, stderr)
		}
	}
	empty := filepath.Join(dir, "empty.yaml")
	writeFile(t, empty, "")
	code, _, stderr := run(t, map[string]string{"FLATWATT_MODEL": broken}, "config", "check", empty)
	if code == exitOK || !strings.Contains(stderr, "nonsense") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}

// A score names the model that it was made with.
func TestModelFlagIsUsed(t *testing.T) {
	dir := t.TempDir()
	plan, model, fleet := filepath.Join(dir, "p.yaml"), filepath.Join(dir, "m.json"), filepath.Join(dir, "fleet")
	writeFile(t, plan, strings.Split(tinyPlan, "calibrate:")[0])
	for _, args := range [][]string{
		{"fit", "--plan", plan, "--out", model},
		{"simulate", "--meters", "20", "--days", "40", "--out", fleet},
	} {
		if code, _, stderr := run(t, nil, args...); code != exitOK {
			t.Fatalf("%v: exit code %d: %s", args, code, stderr)
		}
	}
	_, with, _ := run(t, nil, "explain", "c0000000", "--fleet", fleet, "--model", model)
	_, without, _ := run(t, nil, "explain", "c0000000", "--fleet", fleet)
	if !strings.Contains(with, "model tiny)") || !strings.Contains(without, "probability") || strings.Contains(without, "model tiny") {
		t.Errorf("with the flag:\n%.600s\nwithout:\n%.600s", with, without)
	}
}
