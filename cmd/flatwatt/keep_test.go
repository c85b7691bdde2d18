package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/console"
	"github.com/flatwatt/flatwatt/rescore"
	"github.com/flatwatt/flatwatt/streams/archive"
	"github.com/flatwatt/flatwatt/streams/influx"
)

// archived waits until the archive in dir holds n readings.
func archived(t *testing.T, dir string, n int64) *archive.Archive {
	t.Helper()
	var rows int64
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		a, err := archive.Open(t.Context(), archive.Dir(dir))
		if err != nil {
			continue
		}
		first, last, _ := a.Days()
		if rows, _ = a.Rows(first, last); rows >= n {
			return a
		}
	}
	t.Fatalf("the archive holds %d readings, want %d", rows, n)
	return nil
}

// The service keeps what it reads, a killed or stopped one goes on where it was, and a job
// scores it again: to the bit what the service said.
func TestTheServiceKeepsAnArchiveAndRunsJobs(t *testing.T) {
	dir := t.TempDir()
	fleet, store := filepath.Join(dir, "fleet"), filepath.Join(dir, "archive")
	if code, _, stderr := run(t, nil, "simulate", "--out", fleet, "--meters", "20", "--days", "40", "--seed", "5"); code != exitOK {
		t.Fatal(stderr)
	}
	config := filepath.Join(dir, "f.yaml")
	const text = `data_dir: %s
fleet: %s
nats: {listen: "127.0.0.1:0"}
influx: {listen: "127.0.0.1:0"}
http: {listen: "127.0.0.1:0", token_file: %s}
archive: {url: %s, flush_s: 1}
jobs:
  - {name: again, cron: "@every %s", run: rescore --as-live}
`
	token := filepath.Join(dir, "token")
	writeFile(t, token, "a-token-to-look-at-runs\n")
	writeFile(t, config, fmt.Sprintf(text, filepath.Join(dir, "data"), fleet, token, store, "1h"))
	service := start(t, nil, "run", "--config", config)
	url := service.await(`ready: readings from (nats://\S+)`)
	service.await(`job again: @every 1h, by the server's schedules`)
	if code, _, stderr := run(t, nil, "replay", "--fleet", fleet, "--nats", url); code != exitOK {
		t.Fatal(stderr)
	}
	var summary struct{ Readings int64 }
	summary.Readings = countReadings(t, fleet)
	a := archived(t, store, summary.Readings)
	service.end()
	if a.Manifest().Position == 0 {
		t.Error("the archive does not know its place in the stream")
	}

	writeFile(t, config, fmt.Sprintf(text, filepath.Join(dir, "data"), fleet, token, store, "2s"))
	service = start(t, nil, "run", "--config", config)
	page := service.await(`page: (http://\S+)`)
	database := service.await(`scores to (http://\S+)`)
	service.await(`archive: keeping readings in \S+ from position \d+`)
	service.await(`job again: done`)
	service.await(`(?s)job again: done.*job again: rescore: run r\w+ is done already`) // nothing new: nothing to do
	code, body := fetch(t, http.DefaultClient, page+"/api/runs", "a-token-to-look-at-runs")
	var answer struct{ Runs []console.RunJSON }
	if err := json.Unmarshal([]byte(body), &answer); err != nil || code != http.StatusOK || len(answer.Runs) == 0 {
		t.Fatalf("%d %s %v", code, body, err)
	}
	ended := slices.IndexFunc(answer.Runs, func(r console.RunJSON) bool { return r.Ref != "" }) // one may have just begun
	if ended < 0 {
		t.Fatalf("no run has ended: %s", body)
	}
	compareWithDatabase(t, store, answer.Runs[ended].Ref, database, filepath.Join(dir, "data", "influx-token"))
	service.end()
	code, stdout, stderr := run(t, nil, "runs", "--archive", store, "-o", "csv")
	if code != exitOK || !strings.Contains(stdout, ",done,") || !strings.Contains(stdout, "again") {
		t.Errorf("%d %s %s", code, stdout, stderr)
	}
	if n := archived(t, store, summary.Readings); n.Manifest().Position != a.Manifest().Position {
		t.Error("readings were kept twice, or the place was lost")
	}
	_ = os.Remove(config)
}

