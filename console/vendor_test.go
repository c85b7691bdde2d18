package console

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
)

// TestVendoredFilesAreAsPublished compares every file from elsewhere with its checksum.
func TestVendoredFilesAreAsPublished(t *testing.T) {
	sums, err := assets.ReadFile("assets/vendor/SHA256SUMS")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]string{}
	for line := range strings.Lines(string(sums)) {
		f := strings.Fields(line)
		known[f[1]] = f[0]
	}
	entries, err := assets.ReadDir("assets/vendor")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".js") && !strings.HasSuffix(e.Name(), ".css") {
			continue
		}
		body, err := assets.ReadFile("assets/vendor/" + e.Name())
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(body); known[e.Name()] != hex.EncodeToString(sum[:]) {
			t.Errorf("%s is not what SHA256SUMS says", e.Name())
		}
		delete(known, e.Name())
	}
	for name := range known {
		t.Errorf("%s is in SHA256SUMS and not there", name)
	}
}
