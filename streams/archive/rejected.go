package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"github.com/flatwatt/flatwatt"
)

// maxRejectedBytes bounds the rejects that wait for a flush: one may be 800 times a reading.
const maxRejectedBytes = 64 << 20

// rejectedHead is what a reject takes beside its text.
const rejectedHead = 72

// keepRejected adds rejects to those that wait. Their bytes belong to the source.
func (w *Writer) keepRejected(list []flatwatt.Rejected) {
	for _, r := range list {
		r.Raw = slices.Clone(r.Raw)
		w.rejected = append(w.rejected, r)
		w.rejectedBytes += rejectedHead + len(r.Where) + len(r.Field) + len(r.Reason) + len(r.Raw)
	}
}

// full says that no more should wait: a stream may bring rejects only, as of a head-end
// whose clock is a year ahead.
func (w *Writer) full() bool {
	return w.Buffered() >= w.opt.FlushReadings || w.rejectedBytes >= maxRejectedBytes
}

// A rejectedRow is a row of a file of rejects.
type rejectedRow struct {
	Where  string `parquet:"where"`
	Field  string `parquet:"field,dict"`
	Reason string `parquet:"reason,dict"`
	Raw    []byte `parquet:"raw"`
}

// fileRejected writes the rejects that wait as a file.
func (w *Writer) fileRejected(ctx context.Context) error {
	defer w.dateRejected()
	if len(w.rejected) == 0 {
		return nil
	}
	var out bytes.Buffer
	pw := parquet.NewGenericWriter[rejectedRow](&out, parquet.Compression(&zstd.Codec{}), parquet.CreatedBy("flatwatt", "archive", ""))
	list := make([]rejectedRow, len(w.rejected))
	for i, r := range w.rejected {
		list[i] = rejectedRow{r.Where, r.Field, r.Reason, r.Raw}
	}
	if _, err := pw.Write(list); err != nil {
		return fmt.Errorf("archive: encode rejects: %w", err)
	}
	if err := pw.Close(); err != nil {
		return fmt.Errorf("archive: encode rejects: %w", err)
	}
	sum := sha256.Sum256(out.Bytes())
	f := File{Rows: int64(len(list)), Bytes: int64(out.Len()), SHA256: hex.EncodeToString(sum[:])}
	f.Key = fmt.Sprintf("rejected/%020d-%s.parquet", w.man.Generation+1, f.SHA256[:16])
	if err := w.store.Put(ctx, f.Key, out.Bytes()); err != nil {
		return fmt.Errorf("archive: write %s: %w", f.Key, err)
	}
	w.man.Rejected = append(w.man.Rejected, f)
	return nil
}

// dateRejected gives rejects the archive's last day, by which they pass retention: they
// have no time that could be believed. Those filed before there was a reading, or by an
// older program, get theirs late, so that none goes too early.
func (w *Writer) dateRejected() {
	_, last, ok := (&Archive{man: w.man}).Days()
	if !ok {
		return
	}
	for i := range w.man.Rejected {
		if f := &w.man.Rejected[i]; f.Day == "" {
			f.Day = last.String()
		}
	}
}

// retainRejected takes the rejects out of the manifest that go with the readings before
// first, and returns their keys.
func (w *Writer) retainRejected(first flatwatt.Day) (gone []string) {
	w.dateRejected()
	w.man.Rejected = slices.DeleteFunc(w.man.Rejected, func(f File) bool {
		if f.Day == "" || f.end(w.man.Period) > first {
			return false
		}
		gone = append(gone, f.Key)
		return true
	})
	return gone
}
