package file

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
)

// realFleet is the fleet of public data that lies beside the repository.
func realFleet(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("FLATWATT_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	dir = filepath.Join(dir, "real")
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("no real data at %s: set FLATWATT_DATA to the folder that holds real/", dir)
	}
	return dir
}

func TestRealFleetLoadsWhole(t *testing.T) {
	f, err := Open(realFleet(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Load(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
	// The counts are those of the data as published; nothing in them is bad.
	s := f.Stats()
	if s.Readings != 4_342_996 || s.Meters != 441 || s.Rows != s.Readings || len(f.Rejects()) > 0 || len(f.Notes()) > 0 {
		t.Errorf("%+v, rejects %+v, notes %+v", s, f.Rejects(), f.Notes())
	}
	src, n, last := f.Source(time.Time{}), int64(0), flatwatt.Reading{}
	for b, err := src.Read(t.Context()); !errors.Is(err, io.EOF); b, err = src.Read(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range b.Readings {
			if n > 0 && !before(last, r) {
				t.Fatalf("%v %v comes after %v %v", r.Meter, r.Start, last.Meter, last.Start)
			}
			last = r
			n++
		}
	}
	if n != s.Readings {
		t.Fatalf("source gave %d readings, loaded %d", n, s.Readings)
	}
}
