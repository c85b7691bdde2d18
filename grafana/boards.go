package grafana

import (
	"fmt"
	"strings"
)

// boards are all dashboards of a site.
func boards(o Options) []board {
	all := []board{fleetBoard(o), suspectsBoard(), meterBoard(o), gridBoard(o), plantsBoard(o), qualityBoard(o), modelsBoard(), healthBoard()}
	for i := range all {
		for j := range all[i].variables {
			if v := &all[i].variables[j]; v.name == "console" {
				v.value = o.Console
			}
		}
	}
	return all
}

// one and several make the queries of a panel.
func one(q query) []query         { return []query{q} }
func several(qs ...query) []query { return qs }

// fleet is a roll-up of all customers; nodes that of transformers, feeders or plants.
func fleet(name, field string) query { return daily(name, "rollup_fleet", field, of("customer")) }

func nodes(name, field, detector string) query {
	return daily(name, "rollup_fleet", field, of(detector))
}

// meterLink leads from a list to the dashboard of one meter.
var meterLink = column{title: "meter", link: "/d/flatwatt-meter?var-meter=${__value.raw}&${__url_time_range}", linkTitle: "Show this meter"}

// day is the column of a list's time.
var day = column{title: "day", unit: "dateTimeAsIso", width: 180}

// rankedPanel is a list of suspects of one detector.
func rankedPanel(detector, title, description string, meter column) panel {
	return panel{kind: list, title: title, unit: "short", width: 24, height: 12, description: description, queries: ranks(detector), sortBy: "probability",
		columns: map[string]column{"Time": day, "meter_id": meter, "probability": {unit: "percentunit"}, "block_kw": {title: "block", unit: "kwatt", known: true}}}
}

func customersRanked() panel {
	return rankedPanel("customer", "Likeliest suspects", "The latest day's ranks: probability that the meter hides a miner, and the kW of the block that was added. At most 50; follow a meter for its evidence.", meterLink)
}

func fleetBoard(o Options) board {
	return board{
		uid: "flatwatt-fleet", title: "flatwatt · fleet", from: "now-30d", notes: []note{models, rescored, loudDays},
		description: "How much mining is suspected in the whole fleet, and how it changes.",
		panels: []panel{
			{kind: number, title: "Suspects", unit: "short", width: 5, height: 5, warn: o.Standing / 2, bad: o.Standing, description: "Customers at or above the alarm threshold on the latest day.", queries: one(fleet("suspects", "suspects"))},
			{kind: number, title: "New suspects", unit: "short", width: 4, height: 5, warn: o.NewADay / 2, bad: o.NewADay, description: "Customers whose first alarm is of the latest day.", queries: one(fleet("new", "new_suspects"))},
			{kind: number, title: "Suspected power", unit: "kwatt", width: 5, height: 5, description: "Sum of the suspects' added blocks; a block of unknown size adds nothing.", queries: one(fleet("kW", "suspected_kw"))},
			{kind: number, title: "Suspected hashrate, at most", unit: "Hs", width: 5, height: 5, description: "Upper end of the range that the blocks' kW allow, by the efficiency of known machines.",
				queries: one(scaled("hashrate", "rollup_fleet", "hashrate_high_ths", 1e12, of("customer")))},
			{kind: number, title: "Meters scored", unit: "short", width: 5, height: 5, description: "Customers that had a day judged or found not to have enough data.", queries: one(fleet("meters", "scored"))},
			{kind: course, title: "Suspects and ended blocks", unit: "short", width: 12, height: 9, description: "Meters in each state, by day. Ended: a suspected block that has vanished.",
				queries: several(fleet("suspects", "suspects"), fleet("ended", "ended"))},
			{kind: course, title: "Suspected power", unit: "kwatt", width: 12, height: 9, description: "Sum of the suspects' added blocks, by day.", queries: one(fleet("kW", "suspected_kw"))},
			{kind: course, title: "Alarms a day", unit: "short", width: 12, height: 9, description: "New suspects, those of high priority among them, and the change of the number that stands.",
				queries: several(fleet("new", "new_suspects"), fleet("new, high priority", "new_high"), change("change", "rollup_fleet", "suspects", of("customer")))},
			{kind: course, title: "Transformers, feeders and clusters suspected", unit: "short", width: 12, height: 9, description: "Balances whose unexplained part looks like a miner past the meters, and many blocks of one week below one node.",
				queries: several(nodes("transformers", "suspects", "transformer"), nodes("feeders", "suspects", "feeder"), nodes("clusters", "suspects", "cluster"))},
			customersRanked(),
		},
	}
}

