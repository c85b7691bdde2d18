package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

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

// A panelCheck is a scored fleet in a database, and what to put for Grafana's variables.
type panelCheck struct {
	config influx.Config
	values map[string]string
}

// scoreInto scores a simulated fleet with its transformers into a database.
func scoreInto(t *testing.T, c influx.Config) *panelCheck {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "fleet")
	if code, _, stderr := run(t, nil, "simulate", "--out", dir, "--seed", "301", "--meters", "250", "--days", "60"); code != exitOK {
		t.Fatal(stderr)
	}
	fleet, err := file.Open(dir, file.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := fleet.Load(t.Context(), func(int64, int64) {}); err != nil {
		t.Fatal(err)
	}
	scorer, err := newScorer(detectors.DefaultParams(), fleet.Meters(), fleet.Meters(), fleet.Weather(), aside{})
	if err != nil {
		t.Fatal(err)
	}
	sink, source := openSink(t, c, fleet.Meters()), fleet.Source(time.Time{})
	var best flatwatt.Score
	var from, to time.Time
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
			if from.IsZero() || s.Start.Before(from) {
				from = s.Start
			}
			if s.Start.After(to) {
				to = s.Start
			}
			if s.Detector == "customer" && s.Block.Value > 0 && !(s.Probability <= best.Probability) {
				best = s
			}
		}
	}
	return &panelCheck{config: c, values: map[string]string{
		"$timeFilter":         fmt.Sprintf("time >= '%s' AND time <= '%s'", from.Add(-24*time.Hour).Format(time.RFC3339), to.Add(48*time.Hour).Format(time.RFC3339)),
		"$meter":              string(best.Meter),
		"${__url_time_range}": "",
	}}
}

// ask runs InfluxQL and returns the values of every row, without the time.
func (c *panelCheck) ask(t *testing.T, q string) (rows [][]any) {
	t.Helper()
	for _, name := range slices.Backward(slices.Sorted(maps.Keys(c.values))) { // the longer name first
		q = strings.ReplaceAll(q, name, c.values[name])
	}
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
				rows = append(rows, v[1:])
			}
		}
	}
	return rows
}

// panels asks every query of every dashboard on scores and wants rows.
func (c *panelCheck) panels(t *testing.T) {
	files, err := grafana.Files()
	if err != nil {
		t.Fatal(err)
	}
	for _, node := range []string{"feeder", "transformer"} {
		rows := c.ask(t, `SHOW TAG VALUES FROM "rollup_`+node+`" WITH KEY = "`+node+`" LIMIT 1000`)
		if len(rows) == 0 {
			t.Fatalf("the variable %s has no values", node)
		}
		c.values["$"+node] = rows[0][0].(string)
	}
	asked := 0
	for name, text := range files {
		if !strings.HasPrefix(name, "dashboards/") || strings.Contains(name, "health") {
			continue
		}
		var d struct {
			Panels []struct {
				Title   string
				Targets []struct{ Query string }
			}
		}
		if err := json.Unmarshal(text, &d); err != nil {
			t.Fatal(err)
		}
		for _, p := range d.Panels {
			for _, q := range p.Targets {
				asked++
				if rows := c.ask(t, q.Query); len(rows) == 0 {
					t.Errorf("%s: panel %s has no rows for\n%s", name, p.Title, q.Query)
				}
			}
		}
	}
	t.Logf("%d queries", asked)
	if asked < 40 {
		t.Errorf("only %d queries", asked)
	}
}

func TestEveryPanelHasRowsInTheEmbeddedDatabase(t *testing.T) {
	scoreInto(t, embeddedDatabase(t)).panels(t)
}

