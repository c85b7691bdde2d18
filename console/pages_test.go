package console

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/flatwatt/flatwatt/casework"
)

// everyPath is a path for each view, with the room's own names put in.
func everyPath(t testing.TB, r *room) map[string]string {
	t.Helper()
	names := map[string]string{"/meters/{id}": "/meters/c2", "/meters/{id}/plot": "/meters/c2/plot", "/meters/{id}/pack": "/meters/c2/pack"}
	for kind, id := range map[string]string{"tips": "T-2026-00001", "spotchecks": "R-2026-00001", "ledger": "P-2026-00001", "prices": "S-2026-00001", "reports": "2026-W05", "screening": "A-2026-00001"} {
		names["/"+kind+"/{id}"] = "/" + kind + "/" + id
	}
	paths := map[string]string{}
	for _, v := range views() {
		path := v.Path
		if p, ok := names[path]; ok {
			path = p
		}
		paths[v.Path] = strings.Replace(path, "{id}", "C-2026-00001", 1)
	}
	return paths
}

// withCase opens the case that everyPath looks at.
func withCase(t testing.TB, r *room) {
	t.Helper()
	v := r.visit("wang")
	if code := v.send("/cases", map[string]any{"meter": "c2", "title": "a mill"}, nil); code != http.StatusOK {
		t.Fatalf("open a case: %d", code)
	}
	withAccounts(t, r)
}

// TestEveryPageInBothLanguages reads every page as every role: no raw key, no NaN, no
// markup from outside, no inline script or style.
func TestEveryPageInBothLanguages(t *testing.T) {
	r := newRoom(t)
	withCase(t, r)
	inline := regexp.MustCompile(`(?i)<script[^>]*>[^<]|<style|\son[a-z]+=|\sstyle=|javascript:`)
	for _, who := range []string{"root", "guest"} {
		v := r.visit(who)
		for _, v.lang = range []string{"en", "zh-CN"} {
			for _, view := range views() {
				path := everyPath(t, r)[view.Path]
				if view.Name == "" || who == "guest" && view.Role != "" {
					continue
				}
				code, body := v.get(path)
				if code != http.StatusOK {
					t.Errorf("%s: %d %s", path, code, body)
				}
				for _, wrong := range []string{"⟦", "%!", "NaN", "+Inf", "<b>fleet", "<up>", "<no value>", "ZgotmplZ", "http://", "https://"} {
					if at := strings.Index(strings.ReplaceAll(body, "http://www.w3.org", ""), wrong); at >= 0 {
						t.Errorf("%s as %s in %s holds %q: …%s", path, who, v.lang, wrong, body[max(0, at-80):min(len(body), at+80)])
					}
				}
				if m := inline.FindString(body); m != "" {
					t.Errorf("%s has something inline: %s", path, m)
				}
				if !strings.Contains(body, `<html lang="`+v.lang+`"`) {
					t.Errorf("%s is not in %s", path, v.lang)
				}
			}
		}
	}
}

// TestAnUnknownAddressIsTold: a page in the person's language, a problem to programs, and a
// path that only takes what is sent still says so.
func TestAnUnknownAddressIsTold(t *testing.T) {
	v := newRoom(t).visit("wang")
	v.lang = "zh-CN"
	if code, body := v.get("/nowhere/at/all"); code != http.StatusNotFound || !strings.Contains(body, `<html lang="zh-CN"`) || !strings.Contains(body, "不存在") {
		t.Errorf("page: %d %.300s", code, body)
	}
	if code, body := v.get("/api/nowhere"); code != http.StatusNotFound || !strings.Contains(body, `"code": "not_found"`) {
		t.Errorf("api: %d %.300s", code, body)
	}
	if code, _ := v.get("/alarms/acknowledge"); code != http.StatusMethodNotAllowed {
		t.Errorf("a path that takes only POST: %d", code)
	}
}

// TestNamesFromOutsideAreEscaped: a meter whose name is markup, on pages that show it.
func TestNamesFromOutsideAreEscaped(t *testing.T) {
	r := newRoom(t)
	v := r.visit("wang")
	for _, path := range []string{"/alarms", "/meters", "/meters/%3Cscript%3E%22x%22", "/meters/%3Cscript%3E%22x%22/pack", "/map", "/network?at=tx1"} {
		code, body := v.get(path)
		if code != http.StatusOK || strings.Contains(body, odd) {
			t.Errorf("%s: %d, raw name: %v", path, code, strings.Contains(body, odd))
		}
		if !strings.Contains(body, "&lt;script&gt;") {
			t.Errorf("%s does not show the meter", path)
		}
	}
}

