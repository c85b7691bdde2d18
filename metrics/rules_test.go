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
	if n < 8 {
		t.Errorf("%d alerts", n)
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
	_, text := get(t, m.Handler(), "/metrics")
	return text
}
