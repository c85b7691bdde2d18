package detectors

import (
	"strings"
	"testing"

	"github.com/flatwatt/flatwatt"
)

// Every term must be told in both languages, with its number and without a formatting
// mistake.
func TestEveryTermHasWords(t *testing.T) {
	seen := map[string]bool{}
	for _, term := range terms {
		if seen[term.name] {
			t.Errorf("%s is registered twice", term.name)
		}
		seen[term.name] = true
		for _, lang := range []string{"en", "zh"} {
			got := Say(flatwatt.Evidence{Term: term.name, Value: 42}, lang)
			if strings.Contains(got, "%!") || !strings.Contains(got, "42") {
				t.Errorf("%s in %s: %q", term.name, lang, got)
			}
		}
		if err := term.prior.Validate(); err != nil {
			t.Errorf("%s: %v", term.name, err)
		}
	}
	if got := Say(flatwatt.Evidence{Term: "size", Value: 1276.4}, "en"); got != "added block of 1276 kW" {
		t.Errorf("a large block is told as %q", got)
	}
	if got := Say(flatwatt.Evidence{Term: "gone", Value: 1.5}, "en"); got != "gone 1.5" {
		t.Errorf("an unknown term is told as %q", got)
	}
}
