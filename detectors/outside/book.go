package outside

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/flatwatt/flatwatt"
)

// A Register matches accounts and addresses to meters.
type Register struct{ by map[string][]flatwatt.MeterID }

// NewRegister indexes meters by id and by the columns account and address of the register.
func NewRegister(meters []flatwatt.Meter) *Register {
	r := &Register{by: map[string][]flatwatt.MeterID{}}
	for _, m := range meters {
		r.add("meter", string(m.ID), m.ID)
		r.add("account", m.Extra["account"], m.ID)
		r.add("address", m.Extra["address"], m.ID)
	}
	return r
}

func (r *Register) add(what, text string, id flatwatt.MeterID) {
	if text = fold(text); text != "" {
		r.by[what+"\x00"+text] = append(r.by[what+"\x00"+text], id)
	}
}

// fold makes texts alike that differ in blanks and case only.
func fold(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }

// maxMatches is how many meters an account or address may name before it says nothing.
const maxMatches = 50

// Match is o once for every meter that it names. Where an account or address has n meters
// it is not known which of them is meant, so each gets a reliability less by ln n, not
// below 0 for what speaks for a miner. reason says what is wrong where there is none.
func (r *Register) Match(o flatwatt.Outside) (list []flatwatt.Outside, field, reason string) {
	for _, by := range [][2]string{{"meter", string(o.Meter)}, {"account", o.Account}, {"address", o.Address}} {
		if by[1] == "" {
			continue
		}
		ids := r.by[by[0]+"\x00"+fold(by[1])]
		field = map[string]string{"meter": "meter_id"}[by[0]]
		if field == "" {
			field = by[0]
		}
		switch {
		case len(ids) == 0:
			return nil, field, fmt.Sprintf("%s %q is not in the register: correct it, or add the column %s to meters.csv", by[0], by[1], field)
		case len(ids) > maxMatches:
			return nil, field, fmt.Sprintf("%s %q has %d meters: name the meter", by[0], by[1], len(ids))
		}
		for _, id := range ids {
			one := o
			one.Meter = id
			if one.LogOdds > 0 {
				one.LogOdds = max(0, one.LogOdds-math.Log(float64(len(ids))))
			}
			list = append(list, one)
		}
		return list, "", ""
	}
	return nil, "meter_id", "names no meter, account or address"
}

// A Book is outside evidence and registrations in memory. It is a flatwatt.OutsideBook; it
// must not be added to while a Scorer reads it.
type Book struct {
	items      map[flatwatt.MeterID][]flatwatt.Outside
	registered map[flatwatt.MeterID][]flatwatt.Registered
}

var _ flatwatt.OutsideBook = (*Book)(nil)

// NewBook returns an empty book.
func NewBook() *Book {
	return &Book{items: map[flatwatt.MeterID][]flatwatt.Outside{}, registered: map[flatwatt.MeterID][]flatwatt.Registered{}}
}

// Add takes pieces that are completed and matched. The order in which they come does not matter.
func (b *Book) Add(list ...flatwatt.Outside) {
	for _, o := range list {
		all := b.items[o.Meter]
		at, same := slices.BinarySearchFunc(all, o, compareOutside)
		if !same {
			b.items[o.Meter] = slices.Insert(slices.Clone(all), at, o)
		}
	}
}

func compareOutside(a, b flatwatt.Outside) int {
	return cmp.Or(a.Entered.Compare(b.Entered), cmp.Compare(a.ID, b.ID), cmp.Compare(a.LogOdds, b.LogOdds), a.At.Compare(b.At))
}

// Register takes registrations.
func (b *Book) Register(list ...flatwatt.Registered) {
	for _, r := range list {
		b.registered[r.Meter] = append(b.registered[r.Meter], r)
		slices.SortStableFunc(b.registered[r.Meter], func(x, y flatwatt.Registered) int { return x.From.Compare(y.From) })
	}
}

// Outside implements flatwatt.OutsideBook.
func (b *Book) Outside(id flatwatt.MeterID) []flatwatt.Outside { return b.items[id] }

// Registered implements flatwatt.OutsideBook.
func (b *Book) Registered(id flatwatt.MeterID) []flatwatt.Registered { return b.registered[id] }
