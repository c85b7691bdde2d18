package jetstream

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
	js "github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/flatwatt/flatwatt"
)

const (
	// CheckpointsBucket is the KV bucket of the pointers, a key a name; CheckpointsStream
	// holds the states that they point to, in chunks.
	CheckpointsBucket = "flatwatt-checkpoints"
	CheckpointsStream = "FLATWATT_STATE"

	statePrefix = "flatwatt.state."

	// chunkBytes is below the 1 MiB that a server takes by default.
	chunkBytes = 512 << 10

	// chunksInFlight bounds the memory of the connection to 16 MiB.
	chunksInFlight = 32

	// checkpointVersion is that of pointer and chunks, not of what is in the state.
	checkpointVersion = 1
)

var (
	// ErrFenced says that somebody else has saved under the same name since Load: this
	// process was thought dead, and must not write over its successor.
	ErrFenced = errors.New("another process has taken over the checkpoint")

	// ErrOtherConfig says that the checkpoint was saved with another model or configuration.
	ErrOtherConfig = errors.New("the checkpoint was saved with another model or configuration")

	// ErrDamaged says that the state is not what was saved.
	ErrDamaged = errors.New("the checkpoint is damaged")
)

var _ flatwatt.Checkpoints = (*Checkpoints)(nil)

// Checkpoints keeps a checkpoint of any size. The state is stored in chunks under a
// subject of its own, and then a pointer to it is replaced by compare-and-swap: whole,
// or not at all. One goroutine may use it at a time.
//
// JetStream's object store was tried and left: it keeps a small message for ever for
// each object deleted, and cannot find the chunks of an upload that was killed.
type Checkpoints struct {
	jet          js.JetStream
	stream       js.Stream
	kv           js.KeyValue
	name, config string

	revision uint64 // of the pointer that we loaded or saved; 0: there is none
	loaded   bool
}

// A pointer is the value in the KV bucket.
type pointer struct {
	Version  int               `json:"version"`
	Config   string            `json:"config"`
	Position flatwatt.Position `json:"position"`
	Mark     mark              `json:"mark,omitzero"` // of the position; none: not known
	Subject  string            `json:"subject"`       // of the chunks
	FirstSeq uint64            `json:"first_seq"`     // of the first chunk
	Bytes    int               `json:"bytes"`
	SHA256   string            `json:"sha256"`
}

var validName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// Forget has the next Save replace whatever is saved under the name, which is not read:
// for starting over after a change of model, configuration or program. It returns the
// position that is given up, 0 where nothing was saved. It takes the place of Load.
func (c *Checkpoints) Forget(ctx context.Context) (flatwatt.Position, error) {
	entry, err := c.kv.Get(ctx, c.name)
	if errors.Is(err, js.ErrKeyNotFound) {
		c.revision, c.loaded = 0, true
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("checkpoint %s: %w", c.name, err)
	}
	c.revision, c.loaded = entry.Revision(), true
	var p pointer
	_ = json.Unmarshal(entry.Value(), &p) // one that cannot be read is given up just as well
	return p.Position, nil
}

// OpenCheckpoints returns the checkpoints kept under name, and makes their stream and
// bucket where they are missing. Config is a hash of everything that gives the state
// its meaning (model file, configuration, state's own version): a checkpoint saved
// under another one is refused with ErrOtherConfig.
func OpenCheckpoints(ctx context.Context, j js.JetStream, name, config string, replicas int) (*Checkpoints, error) {
	if !validName.MatchString(name) {
		return nil, fmt.Errorf("checkpoint name %q: use up to 64 letters, digits, - and _", name)
	}
	stream, err := ensure(ctx, j, CheckpointsStream, statePrefix+">", "States of flatwatt's checkpoints, in chunks", Retention{Replicas: replicas})
	if err != nil {
		return nil, err
	}
	kv, err := j.KeyValue(ctx, CheckpointsBucket)
	if errors.Is(err, js.ErrBucketNotFound) {
		kv, err = j.CreateKeyValue(ctx, js.KeyValueConfig{Bucket: CheckpointsBucket, Description: "Pointers to flatwatt's checkpoints", Replicas: max(1, replicas)})
	}
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", CheckpointsBucket, err)
	}
	return &Checkpoints{jet: j, stream: stream, kv: kv, name: name, config: config}, nil
}

// Load implements flatwatt.Checkpoints.
func (c *Checkpoints) Load(ctx context.Context) (flatwatt.Checkpoint, error) {
	entry, err := c.kv.Get(ctx, c.name)
	if errors.Is(err, js.ErrKeyNotFound) {
		c.revision, c.loaded = 0, true
		return flatwatt.Checkpoint{}, nil
	}
	if err != nil {
		return flatwatt.Checkpoint{}, fmt.Errorf("checkpoint %s: %w", c.name, err)
	}
	var p pointer
	if err := json.Unmarshal(entry.Value(), &p); err != nil {
		return flatwatt.Checkpoint{}, fmt.Errorf("%w: pointer %s: %w", ErrDamaged, c.name, err)
	}
	if p.Version != checkpointVersion {
		return flatwatt.Checkpoint{}, fmt.Errorf("checkpoint %s has version %d, this program reads %d: use the program that saved it, or another checkpoint name to start over", c.name, p.Version, checkpointVersion)
	}
	if p.Config != c.config {
		return flatwatt.Checkpoint{}, fmt.Errorf("%w: %s at position %d has %q, this is %q: put the old model and configuration back, or use another checkpoint name to score the stream anew", ErrOtherConfig, c.name, p.Position, p.Config, c.config)
	}
	if err := p.Mark.check(ctx, c.jet, p.Position); err != nil {
		return flatwatt.Checkpoint{}, fmt.Errorf("checkpoint %s at position %d: %w", c.name, p.Position, err)
	}
	state, err := c.read(ctx, p)
	if err != nil {
		return flatwatt.Checkpoint{}, fmt.Errorf("state of checkpoint %s at position %d: %w", c.name, p.Position, err)
	}
	c.revision, c.loaded = entry.Revision(), true
	return flatwatt.Checkpoint{Position: p.Position, State: state}, nil
}

