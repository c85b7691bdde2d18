package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/detectors"
	"github.com/flatwatt/flatwatt/grafana"
)

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
		case "cluster":
			kind = flatwatt.Feeder
		}
		register = append(register, flatwatt.Meter{ID: flatwatt.MeterID(id), Kind: kind, Zone: time.UTC, Interval: time.Hour})
		s := flatwatt.Score{Meter: flatwatt.MeterID(id), Day: flatwatt.DayOf(start, time.UTC), Start: start, Detector: detector, Model: "m",
			State: state, Probability: probability, FirstAlarm: start.Add(24 * time.Hour), LogOdds: nan, LogEValue: nan, Block: flatwatt.Estimate{Value: kw, Low: kw, High: kw}, Energy: none}
		if kw == 0 {
			s.Block = none
		}
		scores = append(scores, s)
	}
	suspects, kw, unjudged, honest, other := 1, 5.0, 2, 3000, flatwatt.Normal
	if loud {
		suspects, kw, unjudged, honest, other = 201, 900, 120, 100, flatwatt.Suspect
	}
	for i := range suspects {
		add(fmt.Sprintf("s%d", i), "customer", flatwatt.Suspect, map[bool]float64{true: 0.95, false: 0.7}[loud], kw)
	}
	for i := range unjudged {
		add(fmt.Sprintf("n%d", i), "customer", flatwatt.NotEnoughData, nan, 0)
	}
	for i := range honest {
		add(fmt.Sprintf("h%d", i), "customer", flatwatt.Normal, 0.001, 0)
	}
	add("T1", "transformer", other, 0.9, 20)
	add("G1", "generator", other, 0.9, 300)
	add("F1.cluster", "cluster", other, 0.9, 30)
	return register, scores
}

// An alertRule is what the test needs of a provisioned rule.
type alertRule struct {
	UID         string
	NoDataState string `yaml:"noDataState"`
	Data        []struct {
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

func alertRules(t *testing.T, set string) []alertRule {
	t.Helper()
	files, err := grafana.Files(grafana.DefaultOptions(0.5))
	if err != nil {
		t.Fatal(err)
	}
	var f struct{ Groups []struct{ Rules []alertRule } }
	if err := yaml.Unmarshal(files[set+"/provisioning/alerting/rules.yml"], &f); err != nil {
		t.Fatal(err)
	}
	if len(f.Groups) != 1 || len(f.Groups[0].Rules) < 9 {
		t.Fatalf("%d rules", len(f.Groups[0].Rules))
	}
	return f.Groups[0].Rules
}

// fires evaluates a rule as Grafana does: its query, the last value, and a threshold. What
// Grafana itself would do is not run here.
func (r *alertRule) fires(t *testing.T, c *panelCheck, now time.Time, last func(*testing.T, string) (float64, bool)) bool {
	t.Helper()
	if len(r.Data) != 3 || r.Data[1].Model.Type != "reduce" || r.Data[1].Model.Reducer != "last" || r.Data[2].Model.Type != "threshold" {
		t.Fatalf("rule %s is not query, reduce to the last value, threshold", r.UID)
	}
	c.between(now.Add(-time.Duration(r.Data[0].RelativeTimeRange.From)*time.Second), now)
	value, ok := last(t, r.Data[0].Model.Query)
	if !ok {
		return r.NoDataState == "Alerting"
	}
	e := r.Data[2].Model.Conditions[0].Evaluator
	if e.Type != "gt" {
		t.Fatalf("rule %s: evaluator %s", r.UID, e.Type)
	}
	return value > e.Params[0]
}

// lastValue is the last value that InfluxQL gives.
func (c *panelCheck) lastValue(t *testing.T, q string) (float64, bool) {
	t.Helper()
	rows := c.ask(t, q)
	if len(rows) == 0 {
		return 0, false
	}
	return rows[len(rows)-1][1].(float64), true
}

// rulesFireAndKeepSilent: each rule fires on planted scores and on no others; the rule on
// silence fires when nothing comes any more.
func rulesFireAndKeepSilent(t *testing.T, set string, loud *panelCheck, quiet *panelCheck, last func(*panelCheck) func(*testing.T, string) (float64, bool)) {
	t.Helper()
	now := time.Date(2026, 3, 3, 8, 0, 0, 0, time.UTC)
	for _, c := range []*panelCheck{loud, quiet} {
		register, scores := planted(c == loud)
		if err := openSink(t, c.config, register).Write(context.Background(), scores); err != nil {
			t.Fatal(err)
		}
		for _, r := range alertRules(t, set) {
			onSilence := r.NoDataState == "Alerting"
			if got := r.fires(t, c, now, last(c)); got != (c == loud && !onSilence) {
				t.Errorf("%s: rule %s fires: %v on loud data: %v", set, r.UID, got, c == loud)
			}
			if got := r.fires(t, c, now.Add(40*24*time.Hour), last(c)); got != onSilence {
				t.Errorf("%s: rule %s fires 40 days later: %v", set, r.UID, got)
			}
		}
	}
}

func TestAlertRulesFireAndKeepSilent(t *testing.T) {
	fresh := func() *panelCheck {
		return &panelCheck{config: embeddedDatabase(t), values: map[string]string{}}
	}
	rulesFireAndKeepSilent(t, "influxql", fresh(), fresh(), func(c *panelCheck) func(*testing.T, string) (float64, bool) { return c.lastValue })
}

// TestGrafanaCommandWritesWhatShips: with the program's own model and defaults; a model's
// threshold and a site's numbers come through.
func TestGrafanaCommandWritesWhatShips(t *testing.T) {
	dir := t.TempDir()
	if code, _, stderr := run(t, nil, "grafana", "--out", dir); code != exitOK {
		t.Fatal(stderr)
	}
	files, err := grafana.Files(grafana.DefaultOptions(detectors.DefaultParams().AlarmProbability))
	if err != nil || len(files) != 24 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for name, want := range files {
		shipped, _ := os.ReadFile(filepath.Join("..", "..", "deploy", "grafana", name))
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != string(want) || string(shipped) != string(want) {
			t.Errorf("%s differs: %v", name, err)
		}
	}
	text, err := os.ReadFile(filepath.Join("..", "..", "detectors", "default.json"))
	if err != nil {
		t.Fatal(err)
	}
	var model map[string]any
	if err := json.Unmarshal(text, &model); err != nil {
		t.Fatal(err)
	}
	model["alarm_probability"] = 0.4321
	text, _ = json.Marshal(model)
	writeFile(t, filepath.Join(dir, "model.json"), string(text))
	if code, _, stderr := run(t, nil, "grafana", "--out", dir, "--model", filepath.Join(dir, "model.json"), "--block-kw", "77", "--console", "https://console.example"); code != exitOK {
		t.Fatal(stderr)
	}
	for name, want := range map[string]string{"dashboards/flatwatt-meter.json": "0.4321", "provisioning/alerting/rules.yml": "above 77 kW", "dashboards/flatwatt-meter.json#": "https://console.example"} {
		got, err := os.ReadFile(filepath.Join(dir, "flux", strings.TrimSuffix(name, "#")))
		if err != nil || !strings.Contains(string(got), want) {
			t.Errorf("%s has no %s: %v", name, want, err)
		}
	}
	if code, _, _ := run(t, nil, "grafana", "--out", dir, "--unjudged", "7"); code != exitUsage {
		t.Errorf("a share of 7: exit code %d", code)
	}
}
