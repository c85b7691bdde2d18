package pq

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/deprecated"
	pf "github.com/parquet-go/parquet-go/format"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/formats/format"
)

// noStart stands for a time that is null or cannot be read.
const noStart = math.MinInt64

// badQuality stands for a quality that is not known.
const badQuality flatwatt.Quality = 254

// A column holds the values of the page that is being given out.
type column[T any] struct {
	pages parquet.Pages
	guard pages
	null  T                                    // for nulls
	plain func(dst []T, page parquet.Page) []T // of a page or dictionary without nulls
	dict  parquet.Dictionary
	trans []T // the dictionary's values
	vals  []T // of the page, without nulls
	out   []T // with nulls filled
	used  int
}

func (c *column[T]) open(chunk parquet.ColumnChunk, fill T, plain func([]T, parquet.Page) []T) {
	c.pages, c.null, c.plain = chunk.Pages(), fill, plain
	c.dict, c.out, c.used = nil, c.out[:0], 0
}

func (c *column[T]) close() {
	if c.pages != nil {
		c.pages.Close()
		c.pages = nil
	}
}

func (c *column[T]) peek(n int) []T { return c.out[c.used : c.used+n] }

func (c *column[T]) take(n int) []T {
	of := c.out[c.used : c.used+n]
	c.used += n
	return of
}

// fill decodes the next page if the last one is used up.
func (c *column[T]) fill() (have int, err error) {
	for c.used == len(c.out) {
		if err := c.guard.next(); err != nil {
			return 0, err
		}
		page, err := c.pages.ReadPage()
		if err == io.EOF {
			return 0, errors.New("a column has fewer rows than its row group")
		}
		if err != nil {
			return 0, err
		}
		err = c.decode(page)
		parquet.Release(page)
		if err != nil {
			return 0, err
		}
	}
	return len(c.out) - c.used, nil
}

func (c *column[T]) decode(page parquet.Page) error {
	c.vals, c.used = c.vals[:0], 0
	if dict := page.Dictionary(); dict != nil {
		if dict != c.dict {
			c.trans, c.dict = c.plain(c.trans[:0], dict.Page()), dict
		}
		data := page.Data()
		for _, i := range data.Int32() {
			if uint(i) >= uint(len(c.trans)) {
				return fmt.Errorf("index %d into a dictionary of %d", i, len(c.trans))
			}
			c.vals = append(c.vals, c.trans[i])
		}
	} else {
		c.vals = c.plain(c.vals, page)
	}
	return c.spread(page)
}

// spread puts fillers where the page has nulls.
func (c *column[T]) spread(page parquet.Page) error {
	n := int(page.NumValues())
	if len(c.vals) == n {
		c.out, c.vals = c.vals, c.out
		return nil
	}
	levels := page.DefinitionLevels()
	if len(levels) != n || len(c.vals) > n {
		return fmt.Errorf("%d values for %d rows", len(c.vals), n)
	}
	c.out = c.out[:0]
	rest := c.vals
	for _, l := range levels {
		switch {
		case l == 0:
			c.out = append(c.out, c.null)
		case len(rest) == 0:
			return errors.New("fewer values than rows")
		default:
			c.out, rest = append(c.out, rest[0]), rest[1:]
		}
	}
	return nil
}

// open begins a row group.
func (d *decoder) open(n int) {
	group := d.file.RowGroups()[n]
	chunks := group.ColumnChunks()
	guard := func(p *pages, role int) { p.reset(d.at, chunkOf(d.file, n, d.index[role])) }
	guard(&d.meter.guard, roleMeter)
	guard(&d.start.guard, roleStart)
	d.left, d.opened = group.NumRows(), true
	chunk := chunks[d.index[roleMeter]]
	d.meter.open(chunk, nil, d.meterValues(chunk.Type().Kind()))
	d.start.open(chunks[d.index[roleStart]], noStart, d.startValues())
	for r := roleEnergy; r <= roleVoltage; r++ {
		if d.index[r] >= 0 {
			chunk := chunks[d.index[r]]
			guard(&d.number[r].guard, r)
			d.number[r].open(chunk, math.NaN(), numberValues(chunk.Type().Kind()))
		}
	}
	if d.index[roleQuality] >= 0 {
		guard(&d.quality.guard, roleQuality)
		d.quality.open(chunks[d.index[roleQuality]], flatwatt.Actual, qualityValues)
	}
}

