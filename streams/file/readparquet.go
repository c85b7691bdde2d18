package file

import (
	"fmt"
	"io"
	"os"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/format"

	"github.com/flatwatt/flatwatt"
)

// rangeRows bounds the rows of one job; larger row groups are cut. A row decoded takes
// about 40 bytes.
const rangeRows = 1 << 20

// parquetFile is what reading a range of rows needs to know of its file.
type parquetFile struct {
	*loader
	path, name string
	column     [roles]int   // index of the leaf; −1 where there is none
	perSecond  int64        // units of start; 0: start is text, −1: the old 96-bit form
	numeric    [roles]uint8 // parquet.Kind of the leaf
}

// openParquet opens path for reading columns only: no page index, no bloom filters.
func openParquet(path string) (*parquet.File, *os.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	st, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	pf, err := safely(func() (*parquet.File, error) {
		return parquet.OpenFile(f, st.Size(), parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true), parquet.ReadBufferSize(256<<10))
	})
	if err != nil {
		f.Close()
		return nil, nil, fmt.Errorf("%w: %w", errDamaged, err)
	}
	return pf, f, nil
}

// safely turns a panic of the decoder into an error: damaged files must not end the program.
func safely[T any](f func() (T, error)) (v T, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", errDamaged, r)
		}
	}()
	return f()
}

func (f *feeder) feedParquet(path string) error {
	st, err := os.Stat(path)
	if err != nil {
		return err
	}
	p := &parquetFile{loader: f.loader, path: path, name: f.show(path)}
	pf, file, err := openParquet(path)
	if isDamage(err) {
		return f.reject("damaged file", st.Size(), flatwatt.Rejected{Where: p.name,
			Reason: fmt.Sprintf("not a whole parquet file (%v): copy or export it again", err)})
	}
	if err != nil {
		return err
	}
	defer file.Close()
	if field, reason := p.setColumns(pf); reason != "" {
		return f.reject("wrong header", st.Size(), flatwatt.Rejected{Where: p.name, Field: field, Reason: reason})
	}
	first, told, total := int64(0), int64(0), max(pf.NumRows(), 1)
	for g, group := range pf.RowGroups() {
		n := group.NumRows()
		for from := int64(0); from < n; from += rangeRows {
			to, row := min(from+rangeRows, n), first+from
			if n-to < rangeRows/2 { // no small rest
				to = n
			}
			upTo := int64(float64(st.Size()) * (float64(first+to) / float64(total)))
			err := f.send(upTo-told, func(out *piece) { p.parse(out, g, from, to-from, row) })
			if err != nil {
				return err
			}
			told = upTo
			if to == n {
				break
			}
		}
		first += n
	}
	return nil
}

// setColumns finds the columns and checks their types; reason is not empty if the file
// cannot be used.
func (p *parquetFile) setColumns(pf *parquet.File) (field, reason string) {
	for r := range p.column {
		p.column[r] = -1
	}
	for i, path := range pf.Schema().Columns() {
		r := roleOf(path[0])
		if r == roleNone {
			continue
		}
		leaf, _ := pf.Schema().Lookup(path...)
		if len(path) != 1 || leaf.MaxRepetitionLevel > 0 || leaf.MaxDefinitionLevel > 1 {
			return roleNames[r], "the column is nested or repeated: the file is left out; store one plain value a row"
		}
		if p.column[r] >= 0 {
			return roleNames[r], "the column is there twice: the file is left out; remove one"
		}
		p.column[r] = i
		p.numeric[r] = uint8(leaf.Node.Type().Kind())
		if reason := p.checkType(r, leaf.Node.Type()); reason != "" {
			return roleNames[r], reason
		}
	}
	for _, r := range []int{roleMeter, roleStart, roleEnergy} {
		if p.column[r] < 0 {
			return roleNames[r], fmt.Sprintf("there is no column %s: the file is left out; name the columns meter_id, start, energy_kwh [, reactive_kvarh, voltage_v, quality]", roleNames[r])
		}
	}
	return "", ""
}

