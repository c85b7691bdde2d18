// Package sheet renders documents of facts and tables as HTML made for print, XLSX, and
// CSV that spreadsheets open without running anything.
package sheet

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"html/template"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	_ "embed"

	"github.com/shopspring/decimal"
	"github.com/xuri/excelize/v2"
)

// A Document is what is rendered. Its text is in its language already.
type Document struct {
	Lang   string // of the text: en or zh
	Title  string
	Facts  []Fact
	Tables []Table
	Notes  []string
	Digest string // SHA-256 of what it was made from; "" where it is a draft
}

// A Fact is one line above the tables.
type Fact struct{ Name, Value string }

// A Table is rows below a head.
type Table struct {
	Name string
	Head []string
	Rows [][]Cell
}

// A Cell is text or a number. Numbers go to the right and stay numbers in XLSX.
type Cell struct {
	Text   string
	Number bool
}

// T is a cell of text, N of a whole number, D of a decimal with so many places.
func T(s string) Cell                        { return Cell{Text: s} }
func N(n int) Cell                           { return Cell{strconv.Itoa(n), true} }
func D(d decimal.Decimal, places int32) Cell { return Cell{d.StringFixed(places), true} }
func F(x float64, places int) Cell           { return Cell{strconv.FormatFloat(x, 'f', places, 64), true} }
func Row(cells ...Cell) []Cell               { return cells }
func Texts(texts ...string) (cells []Cell) {
	for _, s := range texts {
		cells = append(cells, T(s))
	}
	return cells
}

// Formats are the names of the formats that Render knows.
func Formats() []string { return []string{"html", "xlsx", "csv"} }

// Render writes d in a format by its name.
func (d *Document) Render(w io.Writer, format string) error {
	switch format {
	case "html":
		return d.HTML(w)
	case "xlsx":
		return d.XLSX(w)
	case "csv":
		return d.CSV(w)
	}
	return fmt.Errorf("format %q: want one of %s", format, strings.Join(Formats(), ", "))
}

//go:embed print.html
var printHTML string

// HTML writes d as one page that needs nothing else and prints on A4.
func (d *Document) HTML(w io.Writer) error {
	t, err := template.New("print").Parse(printHTML)
	if err != nil {
		return err
	}
	return t.Execute(w, d)
}

// CSV writes d as UTF-8 with a byte order mark, which Excel needs, table below table.
// Text that a spreadsheet would take for a formula gets an apostrophe before it.
func (d *Document) CSV(w io.Writer) error {
	var b bytes.Buffer
	b.WriteString("\ufeff")
	out := csv.NewWriter(&b)
	out.UseCRLF = true
	line := func(cells ...string) { _ = out.Write(cells) } // into memory: it cannot fail
	line(Safe(d.Title))
	for _, f := range d.Facts {
		line(Safe(f.Name), Safe(f.Value))
	}
	for _, t := range d.Tables {
		line("")
		line(Safe(t.Name))
		line(safeAll(t.Head)...)
		for _, row := range t.Rows {
			cells := make([]string, len(row))
			for i, c := range row {
				cells[i] = c.Text
				if !c.Number {
					cells[i] = Safe(c.Text)
				}
			}
			line(cells...)
		}
	}
	for _, n := range d.Notes {
		line(Safe(n))
	}
	if d.Digest != "" {
		line("SHA-256", d.Digest)
	}
	out.Flush()
	_, err := w.Write(b.Bytes())
	return err
}

// Safe is text that no spreadsheet takes for a formula, as OWASP advises: an apostrophe
// goes before = + - @, their full-width forms, tab, carriage return and line feed.
func Safe(s string) string {
	r, _ := utf8.DecodeRuneInString(strings.TrimLeft(s, " "))
	if strings.ContainsRune("=+-@＝＋－＠\t\r\n", r) && s != "" {
		return "'" + s
	}
	return s
}

func safeAll(texts []string) []string {
	out := make([]string, len(texts))
	for i, s := range texts {
		out[i] = Safe(s)
	}
	return out
}

// maxSheetName is Excel's bound on a sheet's name, in characters.
const maxSheetName = 31

// XLSX writes d as a workbook: facts and notes on the first sheet, a sheet for each table.
// Text is stored as text, never as a formula.
func (d *Document) XLSX(w io.Writer) error {
	f := excelize.NewFile()
	defer f.Close()
	bold, err := f.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}})
	if err != nil {
		return err
	}
	first := sheetName(d.Title, 0)
	if err := f.SetSheetName("Sheet1", first); err != nil {
		return err
	}
	x := &book{f: f, sheet: first, bold: bold}
	x.row(true, T(d.Title))
	for _, fact := range d.Facts {
		x.row(false, T(fact.Name), T(fact.Value))
	}
	for _, n := range d.Notes {
		x.row(false, T(n))
	}
	if d.Digest != "" {
		x.row(false, T("SHA-256"), T(d.Digest))
	}
	x.width(2)
	for i, t := range d.Tables {
		x.begin(sheetName(t.Name, i+1))
		x.row(true, Texts(t.Head...)...)
		for _, r := range t.Rows {
			x.row(false, r...)
		}
		x.width(len(t.Head))
		x.keep(f.SetPanes(x.sheet, &excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}))
	}
	if x.err != nil {
		return fmt.Errorf("xlsx: %w", x.err)
	}
	return f.Write(w)
}

// sheetName is a name that Excel takes; the number keeps names apart.
func sheetName(name string, n int) string {
	name = strings.Map(func(r rune) rune {
		if strings.ContainsRune(`:\/?*[]'`, r) {
			return ' '
		}
		return r
	}, name)
	prefix := []rune(strconv.Itoa(n) + " " + name)
	return strings.TrimSpace(string(prefix[:min(len(prefix), maxSheetName)]))
}

// A book writes rows; its first error sticks.
type book struct {
	f     *excelize.File
	sheet string
	bold  int
	at    int // last row written, from 1
	err   error
}

func (b *book) keep(err error) {
	if b.err == nil {
		b.err = err
	}
}

func (b *book) begin(sheet string) {
	_, err := b.f.NewSheet(sheet)
	b.keep(err)
	b.sheet, b.at = sheet, 0
}

func (b *book) row(bold bool, cells ...Cell) {
	b.at++
	for i, c := range cells {
		name, err := excelize.CoordinatesToCellName(i+1, b.at)
		b.keep(err)
		if x, err := strconv.ParseFloat(c.Text, 64); c.Number && err == nil {
			b.keep(b.f.SetCellFloat(b.sheet, name, x, -1, 64))
		} else {
			b.keep(b.f.SetCellStr(b.sheet, name, c.Text))
		}
		if bold {
			b.keep(b.f.SetCellStyle(b.sheet, name, name, b.bold))
		}
	}
}

func (b *book) width(columns int) {
	last, err := excelize.ColumnNumberToName(max(1, columns))
	b.keep(err)
	b.keep(b.f.SetColWidth(b.sheet, "A", last, 18))
}

// Words picks the text of a language.
func Words(lang string) func(en, zh string) string {
	return func(en, zh string) string {
		if lang == "zh" {
			return zh
		}
		return en
	}
}
