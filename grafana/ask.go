package grafana

import (
	"fmt"
	"strings"
)

// A query asks one thing, in InfluxQL and in Flux; on the health dashboard text is PromQL.
// In both languages it looks at the range of the dashboard only.
type query struct{ name, text, flux string }

func (q query) in(l language) string {
	if l == flux {
		return q.flux
	}
	return q.text
}

// known is the condition that leaves out values which are not known; the database cannot
// hold NaN (package influx, Missing).
const known = `> -100000000`

// A where is a tag and its value, or a variable.
type where struct{ tag, value string }

// of is the detector whose scores are meant.
func of(detector string) where { return where{"detector", detector} }

func influxQL(ws []where) string {
	var b strings.Builder
	for _, w := range ws {
		fmt.Fprintf(&b, `"%s" = '%s' AND `, w.tag, w.value)
	}
	return b.String() + `$timeFilter`
}

// fluxFrom yields the points of one or more fields of a measurement.
func fluxFrom(measurement, fields string, ws ...where) string {
	var b strings.Builder
	fmt.Fprintf(&b, "from(bucket: v.defaultBucket)\n  |> range(start: v.timeRangeStart, stop: v.timeRangeStop)\n  |> filter(fn: (r) => r._measurement == %q", measurement)
	for _, w := range ws {
		fmt.Fprintf(&b, ` and r.%s == "%s"`, w.tag, w.value)
	}
	if fields != "" {
		b.WriteString(" and (")
		for i, f := range strings.Fields(fields) {
			if i > 0 {
				b.WriteString(" or ")
			}
			fmt.Fprintf(&b, `r._field == "%s"`, f)
		}
		b.WriteString(")")
	}
	return b.String() + ")"
}

// named keeps time, value and by, and calls the value what the legend shall say.
func named(name string, by ...string) string {
	keep := `"_time", "_value"`
	for _, tag := range by {
		keep += `, "` + tag + `"`
	}
	out := "\n  |> sort(columns: [\"_time\"])\n  |> keep(columns: [" + keep + "])"
	if name != "" {
		out += fmt.Sprintf("\n  |> rename(columns: {_value: %q})", name)
	}
	return out
}

const aDay = "aggregateWindow(every: 1d, fn: %s, createEmpty: false, timeSrc: \"_start\")"

// daily sums a field of a roll-up over the parts of the fleet, a point a day.
func daily(name, measurement, field string, ws ...where) query {
	return query{name,
		fmt.Sprintf(`SELECT sum("%s") FROM "%s" WHERE %s GROUP BY time(1d) fill(none)`, field, measurement, influxQL(ws)),
		fluxFrom(measurement, field, ws...) + "\n  |> group()\n  |> " + fmt.Sprintf(aDay, "sum") + named(name)}
}

// scaled is daily times a number.
func scaled(name, measurement, field string, times float64, ws ...where) query {
	q := daily(name, measurement, field, ws...)
	q.text = strings.Replace(q.text, `sum("`+field+`")`, fmt.Sprintf(`sum("%s") * %.0f`, field, times), 1)
	q.flux = strings.Replace(q.flux, "\n  |> sort(", fmt.Sprintf("\n  |> map(fn: (r) => ({r with _value: r._value * %.1f}))\n  |> sort(", times), 1)
	return q
}

// change is daily less that of the day before.
func change(name, measurement, field string, ws ...where) query {
	q := daily(name, measurement, field, ws...)
	q.text = strings.Replace(q.text, `sum("`+field+`")`, `difference(sum("`+field+`"))`, 1)
	q.flux = strings.Replace(q.flux, "\n  |> keep(", "\n  |> difference()\n  |> keep(", 1)
	return q
}

// dailyBy is daily for every value of a tag that has a few values only.
func dailyBy(measurement, field, tag string, ws ...where) query {
	return query{"$tag_" + tag,
		fmt.Sprintf(`SELECT sum("%s") FROM "%s" WHERE %s GROUP BY time(1d), "%s" fill(none)`, field, measurement, influxQL(ws), tag),
		fluxFrom(measurement, field, ws...) + fmt.Sprintf("\n  |> group(columns: [%q])\n  |> ", tag) + fmt.Sprintf(aDay, "sum") + named("", tag)}
}

// share is one field over another, a point a day.
func share(name, measurement, field, over string, ws ...where) query {
	both := fluxFrom(measurement, field+" "+over, ws...) + "\n  |> toFloat()\n  |> group(columns: [\"_field\"])\n  |> " + fmt.Sprintf(aDay, "sum") +
		"\n  |> pivot(rowKey: [\"_time\"], columnKey: [\"_field\"], valueColumn: \"_value\")" +
		fmt.Sprintf("\n  |> filter(fn: (r) => r.%s > 0.0)\n  |> map(fn: (r) => ({_time: r._time, _value: r.%s / r.%s}))", over, field, over)
	return query{name,
		fmt.Sprintf(`SELECT sum("%s") / sum("%s") FROM "%s" WHERE %s GROUP BY time(1d) fill(none)`, field, over, measurement, influxQL(ws)),
		both + "\n  |> group()" + named(name)}
}

// ofScore is a field of the scores of one meter, a point a day.
func ofScore(meter, detector, field string) query {
	ws := []where{{"meter", meter}, of(detector)}
	return query{field,
		fmt.Sprintf(`SELECT "%s" FROM "score" WHERE "%s" %s AND %s`, field, field, known, influxQL(ws)),
		fluxFrom("score", field, ws...) + "\n  |> filter(fn: (r) => r._value > -100000000.0)\n  |> group()" + named(field)}
}

