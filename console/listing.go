package console

import (
	"cmp"
	"net/url"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/flatwatt/flatwatt/access"
)

// A listing is how the pages of accounts look: facts, tables, and forms for what can be
// done. Its texts are in the person's language already.
type listing struct {
	Title  string
	Back   string // path of the list that a detail belongs to; "" on a list
	Note   string
	Facts  []pair
	Links  []pair // name and path
	Print  bool   // it is a paper that leaves the house
	Tables []grille
	Forms  []dialog
}

type pair struct{ Name, Value string }

// A grille is a table. A cell may lead somewhere.
type grille struct {
	Caption string
	Columns []column
	Rows    [][]cell
}

type column struct {
	Name   string
	Number bool
}

type cell struct {
	Text, Path string
	Number     bool
	Day        bool // a date, which must not break at its hyphens
}

// A dialog is a form.
type dialog struct {
	Action, Title, Button string
	Version               string // given back with the act; "" where it takes none
	Fields                []input
}

// An input is one field of a form.
type input struct {
	Name, Label, Type, Value string
	Needed                   bool
	Options                  []pair // of a choice: text and value
}

// columns of a table by the keys of their names; a key that ends in # is of numbers.
func (c *call) columns(keys ...string) (list []column) {
	for _, key := range keys {
		name, number := strings.CutSuffix(key, "#")
		list = append(list, column{c.t(name), number})
	}
	return list
}

func text(s string) cell {
	_, err := time.Parse(time.DateOnly, s)
	return cell{Text: cmp.Or(s, unknown), Day: err == nil}
}

func link(s, path string) cell { return cell{Text: s, Path: path} }

func digits(s string) cell { return cell{Text: s, Number: true} }

func amount(d decimal.Decimal, places int32) cell { return digits(d.StringFixed(places)) }

// words are texts of a list of codes.
func (c *call) options(prefix string, codes ...string) (list []pair) {
	for _, code := range codes {
		list = append(list, pair{c.catalogs[c.lang].or(prefix, code), code})
	}
	return list
}

func (c *call) word(prefix, code string) string {
	if code == "" {
		return unknown
	}
	return c.catalogs[c.lang].or(prefix, code)
}

func (c *call) field(name, key, kind string, needed bool, options ...pair) input {
	return input{Name: name, Label: c.t(key), Type: cmp.Or(kind, "text"), Needed: needed, Options: options}
}

func (c *call) may(role access.Role) bool { return c.who.Need(role) == nil }

func under(path, id string) string { return path + "/" + url.PathEscape(id) }

func (c *call) dateOf(t time.Time) string {
	if t.IsZero() {
		return unknown
	}
	return t.In(c.Zone).Format(time.DateOnly)
}
