package grafana_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/flatwatt/flatwatt/grafana"
)

var update = flag.Bool("update", false, "rewrite deploy/grafana")

// The files in the repository are those that the program writes:
// go test ./grafana -update after a change of a dashboard.
func TestCommittedFilesAreCurrent(t *testing.T) {
	files, err := grafana.Files()
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
			Name, Type, Label string
			Refresh           int
			Query             any
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
	files, err := grafana.Files()
	if err != nil {
		t.Fatal(err)
	}
	uids := map[string]bool{}
	for name, text := range files {
		if !strings.HasPrefix(name, "dashboards/") {
			continue
		}
		for _, finding := range lint(t, text, uids) {
			t.Errorf("%s: %s", name, finding)
		}
	}
	if len(uids) < 6 {
		t.Errorf("%d dashboards", len(uids))
	}
}

var unboundedGroup = regexp.MustCompile(`GROUP BY[^$]*"(meter|transformer|feeder)"`)

func lint(t *testing.T, text []byte, uids map[string]bool) (findings []string) {
	t.Helper()
	var d dashboardJSON
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	bad := func(ok bool, finding string) {
		if !ok {
			findings = append(findings, finding)
		}
	}
	bad(d.UID != "" && len(d.UID) <= 40 && !uids[d.UID], "uid missing, too long or used twice")
	uids[d.UID] = true
	bad(d.Title != "" && d.Description != "" && len(d.Tags) > 0, "title, description or tags missing")
	bad(!d.Editable, "editable")
	bad(strings.HasPrefix(d.Time.From, "now-") && d.Time.To == "now", "no default range")
	bad(d.Refresh == "5m", "refreshes more often than data comes")
	bad(len(d.Panels) > 0 && len(d.Panels) <= 12, "no panels, or too many")
	source := ""
	for _, v := range d.Templating.List {
		if v.Type == "datasource" {
			source = v.Name
		}
		bad(v.Type != "query" || v.Refresh == 2, "variable "+v.Name+" is not asked again when the range changes")
		if q, ok := v.Query.(string); ok && v.Type == "query" {
			bad(strings.Contains(q, "LIMIT"), "variable "+v.Name+" is not bounded")
		}
	}
	bad(source == "datasource", "no variable for the data source")
	ids := map[int]bool{}
	for i, p := range d.Panels {
		at := "panel " + p.Title + ": "
		bad(p.ID > 0 && !ids[p.ID], at+"id missing or used twice")
		ids[p.ID] = true
		bad(p.Title != "" && p.Description != "" && strings.HasSuffix(p.Description, "."), at+"title or description missing")
		bad(p.Datasource.UID == "${datasource}", at+"asks a fixed data source")
		bad(p.FieldConfig.Defaults.Unit != "", at+"no unit")
		bad(p.Type != "stat" || len(p.FieldConfig.Defaults.Thresholds.Steps) > 0, at+"no thresholds")
		bad(p.Type != "timeseries" || p.Options.Tooltip.Mode != "" && p.Options.Legend.DisplayMode != "", at+"tooltip or legend without a mode")
		bad(len(p.Targets) > 0, at+"no query")
		for _, q := range d.Panels[:i] {
			over := p.GridPos.X < q.GridPos.X+q.GridPos.W && q.GridPos.X < p.GridPos.X+p.GridPos.W && p.GridPos.Y < q.GridPos.Y+q.GridPos.H && q.GridPos.Y < p.GridPos.Y+p.GridPos.H
			bad(!over, at+"lies over "+q.Title)
		}
		for _, target := range p.Targets {
			source, _ := target["datasource"].(map[string]any)
			bad(source["uid"] == "${datasource}", at+"a query asks a fixed data source")
			query, _ := target["query"].(string)
			expr, _ := target["expr"].(string)
			bad(query != "" || expr != "", at+"empty query")
			bad(query == "" || strings.Contains(query, "$timeFilter"), at+"reads the whole history")
			bad(!unboundedGroup.MatchString(query), at+"a line for every "+query)
			bad(!strings.Contains(expr, "rate(") || strings.Contains(expr, "[$__rate_interval]"), at+"rate over a fixed window")
			unknown := strings.Contains(query, `"score"`) || strings.Contains(query, `"top"`)
			bad(!unknown || p.Type == "table" || strings.Contains(query, "> -100000000"), at+"draws values that are not known")
		}
	}
	return findings
}

// A linter that finds nothing is only worth something if it can find.
func TestLinterFinds(t *testing.T) {
	files, err := grafana.Files()
	if err != nil {
		t.Fatal(err)
	}
	text := string(files["dashboards/flatwatt-suspects.json"])
	for _, breakIt := range [][2]string{
		{`"uid": "flatwatt-suspects"`, `"uid": ""`},
		{`"uid": "${datasource}"`, `"uid": "abc"`},
		{`AND $timeFilter`, ``},
		{`"refresh": "5m"`, `"refresh": "1s"`},
		{`, \"rank\" fill(none)`, `, \"meter\" fill(none)`},
		{`"mode": "multi"`, `"mode": ""`},
		{`"editable": false`, `"editable": true`},
	} {
		broken := strings.Replace(text, breakIt[0], breakIt[1], 1)
		if broken == text {
			t.Errorf("nothing to break at %s", breakIt[0])
		} else if len(lint(t, []byte(broken), map[string]bool{})) == 0 {
			t.Errorf("not found: %s", breakIt[1])
		}
	}
}
