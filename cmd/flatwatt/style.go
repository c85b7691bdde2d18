package main

import (
	"strings"

	"github.com/rivo/uniseg"
)

// style says how to print on one writer.
type style struct {
	width   int  // columns
	colour  bool // ANSI colours
	unicode bool // braille and box drawing
}

func (s style) paint(code, text string) string {
	if !s.colour || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (s style) bold(text string) string  { return s.paint("1", text) }
func (s style) dim(text string) string   { return s.paint("2", text) }
func (s style) red(text string) string   { return s.paint("31", text) }
func (s style) green(text string) string { return s.paint("32", text) }

// columns is the width of text on a terminal: Chinese characters take two.
func columns(text string) int { return uniseg.StringWidth(text) }

// pad fills text with blanks to n columns, on the left where right is true.
func pad(text string, n int, right bool) string {
	fill := strings.Repeat(" ", max(0, n-columns(text)))
	if right {
		return fill + text
	}
	return text + fill
}

// wrap breaks text into lines of at most n columns: at blanks where it can, anywhere in
// text without blanks, such as Chinese.
func wrap(text string, n int) []string {
	var lines []string
	line, width := "", 0
	flush := func() {
		if line = strings.TrimRight(line, " "); line != "" {
			lines = append(lines, line)
		}
		line, width = "", 0
	}
	state := -1
	for text != "" {
		var seg string
		seg, text, _, state = uniseg.FirstLineSegmentInString(text, state)
		w := columns(strings.TrimRight(seg, " "))
		if width > 0 && width+w > n {
			flush()
		}
		line += seg
		width += columns(seg)
	}
	flush()
	return lines
}

// cut shortens text to n columns, ending in … where something is lost.
func cut(text string, n int) string {
	if columns(text) <= n {
		return text
	}
	var b strings.Builder
	width := 0
	g := uniseg.NewGraphemes(text)
	for g.Next() {
		if width+g.Width() > n-1 {
			break
		}
		b.WriteString(g.Str())
		width += g.Width()
	}
	return b.String() + "…"
}
