package espi

import (
	"fmt"
	"path"
	"strings"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/formats/format"
)

// closeEntry files what the entry said, by its link.
func (d *decoder) closeEntry(o *format.Out) {
	e := &d.entry
	self := e.self
	if self == "" {
		self = e.id
	}
	if len(d.points)+len(d.readings)+len(d.types) > maxResources {
		o.Reject(e.line, "entry", fmt.Sprintf("the feed describes more than %d resources: split it; this one is left out", maxResources), nil)
		return
	}
	switch e.kind {
	case "UsagePoint":
		d.points[self], d.lastPoint = usagePoint{e.title, e.category}, self
	case "MeterReading":
		d.readings[self], d.lastRead = e.typeLink, self
	case "ReadingType":
		d.types[self], d.lastType = e.rt, self
	case "IntervalBlock":
		d.blocks(o)
		return
	default:
		return
	}
	d.settle(o, false)
}

// blocks takes the blocks of the entry.
func (d *decoder) blocks(o *format.Out) {
	for _, b := range d.entry.blocks {
		b.self, b.up, b.updated, b.after = d.entry.self, d.entry.up, d.entry.updated, d.lastType
		if !d.take(o, b, false) {
			d.waiting = append(d.waiting, b)
		}
	}
	d.entry.blocks, d.block = nil, nil
}

// settle looks again at the blocks whose reading type was not known. last says that
// nothing more will come.
func (d *decoder) settle(o *format.Out, last bool) {
	still := d.waiting[:0]
	for _, b := range d.waiting {
		if d.take(o, b, last) {
			continue
		}
		if last {
			d.held -= len(b.values)
			o.Reject(b.line, "ReadingType", fmt.Sprintf("the feed has no ReadingType for this interval block (%.200s): its unit is not known, and its %d readings are left out; export the whole feed", b.self, len(b.values)), nil)
			continue
		}
		still = append(still, b)
	}
	d.waiting = still
}

// reading finds the meter reading to which a block belongs: the one whose link begins
// the block's, or the only or latest one of a feed without such links.
func (d *decoder) reading(b *block) string {
	for _, link := range []string{b.up, b.self} {
		for link != "" {
			if _, ok := d.readings[link]; ok {
				return link
			}
			i := strings.LastIndexByte(link, '/')
			if i < 0 {
				break
			}
			link = link[:i]
		}
	}
	if strings.Contains(b.up, "MeterReading/") || strings.Contains(b.self, "MeterReading/") {
		return "" // one that is still to come
	}
	return d.lastRead
}

// typeOf finds the reading type of a block's meter reading. In a feed without links it is
// the one that came before the block; where the link leads out of the feed, the only one
// there is.
func (d *decoder) typeOf(b *block, read string, last bool) *readingType {
	link, ok := d.readings[read]
	if rt := d.types[link]; rt != nil {
		return rt
	}
	if !ok && len(d.readings) == 0 || ok && link == "" {
		if rt := d.types[b.after]; rt != nil {
			return rt
		}
	}
	if last && len(d.types) == 1 {
		return d.types[d.lastType]
	}
	return nil
}

// take gives the values of a block out; false where its type is not known yet.
func (d *decoder) take(o *format.Out, b *block, last bool) bool {
	read := d.reading(b)
	rt := d.typeOf(b, read, last)
	if rt == nil {
		return false
	}
	d.held -= len(b.values)
	if b.unreadable {
		o.Reject(b.line, "IntervalBlock", fmt.Sprintf("more than %d readings come before their ReadingType: what goes beyond is left out; split the feed", d.most), nil)
	}
	point, title := d.point(b, read)
	if p, ok := d.points[point]; ok && p.category != "" && p.category != "0" {
		d.tally.Skip("service category "+p.category+", which is not electricity", int64(len(b.values)))
		return true
	}
	ch, unit, skip := rt.Channel()
	ch.Name += " " + read
	register := rt.Register()
	if register && b.deltas() {
		register, ch.Rank = false, ch.Rank-format.RankRegister
		d.tally.Skip("blocks that are declared registers but hold what went through: taken as intervals", 1)
	}
	switch {
	case rt.fault != "":
		o.Reject(b.line, "ReadingType", rt.fault+": the block is left out", nil)
		return true
	case skip != "":
		d.tally.Skip(skip, int64(len(b.values)))
		return true
	}
	m := d.meters.Get([]byte(title))
	if m.Fault != "" {
		o.Reject(b.line, "UsagePoint", m.Fault, nil)
		return true
	}
	for i := range b.values {
		d.one(o, b, &b.values[i], rt, m, ch, unit, register)
	}
	return true
}

// point finds the usage point of a block and its identifier: the last part of its link.
func (d *decoder) point(b *block, read string) (link, id string) {
	for _, s := range []string{b.self, b.up, read} {
		i := strings.Index(s, "UsagePoint/")
		if i < 0 {
			continue
		}
		id = s[i+len("UsagePoint/"):]
		id, _, _ = strings.Cut(id, "/")
		link = s[:i+len("UsagePoint/")+len(id)]
		break
	}
	if link == "" && d.lastPoint != "" { // the only one, or the one that the block follows
		link = d.lastPoint
		id = link[strings.LastIndexByte(link, '/')+1:]
	}
	if p := d.points[link]; strings.EqualFold(d.opt.Mapping.Meter, "title") && p.title != "" {
		id = p.title
	}
	if id == "" { // a file of one customer that names no usage point
		if id = d.feed; id == "" {
			id = strings.TrimSuffix(path.Base(d.name), path.Ext(d.name))
		}
	}
	return link, id
}

// one gives out one value.
func (d *decoder) one(o *format.Out, b *block, v *value, rt *readingType, m *format.Meter, ch format.Channel, u format.Unit, register bool) {
	if v.fault != "" {
		o.Reject(v.line, "IntervalReading", v.fault+": correct it, or leave the reading out", []byte(v.raw))
		return
	}
	if v.length == 0 {
		v.length = rt.length
	}
	if v.start < 0 || v.start > format.LastSecond {
		o.Reject(v.line, "start", fmt.Sprintf("start %d is not a time in Unix seconds before 2100: correct it", v.start), []byte(v.raw))
		return
	}
	if v.quality == format.Missing {
		d.tally.Missing++
		return
	}
	if register {
		o.Showed(m, ch, v.start+v.length, v.v*u.Factor*m.Factor)
		delta, ok, reason := m.Register(d.tally, ch.Name, v.start+v.length, v.v, 0, v.quality == flatwatt.Estimated)
		if reason != "" {
			o.Reject(v.line, "IntervalReading", reason, []byte(v.raw))
		}
		if !ok {
			return
		}
		v.start, v.length, v.v = delta.Start, delta.End-delta.Start, delta.Energy
		if delta.Estimated {
			v.quality = flatwatt.Estimated
		}
	}
	if v.length <= 0 || v.length > 400*86400 {
		o.Reject(v.line, "duration", fmt.Sprintf("an interval of %d s: neither the reading nor its ReadingType gives a sensible length", v.length), []byte(v.raw))
		return
	}
	scale := u.Scale(v.length)
	if !u.Voltage {
		scale *= m.Factor
	}
	one := [1]float64{v.v * scale}
	d.joiner.Add(d.tally, m.ID, ch, &format.Values{Start: v.start, Length: v.length, V: one[:], All: v.quality, Version: b.updated, Line: v.line})
}
