package file

import (
	"fmt"
	"io"
	"math"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/durable"
)

// A ReadingsWriter writes one file of readings in the order in which they are given. The
// first error sticks and is returned by Close. The file appears when Close succeeds.
type ReadingsWriter struct {
	file *durable.File
	zip  *gzip.Writer  // nil unless the format is CSVGzip
	pq   *parquetTable // nil unless the format is Parquet
	out  io.Writer
	line cells
	rows int64
	err  error
}

// NewReadingsWriter begins the file path, whose ending should be that of format.
func NewReadingsWriter(path string, format Format) (*ReadingsWriter, error) {
	if _, err := ParseFormat(string(format)); err != nil {
		return nil, err
	}
	f, err := durable.Create(path, fileMode)
	if err != nil {
		return nil, err
	}
	w := &ReadingsWriter{file: f, out: f}
	switch format {
	case Parquet:
		w.pq = newParquetTable(f)
		return w, nil
	case CSVGzip:
		w.zip = gzip.NewWriter(f)
		w.out = w.zip
	}
	w.line.buf = append(w.line.buf, "meter_id,start,energy_kwh,reactive_kvarh,voltage_v,quality\n"...)
	return w, nil
}

// Write adds one reading. Reactive energy and voltage are kept in single precision;
// starts to the second. A reading whose energy is not finite is left out: a missing
// reading has no row.
func (w *ReadingsWriter) Write(r flatwatt.Reading) {
	if w.err != nil || math.IsNaN(float64(r.Energy)) || math.IsInf(float64(r.Energy), 0) {
		return
	}
	w.rows++
	if w.pq != nil {
		w.err = w.pq.add(r)
		return
	}
	c := &w.line
	c.text(string(r.Meter))
	c.sep()
	c.buf = appendTime(c.buf, r.Start)
	c.number(float64(r.Energy))
	c.single(float64(r.Reactive))
	c.single(float64(r.Voltage))
	c.text(qualityName(r.Quality))
	c.end()
	if len(c.buf) >= 64<<10 {
		_, w.err = w.out.Write(c.take())
	}
}

// WriteSeries adds all readings of s that are not missing.
func (w *ReadingsWriter) WriteSeries(s *flatwatt.Series) {
	for i := range s.Energy {
		if r, ok := s.Reading(i); ok {
			w.Write(r)
		}
	}
}

// Rows is the number of readings written so far.
func (w *ReadingsWriter) Rows() int64 { return w.rows }

// Close completes the file and puts it in its place, or removes it after an error.
func (w *ReadingsWriter) Close() error {
	if w.err == nil && w.pq != nil {
		w.err = w.pq.close()
	}
	if w.err == nil && w.pq == nil {
		_, w.err = w.out.Write(w.line.take())
	}
	if w.err == nil && w.zip != nil {
		w.err = w.zip.Close()
	}
	if w.err != nil {
		w.file.Abort()
		return fmt.Errorf("write %s: %w", w.file.Path(), w.err)
	}
	return w.file.Commit()
}

// Abort removes what was written.
func (w *ReadingsWriter) Abort() { w.file.Abort() }

// appendTime is RFC 3339 in UTC to the second, written by hand because it is done for
// every reading.
func appendTime(dst []byte, t time.Time) []byte {
	t = t.UTC()
	y, mo, d := t.Date()
	h, mi, s := t.Clock()
	if y < 0 || y > 9999 {
		return t.AppendFormat(dst, time.RFC3339)
	}
	dst = append2(append2(dst, y/100), y%100)
	dst = append2(append(dst, '-'), int(mo))
	dst = append2(append(dst, '-'), d)
	dst = append2(append(dst, 'T'), h)
	dst = append2(append(dst, ':'), mi)
	dst = append2(append(dst, ':'), s)
	return append(dst, 'Z')
}

func append2(dst []byte, v int) []byte { return append(dst, byte('0'+v/10), byte('0'+v%10)) }
