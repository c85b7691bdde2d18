package sheet

import (
	"bytes"
	"encoding/csv"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/xuri/excelize/v2"
)

func document() *Document {
	return &Document{
		Lang: "zh", Title: "周报: <2026/W10>", Facts: []Fact{{"公司", "=cmd|' /C calc'!A0"}},
		Tables: []Table{{Name: "项目[1]/?", Head: []string{"名称", "kWh"}, Rows: [][]Cell{
			Row(T("@SUM(A1)"), D(decimal.RequireFromString("-1234.5"), 3)), Row(T("<script>alert(1)</script>"), N(7)),
		}}}, Notes: []string{"+1"}, Digest: strings.Repeat("ab", 32),
	}
}

func TestCSVRunsNothingAndKeepsItsCharacters(t *testing.T) {
	var b bytes.Buffer
	if err := document().CSV(&b); err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(b.Bytes(), []byte{0xef, 0xbb, 0xbf}) {
		t.Error("no byte order mark: Excel would take it for GBK")
	}
	r := csv.NewReader(bytes.NewReader(b.Bytes()[3:]))
	r.FieldsPerRecord = -1
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		for _, cell := range row {
			if strings.ContainsAny(cell[:min(1, len(cell))], "=+@") || strings.HasPrefix(cell, "-") && cell != "-1234.500" {
				t.Errorf("%q would run", cell)
			}
		}
	}
	for in, want := range map[string]string{"": "", "a=b": "a=b", "=1": "'=1", " =1": "' =1", "＝1": "'＝1", "\t=1": "'\t=1", "-5": "'-5", "\r=1": "'\r=1"} {
		if got := Safe(in); got != want {
			t.Errorf("Safe(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestXLSXIsReadBack(t *testing.T) {
	var b, again bytes.Buffer
	if err := document().XLSX(&b); err != nil {
		t.Fatal(err)
	}
	f, err := excelize.OpenReader(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	sheets := f.GetSheetList()
	if len(sheets) != 2 {
		t.Fatalf("sheets %v", sheets)
	}
	for cell, want := range map[string]string{"A1": "名称", "A2": "@SUM(A1)", "B2": "-1234.5", "B3": "7"} {
		if got, _ := f.GetCellValue(sheets[1], cell); got != want {
			t.Errorf("%s is %q, want %q", cell, got, want)
		}
	}
	if kind, _ := f.GetCellType(sheets[1], "B2"); kind != excelize.CellTypeNumber && kind != excelize.CellTypeUnset {
		t.Errorf("a number is of type %v", kind)
	}
	if formula, _ := f.GetCellFormula(sheets[0], "B2"); formula != "" {
		t.Errorf("a formula: %s", formula)
	}
	if err := document().XLSX(&again); err != nil || !bytes.Equal(b.Bytes(), again.Bytes()) {
		t.Errorf("the same document gives another file (%v)", err)
	}
}

func TestHTMLEscapes(t *testing.T) {
	var b bytes.Buffer
	if err := document().HTML(&b); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	if strings.Contains(text, "<script>") || !strings.Contains(text, "&lt;script&gt;") || !strings.Contains(text, `lang="zh-CN"`) || !strings.Contains(text, "SHA-256 abab") {
		t.Error(text)
	}
	if err := document().Render(&b, "pdf"); err == nil {
		t.Error("rendered as pdf")
	}
}