// compareWithDatabase wants every score that the live service wrote in the run, the same.
// The run has those of the last days beside, which have not closed live.
func compareWithDatabase(t *testing.T, store, id, url, tokenFile string) {
	t.Helper()
	token, err := os.ReadFile(tokenFile)
	if err != nil {
		t.Fatal(err)
	}
	client, err := influx.Open(influx.Config{URL: url, Token: strings.TrimSpace(string(token)), Org: "flatwatt", Bucket: "flatwatt"})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	type key struct {
		meter    flatwatt.MeterID
		detector string
		day      flatwatt.Day
	}
	again := map[key]flatwatt.Score{}
	for s, err := range (rescore.Runs{Store: archive.Dir(store)}).Scores(t.Context(), id) {
		if err != nil {
			t.Fatal(err)
		}
		again[key{s.Meter, s.Detector, s.Day}] = s
	}
	meters := map[flatwatt.MeterID]bool{}
	for k := range again {
		meters[k.meter] = true
	}
	n := 0
	for id := range meters {
		live, err := client.Scores(t.Context(), id, time.Unix(0, 0), time.Now().AddDate(10, 0, 0))
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range live {
			r, ok := again[key{s.Meter, s.Detector, s.Day}]
			alike := func(a, b float64) bool { return a == b || a != a && b != b }
			if !ok || !alike(r.LogOdds, s.LogOdds) || !alike(r.Probability, s.Probability) || !alike(r.Block.Value, s.Block.Value) ||
				r.State != s.State || r.Model != s.Model || !r.Onset.At.Equal(s.Onset.At) {
				t.Fatalf("meter %s, day %s: live %+v, re-scored %+v", s.Meter, s.Day, s, r)
			}
			n++
		}
	}
	if n < len(again)*8/10 || n < 500 {
		t.Errorf("%d of %d scores are in the database", n, len(again))
	}
}

// countReadings is how many different readings a fleet directory has.
func countReadings(t *testing.T, dir string) int64 {
	t.Helper()
	store := filepath.Join(t.TempDir(), "archive")
	if code, _, stderr := run(t, nil, "import", "--fleet", dir, "--archive", store); code != exitOK {
		t.Fatal(stderr)
	}
	a, err := archive.Open(t.Context(), archive.Dir(store))
	if err != nil {
		t.Fatal(err)
	}
	first, last, _ := a.Days()
	rows, _ := a.Rows(first, last)
	return rows
}

func TestJobsAreChecked(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f.yaml")
	for text, want := range map[string]string{
		"jobs: [{name: a, cron: '@daily', run: rescore}]\n":                                                             "jobs: need archive.url",
		"archive: {url: x}\njobs: [{name: a, cron: 'x', run: rescore}]\n":                                               "number 1 (a): cron",
		"archive: {url: x}\njobs: [{name: a, cron: '@daily', zone: Nowhere, run: rescore}]\n":                           "zone \"Nowhere\"",
		"archive: {url: x}\njobs: [{name: a, cron: '@daily', run: rescore promote r1}]\n":                               "run \"rescore promote r1\"",
		"archive: {url: x}\njobs: [{name: a, cron: '@daily', run: run}]\n":                                              "run \"run\"",
		"archive: {url: x}\njobs: [{name: a b, cron: '@daily', run: rescore}]\n":                                        "name \"a b\"",
		"archive: {url: x}\njobs: [{name: a, cron: '@daily', run: rescore, overlap: both}]\n":                           "overlap \"both\"",
		"archive: {url: x}\njobs: [{name: a, cron: '@daily', run: rescore}, {name: a, cron: '@daily', run: rescore}]\n": "used twice",
		"archive: {url: x, flush_s: 0}\n":                                                                               "archive.flush_s",
		"archive: {url: 's3://'}\n":                                                                                     "names no bucket",
	} {
		writeFile(t, path, text)
		code, _, stderr := run(t, nil, "config", "check", path)
		if code != exitUsage || !strings.Contains(stderr, want) {
			t.Errorf("%q: code %d, no %q in %s", text, code, want, stderr)
		}
	}
}
