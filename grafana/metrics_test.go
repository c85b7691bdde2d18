package grafana_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/flatwatt/flatwatt/grafana"
)

// Every metric that the health dashboard asks for is one that flatwatt has.
func TestHealthAsksForMetricsThatExist(t *testing.T) {
	source, err := os.ReadFile(filepath.Join("..", "metrics", "metrics.go"))
	if err != nil {
		t.Fatal(err)
	}
	files, err := grafana.Files(shipped(t))
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile(`flatwatt_([a-z_]+)`).FindAllStringSubmatch(string(files["influxql/dashboards/flatwatt-health.json"]), -1)
	for _, m := range names {
		if name := strings.TrimSuffix(m[1], "_bucket"); !strings.Contains(string(source), `"`+name+`"`) {
			t.Errorf("flatwatt has no metric flatwatt_%s", name)
		}
	}
	if len(names) < 10 {
		t.Errorf("only %d metrics asked for", len(names))
	}
}
