//go:build unix

package formats_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/formats"
	"github.com/flatwatt/flatwatt/streams/formats/formattest"
)

// A days is a file as long as one likes: a head, and a block of text for each day, the
// same but for its dates and times. It costs next to nothing to make.
type days struct {
	head   []byte
	block  []byte
	dates  []int         // where a date stands, as layout has it
	layout string        // of dates
	unix   map[int]int64 // where a time in Unix seconds stands, and that of the first day
	rest   []byte
	day    int
}

var firstDay = time.Date(2026, 1, 15, 0, 0, 0, 0, time.UTC)

// newDays looks for the dates and times of the first day in block. A tilde is taken out
// of it and marks a time in Unix seconds that follows.
func newDays(head, block, layout string) *days {
	d := &days{head: []byte(head), layout: layout, unix: map[int]int64{}}
	for i, part := range strings.Split(block, "~") {
		if i > 0 {
			n, _ := strconv.ParseInt(part[:10], 10, 64)
			d.unix[len(d.block)] = n
		}
		d.block = append(d.block, part...)
	}
	date := []byte(firstDay.Format(layout))
	for at := 0; ; at += len(date) {
		i := bytes.Index(d.block[at:], date)
		if i < 0 {
			break
		}
		at += i
		d.dates = append(d.dates, at)
	}
	d.rest = d.head
	return d
}

func (d *days) Read(b []byte) (int, error) {
	if len(d.rest) == 0 {
		date := firstDay.AddDate(0, 0, d.day%20_000).Format(d.layout)
		for _, at := range d.dates {
			copy(d.block[at:], date)
		}
		for at, sec := range d.unix {
			copy(d.block[at:], strconv.FormatInt(sec+int64(d.day%20_000)*86400, 10))
		}
		d.rest = d.block
		d.day++
	}
	n := copy(b, d.rest)
	d.rest = d.rest[n:]
	return n, nil
}

const bigMeters = 500

// each writes a line for every meter, and for every quarter of an hour of the day if
// quarters says so.
func each(quarters bool, line func(meter int, at time.Time, v float64) string) string {
	var s strings.Builder
	rng := rand.New(rand.NewPCG(1, 2))
	for m := range bigMeters {
		n := 1
		if quarters {
			n = 96
		}
		for i := range n {
			s.WriteString(line(m, firstDay.Add(time.Duration(i)*15*time.Minute), rng.Float64()*5))
		}
	}
	return s.String()
}

func bigFiles(t *testing.T, size int64) map[string]io.Reader {
	rng := rand.New(rand.NewPCG(1, 2))
	return map[string]io.Reader{
		"parquet": &lazyParquet{t: t, size: size},
		"csv": newDays("meter_id,start,energy_kwh\n", each(true, func(m int, at time.Time, v float64) string {
			return fmt.Sprintf("C-%06d,%s,%.3f\n", m, at.Format(time.RFC3339), v)
		}), time.DateOnly),
		"csv_versions": newDays("meter_id,start,energy_kwh,version\n", each(true, func(m int, at time.Time, v float64) string {
			return fmt.Sprintf("C-%06d,%s,%.3f,1\n", m, at.Format(time.RFC3339), v)
		}), time.DateOnly),
		"sgcc": newDays("ID,DATA_DATE,DATA_TYPE,DATA_POINT_FLAG,DATA_WHOLE_FLAG"+formattest.Columns("P", 96)+"\n", each(false, func(m int, at time.Time, _ float64) string {
			return fmt.Sprintf("8000000%08d,%s,1,1,%s%s\n", m, at.Format(time.DateOnly), strings.Repeat("1", 96), points(rng, 96))
		}), time.DateOnly),
		"lineprotocol": newDays("", each(true, func(m int, at time.Time, v float64) string {
			return fmt.Sprintf("reading,meter=C-%06d energy_kwh=%.3f,length_s=900i ~%d000000000\n", m, v, at.Unix())
		}), time.DateOnly),
		"nem12": newDays("100,NEM12,202601010000,MDP,RET\n", each(false, func(m int, at time.Time, _ float64) string {
			return fmt.Sprintf("200,NMI%07d,E1,1,E1,N1,METER,kWh,15,\n300,%s%s,A,,,20260201000000,\n", m, at.Format("20060102"), points(rng, 96))
		}), "20060102"),
		"cmep": newDays("", each(false, func(m int, at time.Time, _ float64) string {
			return fmt.Sprintf("MEPMD01,19970819,UDC,,ESP,,202602010000,M%06d,OK,E,KWH,1,00000015,96,%s0015,R0,0.5%s\n", m, at.Format("20060102"), strings.Repeat(",,R0,0.25", 95))
		}), "20060102"),
		"espi": newDays(espiHead+"</IntervalBlock></content></entry>\n"+each(false, func(m int, _ time.Time, _ float64) string {
			return fmt.Sprintf("<entry><link rel=\"self\" href=\"/UsagePoint/%d/MeterReading/1\"/><link rel=\"related\" href=\"/ReadingType/1\"/><content><MeterReading/></content></entry>\n", m)
		})+"<entry><content><IntervalBlock>\n", each(true, func(m int, at time.Time, v float64) string {
			entry := ""
			if at.Equal(firstDay) {
				entry = fmt.Sprintf("</IntervalBlock></content></entry><entry><link rel=\"self\" href=\"/UsagePoint/%d/MeterReading/1/IntervalBlock/1\"/><content><IntervalBlock>\n", m)
			}
			return fmt.Sprintf("%s<IntervalReading><timePeriod><duration>900</duration><start>~%d</start></timePeriod><value>%.0f</value></IntervalReading>\n", entry, at.Unix(), v*1000)
		}), time.DateOnly),
		"cim": newDays("<MeterReadings xmlns=\"http://iec.ch/TC57/2011/MeterReadings#\">\n", each(true, func(m int, at time.Time, v float64) string {
			from, to := "", ""
			if at.Equal(firstDay) {
				from = fmt.Sprintf("<MeterReading><Meter><mRID>M%d</mRID></Meter><IntervalBlocks>\n", m)
			}
			if at.Hour() == 23 && at.Minute() == 45 {
				to = "<ReadingType ref=\"0.0.2.4.1.1.12.0.0.0.0.0.0.0.0.3.72.0\"/></IntervalBlocks></MeterReading>\n"
			}
			return fmt.Sprintf("%s<IntervalReadings><timeStamp>%s</timeStamp><value>%.3f</value></IntervalReadings>\n%s", from, at.Format(time.RFC3339), v, to)
		}), time.DateOnly),
	}
}

