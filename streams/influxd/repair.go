package influxd

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/influxdata/influxdb/tsdb/engine/tsm1"
	"github.com/influxdata/influxdb/tsdb/index/tsi1"
)

// repair puts right what a kill can leave behind in dir and the core of 1.8.3 does not
// put right by itself. It must run before the core opens the files.
func repair(dir string) error {
	logs, err := filepath.Glob(filepath.Join(dir, "wal", "*", "*", "*"))
	if err != nil {
		return err
	}
	for _, log := range logs {
		if err := trimLog(log); err != nil {
			return fmt.Errorf("repair write-ahead log %s: %w", log, err)
		}
	}
	shards, err := filepath.Glob(filepath.Join(dir, "data", "*", "*", "[0-9]*"))
	if err != nil {
		return err
	}
	for _, shard := range shards {
		if filepath.Base(filepath.Dir(shard)) == "_series" { // no retention policy: the register of series
			continue
		}
		if err := mendIndex(shard); err != nil {
			return fmt.Errorf("repair index of shard %s: %w", shard, err)
		}
	}
	return nil
}

// trimLog cuts an entry that was written in part from the last segment of a log. The
// core opens the segment for appending at its end, half an entry included, and only
// then cuts that half off: the next entry leaves a hole of zeros before it, and the
// start after the next takes the hole for the end. Everything acknowledged in between
// would be lost.
func trimLog(log string) error {
	segments, err := filepath.Glob(filepath.Join(log, tsm1.WALFilePrefix+"*."+tsm1.WALFileExtension))
	if err != nil || len(segments) == 0 {
		return err
	}
	f, err := os.OpenFile(segments[len(segments)-1], os.O_RDWR, 0) // Glob sorts; ids have leading zeros
	if err != nil {
		return err
	}
	r := tsm1.NewWALSegmentReader(f)
	for r.Next() {
		if _, err := r.Read(); err != nil {
			return errors.Join(f.Truncate(r.Count()), f.Sync(), r.Close())
		}
	}
	return r.Close() // which closes f
}

// mendIndex has the core build the index of a shard anew from its data where a kill has
// met the writing of a manifest, which is not atomic: the shard would never open again.
// A shard killed before it had an index would get one of another kind, on the heap.
func mendIndex(shard string) error {
	index, fields := filepath.Join(shard, "index"), filepath.Join(shard, "fields.idx")
	broken := index + ".broken" // also left by a kill of this function
	if err := os.RemoveAll(broken); err != nil {
		return err
	}
	manifests, err := filepath.Glob(filepath.Join(index, "*", tsi1.ManifestFileName))
	if err != nil {
		return err
	}
	for _, name := range manifests {
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if json.Valid(text) {
			continue
		}
		// Without fields the core reads all keys, and so all series, from the data. They
		// go first: after a kill in between, the manifest still tells.
		if err := errors.Join(os.RemoveAll(fields), os.Rename(index, broken), os.RemoveAll(broken)); err != nil {
			return err
		}
		break
	}
	return os.MkdirAll(index, 0o700)
}
