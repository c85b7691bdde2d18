package network

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/flatwatt/flatwatt"
)

// A builder checks links while it builds.
type builder struct {
	n      *Network
	named  [][]Link                              // register and changes
	raw    map[flatwatt.MeterID]flatwatt.MeterID // the last parent named, right or wrong; nil until a circle is looked for
	blamed map[flatwatt.MeterID]bool             // has part in a fault
	room   []Link                                // of links of children that have one
	faults []Fault
}

func (b *builder) fault(l *Link, field, problem, remedy string) {
	b.blamed[l.Child], b.blamed[l.Parent] = true, true
	b.faults = append(b.faults, Fault{Where: l.Where, Meter: l.Child, Field: field, Problem: problem, Remedy: remedy})
}

// nameKinds learns what each thing is. The register speaks first; a thing that is only
// named as a parent gets the lowest kind above its children's, so that it can be counted.
func (b *builder) nameKinds(register, changes []Link) {
	for _, links := range [][]Link{register, changes} {
		for i := range links {
			l := &links[i]
			if _, known := level[l.Kind]; l.Kind != "" && !known {
				b.fault(l, "kind", fmt.Sprintf("%q is no kind of the network", l.Kind),
					"write customer, transformer, feeder, generator, substation or organisation")
				continue
			}
			was, seen := b.n.kinds[l.Child]
			switch {
			case !seen || was == "":
				b.n.kinds[l.Child] = l.Kind
			case l.Kind != "" && l.Kind != was:
				b.fault(l, "kind", fmt.Sprintf("is a %s here and a %s elsewhere", l.Kind, was), "make both files say the same")
			}
		}
	}
	for id, k := range b.n.kinds {
		if k == "" {
			b.n.kinds[id] = flatwatt.Customer
		}
	}
}

// take adds a link that makes sense by itself. Links that it takes lead to a higher
// kind, so they cannot lead in a circle.
func (b *builder) take(l Link) {
	if l.Parent == "" {
		return // the top; findOrphans says whether it may be
	}
	up, known := b.n.kinds[l.Parent]
	switch {
	case l.Parent == l.Child:
		b.fault(&l, "parent", "is its own parent", "leave the parent empty at the top of the network")
	case !known:
		b.fault(&l, "parent", fmt.Sprintf("its parent %q is in no file", l.Parent),
			"add the parent to meters.csv or, where it has no meter, as a child with its kind to topology.csv")
	case !l.To.IsZero() && !l.From.Before(l.To):
		b.fault(&l, "to", "ends before it begins", "correct from and to: the link holds from the first and until just before the second")
	case level[up] <= level[b.n.kinds[l.Child]] && b.circle(l.Child) != "":
		b.fault(&l, "parent", "its parents lead in a circle: "+b.circle(l.Child), "correct the parent of one of them")
	case level[up] <= level[b.n.kinds[l.Child]]:
		b.fault(&l, "parent", fmt.Sprintf("a %s hangs below %q, which is a %s", b.n.kinds[l.Child], l.Parent, up),
			"name a parent of a higher kind: customer, transformer, feeder, substation, organisation")
	default:
		if had := b.n.up[l.Child]; len(had) > 0 || len(b.room) == cap(b.room) {
			b.n.up[l.Child] = append(had, l)
			return
		}
		b.room = append(b.room, l)
		b.n.up[l.Child] = b.room[len(b.room)-1 : len(b.room) : len(b.room)]
	}
}

// circle is the way from id up and back to it, as named; "" where there is none.
func (b *builder) circle(id flatwatt.MeterID) string {
	if b.raw == nil {
		b.raw = map[flatwatt.MeterID]flatwatt.MeterID{}
		for _, links := range b.named {
			for i := range links {
				b.raw[links[i].Child] = links[i].Parent
			}
		}
	}
	way, at := string(id), id
	for range maxDepth {
		if at = b.raw[at]; at == "" {
			return ""
		}
		if way += " → " + string(at); at == id {
			return way
		}
	}
	return ""
}

// orderLinks sorts each child's links by time. One that begins before the last has ended
// is left out: a meter hangs below one parent at a time.
func (b *builder) orderLinks() {
	var several []flatwatt.MeterID
	for child, links := range b.n.up {
		if len(links) > 1 {
			several = append(several, child)
		}
	}
	slices.Sort(several)
	for _, child := range several {
		links := b.n.up[child]
		slices.SortStableFunc(links, func(x, y Link) int { return x.From.Compare(y.From) })
		kept := links[:1]
		for i := 1; i < len(links); i++ {
			last := &kept[len(kept)-1]
			if last.To.IsZero() || links[i].From.Before(last.To) {
				b.fault(&links[i], "from", fmt.Sprintf("still hangs below %q then (%s)", last.Parent, orElse(last.Where, "meters.csv")),
					"end the earlier link: give it a to no later than this from")
				continue
			}
			kept = append(kept, links[i])
		}
		b.n.up[child] = kept
	}
}

func (b *builder) hangDown() {
	for _, links := range b.n.up { // in any order: each parent's are sorted below
		for _, l := range links {
			b.n.down[l.Parent] = append(b.n.down[l.Parent], l)
		}
	}
	for _, links := range b.n.down {
		slices.SortFunc(links, compareLinks)
	}
}

// findOrphans reports customers and transformers without a parent where the register
// has parents at all, and transformers and feeders with nothing below them.
func (b *builder) findOrphans(register []Link) {
	if len(b.n.up) == 0 {
		return // a register without a network
	}
	for i := range register {
		l := &register[i]
		k := b.n.kinds[l.Child]
		switch {
		case b.blamed[l.Child]:
		case len(b.n.up[l.Child]) == 0 && level[k] == 0:
			b.fault(l, "parent", "has no parent", "name its transformer; until then it is in no energy balance")
		case len(b.n.up[l.Child]) == 0 && len(b.n.down[l.Child]) == 0:
			b.fault(l, "", "has no parent, and nothing hangs below it", "name its children in their parent column, or remove it")
		case level[k] > 0 && len(b.n.down[l.Child]) == 0:
			b.fault(l, "", "nothing hangs below it", "name it as the parent of its meters, or remove it")
		}
	}
}

// compareWhere orders file:line by file, then by number.
func compareWhere(a, b string) int {
	fileA, lineA := splitWhere(a)
	fileB, lineB := splitWhere(b)
	return cmp.Or(cmp.Compare(fileA, fileB), cmp.Compare(lineA, lineB))
}

func splitWhere(s string) (file string, line int) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return s, 0
	}
	line, _ = strconv.Atoi(s[i+1:]) // 0 where it is no number
	return s[:i], line
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