// A lazyParquet makes a Parquet file of a size on disk: the same row group again and again.
type lazyParquet struct {
	io.Reader
	t    *testing.T
	size int64
}

func (p *lazyParquet) make() *os.File {
	p.t.Helper()
	one := parquetFile(p.t, 500, 2000)
	f, err := parquet.OpenFile(bytes.NewReader(one), int64(len(one)))
	if err != nil {
		p.t.Fatal(err)
	}
	meta := f.Metadata()
	footer := 8 + int(binary.LittleEndian.Uint32(one[len(one)-8:]))
	body := one[4 : len(one)-footer]
	group := meta.RowGroups[0]
	if len(meta.RowGroups) != 1 {
		p.t.Fatalf("%d row groups", len(meta.RowGroups))
	}
	meta.RowGroups, meta.NumRows = nil, 0
	out, err := os.Create(filepath.Join(p.t.TempDir(), "big.parquet"))
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { out.Close() })
	w := bufio.NewWriterSize(out, 1<<20)
	_, err = w.WriteString("PAR1")
	for at := int64(0); at < p.size && err == nil; at += int64(len(body)) {
		g := group
		g.Columns = slices.Clone(group.Columns)
		for i := range g.Columns {
			m := &g.Columns[i].MetaData
			if m.DataPageOffset += at; m.DictionaryPageOffset != 0 {
				m.DictionaryPageOffset += at
			}
			g.Columns[i].OffsetIndexOffset, g.Columns[i].OffsetIndexLength, g.Columns[i].ColumnIndexOffset, g.Columns[i].ColumnIndexLength = 0, 0, 0, 0
		}
		meta.RowGroups, meta.NumRows = append(meta.RowGroups, g), meta.NumRows+g.NumRows
		_, err = w.Write(body)
	}
	text, err2 := thrift.Marshal(new(thrift.CompactProtocol), meta)
	_, err3 := w.Write(append(binary.LittleEndian.AppendUint32(text, uint32(len(text))), "PAR1"...))
	if err = errors.Join(err, err2, err3, w.Flush()); err != nil {
		p.t.Fatal(err)
	}
	if _, err := out.Seek(0, io.SeekStart); err != nil {
		p.t.Fatal(err)
	}
	return out
}

// TestBigFiles reads FLATWATT_BIG_MB megabytes of each format that FLATWATT_BIG names (all
// where it names none) and wants the process to stay within 200 MB: `make big`.
func TestBigFiles(t *testing.T) {
	mb, _ := strconv.ParseInt(os.Getenv("FLATWATT_BIG_MB"), 10, 64)
	if mb == 0 {
		t.Skip("reads gigabytes; set FLATWATT_BIG_MB, or run `make big`")
	}
	for name, text := range bigFiles(t, mb<<20) {
		if only := os.Getenv("FLATWATT_BIG"); only != "" && !strings.Contains(" "+only+" ", " "+name+" ") {
			continue
		}
		format, _, _ := strings.Cut(name, "_")
		opt := formats.Options{Format: format}
		if name == "csv_versions" {
			opt.Mapping = &formats.Mapping{Version: "version"}
		}
		if p, ok := text.(*lazyParquet); ok {
			text = p.make()
		} else {
			text = io.LimitReader(text, mb<<20)
		}
		src, info, err := formats.Open("big", text, opt)
		begun := time.Now()
		told := 0
		for err == nil {
			var b flatwatt.Batch
			b, err = src.Read(context.Background())
			for _, r := range b.Rejected[:min(len(b.Rejected), max(0, 3-told))] {
				told++
				t.Logf("%s: %s: %.200s", r.Where, r.Field, r.Reason)
			}
		}
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			t.Fatal(err)
		}
		rss := u.Maxrss >> 10
		t.Logf("%-14s %d MB, %d M readings, %d rejected, %v, at most %d MB resident so far", name, mb, info.Tally.Readings/1e6, info.Tally.Rejected, time.Since(begun).Round(time.Second), rss)
		if err != io.EOF || info.Tally.Rejected > 100 || info.Tally.Readings < mb*1000 || rss > 200 {
			t.Errorf("%s: %v, %+v, %d MB", name, err, *info.Tally, rss)
		}
	}
}
