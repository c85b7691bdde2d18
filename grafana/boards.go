package grafana

// unknown is the condition that leaves out values which are not known; the database
// cannot hold NaN (package influx, Missing).
const unknown = `> -100000000`

// daily sums a roll-up of the customers over the parts of the fleet, a point a day.
func daily(field string) string {
	return `SELECT sum("` + field + `") FROM "rollup_fleet" WHERE "detector" = 'customer' AND $timeFilter GROUP BY time(1d) fill(none)`
}

// ofMeter is a field of the meter that the variable names, a point a day.
func ofMeter(field string) query {
	return query{field, `SELECT "` + field + `" FROM "score" WHERE "meter" = '$meter' AND "detector" = 'customer' AND "` + field + `" ` + unknown + ` AND $timeFilter`}
}

// meterLink leads from a list to the dashboard of one meter.
var meterLink = column{title: "meter", link: "/d/flatwatt-meter?var-meter=${__value.raw}&${__url_time_range}", linkTitle: "Show this meter"}

// top20 are the parts of the network with most of field on one day of the range.
func top20(field, of string) []query {
	return []query{{"", `SELECT top("` + field + `", "` + of + `", 20) AS "` + field + `" FROM "rollup_` + of + `" WHERE "detector" = 'customer' AND $timeFilter`}}
}

var ranked = panel{
	kind: list, title: "Likeliest suspects", unit: "short", width: 24, height: 12,
	description: "The latest day's ranks: probability that the meter hides a miner, and the kW of the block that was added. At most 50; follow a meter for its evidence.",
	queries: []query{{"", `SELECT "meter_id", "probability", "block_kw" FROM "top" WHERE "detector" = 'customer' AND "meter_id" != '' AND "block_kw" ` + unknown +
		` AND $timeFilter GROUP BY "rank" ORDER BY time DESC LIMIT 1`}},
	columns: map[string]column{
		"Time": {title: "day", unit: "dateTimeAsIso", width: 180}, "rank": {width: 80}, "meter_id": meterLink,
		"probability": {unit: "percentunit"}, "block_kw": {title: "block", unit: "kwatt"},
	},
}

var fleetBoard = board{
	uid: "flatwatt-fleet", title: "flatwatt · fleet", source: influxSource, from: "now-30d",
	description: "How much mining is suspected in the whole fleet, and how it changes.",
	panels: []panel{
		{kind: number, title: "Suspects", unit: "short", width: 6, height: 5, description: "Customers at or above the alarm threshold on the latest day.", queries: []query{{"suspects", daily("suspects")}}},
		{kind: number, title: "Suspected power", unit: "kwatt", width: 6, height: 5, description: "Sum of the suspects' added blocks; a block of unknown size adds nothing.", queries: []query{{"kW", daily("suspected_kw")}}},
		{kind: number, title: "Suspected hashrate, at most", unit: "Hs", width: 6, height: 5, description: "Upper end of the range that the blocks' kW allow, by the efficiency of known machines.",
			queries: []query{{"hashrate", `SELECT sum("hashrate_high_ths") * 1000000000000 FROM "rollup_fleet" WHERE "detector" = 'customer' AND $timeFilter GROUP BY time(1d) fill(none)`}}},
		{kind: number, title: "Meters scored", unit: "short", width: 6, height: 5, description: "Customers that had a day judged or found not to have enough data.", queries: []query{{"meters", daily("scored")}}},
		{kind: course, title: "Suspects and ended blocks", unit: "short", width: 12, height: 9, description: "Meters in each state, by day. Ended: a suspected block that has vanished.",
			queries: []query{{"suspects", daily("suspects")}, {"ended", daily("ended")}}},
		{kind: course, title: "Suspected power", unit: "kwatt", width: 12, height: 9, description: "Sum of the suspects' added blocks, by day.", queries: []query{{"kW", daily("suspected_kw")}}},
		{kind: course, title: "Change of the number of suspects", unit: "short", width: 12, height: 9, description: "Suspects more (or fewer) than the day before: the alarm load of a day.",
			queries: []query{{"change", `SELECT difference(sum("suspects")) FROM "rollup_fleet" WHERE "detector" = 'customer' AND $timeFilter GROUP BY time(1d) fill(none)`}}},
		{kind: course, title: "Transformers and feeders suspected", unit: "short", width: 12, height: 9, description: "Balances whose unexplained part looks like a miner past the meters.",
			queries: []query{{"transformers", gridDaily("transformer")}, {"feeders", gridDaily("feeder")}}},
		ranked,
	},
}

