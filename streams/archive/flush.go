package archive

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/flatwatt/flatwatt"
)

// Flush makes what was taken durable: files first, then the manifest that names them.
// After an error the Writer is of no further use: open it again, from its Position.
func (w *Writer) Flush(ctx context.Context) error {
	var gone []string
	keys := slices.SortedFunc(maps.Keys(w.buffer), compareKeys)
	for _, key := range keys {
		replaced, err := w.file(ctx, key)
		if err != nil {
			return err
		}
		gone = append(gone, replaced...)
	}
	replaced, err := w.mergeEnded(ctx)
	if err != nil {
		return err
	}
	gone = append(gone, replaced...)
	if replaced, err = w.bundleEnded(ctx); err != nil {
		return err
	}
	gone = append(gone, replaced...)
	if err := w.fileRejected(ctx); err != nil {
		return err
	}
	w.buffer, w.buffered, w.rejected, w.rejectedBytes = map[fileKey][]row{}, 0, nil, 0
	w.man.Position, w.flushed = w.next, w.head
	return w.commit(ctx, gone)
}

// file writes the buffered rows of one partition and day: as a further file, or as one
// with those that are there.
func (w *Writer) file(ctx context.Context, key fileKey) (gone []string, err error) {
	r := w.sorted(w.buffer[key])
	old := w.take(key)
	if len(old)+1 < maxParts {
		f, err := w.put(ctx, key, r)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(old, func(o File) bool { return o.Key == f.Key }) { // else: the same rows again
			old = append(old, f)
		}
		w.man.Files = append(w.man.Files, old...)
		return nil, nil
	}
	return w.mergeFiles(ctx, key, old, r)
}

// sorted files buffered rows by column. Their meters are numbers of Writer.ids.
func (w *Writer) sorted(list []row) *rows {
	used := map[int32]bool{}
	for i := range list {
		if i == 0 || list[i].meter != list[i-1].meter {
			used[list[i].meter] = true
		}
	}
	numbers := slices.SortedFunc(maps.Keys(used), func(a, b int32) int { return compareIDs(w.ids[a], w.ids[b]) })
	ids := make([]flatwatt.MeterID, len(numbers))
	rank := make(map[int32]int32, len(numbers))
	for i, n := range numbers {
		ids[i], rank[n] = w.ids[n], int32(i)
	}
	for i := range list {
		list[i].meter = rank[list[i].meter]
	}
	return columns(ids, tidy(list))
}

// take removes the files of a partition and day from the manifest and returns them. A
// bundle stays: what is late for its days is filed beside it.
func (w *Writer) take(key fileKey) (old []File) {
	day := key.day.String()
	w.man.Files = slices.DeleteFunc(w.man.Files, func(f File) bool {
		if f.Partition != key.partition || f.Day != day || len(f.Parts) > 0 {
			return false
		}
		old = append(old, f)
		return true
	})
	return old
}

func (w *Writer) put(ctx context.Context, key fileKey, r *rows) (File, error) {
	data, err := encode(r)
	if err != nil {
		return File{}, err
	}
	f := describe(key.partition, key.day, r, data)
	if err := w.store.Put(ctx, f.Key, data); err != nil {
		return File{}, fmt.Errorf("archive: write %s: %w", f.Key, err)
	}
	return f, nil
}

// mergeFiles makes one file of old ones and further rows, and returns the keys replaced.
func (w *Writer) mergeFiles(ctx context.Context, key fileKey, old []File, more *rows) (gone []string, err error) {
	parts := []*rows{more}
	for _, f := range old {
		r, err := readFile(ctx, w.store, f)
		if err != nil {
			return nil, err
		}
		parts = append(parts, r)
		gone = append(gone, f.Key)
	}
	f, err := w.put(ctx, key, columns(unite(parts)))
	if err != nil {
		return nil, err
	}
	w.man.Files = append(w.man.Files, f)
	return slices.DeleteFunc(gone, func(k string) bool { return k == f.Key }), nil
}

// mergeEnded makes one file of those of a day that has ended, once what lies beside the
// largest is worth it: a few late readings wait for more.
func (w *Writer) mergeEnded(ctx context.Context) (gone []string, err error) {
	ended := flatwatt.Day(floorDiv(w.head, 86400)) - 1
	return w.merge(ctx, func(day flatwatt.Day, files []File) bool {
		var all, most int64
		for _, f := range files {
			all, most = all+f.Rows, max(most, f.Rows)
		}
		return w.man.Period.end(day) <= ended && 20*(all-most) > all
	})
}

func (w *Writer) merge(ctx context.Context, wanted func(flatwatt.Day, []File) bool) (gone []string, err error) {
	count := map[fileKey][]File{}
	for _, f := range w.man.Files {
		if key := (fileKey{f.Date(), f.Partition}); len(f.Parts) == 0 {
			count[key] = append(count[key], f)
		}
	}
	maps.DeleteFunc(count, func(key fileKey, files []File) bool { return len(files) < 2 || !wanted(key.day, files) })
	keys := slices.SortedFunc(maps.Keys(count), compareKeys)
	for _, key := range keys {
		replaced, err := w.mergeFiles(ctx, key, w.take(key), &rows{})
		if err != nil {
			return nil, err
		}
		gone = append(gone, replaced...)
	}
	return gone, nil
}

// Merge makes one file of those of every partition and day, and bundles of the days of
// months before the last. Call it after an import.
func (w *Writer) Merge(ctx context.Context) error {
	gone, err := w.merge(ctx, func(flatwatt.Day, []File) bool { return true })
	if err != nil {
		return err
	}
	if err := w.commit(ctx, gone); err != nil {
		return err
	}
	last := int64(0)
	for _, f := range w.man.Files {
		last = max(last, f.Last-1)
	}
	for { // one at a time: a kill costs one
		gone, err := w.bundle(ctx, flatwatt.Day(floorDiv(last, 86400)), 1)
		if err != nil || len(gone) == 0 {
			return err
		}
		if err := w.commit(ctx, gone); err != nil {
			return err
		}
	}
}

// Retain removes the files all of whose days are before first, rejects that were filed with
// such days among them, and says how many files and readings went.
func (w *Writer) Retain(ctx context.Context, first flatwatt.Day) (files int, readings int64, err error) {
	var gone []string
	w.man.Files = slices.DeleteFunc(w.man.Files, func(f File) bool {
		if f.end(w.man.Period) > first {
			return false
		}
		gone, files, readings = append(gone, f.Key), files+1, readings+f.Rows
		return true
	})
	rejected := w.retainRejected(first)
	if gone, files = append(gone, rejected...), files+len(rejected); files == 0 {
		return 0, 0, nil
	}
	return files, readings, w.commit(ctx, gone)
}
