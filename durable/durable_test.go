package durable_test

import (
	"bufio"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/flatwatt/flatwatt/durable"
)

// A file has its old text or its whole new one, and nothing else is left in the folder.
func TestFilesAreWhole(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.json")
	check := func(when, want string) {
		t.Helper()
		text, err := os.ReadFile(path)
		if string(text) != want || (err != nil) != (want == "") {
			t.Errorf("%s: %q, %v", when, text, err)
		}
		left, err := os.ReadDir(dir)
		if err != nil || len(left) > 1 {
			t.Errorf("%s: %v are left, %v", when, left, err)
		}
	}
	wrong := errors.New("wrong")
	if err := durable.Write(path, 0o600, func(w *bufio.Writer) error { _, _ = w.WriteString("half"); return wrong }); !errors.Is(err, wrong) {
		t.Errorf("error %v", err)
	}
	check("a write that failed", "")
	if err := durable.WriteBytes(path, 0o600, []byte("old")); err != nil {
		t.Fatal(err)
	}
	check("the first", "old")
	f, err := durable.Create(path, 0o640)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("new"); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "old" {
		t.Errorf("before it is complete: %q, %v", text, err)
	}
	if err := f.Commit(); err != nil {
		t.Fatal(err)
	}
	f.Abort() // as a deferred one
	check("the second", "new")
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o640 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if err := durable.WriteBytes(filepath.Join(dir, "none", "b"), 0o600, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: error %v", err)
	}
	if err := os.Mkdir(filepath.Join(dir, "c"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := durable.WriteBytes(filepath.Join(dir, "c"), 0o600, nil); err == nil {
		t.Error("a folder was replaced")
	}
}
