// Package lineproto reads InfluxDB line protocol. Without a mapping the lines are those
// of package wire (measurement "reading", tag meter, field energy_kwh); with one, any
// measurement will do, as Telegraf and others write them.
package lineproto

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/formats/format"
	"github.com/flatwatt/flatwatt/streams/wire"
)

// chunkBytes is how many bytes of lines are decoded at a time.
const chunkBytes = 64 << 10

// Format describes line protocol.
func Format() format.Format {
	return format.Format{
		Name: "lineprotocol", Description: "InfluxDB line protocol, flatwatt's own or any by a mapping",
		Extensions: []string{".lp", ".line", ".influx", ".txt"},
		Sniff:      sniff, Open: open,
	}
}

func sniff(head []byte, _ string) int {
	for len(head) > 0 {
		var line []byte
		line, head, _ = bytes.Cut(head, []byte("\n"))
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		if bytes.HasPrefix(line, []byte("reading,")) && bytes.Contains(line, []byte("energy_kwh=")) {
			return 100
		}
		parts := bytes.Split(line, []byte(" "))
		if len(parts) < 3 || bytes.IndexByte(parts[0], ',') <= 0 || bytes.IndexByte(parts[0], '=') < 0 || bytes.IndexByte(parts[1], '=') <= 0 {
			return 0
		}
		if n, err := strconv.ParseInt(string(parts[len(parts)-1]), 10, 64); err != nil || n < 1e8 {
			return 0
		}
		return 60
	}
	return 0
}

func open(in *format.Input, opt format.Options) (flatwatt.Source, error) {
	if opt.Mapping != nil && *mapped(opt.Mapping) != (keys{}) {
		return openMapped(in, opt)
	}
	d := &decoder{lines: format.NewLines(in.R, opt.Limits), opt: opt, meters: format.NewMeters(opt, in.Tally), name: in.Name}
	d.wire.Known = d.known
	d.wire.MaxBodyBytes = 1 << 30 // what a chunk of lines may hold is bounded here
	return format.NewSource(in, opt, d.step), nil
}

type decoder struct {
	lines  *format.Lines
	opt    format.Options
	meters *format.Meters
	name   string
	wire   wire.Decoder
	buf    []byte
	batch  flatwatt.Batch
	any    bool
	last   *format.Meter
}

func (d *decoder) known(id []byte) (flatwatt.MeterID, time.Duration, bool) {
	m := d.meters.Get(id)
	return m.ID, m.Interval, m.Fault == ""
}

// step decodes a chunk of lines.
func (d *decoder) step(o *format.Out) error {
	first := d.lines.Number() // lines before this chunk
	d.buf = d.buf[:0]
	var end error
	for len(d.buf) < chunkBytes && end == nil {
		line, err := d.lines.Next()
		switch {
		case err == format.ErrLongLine:
			o.Reject(d.lines.Number(), "", d.lines.LongLine(), nil)
			d.buf = append(d.buf, '\n') // so that numbers stay right
		case err != nil:
			end = err
		default:
			d.any = d.any || len(line) > 0
			d.buf = append(append(d.buf, line...), '\n')
		}
	}
	b := &d.batch
	b.Readings, b.Rejected = b.Readings[:0], b.Rejected[:0]
	d.wire.Append(b, wire.Message{Format: wire.LineProtocol, Body: d.buf, Where: d.name})
	for i := range b.Readings {
		r := &b.Readings[i]
		if f := d.factor(r.Meter); f != 1 {
			r.Energy *= flatwatt.KWh(f)
			r.Reactive *= flatwatt.KVArh(f)
		}
		o.Reading(r, first+1)
	}
	for _, r := range b.Rejected {
		n := lineOf(r.Where)
		if n > 0 {
			n += first
		}
		o.Reject(n, r.Field, r.Reason, r.Raw)
	}
	if end == io.EOF && !d.any {
		o.Reject(1, "", "the file is empty: export it again", nil)
	}
	return end
}

// factor is the ratio of a meter's transformers.
func (d *decoder) factor(id flatwatt.MeterID) float64 {
	if d.opt.Register == nil {
		if d.opt.Multiplier != 0 {
			return d.opt.Multiplier
		}
		return 1
	}
	if d.last == nil || d.last.ID != id {
		d.last = d.meters.Get([]byte(id))
	}
	return d.last.Factor
}

// lineOf reads the number at the end of a place such as "file line 17".
func lineOf(where string) int64 {
	i := strings.LastIndex(where, " line ")
	if i < 0 {
		return 0
	}
	n, err := strconv.ParseInt(where[i+len(" line "):], 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// precision is how many units of a time make a second.
func precision(s string) (int64, error) {
	switch s {
	case "", "ns":
		return 1e9, nil
	case "us", "µs":
		return 1e6, nil
	case "ms":
		return 1e3, nil
	case "s":
		return 1, nil
	}
	return 0, fmt.Errorf("precision %q of the mapping is none of ns, us, ms, s", s)
}
