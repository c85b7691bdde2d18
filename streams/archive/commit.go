package archive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// ErrOtherWriter says that the archive was changed by another writer since it was opened.
var ErrOtherWriter = errors.New("another writer has changed the archive")

// commit replaces the manifest, and then removes the files that it no longer names. It
// first looks whether the manifest is still ours: one who was paused for long, and whose
// place another took, must not undo what that one wrote.
func (w *Writer) commit(ctx context.Context, gone []string) error {
	switch now, err := readManifest(ctx, w.store); {
	case errors.Is(err, ErrNone) && w.man.Generation == 0:
	case err != nil:
		return err
	case now.Generation != w.man.Generation:
		return fmt.Errorf("archive %s: %w: open it again", w.store, ErrOtherWriter)
	}
	w.man.Generation++
	gone = w.keepReplaced(gone)
	slices.SortFunc(w.man.Files, compareFiles)
	w.man.Version = 1
	if slices.ContainsFunc(w.man.Files, func(f File) bool { return len(f.Parts) > 0 }) {
		w.man.Version = manifestVersion // an older program would not find the days
	}
	text, err := json.Marshal(&w.man)
	if err != nil {
		return err
	}
	if err := w.store.Put(ctx, manifestKey, text); err != nil {
		return fmt.Errorf("archive: replace the manifest: %w", err)
	}
	// A crash here leaves files that no manifest names; OpenWriter removes them.
	for _, key := range gone {
		if err := w.store.Remove(ctx, key); err != nil {
			return fmt.Errorf("archive: remove a file that was replaced: %w", err)
		}
	}
	return nil
}

// keepReplaced notes files that are gone as replaced, and returns those that may go now.
// Rows that came back as they were before have their old file back.
func (w *Writer) keepReplaced(gone []string) (now []string) {
	since := map[string]int64{}
	maps.Copy(since, w.man.Replaced)
	at := int64(0)
	if w.opt.Now != nil {
		at = w.opt.Now().Unix()
	}
	for _, key := range gone {
		since[key] = at
	}
	for _, f := range w.man.Files {
		delete(since, f.Key)
	}
	w.man.Replaced = map[string]int64{}
	for _, key := range slices.Sorted(maps.Keys(since)) {
		if w.opt.Now != nil && at-since[key] < int64(w.opt.KeepReplaced/time.Second) {
			w.man.Replaced[key] = since[key]
		} else {
			now = append(now, key)
		}
	}
	return now
}

func compareFiles(a, b File) int {
	if c := strings.Compare(a.Day, b.Day); c != 0 {
		return c
	}
	if a.Partition != b.Partition {
		return a.Partition - b.Partition
	}
	return strings.Compare(a.Key, b.Key)
}
