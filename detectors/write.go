package detectors

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/flatwatt/flatwatt/models"
)

// Significant digits of the numbers in a model file. They make it half as large and are
// far finer than what fitting knows.
const (
	curveDigits       = 4 // terms and class priors
	calibrationDigits = 5
	thresholdDigits   = 6 // where a tree splits
	leafDigits        = 5 // what a node is worth
	alarmDigits       = 4
	rateDigits        = 6 // thresholds close to 1
)

// WriteParams is p as a model file, for ReadParams: one line a term, class and tree,
// names sorted, numbers rounded to a few significant digits. The same model always gives
// the same bytes, and what is read back gives the same bytes again. p must be valid.
func WriteParams(p *Params) ([]byte, error) {
	if err := p.Validate(); err != nil {
		return nil, fmt.Errorf("write model %s: %w", p.Version, err)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "{\n \"version\": %s,\n", quoted(p.Version))
	fmt.Fprintf(&b, " \"alarm_probability\": %s,\n", number(p.AlarmProbability, alarmDigits))
	fmt.Fprintf(&b, " \"calibration\": %s,\n", curveText(p.Calibration, calibrationDigits))
	writeGuarantees(&b, p)
	writeWidths(&b, p.Widths)
	b.WriteString(" \"classes\": {")
	for i, c := range slices.Sorted(maps.Keys(p.Classes)) {
		v := p.Classes[c]
		fmt.Fprintf(&b, "%s\n  %s: %s", comma(i), quoted(string(c)), numbers(v[:], curveDigits))
	}
	b.WriteString("\n },\n")
	writeRegions(&b, p.Regions)
	b.WriteString(" \"terms\": {")
	for i, name := range slices.Sorted(maps.Keys(p.Terms)) {
		fmt.Fprintf(&b, "%s\n  %s: %s", comma(i), quoted(name), curveText(p.Terms[name], curveDigits))
	}
	b.WriteString("\n }")
	if len(p.Boost.Trees) > 0 {
		writeBoost(&b, p)
	}
	b.WriteString("\n}\n")
	return b.Bytes(), nil
}

func writeGuarantees(b *bytes.Buffer, p *Params) {
	if e := p.EValue; e != (models.EValue{}) {
		fmt.Fprintf(b, " \"e_value\": {\"cap\":%s,\"log_mean\":%s},\n", number(e.Cap, alarmDigits), number(e.LogMean, calibrationDigits))
	}
	if a := p.FalseAlarms; len(a.Probability) > 0 {
		fmt.Fprintf(b, " \"false_alarms\": {\"probability\":%s,\"false_alarms_per_1000_meter_months\":%s},\n",
			numbers(a.Probability, rateDigits), numbers(a.Per1000Months, rateDigits))
	}
}

func writeRegions(b *bytes.Buffer, regions map[string]float64) {
	if len(regions) == 0 {
		return
	}
	b.WriteString(" \"regions\": {")
	for i, r := range slices.Sorted(maps.Keys(regions)) {
		fmt.Fprintf(b, "%s\n  %s: %s", comma(i), quoted(r), number(regions[r], curveDigits))
	}
	b.WriteString("\n },\n")
}

func writeWidths(b *bytes.Buffer, w Widths) {
	if w == (Widths{}) {
		return
	}
	fmt.Fprintf(b, " \"widths\": {\"block\":%s,\"onset_hours\":[", numbers(w.Block[:], alarmDigits))
	for i, o := range w.OnsetHours {
		b.WriteString(comma(i) + numbers(o[:], alarmDigits))
	}
	b.WriteString("]},\n")
}

func writeBoost(b *bytes.Buffer, p *Params) {
	b.WriteString(",\n \"features\": [")
	for i, name := range p.Features {
		b.WriteString(comma(i) + quoted(name))
	}
	b.WriteString("],\n \"boost\": {")
	if p.Boost.Stage > 0 {
		fmt.Fprintf(b, `"stage": %d, "enough": %s, `, p.Boost.Stage, number(p.Boost.Enough, leafDigits))
	}
	b.WriteString(`"trees": [`)
	for i, t := range p.Boost.Trees {
		fmt.Fprintf(b, "%s\n   [", comma(i))
		for k, n := range t {
			b.WriteString(comma(k) + nodeText(n))
		}
		b.WriteString("]")
	}
	b.WriteString("\n ]}")
}

// nodeText leaves out what a leaf has no use for.
func nodeText(n models.Node) string {
	value := number(float64(n.Value), leafDigits)
	if n.Left == 0 {
		return fmt.Sprintf(`{"v":%s}`, value)
	}
	missing := ""
	if n.Missing {
		missing = `,"m":true`
	}
	return fmt.Sprintf(`{"f":%d,"l":%d,"r":%d%s,"t":%s,"v":%s}`,
		n.Feature, n.Left, n.Right, missing, number(float64(n.Threshold), thresholdDigits), value)
}

// curveText leaves the knots as they are: they are chosen, not fitted.
func curveText(c models.Curve, digits int) string {
	return fmt.Sprintf(`{"knots":%s,"values":%s}`, numbers(c.Knots, -1), numbers(c.Values, digits))
}

func numbers(x []float64, digits int) string {
	text := "["
	for i, v := range x {
		text += comma(i) + number(v, digits)
	}
	return text + "]"
}

// number is x with so many significant digits; −1 is as many as it takes.
func number(x float64, digits int) string {
	if x == 0 {
		return "0" // also for −0, which reads back as 0
	}
	return strconv.FormatFloat(x, 'g', digits, 64)
}

func quoted(s string) string {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // no string fails
	}
	return string(text)
}

func comma(i int) string {
	if i == 0 {
		return ""
	}
	return ","
}
