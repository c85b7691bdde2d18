package main

import (
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/flatwatt/flatwatt"
)

// A dayLoad is one local day of a meter for the terminal plot.
type dayLoad struct {
	day         flatwatt.Day
	floor, mean float64 // kW; NaN where the day has no reading
}

const (
	plotRows  = 14 // text rows of the plot
	plotLeft  = 9  // columns of the kW axis
	brailleUp = 4  // dots in a braille cell, vertically
)

// writePlot draws daily mean and daily floor, with the onset marked below the axis.
// Braille gives 2 × 4 dots a character; plain text has '.' for the mean, '#' for the floor.
func writePlot(w io.Writer, st style, say labels, days []dayLoad, s flatwatt.Score, zone *time.Location) {
	if len(days) == 0 {
		return
	}
	cols := min(st.width-plotLeft-1, 160)
	top := 0.1
	for _, d := range days {
		if !math.IsNaN(d.mean) {
			top = max(top, d.mean, d.floor)
		}
	}
	p := newTermPlot(cols, top, len(days), st)
	for i, d := range days {
		if math.IsNaN(d.mean) {
			continue
		}
		p.bar(i, d.floor, d.mean)
	}
	onset := -1
	if !s.Onset.At.IsZero() {
		onset = p.column(int(flatwatt.DayOf(s.Onset.At, zone) - days[0].day))
	}
	for r, line := range p.lines() {
		kw := top * float64(plotRows-r) / plotRows
		axis := strings.Repeat(" ", plotLeft-1)
		if r%3 == 0 {
			axis = pad(fmt.Sprintf("%.2f", kw), plotLeft-2, true) + " "
		}
		fmt.Fprintln(w, strings.TrimRight(axis+bar(st)+line, " "))
	}
	writeAxis(w, st, say, days, cols, onset)
}

func bar(st style) string {
	if st.unicode {
		return "│"
	}
	return "|"
}

func writeAxis(w io.Writer, st style, say labels, days []dayLoad, cols, onset int) {
	rule := []rune(strings.Repeat("-", cols))
	mark := '^'
	if st.unicode {
		rule, mark = []rune(strings.Repeat("─", cols)), '▲'
	}
	if onset >= 0 && onset < cols {
		rule[onset] = mark
	}
	corner := "+"
	if st.unicode {
		corner = "└"
	}
	fmt.Fprintln(w, strings.Repeat(" ", plotLeft-1)+corner+string(rule))
	first, last := days[0].day.String(), days[len(days)-1].day.String()
	gap := max(1, cols-len(first)-len(last))
	fmt.Fprintln(w, strings.Repeat(" ", plotLeft)+first+strings.Repeat(" ", gap)+last)
	legend := say.of("kW; # daily floor, . up to the daily mean")
	if st.unicode {
		legend = say.of("kW; solid: daily floor, dotted: up to the daily mean")
	}
	if onset >= 0 {
		legend += say.f(", %c onset", mark)
	}
	fmt.Fprintln(w, strings.Repeat(" ", plotLeft)+legend)
}

// termPlot is a grid of dots.
type termPlot struct {
	st         style
	top        float64
	days       int
	cols       int
	dotsX      int // per character
	dotsY      int
	floor, all [][]bool // [row][column] of dots, row 0 at the bottom
}

func newTermPlot(cols int, top float64, days int, st style) *termPlot {
	p := &termPlot{st: st, top: top, days: days, cols: cols, dotsX: 1, dotsY: 1}
	if st.unicode {
		p.dotsX, p.dotsY = 2, brailleUp
	}
	for range plotRows * p.dotsY {
		p.floor = append(p.floor, make([]bool, cols*p.dotsX))
		p.all = append(p.all, make([]bool, cols*p.dotsX))
	}
	return p
}

// column is the character column at which day i begins.
func (p *termPlot) column(i int) int { return i * p.cols / p.days }

// bar draws day i: solid up to the floor, a dot in two from there to the mean.
func (p *termPlot) bar(i int, floor, mean float64) {
	width := p.cols * p.dotsX
	x0, x1 := i*width/p.days, max((i+1)*width/p.days, i*width/p.days+1)
	rows := len(p.all)
	f := int(math.Round(max(0, floor) / p.top * float64(rows)))
	m := int(math.Round(max(0, mean) / p.top * float64(rows)))
	for x := x0; x < min(x1, width); x++ {
		for y := 0; y < min(f, rows); y++ {
			p.floor[y][x], p.all[y][x] = true, true
		}
		for y := f; y < min(m, rows); y++ {
			p.all[y][x] = !p.st.unicode || (x+y)%2 == 0
		}
	}
}

func (p *termPlot) lines() []string {
	lines := make([]string, plotRows)
	for r := range lines {
		base := (plotRows - 1 - r) * p.dotsY
		var b strings.Builder
		for c := range p.cols {
			b.WriteRune(p.char(base, c))
		}
		lines[r] = strings.TrimRight(b.String(), " ⠀")
	}
	return lines
}

// brailleBits are the dots of a braille cell by [column][row from the bottom].
var brailleBits = [2][brailleUp]rune{{0x40, 0x04, 0x02, 0x01}, {0x80, 0x20, 0x10, 0x08}}

func (p *termPlot) char(base, col int) rune {
	if !p.st.unicode {
		switch {
		case p.floor[base][col]:
			return '#'
		case p.all[base][col]:
			return '.'
		}
		return ' '
	}
	var bits rune
	for dx := range 2 {
		for dy := range brailleUp {
			if p.all[base+dy][col*2+dx] {
				bits |= brailleBits[dx][dy]
			}
		}
	}
	return 0x2800 + bits
}
