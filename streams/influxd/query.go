package influxd

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/influxdata/influxdb/query"
	"github.com/influxdata/influxql"
)

// query answers InfluxQL statements that read: q, db, epoch, chunked and chunk_size as
// in InfluxDB 1. An answer that is not chunked is cut at MaxRows and then says partial.
func (db *DB) query(w http.ResponseWriter, r *http.Request) {
	q := strings.TrimSpace(r.FormValue("q"))
	if q == "" {
		failQuery(w, `missing required parameter "q"`)
		return
	}
	parsed, err := parseQuery(q, r.FormValue("params"))
	if err != nil {
		failQuery(w, "error parsing query: "+err.Error())
		return
	}
	for _, s := range parsed.Statements {
		if !reads(s) {
			failQuery(w, fmt.Sprintf("%q would change data: this interface only reads; delete with POST /api/v2/delete", s))
			return
		}
	}
	epoch, ok := epochs[r.FormValue("epoch")]
	if !ok {
		failQuery(w, "epoch must be ns, u, ms, s, m or h")
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	interrupt := make(chan struct{})
	context.AfterFunc(ctx, func() { close(interrupt) })
	results := db.exec.ExecuteQuery(parsed, query.ExecutionOptions{
		Database: r.FormValue("db"), RetentionPolicy: r.FormValue("rp"),
		Authorizer: query.OpenAuthorizer, ChunkSize: chunkSize(r), ReadOnly: true, Quiet: true,
		AbortCh: ctx.Done(),
	}, interrupt)
	defer func() { // also where the reader is gone or has enough rows
		cancel()
		for range results {
		}
	}()
	if r.FormValue("chunked") == "true" {
		streamResults(w, results, epoch)
		return
	}
	answer(w, http.StatusOK, response{Results: collect(results, db.opt.MaxRows, epoch)})
}

type response struct {
	Results []*query.Result `json:"results"`
}

// defaultChunkSize is the most points of one result; InfluxDB 1 has the same.
const defaultChunkSize = 10_000

func chunkSize(r *http.Request) int {
	if n, err := strconv.Atoi(r.FormValue("chunk_size")); err == nil && n > 0 {
		return n
	}
	return defaultChunkSize
}

func failQuery(w http.ResponseWriter, message string) {
	w.Header().Set("X-Influxdb-Error", strings.ReplaceAll(message, "\n", " "))
	answer(w, http.StatusBadRequest, map[string]string{"error": message})
}

// parseQuery reads statements; params is a JSON object of the values that $name stands for.
func parseQuery(q, params string) (*influxql.Query, error) {
	p := influxql.NewParser(strings.NewReader(q))
	if params != "" {
		values := make(map[string]any)
		d := json.NewDecoder(strings.NewReader(params))
		d.UseNumber()
		if err := d.Decode(&values); err != nil {
			return nil, fmt.Errorf("params: %w", err)
		}
		for k, v := range values {
			if n, ok := v.(json.Number); ok {
				values[k] = number(n)
			}
		}
		p.SetParams(values)
	}
	return p.ParseQuery()
}

func number(n json.Number) any {
	if i, err := n.Int64(); err == nil {
		return i
	}
	f, _ := n.Float64() // the decoder has checked it to be a number
	return f
}

// reads says whether a statement only reads. What is not listed here is refused, so
// that neither Grafana nor a read token can change anything.
func reads(s influxql.Statement) bool {
	switch s := s.(type) {
	case *influxql.SelectStatement:
		return s.Target == nil
	case *influxql.ExplainStatement:
		return s.Statement.Target == nil
	case *influxql.ShowDatabasesStatement, *influxql.ShowRetentionPoliciesStatement,
		*influxql.ShowMeasurementsStatement, *influxql.ShowMeasurementCardinalityStatement,
		*influxql.ShowFieldKeysStatement, *influxql.ShowFieldKeyCardinalityStatement,
		*influxql.ShowTagKeysStatement, *influxql.ShowTagKeyCardinalityStatement,
		*influxql.ShowTagValuesStatement, *influxql.ShowTagValuesCardinalityStatement,
		*influxql.ShowSeriesStatement, *influxql.ShowSeriesCardinalityStatement:
		return true
	}
	return false
}

// epochs are the units in which times may be asked for; 0 stands for RFC 3339 text.
var epochs = map[string]time.Duration{
	"": 0, "ns": 1, "n": 1, "u": time.Microsecond, "us": time.Microsecond, "µ": time.Microsecond,
	"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour,
}

func toEpoch(r *query.Result, unit time.Duration) {
	if unit == 0 {
		return
	}
	for _, s := range r.Series {
		for _, row := range s.Values {
			if t, ok := row[0].(time.Time); ok {
				row[0] = t.UnixNano() / int64(unit)
			}
		}
	}
}

// streamResults sends each result as it comes, one JSON document a line.
func streamResults(w http.ResponseWriter, results <-chan *query.Result, epoch time.Duration) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(http.StatusOK)
	e := json.NewEncoder(w)
	for r := range results {
		if r == nil {
			continue
		}
		toEpoch(r, epoch)
		if e.Encode(response{Results: []*query.Result{r}}) != nil {
			return // the client is gone
		}
		if f, ok := w.(http.Flusher); ok {
			f.Flush()
		}
	}
}

// collect joins the results of each statement, at most maxRows rows in all. A series
// that was cut says so.
func collect(results <-chan *query.Result, maxRows int, epoch time.Duration) []*query.Result {
	all := make([]*query.Result, 0)
	rows := 0
	for r := range results {
		if r == nil {
			continue
		}
		toEpoch(r, epoch)
		full := cut(r, maxRows-rows)
		for _, s := range r.Series {
			rows += len(s.Values)
		}
		all = join(all, r)
		if full {
			break
		}
	}
	return all
}

// cut shortens r to room rows and says whether anything was lost.
func cut(r *query.Result, room int) bool {
	for i, s := range r.Series {
		if len(s.Values) > room {
			s.Values, s.Partial = s.Values[:room], true
			r.Series = r.Series[:i+1]
			return true
		}
		room -= len(s.Values)
	}
	return false
}

// join appends r, to the result of the same statement and series where it goes on.
func join(all []*query.Result, r *query.Result) []*query.Result {
	r.Partial = false // it says that another chunk follows, which it does not here
	if len(all) == 0 || all[len(all)-1].StatementID != r.StatementID {
		return append(all, r)
	}
	last := all[len(all)-1]
	if r.Err != nil {
		all[len(all)-1] = r
		return all
	}
	if n := len(last.Series); n > 0 && len(r.Series) > 0 && last.Series[n-1].SameSeries(r.Series[0]) {
		last.Series[n-1].Values = append(last.Series[n-1].Values, r.Series[0].Values...)
		last.Series[n-1].Partial = r.Series[0].Partial
		r.Series = r.Series[1:]
	}
	last.Series = append(last.Series, r.Series...)
	last.Messages = append(last.Messages, r.Messages...)
	return all
}
