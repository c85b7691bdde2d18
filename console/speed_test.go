package console

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/access"
	"github.com/flatwatt/flatwatt/casework"
	"github.com/flatwatt/flatwatt/casework/alarms"
)

// bigRoom has 10,000 open alarms, and thirteen months of quarter-hours of every meter.
func bigRoom(t testing.TB) *room {
	t.Helper()
	r := newRoom(t)
	change := casework.Change{At: today, Actor: access.Actor{Name: "flatwatt", Role: access.Operator}, Action: "alarm.score"}
	for i := range 10_000 {
		p := alarms.Priorities()[min(2, i%20/4)]
		kw := 3.0 + float64(i%50)
		a := alarms.Alarm{Detector: "customer", Kind: "customer", Area: "sichuan/leshan", Class: "residential", Condition: true, Active: true, Priority: p, ExpectedKW: kw,
			Raised: "2026-01-15", Announced: "2026-01-15", Day: "2026-01-15", Finding: casework.Finding{Probability: number(.99), BlockKW: &kw, Reason: "runs 24 hours a day"}}
		w, err := casework.Write(alarms.Kind, fmt.Sprintf("m%05d", i), 0, a)
		if err != nil {
			t.Fatal(err)
		}
		change.Writes = append(change.Writes, w)
	}
	if err := r.db.Commit(context.Background(), change); err != nil {
		t.Fatal(err)
	}
	load := Load{Start: start.AddDate(-1, -1, 0), Step: 15 * time.Minute}
	for i := range 396 * 96 {
		kw := 0.5 + 0.3*math.Sin(float64(i)/16)
		if load.at(i).After(start.AddDate(0, -3, 0)) {
			kw += 3.2
		}
		load.KW = append(load.KW, float32(kw))
	}
	r.board.load = load
	for i := range r.board.findings {
		o := &r.board.findings[i].Score.Onset
		if !o.At.IsZero() {
			o.At, o.Low, o.High = start.AddDate(0, -3, 0), start.AddDate(0, -3, -1), start.AddDate(0, -3, 1)
		}
	}
	return r
}

// TestBigListsAndLongLoadsAreQuick measures what the issue promises: 200 ms of the server,
// a second until the page is of use. Wall times on a busy machine say nothing, so the
// bounds hold only under FLATWATT_SPEED=1; without it the work is done once and checked.
func TestBigListsAndLongLoadsAreQuick(t *testing.T) {
	r := bigRoom(t)
	v := r.visit("wang")
	strict := os.Getenv("FLATWATT_SPEED") == "1"
	for path, want := range map[string]string{"/alarms": "10\u00a0003", "/alarms?page=50": "Page 50 of 101", "/meters/c2": "2025-11", "/meters/c2/pack": "SHA-256", "/api/meters/c2/plot": "kw"} {
		if code, body := v.get(path); code != http.StatusOK || !strings.Contains(body, want) {
			t.Fatalf("%s: %d without %q", path, code, want)
		}
		best := time.Hour
		for range 7 {
			began := time.Now()
			v.get(path)
			best = min(best, time.Since(began))
		}
		t.Logf("%s: %v of the server, the best of 7", path, best.Round(time.Millisecond))
		if strict && best > 200*time.Millisecond {
			t.Errorf("%s took %v, want at most 200 ms", path, best)
		}
	}
}

// TestUsefulWithinASecond measures in Chromium until rows can be worked on, or the load is drawn.
func TestUsefulWithinASecond(t *testing.T) {
	if os.Getenv("FLATWATT_SPEED") != "1" {
		t.Skip("wall time on a busy machine says nothing: FLATWATT_SPEED=1 measures")
	}
	open := browse(t)
	r := bigRoom(t)
	w := open(r)
	w.signIn("wang")
	for path, ready := range map[string]string{"/alarms": `tr.now`, "/meters/c2": `[data-ready]`} {
		best := 1e9
		for range 5 {
			w.open(path)
			w.until(`document.querySelector("`+ready+`")`, path+" is of use")
			best = min(best, eval[float64](w, `performance.getEntriesByName("useful")[0].startTime`))
		}
		t.Logf("%s: of use after %.0f ms, the best of 5", path, best)
		if best > 1000 {
			t.Errorf("%s is of use after %.0f ms, want at most 1000", path, best)
		}
	}
}

// BenchmarkMap draws the map of 100,000 meters, one in a hundred of them a suspect.
func BenchmarkMap(b *testing.B) {
	r := newRoom(b)
	suspect := r.board.findings[0]
	r.board.findings = nil
	for i := range 100_000 {
		f := suspect
		f.Meter.ID = flatwatt.MeterID(fmt.Sprintf("m%06d", i))
		f.Meter.Extra = map[string]string{"latitude": fmt.Sprint(30 + float64(i%1000)/1000), "longitude": fmt.Sprint(103 + float64(i/1000)/100)}
		if i%100 > 0 {
			f.Score.State = flatwatt.Normal
		}
		r.board.findings = append(r.board.findings, f)
	}
	v := r.visit("wang")
	for b.Loop() {
		if code, _ := v.get("/map?all=true"); code != http.StatusOK {
			b.Fatal(code)
		}
	}
}
