package schedule

import (
	"context"
	"fmt"
	"sync"
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

// Workers that meet a new job at the same time make its record once, and none complains.
func TestANewJobIsMetByAllWorkersAtOnce(t *testing.T) {
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
	records, err := OpenRecords(t.Context(), j, 1)
	if err != nil {
		t.Fatal(err)
	}
	w := &Worker{Name: "w", Records: records}
	var all sync.WaitGroup
	for i := range 20 {
		when, err := ParseWhen("@every 1h", nil)
		if err != nil {
			t.Fatal(err)
		}
		job := Job{Name: fmt.Sprint("job", i), When: when}
		for range 10 {
			all.Go(func() {
				if err := w.look(t.Context(), &job, map[string]sighting{}, &all); err != nil {
					t.Error(err)
				}
			})
		}
	}
	all.Wait()
}
