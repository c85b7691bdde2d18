package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/access"
	"github.com/flatwatt/flatwatt/casework"
	"github.com/flatwatt/flatwatt/rescore"
	"github.com/flatwatt/flatwatt/streams/file"
)

// ok runs a command that must end well, and returns its data.
func ok(t *testing.T, args ...string) (stdout, stderr string) {
	t.Helper()
	code, stdout, stderr := run(t, nil, args...)
	if code != exitOK {
		t.Fatalf("%v: exit code %d: %s%s", args, code, stdout, stderr)
	}
	return stdout, stderr
}

// Inspections flow back: visits are drawn, their outcomes counted, a corrected model is
// proposed under the hash of its file, a person promotes it, and history is scored by it.
func TestInspectionsCorrectTheModel(t *testing.T) {
	dir := t.TempDir()
	fleet, store := filepath.Join(dir, "fleet"), filepath.Join(dir, "archive")
	config := filepath.Join(dir, "sim.yaml")
	writeFile(t, config, "meters: 250\ndays: 50\ninterval_minutes: 60\nminers: {share: 0.4}\n")
	ok(t, "simulate", "--config", config, "--out", fleet, "--seed", "8")
	ok(t, "import", "--fleet", fleet, "--archive", store)
	id := strings.TrimSpace(first(ok(t, "rescore", "--fleet", fleet, "--archive", store)))

	if code, _, stderr := run(t, nil, "rescore", "--fleet", fleet, "--archive", store, "--days", "2031-01-01"); code != exitUsage || !strings.Contains(stderr, "no score of it would be kept") {
		t.Errorf("a day beyond the archive: exit code %d, %s", code, stderr)
	}

	visits, _ := ok(t, "feedback", "draw", "--archive", store, "--run", id, "--visits", "40", "--random", "0.5")
	again, _ := ok(t, "feedback", "draw", "--archive", store, "--run", id, "--visits", "40", "--random", "0.5")
	if visits != again || strings.Count(visits, ",yes,") != 20 {
		t.Fatalf("%d of 40 visits are random, want 20, the same each time:\n%s", strings.Count(visits, ",yes,"), visits)
	}
	outcomes := filepath.Join(dir, "outcomes.csv")
	writeFile(t, outcomes, fillIn(t, fleet, visits))
	report, stderr := ok(t, "feedback", "--archive", store, "--fleet", fleet, "--run", id, "--outcomes", outcomes, "--propose", "--model", "current", "-o", "json")
	var groups []struct {
		By, Name string
		Hits     struct{ Confirmed, Cleared int }
		Unbiased struct{ Confirmed, Cleared int }
	}
	if err := json.Unmarshal([]byte(report), &groups); err != nil {
		t.Fatal(err)
	}
	if g := groups[0]; g.By != "all" || g.Hits.Confirmed+g.Hits.Cleared != 40 || g.Unbiased.Confirmed+g.Unbiased.Cleared != 20 {
		t.Errorf("%+v", groups[0])
	}
	if !strings.Contains(stderr, "is proposed; try it") {
		t.Fatalf("nothing is proposed, though the outcomes say half of what the model does: %s", stderr)
	}
	list, _ := ok(t, "model", "ls", "--archive", store, "-o", "csv")
	version, _, _ := strings.Cut(strings.Split(list, "\n")[1], ",")
	if !strings.HasPrefix(version, "fit-") || strings.Contains(list, "current since") {
		t.Fatalf("a proposal is current by itself, or has an odd name: %s", list)
	}
	diff, _ := ok(t, "rescore", "--fleet", fleet, "--archive", store, "--from", "-5d", "--model", version, "--baseline", "current", "-o", "csv")
	if !strings.Contains(diff, "cleared") && !strings.Contains(diff, "changed") {
		t.Errorf("the corrected model changes nothing: %s", diff)
	}
	ok(t, "model", "promote", version, "--archive", store)
	if list, _ = ok(t, "model", "ls", "--archive", store); !strings.Contains(list, "current since") {
		t.Errorf("not promoted: %s", list)
	}
	again, stderr = ok(t, "rescore", "--fleet", fleet, "--archive", store, "--from", "-5d", "--model", "current")
	if !strings.Contains(stderr, "is done already") {
		t.Errorf("the current model is another one than the version: %s", stderr)
	}
	for s, err := range openScores(t, store, strings.TrimSpace(again)) {
		if err != nil || s.Detector == rankedDetector && s.Model != version {
			t.Fatalf("a score names model %s, want %s (%v)", s.Model, version, err)
		}
	}
}

