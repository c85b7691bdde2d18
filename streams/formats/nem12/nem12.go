// Package nem12 reads NEM12 and NEM13, the meter data files of the Australian market,
// as AEMO's Meter Data File Format Specification has them. Dates are market time, which
// is UTC+10 all year; a 300 record holds a day of intervals from midnight.
//
// Of an NMI's channels E is energy to the customer, B from it, Q and K the same of
// reactive energy. What the customer used is E − B. Averages (A, D, J, P) and check
// meters (C, F, L, R) count only where there is no master channel.
package nem12

import (
	"bytes"
	"fmt"
	"io"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/formats/format"
)

// marketOffset is Australian Eastern Standard Time, the time of the market.
const marketOffset = 10 * 3600

// Format describes NEM12 and NEM13.
func Format() format.Format {
	return format.Format{
		Name: "nem12", Description: "NEM12 and NEM13, Australian market (AEMO MDFF)",
		Extensions: []string{".csv", ".nem", ".nem12", ".nem13"},
		Sniff:      sniff, Open: open,
	}
}

func sniff(head []byte, name string) int {
	text := bytes.TrimLeft(head, " \r\n\t\"")
	first, _, _ := bytes.Cut(text, []byte("\n"))
	first = bytes.ToUpper(bytes.ReplaceAll(first, []byte(`"`), nil))
	switch {
	case bytes.HasPrefix(first, []byte("100,NEM1")):
		return 100
	case bytes.HasPrefix(first, []byte("100,")), bytes.HasPrefix(first, []byte("200,")) && bytes.Contains(text, []byte("\n300,")):
		return 90 // without its header: refused with the right reason
	case bytes.HasPrefix(first, []byte("250,")) && bytes.Count(first, []byte(",")) >= 20:
		return 90
	case bytes.Contains(bytes.ToUpper([]byte(name)), []byte("NEM12")), bytes.Contains(bytes.ToUpper([]byte(name)), []byte("NEM13")):
		return 60
	}
	return 0
}

func open(in *format.Input, opt format.Options) (flatwatt.Source, error) {
	if opt.Stamp == format.StampEnd {
		return nil, fmt.Errorf("%s: NEM12 names a day, not interval ends: leave the stamp option out", in.Name)
	}
	d := &decoder{
		lines: format.NewLines(in.R, opt.Limits), tally: in.Tally,
		meters: format.NewMeters(opt, in.Tally), joiner: format.NewJoiner(opt, marketOffset),
	}
	return format.NewSource(in, opt, d.step), nil
}

type decoder struct {
	lines  *format.Lines
	tally  *format.Tally
	meters *format.Meters
	joiner *format.Joiner
	fields [][]byte

	version string // "NEM12" or "NEM13" between 100 and 900
	data    bool   // a 200 or 250 record was seen since the 100
	any     bool   // a 100 record was seen
	drained bool

	channel channel
	day     day
	totals  totals
}

// step handles some lines.
func (d *decoder) step(o *format.Out) error {
	if d.drained {
		if d.joiner.Flush(o) {
			return io.EOF
		}
		return nil
	}
	for range 64 {
		line, err := d.lines.Next()
		if err == format.ErrLongLine {
			o.Reject(d.lines.Number(), "", d.lines.LongLine(), nil)
			d.day.abandon()
			continue
		}
		if err != nil {
			if end := d.end(o, err); end != nil {
				return end
			}
			return nil
		}
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		if fatal := d.record(o, line); fatal != nil {
			d.finish(o)
			d.drained = true
			return nil
		}
	}
	d.joiner.Drain(o)
	return nil
}

// end settles what the end of the file, or of what can be read of it, leaves open.
func (d *decoder) end(o *format.Out, err error) error {
	d.finish(o)
	d.drained = true
	n := max(d.lines.Number(), 1)
	damage, isDamage := err.(*format.Damage)
	switch {
	case isDamage:
		o.Reject(damage.Line, "", damage.Reason, nil)
	case err != io.EOF:
		return err
	case !d.any:
		o.Reject(1, "100", "the file is empty: a 100 record must come first; export it again", nil)
	case d.version != "":
		o.Reject(n, "900", "the file ends without a 900 record, so it may be cut off: export it again; what it holds is kept", nil)
	}
	return nil
}

// finish settles the day, and the totals, that wait for what follows them.
func (d *decoder) finish(o *format.Out) {
	d.closeDay(o)
	d.totals.give(o)
}

