package console

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt/access"
	"github.com/flatwatt/flatwatt/casework"
)

// TestNothingWithoutASignIn asks for every route as nobody.
func TestNothingWithoutASignIn(t *testing.T) {
	v := newRoom(t).visit("")
	for _, view := range views() {
		path := strings.ReplaceAll(view.Path, "{id}", "x")
		if code, _ := v.get("/api" + path); code != http.StatusUnauthorized {
			t.Errorf("GET /api%s: %d", path, code)
		}
		if view.Name == "" {
			continue
		}
		if code, _, h := v.do("GET", path+"?a=b", nil); code != http.StatusSeeOther || h.Get("Location") != "/login?next="+url.QueryEscape(path+"?a=b") {
			t.Errorf("GET %s: %d %s", path, code, h.Get("Location"))
		}
	}
	for _, a := range acts() {
		path := strings.NewReplacer("{id}", "x", "{name}", "x").Replace(a.Path)
		if code := v.send(path, nil, nil); code != http.StatusUnauthorized {
			t.Errorf("POST /api%s: %d", path, code)
		}
		if code, _ := v.post(path); code != http.StatusSeeOther {
			t.Errorf("POST %s: %d", path, code)
		}
	}
	for _, path := range []string{"/api/suspects", "/api/live", "/events", "/cases/x/files/y", "/api/meters/c2/pack.json", "/reports/x/file", "/spotchecks/x/disclosure"} {
		if code, body := v.get(path); code == http.StatusOK {
			t.Errorf("GET %s: %d %.100s", path, code, body)
		}
	}
}

// TestEveryActNeedsItsRole does every act as the role below the one it needs.
func TestEveryActNeedsItsRole(t *testing.T) {
	r := newRoom(t)
	below := map[access.Role]string{access.Operator: "guest", access.Inspector: "wang", access.Supervisor: "li", access.Administrator: "zhao"}
	visitors := map[string]*visitor{}
	for _, name := range below {
		visitors[name] = r.visit(name)
	}
	checked := 0
	for _, a := range acts() {
		name, ok := below[a.Role]
		if !ok {
			continue
		}
		checked++
		path := strings.NewReplacer("{id}", "x", "{name}", "x").Replace(a.Path)
		if code := visitors[name].send(path, nil, nil); code != http.StatusForbidden {
			t.Errorf("%s by %s: %d, want 403", a.Path, name, code)
		}
	}
	for _, view := range views() {
		if name, ok := below[view.Role]; ok {
			if code, _ := visitors[name].get(view.Path); code != http.StatusForbidden {
				t.Errorf("%s by %s: %d, want 403", view.Path, name, code)
			}
		}
	}
	if checked < 20 {
		t.Errorf("only %d acts need a role", checked)
	}
}

// TestAreasAreKeptApart: an operator of one area sees and changes nothing of another.
func TestAreasAreKeptApart(t *testing.T) {
	v := newRoom(t).visit("aba")
	for _, path := range []string{"/alarms", "/meters", "/api/suspects?all=1", "/api/network", "/api/map?all=true", "/api/quality"} {
		_, body := v.get(path)
		if !strings.Contains(body, "c2") && (path == "/alarms" || path == "/meters") {
			t.Errorf("%s does not show the own area", path)
		}
		if strings.Contains(body, "/meters/c3") || strings.Contains(body, `"c3"`) {
			t.Errorf("%s shows another area", path)
		}
	}
	for _, path := range []string{"/api/meters/c3", "/api/meters/c3/plot", "/api/meters/c3/pack", "/api/meters/c3/pack.json"} {
		if code, _ := v.get(path); code != http.StatusNotFound {
			t.Errorf("%s: %d, want 404", path, code)
		}
	}
	for path, in := range map[string]map[string]any{"/alarms/acknowledge": {"ref": []string{"c3@0"}}, "/cases": {"meter": "c3"}, "/alarms/inspect": {"ref": []string{"c3@0"}, "to": "li"}} {
		if code := v.send(path, in, nil); code != http.StatusNotFound {
			t.Errorf("%s of another area: %d, want 404", path, code)
		}
	}
}

// TestAPageOfAnotherOriginChangesNothing: a form that another site has the browser send.
func TestAPageOfAnotherOriginChangesNothing(t *testing.T) {
	r := newRoom(t)
	v := r.visit("wang")
	form := "ref=c2%400"
	for _, header := range [][]string{{"Origin", "https://evil.example"}, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}} {
		all := append([]string{"Content-Type", "application/x-www-form-urlencoded"}, header...)
		for _, path := range []string{"/alarms/acknowledge", "/api/alarms/acknowledge", "/logout", "/login"} {
			if code, _, _ := v.do("POST", path, strings.NewReader(form), all...); code != http.StatusForbidden {
				t.Errorf("%s with %v: %d, want 403", path, header, code)
			}
		}
	}
	if r.alarm("c2").Acknowledged {
		t.Error("the alarm was acknowledged")
	}
}