// read fetches the chunks one by one, by sequence: no consumer that could hang.
func (c *Checkpoints) read(ctx context.Context, p pointer) ([]byte, error) {
	state := make([]byte, 0, p.Bytes)
	for seq := p.FirstSeq; len(state) < p.Bytes; {
		m, err := c.stream.GetMsg(ctx, seq, js.WithGetMsgSubject(p.Subject))
		if errors.Is(err, js.ErrMsgNotFound) {
			return nil, fmt.Errorf("%w: %d of %d bytes are there", ErrDamaged, len(state), p.Bytes)
		}
		if err != nil {
			return nil, err
		}
		state = append(state, m.Data...)
		seq = m.Sequence + 1
	}
	if sum := sha256.Sum256(state); hex.EncodeToString(sum[:]) != p.SHA256 {
		return nil, fmt.Errorf("%w: checksum of %d bytes differs", ErrDamaged, len(state))
	}
	return state, nil
}

// Save implements flatwatt.Checkpoints. It must follow a Load, which tells whom it replaces.
func (c *Checkpoints) Save(ctx context.Context, cp flatwatt.Checkpoint) error {
	if !c.loaded {
		return fmt.Errorf("checkpoint %s: Save before Load", c.name)
	}
	sum := sha256.Sum256(cp.State)
	p := pointer{
		Version: checkpointVersion, Config: c.config, Position: cp.Position,
		Subject: c.subject(c.revision, nuid.Next()), Bytes: len(cp.State), SHA256: hex.EncodeToString(sum[:]),
	}
	var err error
	if p.Mark, err = markOf(ctx, c.jet, cp.Position); err != nil {
		return err
	}
	if p.FirstSeq, err = c.write(ctx, p.Subject, cp.State); err != nil {
		return fmt.Errorf("store %d bytes of state: %w", len(cp.State), err)
	}
	// A crash here leaves chunks that no pointer names; the next save sweeps them.
	value, err := json.Marshal(p)
	if err != nil {
		return err
	}
	replaced := c.revision
	if err := c.swap(ctx, value); err != nil {
		return err
	}
	// A crash here leaves the old chunks; the next save sweeps them.
	return c.sweep(ctx, replaced, p.Subject)
}

// swap replaces the pointer if it is still the one that we know.
func (c *Checkpoints) swap(ctx context.Context, value []byte) (err error) {
	if c.revision == 0 {
		c.revision, err = c.kv.Create(ctx, c.name, value)
	} else {
		c.revision, err = c.kv.Update(ctx, c.name, value, c.revision)
	}
	if err == nil {
		return nil
	}
	c.loaded = false // whether it was replaced is unknown: load again
	if errors.Is(err, js.ErrKeyRevisionMismatch) || errors.Is(err, js.ErrKeyExists) {
		return fmt.Errorf("%w %s: %w", ErrFenced, c.name, err)
	}
	return fmt.Errorf("replace pointer %s: %w", c.name, err)
}

func (c *Checkpoints) subject(revision uint64, id string) string {
	return statePrefix + c.name + "." + strconv.FormatUint(revision, 10) + "." + id
}

func (c *Checkpoints) write(ctx context.Context, subject string, state []byte) (first uint64, err error) {
	w := window{limit: chunksInFlight, ordered: true}
	for chunk := range slices.Chunk(state, chunkBytes) {
		m := nats.NewMsg(subject)
		m.Data = chunk
		if first == 0 { // alone, for its sequence; the others follow it
			ack, err := c.jet.PublishMsg(ctx, m)
			if err != nil {
				return 0, err
			}
			first = ack.Sequence
			continue
		}
		if err := w.publish(ctx, c.jet, m); err != nil {
			return 0, err
		}
	}
	return first, w.flush(ctx)
}

// sweep drops the chunks of this name that can never be pointed to again. A subject
// carries the revision that its writer wanted to replace. Those up to the revision
// replaced just now have lost the compare-and-swap or been replaced; a later one may
// belong to a successor who is saving at this moment, and is left alone.
func (c *Checkpoints) sweep(ctx context.Context, replaced uint64, keep string) error {
	mine := statePrefix + c.name + "."
	info, err := c.stream.Info(ctx, js.WithSubjectFilter(mine+">"))
	if err != nil {
		return fmt.Errorf("list old states of %s: %w", c.name, err)
	}
	for subject := range info.State.Subjects {
		revision, _, _ := strings.Cut(strings.TrimPrefix(subject, mine), ".")
		if r, err := strconv.ParseUint(revision, 10, 64); err != nil || r > replaced || subject == keep {
			continue
		}
		if err := c.stream.Purge(ctx, js.WithPurgeSubject(subject)); err != nil {
			return fmt.Errorf("drop old state %s: %w", subject, err)
		}
	}
	return nil
}