// planted are scores of one day for the alert rules.
func planted(loud bool) (register []flatwatt.Meter, scores []flatwatt.Score) {
	start := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	nan := math.NaN()
	none := flatwatt.Estimate{Value: nan, Low: nan, High: nan}
	add := func(id string, detector string, state flatwatt.State, probability, kw float64) {
		kind := flatwatt.Customer
		switch detector {
		case "transformer":
			kind = flatwatt.Transformer
		case "generator":
			kind = flatwatt.Generator
		}
		register = append(register, flatwatt.Meter{ID: flatwatt.MeterID(id), Kind: kind, Zone: time.UTC, Interval: time.Hour})
		s := flatwatt.Score{Meter: flatwatt.MeterID(id), Day: flatwatt.DayOf(start, time.UTC), Start: start, Detector: detector, Model: "m",
			State: state, Probability: probability, LogOdds: nan, LogEValue: nan, Block: flatwatt.Estimate{Value: kw, Low: kw, High: kw}, Energy: none}
		if kw == 0 {
			s.Block = none
		}
		scores = append(scores, s)
	}
	suspects, kw, unjudged, other := 3, 5.0, 2, flatwatt.Normal
	if loud {
		suspects, kw, unjudged, other = 201, 900, 120, flatwatt.Suspect
	}
	for i := range suspects {
		add(fmt.Sprintf("s%d", i), "customer", flatwatt.Suspect, map[bool]float64{true: 0.95, false: 0.7}[loud], kw)
	}
	for i := range unjudged {
		add(fmt.Sprintf("n%d", i), "customer", flatwatt.NotEnoughData, nan, 0)
	}
	for i := range 100 {
		add(fmt.Sprintf("h%d", i), "customer", flatwatt.Normal, 0.001, 0)
	}
	add("T1", "transformer", other, 0.9, 20)
	add("G1", "generator", other, 0.9, 300)
	return register, scores
}

// An alertRule is what the test needs of a provisioned rule.
type alertRule struct {
	UID  string
	Data []struct {
		RelativeTimeRange struct{ From, To int64 } `yaml:"relativeTimeRange"`
		Model             struct {
			Query, Type, Reducer string
			Conditions           []struct {
				Evaluator struct {
					Type   string
					Params []float64
				}
			}
		}
	}
}

// Grafana itself is not run here: a rule is its query, the last value, and a threshold.
func (r *alertRule) fires(t *testing.T, c *panelCheck, now time.Time) bool {
	t.Helper()
	if len(r.Data) != 3 || r.Data[1].Model.Type != "reduce" || r.Data[1].Model.Reducer != "last" || r.Data[2].Model.Type != "threshold" {
		t.Fatalf("rule %s is not query, reduce to the last value, threshold", r.UID)
	}
	from := now.Add(-time.Duration(r.Data[0].RelativeTimeRange.From) * time.Second)
	c.values["$timeFilter"] = fmt.Sprintf("time >= '%s' AND time <= '%s'", from.Format(time.RFC3339), now.Format(time.RFC3339))
	rows := c.ask(t, r.Data[0].Model.Query)
	if len(rows) == 0 {
		return false // noDataState OK
	}
	e := r.Data[2].Model.Conditions[0].Evaluator
	if e.Type != "gt" {
		t.Fatalf("rule %s: evaluator %s", r.UID, e.Type)
	}
	return rows[len(rows)-1][0].(float64) > e.Params[0]
}

func TestAlertRulesFireAndKeepSilent(t *testing.T) {
	files, err := grafana.Files()
	if err != nil {
		t.Fatal(err)
	}
	var f struct{ Groups []struct{ Rules []alertRule } }
	if err := yaml.Unmarshal(files["provisioning/alerting/rules.yml"], &f); err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 3, 8, 0, 0, 0, time.UTC)
	for _, loud := range []bool{true, false} {
		c := &panelCheck{config: embeddedDatabase(t), values: map[string]string{}}
		register, scores := planted(loud)
		if err := openSink(t, c.config, register).Write(context.Background(), scores); err != nil {
			t.Fatal(err)
		}
		for _, r := range f.Groups[0].Rules {
			if got := r.fires(t, c, now); got != loud {
				t.Errorf("rule %s fires: %v, want %v", r.UID, got, loud)
			}
			if loud && r.fires(t, c, now.Add(10*24*time.Hour)) {
				t.Errorf("rule %s fires on scores of last week", r.UID)
			}
		}
		if len(f.Groups[0].Rules) < 6 {
			t.Errorf("%d rules", len(f.Groups[0].Rules))
		}
	}
}

func TestGrafanaCommandWritesWhatShips(t *testing.T) {
	dir := t.TempDir()
	if code, _, stderr := run(t, nil, "grafana", "--out", dir); code != exitOK {
		t.Fatal(stderr)
	}
	files, _ := grafana.Files()
	for name, want := range files {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != string(want) {
			t.Errorf("%s differs: %v", name, err)
		}
	}
}
