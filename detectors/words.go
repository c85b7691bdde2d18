package detectors

import (
	"fmt"
	"math"
	"strings"

	"github.com/flatwatt/flatwatt"
)

func plain(x float64) float64      { return x }
func percent(x float64) float64    { return 100 * x }
func expPercent(x float64) float64 { return 100 * math.Exp(x) }

// wholeNumbers tells large values without an exponent.
var wholeNumbers = strings.NewReplacer("%.2g", "%.0f", "%.3g", "%.0f", "%+.2g", "%+.0f")

// Say puts a piece of evidence into words, in "zh" or else in English. Where it speaks
// against a miner, the words say what it looks like instead. The words of a term that
// this program does not know are its name and number.
func Say(e flatwatt.Evidence, lang string) string {
	words := say(e, lang)
	if p, ok := like(e); ok && lang == "zh" {
		return words + "：" + p.zh
	} else if ok {
		return words + ": " + p.en
	}
	return words
}

func say(e flatwatt.Evidence, lang string) string {
	for i := range terms {
		if terms[i].name != e.Term {
			continue
		}
		words := terms[i].say.en
		if lang == "zh" {
			words = terms[i].say.zh
		}
		if math.Abs(e.Value) >= 99.5 {
			words = wholeNumbers.Replace(words)
		}
		return fmt.Sprintf(words, e.Value)
	}
	if e.Term == pastTerm {
		return fmt.Sprintf(map[bool]string{false: "a block of %.3g kW stood out here for days", true: "此前多日曾出现 %.3g kW 的负荷"}[lang == "zh"], e.Value)
	}
	if e.Term == wordTerm {
		return fmt.Sprintf(map[bool]string{false: "an inspection found the floor of %.3g kW honest", true: "经现场核查，%.3g kW 的基荷正常"}[lang == "zh"], e.Value)
	}
	return fmt.Sprintf("%s %.3g", e.Term, e.Value)
}
