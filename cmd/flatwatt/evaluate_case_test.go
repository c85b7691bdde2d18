package main

import (
	"os"
	"path/filepath"
	"testing"
)

// A fleet may have cases of several meters among its findings: they are no meters, and
// evaluating goes on without them.
func TestEvaluateLeavesCasesOut(t *testing.T) {
	out := t.TempDir()
	if code, _, stderr := run(t, nil, "score", "--fleet", sampleFleet, "--out", out); code != exitOK {
		t.Fatal(stderr)
	}
	code, want, stderr := run(t, nil, "evaluate", "--fleet", sampleFleet, "--scores", out)
	if code != exitOK {
		t.Fatal(stderr)
	}
	path := filepath.Join(out, "findings.csv")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"t000000.cluster", "operator/c0000001.cluster"} {
		text = append(text, (id + ",0.7" + commas(text, 2) + "\n")...)
	}
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	if code, got, stderr := run(t, nil, "evaluate", "--fleet", sampleFleet, "--scores", out); code != exitOK || got != want {
		t.Errorf("exits %d: %s\n%s", code, stderr, got)
	}
}

// commas are those that a row with n cells lacks of the head of a CSV file.
func commas(text []byte, n int) (s string) {
	for _, b := range text {
		if b == '\n' {
			break
		}
		if b == ',' {
			s += ","
		}
	}
	return s[n-1:]
}
