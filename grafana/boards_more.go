package grafana

func gridBoard(o Options) board {
	transformers := tagValues("rollup_transformer", "transformer", where{"feeder", "$feeder"})
	suspects := tagValues("event", "meter", where{"transformer", "$transformer"})
	balance := func(node, field string) query { return ofScore("$"+node, node, field) }
	return board{
		uid: "flatwatt-grid", title: "flatwatt · grid", from: "now-60d", notes: []note{rescored, ranges("alarm of the transformer", "red", "event", where{"meter", "$transformer"}, where{"kind", "alarm"})},
		description: "A feeder and a transformer below it: their suspects, and what their balance cannot explain.",
		variables: []variable{
			{name: "feeder", label: "Feeder", description: "The first thousand are listed.", query: tagValues("rollup_feeder", "feeder")},
			{name: "transformer", label: "Transformer", description: "Those below the feeder, the first thousand.", query: transformers},
			{name: "suspect", label: "Suspect", description: "Meters below the transformer that ever were suspects.", query: suspects},
		},
		panels: []panel{
			{kind: course, title: "Suspects below the feeder", unit: "short", width: 12, height: 9, description: "By day.", queries: several(ofNode("feeder", "suspects"), ofNode("feeder", "ended"))},
			{kind: course, title: "Suspected power below the feeder", unit: "kwatt", width: 12, height: 9, description: "Sum of the suspects' blocks, by day.", queries: one(ofNode("feeder", "suspected_kw"))},
			{kind: course, title: "Suspects below the transformer", unit: "short", width: 12, height: 9, description: "By day.", queries: several(ofNode("transformer", "suspects"), ofNode("transformer", "ended"))},
			{kind: course, title: "Suspected power below the transformer", unit: "kwatt", width: 12, height: 9, description: "Sum of the suspects' blocks, by day.", queries: one(ofNode("transformer", "suspected_kw"))},
			{kind: course, title: "Transformer: miner past the meters", unit: "percentunit", max: 1, width: 12, height: 9, warn: o.Warn, bad: o.Alarm, description: "Probability that input less meters less losses hides a miner.", queries: one(balance("transformer", "probability"))},
			{kind: course, title: "Transformer: unexplained power", unit: "kwatt", width: 12, height: 9, description: "Daily mean and floor of input less meters less losses.", queries: several(balance("transformer", "mean_kw"), balance("transformer", "floor_kw"))},
			{kind: list, title: "Transformers of the feeder with most suspected power", unit: "kwatt", width: 12, height: 9, description: "The day with most suspected kW of each of the twenty transformers that had most.", queries: topTransformers("suspected_kw", where{"feeder", "$feeder"}), columns: dayColumns("transformer", "kwatt")},
			{kind: list, title: "Alarms below the transformer", unit: "short", width: 12, height: 9, description: "Suspicions that began in the range.", queries: alarms(where{"transformer", "$transformer"}),
				columns: map[string]column{"Time": {title: "since", unit: "dateTimeAsIso", width: 180}, "meter": meterLink, "probability": {unit: "percentunit"}, "block_kw": {title: "block", unit: "kwatt", known: true}}},
			{kind: course, title: "The chosen suspect", unit: "percentunit", max: 1, width: 12, height: 9, warn: o.Warn, bad: o.Alarm, description: "Probability by day of the meter chosen above.", queries: one(ofScore("$suspect", "customer", "probability"))},
			{kind: list, title: "Feeders with most suspected power", unit: "kwatt", width: 12, height: 9, description: "The day with most suspected kW of each of the twenty feeders that had most.", queries: top20("rollup_feeder", "suspected_kw", "feeder", of("customer")), columns: dayColumns("feeder", "kwatt")},
		},
	}
}