func suspectsBoard() board {
	firstTen := query{"rank $tag_rank",
		`SELECT max("probability") FROM "top" WHERE "rank" =~ /^(0[1-9]|10)$/ AND "probability" ` + known + ` AND ` + influxQL([]where{of("customer")}) + ` GROUP BY time(1d), "rank" fill(none)`,
		fluxFrom("top", "probability", of("customer")) + "\n  |> filter(fn: (r) => r.rank =~ /^(0[1-9]|10)$/ and r._value > -100000000.0)\n  |> group(columns: [\"rank\"])\n  |> " + fmt.Sprintf(aDay, "max") + named("", "rank")}
	return board{
		uid: "flatwatt-suspects", title: "flatwatt · suspects", from: "now-30d", notes: []note{models, rescored},
		description: "Who ranks highest, who is new, and where they are.",
		panels: []panel{
			customersRanked(),
			{kind: list, title: "New this week", unit: "short", width: 12, height: 10, timeFrom: "7d", description: "Alarms that began in the last seven days, the latest hundred.", queries: alarms(of("customer")),
				columns: map[string]column{"Time": {title: "since", unit: "dateTimeAsIso", width: 180}, "meter": meterLink, "probability": {unit: "percentunit"}, "block_kw": {title: "block", unit: "kwatt", known: true}}},
			{kind: course, title: "Probability of the first ten ranks", unit: "percentunit", max: 1, width: 12, height: 10, description: "Whoever held the rank on each day; a list that moves is a list to look at.", queries: one(firstTen)},
			{kind: list, title: "Areas with most suspected power", unit: "kwatt", width: 6, height: 9, description: "The day with most suspected kW of each of the twenty regions of the register that had most.", queries: top20("rollup_region", "suspected_kw", "region", of("customer")), columns: map[string]column{"Time": day, "suspected_kw": {unit: "kwatt"}}},
			{kind: list, title: "Classes with most suspects", unit: "short", width: 6, height: 9, description: "The day with most suspects of each class of the register, at most twenty.", queries: top20("rollup_class", "suspects", "class", of("customer")), columns: map[string]column{"Time": day}},
			{kind: list, title: "Feeders with most suspects", unit: "short", width: 6, height: 9, description: "The day with most suspects of each of the twenty feeders that had most.", queries: top20("rollup_feeder", "suspects", "feeder", of("customer")), columns: dayColumns("feeder", "")},
			{kind: list, title: "Transformers with most suspected power", unit: "kwatt", width: 6, height: 9, description: "The day with most suspected kW of each of the twenty transformers that had most.", queries: topTransformers("suspected_kw"), columns: dayColumns("transformer", "kwatt")},
		},
	}
}

func dayColumns(of, unit string) map[string]column {
	return map[string]column{"Time": day, of: {link: "/d/flatwatt-grid?var-" + of + "=${__value.raw}&${__url_time_range}", linkTitle: "Show it"}, "suspected_kw": {unit: unit}}
}

var consoleVariable = variable{name: "console", label: "Console", description: "Address of flatwatt's page, for links."}

func meterBoard(o Options) board {
	judgement := "state model schedule block_low_kw block_kw block_high_kw units_low units_high evidence"
	kw := column{unit: "kwatt", known: true}
	return board{
		uid: "flatwatt-meter", title: "flatwatt · meter", from: "now-120d", notes: []note{onset, ranges("alarm", "red", "event", where{"meter", "$meter"}, where{"kind", "alarm"}), models},
		description: "One meter: what was scored and why.",
		variables: []variable{
			{name: "meter", label: "Meter", description: "Service point as the register names it; the suspects' list fills it in."},
			onsetAsOf, consoleVariable,
		},
		panels: []panel{
			{kind: number, title: "Probability", unit: "percentunit", width: 6, height: 5, warn: o.Warn, bad: o.Alarm, description: "That the meter hides a miner; calibrated. Red is the model's alarm threshold.", queries: one(ofMeter("probability"))},
			{kind: number, title: "Block", unit: "kwatt", width: 6, height: 5, description: "Mean power of the suspected block.", queries: one(ofMeter("block_kw"))},
			{kind: number, title: "Energy since onset", unit: "kwatth", width: 6, height: 5, description: "Of the suspected block.", queries: one(ofMeter("energy_kwh"))},
			{kind: number, title: "Valid share", unit: "percentunit", width: 6, height: 5, description: "Of the latest day's intervals that were read and not estimated.", queries: one(ofMeter("valid_share"))},
			{kind: list, title: "Latest judgement", unit: "short", width: 24, height: 6, description: "State, model and estimates with their 90 % intervals; evidence as JSON, strongest first, in log-odds. The console tells it in words.", queries: one(latestScore("$meter", "customer", judgement)),
				columns: map[string]column{"Time": day, "state": {link: "${console}/meters/${meter}", linkTitle: "Open in the console"}, "block_low_kw": kw, "block_kw": kw, "block_high_kw": kw}},
			{kind: course, title: "Probability", unit: "percentunit", max: 1, width: 12, height: 9, warn: o.Warn, bad: o.Alarm, description: "By day. Blue is when the block may have begun, red the days of alarm, purple the first day of a model.", queries: one(ofMeter("probability"))},
			{kind: course, title: "Load and block", unit: "kwatt", width: 12, height: 9, description: "Daily mean and floor of the load, and the suspected block with its 90 % interval.",
				queries: several(ofMeter("mean_kw"), ofMeter("floor_kw"), ofMeter("block_kw"), ofMeter("block_low_kw"), ofMeter("block_high_kw"))},
			{kind: course, title: "Evidence", unit: "short", width: 12, height: 9, description: "Log-odds of all evidence, and the logarithm of the e-value that promised lists are made from.", queries: several(ofMeter("log_odds"), ofMeter("log_e_value"))},
			{kind: course, title: "Shape", unit: "percentunit", width: 12, height: 9, description: "Load factor, base load's share and night over day: near 1 for what never sleeps.", queries: several(ofMeter("load_factor"), ofMeter("baseload_share"), ofMeter("night_day"))},
		},
	}
}

// ofNode is a field of a roll-up of the feeder or transformer that the variable names.
func ofNode(node, field string) query {
	return daily(strings.ReplaceAll(field, "_", " "), "rollup_"+node, field, where{node, "$" + node}, of("customer"))
}
