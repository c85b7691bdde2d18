package main

import (
	"regexp"
	"testing"
)

// Every label is Chinese and keeps the verbs of its English; what explain prints in
// Chinese has no English words but names, units and what the fleet declares.
func TestExplainSpeaksChinese(t *testing.T) {
	verb := regexp.MustCompile(`%[.\d]*[a-z]`)
	han := regexp.MustCompile(`\p{Han}`)
	for en, zh := range chineseLabels {
		if a, b := verb.FindAllString(en, -1), verb.FindAllString(zh, -1); len(a) != len(b) || !han.MatchString(zh) && len(b) < 2 {
			t.Errorf("%q is told as %q", en, zh)
		}
	}
	code, out, stderr := run(t, nil, "explain", "c0000005", "--fleet", sampleFleet, "--lang", "zh")
	if code != 0 {
		t.Fatalf("explain exits %d: %s", code, stderr)
	}
	if found := regexp.MustCompile(`(?i)\b(state|suspect|onset|runs|units|against|nothing|before|more like)\b`).FindString(out); found != "" {
		t.Errorf("%q is not Chinese in\n%s", found, out)
	}
	if !regexp.MustCompile(`起始 +\d{4}-\d\d-\d\d \d\d:\d\d \[`).MatchString(out) {
		t.Errorf("the onset is not told to the minute:\n%s", out)
	}
}