// ofMeter is ofScore of the meter that the variable names.
func ofMeter(field string) query { return ofScore("$meter", "customer", field) }

// latestScore is a row of several fields of the latest score of one meter.
func latestScore(meter, detector, fields string) query {
	ws := []where{{"meter", meter}, of(detector)}
	return query{"",
		fmt.Sprintf(`SELECT "%s" FROM "score" WHERE %s ORDER BY time DESC LIMIT 1`, strings.Join(strings.Fields(fields), `", "`), influxQL(ws)),
		fluxFrom("score", fields, ws...) + "\n  |> last()\n" + asRows(fields)}
}

// asRows makes a column of each field.
func asRows(fields string, tags ...string) string {
	keep := append([]string{"_time"}, append(tags, strings.Fields(fields)...)...)
	return "  |> pivot(rowKey: [\"_time\"], columnKey: [\"_field\"], valueColumn: \"_value\")\n  |> group()\n  |> keep(columns: [\"" + strings.Join(keep, `", "`) + "\"])"
}

// top20 are the parts of the network, classes or regions with most of a field on one day
// of the range: of each its largest day, summed over the parts of the fleet.
func top20(measurement, field, tag string, ws ...where) []query {
	cond := influxQL(ws)
	inner := fmt.Sprintf(`SELECT sum("%s") AS "v" FROM "%s" WHERE %s GROUP BY time(1d), "%s" fill(none)`, field, measurement, cond, tag)
	return []query{{"",
		fmt.Sprintf(`SELECT top("v", "%s", 20) AS "%s" FROM (%s)`, tag, field, inner),
		fluxFrom(measurement, field, ws...) + fmt.Sprintf("\n  |> group(columns: [%q])\n  |> ", tag) + fmt.Sprintf(aDay, "sum") +
			"\n  |> max()\n  |> group()\n  |> sort(columns: [\"_value\"], desc: true)\n  |> limit(n: 20)" +
			fmt.Sprintf("\n  |> keep(columns: [\"_time\", \"_value\", %q])\n  |> rename(columns: {_value: %q})", tag, field)}}
}

// topTransformers is top20 without the sum: a transformer lies within one part of the
// fleet, and there are too many for a series each.
func topTransformers(field string, ws ...where) []query {
	ws = append([]where{of("customer")}, ws...)
	return []query{{"",
		fmt.Sprintf(`SELECT top("%s", "transformer", 20) AS "%s" FROM "rollup_transformer" WHERE %s`, field, field, influxQL(ws)),
		fluxFrom("rollup_transformer", field, ws...) + "\n  |> max()\n  |> group()\n  |> sort(columns: [\"_value\"], desc: true)\n  |> limit(n: 20)" +
			fmt.Sprintf("\n  |> keep(columns: [\"_time\", \"_value\", \"transformer\"])\n  |> rename(columns: {_value: %q})", field)}}
}

// ranks are the latest day's ranks of each part of the fleet; the panel sorts and cuts them.
func ranks(detector string) []query {
	return []query{{"",
		`SELECT "meter_id", "probability", "block_kw" FROM (SELECT last("probability") AS "probability", "meter_id", "block_kw" FROM "top" WHERE ` + influxQL([]where{of(detector)}) +
			` GROUP BY "rank", "part") WHERE "meter_id" != '' LIMIT 5000`,
		fluxFrom("top", "meter_id probability block_kw", of(detector)) + "\n  |> last()\n" + asRows("meter_id probability block_kw") +
			"\n  |> filter(fn: (r) => r.meter_id != \"\")\n  |> sort(columns: [\"probability\"], desc: true)\n  |> limit(n: 50)"}}
}

// alarms are the suspicions that began in the range, the latest hundred.
func alarms(ws ...where) []query {
	ws = append([]where{{"kind", "alarm"}}, ws...)
	return []query{{"",
		`SELECT "meter", "detector", "probability", "block_kw" FROM "event" WHERE ` + influxQL(ws) + ` ORDER BY time DESC LIMIT 100`,
		fluxFrom("event", "probability block_kw", ws...) + "\n" + asRows("probability block_kw", "meter", "detector") +
			"\n  |> sort(columns: [\"_time\"], desc: true)\n  |> limit(n: 100)"}}
}

// tagValues lists the values of a tag, for a variable.
func tagValues(measurement, tag string, ws ...where) query {
	cond, pred := "", fmt.Sprintf(`r._measurement == %q`, measurement)
	for i, w := range ws {
		cond += map[bool]string{true: " WHERE ", false: " AND "}[i == 0] + fmt.Sprintf(`"%s" = '%s'`, w.tag, w.value)
		pred += fmt.Sprintf(` and r.%s == "%s"`, w.tag, w.value)
	}
	return query{tag,
		fmt.Sprintf(`SHOW TAG VALUES FROM "%s" WITH KEY = "%s"%s LIMIT 1000`, measurement, tag, cond),
		fmt.Sprintf("import \"influxdata/influxdb/schema\"\nschema.tagValues(bucket: v.defaultBucket, tag: %q, predicate: (r) => %s, start: v.timeRangeStart, stop: v.timeRangeStop)\n  |> limit(n: 1000)", tag, pred)}
}
