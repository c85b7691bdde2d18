package metrics_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/metrics"
	"github.com/flatwatt/flatwatt/streams"
	"github.com/flatwatt/flatwatt/streams/memory"
)

// echo scores each reading.
type echo struct{ n byte }

func (e *echo) Score(dst []flatwatt.Score, rs []flatwatt.Reading) []flatwatt.Score {
	for _, r := range rs {
		dst = append(dst, flatwatt.Score{Meter: r.Meter, State: flatwatt.Suspect})
		e.n++
	}
	return dst
}
func (e *echo) Close(dst []flatwatt.Score) []flatwatt.Score { return dst }
func (e *echo) AppendBinary(b []byte) ([]byte, error)       { return append(b, e.n), nil }
func (e *echo) UnmarshalBinary(b []byte) error              { e.n = b[0]; return nil }

func get(t *testing.T, h http.Handler, path string) (int, string) {
	t.Helper()
	r := httptest.NewRecorder()
	h.ServeHTTP(r, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	body, err := io.ReadAll(r.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.Code, string(body)
}

// TestWatchCountsAPipeline runs a real pipeline whose sink fails once.
func TestWatchCountsAPipeline(t *testing.T) {
	at := time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)
	stream := &memory.Stream{Messages: []memory.Message{
		{Readings: []flatwatt.Reading{{Meter: "a", Start: at, Length: time.Hour}, {Meter: "b", Start: at, Length: time.Hour}}},
		{Readings: []flatwatt.Reading{{Meter: "a", Start: at.Add(time.Hour), Length: time.Hour}}, Rejected: []flatwatt.Rejected{{Where: "2"}}},
	}}
	failed := false
	keep := &memory.Sink{Fault: func(n int) (int, error) {
		if !failed {
			failed = true
			return 0, errors.New("database is away")
		}
		return n, nil
	}}
	m := metrics.New("v1.2.3")
	line := m.Watch("b0007", streams.Pipeline{
		Open: stream.Open, Scorer: &echo{}, Sink: keep, Rejects: &memory.Rejects{}, Checkpoints: &memory.Checkpoints{}, SaveEvery: 1,
		Retry: streams.Retry{Sleep: func(context.Context, time.Duration) error { return nil }},
	})
	if err := line.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	m.Stream(1, 9)
	m.Unused("b0007", "late", 2)
	_, text := get(t, m.Handler(), "/metrics")
	for _, want := range []string{
		`flatwatt_readings_total{part="b0007"} 3`, `flatwatt_rejected_total{part="b0007"} 1`,
		`flatwatt_scores_total{part="b0007",state="suspect"} 3`, `flatwatt_retries_total{doing="write scores",part="b0007"} 1`,
		`flatwatt_position{part="b0007"} 2`, `flatwatt_checkpoint_position{part="b0007"} 2`, `flatwatt_checkpoints_total{part="b0007"} 2`,
		`flatwatt_state_bytes{part="b0007"} 1`, `flatwatt_latest_reading_timestamp_seconds{part="b0007"} 1.7675784e+09`,
		`flatwatt_score_seconds_count 2`, `flatwatt_write_seconds_count 3`, `flatwatt_save_seconds_count 2`,
		`flatwatt_stream_last_sequence 9`, `flatwatt_lag_messages{part="b0007"} 7`,
		`flatwatt_unused_readings_total{part="b0007",why="late"} 2`, `flatwatt_build_info{version="v1.2.3"} 1`,
	} {
		if !strings.Contains(text, want+"\n") {
			name, _, _ := strings.Cut(want, "{")
			t.Errorf("no %s; there is %v", want, regexp.MustCompile(`(?m)^`+name+`.*$`).FindAllString(text, -1))
		}
	}
	m.Unwatch("b0007")
	if _, text := get(t, m.Handler(), "/metrics"); strings.Contains(text, `flatwatt_position{part="b0007"}`) || !strings.Contains(text, `flatwatt_readings_total{part="b0007"} 3`) {
		t.Error("after Unwatch gauges must be gone, and counters not")
	}
}

func TestReadiness(t *testing.T) {
	var h metrics.Health
	private := metrics.Private(metrics.New("v"), &h)
	want := func(code int, text string) {
		t.Helper()
		if got, body := get(t, private, "/readyz"); got != code || !strings.Contains(body, text) {
			t.Errorf("readyz: %d %s, want %d %s", got, body, code, text)
		}
	}
	want(http.StatusServiceUnavailable, `"ready":false`)
	h.Ready("partition 3", "restoring")
	want(http.StatusServiceUnavailable, "restoring")
	h.Ready("partition 3", "")
	want(http.StatusOK, `"ready":true`)
	if code, _ := get(t, private, "/healthz"); code != http.StatusOK {
		t.Errorf("healthz: %d", code)
	}
	if code, _ := get(t, private, "/debug/pprof/heap"); code != http.StatusOK {
		t.Errorf("pprof: %d", code)
	}
	if code, _ := get(t, private, "/debug/pprof/cmdline"); code != http.StatusNotFound {
		t.Errorf("command line: %d", code)
	}
}
