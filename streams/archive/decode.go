package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/parquet-go/parquet-go"

	"github.com/flatwatt/flatwatt"
)

// ErrDamaged says that a file of the archive is not what was written.
var ErrDamaged = errors.New("damaged")

// readFile reads a whole file and checks its checksum.
func readFile(ctx context.Context, store Store, f File) (*rows, error) {
	data, err := store.Get(ctx, f.Key)
	if err != nil {
		return nil, fmt.Errorf("read archive: %w", err)
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != f.SHA256 {
		return nil, fmt.Errorf("%w: %s/%s: its checksum is not the manifest's: restore it from a copy, or import the day again", ErrDamaged, store, f.Key)
	}
	r, err := decode(bytes.NewReader(data), f.Bytes, "")
	if err != nil {
		return nil, fmt.Errorf("%s/%s: %w", store, f.Key, err)
	}
	return r, nil
}

// decode reads the rows of a file; of one meter only, unless it is "".
func decode(in io.ReaderAt, size int64, only flatwatt.MeterID) (r *rows, err error) {
	defer damaged(&err)
	f, err := openParquet(in, size)
	if err != nil {
		return nil, err
	}
	r = &rows{}
	for _, g := range f.RowGroups() {
		if only != "" && !mayHold(g, only) {
			continue
		}
		if err := r.addGroup(g, only); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// damaged makes an error of a decoder's panic: it must not end the program over a damaged file.
func damaged(err *error) {
	if x := recover(); x != nil {
		*err = fmt.Errorf("%w: %v", ErrDamaged, x)
	}
}

func openParquet(in io.ReaderAt, size int64) (*parquet.File, error) {
	f, err := parquet.OpenFile(in, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if n := len(f.Schema().Columns()); n != numColumns {
		return nil, fmt.Errorf("%w: it has %d columns, not %d", ErrDamaged, n, numColumns)
	}
	return f, nil
}

// mayHold says by its statistics whether a row group may hold a meter.
func mayHold(g parquet.RowGroup, id flatwatt.MeterID) bool {
	chunk, ok := g.ColumnChunks()[colMeter].(*parquet.FileColumnChunk)
	if !ok {
		return true
	}
	low, high, ok := chunk.Bounds()
	return !ok || string(low.ByteArray()) <= string(id) && string(id) <= string(high.ByteArray())
}

// addGroup adds the rows of a row group; of one meter only, unless it is "".
func (r *rows) addGroup(g parquet.RowGroup, only flatwatt.MeterID) error {
	chunks := g.ColumnChunks()
	runs, err := readMeters(chunks[colMeter], int(g.NumRows()))
	if err != nil {
		return err
	}
	from, to := 0, int(g.NumRows())
	if only != "" {
		i, ok := slices.BinarySearchFunc(runs, only, func(g run, id flatwatt.MeterID) int {
			return compareIDs(g.meter, id)
		})
		if !ok {
			return nil
		}
		runs = runs[i : i+1]
		from, to = runs[0].from, runs[0].to
	}
	base := r.len()
	for _, g := range runs {
		g.from, g.to = g.from-from+base, g.to-from+base
		if k := len(r.runs); k > 0 && r.runs[k-1].meter == g.meter { // cut by the row group's end
			r.runs[k-1].to = g.to
			continue
		}
		r.runs = append(r.runs, g)
	}
	return r.addColumns(chunks, from, to)
}

func compareIDs(a, b flatwatt.MeterID) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func (r *rows) addColumns(chunks []parquet.ColumnChunk, from, to int) (err error) {
	base := r.len()
	millis := column[int64]{plain: func(dst []int64, p parquet.Page) []int64 {
		data := p.Data()
		for _, ms := range data.Int64() {
			dst = append(dst, ms/1000)
		}
		return dst
	}}
	if r.start, err = millis.read(r.start, chunks[colStart], from, to); err != nil {
		return err
	}
	seconds := column[int32]{plain: func(dst []int32, p parquet.Page) []int32 {
		data := p.Data()
		return append(dst, data.Int32()...)
	}}
	if r.length, err = seconds.read(r.length, chunks[colLength], from, to); err != nil {
		return err
	}
	doubles := column[float64]{blank: math.NaN(), plain: func(dst []float64, p parquet.Page) []float64 {
		data := p.Data()
		return append(dst, data.Double()...)
	}}
	if r.energy, err = doubles.read(r.energy, chunks[colEnergy], from, to); err != nil {
		return err
	}
	if r.reactive, err = doubles.readOptional(r.reactive, base, chunks[colReactive], from, to); err != nil {
		return err
	}
	if r.voltage, err = doubles.readOptional(r.voltage, base, chunks[colVoltage], from, to); err != nil {
		return err
	}
	words := column[flatwatt.Quality]{plain: appendQualities}
	if r.quality, err = words.read(r.quality, chunks[colQuality], from, to); err != nil {
		return err
	}
	r.head, err = millis.readOptional(r.head, base, chunks[colHead], from, to)
	return err
}

func appendQualities(dst []flatwatt.Quality, p parquet.Page) []flatwatt.Quality {
	data := p.Data()
	text, offsets := data.ByteArray()
	for i := 1; i < len(offsets); i++ {
		q := slices.Index(qualityNames[:], string(text[offsets[i-1]:offsets[i]]))
		dst = append(dst, flatwatt.Quality(max(q, 0)))
	}
	return dst
}

// readMeters reads the meters of a row group as runs. An id is made a text once.
func readMeters(chunk parquet.ColumnChunk, n int) (runs []run, err error) {
	pages := chunk.Pages()
	defer pages.Close()
	var dict parquet.Dictionary
	var words []flatwatt.MeterID
	for at := 0; at < n; {
		page, err := pages.ReadPage()
		if err != nil {
			return nil, fmt.Errorf("%w: the column of meters ends %d rows early: %w", ErrDamaged, n-at, err)
		}
		d := page.Dictionary()
		if d == nil {
			return nil, fmt.Errorf("%w: the column of meters has no dictionary", ErrDamaged)
		}
		if d != dict {
			words, dict = appendMeters(words[:0], d.Page()), d
		}
		data := page.Data()
		last := int32(-1)
		for _, i := range data.Int32() {
			if i != last {
				last = i
				if len(runs) == 0 || runs[len(runs)-1].meter != words[i] {
					runs = append(runs, run{meter: words[i], from: at})
				}
			}
			at++
			runs[len(runs)-1].to = at
		}
		parquet.Release(page)
	}
	return runs, nil
}

func appendMeters(dst []flatwatt.MeterID, p parquet.Page) []flatwatt.MeterID {
	data := p.Data()
	text, offsets := data.ByteArray()
	for i := 1; i < len(offsets); i++ {
		dst = append(dst, flatwatt.MeterID(text[offsets[i-1]:offsets[i]]))
	}
	return dst
}

// A column reads values of type T: plain appends those of a page or dictionary, blank
// stands where there is none.
type column[T any] struct {
	plain func(dst []T, p parquet.Page) []T
	blank T
}

// readOptional leaves dst nil as long as there is nothing but nulls.
func (c column[T]) readOptional(dst []T, base int, chunk parquet.ColumnChunk, from, to int) ([]T, error) {
	if f, ok := chunk.(*parquet.FileColumnChunk); ok && dst == nil && f.NullCount() == f.NumValues() {
		return nil, nil
	}
	for len(dst) < base {
		dst = append(dst, c.blank)
	}
	return c.read(dst, chunk, from, to)
}

// read appends rows [from, to) of chunk to dst.
func (c column[T]) read(dst []T, chunk parquet.ColumnChunk, from, to int) ([]T, error) {
	pages := chunk.Pages()
	defer pages.Close()
	if from > 0 {
		if err := pages.SeekToRow(int64(from)); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
		}
	}
	dst = slices.Grow(dst, to-from)
	var dict parquet.Dictionary
	var words, vals []T
	for from < to {
		page, err := pages.ReadPage()
		if err != nil {
			return nil, fmt.Errorf("%w: the column ends %d rows early: %w", ErrDamaged, to-from, err)
		}
		use := page
		if page.NumRows() > int64(to-from) {
			use = page.Slice(0, int64(to-from))
		}
		from += int(use.NumRows())
		vals = vals[:0]
		if d := use.Dictionary(); d != nil {
			if d != dict {
				words, dict = c.plain(words[:0], d.Page()), d
			}
			data := use.Data()
			for _, i := range data.Int32() {
				vals = append(vals, words[i])
			}
		} else {
			vals = c.plain(vals, use)
		}
		dst = c.spread(dst, use, vals)
		parquet.Release(page)
	}
	return dst, nil
}

// spread appends vals with blanks where the page has nulls.
func (c column[T]) spread(dst []T, page parquet.Page, vals []T) []T {
	levels := page.DefinitionLevels()
	if len(levels) == 0 || len(vals) == int(page.NumValues()) {
		return append(dst, vals...)
	}
	for _, l := range levels {
		if l == 0 {
			dst = append(dst, c.blank)
			continue
		}
		dst, vals = append(dst, vals[0]), vals[1:]
	}
	return dst
}
