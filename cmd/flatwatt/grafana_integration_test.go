//go:build integration

package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt/streams/influx"
)

// influxd2 is the InfluxDB 2.x binary that FLATWATT_INFLUXD names (scripts/integration.sh
// builds it).
func influxd2(t *testing.T) string {
	t.Helper()
	binary := os.Getenv("FLATWATT_INFLUXD")
	if binary == "" {
		t.Fatal("no InfluxDB 2 server: run scripts/integration.sh, or set FLATWATT_INFLUXD to an influxd binary")
	}
	return binary
}

// TestEveryPanelHasRowsInInfluxDB2 asks every query of both sets of a real InfluxDB 2.x.
func TestEveryPanelHasRowsInInfluxDB2(t *testing.T) {
	c := scoreInto(t, startInfluxDB2(t, influxd2(t)))
	c.panels(t, "influxql", c.ask)
	c.notesAreRanges(t)
	c.panels(t, "flux", func(t *testing.T, q string) (rows [][]any) {
		for _, row := range c.askFlux(t, q) {
			rows = append(rows, []any{row})
		}
		return rows
	})
	for _, q := range asked(t, "flux") {
		if !strings.Contains(q[0], ": annotation ") {
			continue
		}
		for _, row := range c.askFlux(t, q[1]) {
			if !(row["_time"] < row["timeEnd"]) || row["text"] == "" {
				t.Errorf("%s: %v is no range", q[0], row)
			}
		}
	}
	c.agree(t)
}

// agree: the two sets show the same numbers. Queries stand in the same order in both.
func (c *panelCheck) agree(t *testing.T) {
	t.Helper()
	flux, n := map[string][]string{}, 0
	for _, q := range asked(t, "flux") {
		flux[strings.TrimPrefix(q[0], "flux")] = append(flux[strings.TrimPrefix(q[0], "flux")], q[1])
	}
	for _, q := range asked(t, "influxql") {
		place := strings.TrimPrefix(q[0], "influxql")
		if len(flux[place]) == 0 || !strings.Contains(place, ": panel ") {
			continue
		}
		other := flux[place][0]
		flux[place] = flux[place][1:]
		if !strings.Contains(q[1], "GROUP BY time(1d) fill(none)") || strings.Contains(q[1], "top(") {
			continue // lists and points are compared by their having rows
		}
		n++
		var a, b []string
		for _, row := range c.ask(t, q[1]) {
			a = append(a, fmt.Sprintf("%.6g", row[1]))
		}
		for _, row := range c.askFlux(t, other) {
			for name, v := range row {
				if x, err := strconv.ParseFloat(v, 64); err == nil && name != "table" {
					b = append(b, fmt.Sprintf("%.6g", x))
				}
			}
		}
		if !slices.Equal(a, b) {
			t.Errorf("%s: InfluxQL\n%v\nFlux\n%v", place, a, b)
		}
	}
	if n < 15 {
		t.Errorf("only %d courses compared", n)
	}
}

func TestAlertRulesFireInInfluxDB2(t *testing.T) {
	for set, last := range map[string]func(c *panelCheck) func(*testing.T, string) (float64, bool){
		"influxql": func(c *panelCheck) func(*testing.T, string) (float64, bool) { return c.lastValue },
		"flux":     func(c *panelCheck) func(*testing.T, string) (float64, bool) { return c.lastFlux },
	} {
		fresh := func() *panelCheck {
			return &panelCheck{config: startInfluxDB2(t, influxd2(t)), values: map[string]string{}}
		}
		rulesFireAndKeepSilent(t, set, fresh(), fresh(), last)
	}
}

// askFlux runs Flux as Grafana does: v holds the range and the bucket.
func (c *panelCheck) askFlux(t *testing.T, q string) (rows []map[string]string) {
	t.Helper()
	q = c.fill(q)
	head := fmt.Sprintf("option v = {timeRangeStart: %s, timeRangeStop: %s, defaultBucket: %q}\n", c.from.Format(time.RFC3339), c.to.Format(time.RFC3339), c.config.Bucket)
	if line, rest, ok := strings.Cut(q, "\n"); ok && strings.HasPrefix(line, "import ") {
		head, q = line+"\n"+head, rest
	}
	body, _ := json.Marshal(map[string]any{"query": head + q, "type": "flux", "dialect": map[string]any{"header": true, "annotations": []string{}}})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.config.URL+"/api/v2/query?org="+c.config.Org, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Token "+c.config.Token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusOK {
		t.Errorf("%s\n%s", q, text)
		return nil
	}
	r := csv.NewReader(bytes.NewReader(text))
	r.FieldsPerRecord = -1
	records, err := r.ReadAll()
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	var columns []string
	for _, rec := range records {
		if slices.Contains(rec, "table") && slices.Contains(rec, "result") {
			columns = rec
			continue
		}
		row := map[string]string{}
		for i, v := range rec {
			if i < len(columns) && v != "" && columns[i] != "result" && columns[i] != "table" && columns[i] != "" {
				row[columns[i]] = v
			}
		}
		if row["error"] != "" {
			t.Errorf("%s\n%s", q, row["error"])
		}
		if len(row) > 0 {
			rows = append(rows, row)
		}
	}
	return rows
}

func (c *panelCheck) lastFlux(t *testing.T, q string) (float64, bool) {
	t.Helper()
	rows := c.askFlux(t, q)
	if len(rows) == 0 {
		return 0, false
	}
	for name, v := range rows[len(rows)-1] {
		if x, err := strconv.ParseFloat(v, 64); err == nil && name != "_time" {
			return x, true
		}
	}
	t.Fatalf("%s: no value in %v", q, rows)
	return 0, false
}

// startInfluxDB2 starts a server with directories of its own on a free port.
func startInfluxDB2(t *testing.T, binary string) influx.Config {
	t.Helper()
	addr := freeListen(t)
	dir := t.TempDir()
	cmd := exec.Command(binary, "--http-bind-address="+addr, "--reporting-disabled", "--log-level=error",
		"--bolt-path="+filepath.Join(dir, "influxd.bolt"), "--sqlite-path="+filepath.Join(dir, "influxd.sqlite"), "--engine-path="+filepath.Join(dir, "engine"))
	cmd.Env = append(os.Environ(), "INFLUX_CONFIGS_PATH="+filepath.Join(dir, "configs"))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	c := influx.Config{URL: "http://" + addr, Org: "flatwatt", Bucket: "flatwatt", Token: "a-token-for-this-test-only"}
	body, _ := json.Marshal(map[string]string{"username": "flatwatt", "password": "flatwatt-test", "org": c.Org, "bucket": c.Bucket, "token": c.Token})
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		resp, err := http.Post(c.URL+"/api/v2/setup", "application/json", bytes.NewReader(body))
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusCreated {
				return c
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("influxd does not answer: %v", err)
		}
	}
}
