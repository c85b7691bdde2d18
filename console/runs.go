package console

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"time"
)

// A Run is a line of the ledger of jobs and re-scoring runs.
type Run struct {
	What     string    // the job's name, or rescore
	Who      string    // a worker, or a person
	Due      time.Time // by its schedule; zero for what a person asked for
	Started  time.Time
	Ended    time.Time     // zero while it runs
	Busy     time.Duration // work, where that is not the time between the two
	Outcome  string        // running, done, failed, stopped, skipped, missed
	Range    string        // days worked on
	Model    string        // version
	Readings int64         // read
	Scores   int64         // written
	Ref      string        // id of the re-scoring run
	Command  string
	Note     string // what went wrong, in words
}

// Took is how long the run has worked; zero where that is not known.
func (r Run) Took() time.Duration {
	switch {
	case r.Busy > 0:
		return r.Busy
	case r.Ended.IsZero() || r.Started.IsZero():
		return 0
	}
	return r.Ended.Sub(r.Started)
}

// A RunJSON is a run in /api/runs and in `flatwatt runs -o json`.
type RunJSON struct {
	What     string     `json:"what"`
	Who      string     `json:"who"`
	Due      *time.Time `json:"due"`
	Started  time.Time  `json:"started"`
	Ended    *time.Time `json:"ended"`
	Seconds  *float64   `json:"seconds"`
	Outcome  string     `json:"outcome"`
	Range    string     `json:"days,omitempty"`
	Model    string     `json:"model,omitempty"`
	Readings int64      `json:"readings"`
	Scores   int64      `json:"scores"`
	Ref      string     `json:"run,omitempty"`
	Command  string     `json:"command,omitempty"`
	Note     string     `json:"note,omitempty"`
}

// RunsJSON is list as programs read it; what is not known is null.
func RunsJSON(list []Run) []RunJSON {
	out := make([]RunJSON, len(list))
	when := func(t time.Time) *time.Time {
		if t.IsZero() {
			return nil
		}
		return &t
	}
	for i, r := range list {
		out[i] = RunJSON{What: r.What, Who: r.Who, Due: when(r.Due), Started: r.Started, Ended: when(r.Ended), Outcome: r.Outcome, Range: r.Range,
			Model: r.Model, Readings: r.Readings, Scores: r.Scores, Ref: r.Ref, Command: r.Command, Note: r.Note}
		if took := r.Took(); took > 0 {
			s := took.Seconds()
			out[i].Seconds = &s
		}
	}
	return out
}

// runWords are those of the page, by language.
var runWords = map[string]map[string]string{
	"en": {"title": "Runs", "started": "Started", "what": "What", "who": "Who", "outcome": "Outcome", "days": "Days", "model": "Model",
		"readings": "Readings", "scores": "Scores", "seconds": "Seconds", "run": "Run", "note": "Note", "none": "Nothing has run yet.", "back": "Suspects"},
	"zh": {"title": "任务记录", "started": "开始时间", "what": "任务", "who": "执行者", "outcome": "结果", "days": "日期范围", "model": "模型",
		"readings": "读数", "scores": "评分", "seconds": "秒", "run": "编号", "note": "备注", "none": "尚无任务运行。", "back": "嫌疑列表"},
}

// RunsHandler serves the ledger at /runs as a page and at /api/runs as JSON; lang is en or
// zh. list is called for each request.
func RunsHandler(lang string, list func(context.Context) ([]Run, error)) (http.Handler, error) {
	page, err := template.New("runs.html").Funcs(funcs).ParseFS(assets, "assets/runs.html")
	if err != nil {
		return nil, fmt.Errorf("parse page of runs: %w", err)
	}
	words := runWords[lang]
	if words == nil {
		lang, words = "en", runWords["en"]
	}
	serve := func(write func(http.ResponseWriter, []Run)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			runs, err := list(r.Context())
			if err != nil {
				http.Error(w, "ledger: "+err.Error(), http.StatusInternalServerError)
				return
			}
			write(w, runs)
		}
	}
	mux := http.NewServeMux()
	mux.Handle("GET /api/runs", serve(func(w http.ResponseWriter, runs []Run) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"runs": RunsJSON(runs)}) // the reader has gone if this fails
	}))
	mux.Handle("GET /runs", serve(func(w http.ResponseWriter, runs []Run) {
		var b bytes.Buffer
		if err := page.Execute(&b, map[string]any{"Lang": lang, "Words": words, "Runs": runs}); err != nil {
			http.Error(w, "page: "+err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(b.Bytes())
	}))
	return secure(mux), nil
}
