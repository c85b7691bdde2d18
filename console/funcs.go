package console

import (
	"fmt"
	"html/template"
	"math"
	"time"

	"github.com/flatwatt/flatwatt"
)

// unknown stands for a value that there is none of.
const unknown = "–"

var funcs = template.FuncMap{
	"percent": percent,
	"kw":      kilowatts,
	"onset":   onset,
	"units":   func(r flatwatt.Range) string { return spanText(r, "%.0f") },
	"ths":     func(r flatwatt.Range) string { return spanText(r, "%.0f") },
	"num":     func(x float64) string { return fmt.Sprintf("%.2f", x) },
	"signed":  func(x float64) string { return fmt.Sprintf("%+.1f", x) },
	"date":    date,
	"grouped": grouped,
	"truth":   truthText,
	"right":   func(f Finding) bool { return f.Truth != nil && f.Truth.Label == flatwatt.Miner },
	"isnan":   math.IsNaN,
	"hall":    hallState,
	"isTrue":  func(f Finding) bool { return f.Truth != nil },
}

// hallState says what the state of a hall's posterior means.
func hallState(s flatwatt.State) string {
	switch s {
	case flatwatt.Suspect:
		return "mining farm"
	case flatwatt.Normal:
		return "data centre"
	}
	return string(s)
}

// percent never rounds up to certainty.
func percent(p float64) string {
	switch {
	case math.IsNaN(p):
		return unknown
	case p > 0.999:
		return "> 99.9 %"
	case p < 0.001:
		return "< 0.1 %"
	}
	return fmt.Sprintf("%.1f %%", 100*p)
}

func kilowatts(e flatwatt.Estimate) string {
	if math.IsNaN(e.Value) {
		return unknown
	}
	return fmt.Sprintf("%.2f [%.2f–%.2f]", e.Value, e.Low, e.High)
}

func onset(f Finding) string {
	o := f.Score.Onset
	if o.At.IsZero() {
		if math.IsNaN(f.Score.Block.Value) {
			return unknown
		}
		return "before the data"
	}
	zone := f.Meter.Zone
	if date(o.Low, zone) == date(o.High, zone) {
		return fmt.Sprintf("%s [%s–%s]", in(o.At, zone).Format("2006-01-02 15:04"), clock(o.Low, zone), clock(o.High, zone))
	}
	return fmt.Sprintf("%s [%s–%s]", date(o.At, zone), day(o.Low, zone), day(o.High, zone))
}

func spanText(r flatwatt.Range, format string) string {
	if r == (flatwatt.Range{}) || math.IsNaN(r.Low) {
		return unknown
	}
	lo, hi := fmt.Sprintf(format, r.Low), fmt.Sprintf(format, r.High)
	if lo == hi {
		return lo
	}
	return lo + "–" + hi
}

func date(t time.Time, zone *time.Location) string { return in(t, zone).Format(time.DateOnly) }
func clock(t time.Time, zone *time.Location) string {
	return in(t, zone).Format("15:04")
}
func day(t time.Time, zone *time.Location) string { return in(t, zone).Format("01-02") }

func in(t time.Time, zone *time.Location) time.Time {
	if zone == nil {
		return t.UTC()
	}
	return t.In(zone)
}

func truthText(f Finding) string {
	t := f.Truth
	switch {
	case t == nil:
		return ""
	case t.Label == flatwatt.NoneLabel:
		return "honest: " + orDash(t.Note)
	case t.Label == flatwatt.LegitChange:
		return "honest change: " + orDash(t.Note)
	}
	text := fmt.Sprintf("miner, %.2f kW, %d machines", float64(t.Block), t.Units)
	if t.Units == 1 {
		text = fmt.Sprintf("miner, %.2f kW, 1 machine", float64(t.Block))
	}
	if t.Onset.IsZero() {
		return text + ", since before the data"
	}
	return text + ", since " + date(t.Onset, f.Meter.Zone)
}

func orDash(s string) string {
	if s == "" {
		return unknown
	}
	return s
}

// grouped writes n in groups of three, as in 2 592 000, with blanks that do not break.
func grouped(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "\u00a0" + s[i:]
	}
	return s
}
