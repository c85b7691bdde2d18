package casework

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// TestFilesAreTheOwnersAlone: the file and what SQLite keeps beside it, made new or found open
// to all, and a backup that nobody has mended afterwards.
func TestFilesAreTheOwnersAlone(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("has no modes")
	}
	ctx, dir := t.Context(), t.TempDir()
	path := filepath.Join(dir, "casework.db")
	alone := func(when string, files ...string) {
		t.Helper()
		for _, file := range files {
			if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s: %v, %v", when, info, err)
			}
		}
	}
	db, err := Open(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	alone("made", path, path+"-wal", path+"-shm")
	if err := db.Backup(ctx, filepath.Join(dir, "copy.db")); err != nil {
		t.Fatal(err)
	}
	alone("copied", filepath.Join(dir, "copy.db"))
	for _, beside := range []string{"", "-wal", "-shm"} {
		if err := os.Chmod(path+beside, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	second, err := Open(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	alone("mended", path, path+"-wal", path+"-shm")
	ended, end := context.WithCancel(ctx)
	end()
	if err := db.Backup(ended, filepath.Join(dir, "failed.db")); err == nil {
		t.Error("a copy that was broken off")
	}
	if _, err := os.Stat(filepath.Join(dir, "failed.db")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what was broken off stays in the way: %v", err)
	}
}
