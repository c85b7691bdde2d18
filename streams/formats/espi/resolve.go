package espi

import (
	"fmt"
	"math"
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
		d.points[self] = usagePoint{e.title, e.category}
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
		b.self, b.up, b.updated = d.entry.self, d.entry.up, d.entry.updated
		if !d.take(o, b) {
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
		if d.take(o, b) {
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
	if strings.Contains(b.up, "MeterReading/") {
		return "" // one that is still to come
	}
	return d.lastRead
}

// take gives the values of a block out; false where its type is not known yet.
func (d *decoder) take(o *format.Out, b *block) bool {
	read := d.reading(b)
	link, ok := d.readings[read]
	rt := d.types[link]
	if ok && rt == nil && link == "" && len(d.types) == 1 {
		rt = d.types[d.lastType]
	}
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
	ch, unit, skip := rt.channel(read)
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
		d.one(o, b, &b.values[i], rt, m, ch, unit)
	}
	return true
}

// point finds the usage point of a block and its identifier: the last part of its link.
func (d *decoder) point(b *block, read string) (link, id string) {
	for _, s := range []string{read, b.self, b.up} {
		i := strings.Index(s, "UsagePoint/")
		if i < 0 {
			continue
		}
		id = s[i+len("UsagePoint/"):]
		id, _, _ = strings.Cut(id, "/")
		link = s[:i+len("UsagePoint/")+len(id)]
		break
	}
	if link == "" && len(d.points) == 1 {
		for link = range d.points {
			id = link[strings.LastIndexByte(link, '/')+1:]
		}
	}
	if p := d.points[link]; strings.EqualFold(d.opt.Mapping.Meter, "title") && p.title != "" {
		id = p.title
	}
	return link, id
}

// channel tells what values of this type are; skip says why flatwatt has no use for them.
func (rt *readingType) channel(name string) (ch format.Channel, u format.Unit, skip string) {
	ch.Name = name + " " + rt.flow + " " + rt.phase
	scale := math.Pow(10, float64(rt.power)) / 1000
	switch rt.uom {
	case "72":
		u = format.Unit{Factor: scale}
	case "38":
		u = format.Unit{Factor: scale, Power: true}
	case "73":
		u = format.Unit{Factor: scale, Reactive: true}
	case "63":
		u = format.Unit{Factor: scale, Reactive: true, Power: true}
	case "29":
		u = format.Unit{Factor: scale * 1000, Voltage: true}
	default:
		return ch, u, fmt.Sprintf("unit of measure %.8s", rt.uom)
	}
	reverse := rt.flow == "19"
	switch {
	case rt.commodity != "" && rt.commodity != "0" && rt.commodity != "1" && rt.commodity != "2":
		return ch, u, fmt.Sprintf("commodity %.8s, which is not electricity", rt.commodity)
	case rt.qualifier == "8" || rt.qualifier == "9":
		return ch, u, "maximum or minimum"
	case u.Voltage:
		ch.Quantity = format.Voltage
	case rt.flow != "" && rt.flow != "0" && rt.flow != "1" && rt.flow != "4" && !reverse:
		return ch, u, fmt.Sprintf("flow direction %.8s", rt.flow)
	case u.Reactive && reverse:
		ch.Quantity = format.ReactiveExport
	case u.Reactive:
		ch.Quantity = format.ReactiveImport
	case reverse:
		ch.Quantity = format.Export
	}
	switch rt.phase {
	case "128", "64", "32", "129", "65", "33":
		ch.Rank = 1 // one phase
	}
	return ch, u, ""
}

// one gives out one value.
func (d *decoder) one(o *format.Out, b *block, v *value, rt *readingType, m *format.Meter, ch format.Channel, u format.Unit) {
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
	switch rt.accumulation {
	case "1", "3", "9": // a register: bulk quantity, cumulative, summation
		if u.Power || u.Voltage {
			break
		}
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
