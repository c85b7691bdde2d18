package jetstream_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	js "github.com/nats-io/nats.go/jetstream"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/jetstream"
)

// A mute server takes requests about a stream and, while it is mute, answers none.
type mute struct {
	js.JetStream
	on      atomic.Bool
	longest atomic.Int64 // wait that a request was ready for
	asked   atomic.Int64 // requests
}

type muteStream struct {
	js.Stream
	server *mute
}

func (m *mute) Stream(ctx context.Context, name string) (js.Stream, error) {
	s, err := m.JetStream.Stream(ctx, name)
	return muteStream{s, m}, err
}

func (m *mute) wait(ctx context.Context) error {
	m.asked.Add(1)
	end, ok := ctx.Deadline()
	if !ok {
		end = time.Now().Add(time.Hour)
	}
	m.longest.Store(max(m.longest.Load(), int64(time.Until(end))))
	if !m.on.Load() {
		return nil
	}
	<-ctx.Done()
	return ctx.Err()
}

func (s muteStream) Info(ctx context.Context, opts ...js.StreamInfoOpt) (*js.StreamInfo, error) {
	if err := s.server.wait(ctx); err != nil {
		return nil, err
	}
	return s.Stream.Info(ctx, opts...)
}

func (s muteStream) GetMsg(ctx context.Context, seq uint64, opts ...js.GetMsgOpt) (*js.RawStreamMsg, error) {
	if err := s.server.wait(ctx); err != nil {
		return nil, err
	}
	return s.Stream.GetMsg(ctx, seq, opts...)
}

func (s muteStream) CreateConsumer(ctx context.Context, c js.ConsumerConfig) (js.Consumer, error) {
	if err := s.server.wait(ctx); err != nil {
		return nil, err
	}
	return s.Stream.CreateConsumer(ctx, c)
}

// openMute opens a source of three messages at a server that can fall mute, and reads the first.
func openMute(t *testing.T, stall time.Duration) (*mute, js.Stream, flatwatt.Source) {
	t.Helper()
	server := &mute{JetStream: serve(t)}
	stream := ami(t, server.JetStream, jetstream.Retention{})
	publish(t, server.JetStream, readings(1, 3), 1)
	if err := stream.DeleteMsg(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	s := source(t, server.JetStream)
	s.JetStream, s.StopAt, s.Stall = server, 0, stall
	src, err := s.Open(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { src.(io.Closer).Close() })
	if b, err := readFor(t, src, time.Minute); err != nil || len(b.Readings) != 1 {
		t.Fatalf("%+v, %v", b, err)
	}
	return server, stream, src
}

func readFor(t *testing.T, src flatwatt.Source, d time.Duration) (flatwatt.Batch, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	return src.Read(ctx)
}

// A wait that ends while the server is asked costs nothing: the next one goes on, and what
// was fetched meanwhile does not count as deleted.
func TestReadGoesOnAfterItsDeadline(t *testing.T) {
	server, _, src := openMute(t, 20*time.Millisecond)
	server.on.Store(true)
	for range 3 {
		if b, err := readFor(t, src, 60*time.Millisecond); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("%+v, %v", b, err)
		}
	}
	server.on.Store(false)
	b, err := readFor(t, src, time.Minute)
	if err != nil || len(b.Rejected) != 1 || !strings.HasSuffix(b.Rejected[0].Where, ":2-2") || len(b.Readings) != 1 || b.Next != 3 {
		t.Errorf("got %+v, %v; want a note of message 2 and the reading of message 3", b, err)
	}
}

// No answer is waited for longer than a few seconds, however late the caller's own deadline.
func TestAnswersHaveABoundOfTheirOwn(t *testing.T) {
	server, stream, src := openMute(t, 20*time.Millisecond)
	if _, err := readFor(t, src, time.Hour); err != nil {
		t.Fatal(err)
	}
	server.longest.Store(0)
	if b, err := readFor(t, src, 100*time.Millisecond); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("%+v, %v", b, err)
	}
	// Its consumer is gone, so the stream is asked, the message looked for, and a consumer made.
	for name := range stream.ConsumerNames(t.Context()).Name() {
		if err := stream.DeleteConsumer(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	publish(t, server.JetStream, readings(1, 4)[3:], 1)
	if b, err := readFor(t, src, time.Hour); err != nil || len(b.Readings) != 1 {
		t.Fatalf("%+v, %v", b, err)
	}
	if d := time.Duration(server.longest.Load()); d == 0 || d > 6*time.Second {
		t.Errorf("an answer was waited for up to %v", d)
	}
}

// A caller that never waits as long as the watchdog has it look all the same.
func TestShortDeadlinesDoNotHideADeadServer(t *testing.T) {
	server, _, src := openMute(t, 30*time.Millisecond)
	if _, err := readFor(t, src, time.Minute); err != nil {
		t.Fatal(err)
	}
	before := server.asked.Load()
	for i := 0; i < 100 && server.asked.Load() == before; i++ { // a busy machine takes its time
		if b, err := readFor(t, src, 10*time.Millisecond); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("%+v, %v", b, err)
		}
	}
	if server.asked.Load() == before {
		t.Error("the stream was never asked whether there is more")
	}
}
