package archive

import (
	"cmp"
	"context"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/flatwatt/flatwatt"
)

// rows are readings in columns, grouped by meter. head is when a reading came that came
// after its local day had ended: how far the stream's clock was, Unix seconds; 0 for one
// that came in time. A column is nil until a row has a value in it.
type rows struct {
	runs     []run
	start    []int64 // Unix seconds
	length   []int32 // seconds
	energy   []float64
	reactive []float64 // NaN: not metered
	voltage  []float64
	quality  []flatwatt.Quality
	head     []int64
}

// A run is a stretch of rows of one meter.
type run struct {
	meter    flatwatt.MeterID
	from, to int
}

// A row is one reading.
type row struct {
	meter             int32 // rank of its meter among those buffered
	length            int32
	start, head       int64
	energy            float64
	reactive, voltage float64
	quality           flatwatt.Quality
}

func (r *rows) len() int { return len(r.start) }

// reading is the i-th row, of the given meter.
func (r *rows) reading(meter flatwatt.MeterID, i int) flatwatt.Reading {
	v := flatwatt.Reading{
		Meter: meter, Start: time.Unix(r.start[i], 0).UTC(), Length: time.Duration(r.length[i]) * time.Second,
		Energy: flatwatt.KWh(r.energy[i]), Reactive: flatwatt.KVArh(math.NaN()), Voltage: flatwatt.Volt(math.NaN()),
	}
	if r.reactive != nil {
		v.Reactive = flatwatt.KVArh(r.reactive[i])
	}
	if r.voltage != nil {
		v.Voltage = flatwatt.Volt(r.voltage[i])
	}
	if r.quality != nil {
		v.Quality = r.quality[i]
	}
	return v
}

// row is the i-th row without its meter.
func (r *rows) row(i int) row {
	c := row{length: r.length[i], start: r.start[i], energy: r.energy[i], reactive: math.NaN(), voltage: math.NaN()}
	if r.reactive != nil {
		c.reactive = r.reactive[i]
	}
	if r.voltage != nil {
		c.voltage = r.voltage[i]
	}
	if r.quality != nil {
		c.quality = r.quality[i]
	}
	if r.head != nil {
		c.head = r.head[i]
	}
	return c
}

// compareRows orders rows of one file: by meter and time, then by what makes one reading
// differ from another, and last by when it came. It is a total order.
func compareRows(a, b row) int {
	if c := cmp.Compare(a.meter, b.meter); c != 0 {
		return c
	}
	if c := cmp.Compare(a.start, b.start); c != 0 {
		return c
	}
	if c := compareClaims(a, b); c != 0 {
		return c
	}
	return cmp.Compare(a.head, b.head)
}

// compareClaims puts the claim on an interval that is to be believed first: what a person
// corrected, then what the meter measured, then what was filled in; of equals the smaller
// energy, which can only make a suspect less suspicious. A Scorer chooses the same one.
func compareClaims(a, b row) int {
	return cmp.Or(
		cmp.Compare(trust(a.quality), trust(b.quality)),
		cmp.Compare(a.energy, b.energy),
		cmp.Compare(a.length, b.length),
		cmp.Compare(a.reactive, b.reactive), // NaN first: only to break ties
		cmp.Compare(a.voltage, b.voltage),
	)
}

func trust(q flatwatt.Quality) int {
	switch q {
	case flatwatt.Edited:
		return 0
	case flatwatt.Actual:
		return 1
	}
	return 2
}

// tidy sorts list and drops exact repeats, of which the one that came first stays.
func tidy(list []row) []row {
	if !slices.IsSortedFunc(list, compareRows) {
		slices.SortFunc(list, compareRows)
	}
	kept := list[:0]
	for i, r := range list {
		if i > 0 {
			if k := kept[len(kept)-1]; k.meter == r.meter && k.start == r.start && compareClaims(k, r) == 0 {
				continue
			}
		}
		kept = append(kept, r)
	}
	return kept
}

