package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/file"
	"github.com/flatwatt/flatwatt/streams/wire"
)

const (
	pushToken = "a-token-of-good-length"
	waitMost  = 30 * time.Second
)

// A village is a small simulated fleet, whose readings tests send in in different ways.
type village struct {
	dir      string
	fleet    *file.Fleet
	env      map[string]string
	readings int
}

func newVillage(t *testing.T) *village {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "fleet")
	if code, _, stderr := run(t, nil, "simulate", "--meters", "15", "--days", "12", "--seed", "3", "--out", dir); code != exitOK {
		t.Fatal(stderr)
	}
	fleet, err := file.Open(dir, file.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := fleet.Load(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	token := filepath.Join(t.TempDir(), "token")
	writeFile(t, token, "of the tests\n")
	return &village{dir: dir, fleet: fleet, readings: int(fleet.Stats().Readings), env: map[string]string{
		"FLATWATT_DATA_DIR": filepath.Join(t.TempDir(), "data"), "FLATWATT_FLEET": dir,
		"FLATWATT_NATS_LISTEN": "127.0.0.1:0", "FLATWATT_INFLUX_LISTEN": "127.0.0.1:0", "FLATWATT_HTTP_LISTEN": "127.0.0.1:0", "FLATWATT_HTTP_TOKEN_FILE": token,
	}}
}

// parts hands out the readings in order of time, those of one concentrator at a time.
func (v *village) parts(t *testing.T, send func(concentrator string, readings []flatwatt.Reading)) {
	t.Helper()
	of := parents(v.fleet.Meters())
	src := v.fleet.Source(time.Time{})
	for {
		b, err := src.Read(t.Context())
		if err != nil {
			return
		}
		rest := b.Readings
		for len(rest) > 0 {
			k := slices.IndexFunc(rest, func(r flatwatt.Reading) bool { return of[r.Meter] != of[rest[0].Meter] })
			if k < 0 {
				k = len(rest)
			}
			send(of[rest[0].Meter], rest[:k])
			rest = rest[k:]
		}
	}
}

// scored waits until the service has taken n readings and judged every customer.
func (v *village) scored(t *testing.T, page string, n int) {
	t.Helper()
	for deadline := time.Now().Add(waitMost); ; time.Sleep(10 * time.Millisecond) {
		var status struct{ Readings, Days int }
		_, body := get(t, page+"/healthz")
		if err := json.Unmarshal([]byte(body), &status); err != nil {
			t.Fatal(err)
		}
		if status.Readings >= n && status.Days >= 10 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("of %d readings: %s", n, body)
		}
	}
	_, body := getAs(t, v.env, page+"/api/suspects?all=1")
	var answer struct {
		Suspects []struct {
			Meter       string `json:"meter_id"`
			Probability *float64
		}
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		t.Fatal(err)
	}
	judged := 0
	for _, s := range answer.Suspects {
		judged += btoi(s.Probability != nil)
	}
	if len(answer.Suspects) < 15 || judged < 10 { // customers, and the transformers above them
		t.Errorf("%d meters, %d with a probability:\n%.2000s", len(answer.Suspects), judged, body)
	}
}

// A plain MQTT client publishes JSON, and the service scores what it sent.
func TestMQTTReadingsAreScored(t *testing.T) {
	v := newVillage(t)
	v.env["FLATWATT_INGEST_MQTT_LISTEN"] = "127.0.0.1:0"
	service := start(t, v.env, "run")
	addr := service.await(`mqtt: (\S+)`)
	page := service.await(`page: (http://\S+)`)
	service.await(`ready: readings`)
	client := mqtt.NewClient(mqtt.NewClientOptions().AddBroker("tcp://" + addr).SetClientID("gateway-1"))
	if tok := client.Connect(); !tok.WaitTimeout(waitMost) || tok.Error() != nil {
		t.Fatal(tok.Error())
	}
	defer client.Disconnect(100)
	single := true
	v.parts(t, func(concentrator string, readings []flatwatt.Reading) {
		body, err := wire.AppendBody(nil, wire.JSON, readings)
		if err != nil {
			t.Fatal(err)
		}
		if single && len(readings) == 1 { // as a device does: an object, not an array
			body = body[1 : len(body)-1]
		}
		if tok := client.Publish("ami/readings/"+concentrator, 1, false, body); !tok.WaitTimeout(waitMost) || tok.Error() != nil {
			t.Fatal(tok.Error())
		}
	})
	v.scored(t, page, v.readings)
	service.end()
}

