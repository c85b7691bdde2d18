package grafana_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
)

var (
	unboundedGroup = regexp.MustCompile(`GROUP BY[^$]*"(meter|transformer)"`)
	// A series for each of these may end in a list of twenty, and in nothing else.
	manyGroup     = regexp.MustCompile(`GROUP BY[^$]*"(feeder|class|region|part)"`)
	fluxGroup     = regexp.MustCompile(`group\(columns: \["(meter|transformer)"`)
	fluxManyGroup = regexp.MustCompile(`group\(columns: \["(feeder|class|region|part)"`)
)

// A linter holds a dashboard against the rules of Grafana's own dashboard-linter that
// apply, and ours.
type linter struct{ findings []string }

func (l *linter) want(ok bool, finding string) {
	if !ok {
		l.findings = append(l.findings, finding)
	}
}

func lint(t *testing.T, text []byte, uids map[string]bool) []string {
	t.Helper()
	var d dashboardJSON
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	l := &linter{}
	l.want(d.UID != "" && len(d.UID) <= 40 && !uids[d.UID], "uid missing, too long or used twice")
	uids[d.UID] = true
	l.want(d.Title != "" && d.Description != "" && len(d.Tags) > 0, "title, description or tags missing")
	l.want(!d.Editable, "editable")
	l.want(strings.HasPrefix(d.Time.From, "now-") && d.Time.To == "now", "no default range")
	l.want(d.Refresh == "5m", "refreshes more often than data comes")
	l.want(len(d.Panels) > 0 && len(d.Panels) <= 12, "no panels, or too many")
	l.variables(d)
	l.annotations(d)
	l.panels(d)
	return l.findings
}

func (l *linter) variables(d dashboardJSON) {
	source := ""
	for _, v := range d.Templating.List {
		if v.Type == "datasource" {
			source = v.Name
			l.want(v.Current.Value != nil, "the data source has no default")
			continue
		}
		l.want(v.Label != "" && v.Description != "", "variable "+v.Name+" has no label or description")
		l.want(v.Type != "query" || v.Refresh == 2, "variable "+v.Name+" is not asked again when the range changes")
		if q, ok := v.Query.(string); ok && v.Type == "query" {
			l.want(strings.Contains(q, "LIMIT") || strings.Contains(q, "limit(n:"), "variable "+v.Name+" is not bounded")
		}
	}
	l.want(source == "datasource", "no variable for the data source")
}

func (l *linter) annotations(d dashboardJSON) {
	for _, a := range d.Annotations.List {
		q, _ := a.Target["query"].(string)
		l.want(strings.Contains(q, "LIMIT") || strings.Contains(q, "limit(n:"), "annotation "+a.Name+" is not bounded")
		if strings.Contains(q, "|>") {
			l.want(a.Mappings["timeEnd"].Value == "timeEnd" && strings.Contains(q, "timeEnd: time("), "annotation "+a.Name+" is a point")
		} else {
			l.want(a.Target["timeEndColumn"] == "end_ms" && strings.Contains(q, `"end_ms"`), "annotation "+a.Name+" is a point")
		}
	}
}

func (l *linter) panels(d dashboardJSON) {
	ids := map[int]bool{}
	for i, p := range d.Panels {
		at := "panel " + p.Title + ": "
		l.want(p.ID > 0 && !ids[p.ID], at+"id missing or used twice")
		ids[p.ID] = true
		l.want(p.Title != "" && p.Description != "" && strings.HasSuffix(p.Description, "."), at+"title or description missing")
		l.want(p.Datasource.UID == "${datasource}", at+"asks a fixed data source")
		l.want(p.FieldConfig.Defaults.Unit != "", at+"no unit")
		l.want(p.Type != "stat" || len(p.FieldConfig.Defaults.Thresholds.Steps) > 0, at+"no thresholds")
		l.want(p.Type != "timeseries" || p.Options.Tooltip.Mode != "" && p.Options.Legend.DisplayMode != "", at+"tooltip or legend without a mode")
		l.want(len(p.Targets) > 0, at+"no query")
		for _, q := range d.Panels[:i] {
			over := p.GridPos.X < q.GridPos.X+q.GridPos.W && q.GridPos.X < p.GridPos.X+p.GridPos.W && p.GridPos.Y < q.GridPos.Y+q.GridPos.H && q.GridPos.Y < p.GridPos.Y+p.GridPos.H
			l.want(!over, at+"lies over "+q.Title)
		}
		for _, target := range p.Targets {
			l.target(at, p.Type, target)
		}
	}
}

func (l *linter) target(at, kind string, target map[string]any) {
	source, _ := target["datasource"].(map[string]any)
	l.want(source["uid"] == "${datasource}", at+"a query asks a fixed data source")
	query, _ := target["query"].(string)
	expr, _ := target["expr"].(string)
	l.want(query != "" || expr != "", at+"empty query")
	l.want(!strings.Contains(expr, "rate(") || strings.Contains(expr, "[$__rate_interval]"), at+"rate over a fixed window")
	if query == "" {
		return
	}
	isFlux := strings.Contains(query, "|>")
	ofMeters := strings.Contains(query, `"score"`) || strings.Contains(query, `"top"`)
	if isFlux {
		l.want(strings.Contains(query, "|> range(start: v.timeRangeStart, stop: v.timeRangeStop)"), at+"reads the whole history")
		l.want(!strings.Contains(query, "aggregateWindow(") || strings.Contains(query, "createEmpty: false"), at+"makes empty windows")
		l.want(!fluxGroup.MatchString(query), at+"a series for every meter")
		l.want(!fluxManyGroup.MatchString(query) || strings.Contains(query, "limit(n: 20)"), at+"an unbounded list")
		l.want(!ofMeters || kind == "table" || strings.Contains(query, "r._value > -100000000.0"), at+"draws values that are not known")
		return
	}
	l.want(strings.Contains(query, "$timeFilter"), at+"reads the whole history")
	l.want(!unboundedGroup.MatchString(query), at+"a series for every meter")
	l.want(!manyGroup.MatchString(query) || strings.Contains(query, ", 20)") || strings.Contains(query, "LIMIT"), at+"an unbounded list")
	l.want(!ofMeters || kind == "table" || strings.Contains(query, "> -100000000"), at+"draws values that are not known")
}
