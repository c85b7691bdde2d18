package file

import (
	"errors"
	"fmt"
	"io/fs"
	"math"

	"github.com/parquet-go/parquet-go"

	"github.com/flatwatt/flatwatt"
)

// errDamaged marks errors that are the file's, not the disk's: they reject, and do not stop.
var errDamaged = errors.New("damaged")

// damage marks err as the file's fault, unless the operating system reported it.
func damage(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return err
	}
	return fmt.Errorf("%w: %w", errDamaged, err)
}

func isDamage(err error) bool { return errors.Is(err, errDamaged) }

// null is the NaN that stands for a null in a column of numbers, so that it can be told
// from a NaN that somebody stored.
var null = math.Float64frombits(0x7ff8_0000_dead_beef)

func isNull(v float64) bool { return math.Float64bits(v) == math.Float64bits(null) }

// badQualityCode stands for a quality that is not known.
const badQualityCode flatwatt.Quality = 254

// spread appends the page's values to dst, with fill where the page has nulls. values
// are the ones that are not null, in order.
func spread[T any](dst []T, page parquet.Page, values []T, fill T) ([]T, error) {
	n := int(page.NumValues())
	if len(values) == n {
		return append(dst, values...), nil
	}
	levels := page.DefinitionLevels()
	if len(levels) != n || len(values) > n {
		return dst, damage(fmt.Errorf("%d values for %d rows", len(values), n))
	}
	for _, l := range levels {
		if l == 0 {
			dst = append(dst, fill)
			continue
		}
		if len(values) == 0 {
			return dst, damage(errors.New("fewer values than rows"))
		}
		dst, values = append(dst, values[0]), values[1:]
	}
	return dst, nil
}

// lookup replaces dictionary indexes by what a page's dictionary holds for them. The
// dictionary is translated once and kept as long as the pages share it.
func lookup[T any](dst []T, page parquet.Page, translated []T) ([]T, error) {
	data := page.Data()
	for _, i := range data.Int32() {
		if uint(i) >= uint(len(translated)) {
			return dst, damage(fmt.Errorf("index %d into a dictionary of %d", i, len(translated)))
		}
		dst = append(dst, translated[i])
	}
	return dst, nil
}

// A translator makes values of type T of a column's pages.
type translator[T any] struct {
	fill  T
	plain func(dst []T, page parquet.Page) ([]T, error) // values of a page or dictionary
	dict  parquet.Dictionary
	trans []T
	vals  []T
}

func (t *translator[T]) read(chunk parquet.ColumnChunk, from, n int64) (out []T, err error) {
	out = make([]T, 0, n)
	err = eachPage(chunk, from, n, func(page parquet.Page) (err error) {
		t.vals = t.vals[:0]
		if dict := page.Dictionary(); dict != nil {
			if dict != t.dict {
				if t.trans, err = t.plain(t.trans[:0], dict.Page()); err != nil {
					return err
				}
				t.dict = dict
			}
			t.vals, err = lookup(t.vals, page, t.trans)
		} else {
			t.vals, err = t.plain(t.vals, page)
		}
		if err != nil {
			return err
		}
		out, err = spread(out, page, t.vals, t.fill)
		return err
	})
	if err == nil && int64(len(out)) != n {
		err = damage(fmt.Errorf("%d values for %d rows", len(out), n))
	}
	return out, err
}

// readNumbers reads a column of numbers, nulls as null; nil without the column.
func readNumbers(chunk parquet.ColumnChunk, from, n int64) ([]float64, error) {
	if chunk == nil {
		return nil, nil
	}
	t := translator[float64]{fill: null, plain: func(dst []float64, page parquet.Page) ([]float64, error) {
		switch data := page.Data(); chunk.Type().Kind() {
		case parquet.Double:
			return append(dst, data.Double()...), nil
		case parquet.Float:
			for _, v := range data.Float() {
				dst = append(dst, widen(v))
			}
		case parquet.Int64:
			for _, v := range data.Int64() {
				dst = append(dst, float64(v))
			}
		case parquet.Int32:
			for _, v := range data.Int32() {
				dst = append(dst, float64(v))
			}
		}
		return dst, nil
	}}
	return t.read(chunk, from, n)
}

