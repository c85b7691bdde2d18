// Package console shows suspects in a browser: a plain page that needs no script and
// nothing from elsewhere, the same as JSON, and a health check.
package console

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"time"

	"github.com/flatwatt/flatwatt"
)

// A Finding is the latest score of a meter, made ready for people.
type Finding struct {
	Rank    int // from 1; 0 where there is not enough data
	Meter   flatwatt.Meter
	Score   flatwatt.Score
	Reason  string          // one line
	Reasons []string        // one for each of Score.Evidence, in its order
	Truth   *flatwatt.Truth // nil where it is not known; shown only by the demo
	Hall    *Hall           // nil where the load is no large flat one
}

// A Hall is the posterior of a large flat load beside its miner score: mining farm against
// data centre. Its State says which, or that it is to be inspected on site.
type Hall struct {
	Score   flatwatt.Score
	Reason  string   // one line
	Reasons []string // one for each of Score.Evidence, in its order
}

// A Load is a meter's demand in kW at fixed steps, NaN where readings are missing.
type Load struct {
	Start time.Time // of the first step, UTC
	Step  time.Duration
	KW    []float32
}

// Status says how far scoring is.
type Status struct {
	Title    string    // e.g. "demo, seed 1"
	Meters   int       // in the register
	Readings int64     // scored so far
	Days     int       // closed so far
	AsOf     time.Time // end of the latest day that was closed; zero before the first
	Done     bool      // a bounded source has ended
	Err      string    // why scoring stopped; "" while it is well
}

// A Board holds what is shown. Its methods are called from many goroutines; what they
// return must not change afterwards.
type Board interface {
	Status() Status
	// Findings are all meters by rank, those without enough data last.
	Findings() []Finding
	// Load is the demand of a meter; ok is false where none is kept.
	Load(flatwatt.MeterID) (load Load, ok bool)
}

const (
	// MaxShown bounds the suspects on the page; the JSON takes ?limit= up to all.
	MaxShown = 40
	// leastShown is how many meters are shown, by rank, even if none is a suspect.
	leastShown = 10
)

//go:embed assets
var assets embed.FS

// csp allows the page its own style sheet and nothing else.
const csp = "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"

type server struct {
	board Board
	pages *template.Template
}

// Handler serves the page at /, one meter at /meters/{id}, /api/suspects and /healthz.
func Handler(board Board) (http.Handler, error) {
	pages, err := template.New("").Funcs(funcs).ParseFS(assets, "assets/*.html")
	if err != nil {
		return nil, fmt.Errorf("parse pages: %w", err)
	}
	s := &server{board: board, pages: pages}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.index)
	mux.HandleFunc("GET /meters/{id}", s.meter)
	mux.HandleFunc("GET /api/suspects", s.suspects)
	mux.HandleFunc("GET /healthz", s.health)
	mux.HandleFunc("GET /style.css", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFileFS(w, r, assets, "assets/style.css")
	})
	return secure(mux), nil
}

func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", csp)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

func (s *server) index(w http.ResponseWriter, _ *http.Request) {
	status, all := s.board.Status(), s.board.Findings()
	shown := all[:min(len(all), MaxShown)]
	for len(shown) > leastShown && shown[len(shown)-1].Score.State != flatwatt.Suspect {
		shown = shown[:len(shown)-1]
	}
	page := indexPage{Status: status, Count: count(all)}
	for _, f := range shown {
		if f.Rank > 0 {
			page.Cards = append(page.Cards, s.card(f, cardPlot))
		}
	}
	if page.Refresh = !status.Done; status.Err != "" {
		page.Refresh = false
	}
	s.render(w, "index.html", page)
}

func (s *server) meter(w http.ResponseWriter, r *http.Request) {
	id := flatwatt.MeterID(r.PathValue("id"))
	for _, f := range s.board.Findings() {
		if f.Meter.ID == id {
			s.render(w, "meter.html", s.card(f, fullPlot))
			return
		}
	}
	http.Error(w, "no score for this meter yet", http.StatusNotFound)
}

// render builds the page before it sends it, so that a fault is an error, not half a page.
func (s *server) render(w http.ResponseWriter, name string, data any) {
	var b bytes.Buffer
	if err := s.pages.ExecuteTemplate(&b, name, data); err != nil {
		http.Error(w, "page: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(b.Bytes()) // the reader has gone if this fails
}

// suspects answers with suspects only; ?all=1 with every meter, ?limit=N with N at most.
func (s *server) suspects(w http.ResponseWriter, r *http.Request) {
	limit := -1
	if text := r.URL.Query().Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			http.Error(w, "limit: want a whole number, 0 or more", http.StatusBadRequest)
			return
		}
		limit = n
	}
	all := r.URL.Query().Get("all") == "1"
	answer := struct {
		Status   statusJSON    `json:"status"`
		Suspects []SuspectJSON `json:"suspects"`
	}{statusOf(s.board.Status()), []SuspectJSON{}}
	for _, f := range s.board.Findings() {
		if limit >= 0 && len(answer.Suspects) >= limit {
			break
		}
		if all || f.Score.State == flatwatt.Suspect {
			answer.Suspects = append(answer.Suspects, JSON(f))
		}
	}
	writeJSON(w, http.StatusOK, answer)
}

func (s *server) health(w http.ResponseWriter, _ *http.Request) {
	status := s.board.Status()
	code := http.StatusOK
	if status.Err != "" {
		code = http.StatusServiceUnavailable
	}
	writeJSON(w, code, statusOf(status))
}

func writeJSON(w http.ResponseWriter, code int, v any) {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		http.Error(w, "encode: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(append(text, '\n'))
}

type indexPage struct {
	Status  Status
	Count   counts
	Cards   []card
	Refresh bool
}

type counts struct{ Suspects, Faults, Unknown, All int }

func count(all []Finding) counts {
	c := counts{All: len(all)}
	for _, f := range all {
		switch f.Score.State {
		case flatwatt.Suspect:
			c.Suspects++
		case flatwatt.MeterFault:
			c.Faults++
		case flatwatt.NotEnoughData:
			c.Unknown++
		}
	}
	return c
}

// A card is one finding with its plot.
type card struct {
	Finding
	Plot template.HTML // "" where no load is kept
	Days []dayRow
	Why  []why
	Farm []why // evidence of Hall
}

type why struct {
	Text    string
	LogOdds float64
	Term    string
}

func (s *server) card(f Finding, size plotSize) card {
	c := card{Finding: f}
	for i, e := range f.Score.Evidence {
		if i < len(f.Reasons) {
			c.Why = append(c.Why, why{f.Reasons[i], e.LogOdds, e.Term})
		}
	}
	if f.Hall != nil {
		for i, e := range f.Hall.Score.Evidence {
			c.Farm = append(c.Farm, why{f.Hall.Reasons[i], e.LogOdds, e.Term})
		}
	}
	if load, ok := s.board.Load(f.Meter.ID); ok {
		c.Plot = plotSVG(load, f, size)
		if size == fullPlot {
			c.Days = days(load, f.Meter.Zone)
		}
	}
	return c
}
