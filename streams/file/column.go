package file

import (
	"cmp"
	"math"
	"slices"
	"strconv"

	"github.com/flatwatt/flatwatt"
)

// rows are readings in columns. Reactive and voltage are single precision (7 digits,
// which is more than any meter has) and, like quality, nil until a row has one: a fleet
// that meters energy alone takes 12 bytes a reading, one with everything 21.
type rows struct {
	at       []int32 // minutes since 1970-01-01 UTC
	energy   []float64
	reactive []float32 // NaN where missing; nil: all missing
	voltage  []float32 // NaN where missing; nil: all missing
	quality  []flatwatt.Quality
}

func (r *rows) len() int { return len(r.at) }

func (r *rows) add(c row) {
	r.at = append(r.at, c.at)
	r.energy = append(r.energy, c.energy)
	n := len(r.at)
	r.reactive = addFloat(r.reactive, c.reactive, n)
	r.voltage = addFloat(r.voltage, c.voltage, n)
	if r.quality == nil && c.quality == flatwatt.Actual {
		return
	}
	r.quality = append(grow(r.quality, n-1, flatwatt.Actual), c.quality)
}

var nan32 = float32(math.NaN())

// addFloat makes col n long, with v last.
func addFloat(col []float32, v float32, n int) []float32 {
	if col == nil && v != v {
		return nil
	}
	return append(grow(col, n-1, nan32), v)
}

// grow makes col at least n long with fill.
func grow[T any](col []T, n int, fill T) []T {
	if len(col) >= n {
		return col
	}
	col = slices.Grow(col, n-len(col))
	for len(col) < n {
		col = append(col, fill)
	}
	return col
}

// addRange appends src[from:to].
func (r *rows) addRange(src *rows, from, to int) {
	n := len(r.at)
	r.at = append(r.at, src.at[from:to]...)
	r.energy = append(r.energy, src.energy[from:to]...)
	r.reactive = addCol(r.reactive, src.reactive, n, from, to, nan32)
	r.voltage = addCol(r.voltage, src.voltage, n, from, to, nan32)
	r.quality = addCol(r.quality, src.quality, n, from, to, flatwatt.Actual)
}

// addCol appends src[from:to] to dst, which is behind by what it leaves out: a column
// stays nil as long as nothing but fill comes in, though other meters of src have it.
func addCol[T comparable](dst, src []T, n, from, to int, fill T) []T {
	switch {
	case dst == nil && (src == nil || allBlank(src[from:to], fill)):
		return nil
	case src == nil:
		return grow(dst, n+to-from, fill)
	}
	return append(grow(dst, n, fill), src[from:to]...)
}

// allBlank asks whether all of col are fill, or NaN.
func allBlank[T comparable](col []T, fill T) bool {
	for _, v := range col {
		if v != fill && v == v {
			return false
		}
	}
	return true
}

// row is one reading of rows.
type row struct {
	at                int32
	quality           flatwatt.Quality
	energy            float64
	reactive, voltage float32
}

func (r *rows) row(i int) row {
	c := row{at: r.at[i], energy: r.energy[i], reactive: nan32, voltage: nan32}
	if r.reactive != nil {
		c.reactive = r.reactive[i]
	}
	if r.voltage != nil {
		c.voltage = r.voltage[i]
	}
	if r.quality != nil {
		c.quality = r.quality[i]
	}
	return c
}

// rank orders qualities: what a person corrected beats what the meter measured, which
// beats what was filled in.
func rank(q flatwatt.Quality) int {
	switch q {
	case flatwatt.Edited:
		return 0
	case flatwatt.Actual:
		return 1
	}
	return 2
}

// compareRows orders by time and puts the row that is to stay first among those of one
// time: better quality, then smaller |energy|, then smaller energy; reactive energy and
// voltage only break ties, present before missing. It is a total order, so what stays
// does not depend on the order of delivery.
func compareRows(a, b row) int {
	if c := cmp.Compare(a.at, b.at); c != 0 {
		return c
	}
	if c := cmp.Compare(rank(a.quality), rank(b.quality)); c != 0 {
		return c
	}
	if c := cmp.Compare(math.Abs(a.energy), math.Abs(b.energy)); c != 0 {
		return c
	}
	if c := cmp.Compare(a.energy, b.energy); c != 0 {
		return c
	}
	if c := comparePresent(a.reactive, b.reactive); c != 0 {
		return c
	}
	return comparePresent(a.voltage, b.voltage)
}

func comparePresent(a, b float32) int {
	switch an, bn := a != a, b != b; {
	case an && bn:
		return 0
	case an:
		return 1
	case bn:
		return -1
	}
	return cmp.Compare(a, b)
}

// merged counts what merge removed.
type merged struct{ duplicates, conflicts, superseded int64 }

// merge sorts r by time and leaves one row a time. Rows that come in order, by far the
// most, are only looked at.
func (r *rows) merge() (m merged) {
	if strictlyIncreasing(r.at) {
		return m
	}
	all := make([]row, r.len())
	for i := range all {
		all[i] = r.row(i)
	}
	slices.SortFunc(all, compareRows)
	kept := all[:0]
	for i, c := range all {
		if i == 0 || kept[len(kept)-1].at != c.at {
			kept = append(kept, c)
			continue
		}
		switch k := kept[len(kept)-1]; {
		case compareRows(k, c) == 0:
			m.duplicates++
		case k.quality != c.quality:
			m.superseded++
		default:
			m.conflicts++
		}
	}
	r.set(kept)
	return m
}

// set replaces what is in r, in place.
func (r *rows) set(all []row) {
	n := len(all)
	r.at, r.energy = r.at[:n], r.energy[:n]
	r.reactive, r.voltage, r.quality = cut(r.reactive, n), cut(r.voltage, n), cut(r.quality, n)
	for i, c := range all {
		r.at[i], r.energy[i] = c.at, c.energy
		if r.reactive != nil {
			r.reactive[i] = c.reactive
		}
		if r.voltage != nil {
			r.voltage[i] = c.voltage
		}
		if r.quality != nil {
			r.quality[i] = c.quality
		}
	}
}

func cut[T any](col []T, n int) []T {
	if col == nil {
		return nil
	}
	return col[:n]
}

// pack gives back what growing left over. Column by column, so that it never needs more
// than one column of one meter twice.
func (r *rows) pack() {
	r.at, r.energy = pack(r.at), pack(r.energy)
	r.reactive, r.voltage, r.quality = pack(r.reactive), pack(r.voltage), pack(r.quality)
}

// pack copies col unless it is nearly full: below an eighth the copy is not worth it.
func pack[T any](col []T) []T {
	if cap(col)-len(col) <= len(col)/8 {
		return col
	}
	return append(make([]T, 0, len(col)), col...)
}

func strictlyIncreasing(at []int32) bool {
	for i := 1; i < len(at); i++ {
		if at[i] <= at[i-1] {
			return false
		}
	}
	return true
}

// widen makes of a single-precision number the double that prints the same, so that
// 227.6 stays 227.6 through reading and writing: the decimal with the fewest digits that
// single precision cannot tell from v. Meters give a few digits, so few are tried.
func widen(v float32) float64 {
	d := float64(v)
	if d-d != 0 {
		return d // NaN and infinities
	}
	for _, scale := range pow10[:7] {
		if s := math.RoundToEven(d*scale) / scale; float32(s) == v {
			return s
		}
	}
	d, _ = strconv.ParseFloat(strconv.FormatFloat(d, 'g', -1, 32), 64)
	return d
}
