package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt/streams/influxd"
)

// TestDatabaseAwayLosesNothing takes the database away while readings come in. The worker
// waits, says so in its metrics, and catches up when it is back: every field of every
// point is that of a run without an outage.
func TestDatabaseAwayLosesNothing(t *testing.T) {
	fleet := newCrashFleet(t)
	want := calmGrid(t, fleet)
	w := oneNode(t, fleet, 1)
	dir := filepath.Join(t.TempDir(), "influx")
	open := func(addr string) (*influxd.DB, string) {
		db, err := influxd.Open(dir, influxd.Options{Token: crashToken, Org: "flatwatt", Bucket: "flatwatt"})
		if err != nil {
			t.Fatal(err)
		}
		url, err := db.Listen(addr)
		if err != nil {
			t.Fatal(err)
		}
		return db, url
	}
	db, url := open("127.0.0.1:0")
	w.influx = url
	w.env = append(w.env, "FLATWATT_INFLUX_URL="+url, "FLATWATT_HTTP_PRIVATE_LISTEN=127.0.0.1:0", "FLATWATT_LOG_FORMAT=json")
	w.hire(1)
	v := w.workers[0]
	var metrics string
	if !v.until(time.Minute, func() bool {
		m := regexp.MustCompile(`metrics: (http://[^"\s]+)/metrics`).FindStringSubmatch(v.stderr.String())
		if m == nil {
			return false
		}
		metrics = m[1]
		return true
	}) {
		t.Fatalf("no metrics:\n%s", v.stderr.String())
	}
	v.until(time.Minute, func() bool { code, _ := get(t, metrics+"/readyz"); return code == http.StatusOK })
	n := len(fleet.readings)
	w.publish(fleet.readings[:n/2])
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	w.publish(fleet.readings[n/2:])
	if !v.until(time.Minute, func() bool {
		_, text := get(t, metrics+"/metrics")
		return regexp.MustCompile(`flatwatt_retries_total\{doing="write scores",part="b\d+"\} [1-9]`).MatchString(text)
	}) {
		t.Fatal("the metrics tell of no retry")
	}
	db, _ = open(strings.TrimPrefix(url, "http://"))
	t.Cleanup(func() { db.Close() })
	w.settle(want, time.Minute)
	_, text := get(t, metrics+"/metrics")
	for _, name := range []string{"flatwatt_readings_total", "flatwatt_position", "flatwatt_stream_last_sequence", "flatwatt_partitions_owned 1", "go_goroutines"} {
		if !strings.Contains(text, name) {
			t.Errorf("no %s in the metrics", name)
		}
	}
	w.dismiss()
	for line := range bytes.Lines([]byte(v.stderr.String())) {
		var entry struct{ Time, Level, Msg string }
		if err := json.Unmarshal(line, &entry); err != nil || entry.Msg == "" || entry.Level == "" {
			t.Errorf("with log.format json a line is %s", line)
		}
	}
}

// TestTokenGuardsPageAndMetrics: only probes pass without the token.
func TestTokenGuardsPageAndMetrics(t *testing.T) {
	fleet := newCrashFleet(t)
	token := filepath.Join(t.TempDir(), "token")
	writeFile(t, token, "hush-hush\n")
	v := launch(t, append(embeddedEnv(t, fleet.dir), "FLATWATT_HTTP_TOKEN_FILE="+token, "FLATWATT_HTTP_PRIVATE_LISTEN=127.0.0.1:0"), crashSaveEvery)
	v.await()
	private := regexp.MustCompile(`metrics: (http://\S+)/metrics`).FindStringSubmatch(v.stderr.String())[1]
	for url, want := range map[string]int{
		v.page + "/": 200 /* of the login */, v.page + "/api/suspects": 401, v.page + "/api/alarms": 401, v.page + "/healthz": 200,
		private + "/metrics": 401, private + "/debug/pprof/heap": 401, private + "/readyz": 200, private + "/healthz": 200,
	} {
		if code, body := get(t, url); code != want {
			t.Errorf("%s without the token: %d, want %d: %.100s", url, code, want, body)
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.SetBasicAuth("anyone", "hush-hush")
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Errorf("%s with the token: %d", url, res.StatusCode)
		}
	}
	if strings.Contains(fmt.Sprint(v.stderr.String()), "hush") {
		t.Error("the token is in the messages")
	}
	v.kill()
}
