// Package network knows what hangs below what: meter, transformer, feeder, substation,
// organisation, and since when. It is pure: links come in as values or from a Reader.
package network

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/flatwatt/flatwatt"
)

// Levels of the tree that no meter of the vocabulary measures.
const (
	Substation   flatwatt.Kind = "substation"
	Organisation flatwatt.Kind = "organisation"
)

// level orders kinds from the customer up; a link leads to a higher level.
var level = map[flatwatt.Kind]int{
	flatwatt.Customer: 0, flatwatt.Generator: 0,
	flatwatt.Transformer: 1, flatwatt.Feeder: 2, Substation: 3, Organisation: 4,
}

// A Link says that Child hung below Parent during [From, To). Zero times are open ends.
type Link struct {
	Child, Parent flatwatt.MeterID
	Kind          flatwatt.Kind // of the child; "" where the register says it
	From, To      time.Time
	Where         string // file:line, for people
}

// covers says whether l holds at t.
func (l *Link) covers(t time.Time) bool {
	return !t.Before(l.From) && (l.To.IsZero() || t.Before(l.To))
}

// A Fault is something wrong with the links, and what would put it right.
type Fault struct {
	Where   string           // file:line; "" where no line is at fault
	Meter   flatwatt.MeterID // the child that it concerns
	Field   string           // column at fault; "" where the whole row is
	Problem string
	Remedy  string
}

func (f Fault) String() string {
	text := f.Where
	if f.Field != "" {
		text += ": " + f.Field
	}
	return fmt.Sprintf("%s: %s: %s: %s", text, f.Meter, f.Problem, f.Remedy)
}

// A Network is the tree over time. It never changes once built, and holds no circle.
type Network struct {
	up    map[flatwatt.MeterID][]Link // by child, sorted by From, without overlap
	down  map[flatwatt.MeterID][]Link // by parent, sorted by child, then From
	kinds map[flatwatt.MeterID]flatwatt.Kind
}

// Parents are the links of the register's parent column.
func Parents(meters []flatwatt.Meter) []Link {
	var links []Link
	for _, m := range meters {
		links = append(links, Link{Child: m.ID, Parent: m.Parent, Kind: m.Kind})
	}
	return links
}

// New builds the network of a register's links and of changes, which replace the
// register's link of every child that they name. Links that are at fault are left out
// and reported, sorted by place: New never fails.
func New(register, changes []Link) (*Network, []Fault) {
	b := builder{n: &Network{ // sized: a register of a million meters is built in a second or two
		up: make(map[flatwatt.MeterID][]Link, len(register)), down: map[flatwatt.MeterID][]Link{}, kinds: make(map[flatwatt.MeterID]flatwatt.Kind, len(register)),
	}, named: [][]Link{register, changes}, blamed: map[flatwatt.MeterID]bool{}, room: make([]Link, 0, len(register))}
	b.nameKinds(register, changes)
	changed := map[flatwatt.MeterID]bool{}
	for _, l := range changes {
		changed[l.Child] = true
	}
	for _, l := range register {
		if !changed[l.Child] {
			b.take(l)
		}
	}
	for _, l := range changes {
		b.take(l)
	}
	b.orderLinks()
	b.hangDown()
	b.findOrphans(register)
	slices.SortStableFunc(b.faults, func(x, y Fault) int {
		return cmp.Or(compareWhere(x.Where, y.Where), cmp.Compare(x.Meter, y.Meter), cmp.Compare(x.Problem, y.Problem))
	})
	return b.n, b.faults
}

// Kind is what id is; "" where it is not known.
func (n *Network) Kind(id flatwatt.MeterID) flatwatt.Kind { return n.kinds[id] }

// Parent is what id hangs below at t; ok is false at the top and where it is not known.
func (n *Network) Parent(id flatwatt.MeterID, t time.Time) (parent flatwatt.MeterID, ok bool) {
	for i := range n.up[id] {
		if l := &n.up[id][i]; l.covers(t) && l.Parent != "" {
			return l.Parent, true
		}
	}
	return "", false
}

// Path is id's parent, its parent, and so on up to the top, at t.
func (n *Network) Path(id flatwatt.MeterID, t time.Time) (path []flatwatt.MeterID) {
	for p, ok := n.Parent(id, t); ok; p, ok = n.Parent(p, t) {
		path = append(path, p)
	}
	return path
}

// Ancestors are what is above ids at any time, sorted.
func (n *Network) Ancestors(ids []flatwatt.MeterID) []flatwatt.MeterID {
	above := map[flatwatt.MeterID]bool{}
	var climb func(id flatwatt.MeterID)
	climb = func(id flatwatt.MeterID) {
		for i := range n.up[id] {
			if p := n.up[id][i].Parent; p != "" && !above[p] {
				above[p] = true
				climb(p)
			}
		}
	}
	for _, id := range ids {
		climb(id)
	}
	return slices.Sorted(maps.Keys(above))
}

// Above is the nearest of id's ancestors of a kind at t; ok is false where there is none.
func (n *Network) Above(id flatwatt.MeterID, kind flatwatt.Kind, t time.Time) (up flatwatt.MeterID, ok bool) {
	for _, p := range n.Path(id, t) {
		if n.kinds[p] == kind {
			return p, true
		}
	}
	return "", false
}

// Links are the links to the children of parent over all time, sorted by child and From.
// The slice belongs to n.
func (n *Network) Links(parent flatwatt.MeterID) []Link { return n.down[parent] }

// Measured are the links from parent down to the nearest descendants for which metered
// is true, with the times at which the whole way down held: what an energy balance of
// parent adds up. They are sorted by child and From.
func (n *Network) Measured(parent flatwatt.MeterID, metered func(flatwatt.MeterID) bool) []Link {
	var links []Link
	n.measured(&links, parent, Link{}, metered)
	slices.SortFunc(links, compareLinks)
	return links
}

// maxDepth bounds walks over links as they were named.
const maxDepth = 16

func (n *Network) measured(links *[]Link, at flatwatt.MeterID, during Link, metered func(flatwatt.MeterID) bool) {
	for _, l := range n.down[at] {
		l.From, l.To = later(l.From, during.From), earlier(l.To, during.To)
		if !l.To.IsZero() && !l.From.Before(l.To) {
			continue
		}
		if metered(l.Child) {
			*links = append(*links, l)
			continue
		}
		n.measured(links, l.Child, l, metered)
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// earlier treats zero as never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// Count is how many things of each kind there are.
func (n *Network) Count() map[flatwatt.Kind]int {
	count := map[flatwatt.Kind]int{}
	for _, k := range n.kinds {
		count[k]++
	}
	return count
}

// Tops are the things without a parent at any time, sorted.
func (n *Network) Tops() (tops []flatwatt.MeterID) {
	for _, id := range slices.Sorted(maps.Keys(n.kinds)) {
		if len(n.up[id]) == 0 {
			tops = append(tops, id)
		}
	}
	return tops
}

func compareLinks(a, b Link) int {
	return cmp.Or(cmp.Compare(a.Child, b.Child), a.From.Compare(b.From))
}
