// Package csvmap reads CSV files of many makes: long ones with a reading a row and wide
// ones with a day a row. A mapping says which column means what; what it leaves out is
// found from the names of the columns, where these are usual ones.
package csvmap

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/formats/format"
)

// sampleBytes is how much of a file is looked at to find separators and intervals.
const sampleBytes = 1 << 20

// Format describes CSV with a mapping.
func Format() format.Format {
	return format.Format{
		Name: "csv", Description: "CSV, a reading a row or a day a row, by a mapping or the names of columns",
		Extensions: []string{".csv", ".txt", ".tsv"},
		Sniff:      sniff, Open: open,
	}
}

func sniff(head []byte, _ string) int {
	if len(head) == 0 || bytes.IndexByte(head, 0) >= 0 || head[0] == '<' || head[0] == '{' {
		return 0
	}
	l, err := newLayout(head, format.Options{Mapping: &format.Mapping{}})
	if err != nil || l.fault() != "" {
		return 0
	}
	return 50
}

func open(in *format.Input, opt format.Options) (flatwatt.Source, error) {
	if opt.Mapping == nil {
		opt.Mapping = &format.Mapping{}
	}
	if err := check(opt); err != nil {
		return nil, err
	}
	d := &decoder{opt: opt, in: in, tally: in.Tally, meters: format.NewMeters(opt, in.Tally), zones: map[*time.Location]*format.Zone{}}
	var offset int
	if opt.Zone != nil {
		_, offset = time.Date(2026, 1, 1, 0, 0, 0, 0, opt.Zone).Zone()
	}
	d.joiner = format.NewJoiner(opt, int64(offset))
	return format.NewSource(in, opt, d.step), nil
}

// check refuses mappings that can never work.
func check(opt format.Options) error {
	m := opt.Mapping
	if len(m.Separator) > 1 || len(m.Decimal) > 1 {
		return fmt.Errorf("separator %q or decimal mark %q of the mapping is longer than one character", m.Separator, m.Decimal)
	}
	if m.Layout != "" && m.Layout != "long" && m.Layout != "wide" {
		return fmt.Errorf("layout %q of the mapping is neither long nor wide", m.Layout)
	}
	for word, what := range m.Channels {
		if _, ok := channelWord(what); !ok {
			return fmt.Errorf("channels: %q of the mapping stands for %q, which is none of import, export, reactive, reactive_export, voltage, skip, register, register_export, register_reactive, register_reactive_export", word, what)
		}
	}
	for word, what := range m.Qualities {
		if _, ok := format.ParseQuality(what); !ok {
			return fmt.Errorf("qualities: %q of the mapping stands for %q, which is none of actual, estimated, edited, missing", word, what)
		}
	}
	for _, u := range []string{m.Unit, opt.Unit} {
		if _, ok := format.ParseUnit(u); u != "" && !ok {
			return fmt.Errorf("unit %q is not known: use kWh, Wh, MWh, kW, W or MW", u)
		}
	}
	return nil
}

type decoder struct {
	opt    format.Options
	in     *format.Input
	tally  *format.Tally
	meters *format.Meters
	joiner *format.Joiner
	zones  map[*time.Location]*format.Zone

	layout  *layout
	lines   *format.Lines
	drained bool
	fields  [][]byte
	value   []float64

	lastLoc  *time.Location
	lastZone *format.Zone
}

func (d *decoder) step(o *format.Out) error {
	if d.drained {
		if d.joiner.Flush(o) {
			return io.EOF
		}
		return nil
	}
	var err error
	if d.layout == nil {
		err = d.start(o)
	} else {
		err = d.rows(o)
	}
	if err == nil {
		d.joiner.Drain(o)
		return nil
	}
	d.drained = true
	if damage, ok := err.(*format.Damage); ok {
		o.Reject(damage.Line, "", damage.Reason, nil)
		return nil
	}
	if err == io.EOF {
		return nil
	}
	return err
}

func (d *decoder) start(o *format.Out) error {
	b := bufio.NewReaderSize(d.in.R, sampleBytes)
	head, err := b.Peek(sampleBytes)
	if err != nil && err != io.EOF && len(head) == 0 {
		return err
	}
	var fault error
	d.layout, fault = newLayout(head, d.opt)
	if err != nil && err != io.EOF && (fault != nil || d.layout.fault() != "") {
		return err // the header is at fault because it could not be read whole
	}
	if fault != nil {
		o.Reject(1, "header", fault.Error(), nil)
		return io.EOF
	}
	if reason := d.layout.fault(); reason != "" {
		o.Reject(int64(d.opt.Mapping.SkipLines)+1, "header", reason, firstLine(head))
		return io.EOF
	}
	d.lines = format.NewLines(b, d.opt.Limits)
	for range d.layout.headLines {
		if _, err := d.lines.Next(); err != nil && err != format.ErrLongLine {
			return err
		}
	}
	return nil
}

func firstLine(head []byte) []byte {
	line, _, _ := bytes.Cut(head, []byte("\n"))
	return line
}

func (d *decoder) rows(o *format.Out) error {
	l := d.layout
	for range 256 {
		line, err := d.lines.Next()
		if err == format.ErrLongLine {
			o.Reject(d.lines.Number(), "", d.lines.LongLine(), nil)
			continue
		}
		if err != nil {
			return err
		}
		if len(line) == 0 || len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		var ok bool
		d.fields, ok = format.SplitFields(d.fields[:0], line, l.sep)
		switch {
		case !ok:
			o.Reject(d.lines.Number(), "", "a field in quotes has no end: a field cannot hold a line break; correct the line", line)
		case len(d.fields) != l.width && !l.mayDiffer(d.fields):
			o.Reject(d.lines.Number(), "", fmt.Sprintf("%d fields where the header has %d: is the line cut off, or a decimal comma used?", len(d.fields), l.width), line)
		case l.wide:
			d.day(o, line)
		default:
			d.reading(o, line)
		}
	}
	return nil
}

// zone is where the times without a zone of a meter are told.
func (d *decoder) zone(m *format.Meter) *format.Zone {
	if d.lastZone != nil && m.Zone == d.lastLoc {
		return d.lastZone
	}
	z := d.zones[m.Zone]
	if z == nil {
		z = format.NewZone(m.Zone)
		d.zones[m.Zone] = z
	}
	d.lastLoc, d.lastZone = m.Zone, z
	return z
}

// number reads a value; ok is false for text, and NaN stands for none.
func (d *decoder) number(o *format.Out, b []byte) (v float64, ok bool) {
	if v, ok = format.ParseNumber(b, d.layout.decimal); ok {
		return v, true
	}
	f, _ := format.Repair(b)
	if format.IsNone(f) {
		return math.NaN(), true
	}
	return o.Number(b, d.layout.decimal)
}