func gridDaily(detector string) string {
	return `SELECT sum("suspects") FROM "rollup_fleet" WHERE "detector" = '` + detector + `' AND $timeFilter GROUP BY time(1d) fill(none)`
}

var suspectsBoard = board{
	uid: "flatwatt-suspects", title: "flatwatt · suspects", source: influxSource, from: "now-30d",
	description: "Who ranks highest, and where they are.",
	panels: []panel{
		ranked,
		{kind: course, title: "Probability of the first ten ranks", unit: "percentunit", max: 1, width: 12, height: 9, description: "Whoever held the rank on each day; a list that moves is a list to look at.",
			queries: []query{{"rank $tag_rank", `SELECT max("probability") FROM "top" WHERE "detector" = 'customer' AND "rank" =~ /^(0[1-9]|10)$/ AND "probability" ` + unknown + ` AND $timeFilter GROUP BY time(1d), "rank" fill(none)`}}},
		{kind: list, title: "Feeders with most suspects", unit: "short", width: 6, height: 9, description: "The day with most suspects of each of the twenty feeders that had most.", queries: top20("suspects", "feeder"), columns: dayColumns("feeder", "")},
		{kind: list, title: "Transformers with most suspected power", unit: "kwatt", width: 6, height: 9, description: "The day with most suspected kW of each of the twenty transformers that had most.", queries: top20("suspected_kw", "transformer"), columns: dayColumns("transformer", "kwatt")},
	},
}

func dayColumns(of, unit string) map[string]column {
	return map[string]column{"Time": {title: "day", unit: "dateTimeAsIso"}, of: {link: "/d/flatwatt-grid?var-" + of + "=${__value.raw}&${__url_time_range}", linkTitle: "Show it"}, "suspected_kw": {unit: unit}}
}

var meterBoard = board{
	uid: "flatwatt-meter", title: "flatwatt · meter", source: influxSource, from: "now-120d",
	description: "One meter: what was scored and why.",
	variables: []variable{
		{name: "meter", label: "Meter", description: "Service point as the register names it; the suspects' list fills it in."},
		{name: "console", label: "Console", description: "Address of flatwatt's page, for links.", value: "http://127.0.0.1:8080"},
	},
	annotation: `SELECT "state" FROM "score" WHERE "meter" = '$meter' AND "detector" = 'customer' AND "state" = 'suspect' AND $timeFilter`,
	panels: []panel{
		{kind: number, title: "Probability", unit: "percentunit", width: 6, height: 5, warn: 0.2, bad: 0.65, description: "That the meter hides a miner; calibrated. Red is the shipped alarm threshold.", queries: []query{ofMeter("probability")}},
		{kind: number, title: "Block", unit: "kwatt", width: 6, height: 5, description: "Mean power of the suspected block.", queries: []query{ofMeter("block_kw")}},
		{kind: number, title: "Energy since onset", unit: "kwatth", width: 6, height: 5, description: "Of the suspected block.", queries: []query{ofMeter("energy_kwh")}},
		{kind: number, title: "Valid share", unit: "percentunit", width: 6, height: 5, description: "Of the latest day's intervals that were read and not estimated.", queries: []query{ofMeter("valid_share")}},
		{kind: list, title: "Latest judgement", unit: "short", width: 24, height: 6, description: "State, model and estimates with their 90 % intervals; evidence as JSON, strongest first, in log-odds. The console tells it in words.",
			queries: []query{{"", `SELECT "state", "model", "schedule", "block_low_kw", "block_kw", "block_high_kw", "units_low", "units_high", "evidence" FROM "score" WHERE "meter" = '$meter' AND "detector" = 'customer' AND $timeFilter ORDER BY time DESC LIMIT 1`}},
			columns: map[string]column{"Time": {title: "day", unit: "dateTimeAsIso"}, "state": {link: "${console}/meters/${meter}", linkTitle: "Open in the console"}, "block_low_kw": {unit: "kwatt"}, "block_kw": {unit: "kwatt"}, "block_high_kw": {unit: "kwatt"}}},
		{kind: course, title: "Probability", unit: "percentunit", max: 1, width: 12, height: 9, warn: 0.2, bad: 0.65, description: "By day; marks are days on which the meter was a suspect.", queries: []query{ofMeter("probability")}},
		{kind: course, title: "Load and block", unit: "kwatt", width: 12, height: 9, description: "Daily mean and floor of the load, and the suspected block with its 90 % interval.",
			queries: []query{ofMeter("mean_kw"), ofMeter("floor_kw"), ofMeter("block_kw"), ofMeter("block_low_kw"), ofMeter("block_high_kw")}},
		{kind: course, title: "Evidence", unit: "short", width: 12, height: 9, description: "Log-odds of all evidence, and the logarithm of the e-value that promised lists are made from.", queries: []query{ofMeter("log_odds"), ofMeter("log_e_value")}},
		{kind: course, title: "Shape", unit: "percentunit", width: 12, height: 9, description: "Load factor, base load's share and night over day: near 1 for what never sleeps.", queries: []query{ofMeter("load_factor"), ofMeter("baseload_share"), ofMeter("night_day")}},
	},
}

