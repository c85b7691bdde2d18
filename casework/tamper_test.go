package casework

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// everything is all that a store answers, as text.
func everything(ctx context.Context, db *DB) (string, error) {
	var b strings.Builder
	trail, err := db.Trail(ctx, "", "")
	if err != nil {
		return "", err
	}
	for _, e := range trail {
		own, err := db.Trail(ctx, e.Kind, e.ID)
		if err != nil {
			return "", err
		}
		r, err := db.Get(ctx, e.Kind, e.ID, e.Version)
		if err != nil && e.Version > 0 {
			return "", err
		}
		list, err := db.List(ctx, e.Kind)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "%+v\n%+v\n%+v\n%+v\n", e, own, r, list)
	}
	return b.String(), nil
}

// TestAFlippedByteOfTheFileIsFound flips bytes of the file itself, through all of it: every
// one is either found, or lies where nothing is kept, so that every answer stays the same.
func TestAFlippedByteOfTheFileIsFound(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	path := filepath.Join(dir, "c.db")
	db, err := Open(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	head := fill(t, db)
	want, err := everything(ctx, db)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil { // the last connection writes the log into the file
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	found, unused := 0, 0
	tried := 0
	for i, b := range whole {
		if tried++; b != 0 && tried%31 != 0 || b == 0 && tried%401 != 0 {
			continue // zeros are mostly free room
		}
		spoilt := append([]byte(nil), whole...)
		spoilt[i] ^= 1
		copied := filepath.Join(dir, fmt.Sprint(i, ".db"))
		if err := os.WriteFile(copied, spoilt, 0o600); err != nil {
			t.Fatal(err)
		}
		if isFound(ctx, copied, head) {
			found++
			continue
		}
		unused++
		db, err := Open(ctx, copied)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := everything(ctx, db); err != nil || got != want {
			t.Errorf("byte %d of %d: something else is read and nobody noticed (%v)", i, len(whole), err)
		}
		_ = db.Close()
	}
	if found < 60 {
		t.Errorf("%d flipped bytes were found, %d lay where nothing is kept", found, unused)
	}
	t.Logf("of %d bytes, %d flips were found, %d lay where nothing is kept", len(whole), found, unused)
}

func isFound(ctx context.Context, path string, head Head) bool {
	db, err := Open(ctx, path)
	if err != nil {
		return true
	}
	defer db.Close()
	_, err = db.Verify(ctx, head)
	return err != nil
}
