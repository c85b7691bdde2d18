package jetstream_test

import (
	"errors"
	"testing"

	js "github.com/nats-io/nats.go/jetstream"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/jetstream"
)

// saveAt saves a checkpoint at the end of a stream of so many messages.
func saveAt(t *testing.T, j js.JetStream, messages int) {
	t.Helper()
	ami(t, j, jetstream.Retention{})
	publish(t, j, readings(1, messages), 1)
	c := open(t, j, "v1")
	if _, err := c.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.Save(t.Context(), flatwatt.Checkpoint{Position: flatwatt.Position(messages), State: []byte("state")}); err != nil {
		t.Fatal(err)
	}
	if got, err := open(t, j, "v1").Load(t.Context()); err != nil || int(got.Position) != messages {
		t.Fatalf("the same stream: position %d, error %v", got.Position, err)
	}
}

// A stream that was deleted and made anew counts from 1 again. What it holds up to the
// position of the checkpoint was never scored, and is not passed over in silence.
func TestCheckpointOfAnotherStream(t *testing.T) {
	for _, now := range []int{30, 5} { // grown past the position, or not yet
		j := serve(t)
		saveAt(t, j, 10)
		if err := j.DeleteStream(t.Context(), jetstream.ReadingsStream); err != nil {
			t.Fatal(err)
		}
		ami(t, j, jetstream.Retention{})
		publish(t, j, readings(2, now/2), 1)
		c := open(t, j, "v1")
		if got, err := c.Load(t.Context()); !errors.Is(err, jetstream.ErrOtherStream) {
			t.Errorf("%d messages: position %d, error %v", now, got.Position, err)
		}
		if at, err := c.Forget(t.Context()); err != nil || at != 10 {
			t.Errorf("starting over gives position %d up, error %v", at, err)
		}
	}
}

// A stream that was made anew is noticed also where the message at the position has gone
// already, and one that ends before it also where the checkpoint notes nothing of its stream.
func TestCheckpointOfAnotherStreamByOneSign(t *testing.T) {
	j := serve(t)
	saveAt(t, j, 10)
	if err := j.DeleteStream(t.Context(), jetstream.ReadingsStream); err != nil {
		t.Fatal(err)
	}
	s := ami(t, j, jetstream.Retention{})
	publish(t, j, readings(1, 20), 1)
	if err := s.Purge(t.Context(), js.WithPurgeSequence(15)); err != nil {
		t.Fatal(err)
	}
	if got, err := open(t, j, "v1").Load(t.Context()); !errors.Is(err, jetstream.ErrOtherStream) {
		t.Errorf("made anew: position %d, error %v", got.Position, err)
	}

	j = serve(t)
	c := open(t, j, "v1")
	if _, err := c.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.Save(t.Context(), flatwatt.Checkpoint{Position: 10}); err != nil { // there is no stream to note
		t.Fatal(err)
	}
	ami(t, j, jetstream.Retention{})
	publish(t, j, readings(1, 5), 1)
	if got, err := open(t, j, "v1").Load(t.Context()); !errors.Is(err, jetstream.ErrOtherStream) {
		t.Errorf("ends before it: position %d, error %v", got.Position, err)
	}
}

// A checkpoint stays good when retention drops the message at its position.
func TestCheckpointOutlivesItsMessage(t *testing.T) {
	j := serve(t)
	saveAt(t, j, 10)
	s, err := j.Stream(t.Context(), jetstream.ReadingsStream)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, err := open(t, j, "v1").Load(t.Context()); err != nil || got.Position != 10 {
		t.Errorf("position %d, error %v", got.Position, err)
	}
}