// ofNode is a field of a roll-up of the feeder or transformer that the variable names.
func ofNode(node, field string) query {
	return query{field, `SELECT sum("` + field + `") FROM "rollup_` + node + `" WHERE "` + node + `" = '$` + node + `' AND "detector" = 'customer' AND $timeFilter GROUP BY time(1d) fill(none)`}
}

// balanceOf is a field of the score of a transformer's or feeder's own balance.
func balanceOf(node, field string) query {
	return query{field, `SELECT "` + field + `" FROM "score" WHERE "meter" = '$` + node + `' AND "detector" = '` + node + `' AND "` + field + `" ` + unknown + ` AND $timeFilter`}
}

var gridBoard = board{
	uid: "flatwatt-grid", title: "flatwatt · grid", source: influxSource, from: "now-60d",
	description: "A feeder and a transformer: their suspects, and what their balance cannot explain.",
	variables: []variable{
		{name: "feeder", label: "Feeder", description: "The first thousand are listed.", query: `SHOW TAG VALUES FROM "rollup_feeder" WITH KEY = "feeder" LIMIT 1000`},
		{name: "transformer", label: "Transformer", description: "The first thousand are listed.", query: `SHOW TAG VALUES FROM "rollup_transformer" WITH KEY = "transformer" LIMIT 1000`},
	},
	panels: []panel{
		{kind: course, title: "Suspects below the feeder", unit: "short", width: 12, height: 9, description: "By day.", queries: []query{ofNode("feeder", "suspects"), ofNode("feeder", "ended")}},
		{kind: course, title: "Suspected power below the feeder", unit: "kwatt", width: 12, height: 9, description: "Sum of the suspects' blocks, by day.", queries: []query{ofNode("feeder", "suspected_kw")}},
		{kind: course, title: "Suspects below the transformer", unit: "short", width: 12, height: 9, description: "By day.", queries: []query{ofNode("transformer", "suspects"), ofNode("transformer", "ended")}},
		{kind: course, title: "Suspected power below the transformer", unit: "kwatt", width: 12, height: 9, description: "Sum of the suspects' blocks, by day.", queries: []query{ofNode("transformer", "suspected_kw")}},
		{kind: course, title: "Transformer: miner past the meters", unit: "percentunit", max: 1, width: 12, height: 9, warn: 0.2, bad: 0.65, description: "Probability that input less meters less losses hides a miner.", queries: []query{balanceOf("transformer", "probability")}},
		{kind: course, title: "Transformer: unexplained power", unit: "kwatt", width: 12, height: 9, description: "Daily mean and floor of input less meters less losses.", queries: []query{balanceOf("transformer", "mean_kw"), balanceOf("transformer", "floor_kw")}},
		{kind: list, title: "Feeders with most suspected power", unit: "kwatt", width: 24, height: 9, description: "The day with most suspected kW of each of the twenty feeders that had most.", queries: top20("suspected_kw", "feeder"), columns: dayColumns("feeder", "kwatt")},
	},
}

