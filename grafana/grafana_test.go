package grafana_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flatwatt/flatwatt/grafana"
)

// shipped are the options of the committed files: those of the model in the program.
func shipped(t *testing.T) grafana.Options {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "detectors", "default.json"))
	if err != nil {
		t.Fatal(err)
	}
	var model struct {
		Alarm float64 `json:"alarm_probability"`
	}
	if err := json.Unmarshal(text, &model); err != nil || model.Alarm == 0 {
		t.Fatalf("no alarm probability in the model: %v", err)
	}
	return grafana.DefaultOptions(model.Alarm)
}

var update = flag.Bool("update", false, "rewrite deploy/grafana")

// The files in the repository are those that the program writes:
// go test ./grafana -update after a change of a dashboard.
func TestCommittedFilesAreCurrent(t *testing.T) {
	files, err := grafana.Files(shipped(t))
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join("..", "deploy", "grafana")
	for name, want := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if *update {
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what the program writes (%v): run go test ./grafana -update", path, err)
		}
	}
	err = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		if _, ok := files[filepath.ToSlash(name)]; !ok {
			t.Errorf("%s is written by nobody", path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

type dashboardJSON struct {
	UID, Title, Description, Refresh string
	Editable                         bool
	Tags                             []string
	Time                             struct{ From, To string }
	Templating                       struct {
		List []struct {
			Name, Type, Label, Description string
			Refresh                        int
			Query                          any
			Current                        struct{ Value any }
		}
	}
	Annotations struct {
		List []struct {
			Name     string
			Target   map[string]any
			Mappings map[string]struct{ Value string }
		}
	}
	Panels []struct {
		ID                       int
		Type, Title, Description string
		GridPos                  struct{ X, Y, W, H int }
		Datasource               struct{ UID string }
		FieldConfig              struct {
			Defaults struct {
				Unit       string
				Thresholds struct{ Steps []any }
			}
		}
		Options struct {
			Tooltip struct{ Mode string }
			Legend  struct{ DisplayMode string }
		}
		Targets []map[string]any
	}
}

// The rules of Grafana's own dashboard-linter that apply, and ours.
func TestDashboardsAreClean(t *testing.T) {
	files, err := grafana.Files(shipped(t))
	if err != nil {
		t.Fatal(err)
	}
	uids := map[string]map[string]bool{"influxql": {}, "flux": {}}
	for name, text := range files {
		set, rest, _ := strings.Cut(name, "/")
		if !strings.HasPrefix(rest, "dashboards/") {
			continue
		}
		for _, finding := range lint(t, text, uids[set]) {
			t.Errorf("%s: %s", name, finding)
		}
	}
	for set, seen := range uids {
		if len(seen) != 8 {
			t.Errorf("%s: %d dashboards", set, len(seen))
		}
	}
}

// A linter that finds nothing is only worth something if it can find.
func TestLinterFinds(t *testing.T) {
	files, err := grafana.Files(shipped(t))
	if err != nil {
		t.Fatal(err)
	}
	text := string(files["influxql/dashboards/flatwatt-suspects.json"])
	for _, breakIt := range [][2]string{
		{`"uid": "flatwatt-suspects"`, `"uid": ""`},
		{`"uid": "${datasource}"`, `"uid": "abc"`},
		{`AND $timeFilter`, ``},
		{`"refresh": "5m"`, `"refresh": "1s"`},
		{`, \"rank\" fill(none)`, `, \"meter\" fill(none)`},
		{`"mode": "multi"`, `"mode": ""`},
		{`"editable": false`, `"editable": true`},
		{`"timeEndColumn": "end_ms"`, `"timeEndColumn": ""`},
	} {
		breaks(t, text, breakIt)
	}
	text = string(files["flux/dashboards/flatwatt-suspects.json"])
	for _, breakIt := range [][2]string{
		{`createEmpty: false`, `createEmpty: true`},
		{`-100000000.0`, `-1.0`},
		{`columns: [\"rank\"]`, `columns: [\"meter\"]`},
		{`"value": "timeEnd"`, `"value": "_time"`},
	} {
		breaks(t, text, breakIt)
	}
}

func breaks(t *testing.T, text string, breakIt [2]string) {
	t.Helper()
	broken := strings.Replace(text, breakIt[0], breakIt[1], 1)
	if broken == text {
		t.Errorf("nothing to break at %s", breakIt[0])
	} else if len(lint(t, []byte(broken), map[string]bool{})) == 0 {
		t.Errorf("not found: %s", breakIt[1])
	}
}
