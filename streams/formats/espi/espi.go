// Package espi reads Green Button data: the Atom feed of NAESB's Energy Services Provider
// Interface (REQ.21), in which entries for usage points, meter readings, reading types
// and interval blocks refer to each other by links. Times are Unix seconds at the start
// of an interval; local time parameters only say how to show them.
package espi

import (
	"bytes"
	"encoding/xml"
	"io"
	"strings"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/formats/format"
)

// Format describes Green Button files.
func Format() format.Format {
	return format.Format{
		Name: "espi", Description: "Green Button (NAESB ESPI) Atom feed",
		Extensions: []string{".xml"},
		Sniff:      sniff, Open: open,
	}
}

func sniff(head []byte, _ string) int {
	head = bytes.TrimLeft(head, " \t\r\n\ufeff")
	switch {
	case len(head) == 0 || head[0] != '<':
		return 0
	case bytes.Contains(head, []byte("naesb.org/espi")):
		return 100
	case bytes.Contains(head, []byte("http://www.w3.org/2005/Atom")):
		return 50
	}
	return 0
}

func open(in *format.Input, opt format.Options) (flatwatt.Source, error) {
	if opt.Mapping == nil {
		opt.Mapping = &format.Mapping{}
	}
	d := &decoder{
		xml: format.NewXML(in.R, opt.Limits), opt: opt, tally: in.Tally, meters: format.NewMeters(opt, in.Tally),
		joiner: format.NewJoiner(opt, offset(opt.Zone)), readings: map[string]string{}, types: map[string]*readingType{},
		points: map[string]usagePoint{}, name: in.Name,
	}
	d.most = opt.Window
	if d.most <= 0 {
		d.most = format.DefaultWindow
	}
	return format.NewSource(in, opt, d.step), nil
}

func offset(zone *time.Location) int64 {
	if zone == nil {
		return 0
	}
	_, off := time.Date(2026, 1, 1, 0, 0, 0, 0, zone).Zone()
	return int64(off)
}

// maxResources bounds the links that are remembered of each kind.
const maxResources = 200_000

type decoder struct {
	xml     *format.XML
	opt     format.Options
	tally   *format.Tally
	meters  *format.Meters
	joiner  *format.Joiner
	most    int // values held for blocks whose reading type has not come yet
	held    int
	drained bool
	seen    bool // an element was seen

	path  []string
	text  []byte
	entry entry
	block *block
	value value

	points   map[string]usagePoint   // by own link
	readings map[string]string       // meter reading's own link: that of its reading type
	types    map[string]*readingType // by own link
	waiting  []*block

	// What was met last, for feeds without links.
	lastRead, lastType, lastPoint string
	name                          string // of the file
	feed                          string // identifier of the feed
}

// An entry is what is known of the Atom entry being read.
type entry struct {
	line               int64
	self, up, typeLink string
	title, id, kind    string
	updated            int64
	category           string
	rt                 *readingType
	blocks             []*block
}

type usagePoint struct {
	title    string
	category string // "0" is electricity, "" not said
}

type block struct {
	line       int64
	self, up   string
	after      string // reading type that came before it
	start      int64
	updated    int64
	values     []value
	unreadable bool
}

type value struct {
	start, length int64
	v             float64
	quality       flatwatt.Quality
	has           bool
	line          int64
	fault         string
	raw           string
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
	d.blocks(o) // of the entry that is cut off, or of a file that has no entries
	d.settle(o, true)
	return nil
}

func (d *decoder) begin(t xml.StartElement) {
	name := t.Name.Local
	d.seen = true
	d.path = append(d.path, name)
	d.text = d.text[:0]
	switch name {
	case "entry":
		d.entry = entry{line: d.xml.Line()}
	case "link":
		d.link(t)
	case "UsagePoint", "MeterReading":
		d.entry.kind = name
	case "ReadingType":
		d.entry.kind, d.entry.rt = name, &readingType{}
	case "IntervalBlock":
		d.entry.kind = name
		d.block = &block{line: d.xml.Line()}
		d.entry.blocks = append(d.entry.blocks, d.block)
	case "IntervalReading":
		d.value = value{line: d.xml.Line()}
	}
}

func (d *decoder) link(t xml.StartElement) {
	rel, href := "", ""
	for _, a := range t.Attr {
		switch a.Name.Local {
		case "rel":
			rel = a.Value
		case "href":
			href = strings.TrimRight(a.Value, "/")
		}
	}
	switch {
	case rel == "self":
		d.entry.self = href
	case rel == "up":
		d.entry.up = href
	case rel == "related" && strings.Contains(href, "ReadingType"):
		d.entry.typeLink = href
	}
}

func (d *decoder) parent() string {
	if n := len(d.path); n >= 2 {
		return d.path[n-2]
	}
	return ""
}

func (d *decoder) close(o *format.Out, name string) {
	text := strings.TrimSpace(string(d.text))
	parent := d.parent()
	switch {
	case name == "entry":
		d.closeEntry(o)
	case parent == "entry":
		d.closeHead(name, text)
	case parent == "feed" && name == "id" && d.feed == "":
		d.feed = text
	case name == "kind" && parent == "ServiceCategory":
		d.entry.category = text
	case parent == "ReadingType" && d.entry.rt != nil:
		d.entry.rt.set(name, text)
	case d.block != nil:
		d.closeBlock(name, parent, text)
	}
	d.text = d.text[:0]
	if n := len(d.path); n > 0 {
		d.path = d.path[:n-1]
	}
}

func (d *decoder) closeHead(name, text string) {
	switch name {
	case "title":
		d.entry.title = text
	case "id":
		d.entry.id = text
	case "updated":
		if t, err := time.Parse(time.RFC3339, text); err == nil {
			d.entry.updated = t.Unix()
		}
	}
}
