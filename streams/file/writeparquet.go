package file

import (
	"io"
	"math"

	"github.com/parquet-go/parquet-go"

	"github.com/flatwatt/flatwatt"
)

// parquetRow names the columns of a Parquet file of readings and how they are stored.
// Meters come in runs and energies in steps of the register's resolution, so both are
// small dictionaries; starts differ by a constant.
type parquetRow struct {
	Meter    string   `parquet:"meter_id,dict,zstd"`
	Start    int64    `parquet:"start,timestamp(millisecond),delta,zstd"`
	Energy   float64  `parquet:"energy_kwh,dict,zstd"`
	Reactive *float32 `parquet:"reactive_kvarh,optional,dict,zstd"`
	Voltage  *float32 `parquet:"voltage_v,optional,dict,zstd"`
	Quality  string   `parquet:"quality,dict,zstd"`
}

const (
	parquetGroupRows = 1 << 20   // rows of a row group, which is what readers share out
	parquetPageRows  = 1 << 14   // rows handed over at a time
	parquetDictBytes = 512 << 10 // larger dictionaries cost more than they save
)

// parquetTable buffers rows column by column and hands them over in pages.
type parquetTable struct {
	w       *parquet.GenericWriter[parquetRow]
	columns [6][]parquet.Value
	inGroup int
	words   [3]parquet.Value // by flatwatt.Quality
	meter   parquet.Value    // of lastID, which most rows repeat
	lastID  flatwatt.MeterID
}

func newParquetTable(out io.Writer) *parquetTable {
	t := &parquetTable{w: parquet.NewGenericWriter[parquetRow](out,
		parquet.DictionaryMaxBytes(parquetDictBytes), parquet.CreatedBy("flatwatt", "", ""))}
	for q := range t.words {
		t.words[q] = parquet.ByteArrayValue([]byte(qualityName(flatwatt.Quality(q)))).Level(0, 0, 5)
	}
	return t
}

func (t *parquetTable) add(r flatwatt.Reading) error {
	if r.Meter != t.lastID || t.meter.IsNull() {
		t.lastID, t.meter = r.Meter, parquet.ByteArrayValue([]byte(r.Meter)).Level(0, 0, 0)
	}
	c := &t.columns
	c[0] = append(c[0], t.meter)
	c[1] = append(c[1], parquet.Int64Value(r.Start.UnixMilli()).Level(0, 0, 1))
	c[2] = append(c[2], parquet.DoubleValue(float64(r.Energy)).Level(0, 0, 2))
	c[3] = append(c[3], optional(float64(r.Reactive), 3))
	c[4] = append(c[4], optional(float64(r.Voltage), 4))
	c[5] = append(c[5], t.words[min(int(r.Quality), len(t.words)-1)])
	if len(c[0]) < parquetPageRows {
		return nil
	}
	return t.hand()
}

func optional(v float64, column int) parquet.Value {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return parquet.NullValue().Level(0, 0, column)
	}
	return parquet.FloatValue(float32(v)).Level(0, 1, column)
}

// hand gives the buffered rows to the file and ends a row group that is full.
func (t *parquetTable) hand() error {
	t.inGroup += len(t.columns[0])
	for i, w := range t.w.ColumnWriters() {
		if _, err := w.WriteRowValues(t.columns[i]); err != nil {
			return err
		}
		t.columns[i] = t.columns[i][:0]
	}
	if t.inGroup < parquetGroupRows {
		return nil
	}
	t.inGroup = 0
	return t.w.Flush()
}

func (t *parquetTable) close() error {
	if err := t.hand(); err != nil {
		return err
	}
	return t.w.Close()
}
