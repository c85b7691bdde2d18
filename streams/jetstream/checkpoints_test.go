package jetstream_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	js "github.com/nats-io/nats.go/jetstream"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/jetstream"
)

func open(tb testing.TB, j js.JetStream, config string) *jetstream.Checkpoints {
	tb.Helper()
	c, err := jetstream.OpenCheckpoints(context.Background(), j, "test", config, 1)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func random(n int) []byte {
	b := make([]byte, n)
	rng := rand.NewChaCha8([32]byte{1})
	_, _ = rng.Read(b)
	return b
}

// States of every shape come back: none, less than a chunk, exactly chunks, and more.
func TestCheckpointsRoundTrip(t *testing.T) {
	dir := t.TempDir()
	j := jetstream.ServeForTest(t, dir)
	c := open(t, j, "v1")
	if got, err := c.Load(t.Context()); err != nil || got.Position != 0 || got.State != nil {
		t.Fatalf("empty: %v, %v", got, err)
	}
	for i, n := range []int{0, 1, 512 << 10, 512<<10 + 1, 1 << 20, 3 << 20, 0, 5} {
		want := flatwatt.Checkpoint{Position: flatwatt.Position(i + 1), State: random(n)}
		if err := c.Save(t.Context(), want); err != nil {
			t.Fatal(err)
		}
		got, err := open(t, j, "v1").Load(t.Context())
		if err != nil || got.Position != want.Position || !bytes.Equal(got.State, want.State) {
			t.Errorf("%d bytes: position %d, %d bytes, error %v", n, got.Position, len(got.State), err)
		}
		if subjects, size := stored(t, j); subjects > 1 || size > uint64(n)+4096 {
			t.Errorf("after %d bytes: %d states of %d bytes are stored", n, subjects, size)
		}
	}
}

// stored is how many states the stream holds, and its size.
func stored(tb testing.TB, j js.JetStream) (subjects int, bytes uint64) {
	tb.Helper()
	s, err := j.Stream(context.Background(), jetstream.CheckpointsStream)
	if err != nil {
		tb.Fatal(err)
	}
	info, err := s.Info(context.Background(), js.WithSubjectFilter(">"))
	if err != nil {
		tb.Fatal(err)
	}
	return len(info.State.Subjects), info.State.Bytes
}

// Who loaded before another saved cannot save over it, neither the first time nor later,
// and leaves the winner's state in place.
func TestCheckpointsFence(t *testing.T) {
	j := serve(t)
	for round := range 3 {
		old, heir := open(t, j, "v1"), open(t, j, "v1")
		for _, c := range []*jetstream.Checkpoints{old, heir} {
			if _, err := c.Load(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		want := flatwatt.Checkpoint{Position: flatwatt.Position(round + 10), State: random(700_000 + round)}
		if err := heir.Save(t.Context(), want); err != nil {
			t.Fatal(err)
		}
		if err := old.Save(t.Context(), flatwatt.Checkpoint{Position: 99, State: random(10)}); !errors.Is(err, jetstream.ErrFenced) {
			t.Errorf("error %v, want %v", err, jetstream.ErrFenced)
		}
		if err := old.Save(t.Context(), want); err == nil || !strings.Contains(err.Error(), "before Load") {
			t.Errorf("saved again without a load: %v", err)
		}
		if err := heir.Save(t.Context(), want); err != nil { // which sweeps what old left
			t.Fatal(err)
		}
		got, err := open(t, j, "v1").Load(t.Context())
		if err != nil || got.Position != want.Position || !bytes.Equal(got.State, want.State) {
			t.Errorf("position %d, error %v", got.Position, err)
		}
		if subjects, _ := stored(t, j); subjects != 1 {
			t.Errorf("%d states are stored, want 1", subjects)
		}
	}
}

// The state of a successor who is uploading while a slow predecessor sweeps stays.
func TestSweepSparesASuccessor(t *testing.T) {
	j := serve(t)
	c := open(t, j, "v1")
	if _, err := c.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	publishChunk := func(revision string) {
		if _, err := j.Publish(t.Context(), "flatwatt.state.test."+revision+".x", []byte("chunk")); err != nil {
			t.Fatal(err)
		}
	}
	publishChunk("0")  // left by a crash: swept
	publishChunk("99") // of a later revision: spared
	if _, err := j.Publish(t.Context(), "flatwatt.state.test2.0.x", []byte("another name's")); err != nil {
		t.Fatal(err)
	}
	if err := c.Save(t.Context(), flatwatt.Checkpoint{Position: 1, State: []byte("s")}); err != nil {
		t.Fatal(err)
	}
	if subjects, _ := stored(t, j); subjects != 3 {
		t.Errorf("%d states are stored, want the new one, the successor's and the other name's", subjects)
	}
}

func TestCheckpointsRefuse(t *testing.T) {
	j := serve(t)
	c := open(t, j, "model-a")
	if err := c.Save(t.Context(), flatwatt.Checkpoint{}); err == nil || !strings.Contains(err.Error(), "before Load") {
		t.Errorf("error %v", err)
	}
	if _, err := c.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.Save(t.Context(), flatwatt.Checkpoint{Position: 5, State: random(1 << 20)}); err != nil {
		t.Fatal(err)
	}
	_, err := open(t, j, "model-b").Load(t.Context())
	if !errors.Is(err, jetstream.ErrOtherConfig) || !strings.Contains(err.Error(), `has "model-a", this is "model-b"`) {
		t.Errorf("error %v", err)
	}

	kv, err := j.KeyValue(t.Context(), jetstream.CheckpointsBucket)
	if err != nil {
		t.Fatal(err)
	}
	entry, err := kv.Get(t.Context(), "test")
	if err != nil {
		t.Fatal(err)
	}
	f := func(change func(map[string]any), want error, text string) {
		t.Helper()
		var p map[string]any
		if err := json.Unmarshal(entry.Value(), &p); err != nil {
			t.Fatal(err)
		}
		change(p)
		b, _ := json.Marshal(p)
		if _, err := kv.Put(t.Context(), "test", b); err != nil {
			t.Fatal(err)
		}
		_, err := open(t, j, "model-a").Load(t.Context())
		if err == nil || want != nil && !errors.Is(err, want) || !strings.Contains(err.Error(), text) {
			t.Errorf("error %v, want %v with %q", err, want, text)
		}
	}
	f(func(p map[string]any) { p["version"] = 2 }, nil, "version 2")
	f(func(p map[string]any) { p["sha256"] = "00" }, jetstream.ErrDamaged, "checksum")
	f(func(p map[string]any) { p["bytes"] = 2 << 20 }, jetstream.ErrDamaged, "1048576 of 2097152 bytes")
	f(func(p map[string]any) { p["subject"] = "flatwatt.state.test.0.none" }, jetstream.ErrDamaged, "0 of")
	if _, err := kv.Put(t.Context(), "test", []byte("{")); err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, j, "model-a").Load(t.Context()); !errors.Is(err, jetstream.ErrDamaged) {
		t.Errorf("error %v", err)
	}
	if _, err := jetstream.OpenCheckpoints(t.Context(), j, "a.b", "", 1); err == nil || !strings.Contains(err.Error(), "letters") {
		t.Errorf("error %v", err)
	}
}

// A key that an operator deleted is as one that never was.
func TestCheckpointStartsOverAfterDelete(t *testing.T) {
	j := serve(t)
	c := open(t, j, "v1")
	for i := range 2 {
		if got, err := c.Load(t.Context()); err != nil || got.Position != 0 {
			t.Fatalf("round %d: %v, %v", i, got, err)
		}
		if err := c.Save(t.Context(), flatwatt.Checkpoint{Position: 3, State: []byte(fmt.Sprint(i))}); err != nil {
			t.Fatal(err)
		}
		kv, _ := j.KeyValue(t.Context(), jetstream.CheckpointsBucket)
		if err := kv.Delete(t.Context(), "test"); err != nil {
			t.Fatal(err)
		}
	}
}
