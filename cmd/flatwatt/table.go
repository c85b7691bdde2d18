package main

import (
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/console"
)

const dash = "–"

// A cell is one column of the ranked table.
type cell struct {
	head  string
	right bool
	text  func(console.Finding) string
}

const (
	meterColumn    = 1  // of rankedCells
	meterWidthMost = 30 // columns of a meter's name
	meterWidthMin  = 8
)

// rankedCells are the columns that every width shows. Where they do not fit, the meter's
// name is cut, and then stands whole on a line below.
var rankedCells = []cell{
	{"#", true, func(f console.Finding) string { return fmt.Sprint(f.Rank) }},
	{"meter", false, func(f console.Finding) string { return cut(string(f.Meter.ID), meterWidthMost) }},
	{"prob", true, func(f console.Finding) string { return percent(f.Score.Probability) }},
	{"kW [90 %]", true, func(f console.Finding) string { return kwText(f.Score.Block) }},
	{"onset [90 %]", false, onsetText},
	{"units", true, func(f console.Finding) string { return rangeText(f.Score.Units) }},
	{"TH/s", true, func(f console.Finding) string { return rangeText(f.Score.HashrateTHs) }},
}

// reasonWidthLeast is how many columns the reason needs to stay on the meter's own line.
const reasonWidthLeast = 48

// writeRanked prints findings as a table for people. Reasons, and the truth where it is
// known, stand on the same line where there is room and below it where there is none.
func writeRanked(w io.Writer, st style, findings []console.Finding, withTruth bool) {
	if len(findings) == 0 {
		fmt.Fprintln(w, "no meter has a score")
		return
	}
	rows, widths := layout(findings, st.width)
	used := 0
	for _, n := range widths {
		used += n + gapOf(st.width)
	}
	truthWidth := 0
	for _, f := range findings {
		if withTruth {
			truthWidth = max(truthWidth, columns(truthText(f)))
		}
	}
	one := st.width-used-truthWidth-2*btoi(withTruth) >= reasonWidthLeast
	fmt.Fprintln(w, st.bold(strings.TrimRight(header(st, widths, one, withTruth, truthWidth), " ")))
	for i, f := range findings {
		line := rowText(rows[i], widths, st.width)
		truth := ""
		if withTruth {
			truth = paintTruth(st, f, pad(truthText(f), truthWidth*btoi(one), false))
		}
		if one {
			if withTruth {
				line += "  " + truth
			}
			line += "  " + cut(reasonText(f), st.width-used-truthWidth-2*btoi(withTruth))
			fmt.Fprintln(w, strings.TrimRight(line, " "))
			continue
		}
		fmt.Fprintln(w, strings.TrimRight(line, " "))
		writeBelow(w, st, f, truth, widths)
	}
}

// writeBelow prints what did not fit on the meter's own line.
func writeBelow(w io.Writer, st style, f console.Finding, truth string, widths []int) {
	indent := widths[0] + gapOf(st.width)
	blank := strings.Repeat(" ", indent)
	if columns(string(f.Meter.ID)) > widths[meterColumn] {
		fmt.Fprintln(w, blank+string(f.Meter.ID))
	}
	if truth != "" {
		fmt.Fprintln(w, blank+"truth: "+truth)
	}
	for _, line := range wrap(reasonText(f), st.width-indent) {
		fmt.Fprintln(w, blank+st.dim(line))
	}
}

// reasonText is the reason, after the posterior of a large flat load where there is one.
func reasonText(f console.Finding) string {
	if f.Hall == nil {
		return f.Reason
	}
	return fmt.Sprintf("[farm %s, %s] %s", percent(f.Hall.Score.Probability), labels(nil).hall(f.Hall.Score.State), f.Reason)
}

// gapOf is how many blanks stand between columns.
func gapOf(width int) int {
	if width < 100 {
		return 1
	}
	return 2
}