var qualityBoard = board{
	uid: "flatwatt-quality", title: "flatwatt · data quality", source: influxSource, from: "now-30d",
	description: "How much of the fleet can be judged at all.",
	panels: []panel{
		{kind: number, title: "Not enough data", unit: "percentunit", width: 8, height: 5, warn: 0.05, bad: 0.2, description: "Share of the scored meters without enough valid days to be judged.",
			queries: []query{{"share", `SELECT sum("not_enough_data") / sum("scored") FROM "rollup_fleet" WHERE "detector" = 'customer' AND $timeFilter GROUP BY time(1d) fill(none)`}}},
		{kind: number, title: "Meter faults", unit: "short", width: 8, height: 5, warn: 1, bad: 100, description: "Meters whose register stands still.", queries: []query{{"faults", daily("meter_faults")}}},
		{kind: number, title: "Judged", unit: "short", width: 8, height: 5, description: "Meters that are neither suspects nor out of order.", queries: []query{{"normal", daily("normal")}}},
		{kind: course, title: "What cannot be judged", unit: "short", width: 24, height: 9, description: "Meters by day.", queries: []query{{"not enough data", daily("not_enough_data")}, {"meter faults", daily("meter_faults")}}},
		{kind: list, title: "Transformers with most meters that lack data", unit: "short", width: 12, height: 10, description: "Twenty of them: often one concentrator is silent.", queries: top20("not_enough_data", "transformer"), columns: dayColumns("transformer", "")},
		{kind: list, title: "Feeders with most meters that lack data", unit: "short", width: 12, height: 10, description: "Twenty of them.", queries: top20("not_enough_data", "feeder"), columns: dayColumns("feeder", "")},
	},
}

var healthBoard = board{
	uid: "flatwatt-health", title: "flatwatt · health", source: prometheusSource, from: "now-24h",
	description: "flatwatt itself: is it behind, does it write, would a restart be quick.",
	panels: []panel{
		{kind: number, title: "Messages behind", unit: "short", width: 6, height: 5, warn: 10000, bad: 1000000, description: "Messages of the stream that the slowest part has not scored.", queries: []query{{"behind", `max(scalar(max(flatwatt_stream_last_sequence)) - flatwatt_position)`}}},
		{kind: number, title: "Readings a second", unit: "short", width: 6, height: 5, description: "Scored, all workers.", queries: []query{{"readings", `sum(rate(flatwatt_readings_total[$__rate_interval]))`}}},
		{kind: number, title: "Oldest checkpoint", unit: "s", width: 6, height: 5, warn: 3600, bad: 93600, description: "Age of the oldest part's last checkpoint: what a restart repeats.", queries: []query{{"age", `time() - min(flatwatt_checkpoint_timestamp_seconds)`}}},
		{kind: number, title: "Latest reading", unit: "s", width: 6, height: 5, warn: 43200, bad: 93600, description: "Age of the newest interval scored. Head-ends that deliver once a day make half a day normal.", queries: []query{{"age", `time() - max(flatwatt_latest_reading_timestamp_seconds)`}}},
		{kind: course, title: "Readings and rejects a second", unit: "short", width: 12, height: 9, description: "What is scored, and what could not be taken.", queries: []query{{"readings", `sum(rate(flatwatt_readings_total[$__rate_interval]))`}, {"rejects", `sum(rate(flatwatt_rejected_total[$__rate_interval]))`}}},
		{kind: course, title: "Behind, by part", unit: "short", width: 12, height: 9, description: "Messages not scored yet; the ten parts furthest behind.", queries: []query{{"{{part}}", `topk(10, scalar(max(flatwatt_stream_last_sequence)) - flatwatt_position)`}}},
		{kind: course, title: "Time a batch", unit: "s", width: 12, height: 9, description: "90th percentile of scoring a batch, an attempt to write, and a checkpoint.",
			queries: []query{{"score", q90("score")}, {"write", q90("write")}, {"save", q90("save")}}},
		{kind: course, title: "Writes tried again", unit: "short", width: 12, height: 9, description: "Failed attempts a second, by what was done: the database or NATS is in trouble.", queries: []query{{"{{doing}}", `sum by (doing) (rate(flatwatt_retries_total[$__rate_interval]))`}}},
		{kind: course, title: "Partitions owned and leases", unit: "short", width: 12, height: 9, description: "Owned by each worker, and renewals it has missed in a row.", queries: []query{{"owned {{instance}}", `flatwatt_partitions_owned`}, {"missed {{instance}}", `flatwatt_lease_renewals_missed`}}},
		{kind: course, title: "Size of the state", unit: "bytes", width: 12, height: 9, description: "Of all parts' last checkpoints.", queries: []query{{"state", `sum(flatwatt_state_bytes)`}}},
	},
}

func q90(what string) string {
	return `histogram_quantile(0.9, sum by (le) (rate(flatwatt_` + what + `_seconds_bucket[$__rate_interval])))`
}

var boards = []board{fleetBoard, suspectsBoard, meterBoard, gridBoard, qualityBoard, healthBoard}
