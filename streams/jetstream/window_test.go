package jetstream

import (
	"context"
	"errors"
	"testing"

	"github.com/nats-io/nats.go"
	js "github.com/nats-io/nats.go/jetstream"
)

// The chunks of a state are read in the order in which they were sent: one that nobody
// answered for is a failure, not sent again behind the others.
func TestOrderedWindowSendsNothingAgain(t *testing.T) {
	j := ServeForTest(t, t.TempDir())
	for _, ordered := range []bool{true, false} {
		w := window{ordered: ordered}
		if err := w.publish(t.Context(), j, nats.NewMsg("chunk")); err != nil { // there is no stream yet
			t.Fatal(err)
		}
		stream, err := j.CreateStream(context.Background(), js.StreamConfig{Name: "CHUNKS", Subjects: []string{"chunk"}})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.flush(t.Context()); ordered != errors.Is(err, nats.ErrNoResponders) && ordered != errors.Is(err, js.ErrNoStreamResponse) {
			t.Errorf("ordered %v: error %v; the stream holds %d", ordered, err, stream.CachedInfo().State.LastSeq)
		}
		if err := j.DeleteStream(context.Background(), "CHUNKS"); err != nil {
			t.Fatal(err)
		}
	}
}
