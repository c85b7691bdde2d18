package grafana

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

// kind of a panel.
type kind int

const (
	number kind = iota // the latest value, large, with its course behind it
	course             // lines over time
	list               // a table
)

// A panel is one tile of a dashboard; every one has a title, a description and a unit.
type panel struct {
	kind        kind
	title       string
	description string
	unit        string // of Grafana; "short" for plain numbers
	queries     []query
	width       uint32  // of 24
	height      uint32  // in Grafana's rows
	warn, bad   float64 // thresholds; both 0: none
	columns     map[string]column
	sortBy      string  // column of a list, largest first; at most 50 rows are then shown
	timeFrom    string  // a range of its own, e.g. 7d
	max         float64 // of the axis; 0: open
}

// A column is how one field of a list is shown.
type column struct {
	title, unit, link, linkTitle string
	width                        int
	known                        bool // values that are not known say so
}

// Targets are the queries in Grafana's words.
func (p *panel) targets(s source) []cog.Builder[variants.Dataquery] {
	var out []cog.Builder[variants.Dataquery]
	for i, q := range p.queries {
		m := variants.UnknownDataquery{"refId": string(rune('A' + i)), "datasource": s.ref()}
		switch s.language {
		case promql:
			m["expr"], m["legendFormat"], m["range"] = q.text, q.name, p.kind == course
			m["instant"] = p.kind != course
		case flux:
			m["query"] = q.flux
		default:
			m["query"], m["rawQuery"], m["alias"] = q.text, true, q.name
			m["resultFormat"] = map[bool]string{true: "table", false: "time_series"}[p.kind == list]
		}
		out = append(out, variants.NewUnknownDataqueryBuilderFromObject(m))
	}
	return out
}

// build makes the panel at a place of the grid.
func (p *panel) build(id uint32, at dashboard.GridPos, s source) cog.Builder[dashboard.Panel] {
	switch p.kind {
	case number:
		b := stat.NewPanelBuilder().Id(id).Title(p.title).Description(p.description).GridPos(at).Unit(p.unit).
			Datasource(s.ref()).Targets(p.targets(s)).Thresholds(p.thresholds()).
			ReduceOptions(common.NewReduceDataOptionsBuilder().Calcs([]string{"lastNotNull"})).
			ColorMode(common.BigValueColorModeValue).GraphMode(common.BigValueGraphModeArea).NoValue("no data")
		return b
	case list:
		b := table.NewPanelBuilder().Id(id).Title(p.title).Description(p.description).GridPos(at).Unit(p.unit).
			Datasource(s.ref()).Targets(p.targets(s)).Thresholds(p.thresholds()).NoValue("–")
		for _, name := range sortedNames(p.columns) {
			b.OverrideByName(name, p.columns[name].properties())
			if name == "Time" && s.language == flux {
				b.OverrideByName("_time", p.columns[name].properties())
			}
		}
		if p.sortBy != "" {
			b.WithTransformation(dashboard.DataTransformerConfig{Id: "sortBy", Options: map[string]any{"sort": []map[string]any{{"field": p.sortBy, "desc": true}}}}).
				WithTransformation(dashboard.DataTransformerConfig{Id: "limit", Options: map[string]any{"limitField": 50}})
		}
		if p.timeFrom != "" {
			b.TimeFrom(p.timeFrom)
		}
		return b
	}
	b := timeseries.NewPanelBuilder().Id(id).Title(p.title).Description(p.description).GridPos(at).Unit(p.unit).
		Datasource(s.ref()).Targets(p.targets(s)).Thresholds(p.thresholds()).NoValue("no data").
		LineWidth(2).ShowPoints(common.VisibilityModeAuto).SpanNulls(common.BoolOrFloat64{Bool: cog.ToPtr(false)}).
		Legend(common.NewVizLegendOptionsBuilder().ShowLegend(true).DisplayMode(common.LegendDisplayModeList).Placement(common.LegendPlacementBottom).Calcs([]string{})).
		Tooltip(common.NewVizTooltipOptionsBuilder().Mode(common.TooltipDisplayModeMulti).Sort(common.SortOrderDescending))
	if p.max != 0 {
		b.Min(0).Max(p.max)
	}
	return b
}

func (p *panel) thresholds() cog.Builder[dashboard.ThresholdsConfig] {
	steps := []dashboard.Threshold{{Color: "green"}}
	if p.warn != 0 || p.bad != 0 {
		steps = append(steps, dashboard.Threshold{Value: &p.warn, Color: "orange"}, dashboard.Threshold{Value: &p.bad, Color: "red"})
	}
	return dashboard.NewThresholdsConfigBuilder().Mode(dashboard.ThresholdsModeAbsolute).Steps(steps)
}

func (c column) properties() []dashboard.DynamicConfigValue {
	var out []dashboard.DynamicConfigValue
	if c.title != "" {
		out = append(out, dashboard.DynamicConfigValue{Id: "displayName", Value: c.title})
	}
	if c.known {
		out = append(out, dashboard.DynamicConfigValue{Id: "mappings", Value: []map[string]any{{"type": "range", "options": map[string]any{"from": -2e9, "to": -1e8, "result": map[string]any{"text": "not known"}}}}})
	}
	if c.unit != "" {
		out = append(out, dashboard.DynamicConfigValue{Id: "unit", Value: c.unit})
	}
	if c.width != 0 {
		out = append(out, dashboard.DynamicConfigValue{Id: "custom.width", Value: c.width})
	}
	if c.link != "" {
		out = append(out, dashboard.DynamicConfigValue{Id: "links", Value: []map[string]any{{"title": c.linkTitle, "url": c.link}}})
	}
	return out
}