// record handles one line; an error says that nothing after it can be understood.
func (d *decoder) record(o *format.Out, line []byte) error {
	var ok bool
	d.fields, ok = format.SplitFields(d.fields[:0], line, ',')
	n := d.lines.Number()
	if !ok {
		o.Reject(n, "", "a quoted field has no end: correct the record", line)
		return nil
	}
	kind := string(bytes.TrimSpace(d.fields[0]))
	if kind != "400" {
		d.closeDay(o)
	}
	if kind == "100" {
		return d.header(o, line)
	}
	if d.version == "" {
		return d.outside(o, kind, line)
	}
	switch kind {
	case "200":
		d.open200(o, line)
	case "300":
		d.open300(o, line)
	case "400":
		d.event(o, line)
	case "250":
		d.accumulated(o, line)
	case "500", "550":
	case "900":
		d.totals.give(o)
		if !d.data {
			o.Reject(n, "900", "the file ends before any data: there is no 200 or 250 record; ask for it again", line)
		}
		d.version, d.channel = "", channel{}
	default:
		o.Reject(n, "RecordIndicator", fmt.Sprintf("record indicator %.20q is none of 100, 200, 250, 300, 400, 500, 550, 900: correct or remove the line", kind), line)
	}
	return nil
}

func (d *decoder) header(o *format.Out, line []byte) error {
	version := ""
	if len(d.fields) > 1 {
		version = string(bytes.ToUpper(bytes.TrimSpace(d.fields[1])))
	}
	if d.version != "" {
		o.Reject(d.lines.Number(), "100", "a second 100 record without a 900 before it: the file before may be cut off; what it holds is kept", line)
		d.totals.give(o)
	}
	if version != "NEM12" && version != "NEM13" {
		o.Reject(d.lines.Number(), "VersionHeader", fmt.Sprintf("version %.20q is neither NEM12 nor NEM13: the file is refused; ask for one of these", version), line)
		return io.ErrUnexpectedEOF
	}
	d.version, d.any, d.data, d.channel = version, true, false, channel{}
	return nil
}

// outside handles a record before a 100 or after a 900.
func (d *decoder) outside(o *format.Out, kind string, line []byte) error {
	if !d.any {
		o.Reject(1, "100", "the file does not begin with a 100 record: without its version and sender it is refused; export it again", line)
		return io.ErrUnexpectedEOF
	}
	o.Reject(d.lines.Number(), "RecordIndicator", fmt.Sprintf("a %.20s record after the 900 record: put a 100 record before it", kind), line)
	return nil
}

// field is the i-th field without surrounding spaces, empty where there is none.
func (d *decoder) field(i int) []byte {
	if i >= len(d.fields) {
		return nil
	}
	return bytes.TrimSpace(d.fields[i])
}

// stamp reads CCYYMMDD, CCYYMMDDhhmm or CCYYMMDDhhmmss of market time.
func stamp(b []byte) (unix int64, ok bool) {
	y, m, day, used := format.Date(b)
	rest := b[min(used, len(b)):]
	if used != 8 || len(rest) != 0 && len(rest) != 4 && len(rest) != 6 {
		return 0, false
	}
	h, mi, s := 0, 0, 0
	if len(rest) >= 4 {
		h, mi = format.Digits(rest[:2]), format.Digits(rest[2:4])
	}
	if len(rest) == 6 {
		s = format.Digits(rest[4:])
	}
	if h < 0 || h > 24 || mi < 0 || mi > 59 || s < 0 || s > 59 {
		return 0, false
	}
	return format.Civil(y, m, day) + int64(h*3600+mi*60+s) - marketOffset, true
}

// quality reads a quality method: a flag and, but for A, N and V, two digits of method.
func quality(b []byte) (q flatwatt.Quality, variable, ok bool) {
	if len(b) == 0 || len(b) > 3 || len(b) == 2 || len(b) == 3 && format.Digits(b[1:]) < 0 {
		return 0, false, false
	}
	switch b[0] &^ 0x20 { // some senders write a, s14
	case 'A':
		return flatwatt.Actual, false, true
	case 'E', 'S':
		return flatwatt.Estimated, false, true
	case 'F':
		return flatwatt.Edited, false, true
	case 'N':
		return format.Missing, false, true
	case 'V':
		return flatwatt.Actual, true, true
	}
	return 0, false, false
}

func (c *channel) seconds() int64 { return int64(c.length / time.Second) }