// unite is what several files of one partition and day hold, tidied.
func unite(parts []*rows) (ids []flatwatt.MeterID, list []row) {
	rank := map[flatwatt.MeterID]int32{}
	for _, p := range parts {
		for _, g := range p.runs {
			if _, ok := rank[g.meter]; !ok {
				rank[g.meter] = 0
				ids = append(ids, g.meter)
			}
		}
	}
	slices.Sort(ids)
	for i, id := range ids {
		rank[id] = int32(i)
	}
	for _, p := range parts {
		for _, g := range p.runs {
			m := rank[g.meter]
			for i := g.from; i < g.to; i++ {
				c := p.row(i)
				c.meter = m
				list = append(list, c)
			}
		}
	}
	return ids, tidy(list)
}

// columns files tidied rows by column.
func columns(ids []flatwatt.MeterID, list []row) *rows {
	r := &rows{start: make([]int64, 0, len(list)), length: make([]int32, 0, len(list)), energy: make([]float64, 0, len(list))}
	for i, c := range list {
		if i == 0 || list[i-1].meter != c.meter {
			r.runs = append(r.runs, run{meter: ids[c.meter], from: i})
		}
		r.runs[len(r.runs)-1].to = i + 1
		r.start, r.length, r.energy = append(r.start, c.start), append(r.length, c.length), append(r.energy, c.energy)
		r.reactive = put(r.reactive, i, c.reactive, math.NaN(), c.reactive == c.reactive)
		r.voltage = put(r.voltage, i, c.voltage, math.NaN(), c.voltage == c.voltage)
		r.quality = put(r.quality, i, c.quality, flatwatt.Actual, c.quality != flatwatt.Actual)
		r.head = put(r.head, i, c.head, 0, c.head != 0)
	}
	return r
}

// put makes col i+1 long with v last, unless it is empty and v says nothing.
func put[T any](col []T, i int, v, blank T, says bool) []T {
	if col == nil && !says {
		return nil
	}
	for len(col) < i {
		col = append(col, blank)
	}
	return append(col, v)
}

// content is the sum of the rows' hashes.
func (r *rows) content() (sum uint64) {
	for _, g := range r.runs {
		h := uint64(14695981039346656037)
		for _, b := range []byte(g.meter) {
			h = (h ^ uint64(b)) * 1099511628211
		}
		for i := g.from; i < g.to; i++ {
			c := r.row(i)
			x := mix(h ^ uint64(c.start))
			x = mix(x ^ math.Float64bits(c.energy))
			x = mix(x ^ uint64(c.length)<<8 ^ uint64(c.quality))
			if c.reactive == c.reactive {
				x = mix(x ^ math.Float64bits(c.reactive))
			}
			if c.voltage == c.voltage {
				x = mix(x ^ ^math.Float64bits(c.voltage))
			}
			sum += mix(x ^ uint64(c.head))
		}
	}
	return sum
}

// mix is the finalizer of splitmix64.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// decoded are files of several days by key, until days come that are in others.
type decoded map[string]*rows

// readDay is what the archive holds of a partition and UTC day, tidied; empty where there
// is nothing. It takes from had what was decoded for the day before, and leaves there what
// the next day may need.
func (a *Archive) readDay(ctx context.Context, partition int, day flatwatt.Day, had decoded) (*rows, error) {
	files := a.FilesOf(partition, day)
	maps.DeleteFunc(had, func(key string, _ *rows) bool {
		return !slices.ContainsFunc(files, func(f File) bool { return f.Key == key })
	})
	parts := make([]*rows, 0, len(files))
	for _, f := range files {
		r := had[f.Key]
		if r == nil {
			var err error
			if r, err = readFile(ctx, a.store, f); err != nil {
				return nil, err
			}
			had[f.Key] = r
		}
		if view, n := r.day(day); n > 0 {
			parts = append(parts, view)
		}
	}
	switch len(parts) {
	case 0:
		return &rows{}, nil
	case 1:
		return parts[0], nil
	}
	return columns(unite(parts)), nil
}

// day is a view of r that holds one UTC day.
func (r *rows) day(day flatwatt.Day) (view *rows, n int64) {
	v := *r
	v.runs = nil
	from, to := int64(day)*86400, int64(day+1)*86400
	for _, g := range r.runs {
		times := r.start[g.from:g.to]
		lo, _ := slices.BinarySearch(times, from)
		hi, _ := slices.BinarySearch(times, to)
		if lo < hi {
			v.runs = append(v.runs, run{g.meter, g.from + lo, g.from + hi})
			n += int64(hi - lo)
		}
	}
	return &v, n
}
