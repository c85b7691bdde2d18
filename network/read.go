package network

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/flatwatt/flatwatt"
)

// ReadChanges reads topology.csv: child, parent, and where there are such columns kind,
// from and to (2006-01-02 or RFC 3339; a date is midnight UTC; empty: open). name is what
// faults call the file. A row at fault is left out; an error means that none can be used.
func ReadChanges(r io.Reader, name string) ([]Link, []Fault, error) {
	return readLinks(r, name, "child", "parent")
}

// ReadRegister reads the links of meters.csv as they were written: columns meter_id,
// parent and kind. It does not check anything else of the register.
func ReadRegister(r io.Reader, name string) ([]Link, []Fault, error) {
	return readLinks(r, name, "meter_id")
}

// readLinks reads a file whose first column of want is the child.
func readLinks(r io.Reader, name string, want ...string) (links []Link, faults []Fault, err error) {
	in := csv.NewReader(r)
	in.FieldsPerRecord, in.LazyQuotes, in.ReuseRecord, in.TrimLeadingSpace = -1, true, true, true
	head, err := in.Read()
	if errors.Is(err, io.EOF) {
		return nil, nil, fmt.Errorf("%s: is empty: the first line must name the columns %s", name, strings.Join(want, ","))
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	width := len(head)
	column := map[string]int{}
	for i, h := range head {
		column[strings.ToLower(strings.TrimSpace(string(bytes.TrimPrefix([]byte(h), []byte("\ufeff")))))] = i
	}
	for _, w := range want {
		if _, ok := column[w]; !ok {
			return nil, nil, fmt.Errorf("%s:1: column %q is missing: add it", name, w)
		}
	}
	for {
		row, err := in.Read()
		if errors.Is(err, io.EOF) {
			return links, faults, nil
		}
		if err != nil {
			return links, faults, fmt.Errorf("%s: %w: export the file again", name, err)
		}
		line, _ := in.FieldPos(0)
		p := parser{column: column, row: row, where: fmt.Sprintf("%s:%d", name, line)}
		if len(row) != width {
			p.bad("", fmt.Sprintf("has %d fields, the header has %d", len(row), width), "quote fields that contain commas")
		} else if l := p.link(want[0]); p.fault == nil {
			links = append(links, l)
		}
		if p.fault != nil {
			faults = append(faults, *p.fault)
		}
	}
}

// A parser reads one row.
type parser struct {
	column map[string]int
	row    []string
	where  string
	fault  *Fault
}

func (p *parser) bad(field, problem, remedy string) {
	if p.fault == nil {
		p.fault = &Fault{Where: p.where, Meter: flatwatt.MeterID(p.get("child") + p.get("meter_id")), Field: field, Problem: problem, Remedy: remedy}
	}
}

func (p *parser) get(name string) string {
	i, ok := p.column[name]
	if !ok || i >= len(p.row) {
		return ""
	}
	return strings.TrimSpace(p.row[i])
}

func (p *parser) link(child string) Link {
	l := Link{
		Child: flatwatt.MeterID(p.get(child)), Parent: flatwatt.MeterID(p.get("parent")),
		Kind: flatwatt.Kind(p.get("kind")), Where: p.where, From: p.instant("from"), To: p.instant("to"),
	}
	if l.Child == "" {
		p.bad(child, "is empty", "name the meter or remove the row")
	}
	return l
}

func (p *parser) instant(field string) time.Time {
	text := p.get(field)
	if text == "" {
		return time.Time{}
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC()
		}
	}
	p.bad(field, fmt.Sprintf("%q is no time", text), "write 2026-01-31 or 2026-01-31T08:00:00Z")
	return time.Time{}
}
