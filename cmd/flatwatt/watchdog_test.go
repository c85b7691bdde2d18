package main

import (
	"context"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams"
	"github.com/flatwatt/flatwatt/streams/memory"
)

// manager listens as systemd does and returns what it is told, a message at a time.
func manager(t *testing.T) (socket string, next func() string) {
	t.Helper()
	socket = filepath.Join(t.TempDir(), "notify")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Skip("no datagram sockets of this kind: ", err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return socket, func() string {
		t.Helper()
		b := make([]byte, 4096)
		if err := c.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		n, err := c.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		return string(b[:n])
	}
}

// TestServiceTellsItsManager: a service says when it is ready, that it lives, and that it stops.
func TestServiceTellsItsManager(t *testing.T) {
	socket, next := manager(t)
	fleet := filepath.Join(t.TempDir(), "fleet")
	if code, _, stderr := run(t, nil, "simulate", "--meters", "3", "--days", "2", "--out", fleet); code != exitOK {
		t.Fatal(stderr)
	}
	service := start(t, map[string]string{
		"NOTIFY_SOCKET": socket, "WATCHDOG_USEC": "60000", "FLATWATT_DATA_DIR": filepath.Join(t.TempDir(), "data"), "FLATWATT_FLEET": fleet,
		"FLATWATT_NATS_LISTEN": "127.0.0.1:0", "FLATWATT_INFLUX_LISTEN": "127.0.0.1:0", "FLATWATT_HTTP_LISTEN": "127.0.0.1:0",
	}, "run")
	if got := next(); !strings.HasPrefix(got, "READY=1") {
		t.Errorf("first told %q", got)
	}
	for range 3 {
		if got := next(); got != "WATCHDOG=1" {
			t.Errorf("told %q, want a sign of life", got)
		}
	}
	service.end()
	for {
		if got := next(); got == "STOPPING=1" {
			return
		} else if got != "WATCHDOG=1" {
			t.Fatalf("told %q", got)
		}
	}
}

// stuckScorer waits for ever, as a bug would.
type stuckScorer struct {
	at, free chan struct{}
}

func (s *stuckScorer) Score(dst []flatwatt.Score, _ []flatwatt.Reading) []flatwatt.Score {
	close(s.at)
	<-s.free
	return dst
}
func (*stuckScorer) Close(dst []flatwatt.Score) []flatwatt.Score { return dst }
func (*stuckScorer) AppendBinary(b []byte) ([]byte, error)       { return b, nil }
func (*stuckScorer) UnmarshalBinary([]byte) error                { return nil }

// TestStuckPartIsFound: a part that hangs is named once it has for too long, an attempt
// that failed is a sign of life, and one that has ended is forgotten.
func TestStuckPartIsFound(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	u := newPulse(func() time.Time { return now })
	scorer := &stuckScorer{at: make(chan struct{}), free: make(chan struct{})}
	line := u.watch("p7", streams.Pipeline{
		Open:   (&memory.Stream{Messages: []memory.Message{{Readings: []flatwatt.Reading{{Meter: "a"}}}}}).Open,
		Scorer: scorer, Sink: &memory.Sink{}, Rejects: &memory.Rejects{}, Checkpoints: &memory.Checkpoints{},
	})
	ended := make(chan error, 1)
	go func() { ended <- line.Run(context.Background()) }()
	<-scorer.at
	now = now.Add(longestStep)
	if part := u.stuck(longestStep); part != "" {
		t.Errorf("%s is stuck too early", part)
	}
	now = now.Add(time.Second)
	if part := u.stuck(longestStep); part != "p7" {
		t.Errorf("stuck: %q", part)
	}
	line.Hooks.Retried("write scores", 1, nil)
	if part := u.stuck(longestStep); part != "" {
		t.Errorf("%s is stuck though it tries again", part)
	}
	close(scorer.free)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	now = now.Add(24 * time.Hour)
	if part := u.stuck(longestStep); part != "" {
		t.Errorf("%s is stuck though it has ended", part)
	}
}

// TestStuckServiceGoesSilent: what is stuck gets no sign of life.
func TestStuckServiceGoesSilent(t *testing.T) {
	socket, next := manager(t)
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	u := newPulse(func() time.Time { return now })
	u.set("p7", true)
	u.now = func() time.Time { return now.Add(time.Hour) }
	p := &Program{Stderr: &syncBuffer{}}
	stop := p.keepTelling(notifier{socket: socket, watchdog: 30 * time.Millisecond}, u)
	for _, want := range []string{"READY=1\nSTATUS=scoring", "STATUS=part p7 is stuck", "STATUS=part p7 is stuck"} {
		if got := next(); got != want {
			t.Errorf("told %q, want %q", got, want)
		}
	}
	stop()
}
