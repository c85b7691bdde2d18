package archive

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"github.com/flatwatt/flatwatt"
)

// Column numbers of a file of readings, in the order of fileRow and plainRow.
const (
	colMeter = iota
	colStart
	colLength
	colEnergy
	colReactive
	colVoltage
	colQuality
	colHead
	numColumns
)

// fileRow says how a file of readings is laid out. Energies come in steps of the
// register's resolution, so they are a small dictionary; where they are not, because they
// were computed, plainRow's byte streams are smaller.
type fileRow struct {
	Meter    string   `parquet:"meter_id,dict"`
	Start    int64    `parquet:"start,timestamp(millisecond),delta"`
	Length   int32    `parquet:"length_s,dict"`
	Energy   float64  `parquet:"energy_kwh,dict"`
	Reactive *float64 `parquet:"reactive_kvarh,optional,dict"`
	Voltage  *float64 `parquet:"voltage_v,optional,dict"`
	Quality  string   `parquet:"quality,dict"`
	Head     *int64   `parquet:"late_at,optional,timestamp(millisecond),dict"`
}

type plainRow struct {
	Meter    string   `parquet:"meter_id,dict"`
	Start    int64    `parquet:"start,timestamp(millisecond),delta"`
	Length   int32    `parquet:"length_s,dict"`
	Energy   float64  `parquet:"energy_kwh,split"`
	Reactive *float64 `parquet:"reactive_kvarh,optional,dict"`
	Voltage  *float64 `parquet:"voltage_v,optional,dict"`
	Quality  string   `parquet:"quality,dict"`
	Head     *int64   `parquet:"late_at,optional,timestamp(millisecond),dict"`
}

const (
	// groupRows bounds a row group: its statistics are what a reader of one meter skips by.
	groupRows = 1 << 17

	// pageBytes bounds a page before encoding: 16,000 rows, so that one meter of a large
	// file costs little.
	pageBytes = 64 << 10

	// handRows are handed to the encoder at a time.
	handRows = 1 << 13

	// distinctShare is the share of distinct energies from which on a dictionary is not
	// worth it: an entry takes 8 bytes.
	distinctShare = 0.25
)

var qualityNames = [...]string{flatwatt.Actual: "actual", flatwatt.Estimated: "estimated", flatwatt.Edited: "edited"}

// encode is the file of r, which is sorted. The same rows give the same bytes.
func encode(r *rows) ([]byte, error) {
	schema := parquet.SchemaOf(fileRow{})
	if distinct(r.energy) > distinctShare {
		schema = parquet.SchemaOf(plainRow{})
	}
	var out bytes.Buffer
	w := parquet.NewGenericWriter[any](&out, schema, parquet.Compression(&zstd.Codec{Level: zstd.SpeedBetterCompression}),
		parquet.CreatedBy("flatwatt", "archive", ""), parquet.PageBufferSize(pageBytes), parquet.DataPageStatistics(true),
		parquet.SortingWriterConfig(parquet.SortingColumns(parquet.Ascending("meter_id"), parquet.Ascending("start"))))
	e := encoder{w: w, rows: r}
	for i := range qualityNames {
		e.words[i] = parquet.ByteArrayValue([]byte(qualityNames[i])).Level(0, 0, colQuality)
	}
	for _, g := range r.runs {
		meter := parquet.ByteArrayValue([]byte(g.meter)).Level(0, 0, colMeter)
		for i := g.from; i < g.to; i++ {
			if err := e.add(meter, i); err != nil {
				return nil, fmt.Errorf("encode readings: %w", err)
			}
		}
	}
	if err := e.hand(); err != nil {
		return nil, fmt.Errorf("encode readings: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("encode readings: %w", err)
	}
	return out.Bytes(), nil
}

// distinct is the share of distinct values in a sample of x.
func distinct(x []float64) float64 {
	const sample = 1 << 16
	seen := map[uint64]struct{}{}
	n := min(len(x), sample)
	for _, v := range x[:n] {
		seen[math.Float64bits(v)] = struct{}{}
	}
	return float64(len(seen)) / float64(max(n, 1))
}

// An encoder hands rows over column by column.
type encoder struct {
	*rows
	w       *parquet.GenericWriter[any]
	columns [numColumns][]parquet.Value
	words   [len(qualityNames)]parquet.Value
	inGroup int
}

func (e *encoder) add(meter parquet.Value, i int) error {
	c := &e.columns
	v := e.row(i)
	c[colMeter] = append(c[colMeter], meter)
	c[colStart] = append(c[colStart], parquet.Int64Value(v.start*1000).Level(0, 0, colStart))
	c[colLength] = append(c[colLength], parquet.Int32Value(v.length).Level(0, 0, colLength))
	c[colEnergy] = append(c[colEnergy], parquet.DoubleValue(v.energy).Level(0, 0, colEnergy))
	c[colReactive] = append(c[colReactive], optional(v.reactive, colReactive))
	c[colVoltage] = append(c[colVoltage], optional(v.voltage, colVoltage))
	c[colQuality] = append(c[colQuality], e.words[min(int(v.quality), len(e.words)-1)])
	head := parquet.NullValue().Level(0, 0, colHead)
	if v.head != 0 {
		head = parquet.Int64Value(v.head*1000).Level(0, 1, colHead)
	}
	c[colHead] = append(c[colHead], head)
	if len(c[colMeter]) < handRows {
		return nil
	}
	return e.hand()
}

func optional(v float64, column int) parquet.Value {
	if v != v {
		return parquet.NullValue().Level(0, 0, column)
	}
	return parquet.DoubleValue(v).Level(0, 1, column)
}

func (e *encoder) hand() error {
	e.inGroup += len(e.columns[colMeter])
	for i, w := range e.w.ColumnWriters() {
		if _, err := w.WriteRowValues(e.columns[i]); err != nil {
			return err
		}
		e.columns[i] = e.columns[i][:0]
	}
	if e.inGroup < groupRows {
		return nil
	}
	e.inGroup = 0
	return e.w.Flush()
}

// describe is the manifest's entry of a file with the bytes given.
func describe(partition int, day flatwatt.Day, r *rows, data []byte) File {
	sum := sha256.Sum256(data)
	f := File{
		Partition: partition, Day: day.String(), Rows: int64(r.len()), Meters: len(r.runs), Bytes: int64(len(data)),
		SHA256: hex.EncodeToString(sum[:]), Content: r.content(), First: math.MaxInt64,
	}
	for i, t := range r.start {
		f.First, f.Last = min(f.First, t), max(f.Last, t+int64(r.length[i]))
	}
	for _, h := range r.head {
		if h != 0 {
			f.Late++
		}
	}
	f.Key = fmt.Sprintf("readings/partition=%04d/day=%s/%s.parquet", partition, f.Day, f.SHA256[:16])
	return f
}
