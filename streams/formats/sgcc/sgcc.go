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
	"strings"
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
		Extensions: []string{".csv", ".txt", ".json", ".ndjson", ".dat"},
		Sniff:      sniff, Open: open,
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
		if !ok || len(d.fields) < d.table.needed {
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

// Columns of a table beside the points.
const (
	colMeter = iota
	colDate
	colType
	colFlag
	colWhole
	columns
)

// names lists the names of columns, the best first.
var names = [columns][]string{
	{"MP_ID", "ID", "METER_ID", "MPED_ID", "CONS_NO"}, {"DATA_DATE", "DATE"}, {"DATA_TYPE", "PHASE_FLAG"},
	{"DATA_POINT_FLAG", "POINT_FLAG"}, {"DATA_WHOLE_FLAG", "WHOLE_FLAG"},
}

// A table says where the columns of a curve table are.
type table struct {
	sep                         byte
	col                         [columns]int
	first, count, width, needed int
	kind                        byte // 'P', 'R', 'U', 'I' or 'C': which curve it holds
	meterName                   string
}

func newTable(header []byte, m *format.Mapping, name string) *table {
	t := &table{sep: ',', first: -1, meterName: m.Meter}
	if m.Separator != "" {
		t.sep = m.Separator[0]
	} else {
		for _, c := range []byte("\t|;\x01") {
			if bytes.IndexByte(header, c) >= 0 && bytes.IndexByte(header, ',') < 0 {
				t.sep = c
				break
			}
		}
	}
	fields, _ := format.SplitFields(nil, append([]byte(nil), header...), t.sep)
	t.width = len(fields)
	upper := make([]string, len(fields))
	for i, f := range fields {
		f, _ = format.Repair(f)
		upper[i] = strings.ToUpper(string(f))
	}
	for c := range t.col {
		t.col[c] = -1
		wanted := names[c]
		if c == colMeter && m.Meter != "" {
			wanted = []string{strings.ToUpper(m.Meter)}
		}
		for _, w := range wanted {
			for i, u := range upper {
				if u == w && t.col[c] < 0 {
					t.col[c] = i
				}
			}
		}
	}
	t.points(upper)
	for table, kind := range map[string]byte{"READ_CURVE": 'R', "VOL_CURVE": 'U', "CUR_CURVE": 'I', "FACTOR_CURVE": 'C'} {
		if t.kind == 'P' && strings.Contains(strings.ToUpper(name), table) {
			t.kind = kind
		}
	}
	t.needed = max(t.col[colMeter], t.col[colDate], t.first) + 1
	return t
}

// points finds the run of columns P1, P2 … (or R, U, I, C, F).
func (t *table) points(upper []string) {
	for _, prefix := range []string{"P", "R", "U", "I", "C", "F"} {
		for i, u := range upper {
			if u != prefix+"1" {
				continue
			}
			n := 1
			for i+n < len(upper) && upper[i+n] == fmt.Sprintf("%s%d", prefix, n+1) {
				n++
			}
			if n > t.count {
				t.first, t.count, t.kind = i, n, prefix[0]
			}
		}
	}
	if t.kind == 'F' {
		t.kind = 'C'
	}
}

// fault says why a table cannot be read; empty where it can.
func (t *table) fault() string {
	switch {
	case t.col[colMeter] < 0 && t.meterName != "":
		return fmt.Sprintf("there is no column %.60q for the meter: correct the mapping", t.meterName)
	case t.col[colMeter] < 0:
		return "there is no column ID or MP_ID: name the meter's column in the mapping"
	case t.col[colDate] < 0:
		return "there is no column DATA_DATE: a curve table has one"
	case t.count != 24 && t.count != 48 && t.count != 96 && t.count != 288:
		return fmt.Sprintf("there are %d consecutive columns P1, P2 … where a curve table has 24, 48, 96 or 288", t.count)
	}
	return ""
}

func (t *table) get(fields [][]byte, col int) []byte {
	if i := t.col[col]; i >= 0 && i < len(fields) {
		return fields[i]
	}
	return nil
}
