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
// replaces it, loads it, and removes every trace.
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
	want := bytes.Repeat([]byte("probe"), chunkBytes/4) // two chunks
	for position := range flatwatt.Position(2) {
		if err := c.Save(ctx, flatwatt.Checkpoint{Position: position + 1, State: want}); err != nil {
			return err
		}
	}
	got, err := c.Load(ctx)
	if err == nil && (got.Position != 2 || !bytes.Equal(got.State, want)) {
		err = fmt.Errorf("checkpoint came back as position %d with %d bytes of %d", got.Position, len(got.State), len(want))
	}
	return err
}
