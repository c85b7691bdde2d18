//go:build integration

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt/grafana"
)

// prometheusDir is a directory with prometheus and promtool (scripts/get-prometheus.sh).
func prometheusDir(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("FLATWATT_PROMETHEUS")
	if dir == "" {
		t.Fatal("no Prometheus: run scripts/integration.sh, or set FLATWATT_PROMETHEUS to a directory with prometheus and promtool")
	}
	return dir
}

func TestPrometheusRulesFireAndKeepSilent(t *testing.T) {
	cmd := exec.Command(filepath.Join(prometheusDir(t), "promtool"), "test", "rules", "rules_test.yml")
	cmd.Dir = filepath.Join("..", "..", "deploy", "prometheus")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestHealthDashboardHasRows has a real Prometheus scrape a real service with the shipped
// rules, and asks it every query of the health dashboard.
func TestHealthDashboardHasRows(t *testing.T) {
	dir := t.TempDir()
	fleet := filepath.Join(dir, "fleet")
	if code, _, stderr := run(t, nil, "simulate", "--meters", "30", "--days", "20", "--out", fleet); code != exitOK {
		t.Fatal(stderr)
	}
	service := start(t, map[string]string{
		"FLATWATT_DATA_DIR": filepath.Join(dir, "data"), "FLATWATT_FLEET": fleet, "FLATWATT_RUN_SAVE_EVERY_READINGS": "1000",
		"FLATWATT_NATS_LISTEN": "127.0.0.1:0", "FLATWATT_INFLUX_LISTEN": "127.0.0.1:0", "FLATWATT_HTTP_LISTEN": "", "FLATWATT_HTTP_PRIVATE_LISTEN": "127.0.0.1:0",
	}, "run")
	metrics := service.await(`(http://\S+)/metrics`)
	nats := service.await(`ready: readings from (\S+) after position 0`)
	ask := scrape(t, dir, strings.TrimPrefix(metrics, "http://"))
	replay := start(t, nil, "replay", "--fleet", fleet, "--nats", nats, "--speed", "43200") // 40 s: rates need readings that go on
	files, err := grafana.Files(grafana.DefaultOptions(0.5))
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(files["influxql/dashboards/flatwatt-health.json"], &d); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, p := range d.Panels {
		for _, q := range p.Targets {
			n++
			expr := strings.ReplaceAll(q.Expr, "$__rate_interval", "5s")
			for deadline := time.Now().Add(30 * time.Second); ask(expr) == 0; time.Sleep(500 * time.Millisecond) {
				if strings.Contains(expr, "retries") {
					break // nothing failed here; that the metric is known is tested beside it
				}
				if time.Now().After(deadline) {
					t.Errorf("panel %s has no value for %s", p.Title, expr)
					break
				}
			}
		}
	}
	if n < 12 {
		t.Errorf("only %d queries", n)
	}
	replay.stop()
	<-replay.ended
	service.end()
}

// scrape starts a Prometheus that scrapes target, and returns how to ask it: how many
// series with a number a query has.
func scrape(t *testing.T, dir, target string) func(expr string) int {
	t.Helper()
	rules, err := filepath.Abs(filepath.Join("..", "..", "deploy", "prometheus", "rules.yml"))
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "prometheus.yml"), fmt.Sprintf("global: {scrape_interval: 1s, evaluation_interval: 1s}\nrule_files: [%s]\nscrape_configs:\n  - job_name: flatwatt\n    static_configs: [{targets: ['%s']}]\n", rules, target))
	address := freeListen(t)
	cmd := exec.Command(filepath.Join(prometheusDir(t), "prometheus"), "--config.file="+filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(dir, "tsdb"), "--web.listen-address="+address, "--log.level=error")
	var log syncBuffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		if resp, err := http.Get("http://" + address + "/-/ready"); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				break
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("prometheus is not ready: %s", log.String())
		}
	}
	return func(expr string) int {
		t.Helper()
		code, body := get(t, "http://"+address+"/api/v1/query?query="+url.QueryEscape(expr))
		if code != http.StatusOK {
			t.Fatalf("%s: %d %s", expr, code, body)
		}
		return len(regexp.MustCompile(`\[\d+(\.\d+)?,"-?[0-9.e+-]+"\]`).FindAllString(body, -1))
	}
}
