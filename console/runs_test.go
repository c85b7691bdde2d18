package console_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt/console"
)

func TestRunsAreShown(t *testing.T) {
	began := time.Date(2026, 3, 1, 18, 30, 0, 0, time.UTC)
	runs := []console.Run{
		{What: "nightly", Who: "host-1", Due: began, Started: began, Ended: began.Add(90 * time.Second), Outcome: "done", Range: "2026-01-01 to 2026-02-28", Model: "fit-3", Readings: 1234567, Scores: 99, Ref: "r1"},
		{What: "<b>", Started: began, Outcome: "running", Note: "attempt 2"},
	}
	var fails error
	h, err := console.RunsHandler("zh", func(context.Context) ([]console.Run, error) { return runs, fails })
	if err != nil {
		t.Fatal(err)
	}
	ask := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w
	}
	page := ask("/runs").Body.String()
	for _, want := range []string{"任务记录", "nightly", "90.0", "fit-3", "2026-01-01 to 2026-02-28", "&lt;b&gt;", "attempt 2"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in %s", want, page)
		}
	}
	var answer struct{ Runs []console.RunJSON }
	if err := json.Unmarshal(ask("/api/runs").Body.Bytes(), &answer); err != nil {
		t.Fatal(err)
	}
	if r := answer.Runs; len(r) != 2 || *r[0].Seconds != 90 || r[1].Ended != nil || r[1].Seconds != nil || r[1].Due != nil {
		t.Errorf("%+v", answer)
	}
	fails = errors.New("no disk")
	if w := ask("/runs"); w.Code != http.StatusInternalServerError || !strings.Contains(w.Body.String(), "no disk") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
