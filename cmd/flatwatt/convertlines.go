package main

import (
	"bufio"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/durable"
	"github.com/flatwatt/flatwatt/streams/wire"
)

// csvTotals is CSV with a column for the length of a reading, which may be any.
const csvTotals = "csv with totals"

// A linesOut writes readings as text, a line each. The file appears when Close succeeds.
type linesOut struct {
	path string        // "": standard output
	file *durable.File // nil: standard output
	out  *bufio.Writer
	form string
	line []byte
	err  error // the first; it sticks
}

func (p *Program) newLinesOut(path, form string) (*linesOut, error) {
	l := &linesOut{form: form}
	if path == "-" {
		l.out = bufio.NewWriterSize(p.Stdout, 256<<10)
	} else {
		f, err := durable.Create(path, 0o644)
		if err != nil {
			return nil, fmt.Errorf("write %s: %w", path, err)
		}
		l.path, l.file, l.out = path, f, f.Writer
	}
	switch form {
	case "csv":
		_, l.err = l.out.WriteString("meter_id,start,energy_kwh,reactive_kvarh,voltage_v,quality\n")
	case csvTotals:
		_, l.err = l.out.WriteString("meter_id,start,energy_kwh,reactive_kvarh,voltage_v,quality,length_s\n")
	}
	return l, nil
}

// Write adds one reading.
func (l *linesOut) Write(r flatwatt.Reading) {
	if l.err != nil {
		return
	}
	if l.line, l.err = appendReading(l.line[:0], l.form, r); l.err == nil {
		_, l.err = l.out.Write(l.line)
	}
}

// appendReading appends a reading as a line. The forms of package wire refuse readings that
// the stream would not take, such as those of a day.
func appendReading(b []byte, form string, r flatwatt.Reading) ([]byte, error) {
	switch form {
	case "lineprotocol":
		return wire.AppendBody(b, wire.LineProtocol, []flatwatt.Reading{r})
	case "ndjson":
		b, err := wire.AppendBody(b, wire.JSON, []flatwatt.Reading{r})
		if err != nil {
			return b, err
		}
		b = b[1:] // without the brackets of an array of one
		b[len(b)-1] = '\n'
		return b, nil
	}
	b = append(b, csvText(string(r.Meter))...)
	b = append(b, ',')
	b = r.Start.UTC().AppendFormat(b, time.RFC3339)
	b = strconv.AppendFloat(append(b, ','), float64(r.Energy), 'f', -1, 64)
	for _, v := range []float64{float64(r.Reactive), float64(r.Voltage)} {
		b = append(b, ',')
		if v == v {
			b = strconv.AppendFloat(b, v, 'f', -1, 64)
		}
	}
	b = append(b, ',')
	b = append(b, [...]string{"actual", "estimated", "edited"}[min(r.Quality, flatwatt.Edited)]...)
	if form == csvTotals {
		b = strconv.AppendInt(append(b, ','), int64(r.Length/time.Second), 10)
	}
	return append(b, '\n'), nil
}

// csvText quotes a name where it must be.
func csvText(s string) string {
	if !strings.ContainsAny(s, ",\"\r\n") {
		return s
	}
	return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
}

// Close completes the file.
func (l *linesOut) Close() error {
	if l.file == nil {
		return errors.Join(l.err, l.out.Flush())
	}
	if l.err != nil {
		l.Abort()
	} else {
		l.err = l.file.Commit()
	}
	if l.err != nil {
		return fmt.Errorf("write %s: %w", l.path, l.err)
	}
	return nil
}

// Abort removes what was written.
func (l *linesOut) Abort() {
	if l.file != nil {
		l.file.Abort()
	}
}
