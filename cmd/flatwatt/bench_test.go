package main

import (
	"encoding/json"
	"testing"

	"github.com/flatwatt/flatwatt/detectors"
)

// TestBenchMeasures runs the whole command on a small fleet.
func TestBenchMeasures(t *testing.T) {
	code, stdout, stderr := run(t, nil, "bench", "--meters", "200", "--days", "3", "-o", "json")
	if code != exitOK {
		t.Fatal(stderr)
	}
	var r map[string]any
	if err := json.Unmarshal([]byte(stdout), &r); err != nil {
		t.Fatal(err)
	}
	for name, v := range r {
		if x, ok := v.(float64); ok && !(x > 0) {
			t.Errorf("%s is %v", name, v)
		}
	}
	if len(r) != 15 {
		t.Errorf("%d figures: %s", len(r), stdout)
	}
	if code, _, _ := run(t, nil, "bench", "--meters", "1"); code != exitUsage {
		t.Errorf("one meter: exit code %d", code)
	}
}

// BenchmarkDatabase writes a day's scores of 5,000 meters to the embedded database.
func BenchmarkDatabase(b *testing.B) {
	g := newBenchFleet(benchFlags{meters: 5000, days: 3, seed: 1})
	var r benchReport
	scores, err := r.score(g, detectors.DefaultParams())
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
