package grafana

import (
	"fmt"

	"github.com/goccy/go-yaml"
)

// A rule is an alert: the last value of a query, held against a threshold.
type rule struct {
	uid, title, severity string
	summary, remedy      string
	days                 int // that the query looks back: scores come once a day
	query                query
	above                float64
	onSilence            string // Grafana's state where the query has no rows; "": OK
}

// rules are those on scores. flatwatt's own health is watched by Prometheus,
// deploy/prometheus/rules.yml.
func rules(o Options) []rule {
	nodes := query{"suspects",
		`SELECT sum("suspects") FROM "rollup_fleet" WHERE "detector" =~ /^(transformer|feeder)$/ AND $timeFilter GROUP BY time(1d) fill(none)`,
		fluxFrom("rollup_fleet", "suspects") + "\n  |> filter(fn: (r) => r.detector == \"transformer\" or r.detector == \"feeder\")\n  |> group()\n  |> " + fmt.Sprintf(aDay, "sum") + named("suspects")}
	block := query{"block_kw",
		`SELECT max("block_kw") FROM "top" WHERE "block_kw" ` + known + ` AND ` + influxQL([]where{of("customer")}) + ` GROUP BY time(1d) fill(none)`,
		fluxFrom("top", "block_kw", of("customer")) + "\n  |> filter(fn: (r) => r._value > -100000000.0)\n  |> group()\n  |> " + fmt.Sprintf(aDay, "max") + named("block_kw")}
	return []rule{
		{uid: "flatwatt-suspect", title: "A new suspect of high priority", severity: "page", days: 3, above: 0, query: fleet("new", "new_high"),
			summary: "On the latest day a meter became a suspect with a probability of 0.9 or more.", remedy: "Open the list of suspects; acknowledge or shelve it in the console."},
		{uid: "flatwatt-block", title: "A suspected block is large", severity: "page", days: 3, above: o.BlockKW, query: block,
			summary: fmt.Sprintf("A suspect's block is above %g kW.", o.BlockKW), remedy: "Order a desk review today; a container or a farm has this size."},
		{uid: "flatwatt-balance", title: "A transformer or feeder loses flat power", severity: "warn", days: 3, above: 0, query: nodes,
			summary: "What a balance cannot explain looks like a miner past the meters.", remedy: "Open the grid dashboard for the node, then its likeliest customers in the console."},
		{uid: "flatwatt-cluster", title: "Many blocks began together", severity: "warn", days: 3, above: 0, query: daily("suspects", "rollup_fleet", "suspects", of("cluster")),
			summary: "Below one transformer or feeder several flat blocks began within days.", remedy: "Open the case in the console; inspect its members on one day."},
		{uid: "flatwatt-plant", title: "A plant gives less than it should", severity: "warn", days: 3, above: 0, query: daily("suspects", "rollup_fleet", "suspects", of("generator")),
			summary: "A plant has a flat deficit that water, dispatch and outages do not explain.", remedy: "Open the plants dashboard; compare with the dispatch log; ask the plant."},
		{uid: "flatwatt-suspects-many", title: "More suspects stand than people can work on", severity: "warn", days: 3, above: o.Standing, query: fleet("suspects", "suspects"),
			summary: fmt.Sprintf("More than %g suspects stand at once.", o.Standing), remedy: "Work the list from the top, or lower the budget of false alarms."},
		{uid: "flatwatt-budget", title: "The budget of alarms is used up", severity: "warn", days: 30, above: o.PerMonth, query: alarmRate(),
			summary: fmt.Sprintf("In 30 days there were more than %g alarms per 1,000 meter-months.", o.PerMonth), remedy: "See the re-scoring and models dashboard: a new model, a campaign, or data that changed. docs/guarantees.md tells how to choose a budget."},
		{uid: "flatwatt-unjudged", title: "Much of the fleet cannot be judged", severity: "warn", days: 3, above: o.Unjudged, query: share("share", "rollup_fleet", "not_enough_data", "scored", of("customer")),
			summary: fmt.Sprintf("More than %g of the meters has not enough data.", o.Unjudged), remedy: "Open the data-quality dashboard; a silent concentrator is the usual cause. In the first four weeks this is normal."},
		{uid: "flatwatt-no-scores", title: "No scores come", severity: "warn", days: 3, above: 0, onSilence: "Alerting", query: silence(),
			summary: "For three days no meter was scored.", remedy: "See the health dashboard; ask the head-end whether it delivers."},
	}
}

// alarmRate is alarms per 1,000 meter-months over the range, a month being 30 days.
func alarmRate() query {
	return query{"alarms",
		`SELECT sum("new_suspects") * 30000 / sum("scored") FROM "rollup_fleet" WHERE ` + influxQL([]where{of("customer")}),
		fluxFrom("rollup_fleet", "new_suspects scored", of("customer")) + "\n  |> toFloat()\n  |> group(columns: [\"_field\"])\n  |> sum()\n  |> group()" +
			"\n  |> map(fn: (r) => ({_time: v.timeRangeStop, _field: r._field, _value: r._value}))" +
			"\n  |> pivot(rowKey: [\"_time\"], columnKey: [\"_field\"], valueColumn: \"_value\")" +
			"\n  |> filter(fn: (r) => r.scored > 0.0)\n  |> map(fn: (r) => ({_time: r._time, _value: r.new_suspects * 30000.0 / r.scored}))" + named("alarms")}
}

