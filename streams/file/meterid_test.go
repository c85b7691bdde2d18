package file

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A meter id with an escape sequence would write on the operator's terminal.
func TestMeterIDsWithControlCharactersAreRejected(t *testing.T) {
	dir := t.TempDir()
	text := "meter_id,timezone\ngood,Asia/Shanghai\n\x1b[31mred,Asia/Shanghai\n" + strings.Repeat("x", 200) + ",Asia/Shanghai\n"
	if err := os.WriteFile(filepath.Join(dir, "meters.csv"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := f.Meters(); len(got) != 1 || got[0].ID != "good" {
		t.Errorf("meters are %v, want good alone", got)
	}
	if got := f.Rejects(); len(got) != 2 || got[0].Field != "meter_id" {
		t.Errorf("rejects are %v, want lines 3 and 4, meter_id", got)
	}
}
