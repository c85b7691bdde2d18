package console

import (
	"fmt"
	"math"
	"mime"
	"strconv"
	"time"

	"github.com/flatwatt/flatwatt"
)

// unknown stands for a value that there is none of.
const unknown = "–"

// percent never rounds up to certainty.
func percent(p *float64) string {
	switch {
	case p == nil:
		return unknown
	case *p > 0.999:
		return "> 99.9 %"
	case *p < 0.001:
		return "< 0.1 %"
	}
	return fmt.Sprintf("%.1f %%", 100**p)
}

// share is a plain percentage.
func share(v any) string {
	switch v := v.(type) {
	case *float64:
		if v == nil {
			return unknown
		}
		return fmt.Sprintf("%.1f %%", 100**v)
	case float64:
		return fmt.Sprintf("%.1f %%", 100*v)
	}
	return unknown
}

func num(v any, digits int) string {
	x := math.NaN()
	switch v := v.(type) {
	case *float64:
		if v != nil {
			x = *v
		}
	case float64:
		x = v
	}
	if math.IsNaN(x) {
		return unknown
	}
	return strconv.FormatFloat(x, 'f', digits, 64)
}

func kilowatts(v any) string { return num(v, 2) }

func estimateText(e *estimateJSON, digits int) string {
	if e == nil {
		return unknown
	}
	return fmt.Sprintf("%.*f [%.*f–%.*f]", digits, e.Value, digits, e.Low, digits, e.High)
}

func spanText(r *rangeJSON) string {
	if r == nil {
		return unknown
	}
	lo, hi := fmt.Sprintf("%.0f", r.Low), fmt.Sprintf("%.0f", r.High)
	if lo == hi {
		return lo
	}
	return lo + "–" + hi
}

// energyText is kWh, MWh or, in Chinese, 万kWh, as is read aloud there.
func energyText(v any, lang string) string {
	x := math.NaN()
	switch v := v.(type) {
	case *float64:
		if v != nil {
			x = *v
		}
	case float64:
		x = v
	}
	switch {
	case math.IsNaN(x):
		return unknown
	case math.Abs(x) < 10_000:
		return grouped(int64(math.Round(x))) + "\u00a0kWh"
	case lang == chinese:
		return fmt.Sprintf("%.2f\u00a0万kWh", x/1e4)
	}
	return fmt.Sprintf("%.1f\u00a0MWh", x/1e3)
}

func onset(f Finding, cat catalog) string {
	o := f.Score.Onset
	if o.At.IsZero() {
		if math.IsNaN(f.Score.Block.Value) {
			return unknown
		}
		return cat.say("meter.before_data")
	}
	zone := f.Meter.Zone
	if o.Low.Equal(o.High) { // a detector that counts in days
		return date(o.At, zone)
	}
	if date(o.Low, zone) == date(o.High, zone) {
		return fmt.Sprintf("%s [%s–%s]", in(o.At, zone).Format("2006-01-02 15:04"), clock(o.Low, zone), clock(o.High, zone))
	}
	return fmt.Sprintf("%s [%s–%s]", date(o.At, zone), in(o.Low, zone).Format("01-02"), in(o.High, zone).Format("01-02"))
}

func date(t time.Time, zone *time.Location) string  { return in(t, zone).Format(time.DateOnly) }
func clock(t time.Time, zone *time.Location) string { return in(t, zone).Format("15:04") }

func in(t time.Time, zone *time.Location) time.Time {
	if zone == nil {
		return t.UTC()
	}
	return t.In(zone)
}

// dayText is the date of an RFC 3339 time, or a date as it is.
func dayText(text string) string {
	if len(text) > len(time.DateOnly) {
		text = text[:len(time.DateOnly)]
	}
	if text == "" {
		return unknown
	}
	return text
}

// truthText is what the demo knows of a meter.
func (c *call) truthText(f Finding) string {
	t := f.Truth
	note := t.Note
	if note == "" {
		note = unknown
	}
	switch t.Label {
	case flatwatt.NoneLabel:
		return c.t("truth.honest", note)
	case flatwatt.LegitChange:
		return c.t("truth.change", note)
	}
	if t.Onset.IsZero() {
		return c.t("truth.miner_old", float64(t.Block), t.Units)
	}
	return c.t("truth.miner", float64(t.Block), t.Units, date(t.Onset, f.Meter.Zone))
}

func toInt(v any) int64 {
	switch v := v.(type) {
	case int:
		return int64(v)
	case int64:
		return v
	}
	return 0
}

// grouped writes n in groups of three, as in 2 592 000, with blanks that do not break.
func grouped(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "\u00a0" + s[i:]
	}
	return s
}

// attachment is the header that has a browser save a file under a name, whatever is in it.
func attachment(name string) string {
	if h := mime.FormatMediaType("attachment", map[string]string{"filename": name}); h != "" {
		return h
	}
	return "attachment"
}

// appendShort appends a number with at most three digits after the point.
func appendShort(b []byte, v float64) []byte {
	return strconv.AppendFloat(b, math.Round(v*1000)/1000, 'f', -1, 64)
}
