package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/flatwatt/flatwatt/detectors"
)

// TestBenchMeasures runs the whole command on a small fleet.
func TestBenchMeasures(t *testing.T) {
	code, stdout, stderr := run(t, nil, "bench", "--meters", "200", "--days", "3", "--forms", "batch,lineprotocol,json,single", "-o", "json")
	if code != exitOK {
		t.Fatal(stderr)
	}
	var r any
	if err := json.Unmarshal([]byte(stdout), &r); err != nil {
		t.Fatal(err)
	}
	if n := positive(t, r); n != 11+2*3+4*6 {
		t.Errorf("%d figures: %s", n, stdout)
	}
	if code, _, stderr := run(t, nil, "bench", "--forms", "morse"); code != exitUsage || !strings.Contains(stderr, "lineprotocol") {
		t.Errorf("an unknown form: exit code %d, %s", code, stderr)
	}
	if code, _, _ := run(t, nil, "bench", "--meters", "1"); code != exitUsage {
		t.Errorf("one meter: exit code %d", code)
	}
}

// positive counts the numbers in v, all of which must be above 0.
func positive(t *testing.T, v any) (n int) {
	t.Helper()
	switch v := v.(type) {
	case float64:
		if !(v > 0) {
			t.Errorf("a figure is %v", v)
		}
		return 1
	case map[string]any:
		for _, x := range v {
			n += positive(t, x)
		}
	case []any:
		for _, x := range v {
			n += positive(t, x)
		}
	}
	return n
}

// BenchmarkDatabase writes a day's scores of 5,000 meters to the embedded database.
func BenchmarkDatabase(b *testing.B) {
	g := newBenchFleet(benchFlags{meters: 5000, days: 3, seed: 1})
	var r benchReport
	scores, err := r.score(g, detectors.DefaultParams(), 1)
	if err != nil {
		b.Fatal(err)
	}
	p := &Program{Getenv: func(string) string { return "" }, Stderr: b.Output()}
	to, err := p.startServers(b.Context(), settings{DataDir: b.TempDir(), NATS: natsSettings{Listen: "127.0.0.1:0"},
		Influx: influxSettings{Listen: "127.0.0.1:0", Org: "flatwatt", Bucket: "flatwatt", Token: newToken()}}, g.meters)
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	n := 0
	for b.Loop() {
		for i := range scores { // the next day
			scores[i].Day++
			scores[i].Start = scores[i].Day.Start(g.meters[0].Zone)
		}
		if err := to.sink.Write(b.Context(), scores); err != nil {
			b.Fatal(err)
		}
		n += len(scores)
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "scores/s")
}
