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

// What speaks against a miner is told with what it looks like instead; what speaks for
// one is not.
func TestCounterEvidenceSaysWhatItLooksLike(t *testing.T) {
	for _, c := range []struct {
		term        string
		odds, value float64
		en, zh      string
	}{
		{"thermal", -1, 3, "changes by +3 % per °C: more like cooling", "随气温变化 +3 %/°C：更像制冷"},
		{"thermal", -1, -4, "changes by -4 % per °C: more like heating", "随气温变化 -4 %/°C：更像采暖"},
		{"power_factor", -2, 0.82, "power factor of the block is 0.820: more like a motor", "该负荷功率因数 0.820：更像电动机"},
		{"thermal", 0.4, 0.2, "changes by +0.2 % per °C", "随气温变化 +0.2 %/°C"},
		{"age", -1, 2, "has run for 2 days", "已持续 2 天"},
	} {
		e := flatwatt.Evidence{Term: c.term, LogOdds: c.odds, Value: c.value}
		if en, zh := Say(e, "en"), Say(e, "zh"); en != c.en || zh != c.zh {
			t.Errorf("%s at %+.1f: %q and %q, want %q and %q", c.term, c.odds, en, zh, c.en, c.zh)
		}
	}
}
