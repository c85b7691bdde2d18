// Package sgcc reads the curve tables of State Grid's electricity information
// collection system as they are unloaded to text: E_MP_POWER_CURVE (P1 … P96),
// E_MP_READ_CURVE (R1 …), E_MP_VOL_CURVE (U1 …), E_MP_CUR_CURVE (I1 …) and
// E_MP_FACTOR_CURVE (C1 …), a row per measuring point, day and kind of data; and the
// JSON twin of the power curve from the message queue.
//
// Power is in kW and stands for the interval that begins at its point's time; P1 is
// midnight unless Options.FirstPoint says otherwise, which it does in some provinces.
// Register values are differenced. Transformer ratios are applied by Options.Multiplier
// and the register, since the tables hold secondary values as a rule.
package sgcc

import (
	"bytes"
	"fmt"
	"io"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/formats/format"
)

// china is the zone where nothing says otherwise. It has had no summer time since 1991.
var china = time.FixedZone("UTC+8", 8*3600)

// Format describes the curve tables and their JSON twin.
func Format() format.Format {
	return format.Format{
		Name: "sgcc", Description: "State Grid curve tables (E_MP_POWER_CURVE …), CSV or JSON",
		Extensions: []string{".csv", ".txt", ".json", ".ndjson", ".dat"}, Joins: true,
		Sniff: sniff, Open: open,
	}
}

func sniff(head []byte, name string) int {
	head = bytes.TrimLeft(head, " \t\r\n\ufeff")
	if len(head) == 0 {
		return 0
	}
	if head[0] == '{' || head[0] == '[' {
		has := func(key string) bool { return bytes.Contains(head, []byte(`"`+key+`"`)) }
		if has("density") && has("data") && (has("mpId") || has("id") || has("meter")) {
			return 95
		}
		return 0
	}
	first, _, _ := bytes.Cut(head, []byte("\n"))
	t := newTable(bytes.TrimRight(first, "\r"), &format.Mapping{}, name)
	switch {
	case t == nil || t.fault() != "":
		return 0
	case t.col[colFlag] >= 0 || t.col[colWhole] >= 0 || t.col[colType] >= 0:
		return 97
	}
	return 40 // a wide table of other columns: leave it to csvmap
}

func open(in *format.Input, opt format.Options) (flatwatt.Source, error) {
	if opt.Mapping == nil {
		opt.Mapping = &format.Mapping{}
	}
	unit := format.Unit{Factor: 1, Power: true}
	if opt.Unit != "" {
		var ok bool
		if unit, ok = format.ParseUnit(opt.Unit); !ok || unit.Reactive || unit.Voltage {
			return nil, fmt.Errorf("unit %q is not known for curves: use kW, W, MW, kWh, Wh or MWh", opt.Unit)
		}
	}
	d := &decoder{
		opt: opt, unit: unit, tally: in.Tally, in: in, meters: format.NewMeters(opt, in.Tally),
		zones: map[*time.Location]*format.Zone{},
	}
	zone := opt.Zone
	if zone == nil {
		zone = china
	}
	_, offset := time.Date(2026, 1, 1, 0, 0, 0, 0, zone).Zone()
	d.joiner = format.NewJoiner(opt, int64(offset)-int64(opt.FirstPoint/time.Second))
	return format.NewSource(in, opt, d.step), nil
}

type decoder struct {
	opt    format.Options
	unit   format.Unit
	in     *format.Input
	tally  *format.Tally
	meters *format.Meters
	joiner *format.Joiner
	zones  map[*time.Location]*format.Zone

	started bool
	lines   *format.Lines
	table   *table
	queue   *queue
	drained bool

	fields [][]byte
	value  []float64
}

func (d *decoder) step(o *format.Out) (err error) {
	switch {
	case d.drained:
		if d.joiner.Flush(o) {
			return io.EOF
		}
		return nil
	case !d.started:
		d.started = true
		err = d.start(o)
	case d.queue != nil:
		err = d.messages(o)
	default:
		err = d.rows(o)
	}
	if err == nil {
		d.joiner.Drain(o)
		return nil
	}
	if damage, ok := err.(*format.Damage); ok {
		o.Reject(damage.Line, "", damage.Reason, nil)
		err = io.EOF
	}
	if err == io.EOF {
		return d.next(o)
	}
	d.drained = true
	return err
}

// next goes on to the next table of a zip, which may hold the voltages of the power that
// this one held, or else lets the joiner give out what it holds.
func (d *decoder) next(o *format.Out) error {
	if d.in.Next != nil {
		in, err := d.in.Next()
		if err != nil {
			return err
		}
		if in != nil {
			d.in, d.started, d.table, d.queue, d.lines = in, false, nil, nil, nil
			o.Begin(in.Name)
			d.joiner.Begin(in.Name)
			return nil
		}
	}
	d.drained = true
	return nil
}

// start looks whether the file is a table or its JSON twin, and reads the header.
func (d *decoder) start(o *format.Out) error {
	first, r, err := peekByte(d.in.R)
	if err != nil && err != io.EOF {
		return err
	}
	if first == '{' || first == '[' {
		d.queue = newQueue(r, d.opt.Limits)
		return nil
	}
	d.lines = format.NewLines(r, d.opt.Limits)
	line, err := d.lines.Next()
	if err == io.EOF {
		o.Reject(1, "", "the file is empty: export it again", nil)
		return err
	}
	if err != nil && err != format.ErrLongLine {
		return err
	}
	d.table = newTable(line, d.opt.Mapping, d.in.Name)
	if reason := d.table.fault(); reason != "" {
		o.Reject(1, "header", reason, line)
		return io.EOF
	}
	return nil
}

func (d *decoder) rows(o *format.Out) error {
	for range 64 {
		line, err := d.lines.Next()
		if err == format.ErrLongLine {
			o.Reject(d.lines.Number(), "", d.lines.LongLine(), nil)
			continue
		}
		if err != nil {
			return err
		}
		if len(line) == 0 {
			continue
		}
		var ok bool
		d.fields, ok = format.SplitFields(d.fields[:0], line, d.table.sep)
		if !ok || len(d.fields) < d.table.needed || len(d.fields) < d.table.width && !d.lines.Ended() {
			o.Reject(d.lines.Number(), "", fmt.Sprintf("%d fields where the header has %d: the line is damaged or cut off", len(d.fields), d.table.width), line)
			continue
		}
		d.row(o, line)
	}
	return nil
}

func (d *decoder) row(o *format.Out, line []byte) {
	t := d.table
	c := curve{
		kind: t.kind, line: d.lines.Number(), raw: line,
		id: t.get(d.fields, colMeter), date: t.get(d.fields, colDate),
		dataType: t.get(d.fields, colType), flag: t.get(d.fields, colFlag), whole: t.get(d.fields, colWhole),
		points: d.fields[t.first:min(len(d.fields), t.first+t.count)],
	}
	c.columns = t.count
	d.curve(o, &c)
}