func plantsBoard(o Options) board {
	ofPlant := func(field string) query { return ofScore("$plant", "generator", field) }
	plantLink := column{title: "plant", link: "/d/flatwatt-plants?var-plant=${__value.raw}&${__url_time_range}", linkTitle: "Show this plant"}
	ranked := rankedPanel("generator", "Plants with the likeliest deficit", "The latest day's ranks: probability that the plant supplies a miner directly, and the flat kW that it gives less than water, dispatch and its peers explain. At most 50.", plantLink)
	ranked.columns["block_kw"] = column{title: "deficit", unit: "kwatt", known: true}
	ranked.height = 9
	return board{
		uid: "flatwatt-plants", title: "flatwatt · plants", from: "now-120d", notes: []note{rescored, ranges("alarm", "red", "event", where{"meter", "$plant"}, where{"kind", "alarm"})},
		description: "Power plants: who gives less to the grid than its water allows, by the same kW day after day.",
		variables:   []variable{{name: "plant", label: "Plant", description: "Those that ever were suspects; any other can be typed.", query: tagValues("event", "meter", of("generator"))}},
		panels: []panel{
			{kind: number, title: "Plants suspected", unit: "short", width: 6, height: 5, warn: 1, bad: 5, description: "With a lasting flat deficit on the latest day.", queries: one(nodes("plants", "suspects", "generator"))},
			{kind: number, title: "Missing power", unit: "kwatt", width: 6, height: 5, description: "Sum of the suspected plants' deficits.", queries: one(nodes("kW", "suspected_kw", "generator"))},
			{kind: number, title: "Plants judged", unit: "short", width: 6, height: 5, description: "With enough data and peers on the latest day.", queries: one(nodes("scored", "scored", "generator"))},
			{kind: number, title: "Plants that cannot be judged", unit: "percentunit", width: 6, height: 5, warn: o.Unjudged / 2, bad: o.Unjudged, description: "Share without enough data or peers.", queries: one(share("share", "rollup_fleet", "not_enough_data", "scored", of("generator")))},
			ranked,
			{kind: course, title: "Suspected plants", unit: "short", width: 12, height: 9, description: "By day.", queries: several(nodes("suspects", "suspects", "generator"), nodes("ended", "ended", "generator"))},
			{kind: course, title: "Missing power", unit: "kwatt", width: 12, height: 9, description: "Sum of the suspected plants' deficits, by day.", queries: one(nodes("kW", "suspected_kw", "generator"))},
			{kind: course, title: "One plant: probability", unit: "percentunit", max: 1, width: 12, height: 9, warn: o.Warn, bad: o.Alarm, description: "That the plant chosen above supplies a miner directly.", queries: one(ofPlant("probability"))},
			{kind: course, title: "One plant: deficit", unit: "kwatt", width: 12, height: 9, description: "The flat deficit with its 90 % interval.", queries: several(ofPlant("block_kw"), ofPlant("block_low_kw"), ofPlant("block_high_kw"))},
			{kind: list, title: "One plant: latest judgement", unit: "short", width: 24, height: 5, description: "State, model, hours and evidence as JSON, strongest first.", queries: one(latestScore("$plant", "generator", "state model schedule block_kw evidence")), columns: map[string]column{"Time": day, "block_kw": {unit: "kwatt", known: true}}},
		},
	}
}

func qualityBoard(o Options) board {
	return board{
		uid: "flatwatt-quality", title: "flatwatt · data quality", from: "now-30d", notes: []note{rescored},
		description: "How much of the fleet can be judged at all.",
		panels: []panel{
			{kind: number, title: "Not enough data", unit: "percentunit", width: 8, height: 5, warn: o.Unjudged / 4, bad: o.Unjudged, description: "Share of the scored meters without enough valid days to be judged.", queries: one(share("share", "rollup_fleet", "not_enough_data", "scored", of("customer")))},
			{kind: number, title: "Meter faults", unit: "short", width: 8, height: 5, warn: 1, bad: 100, description: "Meters whose register stands still.", queries: one(fleet("faults", "meter_faults"))},
			{kind: number, title: "Judged", unit: "short", width: 8, height: 5, description: "Meters that are neither suspects nor out of order.", queries: one(fleet("normal", "normal"))},
			{kind: course, title: "What cannot be judged", unit: "short", width: 24, height: 9, description: "Meters by day.", queries: several(fleet("not enough data", "not_enough_data"), fleet("meter faults", "meter_faults"))},
			{kind: list, title: "Transformers with most meters that lack data", unit: "short", width: 8, height: 10, description: "Twenty of them: often one concentrator is silent.", queries: topTransformers("not_enough_data"), columns: dayColumns("transformer", "")},
			{kind: list, title: "Feeders with most meters that lack data", unit: "short", width: 8, height: 10, description: "Twenty of them.", queries: top20("rollup_feeder", "not_enough_data", "feeder", of("customer")), columns: dayColumns("feeder", "")},
			{kind: list, title: "Areas with most meters that lack data", unit: "short", width: 8, height: 10, description: "Twenty regions of the register.", queries: top20("rollup_region", "not_enough_data", "region", of("customer")), columns: map[string]column{"Time": day}},
		},
	}
}

