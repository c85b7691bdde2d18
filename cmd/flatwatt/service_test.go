package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt/console"
)

// A running is a Program that goes on until it is stopped.
type running struct {
	t      *testing.T
	stderr syncBuffer
	stdout syncBuffer
	stop   context.CancelFunc
	ended  chan int
}

func start(t *testing.T, env map[string]string, args ...string) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{t: t, stop: cancel, ended: make(chan int, 1)}
	p := &Program{
		Stdout: &r.stdout, Stderr: &r.stderr,
		Getenv:  func(k string) string { return env[k] },
		Environ: func() []string { return nil },
	}
	go func() { r.ended <- p.Run(ctx, args) }()
	t.Cleanup(func() { cancel() })
	return r
}

// await waits until the messages match and returns what the first group matched.
func (r *running) await(pattern string) string {
	r.t.Helper()
	re := regexp.MustCompile(pattern)
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		if m := re.FindStringSubmatch(r.stderr.String()); m != nil {
			return m[len(m)-1]
		}
		select {
		case code := <-r.ended:
			r.t.Fatalf("ended with code %d while waiting for %q:\n%s", code, pattern, r.stderr.String())
		case <-time.After(10 * time.Millisecond):
		}
	}
	r.t.Fatalf("no %q within a minute:\n%s", pattern, r.stderr.String())
	return ""
}

// end stops the program and wants exit code 0.
func (r *running) end() {
	r.t.Helper()
	r.stop()
	select {
	case code := <-r.ended:
		if code != exitOK {
			r.t.Errorf("exit code %d:\n%s", code, r.stderr.String())
		}
	case <-time.After(time.Minute):
		r.t.Fatal("does not stop")
	}
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

// getAs gets with the token of a service's environment.
func getAs(t *testing.T, env map[string]string, url string) (int, string) {
	t.Helper()
	token, err := os.ReadFile(env["FLATWATT_HTTP_TOKEN_FILE"])
	if err != nil {
		t.Fatal(err)
	}
	return fetch(t, http.DefaultClient, url, strings.TrimSpace(string(token)))
}

func fetch(t *testing.T, client *http.Client, url, token string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

// signedIn signs somebody in to the control room and returns how they get a page.
func signedIn(t *testing.T, address, user, password string) func(url string) (int, string) {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar}
	res, err := client.PostForm(address+"/login", url.Values{"user": {user}, "password": {password}})
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK || res.Request.URL.Path != "/alarms" {
		t.Fatalf("sign in as %s: %s at %s", user, res.Status, res.Request.URL)
	}
	return func(url string) (int, string) { return fetch(t, client, url, "") }
}

func TestDemoServesUntilItIsStopped(t *testing.T) {
	demo := start(t, nil, "demo", "--meters", "60", "--days", "45", "--seed", "2", "-o", "json")
	address := demo.await(`the control room is at (http://127.0.0.1:\d+)`)
	var list []console.SuspectJSON
	if err := json.Unmarshal([]byte(demo.stdout.String()), &list); err != nil {
		t.Fatalf("standard output is no JSON: %v", err)
	}
	if len(list) < demoTop {
		t.Errorf("%d findings, want %d", len(list), demoTop)
	}
	for _, f := range list {
		if f.Truth == nil {
			t.Errorf("meter %s: the demo knows the truth but does not show it", f.Meter)
		}
	}
	if code, body := get(t, address+"/api/suspects"); code != http.StatusUnauthorized {
		t.Errorf("without a sign-in: %d %.200s", code, body)
	}
	browser := signedIn(t, address, "demo", demo.await(`sign in as demo, password ([0-9a-f]+)`))
	code, page := browser(address + "/meters/" + list[0].Meter)
	if code != http.StatusOK || !strings.Contains(page, `<svg class="plot"`) || !strings.Contains(page, string(list[0].Meter)) {
		t.Errorf("page: code %d, without plot or meter %s", code, list[0].Meter)
	}
	if code, page = browser(address + "/alarms"); code != http.StatusOK || !strings.Contains(page, string(list[0].Meter)) {
		t.Errorf("alarms: code %d, without meter %s", code, list[0].Meter)
	}
	if strings.Contains(page, "http://") || strings.Contains(page, "https://") {
		t.Error("the page needs something from elsewhere")
	}
	if code, body := get(t, address+"/healthz"); code != http.StatusOK || !strings.Contains(body, `"done": true`) {
		t.Errorf("healthz: %d %s", code, body)
	}
	code, body := browser(address + "/api/suspects?all=1")
	var answer struct{ Suspects []console.SuspectJSON }
	if err := json.Unmarshal([]byte(body), &answer); err != nil || code != http.StatusOK {
		t.Fatalf("api: %d %v", code, err)
	}
	if len(answer.Suspects) < 60 { // and the transformers above them
		t.Errorf("api: %d meters, want 60 or more", len(answer.Suspects))
	}
	demo.end()
}

// TestDemoIsDeterministic: what comes through JetStream in pieces that timing decides
// gives the same list.
func TestDemoIsDeterministic(t *testing.T) {
	var first string
	for range 2 {
		code, stdout, stderr := run(t, nil, "demo", "--meters", "40", "--days", "35", "--exit", "-o", "csv")
		if code != exitOK {
			t.Fatalf("exit code %d: %s", code, stderr)
		}
		if first == "" {
			first = stdout
		} else if stdout != first {
			t.Errorf("two lists of one seed:\n%s\n%s", first, stdout)
		}
	}
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "mine"), "x")
	if code, _, stderr := run(t, nil, "demo", "--dir", dir, "--exit"); code != exitUsage || !strings.Contains(stderr, "not empty") {
		t.Errorf("a full --dir: exit code %d, %s", code, stderr)
	}
}

