package schedule

import (
	"context"
	"testing"
	"time"

	js "github.com/nats-io/nats.go/jetstream"

	"github.com/flatwatt/flatwatt/streams/natsd"
)

// late is a context whose deadline has passed while its timer has not fired yet.
type late struct{ context.Context }

func (late) Deadline() (time.Time, bool) { return time.Now().Add(-time.Microsecond), true }

// A worker whose time ends just before it asks for the next message has not failed.
func TestTheEndOfAWorkersTimeIsNoFailure(t *testing.T) {
	s, err := natsd.Start(natsd.Options{Dir: t.TempDir(), Host: "127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	conn, err := s.Connect()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	j, err := js.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := j.CreateStream(t.Context(), js.StreamConfig{Name: "knocks", Subjects: []string{"knocks"}})
	if err != nil {
		t.Fatal(err)
	}
	c, err := stream.CreateOrUpdateConsumer(t.Context(), js.ConsumerConfig{Durable: "workers"})
	if err != nil {
		t.Fatal(err)
	}
	due := func(context.Context, string, time.Time) error { return nil }
	if err := knocks(late{t.Context()}, c, due); err != nil {
		t.Errorf("at the end of its time: %v, want nil", err)
	}
	conn.Close()
	if err := knocks(t.Context(), c, due); err == nil {
		t.Error("without a connection: nil, want an error")
	}
}
