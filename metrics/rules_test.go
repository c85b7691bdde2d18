package metrics_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/metrics"
	"github.com/flatwatt/flatwatt/streams"
	"github.com/flatwatt/flatwatt/streams/memory"
)

// TestRulesNameWhatThereIs: each metric and label that the shipped alerts ask for exists,
// and every alert says what to do.
func TestRulesNameWhatThereIs(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "deploy", "prometheus", "rules.yml"))
	if err != nil {
		t.Fatal(err)
	}
	var rules struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Expr, For    string
				Labels, Annotations map[string]string
			}
		}
	}
	if err := yaml.UnmarshalWithOptions(text, &rules, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	exposed := everyMetric(t)
	name, label := regexp.MustCompile(`flatwatt_\w+`), regexp.MustCompile(`\$labels\.(\w+)`)
	n := 0
	for _, r := range rules.Groups[0].Rules {
		n++
		for _, m := range name.FindAllString(r.Expr, -1) {
			if !strings.Contains(exposed, "# TYPE "+m+" ") {
				t.Errorf("%s: there is no metric %s", r.Alert, m)
			}
		}
		for _, m := range label.FindAllStringSubmatch(r.Annotations["summary"], -1) {
			if !strings.Contains(exposed, m[1]+`="`) {
				t.Errorf("%s: there is no label %s", r.Alert, m[1])
			}
		}
		if r.Alert == "" || r.Expr == "" || r.For == "" || r.Labels["severity"] == "" || r.Annotations["summary"] == "" || r.Annotations["remedy"] == "" {
			t.Errorf("%s: something is missing", r.Alert)
		}
		if strings.Count(r.Expr, "(") != strings.Count(r.Expr, ")") {
			t.Errorf("%s: parentheses", r.Alert)
		}
	}
	if n < 9 {
		t.Errorf("%d alerts", n)
	}
}

// TestEveryAlertFiresAndKeepsSilent: rules_test.yml, which promtool runs in make
// integration, has for each alert data that fires it and data that must not.
func TestEveryAlertFiresAndKeepsSilent(t *testing.T) {
	var rules struct {
		Groups []struct{ Rules []struct{ Alert string } }
	}
	var cases struct {
		Tests []struct {
			Rules []struct {
				Alert string           `yaml:"alertname"`
				Fires []map[string]any `yaml:"exp_alerts"`
			} `yaml:"alert_rule_test"`
		}
	}
	for name, to := range map[string]any{"rules.yml": &rules, "rules_test.yml": &cases} {
		text, err := os.ReadFile(filepath.Join("..", "deploy", "prometheus", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := yaml.Unmarshal(text, to); err != nil {
			t.Fatal(err)
		}
	}
	fires, silent := map[string]bool{}, map[string]bool{}
	for _, c := range cases.Tests {
		for _, r := range c.Rules {
			fires[r.Alert] = fires[r.Alert] || len(r.Fires) > 0
			silent[r.Alert] = silent[r.Alert] || len(r.Fires) == 0
		}
	}
	for _, r := range rules.Groups[0].Rules {
		if !fires[r.Alert] || !silent[r.Alert] {
			t.Errorf("%s: fires in a test: %v, is silent in one: %v", r.Alert, fires[r.Alert], silent[r.Alert])
		}
	}
}

// everyMetric is what a worker shows that has scored and had to try again.
func everyMetric(t *testing.T) string {
	t.Helper()
	m := metrics.New("v")
	line := m.Watch("all", streams.Pipeline{
		Open:   (&memory.Stream{Messages: []memory.Message{{Readings: []flatwatt.Reading{{Meter: "a"}}}}}).Open,
		Scorer: &echo{}, Sink: &memory.Sink{}, Rejects: &memory.Rejects{}, Checkpoints: &memory.Checkpoints{}, SaveEvery: 1,
	})
	if err := line.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	line.Hooks.Retried("write scores", 1, nil)
	m.Unused("all", "late", 1)
	_, text := get(t, m.Handler(), "/metrics")
	return text
}
