package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt/streams/ingest"
)

func evidenceVillage(t *testing.T) (dir string, env map[string]string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "fleet")
	config := filepath.Join(t.TempDir(), "fleet.yaml")
	writeFile(t, config, "meters: 12\ndays: 12\nseed: 3\nstart: 2025-03-01\n")
	if code, _, stderr := run(t, nil, "simulate", "--config", config, "--out", dir); code != exitOK {
		t.Fatal(stderr)
	}
	token := filepath.Join(t.TempDir(), "token")
	writeFile(t, token, "a-token-for-the-page-of-this-test")
	return dir, map[string]string{"FLATWATT_HTTP_TOKEN_FILE": token,
		"FLATWATT_DATA_DIR": filepath.Join(t.TempDir(), "data"), "FLATWATT_FLEET": dir, "FLATWATT_NATS_LISTEN": "127.0.0.1:0",
		"FLATWATT_INFLUX_LISTEN": "127.0.0.1:0", "FLATWATT_HTTP_LISTEN": "127.0.0.1:0", "FLATWATT_INGEST_PUSH_LISTEN": "127.0.0.1:0",
		ingestTokenEnv: "hotline " + pushToken,
	}
}

// outsideOf reads what the page's JSON says of a meter.
func outsideOf(t *testing.T, text, meter string) (odds float64, reason string) {
	t.Helper()
	var answer struct {
		Suspects []struct {
			Meter   string  `json:"meter_id"`
			Outside float64 `json:"outside_log_odds"`
			Reason  string
		}
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		t.Fatal(err)
	}
	for _, s := range answer.Suspects {
		if s.Meter == meter {
			return s.Outside, s.Reason
		}
	}
	t.Fatalf("%s is not in %.500s", meter, text)
	return 0, ""
}

// History comes by import and counts from the day of its entry. A tip-off comes over HTTP,
// today: it must not get into the scores of days long past. After a restart the service
// knows both, and scoring again from the exported file gives the same.
func TestEvidenceIsFusedByTheService(t *testing.T) {
	dir, env := evidenceVillage(t)
	service := start(t, env, "run")
	url := service.await(`push: (http://\S+)`)
	natsURL := service.await(`ready: readings from (\S+) after position 0`)
	post := func(body string) (int, string) {
		return push(t, strings.Replace(url, ingest.ReadingsPath, ingest.EvidencePath, 1), pushToken, body)
	}
	if code, body := post(`{"id":"T1","meter_id":"c0000001","kind":"tip_off","source":"12398","at":"2025-02-27T10:00:00Z","by":"zhang","log_odds":2}`); code != http.StatusOK {
		t.Fatalf("%d %s", code, body)
	}
	if code, body := post(`[{"id":"T2","meter_id":"stranger","kind":"tip_off","source":"12398","at":"2025-02-27T10:00:00Z"}]`); code != http.StatusUnprocessableEntity || !strings.Contains(body, "not in the register") {
		t.Errorf("a stranger: %d %s", code, body)
	}
	if code, body := post(`{"id":"T3","metre":"c0000001"}`); code != http.StatusBadRequest || !strings.Contains(body, "metre") {
		t.Errorf("a misspelt member: %d %s", code, body)
	}
	list := filepath.Join(t.TempDir(), "list.csv")
	writeFile(t, list, "id,meter_id,kind,source,at,entered,by,log_odds\nP1,c0000001,pool_contact,netops,2025-02-20,2025-02-21,li,1\nP2,nobody,pool_contact,netops,2025-02-20,2025-02-21,li,1\n")
	if code, _, stderr := run(t, nil, "evidence", "import", list, "--fleet", dir, "--nats", natsURL); code != exitOK || !strings.Contains(stderr, "1 pieces of evidence stored, 1 rejected") {
		t.Fatalf("%d %s", code, stderr)
	}
	exported := filepath.Join(dir, "evidence.csv")
	if code, _, stderr := run(t, nil, "evidence", "export", "--nats", natsURL, "--out", exported); code != exitOK {
		t.Fatal(stderr)
	}
	service.end()

	_ = os.Rename(exported, exported+".later") // the stream alone must tell it
	service = start(t, env, "run")
	page := service.await(`page: (http://\S+)`)
	natsURL = service.await(`ready: readings from (\S+) after position 0`)
	if code, _, stderr := run(t, nil, "replay", "--fleet", dir, "--nats", natsURL); code != exitOK {
		t.Fatal(stderr)
	}
	var odds float64
	var reason string
	for deadline := time.Now().Add(waitMost); odds == 0; time.Sleep(500 * time.Millisecond) {
		if _, body := getAs(t, env, page+"/api/suspects?all=1"); strings.Contains(body, "c0000001") {
			odds, reason = outsideOf(t, body, "c0000001")
		}
		if time.Now().After(deadline) {
			_, body := get(t, page+"/healthz")
			t.Fatalf("no outside evidence in the scores: %v %q %s %s", odds, reason, body, service.stderr.String())
		}
	}
	if odds != 1 || !strings.Contains(reason, "entered by li") || strings.Contains(reason, "zhang") {
		t.Errorf("outside log odds %v (%s), want 1 of the history and nothing of what was entered years later", odds, reason)
	}
	text, err := os.ReadFile(exported + ".later")
	if err != nil || !strings.Contains(string(text), "zhang (hotline)") {
		t.Errorf("what came over HTTP is not in the export: %v\n%s", err, text)
	}
	service.end()

	_ = os.Rename(exported+".later", exported)
	code, out, stderr := run(t, nil, "score", "--fleet", dir, "-o", "json", "--top", "1000")
	if code != exitOK {
		t.Fatal(stderr)
	}
	again, _ := outsideOf(t, `{"suspects":`+out+`}`, "c0000001")
	if again != odds {
		t.Errorf("scored again from the exported file: %v, the service said %v", again, odds)
	}
}
