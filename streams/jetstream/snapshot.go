package jetstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nats-io/jsm.go"
	"github.com/nats-io/jsm.go/api"
	"github.com/nats-io/nats.go"
)

// checkpointStreams hold one thing together: the pointers to checkpoints, and what they
// point to.
var checkpointStreams = []string{CheckpointsStream, "KV_" + CheckpointsBucket}

// snapshotTries bounds how often checkpoints are copied anew because one was saved meanwhile.
const snapshotTries = 10

// ours says whether a stream is one that flatwatt makes.
func ours(name string) bool {
	return strings.HasPrefix(name, "AMI") || strings.HasPrefix(name, "FLATWATT") || strings.HasPrefix(name, "KV_flatwatt") || strings.HasPrefix(name, "OBJ_flatwatt")
}

// Snapshot copies flatwatt's streams into a directory each below dir, while they are used:
// checkpoints first, so that the copy of the readings holds all that checkpoints cover.
// It needs a user that may do anything with streams.
func Snapshot(ctx context.Context, conn *nats.Conn, dir string) (names []string, err error) {
	m, err := jsm.New(conn)
	if err != nil {
		return nil, err
	}
	found, err := m.StreamNames(nil)
	if err != nil {
		return nil, fmt.Errorf("list streams: %w", err)
	}
	for _, name := range found {
		if ours(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	if err := snapshotCheckpoints(ctx, m, names, dir); err != nil {
		return nil, err
	}
	for _, name := range names {
		if !slices.Contains(checkpointStreams, name) {
			if err := snapshotStream(ctx, m, name, dir); err != nil {
				return nil, err
			}
		}
	}
	return names, nil
}

// snapshotCheckpoints repeats until no checkpoint was saved while it copied.
func snapshotCheckpoints(ctx context.Context, m *jsm.Manager, names []string, dir string) error {
	if !slices.Contains(names, checkpointStreams[0]) || !slices.Contains(names, checkpointStreams[1]) {
		return nil // nothing was ever saved
	}
	last := func() (uint64, error) {
		s, err := m.LoadStream(checkpointStreams[1])
		if err != nil {
			return 0, err
		}
		state, err := s.State()
		return state.LastSeq, err
	}
	for range snapshotTries {
		before, err := last()
		if err != nil {
			return err
		}
		for _, name := range checkpointStreams {
			if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
				return err
			}
			if err := snapshotStream(ctx, m, name, dir); err != nil {
				return err
			}
		}
		if after, err := last(); err != nil || after == before {
			return err
		}
	}
	return errors.New("checkpoints are saved faster than they can be copied: raise run.save_every_readings, or stop the workers for the backup")
}

func snapshotStream(ctx context.Context, m *jsm.Manager, name, dir string) error {
	s, err := m.LoadStream(name)
	if err != nil {
		return fmt.Errorf("stream %s: %w", name, err)
	}
	if _, err := s.SnapshotToDirectory(ctx, filepath.Join(dir, name), jsm.SnapshotHealthCheck()); err != nil {
		return fmt.Errorf("copy stream %s: %w", name, err)
	}
	return nil
}

// Restore makes the streams that Snapshot copied, with the sequences that their messages
// had, on so many servers of the cluster. None of them may exist.
func Restore(ctx context.Context, conn *nats.Conn, dir string, replicas int) (names []string, err error) {
	m, err := jsm.New(conn)
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		known, err := m.IsKnownStream(e.Name())
		if err != nil {
			return nil, err
		}
		if known {
			return nil, fmt.Errorf("stream %s exists: restore onto a server that has none of flatwatt's streams", e.Name())
		}
	}
	for _, e := range entries {
		config, err := savedConfig(filepath.Join(dir, e.Name()))
		if err != nil {
			return names, err
		}
		config.Replicas = replicas
		if _, _, err := m.RestoreSnapshotFromDirectory(ctx, e.Name(), filepath.Join(dir, e.Name()), jsm.RestoreConfiguration(config)); err != nil {
			return names, fmt.Errorf("restore stream %s: %w", e.Name(), err)
		}
		names = append(names, e.Name())
	}
	return names, nil
}

// savedConfig is how the stream was configured.
func savedConfig(dir string) (config api.StreamConfig, err error) {
	text, err := os.ReadFile(filepath.Join(dir, "backup.json"))
	if err != nil {
		return config, err
	}
	var meta struct {
		Config api.StreamConfig `json:"config"`
	}
	if err := json.Unmarshal(text, &meta); err != nil {
		return config, fmt.Errorf("%s/backup.json: %w", dir, err)
	}
	return meta.Config, nil
}
