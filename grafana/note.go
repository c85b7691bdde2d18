package grafana

import (
	"fmt"
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// A note is an annotation that lasts: a range from its point's time to end_ms.
type note struct {
	name, colour string
	query        query // columns time, end_ms and text; in Flux _time, timeEnd and text
}

// ranges are the events of one kind.
func ranges(name, colour, measurement string, ws ...where) note {
	return note{name, colour, query{name,
		fmt.Sprintf(`SELECT "end_ms", "text" FROM "%s" WHERE %s LIMIT 500`, measurement, influxQL(ws)),
		fluxFrom(measurement, "end_ms text", ws...) + "\n" + asRows("end_ms text") + fluxEnd + "\n  |> limit(n: 500)"}}
}

// fluxEnd turns end_ms into a time, which Grafana wants of Flux.
const fluxEnd = "\n  |> map(fn: (r) => ({_time: r._time, timeEnd: time(v: r.end_ms * 1000000), text: r.text}))"

// onset is the interval of when the meter's block began, as estimated last: an estimate
// that has moved leaves the one before behind.
var onset = note{"onset", "blue", query{"onset",
	`SELECT "end_ms", "text" FROM "event" WHERE "as_of_s" >= 0$onset_as_of AND ` + influxQL([]where{{"meter", "$meter"}, of("customer"), {"kind", "onset"}}) + ` LIMIT 50`,
	fluxFrom("event", "end_ms text as_of_s", where{"meter", "$meter"}, of("customer"), where{"kind", "onset"}) + "\n" + asRows("end_ms text as_of_s") +
		"\n  |> sort(columns: [\"as_of_s\"], desc: true)\n  |> limit(n: 1)" + fluxEnd}}

// onsetAsOf is the hidden variable that onset asks in InfluxQL.
var onsetAsOf = variable{name: "onset_as_of", label: "Onset as of", description: "Time of the latest estimate of the onset.", hidden: true,
	query: query{"onset_as_of", `SELECT max("as_of_s") FROM "event" WHERE ` + strings.TrimSuffix(influxQL([]where{{"meter", "$meter"}, of("customer"), {"kind", "onset"}}), ` AND $timeFilter`) + ` LIMIT 1`, ""}}

// models is the first day on which each model scored.
var models = note{"model", "purple", query{"model",
	`SELECT first("end_ms") AS "end_ms", "model" AS "text" FROM "rollup_model" WHERE ` + influxQL([]where{of("customer")}) + ` GROUP BY "model" LIMIT 50`,
	fluxFrom("rollup_model", "end_ms", of("customer")) + "\n  |> group(columns: [\"model\"])\n  |> sort(columns: [\"_time\"])\n  |> first()\n  |> group()" +
		"\n  |> map(fn: (r) => ({_time: r._time, timeEnd: time(v: r._value * 1000000), text: r.model}))\n  |> limit(n: 50)"}}

// loudDays are the days with new suspects of high priority.
var loudDays = note{"new high-priority suspects", "red", query{"loud days",
	`SELECT "end_ms", "new_high" AS "text" FROM "rollup_fleet" WHERE "new_high" > 0 AND ` + influxQL([]where{of("customer")}) + ` LIMIT 500`,
	fluxFrom("rollup_fleet", "end_ms new_high", of("customer")) + "\n" + asRows("end_ms new_high") +
		"\n  |> filter(fn: (r) => r.new_high > 0)\n  |> map(fn: (r) => ({_time: r._time, timeEnd: time(v: r.end_ms * 1000000), text: string(v: r.new_high)}))\n  |> limit(n: 500)"}}

var rescored = ranges("re-scored", "orange", "rescore")

func (n note) build(s source) cog.Builder[dashboard.AnnotationQuery] {
	b := dashboard.NewAnnotationQueryBuilder().Name(n.name).Datasource(s.ref()).Enable(true).IconColor(n.colour)
	m := variants.UnknownDataquery{"refId": "Anno", "query": n.query.in(s.language)}
	if s.language == flux {
		column := func(name string) cog.Builder[dashboard.AnnotationEventFieldMapping] {
			return dashboard.NewAnnotationEventFieldMappingBuilder().Source(dashboard.AnnotationEventFieldSourceField).Value(name)
		}
		b.Mappings(map[string]cog.Builder[dashboard.AnnotationEventFieldMapping]{"time": column("_time"), "timeEnd": column("timeEnd"), "text": column("text")})
	} else {
		m["rawQuery"], m["fromAnnotations"], m["textColumn"], m["timeEndColumn"] = true, true, "text", "end_ms"
	}
	return b.Target(variants.NewUnknownDataqueryBuilderFromObject(m))
}