func modelsBoard() board {
	promoted := query{"",
		`SELECT "run", "model", "end_ms", "scores", "at_s" * 1000 AS "live_since" FROM "rescore" WHERE $timeFilter ORDER BY time DESC LIMIT 100`,
		fluxFrom("rescore", "model end_ms scores at_s") + "\n" + asRows("model end_ms scores at_s", "run") +
			"\n  |> map(fn: (r) => ({r with live_since: r.at_s * 1000}))\n  |> drop(columns: [\"at_s\"])\n  |> sort(columns: [\"_time\"], desc: true)\n  |> limit(n: 100)"}
	by := func(field string) []query { return one(dailyBy("rollup_model", field, "model", of("customer"))) }
	return board{
		uid: "flatwatt-models", title: "flatwatt · re-scoring and models", from: "now-90d", notes: []note{models, rescored},
		description: "Which model scored what, how its alarms compare, and what was scored again.",
		panels: []panel{
			{kind: course, title: "Meters scored, by model", unit: "short", width: 12, height: 9, description: "On each day; two lines cross where a model was changed, or a part of the fleet was re-scored.", queries: by("scored")},
			{kind: course, title: "Suspects, by model", unit: "short", width: 12, height: 9, description: "Standing on each day. A jump where lines cross is the model's doing, not the fleet's.", queries: by("suspects")},
			{kind: course, title: "New suspects, by model", unit: "short", width: 12, height: 9, description: "First alarms of each day: the alarm load.", queries: by("new_suspects")},
			{kind: course, title: "Suspected power, by model", unit: "kwatt", width: 12, height: 9, description: "Sum of the suspects' blocks.", queries: by("suspected_kw")},
			{kind: course, title: "Share of suspects", unit: "percentunit", width: 12, height: 9, description: "Of all meters that were scored, by day.", queries: one(share("share", "rollup_fleet", "suspects", "scored", of("customer")))},
			{kind: list, title: "Re-scorings that went live", unit: "short", width: 12, height: 9, description: "First day, run, model and last day; `flatwatt rescore ls` has all runs, `rescore diff` what they changed.", queries: one(promoted),
				columns: map[string]column{"Time": {title: "from", unit: "dateTimeAsIso", width: 180}, "end_ms": {title: "to", unit: "dateTimeAsIso"}, "live_since": {title: "live since", unit: "dateTimeAsIso"}}},
		},
	}
}

func prom(name, text string) query { return query{name, text, text} }

func healthBoard() board {
	q90 := func(what string) query {
		return prom(what, `histogram_quantile(0.9, sum by (le) (rate(flatwatt_`+what+`_seconds_bucket[$__rate_interval])))`)
	}
	return board{
		uid: "flatwatt-health", title: "flatwatt · health", health: true, from: "now-24h",
		description: "flatwatt itself: is it behind, does it write, would a restart be quick.",
		panels: []panel{
			{kind: number, title: "Messages behind", unit: "short", width: 6, height: 5, warn: 10000, bad: 1000000, description: "Messages of the stream that the slowest part has not scored.", queries: one(prom("behind", `max(scalar(max(flatwatt_stream_last_sequence)) - flatwatt_position)`))},
			{kind: number, title: "Readings a second", unit: "short", width: 6, height: 5, description: "Scored, all workers.", queries: one(prom("readings", `sum(rate(flatwatt_readings_total[$__rate_interval]))`))},
			{kind: number, title: "Oldest checkpoint", unit: "s", width: 6, height: 5, warn: 3600, bad: 93600, description: "Age of the oldest part's last checkpoint: what a restart repeats.", queries: one(prom("age", `time() - min(flatwatt_checkpoint_timestamp_seconds)`))},
			{kind: number, title: "Latest reading", unit: "s", width: 6, height: 5, warn: 43200, bad: 93600, description: "Age of the newest interval scored. Head-ends that deliver once a day make half a day normal.", queries: one(prom("age", `time() - max(flatwatt_latest_reading_timestamp_seconds)`))},
			{kind: course, title: "Readings and rejects a second", unit: "short", width: 12, height: 9, description: "What is scored, and what could not be taken.", queries: several(prom("readings", `sum(rate(flatwatt_readings_total[$__rate_interval]))`), prom("rejects", `sum(rate(flatwatt_rejected_total[$__rate_interval]))`))},
			{kind: course, title: "Behind, by part", unit: "short", width: 12, height: 9, description: "Messages not scored yet; the ten parts furthest behind.", queries: one(prom("{{part}}", `topk(10, scalar(max(flatwatt_stream_last_sequence)) - flatwatt_position)`))},
			{kind: course, title: "Time a batch", unit: "s", width: 12, height: 9, description: "90th percentile of scoring a batch, an attempt to write, and a checkpoint.", queries: several(q90("score"), q90("write"), q90("save"))},
			{kind: course, title: "Writes tried again", unit: "short", width: 12, height: 9, description: "Failed attempts a second, by what was done: the database or NATS is in trouble.", queries: one(prom("{{doing}}", `sum by (doing) (rate(flatwatt_retries_total[$__rate_interval]))`))},
			{kind: course, title: "Partitions owned and leases", unit: "short", width: 12, height: 9, description: "Owned by each worker, and renewals it has missed in a row.", queries: several(prom("owned {{instance}}", `flatwatt_partitions_owned`), prom("missed {{instance}}", `flatwatt_lease_renewals_missed`))},
			{kind: course, title: "Size of the state", unit: "bytes", width: 12, height: 9, description: "Of all parts' last checkpoints.", queries: one(prom("state", `sum(flatwatt_state_bytes)`))},
		},
	}
}
