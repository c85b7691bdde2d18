package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/flatwatt/flatwatt/streams/file"
)

// A plant's readings are negative: what it gives is what there is to look at.
func TestExplainPlotsWhatAPlantGives(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "fleet")
	if code, _, stderr := run(t, nil, "simulate", "plants", "--plants", "12", "--days", "60", "--seed", "801", "--out", dir); code != exitOK {
		t.Fatal(stderr)
	}
	fleet, err := file.Open(dir, file.Options{})
	if err != nil {
		t.Fatal(err)
	}
	id := string(fleet.Meters()[0].ID)
	for lang, label := range map[string]string{"en": "given to the grid:", "zh": "上网出力："} {
		code, out, stderr := run(t, nil, "explain", id, "--fleet", dir, "--lang", lang)
		if code != exitOK {
			t.Fatal(stderr)
		}
		_, plot, ok := strings.Cut(out, label)
		if bars := strings.Count(plot, ".") + strings.Count(plot, "#"); !ok || bars < 60 {
			t.Errorf("%s: %d dots of a plot under %q:\n%s", lang, bars, label, out)
		}
	}
}