func first(a, _ string) string { return a }

func openScores(t *testing.T, store, id string) func(func(flatwatt.Score, error) bool) {
	t.Helper()
	p := &Program{Getenv: func(string) string { return "" }}
	runs, err := p.openRuns(t.Context(), store)
	if err != nil {
		t.Fatal(err)
	}
	return runs.Scores(t.Context(), id)
}

// fillIn visits meters: half of the miners are found, and no honest one is taken for one.
func fillIn(t *testing.T, fleet, visits string) string {
	t.Helper()
	f, err := file.Open(fleet, file.Options{})
	if err != nil {
		t.Fatal(err)
	}
	miner := map[string]bool{}
	for _, x := range f.Truth() {
		miner[string(x.Meter)] = x.Label == flatwatt.Miner
	}
	rows, err := csv.NewReader(strings.NewReader(visits)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(4, 4))
	var b strings.Builder
	for i, r := range rows {
		if i > 0 {
			r[1], r[2] = "2099-01-01", "cleared"
			if miner[r[0]] && rng.IntN(2) == 0 {
				r[2] = "confirmed"
			}
		}
		fmt.Fprintln(&b, strings.Join(r, ","))
	}
	return b.String()
}

func TestRandomVisitsAreDrawnEvenly(t *testing.T) {
	var suspects []rescore.Verdict
	for i := range 100 {
		suspects = append(suspects, rescore.Verdict{Meter: flatwatt.MeterID(fmt.Sprintf("m-%03d", i))})
	}
	top, n := 0, 0
	for seed := range uint64(200) {
		list := drawVisits(suspects, 20, 0.25, seed)
		if len(list) != 20 {
			t.Fatalf("%d visits", len(list))
		}
		for _, v := range list {
			if v.random {
				n++
				top += btoi(v.rank <= 50)
			}
		}
	}
	if n != 1000 || top < 420 || top > 580 { // 500 ± 5 standard deviations of sqrt(1000)/2
		t.Errorf("%d of %d random visits go to the upper half of the ranks", top, n)
	}
	if list := drawVisits(suspects[:3], 20, 0.25, 1); len(list) != 3 {
		t.Errorf("%d visits to 3 suspects", len(list))
	}
}

func TestOutcomesOfCases(t *testing.T) {
	path := filepath.Join(t.TempDir(), "casework.db")
	p := &Program{Getenv: func(string) string { return "" }}
	db, err := p.openCasework(t.Context(), path, true)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	put := func(id string, states ...casework.State) {
		for i, s := range states {
			c := casework.Case{Meter: "meter-" + id, State: s, Reason: "other", Moved: at.AddDate(0, 0, i)}
			if err := casework.Put(t.Context(), db, casework.Change{At: at, Actor: access.Actor{Name: "ann"}, Action: "test"}, casework.KindCase, id, i, c); err != nil {
				t.Fatal(err)
			}
		}
	}
	put("a", casework.Suspected, casework.DeskReview, casework.Ordered, casework.Confirmed, casework.Rectified, casework.Closed)
	put("b", casework.Suspected, casework.DeskReview, casework.Cleared) // at a desk: nobody was there
	put("c", casework.Suspected, casework.DeskReview, casework.Ordered, casework.Cleared)
	put("d", casework.Suspected, casework.DeskReview, casework.Ordered)
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	list, err := p.caseOutcomes(t.Context(), path)
	if err != nil || len(list) != 2 || list[0].Meter != "meter-a" || list[0].Outcome != rescore.Confirmed || list[1].Meter != "meter-c" || list[1].Outcome != rescore.Cleared {
		t.Errorf("%+v %v", list, err)
	}
	if len(list) == 2 && !list[0].At.Equal(at.AddDate(0, 0, 3)) {
		t.Errorf("confirmed at %v, want when it was moved there", list[0].At)
	}
	_ = p.Close()
}
