package detectors

import (
	"fmt"
	"math"

	"github.com/flatwatt/flatwatt"
)

func plain(x float64) float64      { return x }
func percent(x float64) float64    { return 100 * x }
func expPercent(x float64) float64 { return 100 * math.Exp(x) }

// Say puts a piece of evidence into words, in "zh" or else in English. The words of a
// term that this program does not know are its name and number.
func Say(e flatwatt.Evidence, lang string) string {
	for i := range terms {
		if terms[i].name != e.Term {
			continue
		}
		if lang == "zh" {
			return fmt.Sprintf(terms[i].say.zh, e.Value)
		}
		return fmt.Sprintf(terms[i].say.en, e.Value)
	}
	return fmt.Sprintf("%s %.3g", e.Term, e.Value)
}
