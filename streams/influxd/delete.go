package influxd

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode"

	"github.com/influxdata/influxql"
)

// delete removes points from start to stop, both inclusive, as in InfluxDB 2. Its
// predicate is tag="value" AND …, where _measurement names the measurement.
func (db *DB) delete(w http.ResponseWriter, r *http.Request) {
	bucket, ok := db.target(w, r.URL.Query())
	if !ok {
		return
	}
	var req struct {
		Start, Stop time.Time
		Predicate   string
	}
	if err := json.NewDecoder(r.Body).Decode(&req); err != nil {
		fail(w, statusOfRead(err), fmt.Sprintf("read request: %v; start and stop must be RFC 3339 times", err))
		return
	}
	if req.Start.IsZero() || req.Stop.IsZero() || req.Stop.Before(req.Start) {
		fail(w, http.StatusBadRequest, "start and stop must be given, and stop not lie before start")
		return
	}
	sources, condition, err := parsePredicate(req.Predicate)
	if err != nil {
		fail(w, http.StatusBadRequest, "predicate: "+err.Error())
		return
	}
	condition = and(condition, timeIs(influxql.GTE, req.Start))
	condition = and(condition, timeIs(influxql.LTE, req.Stop))
	if err := db.store.DeleteSeries(bucket, sources, condition); err != nil {
		fail(w, http.StatusInternalServerError, err.Error())
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func timeIs(op influxql.Token, t time.Time) influxql.Expr {
	return &influxql.BinaryExpr{Op: op, LHS: &influxql.VarRef{Val: "time"}, RHS: &influxql.TimeLiteral{Val: t}}
}

func and(a, b influxql.Expr) influxql.Expr {
	if a == nil {
		return b
	}
	return &influxql.BinaryExpr{Op: influxql.AND, LHS: a, RHS: b}
}

// parsePredicate reads a predicate; an empty one selects everything.
func parsePredicate(s string) (from []influxql.Source, where influxql.Expr, err error) {
	for rest := strings.TrimSpace(s); rest != ""; {
		var key, value string
		if key, value, rest, err = comparison(rest); err != nil {
			return nil, nil, err
		}
		switch {
		case key == "_measurement" && from != nil:
			return nil, nil, errors.New("_measurement is given twice")
		case key == "_measurement":
			from = []influxql.Source{&influxql.Measurement{Name: value}}
		case key == "time" || key == "_field" || key == "_value":
			return nil, nil, fmt.Errorf("%s cannot be compared; only _measurement and tags can", key)
		default:
			where = and(where, &influxql.BinaryExpr{
				Op: influxql.EQ, LHS: &influxql.VarRef{Val: key, Type: influxql.Tag}, RHS: &influxql.StringLiteral{Val: value},
			})
		}
		if rest == "" {
			break
		}
		if len(rest) < 4 || !strings.EqualFold(rest[:4], "and ") {
			return nil, nil, fmt.Errorf("want AND at %q", rest)
		}
		if rest = strings.TrimSpace(rest[4:]); rest == "" {
			return nil, nil, errors.New("nothing follows AND")
		}
	}
	return from, where, nil
}

// comparison reads one key="value", the key bare or quoted too.
func comparison(s string) (key, value, rest string, err error) {
	if key, rest, err = quoted(s); err != nil {
		if rest = strings.TrimLeftFunc(s, isBare); len(rest) == len(s) {
			return "", "", "", fmt.Errorf("want tag=\"value\" at %q", s)
		}
		key = s[:len(s)-len(rest)]
	}
	rest = strings.TrimSpace(rest)
	if !strings.HasPrefix(rest, "=") {
		return "", "", "", fmt.Errorf("want = after %s; no other comparison is known", key)
	}
	value, rest, err = quoted(strings.TrimSpace(rest[1:]))
	return key, value, strings.TrimSpace(rest), err
}

// isBare says whether a key may hold r without being quoted.
func isBare(r rune) bool {
	return r == '_' || r == '-' || r == '.' || unicode.IsLetter(r) || unicode.IsDigit(r)
}

// quoted reads a text between double quotes, in which \" and \\ stand for " and \.
func quoted(s string) (text, rest string, err error) {
	if !strings.HasPrefix(s, `"`) {
		return "", "", fmt.Errorf("want a value in double quotes at %q", s)
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), s[i+1:], nil
		case s[i] == '\\' && i+1 < len(s):
			i++
		}
		b.WriteByte(s[i])
	}
	return "", "", fmt.Errorf("%q has no closing quote", s)
}