// TestServiceScoresReplayAndResumes starts the service on embedded servers, replays a
// fleet into it from another program, stops it, and starts it again.
func TestServiceScoresReplayAndResumes(t *testing.T) {
	fleet := filepath.Join(t.TempDir(), "fleet")
	if code, _, stderr := run(t, nil, "simulate", "--meters", "30", "--days", "30", "--out", fleet); code != exitOK {
		t.Fatal(stderr)
	}
	token := filepath.Join(t.TempDir(), "token")
	writeFile(t, token, "of the tests\n")
	env := map[string]string{
		"FLATWATT_DATA_DIR": filepath.Join(t.TempDir(), "data"), "FLATWATT_FLEET": fleet,
		"FLATWATT_NATS_LISTEN": "127.0.0.1:0", "FLATWATT_INFLUX_LISTEN": "127.0.0.1:0", "FLATWATT_HTTP_LISTEN": "127.0.0.1:0",
		"FLATWATT_RUN_SAVE_EVERY_READINGS": "1000", "FLATWATT_HTTP_TOKEN_FILE": token,
	}
	service := start(t, env, "run")
	page := service.await(`page: (http://\S+)`)
	nats := service.await(`ready: readings from (\S+) after position 0`)
	code, _, stderr := run(t, nil, "replay", "--fleet", fleet, "--nats", nats)
	if code != exitOK {
		t.Fatal(stderr)
	}
	sent := regexp.MustCompile(`replay: ([\d ]+) readings`).FindStringSubmatch(stderr)[1]
	want, err := strconv.Atoi(strings.ReplaceAll(sent, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ; {
		var status struct {
			Readings, Days int
			Error          string
		}
		_, body := get(t, page+"/healthz")
		if err := json.Unmarshal([]byte(body), &status); err != nil {
			t.Fatal(err)
		}
		if status.Readings == want && status.Days >= 29 {
			break
		}
		if time.Now().After(deadline) || status.Error != "" {
			t.Fatalf("%d of %d readings scored: %s", status.Readings, want, body)
		}
		time.Sleep(10 * time.Millisecond)
	}
	if _, body := getAs(t, env, page+"/meters/c0000001"); !strings.Contains(body, `<svg class="plot"`) {
		t.Error("the page has no plot")
	}
	service.end()

	again := start(t, env, "run")
	if from := again.await(`ready: readings from \S+ after position (\d+)`); from == "0" {
		t.Error("the second start forgot the checkpoint")
	}
	again.end()
}