func layout(findings []console.Finding, width int) (rows [][]string, widths []int) {
	widths = make([]int, len(rankedCells))
	for i, c := range rankedCells {
		widths[i] = columns(c.head)
	}
	for _, f := range findings {
		row := make([]string, len(rankedCells))
		for i, c := range rankedCells {
			row[i] = c.text(f)
			widths[i] = max(widths[i], columns(row[i]))
		}
		rows = append(rows, row)
	}
	used := -gapOf(width)
	for _, n := range widths {
		used += n + gapOf(width)
	}
	if used > width {
		widths[meterColumn] = max(meterWidthMin, widths[meterColumn]-(used-width))
	}
	for _, row := range rows {
		row[meterColumn] = cut(row[meterColumn], widths[meterColumn])
	}
	return rows, widths
}

func header(st style, widths []int, one, withTruth bool, truthWidth int) string {
	heads := make([]string, len(rankedCells))
	for i, c := range rankedCells {
		heads[i] = c.head
	}
	line := rowText(heads, widths, st.width)
	if one && withTruth {
		line += "  " + pad("truth", truthWidth, false)
	}
	if one {
		line += "  why"
	}
	return line
}

func rowText(row []string, widths []int, width int) string {
	parts := make([]string, len(row))
	for i, text := range row {
		parts[i] = pad(text, widths[i], rankedCells[i].right)
	}
	return strings.Join(parts, strings.Repeat(" ", gapOf(width)))
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// percent never rounds up to certainty.
func percent(p float64) string {
	switch {
	case math.IsNaN(p):
		return dash
	case p > 0.999:
		return ">99.9%"
	case p < 0.001:
		return "<0.1%"
	}
	return fmt.Sprintf("%.1f%%", 100*p)
}

func kwText(e flatwatt.Estimate) string {
	if math.IsNaN(e.Value) {
		return dash
	}
	digits := 2
	if e.Value >= 100 {
		digits = 0
	} else if e.Value >= 10 {
		digits = 1
	}
	return fmt.Sprintf("%.*f [%.*f–%.*f]", digits, e.Value, digits, e.Low, digits, e.High)
}

// onsetText is the onset's local date and by how many days it may be earlier or later.
func onsetText(f console.Finding) string {
	o := f.Score.Onset
	if o.At.IsZero() {
		if math.IsNaN(f.Score.Block.Value) {
			return dash
		}
		return "before the data"
	}
	zone := zoneOf(f.Meter)
	at := flatwatt.DayOf(o.At, zone)
	early, late := at-flatwatt.DayOf(o.Low, zone), flatwatt.DayOf(o.High, zone)-at
	if early == late {
		return fmt.Sprintf("%s ±%dd", at, early)
	}
	return fmt.Sprintf("%s −%d+%dd", at, early, late)
}

func zoneOf(m flatwatt.Meter) *time.Location {
	if m.Zone == nil {
		return time.UTC
	}
	return m.Zone
}

func rangeText(r flatwatt.Range) string {
	if r == (flatwatt.Range{}) || math.IsNaN(r.Low) {
		return dash
	}
	lo, hi := fmt.Sprintf("%.0f", r.Low), fmt.Sprintf("%.0f", r.High)
	if lo == hi {
		return lo
	}
	return lo + "–" + hi
}

func truthText(f console.Finding) string {
	t := f.Truth
	switch {
	case t == nil:
		return "unknown"
	case t.Label == flatwatt.LegitChange:
		return "honest change: " + cut(t.Note, 40)
	case t.Label != flatwatt.Miner:
		return strings.TrimRight("honest "+cut(t.Note, 40), " ")
	case t.Onset.IsZero():
		return fmt.Sprintf("MINER %.2f kW, older than data", float64(t.Block))
	}
	return fmt.Sprintf("MINER %.2f kW from %s", float64(t.Block), flatwatt.DayOf(t.Onset, zoneOf(f.Meter)))
}

func paintTruth(st style, f console.Finding, text string) string {
	if f.Truth != nil && f.Truth.Label == flatwatt.Miner {
		return st.green(text)
	}
	return st.red(text)
}
