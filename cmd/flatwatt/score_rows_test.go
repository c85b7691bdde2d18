package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A customer that is registered but gave no readings has its row, with no probability.
func TestFindingsHaveARowForEveryCustomer(t *testing.T) {
	dir, out := t.TempDir(), t.TempDir()
	writeFile(t, filepath.Join(dir, "meters.csv"), "meter_id,kind,class,timezone,interval_minutes\nsilent,customer,residential,Asia/Shanghai,15\nm1,customer,residential,Asia/Shanghai,15\n")
	if err := os.Mkdir(filepath.Join(dir, "readings"), 0o755); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "readings", "a.csv"), "meter_id,start,energy_kwh\nm1,2026-03-01T00:00:00Z,0.1\nm1,2026-03-01T00:15:00Z,0.2\n")
	if code, _, stderr := run(t, nil, "score", "--fleet", dir, "--out", out, "--top", "0"); code != 0 {
		t.Fatalf("score exits %d: %s", code, stderr)
	}
	text, err := os.ReadFile(filepath.Join(out, "findings.csv"))
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"silent", "m1"} {
		if !strings.Contains(string(text), "\n"+id+",,") {
			t.Errorf("no row without a probability for %s:\n%s", id, text)
		}
	}
	if n := strings.Count(string(text), "not enough data"); n != 2 {
		t.Errorf("%d rows say not enough data, want 2:\n%s", n, text)
	}
}
