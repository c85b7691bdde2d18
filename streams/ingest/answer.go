package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/flatwatt/flatwatt"
)

// An answer is the JSON that a pusher gets, and what stands in a file's report.
type answer struct {
	status int

	Accepted int          `json:"accepted"`
	Rejected int          `json:"rejected"`
	Format   string       `json:"format,omitempty"`
	First    string       `json:"first,omitempty"` // start of the earliest reading
	Last     string       `json:"last,omitempty"`  // end of the latest
	Rejects  []rejectJSON `json:"rejects,omitempty"`
	More     int          `json:"more_rejects,omitempty"` // that are not listed
	Error    string       `json:"error,omitempty"`
	Repeat   bool         `json:"repeat,omitempty"` // the whole body should be sent again
}

type rejectJSON struct {
	Where  string `json:"where"`
	Line   int    `json:"line,omitempty"`
	Field  string `json:"field,omitempty"`
	Reason string `json:"reason"`
	Raw    string `json:"raw,omitempty"`
}

// maxRawTold bounds what of a piece stands in an answer; the stream of rejects has it whole.
const maxRawTold = 256

// answerOf puts a result into an answer. 200: all was taken; 207: some was rejected; 422:
// nothing could be taken. An input that broke off answers with what was stored before.
func answerOf(r Result, format string, err error) answer {
	a := answer{Accepted: r.Accepted, Rejected: r.Rejected, Format: format, More: r.Rejected - len(r.Rejects)}
	if !r.First.IsZero() {
		a.First, a.Last = r.First.UTC().Format(time.RFC3339), r.Last.UTC().Format(time.RFC3339)
	}
	for _, x := range r.Rejects {
		a.Rejects = append(a.Rejects, tell(x))
	}
	switch {
	case err != nil:
		a.status, a.Repeat = statusOf(err)
		a.Error = err.Error()
	case r.Rejected == 0:
		a.status = http.StatusOK
	case r.Accepted == 0:
		a.status = http.StatusUnprocessableEntity
	default:
		a.status = http.StatusMultiStatus
	}
	return a
}

// statusOf says whose fault an error is, and whether sending again can help.
func statusOf(err error) (status int, again bool) {
	var tooLarge *http.MaxBytesError
	var src *SourceError
	switch {
	case errors.As(err, &tooLarge), errors.Is(err, ErrTooLarge):
		return http.StatusRequestEntityTooLarge, false
	case errors.Is(err, ErrFormat), errors.Is(err, ErrEncoding):
		return http.StatusUnsupportedMediaType, false
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return http.StatusRequestTimeout, true
	case errors.As(err, &src):
		return http.StatusBadRequest, false
	}
	return http.StatusServiceUnavailable, true
}

var lineOf = regexp.MustCompile(`(?::| line | row )(\d+)$`)

func tell(r flatwatt.Rejected) rejectJSON {
	j := rejectJSON{Where: r.Where, Field: r.Field, Reason: r.Reason, Raw: string(r.Raw[:min(len(r.Raw), maxRawTold)])}
	if m := lineOf.FindStringSubmatch(r.Where); m != nil {
		j.Line, _ = strconv.Atoi(m[1])
	}
	if !utf8.ValidString(j.Raw) {
		j.Raw = fmt.Sprintf("%q", j.Raw)
	}
	return j
}

func write(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	_ = enc.Encode(v) // the sender has gone: he will send again
}

// refuse answers without having read the body, and has the connection closed: reading on
// would be work for somebody who may not push.
func refuse(w http.ResponseWriter, status int, why string) {
	w.Header().Set("Connection", "close")
	write(w, status, map[string]string{"error": why})
}

func later(w http.ResponseWriter, status int, wait time.Duration, why string) {
	w.Header().Set("Retry-After", strconv.Itoa(int(max(wait, time.Second)/time.Second)))
	refuse(w, status, why)
}