// TestGuessingIsSlowed: after ten wrong passwords the name waits, even for the right one;
// after a minute it may try again.
func TestGuessingIsSlowed(t *testing.T) {
	r := newRoom(t)
	v := r.visit("")
	for range 10 {
		if code, body := v.post("/login", "user", "wang", "password", "wrong wrong wrong"); code != http.StatusUnauthorized || !strings.Contains(body, "Name or password is wrong") {
			t.Fatalf("%d", code)
		}
	}
	if code, _ := v.post("/login", "user", "wang", "password", password); code != http.StatusTooManyRequests {
		t.Errorf("the eleventh try: %d", code)
	}
	r.wait(2 * time.Minute)
	if code, _ := v.post("/login", "user", "wang", "password", password); code != http.StatusSeeOther {
		t.Errorf("after a pause: %d", code)
	}
	unknown, wrong := "", ""
	r.wait(time.Hour)
	_, unknown = v.post("/login", "user", "nobody", "password", "wrong wrong wrong")
	_, wrong = v.post("/login", "user", "chen", "password", "wrong wrong wrong")
	if strings.ReplaceAll(unknown, "nobody", "") != strings.ReplaceAll(wrong, "chen", "") {
		t.Error("an unknown name looks different from a wrong password")
	}
}

// TestSessionsEnd by rest, by age, by sign-out, by lock-out and by a new password.
func TestSessionsEnd(t *testing.T) {
	r := newRoom(t)
	in := func(v *visitor) bool { code, _ := v.get("/alarms"); return code == http.StatusOK }
	v := r.visit("wang")
	r.wait(59 * time.Minute)
	if !in(v) {
		t.Error("out after 59 minutes")
	}
	r.wait(59 * time.Minute)
	if code, _ := v.get("/api/live"); code != http.StatusOK { // by itself: keeps nothing alive
		t.Error("the page's own request is refused")
	}
	r.wait(2 * time.Minute)
	if in(v) {
		t.Error("still in after an hour without a request by a person")
	}
	v = r.visit("wang")
	for range 14 { // 12 h 50 min
		r.wait(55 * time.Minute)
		in(v)
	}
	if in(v) {
		t.Error("still in after twelve hours")
	}
	v, other := r.visit("wang"), r.visit("wang")
	secret := ""
	for _, c := range v.client.Jar.Cookies(&url.URL{Scheme: "http", Host: r.addr, Path: "/"}) {
		if c.Name == "flatwatt" {
			secret = c.Value
		}
	}
	v.post("/logout")
	if _, ok := r.s.Sessions.Find(secret, r.clock(), true); ok || secret == "" {
		t.Error("the secret is good after the sign-out")
	}
	if code, body := other.post("/me/password", "old", password, "new", "another horse battery"); code != http.StatusSeeOther {
		t.Fatal(code, body)
	}
	if !in(other) {
		t.Error("who changed their password is out")
	}
	li := r.visit("li")
	if code, _ := r.visit("root").post("/users/li/change", "disabled", "true"); code != http.StatusSeeOther {
		t.Fatal(code)
	}
	if in(li) {
		t.Error("a locked-out user is in")
	}
	if code, _ := r.visit("").post("/login", "user", "li", "password", password); code != http.StatusUnauthorized {
		t.Errorf("a locked-out user signs in: %d", code)
	}
}

// TestTokens act as their user until their last day or their removal; none is kept as it is.
func TestTokens(t *testing.T) {
	r := newRoom(t, func(o *Options) { o.Token = "of the service" })
	v := r.visit("wang")
	var made struct{ Token string }
	if code := v.send("/me/tokens", map[string]any{"name": "script", "until": "2026-02-10"}, &made); code != http.StatusOK || made.Token == "" {
		t.Fatal(code)
	}
	nobody := r.visit("")
	ask := func(token, method, path string) int {
		code, _, _ := nobody.do(method, path, strings.NewReader(`{"ref":["c2@0"]}`), "Authorization", "Bearer "+token, "Content-Type", "application/json")
		return code
	}
	for token, codes := range map[string][2]int{made.Token: {200, 200}, made.Token + "x": {401, 401}, "of the service": {200, 403}} {
		if code := ask(token, "GET", "/api/alarms"); code != codes[0] {
			t.Errorf("%.8s reads: %d, want %d", token, code, codes[0])
		}
		if code := ask(token, "POST", "/api/alarms/acknowledge"); code != codes[1] {
			t.Errorf("%.8s acts: %d, want %d", token, code, codes[1])
		}
	}
	if a := r.alarm("c2"); a.AckedBy != "wang" {
		t.Errorf("acknowledged by %q", a.AckedBy)
	}
	if code := v.send("/me/tokens/script/remove", nil, nil); code != http.StatusOK || ask(made.Token, "GET", "/api/alarms") != 401 {
		t.Error("a removed token is good")
	}
	users, err := r.db.List(t.Context(), casework.KindUser)
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range users {
		if strings.Contains(string(u.Body), made.Token) || strings.Contains(string(u.Body), password) {
			t.Error("a secret is kept as it is")
		}
	}
}

