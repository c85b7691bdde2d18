package main

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

const sampleFleet = "../../testdata/fleet"

// The sample fleet's findings are kept, so that a change of the detector shows in review
// as a change of ranks and numbers. go test ./cmd/flatwatt -run Golden -update rewrites them.
func TestGoldenFindingsOfTheSampleFleet(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("the golden numbers are of amd64: other processors fuse multiplications and round differently in the last digit")
	}
	out := t.TempDir()
	if code, _, stderr := run(t, nil, "score", "--fleet", sampleFleet, "--out", out); code != 0 {
		t.Fatalf("score exits %d: %s", code, stderr)
	}
	got, err := os.ReadFile(filepath.Join(out, "findings.csv"))
	if err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("..", "..", "testdata", "fleet.findings.csv")
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("findings differ from %s:\n%s", golden, got)
	}
}

// The sample fleet can be made again from its configuration.
func TestSampleFleetIsWhatItsConfigurationDraws(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "fleet")
	if code, _, stderr := run(t, nil, "simulate", "--config", sampleFleet+".yaml", "--out", dir, "--format", "csv.gz"); code != 0 {
		t.Fatalf("simulate exits %d: %s", code, stderr)
	}
	for _, name := range []string{"meters.csv", "truth.csv", "weather.csv"} {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(filepath.Join(sampleFleet, name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not what simulate draws now: make testdata/fleet again", name)
		}
	}
}
