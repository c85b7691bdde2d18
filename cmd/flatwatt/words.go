package main

import (
	"fmt"
	"strings"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/detectors"
	"github.com/flatwatt/flatwatt/detectors/balance"
)

// reasonsInLine is how many pieces of evidence the one-line reason names.
const reasonsInLine = 3

// wordsIn gives the words for scores in a language: the strongest evidence in one line,
// and each piece of evidence on its own.
func wordsIn(lang string) func(flatwatt.Score) (string, []string) {
	return func(s flatwatt.Score) (string, []string) {
		all := make([]string, len(s.Evidence))
		var where []string
		for i, e := range s.Evidence {
			if id, ok := balance.CandidateOf(e); ok {
				all[i] = fmt.Sprintf(map[bool]string{false: "likeliest at %s (%.0f %%)", true: "最可能在 %s（%.0f %%）"}[lang == "zh"], id, 100*e.Value)
				where = append(where, all[i])
				continue
			}
			all[i] = detectors.Say(e, lang)
		}
		line := lineOf(s, all, lang)
		if len(where) > 0 { // first: it is where to go
			line = where[0] + map[bool]string{false: "; ", true: "；"}[lang == "zh"] + line
		}
		return line, all
	}
}

// lineOf names what speaks for a miner where the meter is a suspect or close to one, and
// what speaks against it where it is not.
func lineOf(s flatwatt.Score, all []string, lang string) string {
	text := map[string][2]string{
		"none":  {"nothing stands out", "无异常"},
		"data":  {"not enough readings to judge", "数据不足，无法判断"},
		"other": {"but: ", "但："},
		"gone":  {"the block has vanished", "该负荷已消失"},
		"flat":  {"the register seems stuck: no reading varies", "表计疑似停走：读数不变"},
	}
	pick := func(key string) string { return text[key][btoi(lang == "zh")] }
	switch s.State {
	case flatwatt.NotEnoughData:
		return pick("data")
	case flatwatt.MeterFault:
		if len(all) == 0 {
			return pick("flat")
		}
	}
	sign := 1.0
	if s.State != flatwatt.Suspect && s.State != flatwatt.Ended && !(s.Probability >= 0.1) {
		sign = -1
	}
	var parts []string
	for i, e := range s.Evidence {
		if len(parts) < reasonsInLine && e.LogOdds*sign > 0 {
			parts = append(parts, all[i])
		}
	}
	if len(parts) == 0 && len(all) > 0 {
		return pick("other") + all[0]
	}
	if len(parts) == 0 {
		return pick("none")
	}
	if lang == "zh" {
		return strings.Join(parts, "；")
	}
	return strings.Join(parts, "; ")
}