// TestCatalogues have the same keys with the same verbs, and no text that no page wants.
func TestCatalogues(t *testing.T) {
	all, err := loadCatalogs()
	if err != nil {
		t.Fatal(err)
	}
	verb := regexp.MustCompile(`%(\[\d+\])?(\.\d+)?([a-z])`)
	verbs := func(text string) string {
		kinds := map[string]int{}
		for _, m := range verb.FindAllStringSubmatch(text, -1) {
			kinds[m[3]]++
		}
		b, _ := json.Marshal(kinds)
		return string(b)
	}
	en, zh := all[english], all[chinese]
	for key, text := range en {
		other, ok := zh[key]
		if !ok || other == "" {
			t.Errorf("%s has no Chinese", key)
		}
		if verbs(text) != verbs(other) {
			t.Errorf("%s: %q and %q take different values", key, text, other)
		}
	}
	for key := range zh {
		if _, ok := en[key]; !ok {
			t.Errorf("%s has no English", key)
		}
	}
	han := regexp.MustCompile(`\p{Han}`)
	for key, text := range en {
		if han.MatchString(text) {
			t.Errorf("%s: English is Chinese: %s", key, text)
		}
	}
}

// TestWordsOfCasework: every state, reason code and task of a case has its text.
func TestWordsOfCasework(t *testing.T) {
	all, err := loadCatalogs()
	if err != nil {
		t.Fatal(err)
	}
	c, err := casework.NewCase("m", "", "", casework.Finding{}, today)
	if err != nil {
		t.Fatal(err)
	}
	for lang, cat := range all {
		want := func(key string) {
			if cat[key] == "" {
				t.Errorf("%s lacks %s", lang, key)
			}
		}
		for _, task := range c.Checklist {
			want("task." + task.Text)
		}
		for _, state := range caseStates {
			want("case." + state)
			if state != string(casework.Suspected) && state != string(casework.Confirmed) {
				want("case.to." + state)
			}
			for _, code := range casework.State(state).Reasons() {
				want("reasoncode." + code)
			}
		}
		for _, v := range views() {
			if v.Name != "" {
				want("page." + v.Name)
			}
		}
	}
}

func TestUnknownIsNeverZero(t *testing.T) {
	v := newRoom(t).visit("wang")
	var answer struct {
		Suspects []map[string]any `json:"suspects"`
	}
	if code := v.read("/suspects?all=1", &answer); code != http.StatusOK || len(answer.Suspects) != 8 {
		t.Fatalf("%d, %d meters", code, len(answer.Suspects))
	}
	last := answer.Suspects[7]
	for _, field := range []string{"probability", "log_odds", "block_kw", "onset", "units"} {
		if v, ok := last[field]; !ok || v != nil {
			t.Errorf("%s of a meter without enough data is %v, want null", field, v)
		}
	}
	if _, body := v.get("/meters/m3"); strings.Contains(body, ">0.0 %") || !strings.Contains(body, "not enough data") {
		t.Error("the page of a meter without enough data shows a probability")
	}
}

func TestHealth(t *testing.T) {
	r := newRoom(t)
	v := r.visit("")
	if code, _ := v.get("/healthz"); code != http.StatusOK {
		t.Errorf("healthz: %d", code)
	}
	r.board.set(func(s *Status) { s.Err = "database gone" })
	if code, body := v.get("/healthz"); code != http.StatusServiceUnavailable || !strings.Contains(body, "database gone") {
		t.Errorf("healthz of a stopped scorer: %d %s", code, body)
	}
	if _, body := r.visit("wang").get("/alarms"); !strings.Contains(body, "Scoring stopped") {
		t.Error("the page does not say that scoring stopped")
	}
}

func TestBadQueriesAreNamed(t *testing.T) {
	v := newRoom(t).visit("wang")
	for path, code := range map[string]int{
		"/api/suspects?limit=-1": 400, "/api/suspects?limit=x": 400, "/api/meters?page=x": 400, "/api/alarms?tab=none": 400, "/api/alarms?nonsense=1": 400,
		"/api/map?box=1,2,3": 400, "/api/map?box=5,5,1,1": 400, "/api/meters/nobody": 404, "/api/cases/C-1": 404, "/api/network?at=nowhere": 404, "/elsewhere": 404, "/meters/nobody": 404,
		"/api/suspects?limit=0": 200, "/api/map?box=100,20,110,40&all=true": 200, "/api/kpis?days=0": 200, "/api/kpis?days=99999": 400,
	} {
		if got, body := v.get(path); got != code {
			t.Errorf("%s: %d, want %d: %.200s", path, got, code, body)
		}
	}
}
