package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flatwatt/flatwatt/casework"
	"github.com/flatwatt/flatwatt/casework/report"
)

// TestDemoHasSomethingOnEveryPage plays the demo twice: no list of the control room is
// empty, and but for passwords both casework files hold the same.
func TestDemoHasSomethingOnEveryPage(t *testing.T) {
	var first []string
	for range 2 {
		dir := filepath.Join(t.TempDir(), "demo")
		demo := start(t, nil, "demo", "--meters", "60", "--days", "60", "--seed", "5", "--dir", dir)
		address := demo.await(`the control room is at (http://127.0.0.1:\d+)`)
		if first == nil {
			everyList(t, address, demo.await(`sign in as demo, password ([0-9a-f]+)`))
		}
		demo.end()
		entries := story(t, filepath.Join(dir, "casework.db"))
		if first == nil {
			first = entries
			continue
		}
		for i := range max(len(first), len(entries)) {
			if i >= min(len(first), len(entries)) || first[i] != entries[i] {
				t.Fatalf("two stories of one seed differ from entry %d of %d and %d on: %s", i, len(first), len(entries), entries[min(i, len(entries)-1)])
			}
		}
	}
}

// everyList asks for every list of the API and wants rows in it.
func everyList(t *testing.T, address, password string) {
	browser := signedIn(t, address, "demo", password)
	for _, one := range []struct{ path, list string }{
		{"/alarms", "alarms"}, {"/cases", "cases"}, {"/ledger", "projects"}, {"/prices", "listed"}, {"/prices", "statements"},
		{"/spotchecks", "spot_checks"}, {"/tips", "tips"}, {"/screening", "applicants"}, {"/screening", "commitments"}, {"/reports", "reports"},
		{"/map", "places"}, {"/plants", "meters"}, {"/datacentres", "meters"}, {"/runs", "runs"}, {"/network", "below"},
	} {
		code, body := browser(address + "/api" + one.path)
		var answer map[string]any
		if err := json.Unmarshal([]byte(body), &answer); err != nil || code != http.StatusOK {
			t.Errorf("%s: %d %v %.200s", one.path, code, err, body)
			continue
		}
		if rows, _ := answer[one.list].([]any); len(rows) == 0 {
			t.Errorf("%s: %s is empty", one.path, one.list)
		}
	}
	notice, err := os.ReadFile("../../docs/notice.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range noticePages(string(notice)) {
		code, body := browser(address + page)
		if code != http.StatusOK || !strings.Contains(body, "<tr data-row=") && !strings.Contains(body, `<svg class="map"`) && !strings.Contains(body, "<td") {
			t.Errorf("%s: %d, without a row", page, code)
		}
	}
	if _, body := browser(address + "/api/cases?state=confirmed"); !strings.Contains(body, `"equipment_found"`) {
		t.Error("no case is confirmed")
	}
}

// story is what the trail of a casework file says, without users and sign-ins.
func story(t *testing.T, path string) (list []string) {
	db, err := casework.Open(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	trail, err := db.Trail(context.Background(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range trail {
		if e.Kind != casework.KindUser && e.Kind != "" && e.Kind != report.Kind { // a report holds the trail's head, which passwords go into
			list = append(list, fmt.Sprint(e.At, e.Actor, e.Action, e.Kind, e.ID, e.Version, e.Body, e.Note))
		}
	}
	return list
}
