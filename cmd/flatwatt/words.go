package main

import (
	"fmt"
	"strings"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/detectors"
	"github.com/flatwatt/flatwatt/detectors/balance"
	clusters "github.com/flatwatt/flatwatt/detectors/cluster"
	"github.com/flatwatt/flatwatt/detectors/hall"
	"github.com/flatwatt/flatwatt/detectors/outside"
	"github.com/flatwatt/flatwatt/detectors/plant"
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
			if text, ok := plant.Say(e, lang); ok {
				all[i] = text
				continue
			}
			if text, ok := saidElsewhere(e, lang); ok {
				all[i] = text
				continue
			}
			all[i] = detectors.Say(e, lang)
		}
		if s.Detector == "cluster" {
			return clusterLine(s, all, lang), all
		}
		line := farmWords(s, lang) + withOutside(lineOf(s, all, lang), s, all, lang)
		if len(where) > 0 { // first: it is where to go
			line = where[0] + map[bool]string{false: "; ", true: "；"}[lang == "zh"] + line
		}
		return line, all
	}
}

// farmWords begin the line of a large flat load that is called a mining farm: what its
// probability is of, and what is to be done; "" of any other score.
func farmWords(s flatwatt.Score, lang string) string {
	if s.Detector != hall.Detector || s.State != flatwatt.Suspect {
		return ""
	}
	if lang == "zh" {
		return fmt.Sprintf("大容量恒定负荷，更像矿场而非数据中心（%s），须先现场核查：", percent(s.Probability))
	}
	return fmt.Sprintf("a large flat load, a mining farm rather than a data centre (%s), to be inspected on site: ", percent(s.Probability))
}

// saidElsewhere are the words of detectors that have a few terms of their own.
func saidElsewhere(e flatwatt.Evidence, lang string) (string, bool) {
	for _, say := range []func(flatwatt.Evidence, string) (string, bool){outside.Say, hall.Say, clusterWords} {
		if text, ok := say(e, lang); ok {
			return text, true
		}
	}
	return "", false
}

// withOutside adds to a line what came from outside the readings and is not in it yet.
func withOutside(line string, s flatwatt.Score, all []string, lang string) string {
	for i, e := range s.Evidence {
		if outside.Is(e) && !strings.Contains(line, all[i]) {
			line += map[bool]string{false: "; ", true: "；"}[lang == "zh"] + all[i]
		}
	}
	return line
}

// lineOf names what speaks for a miner where the meter is a suspect or close to one, with
// the strongest counter-evidence, and what speaks against it where it is not.
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
	if i := counter(s.Evidence); sign > 0 && i >= 0 {
		parts = append(parts, pick("other")+all[i])
	}
	if lang == "zh" {
		return strings.Join(parts, "；")
	}
	return strings.Join(parts, "; ")
}

// counterFrom is the contribution against a miner that a suspect's line does not keep silent.
const counterFrom = -0.7

// counter is the index of the strongest evidence against a miner; −1 where there is none
// of weight.
func counter(evidence []flatwatt.Evidence) int {
	worst := -1
	for i, e := range evidence {
		if e.LogOdds <= counterFrom && (worst < 0 || e.LogOdds < evidence[worst].LogOdds) {
			worst = i
		}
	}
	return worst
}

// clusterWords say a piece of evidence of a cluster; ok is false where it is of another detector.
func clusterWords(e flatwatt.Evidence, lang string) (text string, ok bool) {
	if clusters.IsCount(e) {
		if lang == "zh" {
			return fmt.Sprintf("%.0f 个恒定负荷在 %.0f 天内相继出现", e.Value, clusters.Window), true
		}
		return fmt.Sprintf("%.0f blocks began within %.0f days of one another", e.Value, clusters.Window), true
	}
	if clusters.IsShared(e) {
		return fmt.Sprintf(map[bool]string{false: "one operator: blocks of one size changed power at the same hours by the same share, %.0f times", true: "同一运营者：同等大小的负荷在同一时刻按同一比例变化 %.0f 次"}[lang == "zh"], e.Value), true
	}
	if clusters.IsOthers(e) {
		return fmt.Sprintf(map[bool]string{false: "%.0f meters show none, and operators are rare", true: "其余 %.0f 块表无此类负荷，团伙本属少见"}[lang == "zh"], e.Value), true
	}
	if id, is := clusters.MemberOf(e); is {
		return fmt.Sprintf("%s: %.2g kW", id, e.Value), true
	}
	if node, is := clusters.WholeOf(e); is {
		return fmt.Sprintf(map[bool]string{false: "part of the case at %s", true: "属于 %s 的案件"}[lang == "zh"], node), true
	}
	return "", false
}

// clusterLine names the number of members and those that say most.
func clusterLine(s flatwatt.Score, all []string, lang string) string {
	var parts, members []string
	for i, e := range s.Evidence {
		if _, is := clusters.MemberOf(e); is && len(members) < reasonsInLine {
			members = append(members, all[i])
		} else if _, part := clusters.WholeOf(e); part || clusters.IsCount(e) || clusters.IsShared(e) {
			parts = append(parts, all[i])
		}
	}
	if parts = append(parts, members...); len(parts) == 0 {
		parts = []string{map[bool]string{false: "its blocks have gone", true: "相关负荷已消失"}[lang == "zh"]}
	}
	return strings.Join(parts, map[bool]string{false: "; ", true: "；"}[lang == "zh"])
}
