package network

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
	"pgregory.net/rapid"
)

func at(day string) time.Time {
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		panic(err)
	}
	return t
}

func build(t *testing.T, meters, changes string) (*Network, []Fault) {
	t.Helper()
	register, faults, err := ReadRegister(strings.NewReader(meters), "meters.csv")
	if err != nil {
		t.Fatal(err)
	}
	var links []Link
	if changes != "" {
		var more []Fault
		if links, more, err = ReadChanges(strings.NewReader(changes), "topology.csv"); err != nil {
			t.Fatal(err)
		}
		faults = append(faults, more...)
	}
	n, more := New(register, links)
	return n, append(faults, more...)
}

const good = `meter_id,parent,kind,timezone
c1,t1,customer,UTC
c2,t1,,UTC
c3,t2,customer,UTC
t1,f1,transformer,UTC
t2,f1,transformer,UTC
f1,,feeder,UTC
`

func TestTreeWithAMove(t *testing.T) {
	n, faults := build(t, good, `child,parent,kind,from,to
c2,t1,,,2026-03-01
c2,t2,,2026-03-01,
f1,s1,feeder,,
s1,o1,substation,,
o1,,organisation,,
`)
	if len(faults) > 0 {
		t.Fatalf("a good network has faults: %v", faults)
	}
	for day, want := range map[string]string{"2026-02-28": "t1 f1 s1 o1", "2026-03-01": "t2 f1 s1 o1"} {
		var got []string
		for _, id := range n.Path("c2", at(day)) {
			got = append(got, string(id))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("on %s c2 lies below %v, want %s", day, got, want)
		}
	}
	if up, ok := n.Above("c3", Substation, at("2026-01-01")); !ok || up != "s1" {
		t.Errorf("substation of c3: %q, %v", up, ok)
	}
	if tops := n.Tops(); len(tops) != 1 || tops[0] != "o1" {
		t.Errorf("tops %v, want o1", tops)
	}
	below := n.Links("t2")
	if len(below) != 2 || below[0].Child != "c2" || !below[0].From.Equal(at("2026-03-01")) {
		t.Errorf("below t2: %v", below)
	}
}

// What was above for a while only is above as well.
func TestAncestorsAtAnyTime(t *testing.T) {
	n, faults := build(t, good+"t3,f2,transformer,UTC\nf2,,feeder,UTC\n", `child,parent,kind,from,to
c2,t1,,,2026-03-01
c2,t3,,2026-03-01,2026-04-01
c2,t2,,2026-04-01,
`)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	for child, want := range map[flatwatt.MeterID][]flatwatt.MeterID{"c1": {"f1", "t1"}, "c2": {"f1", "f2", "t1", "t2", "t3"}, "f1": nil, "nobody": nil} {
		if got := n.Ancestors([]flatwatt.MeterID{child}); !slices.Equal(got, want) {
			t.Errorf("above %s at any time: %v, want %v", child, got, want)
		}
	}
}

// A transformer without a meter is walked through, and a stay below it is cut to when it
// hung there itself.
func TestMeasuredWalksThroughWhatHasNoMeter(t *testing.T) {
	n, faults := build(t, good, "child,parent,from,to\nt2,f1,2026-01-10,\nc3,t2,,2026-02-01\n")
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	links := n.Measured("f1", func(id flatwatt.MeterID) bool { return id == "t1" || id[0] == 'c' })
	if len(links) != 2 || links[0].Child != "c3" || links[1].Child != "t1" {
		t.Fatalf("measured below f1: %v", links)
	}
	if l := links[0]; !l.From.Equal(at("2026-01-10")) || !l.To.Equal(at("2026-02-01")) {
		t.Errorf("c3 counts from %v to %v", l.From, l.To)
	}
}

