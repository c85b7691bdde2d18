package archive_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/archive"
)

// refusals are rejects of one message.
func refusals(message, n, bytes int) (list []flatwatt.Rejected) {
	for i := range n {
		list = append(list, flatwatt.Rejected{Where: fmt.Sprintf("AMI:%d row %d", message, i), Field: "start", Reason: "is in the future", Raw: make([]byte, bytes)})
	}
	return list
}

// A stream that brings rejects only neither fills the memory nor stands still.
func TestRejectsAloneAreFlushed(t *testing.T) {
	for name, c := range map[string]struct{ messages, each, bytes, most int }{
		"many":  {messages: 50, each: 100, bytes: 70, most: 1000},
		"large": {messages: 24, each: 100, bytes: flatwatt.MaxRejectedBytes, most: 1100},
	} {
		store := archive.Dir(t.TempDir())
		w, err := archive.OpenWriter(t.Context(), store, archive.Options{FlushReadings: 1000 * c.bytes / 70})
		if err != nil {
			t.Fatal(err)
		}
		most := 0
		for i := range c.messages {
			if err := w.Take(t.Context(), flatwatt.Batch{Rejected: refusals(i, c.each, c.bytes), Next: flatwatt.Position(i + 1)}); err != nil {
				t.Fatal(err)
			}
			most = max(most, w.Buffered())
		}
		if most > c.most {
			t.Errorf("%s: %d rejects waited in memory, want at most %d", name, most, c.most)
		}
		kept := int64(w.Buffered())
		for _, f := range w.Archive().Manifest().Rejected {
			kept += f.Rows
		}
		if w.Position() == 0 || kept != int64(c.messages*c.each) {
			t.Errorf("%s: position %d, %d of %d rejects", name, w.Position(), kept, c.messages*c.each)
		}
	}
}

// What brings nothing moves the place in the stream all the same.
func TestAPlaceAloneIsPending(t *testing.T) {
	w, err := archive.OpenWriter(t.Context(), archive.Dir(t.TempDir()), archive.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if w.Pending() {
		t.Error("a new archive has something to flush")
	}
	if err := w.Take(t.Context(), flatwatt.Batch{Next: 7}); err != nil {
		t.Fatal(err)
	}
	if !w.Pending() || w.Buffered() != 0 {
		t.Errorf("pending %v, %d buffered", w.Pending(), w.Buffered())
	}
	if err := w.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if w.Pending() || w.Position() != 7 {
		t.Errorf("after a flush: pending %v, position %d", w.Pending(), w.Position())
	}
}

// Rejects pass retention with the readings of the day on which they were filed, but not
// those that no reading has come after.
func TestRejectsPassRetention(t *testing.T) {
	store := archive.Dir(t.TempDir())
	w, err := archive.OpenWriter(t.Context(), store, archive.Options{Meters: register(1), Period: archive.Daily})
	if err != nil {
		t.Fatal(err)
	}
	take := func(days int, next flatwatt.Position) {
		t.Helper()
		b := flatwatt.Batch{Rejected: refusals(int(next), 3, 10), Next: next}
		if days > 0 {
			b.Readings = fleet(1, days, 5)
		}
		if err := w.Take(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	take(0, 1) // before there is a reading
	if _, _, err := w.Retain(t.Context(), 1<<20); err != nil || len(open(t, store).Manifest().Rejected) != 1 {
		t.Errorf("rejects without a day went: %v", err)
	}
	take(2, 2) // on the second day
	take(6, 3) // on the sixth
	first := flatwatt.DayOf(march, time.UTC)
	for _, c := range []struct {
		first flatwatt.Day
		left  int
	}{{first + 1, 3}, {first + 2, 1}, {first + 5, 1}, {first + 6, 0}} {
		if _, _, err := w.Retain(t.Context(), c.first); err != nil {
			t.Fatal(err)
		}
		a := open(t, store)
		if n := len(a.Manifest().Rejected); n != c.left {
			t.Errorf("from day %d on %d files of rejects are left, want %d", int(c.first-first), n, c.left)
		}
		if faults, err := a.Verify(t.Context(), nil); err != nil || len(faults) > 0 {
			t.Errorf("%v %v", faults, err)
		}
		keys, err := store.List(t.Context(), "rejected/")
		if err != nil || len(keys) != c.left {
			t.Errorf("%d files in the store, want %d; %v", len(keys), c.left, err)
		}
	}
}