func (p *parquetFile) checkType(role int, t parquet.Type) (reason string) {
	kind, logical := t.Kind(), t.LogicalType()
	switch role {
	case roleStart:
		var ok bool
		if p.perSecond, ok = unitsPerSecond(t); !ok {
			return fmt.Sprintf("the column has type %v: the file is left out; store a timestamp (milliseconds, microseconds or nanoseconds, UTC) or RFC 3339 text", t)
		}
	case roleMeter:
		if kind != parquet.ByteArray && kind != parquet.Int64 && kind != parquet.Int32 {
			return fmt.Sprintf("the column has type %v: the file is left out; store text or a whole number", t)
		}
	case roleQuality:
		if kind != parquet.ByteArray {
			return fmt.Sprintf("the column has type %v: the file is left out; store text", t)
		}
	default:
		plain := logical == nil
		if logical != nil {
			_, plain = logical.Value.(*format.IntType)
		}
		if !plain || kind != parquet.Double && kind != parquet.Float && kind != parquet.Int64 && kind != parquet.Int32 {
			return fmt.Sprintf("the column has type %v: the file is left out; store a double", t)
		}
	}
	return ""
}

func unitsPerSecond(t parquet.Type) (int64, bool) {
	var stamp *format.TimestampType
	if l := t.LogicalType(); l != nil {
		stamp, _ = l.Value.(*format.TimestampType)
	}
	switch c := t.ConvertedType(); {
	case t.Kind() == parquet.ByteArray:
		return 0, true
	case t.Kind() == parquet.Int96:
		return -1, true
	case t.Kind() != parquet.Int64:
	case stamp != nil:
		return timestampUnits(stamp.Unit), true
	case c != nil && *c == deprecated.TimestampMillis:
		return 1e3, true
	case c != nil && *c == deprecated.TimestampMicros:
		return 1e6, true
	}
	return 0, false
}

func timestampUnits(u format.TimeUnit) int64 {
	switch u.Value.(type) {
	case *format.MilliSeconds:
		return 1e3
	case *format.MicroSeconds:
		return 1e6
	}
	return 1e9
}

// parse takes n rows of a row group; row is the number of the first one in the file.
// A page that cannot be decoded costs this range of rows and no other.
func (p *parquetFile) parse(out *piece, group int, from, n, row int64) {
	pf, file, err := openParquet(p.path)
	if err == nil {
		defer file.Close()
		_, err = safely(func() (struct{}, error) {
			d := &parquetRange{parquetFile: p, piece: out, first: row}
			return struct{}{}, d.read(pf.RowGroups()[group], from, n)
		})
	}
	if err == nil {
		return
	}
	if !isDamage(err) {
		out.err = fmt.Errorf("%s: %w", p.name, err)
		return
	}
	out.rows, out.meter, out.off, out.seen, out.missing = rows{}, nil, nil, 0, 0
	out.rejects = newRejects(p.opt.maxRejects())
	out.rejects.add("damaged file", flatwatt.Rejected{Where: fmt.Sprintf("%s:row %d", p.name, row+1),
		Reason: fmt.Sprintf("rows %d to %d cannot be decoded (%v): copy or export the file again", row+1, row+n, err)})
}

// eachPage calls f with the pages of n rows of a column from row from on.
func eachPage(chunk parquet.ColumnChunk, from, n int64, f func(parquet.Page) error) error {
	pages := chunk.Pages()
	defer pages.Close()
	if from > 0 {
		if err := pages.SeekToRow(from); err != nil {
			return damage(err)
		}
	}
	for n > 0 {
		page, err := pages.ReadPage()
		if err == io.EOF {
			return damage(fmt.Errorf("the column ends %d rows early", n))
		}
		if err != nil {
			return damage(err)
		}
		use := page
		if page.NumRows() > n {
			use = page.Slice(0, n)
		}
		n -= use.NumRows()
		err = f(use)
		parquet.Release(page)
		if err != nil {
			return err
		}
	}
	return nil
}
