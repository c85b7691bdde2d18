package jetstream

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	js "github.com/nats-io/nats.go/jetstream"

	"github.com/flatwatt/flatwatt"
)

// ProbeCheckpoints does under a name of its own all that checkpoints need: it saves one,
// replaces it, loads it, and removes every trace. Its position is the stream's end, which even
// an empty stream has.
func ProbeCheckpoints(ctx context.Context, j js.JetStream, name string, replicas int) (err error) {
	c, err := OpenCheckpoints(ctx, j, name, "probe", replicas)
	if err != nil {
		return err
	}
	defer func() {
		_, _ = c.Forget(ctx)
		err = errors.Join(err, c.kv.Purge(ctx, name), c.stream.Purge(ctx, js.WithPurgeSubject(statePrefix+name+".>")))
	}()
	if _, err := c.Load(ctx); err != nil {
		return err
	}
	at, err := markOf(ctx, j, 0)
	if err != nil {
		return err
	}
	var want []byte
	for _, word := range []string{"first", "probe"} {
		want = bytes.Repeat([]byte(word), chunkBytes/4) // two chunks
		if err := c.Save(ctx, flatwatt.Checkpoint{Position: at.end, State: want}); err != nil {
			return err
		}
	}
	got, err := c.Load(ctx)
	if err == nil && (got.Position != at.end || !bytes.Equal(got.State, want)) {
		err = fmt.Errorf("checkpoint came back as position %d with %d bytes of %d", got.Position, len(got.State), len(want))
	}
	return err
}