// eachText calls f with the texts of a page or dictionary.
func eachText(page parquet.Page, f func([]byte)) {
	data := page.Data()
	bytes, offsets := data.ByteArray()
	for i := 1; i < len(offsets); i++ {
		f(bytes[offsets[i-1]:offsets[i]])
	}
}

func (d *decoder) meterValues(kind parquet.Kind) func([]*format.Meter, parquet.Page) []*format.Meter {
	return func(dst []*format.Meter, page parquet.Page) []*format.Meter {
		data := page.Data()
		var digits [20]byte
		switch kind {
		case parquet.Int64:
			for _, v := range data.Int64() {
				dst = append(dst, d.meters.Get(strconv.AppendInt(digits[:0], v, 10)))
			}
		case parquet.Int32:
			for _, v := range data.Int32() {
				dst = append(dst, d.meters.Get(strconv.AppendInt(digits[:0], int64(v), 10)))
			}
		default:
			eachText(page, func(b []byte) { dst = append(dst, d.meters.Get(b)) })
		}
		return dst
	}
}

func (d *decoder) startValues() func([]int64, parquet.Page) []int64 {
	return func(dst []int64, page parquet.Page) []int64 {
		data := page.Data()
		switch d.perUnit {
		case 0:
			eachText(page, func(b []byte) {
				t, err := time.Parse(time.RFC3339, string(b))
				if unix := t.Unix(); err == nil {
					dst = append(dst, unix)
				} else {
					dst = append(dst, noStart)
				}
			})
		case -1: // nanoseconds of the day, then the Julian day; 2440588 is 1970-01-01
			for _, v := range data.Int96() {
				nanos := int64(v[0]) | int64(v[1])<<32
				dst = append(dst, (int64(v[2])-2440588)*86400+nearest(nanos, 1e9))
			}
		default:
			for _, v := range data.Int64() {
				dst = append(dst, nearest(v, d.perUnit))
			}
		}
		return dst
	}
}

// nearest is v/unit to the nearest whole, half up.
func nearest(v, unit int64) int64 {
	q, r := v/unit, v%unit
	if r < 0 {
		q, r = q-1, r+unit
	}
	if 2*r >= unit {
		q++
	}
	return q
}

func numberValues(kind parquet.Kind) func([]float64, parquet.Page) []float64 {
	return func(dst []float64, page parquet.Page) []float64 {
		data := page.Data()
		switch kind {
		case parquet.Double:
			return append(dst, data.Double()...)
		case parquet.Float:
			for _, v := range data.Float() {
				dst = append(dst, float64(v))
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
		return dst
	}
}

func qualityValues(dst []flatwatt.Quality, page parquet.Page) []flatwatt.Quality {
	eachText(page, func(b []byte) {
		q, ok := format.ParseQuality(string(b))
		if !ok {
			q = badQuality
		}
		dst = append(dst, q)
	})
	return dst
}

// timeUnit says how many units of a time column make a second, and whether its times
// are those of a wall clock.
func timeUnit(t parquet.Type) (perSecond int64, local, ok bool) {
	var stamp *pf.TimestampType
	if l := t.LogicalType(); l != nil {
		stamp, _ = l.Value.(*pf.TimestampType)
	}
	switch c := t.ConvertedType(); {
	case t.Kind() == parquet.ByteArray:
		return 0, false, true
	case t.Kind() == parquet.Int96:
		return -1, false, true
	case t.Kind() != parquet.Int64:
	case stamp != nil:
		perSecond = 1e9
		switch stamp.Unit.Value.(type) {
		case *pf.MilliSeconds:
			perSecond = 1e3
		case *pf.MicroSeconds:
			perSecond = 1e6
		}
		return perSecond, !stamp.IsAdjustedToUTC, true
	case c != nil && *c == deprecated.TimestampMillis:
		return 1e3, false, true
	case c != nil && *c == deprecated.TimestampMicros:
		return 1e6, false, true
	}
	return 0, false, false
}
