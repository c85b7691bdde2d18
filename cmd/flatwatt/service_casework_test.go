package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt/casework"
)

const hookSecret = "a secret of the tests"

// A hookReceiver takes deliveries; the first one is refused, as by a server that restarts.
type hookReceiver struct {
	mu       sync.Mutex // guards what follows
	refused  string     // Flatwatt-Delivery of the refused one
	again    bool       // it came again
	unsigned int
	actions  map[string]int
}

func (h *hookReceiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	h.mu.Lock()
	defer h.mu.Unlock()
	var at, sum string
	if n, _ := fmt.Sscanf(strings.ReplaceAll(r.Header.Get("Flatwatt-Signature"), ",", " "), "t=%s v1=%s", &at, &sum); n != 2 || sum != signatureOf(at, body) {
		h.unsigned++
	}
	id := r.Header.Get("Flatwatt-Delivery")
	if h.refused == "" {
		h.refused = id
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	h.again = h.again || id == h.refused
	var told struct{ Action, Kind string }
	if json.Unmarshal(body, &told) == nil {
		h.actions[told.Action]++
	}
}

func signatureOf(at string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(hookSecret))
	mac.Write([]byte(at + "."))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

func (h *hookReceiver) told(action string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.actions[action] > 0
}

// TestServiceRaisesAlarmsAndTellsHooks runs the service on embedded servers: scores raise
// alarms, each change is told to a webhook, signed, and again where it was refused; what
// people did, and who is signed in, is there after a restart.
func TestServiceRaisesAlarmsAndTellsHooks(t *testing.T) {
	hook := &hookReceiver{actions: map[string]int{}}
	receiver := httptest.NewServer(hook)
	defer receiver.Close()
	dir := t.TempDir()
	env := alarmService(t, dir, receiver.URL)
	service := start(t, env, "run")
	page := service.await(`page: (http://\S+)`)
	address, _, _ := strings.Cut(strings.TrimPrefix(page, "http://"), "/")
	env["FLATWATT_HTTP_LISTEN"] = address // the same after the restart, as a browser wants it
	nats := service.await(`ready: readings from (\S+) after position 0`)
	if code, _, stderr := run(t, nil, "replay", "--fleet", env["FLATWATT_FLEET"], "--nats", nats); code != exitOK {
		t.Fatal(stderr)
	}
	browser := signedIn(t, "http://"+address, "wang", "correct horse battery")
	id := awaitAlarm(t, browser, "http://"+address)
	acknowledge(t, dir, address, id)
	for deadline := time.Now().Add(time.Minute); !hook.told("alarm.score") || !hook.told("alarm.acknowledge"); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the hook was told %v", hook.actions)
		}
	}
	service.end()
	if hook.unsigned > 0 || !hook.again {
		t.Errorf("%d deliveries without a good signature; the refused one came again: %v", hook.unsigned, hook.again)
	}

	again := start(t, env, "run")
	again.await(`page: (http://\S+)`)
	code, body := browser("http://" + address + "/api/alarms?tab=open")
	if code != http.StatusOK {
		t.Fatalf("the restart signed out: %d %.200s", code, body)
	}
	if state := stateOf(t, body, id); state != "acknowledged" {
		t.Errorf("alarm %s is %q after the restart", id, state)
	}
	again.end()
}

// alarmService is a service with a fleet that has miners, an operator and a webhook.
func alarmService(t *testing.T, dir, hook string) map[string]string {
	t.Helper()
	at := func(name string) string { return filepath.Join(dir, name) }
	writeFile(t, at("fleet.yaml"), "seed: 5\nmeters: 40\ndays: 40\nminers:\n  share: 0.15\n  day_zero_share: 0\n")
	if code, _, stderr := run(t, nil, "simulate", "--config", at("fleet.yaml"), "--out", at("fleet")); code != exitOK {
		t.Fatal(stderr)
	}
	writeFile(t, at("pw"), "correct horse battery")
	db := at("casework.db")
	for _, args := range [][]string{
		{"user", "add", "root", "--role", "administrator", "--new-password-file", at("pw"), "--casework", db},
		{"user", "add", "wang", "--role", "operator", "--new-password-file", at("pw"), "--casework", db, "--user", "root", "--password-file", at("pw")},
	} {
		if code, _, stderr := run(t, nil, args...); code != exitOK {
			t.Fatal(stderr)
		}
	}
	writeFile(t, at("hook.secret"), hookSecret)
	writeFile(t, at("hooks.yaml"), "hooks:\n  - {name: itsm, url: \""+hook+"\", secret_file: \""+at("hook.secret")+"\", actions: [\"alarm.*\"]}\n")
	return map[string]string{
		"FLATWATT_DATA_DIR": at("data"), "FLATWATT_FLEET": at("fleet"), "FLATWATT_CASEWORK_FILE": db, "FLATWATT_CASEWORK_WEBHOOKS_FILE": at("hooks.yaml"),
		"FLATWATT_NATS_LISTEN": "127.0.0.1:0", "FLATWATT_INFLUX_LISTEN": "127.0.0.1:0", "FLATWATT_HTTP_LISTEN": "127.0.0.1:0",
	}
}

// awaitAlarm waits for an alarm that nobody has looked at, at the end of the readings.
func awaitAlarm(t *testing.T, browser func(string) (int, string), address string) string {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		var list struct{ Alarms []struct{ ID, State string } }
		_, health := browser(address + "/healthz")
		_, body := browser(address + "/api/alarms?tab=unacknowledged")
		if err := json.Unmarshal([]byte(body), &list); err == nil && len(list.Alarms) > 0 && strings.Contains(health, `"days": 39`) {
			return list.Alarms[0].ID
		}
	}
	t.Fatal("no alarm was raised")
	return ""
}

// acknowledge does it through the API with a token, as a program would.
func acknowledge(t *testing.T, dir, address, id string) {
	t.Helper()
	pw := filepath.Join(dir, "pw")
	code, token, stderr := run(t, nil, "user", "token", "wang", "--name", "test", "--until", "2099-12-31", "--user", "root", "--password-file", pw, "--casework", filepath.Join(dir, "casework.db"))
	if code != exitOK {
		t.Fatal(stderr)
	}
	body, _ := json.Marshal(map[string]any{"ref": []string{id + "@" + versionOf(t, dir, id)}})
	req, err := http.NewRequest(http.MethodPost, "http://"+address+"/api/alarms/acknowledge", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(token))
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if text, _ := io.ReadAll(res.Body); res.StatusCode != http.StatusOK {
		t.Fatalf("acknowledge: %s %s", res.Status, text)
	}
}

func versionOf(t *testing.T, dir, id string) string {
	t.Helper()
	db, err := casework.Open(context.Background(), filepath.Join(dir, "casework.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	r, err := db.Get(context.Background(), "alarm", id, 0)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(r.Version)
}

func stateOf(t *testing.T, body, id string) string {
	t.Helper()
	var list struct{ Alarms []struct{ ID, State string } }
	if err := json.Unmarshal([]byte(body), &list); err != nil {
		t.Fatal(err)
	}
	for _, a := range list.Alarms {
		if a.ID == id {
			return a.State
		}
	}
	return ""
}
