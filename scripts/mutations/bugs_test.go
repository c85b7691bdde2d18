package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Every bug still finds its place. Whether tests notice it takes ten minutes: `make mutations`.
func TestBugsHaveAPlace(t *testing.T) {
	t.Chdir(filepath.Join("..", ".."))
	for _, b := range bugs {
		text, err := os.ReadFile(b.file)
		if err != nil {
			t.Error(err)
			continue
		}
		if n := strings.Count(string(text), b.old); n != 1 {
			t.Errorf("%s: %s: the text to replace occurs %d times, want once", b.file, b.name, n)
		}
	}
}
