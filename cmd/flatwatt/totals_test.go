package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
)

// Energy between two visits to a meter is told of and kept by option, and never passes
// for a load.
func TestTotalsAreToldAndKeptByOption(t *testing.T) {
	path := filepath.Join(t.TempDir(), "n.csv")
	writeFile(t, path, "100,NEM13,202602010000,MDP,RET\n250,A,1141,01,11,11,METER,E,12.5,20260101000000,A,,,20,20260201000000,A,,,1007.5,kWh,20260501,20260202000000,20260202000000\n900\n")
	code, stdout, stderr := run(t, nil, "inspect", path, "-o", "json")
	var r inspection
	if err := json.Unmarshal([]byte(stdout), &r); err != nil || code != exitOK {
		t.Fatalf("exit code %d, %v: %s", code, err, stderr)
	}
	if r.Readings != 0 || r.Rejected != 0 || r.Totals == nil || r.Totals.Count != 1 || r.Totals.EnergyKWh != 1007.5 || r.Totals.Last != "2026-01-31T14:00:00Z" {
		t.Errorf("%s", stdout)
	}
	if _, stdout, _ := run(t, nil, "inspect", path); !strings.Contains(stdout, "1 of 1 meters, 1 007.500 kWh") {
		t.Errorf("%s", stdout)
	}
	if code, stdout, _ := run(t, nil, "convert", path, "--totals", "--to", "csv", "--out", "-"); code != exitOK || !strings.HasSuffix(stdout, "length_s\nA,2025-12-31T14:00:00Z,1007.5,,,actual,2678400\n") {
		t.Errorf("exit code %d: %s", code, stdout)
	}
	if code, _, _ := run(t, nil, "convert", path, "--to", "csv", "--out", "-"); code != exitData {
		t.Errorf("without --totals: exit code %d", code)
	}
	if code, _, stderr := run(t, nil, "convert", path, "--totals", "--to", "parquet", "--out", path+".parquet"); code != exitUsage || !strings.Contains(stderr, "length") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}
