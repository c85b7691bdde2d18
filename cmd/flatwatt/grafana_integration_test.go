//go:build integration

package main

import (
	"bytes"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt/streams/influx"
)

// TestEveryPanelHasRowsInInfluxDB2 asks the same of a real InfluxDB 2.x, the binary that
// FLATWATT_INFLUXD names (scripts/integration.sh builds it).
func TestEveryPanelHasRowsInInfluxDB2(t *testing.T) {
	binary := os.Getenv("FLATWATT_INFLUXD")
	if binary == "" {
		t.Fatal("no InfluxDB 2 server: run scripts/integration.sh, or set FLATWATT_INFLUXD to an influxd binary")
	}
	scoreInto(t, startInfluxDB2(t, binary)).panels(t)
}

// startInfluxDB2 starts a server with directories of its own on a free port.
func startInfluxDB2(t *testing.T, binary string) influx.Config {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
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