// TestHeadersAndCookies of every answer, and of a console behind https.
func TestHeadersAndCookies(t *testing.T) {
	r := newRoom(t, func(o *Options) { o.Secure = true })
	v := r.visit("")
	code, _, h := v.do("POST", "/login", strings.NewReader(url.Values{"user": {"wang"}, "password": {password}}.Encode()), "Content-Type", "application/x-www-form-urlencoded")
	cookie := h.Get("Set-Cookie")
	for _, want := range []string{"__Host-flatwatt=", "HttpOnly", "Secure", "SameSite=Lax", "Path=/"} {
		if code != http.StatusSeeOther || !strings.Contains(cookie, want) {
			t.Errorf("cookie %q lacks %s", cookie, want)
		}
	}
	for _, path := range []string{"/login", "/api/alarms", "/healthz", "/assets/keys.js", "/nowhere"} {
		_, _, h := v.do("GET", path, nil)
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; script-src 'self'", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin",
			"Strict-Transport-Security": "max-age=31536000", "Cross-Origin-Opener-Policy": "same-origin",
		} {
			if !strings.Contains(h.Get(name), want) {
				t.Errorf("%s: %s is %q", path, name, h.Get(name))
			}
		}
		if strings.Contains(h.Get("Content-Security-Policy"), "unsafe") {
			t.Errorf("%s: the policy allows something unsafe", path)
		}
	}
	for _, next := range []string{"https://evil.example/", "//evil.example", `/\evil.example`, "javascript:alert(1)"} {
		if at := local(next); !strings.HasPrefix(at, "/") || strings.HasPrefix(at, "//") || strings.Contains(at, "evil") && !strings.HasPrefix(at, "/") {
			t.Errorf("%s leads to %s", next, at)
		}
	}
}

// TestWrongInputIsNamed: a field that is not there, of a wrong kind, twice, or too long.
func TestWrongInputIsNamed(t *testing.T) {
	v := newRoom(t).visit("wang")
	for _, c := range []struct {
		in   map[string]any
		want string
	}{
		{map[string]any{"ref": []string{"c2@0"}, "admin": true}, "admin"}, {map[string]any{}, "ref"}, {map[string]any{"ref": "c2"}, "ref"},
		{map[string]any{"ref": "c2@x"}, "ref"}, {map[string]any{"ref": "c2@0", "note": strings.Repeat("x", 20_000)}, "note"}, {map[string]any{"ref": "c2@0", "note": map[string]any{"a": 1}}, "note"},
	} {
		var p problem
		if code := v.send("/alarms/acknowledge", c.in, &p); code != http.StatusBadRequest || !strings.Contains(p.Error, c.want) {
			t.Errorf("%v: %d %q", c.in, code, p.Error)
		}
	}
	if code, _, _ := v.do("POST", "/api/alarms/acknowledge", strings.NewReader(`{"ref":"`+strings.Repeat("x", 2<<20)+`"}`), "Content-Type", "application/json"); code != http.StatusRequestEntityTooLarge {
		t.Errorf("2 MiB: %d", code)
	}
	if code, _, _ := v.do("POST", "/api/alarms/acknowledge", strings.NewReader("<a/>"), "Content-Type", "text/xml"); code != http.StatusUnsupportedMediaType {
		t.Errorf("XML: %d", code)
	}
}

// TestSessionsSurviveARestart: whoever was signed in still is; whoever signed out, or was
// idle too long meanwhile, is not.
func TestSessionsSurviveARestart(t *testing.T) {
	r := newRoom(t)
	in := func(v *visitor) bool { code, _ := v.get("/alarms"); return code == http.StatusOK }
	stays, left, idle := r.visit("wang"), r.visit("wang"), r.visit("li")
	r.wait(40 * time.Minute)
	in(stays) // long after it was kept last, so kept again
	in(left)
	r.jarKept(left, func() { left.post("/logout") }) // the browser still has the cookie
	r.wait(30 * time.Minute)
	r.stopServer()
	r.startServer()
	if !in(stays) {
		t.Error("the restart signed out who was signed in")
	}
	if in(left) {
		t.Error("the restart signed in who had signed out")
	}
	if in(idle) {
		t.Error("the restart signed in who was idle for 70 minutes")
	}
	r.wait(12 * time.Hour)
	r.stopServer()
	r.startServer()
	if list, err := r.db.LoadSessions(context.Background()); in(stays) || len(list) != 0 || err != nil {
		t.Errorf("%d sessions are kept after twelve hours, %v", len(list), err)
	}
}

// jarKept does something and then gives the browser the cookies back that it had before.
func (r *room) jarKept(v *visitor, do func()) {
	r.t.Helper()
	at := &url.URL{Scheme: "http", Host: r.addr, Path: "/"}
	cookies := v.client.Jar.Cookies(at)
	if len(cookies) == 0 {
		r.t.Fatal("no cookie")
	}
	do()
	v.client.Jar.SetCookies(at, cookies)
}
