package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	js "github.com/nats-io/nats.go/jetstream"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/formats"
	"github.com/flatwatt/flatwatt/streams/jetstream"
)

// workerOf is JetStream as the worker sees it, and the environment of a worker that takes
// pushes in. The streams are made, that of readings without direct gets, as some sites have it.
func workerOf(t *testing.T, g guardedNATS) (js.JetStream, map[string]string) {
	t.Helper()
	fleet := newCrashFleet(t)
	more := []string{"FLATWATT_FLEET", fleet.dir, "FLATWATT_DATA_DIR", t.TempDir(), "FLATWATT_INGEST_PUSH_LISTEN", "127.0.0.1:0", ingestTokenEnv, pushToken}
	asOperator := g.env(append(more, "FLATWATT_NATS_NKEY_FILE", g.operator)...)
	operator, _ := dialAs(t, asOperator)
	j, err := js.New(operator)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.CreateStream(t.Context(), js.StreamConfig{Name: jetstream.ReadingsStream, Subjects: []string{"ami.readings.>"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := j.Publish(t.Context(), "ami.readings.C", nil); err != nil {
		t.Fatal(err)
	}
	if code, out, stderr := run(t, asOperator, "doctor", "--setup"); code != exitOK {
		t.Fatalf("setup: %d\n%s%s", code, out, stderr)
	}
	env := g.env(append(more, "FLATWATT_NATS_NKEY_FILE", g.worker)...)
	worker, _ := dialAs(t, env)
	if j, err = js.New(worker); err != nil {
		t.Fatal(err)
	}
	return j, env
}

func takeOne(t *testing.T, j js.JetStream) error {
	m := []flatwatt.Meter{{ID: "a", Parent: "C-1", Zone: time.UTC, Interval: 15 * time.Minute}}
	in, err := intakeApart(j, m)
	if err != nil {
		t.Fatal(err)
	}
	csv := "meter_id,start,energy_kwh\na,2026-01-05T00:00:00Z,1\na,2026-01-05T00:15:00Z,1\n"
	src, _, err := openData("x.csv", strings.NewReader(csv), formats.Options{Register: registerOf(m)})
	if err != nil {
		t.Fatal(err)
	}
	got, err := in.Take(t.Context(), src)
	if err == nil && got.Accepted != 2 {
		t.Errorf("%+v, want two readings", got)
	}
	return err
}

// A worker of nats.conf that takes readings in is told at once that it may not store them.
func TestForbiddenIntakeFailsAtOnce(t *testing.T) {
	j, env := workerOf(t, startGuarded(t))
	if s, err := j.Stream(t.Context(), jetstream.ReadingsStream); err != nil {
		t.Error(err)
	} else if _, err := s.GetMsg(t.Context(), 1); err != nil {
		t.Errorf("a message of a stream without direct gets, which checkpoints look at: %v", err)
	}
	began := time.Now()
	if err := takeOne(t, j); !errors.Is(err, nats.ErrPermissionViolation) || !strings.Contains(err.Error(), "ami.readings.C-1") {
		t.Errorf("readings: %v, want that the subject may not be published to", err)
	}
	err := jetstream.PublishEvidence(t.Context(), j, flatwatt.Outside{ID: "e"})
	if !errors.Is(err, nats.ErrPermissionViolation) || !strings.Contains(err.Error(), jetstream.EvidenceSubject) {
		t.Errorf("evidence: %v, want that the subject may not be published to", err)
	}
	if d := time.Since(began); d > 5*time.Second {
		t.Errorf("to be refused took %v", d)
	}
	if code, out, _ := run(t, env, "doctor"); code != exitError || !strings.Contains(out, "take in") || !strings.Contains(out, "ami.readings.doctor") {
		t.Errorf("doctor: %d\n%s", code, out)
	}
}

// With the line of nats.conf that is commented out it may.
func TestWorkerMayTakeReadingsIn(t *testing.T) {
	conf, err := os.ReadFile(filepath.Join("..", "..", "deploy", "nats", "nats.conf"))
	if err != nil {
		t.Fatal(err)
	}
	line := []byte(`"ami.readings.>", "ami.evidence",`)
	if bytes.Count(conf, append([]byte("# "), line...)) != 1 {
		t.Fatalf("nats.conf has no line # %s", line)
	}
	path := filepath.Join(t.TempDir(), "nats.conf")
	writeFile(t, path, string(bytes.Replace(conf, append([]byte("# "), line...), line, 1)))
	j, env := workerOf(t, guard(t, path))
	if err := takeOne(t, j); err != nil {
		t.Errorf("readings: %v", err)
	}
	if err := jetstream.PublishEvidence(t.Context(), j, flatwatt.Outside{ID: "e"}); err != nil {
		t.Errorf("evidence: %v", err)
	}
	if code, out, _ := run(t, env, "doctor"); code != exitOK || !strings.Contains(out, "may publish to ami.readings.doctor and ami.evidence") {
		t.Errorf("doctor: %d\n%s", code, out)
	}
	if s, err := j.Stream(t.Context(), jetstream.ReadingsStream); err != nil || s.CachedInfo().State.Msgs != 2 {
		t.Errorf("%v, %+v: doctor leaves nothing in the stream", err, s.CachedInfo().State)
	}
}