// eachText calls f with the texts of a page or dictionary.
func eachText(page parquet.Page, f func([]byte)) {
	data := page.Data()
	bytes, offsets := data.ByteArray()
	for i := 1; i < len(offsets); i++ {
		f(bytes[offsets[i-1]:offsets[i]])
	}
}

func readQuality(chunk parquet.ColumnChunk, from, n int64) ([]flatwatt.Quality, error) {
	if chunk == nil {
		return nil, nil
	}
	t := translator[flatwatt.Quality]{fill: flatwatt.Actual, plain: func(dst []flatwatt.Quality, page parquet.Page) ([]flatwatt.Quality, error) {
		eachText(page, func(b []byte) {
			q, ok := parseQuality(b)
			if !ok {
				q = badQualityCode
			}
			dst = append(dst, q)
		})
		return dst, nil
	}}
	return t.read(chunk, from, n)
}

// readMeters reads the meters as numbers; those that are not known as −1 − their place
// in d.unknown. An id in a dictionary is looked up once.
func (d *parquetRange) readMeters(chunk parquet.ColumnChunk, from, n int64) ([]int32, error) {
	d.unknown = []string{""} // −1: null
	known := map[string]int32{}
	number := func(id string) int32 {
		if i, ok := d.index[id]; ok {
			return i
		}
		i, ok := known[id]
		if !ok {
			d.unknown = append(d.unknown, id)
			i = -int32(len(d.unknown))
			known[id] = i
		}
		return i
	}
	t := translator[int32]{fill: -1, plain: func(dst []int32, page parquet.Page) ([]int32, error) {
		switch data := page.Data(); chunk.Type().Kind() {
		case parquet.Int64:
			for _, v := range data.Int64() {
				dst = append(dst, number(itoa(v)))
			}
		case parquet.Int32:
			for _, v := range data.Int32() {
				dst = append(dst, number(itoa(int64(v))))
			}
		default:
			eachText(page, func(b []byte) {
				if i, ok := d.index[string(b)]; ok { // does not allocate
					dst = append(dst, i)
					return
				}
				dst = append(dst, number(string(b)))
			})
		}
		return dst, nil
	}}
	return t.read(chunk, from, n)
}

// readStarts reads the starts in Unix seconds, noStart where there is none.
func (d *parquetRange) readStarts(chunk parquet.ColumnChunk, from, n int64) ([]int64, error) {
	t := translator[int64]{fill: noStart, plain: func(dst []int64, page parquet.Page) ([]int64, error) {
		switch data := page.Data(); d.perSecond {
		case 0:
			eachText(page, func(b []byte) {
				unix, ok := parseTime(b)
				if !ok {
					unix = noStart
				}
				dst = append(dst, unix)
			})
		case -1: // nanoseconds of the day, then the Julian day; 2440588 is 1970-01-01
			for _, v := range data.Int96() {
				nanos := int64(v[0]) | int64(v[1])<<32
				dst = append(dst, (int64(v[2])-2440588)*86400+roundDiv(nanos, 1e9))
			}
		case 1e3:
			for _, v := range data.Int64() {
				dst = append(dst, roundDiv(v, 1e3))
			}
		case 1e6:
			for _, v := range data.Int64() {
				dst = append(dst, roundDiv(v, 1e6))
			}
		default:
			for _, v := range data.Int64() {
				dst = append(dst, roundDiv(v, 1e9))
			}
		}
		return dst, nil
	}}
	return t.read(chunk, from, n)
}

// roundDiv is v/unit to the nearest second, half up, for times before 1970 too.
func roundDiv(v, unit int64) int64 {
	q, r := v/unit, v%unit
	if r < 0 {
		q, r = q-1, r+unit
	}
	if 2*r >= unit {
		q++
	}
	return q
}
