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
	begin := time.Now()
	if err := f.Load(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
	s := f.Stats()
	t.Logf("%v %+v", time.Since(begin), s)
	for _, n := range f.Notes() {
		t.Logf("%+v", n)
	}
	for _, r := range f.Rejects()[:min(5, len(f.Rejects()))] {
		t.Logf("%+v", r)
	}
	var n int64
	src := f.Source(time.Time{})
	begin = time.Now()
	var last flatwatt.Reading
	for {
		b, err := src.Read(context.Background())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range b.Readings {
			blk, lastBlk := r.Start.Unix()/21600, last.Start.Unix()/21600
			if n > 0 && (blk < lastBlk || blk == lastBlk && (r.Meter < last.Meter || r.Meter == last.Meter && !r.Start.After(last.Start))) {
				t.Fatalf("%v %v comes after %v %v", r.Meter, r.Start, last.Meter, last.Start)
			}
			last = r
			n++
		}
	}
	t.Logf("read in %v", time.Since(begin))
	if n != s.Readings {
		t.Fatalf("source gave %d readings, loaded %d", n, s.Readings)
	}
}
