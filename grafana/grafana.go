//lint:file-ignore SA1019 the classic schema is what Grafana 10 to 13 load; the new one needs 12

// Package grafana makes the dashboards, data sources and alert rules that flatwatt ships
// for Grafana 10 and later, twice: asking in InfluxQL, which the embedded database,
// InfluxDB 2.x and InfluxDB 3 understand, and in Flux for sites that have InfluxDB 2.x set
// up so. flatwatt's own health is asked of Prometheus in both. No panel draws a line per
// meter: lists are bounded, sums come from the roll-ups that scoring writes.
package grafana

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

//go:embed provisioning
var provisioning embed.FS

// A language is what a dashboard asks its data source in.
type language string

const (
	influxql language = "influxql"
	flux     language = "flux"
	promql   language = "promql"
)

// A source is the data source that a dashboard's variable offers: its type in Grafana, the
// uid that provisioning gives it, and its language.
type source struct {
	kind, uid string
	language
}

var (
	influxSource     = source{"influxdb", "flatwatt-influx", influxql}
	fluxSource       = source{"influxdb", "flatwatt-flux", flux}
	prometheusSource = source{"prometheus", "flatwatt-prometheus", promql}
)

func (s source) ref() common.DataSourceRef {
	return common.DataSourceRef{Type: cog.ToPtr(s.kind), Uid: cog.ToPtr("${datasource}")}
}

// A board is one dashboard. Its uid is stable: bookmarks and links depend on it.
type board struct {
	uid, title, description string
	from                    string // of the default range
	health                  bool   // asks Prometheus
	variables               []variable
	notes                   []note
	panels                  []panel
}

// A variable is asked for above the panels: of the database, or typed where it has no
// query. One whose query names another variable is chained to it.
type variable struct {
	name, label, description string
	query                    query
	value                    string // of a typed one
	hidden                   bool
}

// Files are everything that Grafana loads, by path: below influxql/ and flux/ a whole set
// each, of which a site takes one. The same options give the same bytes.
func Files(o Options) (map[string][]byte, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, s := range []source{influxSource, fluxSource} {
		for _, b := range boards(o) {
			from := s
			if b.health {
				from = prometheusSource
			}
			text, err := b.json(from)
			if err != nil {
				return nil, fmt.Errorf("dashboard %s: %w", b.uid, err)
			}
			files[path.Join(string(s.language), "dashboards", b.uid+".json")] = text
		}
		rules, err := rulesFile(o, s)
		if err != nil {
			return nil, err
		}
		files[path.Join(string(s.language), "provisioning/alerting/rules.yml")] = rules
		if err := copyProvisioning(files, s); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// copyProvisioning adds what is written by hand. A file whose name ends in .flux.yml or
// .influxql.yml belongs to that set only.
func copyProvisioning(files map[string][]byte, s source) error {
	return fs.WalkDir(provisioning, "provisioning", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		base := strings.TrimSuffix(name, ".yml")
		if other := strings.TrimPrefix(path.Ext(base), "."); other != "" && other != string(s.language) {
			return nil
		}
		text, err := provisioning.ReadFile(name)
		files[path.Join(string(s.language), strings.TrimSuffix(base, path.Ext(base))+".yml")] = text
		return err
	})
}

// json is the dashboard as Grafana reads it.
func (b *board) json(s source) ([]byte, error) {
	d := dashboard.NewDashboardBuilder(b.title).Uid(b.uid).Description(b.description).Tags([]string{"flatwatt"}).
		Readonly().Time(b.from, "now").Refresh("5m").Timezone("browser").Tooltip(dashboard.DashboardCursorSyncCrosshair).
		WithVariable(dashboard.NewDatasourceVariableBuilder("datasource").Label("Data source").Type(s.kind).
			Current(dashboard.VariableOption{Text: dashboard.StringOrArrayOfString{String: cog.ToPtr(s.uid)}, Value: dashboard.StringOrArrayOfString{String: cog.ToPtr(s.uid)}})).
		Link(dashboard.NewDashboardLinkBuilder("flatwatt").Type(dashboard.DashboardLinkTypeDashboards).Tags([]string{"flatwatt"}).AsDropdown(true).KeepTime(true))
	for _, v := range b.variables {
		if v.query.name == "" || v.query.in(s.language) != "" {
			d.WithVariable(v.build(s))
		}
	}
	for _, n := range b.notes {
		d.Annotation(n.build(s))
	}
	place(d, b, s)
	made, err := d.Build()
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	err = enc.Encode(made)
	return out.Bytes(), err
}

// place sets panels side by side, in rows as high as their first.
func place(d *dashboard.DashboardBuilder, b *board, s source) {
	var x, y, high uint32
	for i := range b.panels {
		p := &b.panels[i]
		if x+p.width > 24 {
			x, y, high = 0, y+high, 0
		}
		d.WithPanel(p.build(uint32(i+1), dashboard.GridPos{X: x, Y: y, W: p.width, H: p.height}, s))
		x, high = x+p.width, max(high, p.height)
	}
}

func (v *variable) build(s source) cog.Builder[dashboard.VariableModel] {
	text := v.query.in(s.language)
	if text == "" {
		return dashboard.NewTextBoxVariableBuilder(v.name).Label(v.label).Description(v.description).
			DefaultValue(dashboard.StringOrMap{String: &v.value})
	}
	hide := dashboard.VariableHideDontHide
	if v.hidden {
		hide = dashboard.VariableHideHideVariable
	}
	return dashboard.NewQueryVariableBuilder(v.name).Label(v.label).Description(v.description).Datasource(s.ref()).Hide(hide).
		Query(dashboard.StringOrMap{String: &text}).Refresh(dashboard.VariableRefreshOnTimeRangeChanged).Sort(dashboard.VariableSortAlphabeticalAsc)
}

func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
