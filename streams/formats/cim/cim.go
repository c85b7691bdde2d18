// Package cim reads MeterReadings messages of IEC 61968-9, in an envelope or not. What
// values are is said by reading types, names of 18 numbers. A time stamp is the end of
// its interval unless the option says otherwise.
package cim

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/formats/format"
)

// Format describes MeterReadings messages.
func Format() format.Format {
	return format.Format{
		Name: "cim", Description: "CIM MeterReadings (IEC 61968-9) XML",
		Extensions: []string{".xml"},
		Sniff:      sniff, Open: open,
	}
}

func sniff(head []byte, _ string) int {
	head = bytes.TrimLeft(head, " \t\r\n\ufeff")
	switch {
	case len(head) == 0 || head[0] != '<':
		return 0
	case bytes.Contains(head, []byte("MeterReadings")):
		return 95
	case bytes.Contains(head, []byte("<MeterReading")) || bytes.Contains(head, []byte(":MeterReading>")):
		return 60
	}
	return 0
}

func open(in *format.Input, opt format.Options) (flatwatt.Source, error) {
	if opt.Mapping == nil {
		opt.Mapping = &format.Mapping{}
	}
	var offset int
	if opt.Zone != nil {
		_, offset = time.Date(2026, 1, 1, 0, 0, 0, 0, opt.Zone).Zone()
	}
	d := &decoder{
		xml: format.NewXML(in.R, opt.Limits), opt: opt, tally: in.Tally,
		meters: format.NewMeters(opt, in.Tally), joiner: format.NewJoiner(opt, int64(offset)), most: opt.Window,
	}
	if d.most <= 0 {
		d.most = format.DefaultWindow
	}
	return format.NewSource(in, opt, d.step), nil
}

type decoder struct {
	xml     *format.XML
	opt     format.Options
	tally   *format.Tally
	meters  *format.Meters
	joiner  *format.Joiner
	most    int
	drained bool
	seen    bool

	path []string
	text []byte

	// of the MeterReading being read: its meter may be named after its values
	inside    bool
	line      int64
	meter     [2]name // Meter (or EndDevice), UsagePoint
	values    []value
	overflow  int
	block     int // index of the first value of the IntervalBlock being read
	now       value
	blockType string // of the block being read, where it came before the values
	depth     int    // of MeterReading in path
}

type name struct{ id, name string }

type value struct {
	line     int64
	at       string // timeStamp
	from, to string // timePeriod
	number   string
	readType string
	quality  flatwatt.Quality
	interval bool // from an interval block
}

func (d *decoder) step(o *format.Out) error {
	if d.drained {
		if d.joiner.Flush(o) {
			return io.EOF
		}
		return nil
	}
	for range 1024 {
		t, err := d.xml.Next()
		if err != nil {
			return d.end(o, err)
		}
		switch t := t.(type) {
		case xml.StartElement:
			d.begin(t)
		case xml.CharData:
			d.text = append(d.text, t...)
		case xml.EndElement:
			d.close(o, t.Name.Local)
		}
	}
	d.joiner.Drain(o)
	return nil
}

func (d *decoder) end(o *format.Out, err error) error {
	damage, isDamage := err.(*format.Damage)
	if !isDamage && err != io.EOF {
		return err
	}
	d.drained = true
	if isDamage {
		o.Reject(damage.Line, "", damage.Reason, nil)
	} else if !d.seen {
		o.Reject(1, "", "the file is empty: export it again", nil)
	}
	if d.inside { // cut off: what was whole is kept, if the meter was named
		d.give(o)
	}
	return nil
}

func (d *decoder) begin(t xml.StartElement) {
	d.seen = true
	d.path = append(d.path, t.Name.Local)
	d.text = d.text[:0]
	switch t.Name.Local {
	case "MeterReading":
		d.inside, d.line, d.depth = true, d.xml.Line(), len(d.path)
		d.meter, d.values, d.overflow = [2]name{}, d.values[:0], 0
	case "IntervalBlocks", "IntervalBlock":
		d.block, d.blockType = len(d.values), ""
	case "IntervalReadings", "IReadings", "Readings", "IntervalReading", "Reading":
		d.now = value{line: d.xml.Line(), interval: t.Name.Local[0] == 'I'}
	case "ReadingType":
		d.refer(ref(t), 1)
	case "ReadingQualityType":
		d.now.quality = format.Worse(d.now.quality, quality(ref(t)))
	}
}

