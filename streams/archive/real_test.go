package archive_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/archive"
	"github.com/flatwatt/flatwatt/streams/file"
)

// maxBytesAReading is what the archive may take on public data of 15 to 60 minutes.
const maxBytesAReading = 3.0

// realFleet is the public data; tests without it are skipped.
func realFleet(t testing.TB) *file.Fleet {
	t.Helper()
	dir := os.Getenv("FLATWATT_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	if _, err := os.Stat(filepath.Join(dir, "real", "meters.csv")); err != nil {
		t.Skipf("no public data in %s: set FLATWATT_DATA to the folder that holds real/meters.csv", dir)
	}
	f, err := file.Open(filepath.Join(dir, "real"), file.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Load(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	return f
}

// load imports a fleet and returns its archive and the number of its readings.
func load(t testing.TB, store archive.Store, f *file.Fleet) (*archive.Archive, int64) {
	t.Helper()
	w, err := archive.OpenWriter(t.Context(), store, archive.Options{Meters: f.Meters()})
	if err != nil {
		t.Fatal(err)
	}
	var n int64
	for source := f.Source(time.Time{}); ; {
		b, err := source.Read(t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		n += int64(len(b.Readings))
		if err := w.Import(t.Context(), "real", b); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.EndImport(t.Context(), "real", flatwatt.Position(n)); err != nil {
		t.Fatal(err)
	}
	if err := w.Merge(t.Context()); err != nil {
		t.Fatal(err)
	}
	return open(t, store), n
}

func TestSizeOfPublicData(t *testing.T) {
	f := realFleet(t)
	began := time.Now()
	a, n := load(t, archive.Dir(t.TempDir()), f)
	var rows, bytes int64
	for _, f := range a.Manifest().Files {
		rows, bytes = rows+f.Rows, bytes+f.Bytes
	}
	each := float64(bytes) / float64(rows)
	t.Logf("%d readings in %d files, %.2f bytes each, imported at %.2f M/s", rows, len(a.Manifest().Files), each, float64(n)/time.Since(began).Seconds()/1e6)
	if rows != n || each > maxBytesAReading {
		t.Errorf("%d readings of %d, %.2f bytes each; want at most %g", rows, n, each, maxBytesAReading)
	}
}
