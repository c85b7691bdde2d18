package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/detectors"
	"github.com/flatwatt/flatwatt/grafana"
	"github.com/flatwatt/flatwatt/streams/file"
	"github.com/flatwatt/flatwatt/streams/influx"
	"github.com/flatwatt/flatwatt/streams/influxd"
)

// embeddedDatabase is the database that is inside flatwatt, on a port of its own.
func embeddedDatabase(t *testing.T) influx.Config {
	t.Helper()
	db, err := influxd.Open(filepath.Join(t.TempDir(), "influx"), influxd.Options{Token: crashToken, Org: "flatwatt", Bucket: "flatwatt"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	address, err := db.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return influx.Config{URL: address, Token: crashToken, Org: "flatwatt", Bucket: "flatwatt"}
}

func openSink(t *testing.T, c influx.Config, register []flatwatt.Meter) *influx.Sink {
	t.Helper()
	client, err := influx.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	if err := client.Setup(t.Context()); err != nil {
		t.Fatal(err)
	}
	sink, err := influx.NewSink(client, register, "")
	if err != nil {
		t.Fatal(err)
	}
	return sink
}

// A panelCheck is scored fleets in a database, and what to put for Grafana's variables.
type panelCheck struct {
	config   influx.Config
	from, to time.Time
	values   map[string]string
}

// scoreFleet scores a fleet directory into a database; what it has of each detector that is
// likeliest and has a block is noted in best.
func (c *panelCheck) scoreFleet(t *testing.T, best map[string]flatwatt.Score, simulate ...string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "fleet")
	if code, _, stderr := run(t, nil, append(append([]string{"simulate"}, simulate...), "--out", dir)...); code != exitOK {
		t.Fatal(stderr)
	}
	fleet, err := file.Open(dir, file.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := fleet.Load(t.Context(), func(int64, int64) {}); err != nil {
		t.Fatal(err)
	}
	scorer, err := newScorer(detectors.DefaultParams(), fleet.Meters(), fleet.Meters(), fleet.Weather(), asideOf(fleet))
	if err != nil {
		t.Fatal(err)
	}
	sink, source := openSink(t, c.config, fleet.Meters()), fleet.Source(time.Time{})
	for done := false; !done; {
		batch, err := source.Read(t.Context())
		if done = errors.Is(err, io.EOF); err != nil && !done {
			t.Fatal(err)
		}
		scores := scorer.Score(nil, batch.Readings)
		if done {
			scores = scorer.Close(nil)
		}
		if err := sink.Write(t.Context(), scores); err != nil {
			t.Fatal(err)
		}
		for _, s := range scores {
			c.span(s.Start)
			if s.State == flatwatt.Suspect && s.Block.Value > 0 && !s.Onset.Low.IsZero() && !(s.Probability <= best[s.Detector].Probability) {
				best[s.Detector] = s
			}
		}
	}
}

// span makes the range that is asked for hold at.
func (c *panelCheck) span(at time.Time) {
	if c.from.IsZero() || at.Before(c.from) {
		c.from = at
	}
	if at.After(c.to) {
		c.to = at
	}
}

// scoreInto scores a simulated fleet with its transformers, and one of power plants, into a
// database, and notes a re-scoring.
func scoreInto(t *testing.T, config influx.Config) *panelCheck {
	t.Helper()
	c, best := &panelCheck{config: config, values: map[string]string{}}, map[string]flatwatt.Score{}
	c.scoreFleet(t, best, "--seed", "301", "--meters", "150", "--days", "50")
	c.scoreFleet(t, best, "plants", "--seed", "801", "--plants", "24", "--days", "110", "--direct", "0.4")
	client, err := influx.Open(config)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	day := flatwatt.DayOf(c.to, time.UTC)
	if err := client.NoteRun(t.Context(), influx.Run{ID: "run-1", Model: "new", From: day - 20, To: day - 3, Scores: 12, At: c.to}); err != nil {
		t.Fatal(err)
	}
	c.values = map[string]string{"$meter": string(best["customer"].Meter), "$suspect": string(best["customer"].Meter), "$plant": string(best["generator"].Meter), "${__url_time_range}": ""}
	c.addRare(t, best["customer"])
	c.between(c.from.Add(-60*24*time.Hour), c.to.Add(48*time.Hour)) // onsets lie before the first score
	c.place(t)
	return c
}

// addRare writes what so small fleets lack: a cluster, and alarms of the transformer and
// feeder above the suspect.
func (c *panelCheck) addRare(t *testing.T, suspect flatwatt.Score) {
	t.Helper()
	below := c.ask(t, `SHOW TAG VALUES FROM "event" WITH KEY = "transformer" WHERE "meter" = '`+string(suspect.Meter)+`' LIMIT 1`)
	if len(below) == 0 {
		t.Fatal("the suspect hangs on no transformer")
	}
	var rare []flatwatt.Score
	for detector, meter := range map[string]string{"transformer": below[0][1].(string), "feeder": "a-feeder", "cluster": "a-feeder.cluster"} {
		s := suspect
		s.Meter, s.Detector = flatwatt.MeterID(meter), detector
		rare = append(rare, s)
	}
	if err := openSink(t, c.config, nil).Write(t.Context(), rare); err != nil {
		t.Fatal(err)
	}
}

// between sets the range.
func (c *panelCheck) between(from, to time.Time) {
	c.from, c.to = from, to
	c.values["$timeFilter"] = fmt.Sprintf("time >= '%s' AND time <= '%s'", from.Format(time.RFC3339), to.Format(time.RFC3339))
}

// place chooses a feeder and a transformer as a person would: along the chain.
func (c *panelCheck) place(t *testing.T) {
	t.Helper()
	below := c.ask(t, `SHOW TAG VALUES FROM "event" WITH KEY = "transformer" WHERE "meter" = '$meter' LIMIT 1`)
	if len(below) == 0 {
		t.Fatal("the suspect hangs on no transformer")
	}
	c.values["$transformer"] = below[0][1].(string)
	above := c.ask(t, `SHOW TAG VALUES FROM "rollup_transformer" WITH KEY = "feeder" WHERE "transformer" = '$transformer' LIMIT 1`)
	if len(above) == 0 {
		t.Fatal("the transformer hangs on no feeder")
	}
	c.values["$feeder"] = above[0][1].(string)
	if rows := c.ask(t, `SELECT max("as_of_s") FROM "event" WHERE "meter" = '$meter' AND "kind" = 'onset'`); len(rows) == 1 {
		c.values["$onset_as_of"] = fmt.Sprintf("%.0f", rows[0][1])
	}
}

// fill puts values for Grafana's variables.
func (c *panelCheck) fill(q string) string {
	for _, name := range slices.Backward(slices.Sorted(maps.Keys(c.values))) { // the longer name first
		q = strings.ReplaceAll(q, name, c.values[name])
	}
	return q
}

// ask runs InfluxQL and returns the values of every row that has any, the time first.
func (c *panelCheck) ask(t *testing.T, q string) (rows [][]any) {
	t.Helper()
	q = c.fill(q)
	form := url.Values{"db": {c.config.Bucket}, "q": {q}, "epoch": {"ms"}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.config.URL+"/query", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Authorization", "Token "+c.config.Token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct {
		Error   string
		Results []struct {
			Error  string
			Series []struct{ Values [][]any }
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		t.Fatalf("%v: %s", err, q)
	}
	if answer.Error != "" || len(answer.Results) != 1 || answer.Results[0].Error != "" {
		t.Errorf("%s\n%+v", q, answer)
		return nil
	}
	for _, s := range answer.Results[0].Series {
		for _, v := range s.Values {
			if slices.ContainsFunc(v[1:], func(x any) bool { return x != nil }) {
				rows = append(rows, v)
			}
		}
	}
	return rows
}

// A dashboardFile is what the test needs of a dashboard: everything that it asks.
type dashboardFile struct {
	Templating struct {
		List []struct {
			Name, Type string
			Query      any
		}
	}
	Annotations struct {
		List []struct {
			Name   string
			Target struct{ Query string }
		}
	}
	Panels []struct {
		Title   string
		Targets []struct{ Query string }
	}
}

// asked yields every query of the dashboards of a set but those of Prometheus, with its
// place. Variables come first, since panels name them.
func asked(t *testing.T, set string) (queries [][2]string) {
	t.Helper()
	files, err := grafana.Files(grafana.DefaultOptions(0.5))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if !strings.HasPrefix(name, set+"/dashboards/") || strings.Contains(name, "health") {
			continue
		}
		var d dashboardFile
		if err := json.Unmarshal(files[name], &d); err != nil {
			t.Fatal(err)
		}
		for _, v := range d.Templating.List {
			if text, ok := v.Query.(string); ok && v.Type == "query" {
				queries = append(queries, [2]string{name + ": variable " + v.Name, text})
			}
		}
		for _, a := range d.Annotations.List {
			queries = append(queries, [2]string{name + ": annotation " + a.Name, a.Target.Query})
		}
		for _, p := range d.Panels {
			for _, q := range p.Targets {
				queries = append(queries, [2]string{name + ": panel " + p.Title, q.Query})
			}
		}
	}
	return queries
}

// panels asks every query of every dashboard of a set and wants rows; annotations must be
// ranges.
func (c *panelCheck) panels(t *testing.T, set string, ask func(*testing.T, string) [][]any) {
	t.Helper()
	n := 0
	for _, q := range asked(t, set) {
		n++
		if rows := ask(t, q[1]); len(rows) == 0 {
			t.Errorf("%s has no rows for\n%s", q[0], c.fill(q[1]))
		}
	}
	t.Logf("%d queries", n)
	if n < 80 {
		t.Errorf("only %d queries", n)
	}
}

func TestEveryPanelHasRowsInTheEmbeddedDatabase(t *testing.T) {
	c := scoreInto(t, embeddedDatabase(t))
	c.panels(t, "influxql", c.ask)
	c.notesAreRanges(t)
}

// notesAreRanges: annotations end after they begin, and none lasts longer than the fleet.
func (c *panelCheck) notesAreRanges(t *testing.T) {
	t.Helper()
	n := 0
	for _, q := range asked(t, "influxql") {
		if !strings.Contains(q[0], ": annotation ") {
			continue
		}
		for _, row := range c.ask(t, q[1]) {
			n++
			from, to := row[0].(float64), row[1].(float64)
			if !(to > from) || to-from > 151*86400_000 || row[2] == nil || row[2] == "" {
				t.Errorf("%s: from %.0f to %.0f: %v", q[0], from, to, row[2])
			}
		}
	}
	if n < 10 {
		t.Errorf("only %d annotations", n)
	}
}
