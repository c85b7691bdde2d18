package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/flatwatt/flatwatt/detectors/outside"
	"github.com/flatwatt/flatwatt/streams/file"
)

// The register is indexed by account and address, seconds for a million meters, only where
// there is evidence to look up.
func TestTheRegisterIsIndexedForEvidenceOnly(t *testing.T) {
	for _, c := range []struct {
		evidence string
		asked    int
	}{{"", 0}, {"id,meter_id,kind,source,at,entered,by,log_odds\nP1,M-1,pool_contact,netops,2025-02-20,2025-02-21,li,1\n", 1}} {
		dir := t.TempDir()
		for name, text := range map[string]string{"meters.csv": "meter_id,timezone\nM-1,UTC\n", "evidence.csv": c.evidence} {
			if text == "" {
				continue
			}
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		fleet, err := file.Open(dir, file.Options{})
		if err != nil {
			t.Fatal(err)
		}
		asked := 0
		book := bookBy(func() *outside.Register { asked++; return outside.NewRegister(fleet.Meters()) }, fleet)
		if asked != c.asked || len(book.Outside("M-1")) != c.asked {
			t.Errorf("evidence %q: the register was asked for %d times and gave %d pieces, want %d; rejected: %v", c.evidence, asked, len(book.Outside("M-1")), c.asked, fleet.Rejects())
		}
	}
}