// Half of the readings are pushed, half are dropped as files; the service scores all, and
// a restart takes the files that were dropped meanwhile.
func TestPushedAndDroppedReadingsAreScored(t *testing.T) {
	v := newVillage(t)
	drop := t.TempDir()
	v.env[ingestTokenEnv] = "head-end " + pushToken
	v.env["FLATWATT_INGEST_PUSH_LISTEN"] = "127.0.0.1:0"
	v.env["FLATWATT_INGEST_FOLDER_DIR"] = drop
	v.env["FLATWATT_INGEST_FOLDER_SETTLE_S"] = "1"
	service := start(t, v.env, "run")
	url := service.await(`push: (http://\S+)`)
	service.await(`page: (http://\S+)`)
	service.await(`ready: readings`)

	var pushed, dropped bytes.Buffer
	n, last := 0, 0
	v.parts(t, func(_ string, readings []flatwatt.Reading) {
		for i := range readings {
			line, err := appendReading(nil, "ndjson", readings[i])
			if err != nil {
				t.Fatal(err)
			}
			if n++; n <= v.readings/2 {
				pushed.Write(line)
				last = n
			} else {
				dropped.Write(line)
			}
		}
	})
	if code, body := push(t, url, pushToken, pushed.String()+`{"meter_id":"stranger","start":"2026-01-01T00:00:00Z","length_s":900,"energy_kwh":1}`+"\n"); code != http.StatusMultiStatus || !strings.Contains(body, `"stranger\" is not registered`) {
		t.Errorf("push: %d %s", code, body)
	}
	if code, _ := push(t, url, "a-wrong-token-of-length", pushed.String()); code != http.StatusUnauthorized {
		t.Errorf("a wrong token: %d", code)
	}
	service.await(fmt.Sprintf(`push of head-end: %d accepted, 1 rejected`, last))
	service.end()

	path := filepath.Join(drop, "in", "rest.jsonl")
	writeFile(t, path+".tmp", dropped.String())
	if err := os.Rename(path+".tmp", path); err != nil {
		t.Fatal(err)
	}
	service = start(t, v.env, "run")
	page := service.await(`page: (http://\S+)`)
	service.await(`done/rest.jsonl: (\d+) accepted, 0 rejected`)
	// The second start resumes after what it saved, or scores it again.
	v.scored(t, page, v.readings-last)
	service.end()
}

func push(t *testing.T, url, token, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(res.Body); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, b.String()
}

// A file is stored by the command of its own, once however often, and the service scores it.
func TestIngestCommand(t *testing.T) {
	v := newVillage(t)
	service := start(t, v.env, "run")
	page := service.await(`page: (http://\S+)`)
	nats := service.await(`ready: readings from (\S+) after`)
	var text bytes.Buffer
	v.parts(t, func(_ string, readings []flatwatt.Reading) {
		for i := range readings {
			line, err := appendReading(nil, "ndjson", readings[i])
			if err != nil {
				t.Fatal(err)
			}
			text.Write(line)
		}
	})
	path := filepath.Join(t.TempDir(), "all.jsonl")
	writeFile(t, path, text.String()+"{\n")
	for range 2 {
		code, stdout, stderr := run(t, nil, "ingest", path, "--nats", nats, "--fleet", v.dir, "-o", "json")
		var all []ingested
		if err := json.Unmarshal([]byte(stdout), &all); err != nil || code != exitOK {
			t.Fatalf("exit code %d, %v: %s", code, err, stderr)
		}
		if len(all) != 1 || all[0].Accepted != v.readings || all[0].Rejected != 1 || all[0].Rejects[0].Where != fmt.Sprintf("all.jsonl:%d", v.readings+1) {
			t.Errorf("%+v", all)
		}
	}
	v.scored(t, page, v.readings)
	if _, body := get(t, page+"/healthz"); !strings.Contains(body, fmt.Sprintf(`"readings": %d`, v.readings)) {
		t.Errorf("a repeat was stored again: %s, want %d readings", body, v.readings)
	}
	bad := filepath.Join(t.TempDir(), "bad.jsonl")
	writeFile(t, bad, "{\"meter_id\":\"m\",\"energy_kwh\":1}\n")
	if code, stdout, stderr := run(t, nil, "ingest", bad, "--nats", nats); code != exitData || !strings.Contains(stdout, "bad.jsonl:1") || !strings.Contains(stderr, "nothing could be taken") {
		t.Errorf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
	if code, _, stderr := run(t, nil, "ingest", bad, "--nats", "nats://127.0.0.1:1"); code != exitError {
		t.Errorf("without a server: exit code %d, %s", code, stderr)
	}
	service.end()
}
