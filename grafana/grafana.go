//lint:file-ignore SA1019 the classic schema is what Grafana 10 to 13 load; the new one needs 12

// Package grafana makes the dashboards, data sources and alert rules that flatwatt ships
// for Grafana 10 and later. Dashboards ask in InfluxQL, which the embedded database,
// InfluxDB 2.x and InfluxDB 3 understand alike; flatwatt's own health is asked of
// Prometheus. No panel draws a line per meter: lists are bounded, sums come from the
// roll-ups that scoring writes.
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

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

//go:embed provisioning
var provisioning embed.FS

// A dataSource is the type of the data source that a dashboard's variable offers.
type dataSource string

const (
	influxSource     dataSource = "influxdb"
	prometheusSource dataSource = "prometheus"
)

func (d dataSource) ref() common.DataSourceRef {
	return common.DataSourceRef{Type: cog.ToPtr(string(d)), Uid: cog.ToPtr("${datasource}")}
}

// A board is one dashboard. Its uid is stable: bookmarks and links depend on it.
type board struct {
	uid, title, description string
	source                  dataSource
	from                    string // of the default range
	variables               []variable
	annotation              string // InfluxQL of text and time; "": none
	panels                  []panel
}

// A variable is asked for above the panels: of the database, or typed where it is empty.
type variable struct{ name, label, description, query, value string }

// Files are everything that Grafana loads, by path below the directory that holds it:
// dashboards/*.json and provisioning/…. The same program gives the same bytes.
func Files() (map[string][]byte, error) {
	files := map[string][]byte{}
	for i := range boards {
		text, err := boards[i].json()
		if err != nil {
			return nil, fmt.Errorf("dashboard %s: %w", boards[i].uid, err)
		}
		files["dashboards/"+boards[i].uid+".json"] = text
	}
	err := fs.WalkDir(provisioning, "provisioning", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files[path.Clean(name)], err = provisioning.ReadFile(name)
		return err
	})
	return files, err
}

// json is the dashboard as Grafana reads it.
func (b *board) json() ([]byte, error) {
	d := dashboard.NewDashboardBuilder(b.title).Uid(b.uid).Description(b.description).Tags([]string{"flatwatt"}).
		Readonly().Time(b.from, "now").Refresh("5m").Timezone("browser").Tooltip(dashboard.DashboardCursorSyncCrosshair).
		WithVariable(dashboard.NewDatasourceVariableBuilder("datasource").Label("Data source").Type(string(b.source))).
		Link(dashboard.NewDashboardLinkBuilder("flatwatt").Type(dashboard.DashboardLinkTypeDashboards).Tags([]string{"flatwatt"}).AsDropdown(true).KeepTime(true))
	for _, v := range b.variables {
		d.WithVariable(v.build(b.source))
	}
	if b.annotation != "" {
		d.Annotation(dashboard.NewAnnotationQueryBuilder().Name("suspect").Datasource(b.source.ref()).Enable(true).IconColor("red").
			Target(variants.NewUnknownDataqueryBuilderFromObject(variants.UnknownDataquery{
				"refId": "Anno", "query": b.annotation, "rawQuery": true, "textColumn": "state", "fromAnnotations": true,
			})))
	}
	place(d, b)
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
func place(d *dashboard.DashboardBuilder, b *board) {
	var x, y, high uint32
	for i := range b.panels {
		p := &b.panels[i]
		if x+p.width > 24 {
			x, y, high = 0, y+high, 0
		}
		d.WithPanel(p.build(uint32(i+1), dashboard.GridPos{X: x, Y: y, W: p.width, H: p.height}, b.source))
		x, high = x+p.width, max(high, p.height)
	}
}

func (v *variable) build(source dataSource) cog.Builder[dashboard.VariableModel] {
	if v.query == "" {
		return dashboard.NewTextBoxVariableBuilder(v.name).Label(v.label).Description(v.description).
			DefaultValue(dashboard.StringOrMap{String: &v.value})
	}
	return dashboard.NewQueryVariableBuilder(v.name).Label(v.label).Description(v.description).Datasource(source.ref()).
		Query(dashboard.StringOrMap{String: &v.query}).Refresh(dashboard.VariableRefreshOnTimeRangeChanged).Sort(dashboard.VariableSortAlphabeticalAsc)
}

func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