// silence is 1 where days are there but nothing was scored on them; no rows at all are
// what the rule is for.
func silence() query {
	return query{"silent",
		`SELECT 0 * sum("scored") FROM "rollup_fleet" WHERE ` + influxQL(nil) + ` GROUP BY time(1d) fill(none)`,
		fluxFrom("rollup_fleet", "scored") + "\n  |> group()\n  |> " + fmt.Sprintf(aDay, "sum") + "\n  |> map(fn: (r) => ({r with _value: 0}))" + named("silent")}
}

// The shape of Grafana's file provisioning for alert rules.
type (
	ruleFile struct {
		APIVersion int         `yaml:"apiVersion"`
		Groups     []ruleGroup `yaml:"groups"`
	}
	ruleGroup struct {
		OrgID    int        `yaml:"orgId"`
		Name     string     `yaml:"name"`
		Folder   string     `yaml:"folder"`
		Interval string     `yaml:"interval"`
		Rules    []ruleYAML `yaml:"rules"`
	}
	ruleYAML struct {
		UID          string            `yaml:"uid"`
		Title        string            `yaml:"title"`
		Condition    string            `yaml:"condition"`
		For          string            `yaml:"for"`
		NoDataState  string            `yaml:"noDataState"`
		ExecErrState string            `yaml:"execErrState"`
		Labels       map[string]string `yaml:"labels"`
		Annotations  map[string]string `yaml:"annotations"`
		Data         []ruleData        `yaml:"data"`
	}
	ruleData struct {
		RefID string     `yaml:"refId"`
		Range *ruleRange `yaml:"relativeTimeRange,omitempty"`
		UID   string     `yaml:"datasourceUid"`
		Model ruleModel  `yaml:"model"`
	}
	ruleRange struct {
		From int `yaml:"from"` // seconds before now
		To   int `yaml:"to"`
	}
	ruleModel struct {
		RefID        string          `yaml:"refId"`
		RawQuery     bool            `yaml:"rawQuery,omitempty"`
		ResultFormat string          `yaml:"resultFormat,omitempty"`
		Query        string          `yaml:"query,omitempty"`
		Type         string          `yaml:"type,omitempty"`
		Expression   string          `yaml:"expression,omitempty"`
		Reducer      string          `yaml:"reducer,omitempty"`
		Settings     *ruleSettings   `yaml:"settings,omitempty"`
		Conditions   []ruleCondition `yaml:"conditions,omitempty"`
	}
	ruleSettings struct {
		Mode string `yaml:"mode"`
	}
	ruleCondition struct {
		Evaluator ruleEvaluator `yaml:"evaluator"`
	}
	ruleEvaluator struct {
		Type   string    `yaml:"type"`
		Params []float64 `yaml:"params"`
	}
)

const rulesHead = `# Alert rules on the scores, for Grafana's own alerting; made by flatwatt grafana. Scores come
# once a day, so rules look at the last days and take the latest; no data is no alarm but
# where the rule says so. flatwatt's own health: deploy/prometheus/rules.yml.
`

func rulesFile(o Options, s source) ([]byte, error) {
	group := ruleGroup{OrgID: 1, Name: "flatwatt", Folder: "flatwatt", Interval: "10m"}
	for _, r := range rules(o) {
		group.Rules = append(group.Rules, r.yaml(s))
	}
	text, err := yaml.MarshalWithOptions(ruleFile{APIVersion: 1, Groups: []ruleGroup{group}}, yaml.UseLiteralStyleIfMultiline(true), yaml.IndentSequence(true))
	return append([]byte(rulesHead), text...), err
}

func (r *rule) yaml(s source) ruleYAML {
	ask := ruleModel{RefID: "A", Query: r.query.in(s.language)}
	if s.language == influxql {
		ask.RawQuery, ask.ResultFormat = true, "time_series"
	}
	silent := r.onSilence
	if silent == "" {
		silent = "OK"
	}
	return ruleYAML{
		UID: r.uid, Title: r.title, Condition: "C", For: "0s", NoDataState: silent, ExecErrState: "Error",
		Labels: map[string]string{"severity": r.severity}, Annotations: map[string]string{"summary": r.summary, "remedy": r.remedy},
		Data: []ruleData{
			{RefID: "A", Range: &ruleRange{From: r.days * 86400}, UID: s.uid, Model: ask},
			{RefID: "B", UID: "__expr__", Model: ruleModel{RefID: "B", Type: "reduce", Expression: "A", Reducer: "last", Settings: &ruleSettings{Mode: "dropNN"}}},
			{RefID: "C", UID: "__expr__", Model: ruleModel{RefID: "C", Type: "threshold", Expression: "B", Conditions: []ruleCondition{{ruleEvaluator{"gt", []float64{r.above}}}}}},
		},
	}
}