func TestFaultsNameLineAndRemedy(t *testing.T) {
	for name, c := range map[string]struct{ meters, changes, want string }{
		"unknown parent":   {good + "c9,t9,,UTC\n", "", `meters.csv:8: parent: c9: its parent "t9" is in no file: add the parent`},
		"no parent":        {good + "c9,,,UTC\n", "", "meters.csv:8: parent: c9: has no parent: name its transformer"},
		"own parent":       {good + "c9,c9,,UTC\n", "", "meters.csv:8: parent: c9: is its own parent"},
		"nothing below":    {good + "t9,f1,transformer,UTC\n", "", "meters.csv:8: t9: nothing hangs below it"},
		"wrong level":      {good + "c9,c1,,UTC\n", "", `meters.csv:8: parent: c9: a customer hangs below "c1", which is a customer`},
		"unknown kind":     {good + "c9,t1,pump,UTC\n", "", `meters.csv:8: kind: c9: "pump" is no kind`},
		"circle":           {"meter_id,parent,kind\nt1,f1,transformer\nf1,t1,feeder\n", "", "meters.csv:3: parent: f1: its parents lead in a circle: f1 → t1 → f1"},
		"overlap":          {good, "child,parent,from,to\nc1,t1,,2026-02-01\nc1,t2,2026-01-31,\n", `topology.csv:3: from: c1: still hangs below "t1" then (topology.csv:2)`},
		"backwards":        {good, "child,parent,from,to\nc1,t1,2026-02-01,2026-01-01\n", "topology.csv:2: to: c1: ends before it begins"},
		"no time":          {good, "child,parent,from,to\nc1,t1,1.2.2026,\n", `topology.csv:2: from: c1: "1.2.2026" is no time`},
		"fields":           {good, "child,parent,from,to\nc1,t1\n", "topology.csv:2: c1: has 2 fields, the header has 4"},
		"two kinds":        {good, "child,parent,kind\nc1,t1,feeder\n", "topology.csv:2: kind: c1: is a feeder here and a customer elsewhere"},
		"child is empty":   {good, "child,parent\n,t1\n", "topology.csv:2: child: : is empty"},
		"lone transformer": {good + "t9,,transformer,UTC\n", "", "meters.csv:8: t9: has no parent, and nothing hangs below it"},
	} {
		n, faults := build(t, c.meters, c.changes)
		if !slices.ContainsFunc(faults, func(f Fault) bool { return strings.HasPrefix(f.String(), c.want) }) {
			t.Errorf("%s: faults %v, want %q", name, faults, c.want)
		}
		if len(faults) != 1 {
			t.Errorf("%s: %d faults for one thing wrong: %v", name, len(faults), faults)
		}
		if up, ok := n.Parent("c2", at("2026-01-01")); strings.Contains(c.meters, "c2") && (!ok || up != "t1") {
			t.Errorf("%s: the rest is lost with it: c2 lies below %q", name, up)
		}
	}
}

func TestUnusableFiles(t *testing.T) {
	for text, want := range map[string]string{"": "is empty", "child\n": `column "parent" is missing`} {
		if _, _, err := ReadChanges(strings.NewReader(text), "topology.csv"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", text, err, want)
		}
	}
}

// Whatever the links, walking up ends, and up and down tell the same.
func TestAnyLinksGiveATree(t *testing.T) {
	kinds := []flatwatt.Kind{"", flatwatt.Customer, flatwatt.Transformer, flatwatt.Feeder, Substation, Organisation, "odd"}
	ids := []flatwatt.MeterID{"a", "b", "c", "d", "e", "f"}
	days := []time.Time{{}, at("2026-01-01"), at("2026-01-02"), at("2026-01-03")}
	rapid.Check(t, func(t *rapid.T) {
		link := rapid.Custom(func(t *rapid.T) Link {
			return Link{
				Child: rapid.SampledFrom(ids).Draw(t, "child"), Parent: rapid.SampledFrom(ids).Draw(t, "parent"),
				Kind: rapid.SampledFrom(kinds).Draw(t, "kind"), From: rapid.SampledFrom(days).Draw(t, "from"), To: rapid.SampledFrom(days).Draw(t, "to"),
			}
		})
		n, _ := New(rapid.SliceOfN(link, 0, 10).Draw(t, "register"), rapid.SliceOfN(link, 0, 10).Draw(t, "changes"))
		for _, day := range days {
			for _, id := range ids {
				if path := n.Path(id, day); len(path) > 4 || slices.Contains(path, id) {
					t.Fatalf("%s lies below %v", id, path)
				}
				up, ok := n.Parent(id, day)
				down := slices.ContainsFunc(n.Links(up), func(l Link) bool { return l.Child == id && l.covers(day) })
				if ok != down {
					t.Fatalf("%s below %q: up says %v, down %v", id, up, ok, down)
				}
			}
		}
	})
}