func ref(t xml.StartElement) string {
	for _, a := range t.Attr {
		if a.Name.Local == "ref" {
			return strings.TrimSpace(a.Value)
		}
	}
	return ""
}

// parent is the name of the element n levels above the one being closed.
func (d *decoder) parent(n int) string {
	if i := len(d.path) - 1 - n; i >= 0 {
		return d.path[i]
	}
	return ""
}

// refer gives the reading type to the reading, or to all of the block, in which the
// element n levels above the one being closed is.
func (d *decoder) refer(readType string, n int) {
	readType = strings.TrimLeft(readType, "#_")
	if readType == "" || !d.inside {
		return
	}
	if p := d.parent(n); p == "IntervalBlocks" || p == "IntervalBlock" {
		for i := min(d.block, len(d.values)); i < len(d.values); i++ {
			d.values[i].readType = readType
		}
		d.blockType = readType
		return
	}
	d.now.readType = readType
}

func (d *decoder) close(o *format.Out, local string) {
	text := strings.TrimSpace(string(d.text))
	d.text = d.text[:0]
	if d.inside {
		d.closeInside(o, local, text)
	}
	if n := len(d.path); n > 0 {
		d.path = d.path[:n-1]
	}
}

func (d *decoder) closeInside(o *format.Out, local, text string) {
	parent := d.parent(1)
	switch {
	case local == "MeterReading" && len(d.path) == d.depth:
		d.give(o)
	case local == "ReadingType" && text != "":
		d.refer(text, 1)
	case local == "ReadingQualityType" && text != "":
		d.now.quality = format.Worse(d.now.quality, quality(text))
	case isReading(local):
		d.keep()
	case local == "timeStamp" && isReading(parent): // a quality has one of its own
		d.now.at = text
	case local == "value" && isReading(parent):
		d.now.number = text
	case parent == "ReadingType" && local == "mRID":
		d.refer(text, 2)
	case parent == "timePeriod" && local == "start":
		d.now.from = text
	case parent == "timePeriod" && local == "end":
		d.now.to = text
	case local == "mRID" || local == "name":
		d.identify(local, text)
	}
}

// isReading says whether an element holds one value; editions of the standard differ.
func isReading(local string) bool {
	switch local {
	case "Readings", "IntervalReadings", "IReadings", "Reading", "IntervalReading":
		return true
	}
	return false
}

// keep files the value just read, with the type that its block named before it.
func (d *decoder) keep() {
	v := d.now
	if v.interval && v.readType == "" {
		v.readType = d.blockType
	}
	if len(d.values) >= d.most {
		d.overflow++
		return
	}
	d.values = append(d.values, v)
}

// give hands over the values of a MeterReading.
func (d *decoder) give(o *format.Out) {
	d.inside = false
	if d.overflow > 0 {
		o.Reject(d.line, "MeterReading", fmt.Sprintf("a MeterReading holds %d values more than the %d that are kept at a time: they are left out; split it by day", d.overflow, d.most), nil)
	}
	m := d.meters.Get([]byte(d.identifier()))
	if m.Fault != "" {
		o.Reject(d.line, "Meter", m.Fault+fmt.Sprintf("; its %d values are left out", len(d.values)), nil)
		return
	}
	for i := range d.values {
		d.one(o, m, i)
	}
}

// quality reads a code such as 3.7.0: system, category, index.
func quality(code string) flatwatt.Quality {
	parts := strings.Split(code, ".")
	if len(parts) != 3 {
		return flatwatt.Actual
	}
	category, err := strconv.Atoi(parts[1])
	index, err2 := strconv.Atoi(parts[2])
	if err != nil || err2 != nil {
		return flatwatt.Actual
	}
	return format.CIMQuality(category, index)
}
