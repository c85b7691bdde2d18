package lineproto

import (
	"bytes"
	"fmt"
	"math"
	"time"

	"github.com/influxdata/line-protocol/v2/lineprotocol"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/formats/format"
)

// keys are what a mapping says of line protocol.
type keys struct {
	measure, meter, energy, export, register, reactive, voltage, quality, unit, precision string
}

func mapped(m *format.Mapping) *keys {
	return &keys{m.Measure, m.Meter, m.Energy, m.Export, m.Register, m.Reactive, m.Voltage, m.Quality, m.Unit, m.Precision}
}

func openMapped(in *format.Input, opt format.Options) (flatwatt.Source, error) {
	k := mapped(opt.Mapping)
	if k.measure == "" {
		k.measure = "reading"
	}
	if k.meter == "" {
		k.meter = "meter"
	}
	if k.energy == "" {
		k.energy = "energy_kwh"
	}
	if k.unit == "" {
		k.unit = opt.Unit
	}
	if k.unit == "" {
		k.unit = "kWh"
	}
	unit, ok := format.ParseUnit(k.unit)
	if !ok || unit.Reactive || unit.Voltage {
		return nil, fmt.Errorf("unit %q is not known: use kWh, Wh, MWh, kW, W or MW", k.unit)
	}
	per, err := precision(k.precision)
	if err != nil {
		return nil, err
	}
	d := &mappedDecoder{lines: format.NewLines(in.R, opt.Limits), opt: opt, keys: k, unit: unit, per: per, tally: in.Tally, meters: format.NewMeters(opt, in.Tally)}
	return format.NewSource(in, opt, d.step), nil
}

type mappedDecoder struct {
	lines  *format.Lines
	opt    format.Options
	keys   *keys
	unit   format.Unit
	per    int64
	tally  *format.Tally
	meters *format.Meters

	buf    []byte
	pieces []piece
	number int64 // of the line being decoded
}

// A piece is one line of the chunk being decoded.
type piece struct {
	number   int64 // of the line
	from, to int   // in buf
}

// step decodes a chunk of lines. Lines with quotes or backslashes, in which the decoder
// may see the end elsewhere, are decoded alone: setting a decoder up costs as much as
// decoding a line.
func (d *mappedDecoder) step(o *format.Out) error {
	for taken := 0; len(d.buf)+taken < chunkBytes; {
		line, err := d.lines.Next()
		if err == format.ErrLongLine {
			o.Reject(d.lines.Number(), "", d.lines.LongLine(), nil)
			continue
		}
		if err != nil {
			d.decode(o)
			return err
		}
		if d.quick(o, line) {
			taken += len(line)
			continue
		}
		if t := bytes.TrimSpace(line); len(t) == 0 || t[0] == '#' {
			continue
		}
		alone := bytes.IndexByte(line, '"') >= 0 || bytes.IndexByte(line, '\\') >= 0 || bytes.IndexByte(line, '\r') >= 0
		if alone {
			d.decode(o)
		}
		from := len(d.buf)
		d.buf = append(append(d.buf, line...), '\n')
		d.pieces = append(d.pieces, piece{d.lines.Number(), from, len(d.buf) - 1})
		if alone {
			d.decode(o)
		}
	}
	d.decode(o)
	return nil
}

// quick takes a plain line at once, behind those that are held; false leaves it.
func (d *mappedDecoder) quick(o *format.Out, line []byte) bool {
	var p point
	skip, other := d.plain(line, &p)
	if other {
		return false
	}
	d.decode(o)
	if skip != "" {
		d.skip(skip)
		return true
	}
	d.number = d.lines.Number()
	if field, reason := d.give(o, &p); reason != "" {
		o.Reject(d.number, field, reason, line)
	}
	return true
}

// decode decodes the lines that are held.
func (d *mappedDecoder) decode(o *format.Out) {
	if len(d.pieces) == 0 {
		return
	}
	dec := lineprotocol.NewDecoderWithBytes(d.buf)
	for _, p := range d.pieces {
		d.number = p.number
		if field, reason := d.line(o, dec); reason != "" {
			o.Reject(p.number, field, reason, d.buf[p.from:p.to])
		}
	}
	d.buf, d.pieces = d.buf[:0], d.pieces[:0]
}

// A point is what one line says, under the names of the mapping.
type point struct {
	m                                           *format.Meter
	energy, export, register, reactive, voltage float64
	quality                                     flatwatt.Quality
	at                                          int64
}

// newPoint is a point of which nothing is known.
func newPoint() point {
	nan := math.NaN()
	return point{energy: nan, register: nan, reactive: nan, voltage: nan}
}

// number is where the number of a field belongs; nil where the mapping does not name it.
func (p *point) number(k *keys, field []byte) *float64 {
	switch string(field) {
	case k.energy:
		return &p.energy
	case k.export:
		return &p.export
	case k.register:
		return &p.register
	case k.reactive:
		return &p.reactive
	case k.voltage:
		return &p.voltage
	}
	return nil
}

func (d *mappedDecoder) line(o *format.Out, dec *lineprotocol.Decoder) (field, reason string) {
	var p point
	skip, field, reason := d.point(dec, &p)
	if reason != "" || skip != "" {
		d.skip(skip)
		return field, reason
	}
	return d.give(o, &p)
}

// skip counts a point of another measurement; "" is none.
func (d *mappedDecoder) skip(measurement string) {
	if measurement != "" {
		d.tally.Skip(fmt.Sprintf("measurement %.40s", measurement), 1)
	}
}

// point is what the decoder says of a line; skip names another measurement.
func (d *mappedDecoder) point(dec *lineprotocol.Decoder, p *point) (skip, field, reason string) {
	if !dec.Next() {
		return "", "", "there is no point on the line: correct or remove it"
	}
	name, err := dec.Measurement()
	if err != nil {
		return "", "measurement", fmt.Sprintf("the line is not line protocol (%v): correct it", cause(err))
	}
	if string(name) != d.keys.measure {
		return string(name), "", ""
	}
	*p = newPoint()
	for {
		key, value, err := dec.NextTag()
		if err != nil {
			return "", "tags", fmt.Sprintf("the tags are not line protocol (%v): correct them", cause(err))
		}
		if key == nil {
			break
		}
		if string(key) == d.keys.meter {
			p.m = d.meters.Get(value)
		}
	}
	field, reason = d.values(dec, p)
	return "", field, reason
}

// values reads the fields and the time.
func (d *mappedDecoder) values(dec *lineprotocol.Decoder, p *point) (field, reason string) {
	k := d.keys
	for {
		key, kind, raw, err := dec.NextFieldBytes()
		if err != nil {
			return "fields", fmt.Sprintf("the fields are not line protocol (%v): correct them", cause(err))
		}
		if key == nil {
			break
		}
		switch string(key) {
		case k.quality:
			if field, reason = d.quality(kind, raw, p); reason != "" {
				return field, reason
			}
			continue
		case k.meter: // some send it as a field
			if kind == lineprotocol.String && p.m == nil {
				p.m = d.meters.Get(raw)
			}
			continue
		}
		to := p.number(k, key)
		if to == nil {
			continue
		}
		var ok bool
		if *to, ok = number(kind, raw); !ok {
			return string(append([]byte(nil), key...)), fmt.Sprintf("value %.40q is not a number: correct it", raw)
		}
	}
	at, err := dec.TimeBytes()
	if err != nil {
		return "time", fmt.Sprintf("the time is not a number (%v): write the start of the interval", cause(err))
	}
	n, ok := integer(at)
	if !ok {
		return "time", "the time is missing: write the start of the interval"
	}
	p.at = n / d.per
	return "", ""
}

// quality reads a field of any kind as a word: 3i is 3.
func (d *mappedDecoder) quality(kind lineprotocol.ValueKind, raw []byte, p *point) (field, reason string) {
	word := string(raw)
	if v, err := lineprotocol.NewValueFromBytes(kind, raw); err == nil {
		word = fmt.Sprint(v.Interface())
	}
	if said, ok := d.opt.Mapping.Qualities[word]; ok {
		word = said
	}
	var ok bool
	if p.quality, ok = format.ParseQuality(word); !ok {
		return d.keys.quality, fmt.Sprintf("quality %.40q is not known: say in the mapping (qualities) what it stands for", word)
	}
	return "", ""
}

func (d *mappedDecoder) give(o *format.Out, p *point) (field, reason string) {
	switch {
	case p.m == nil:
		return d.keys.meter, fmt.Sprintf("there is no tag %.40s: name the meter's tag in the mapping", d.keys.meter)
	case p.m.Fault != "":
		return d.keys.meter, p.m.Fault
	case p.quality == format.Missing:
		d.tally.Missing++
		return "", ""
	}
	r := flatwatt.Reading{
		Meter: p.m.ID, Start: time.Unix(p.at, 0).UTC(), Length: p.m.Interval,
		Reactive: flatwatt.KVArh(p.reactive * p.m.Factor), Voltage: flatwatt.Volt(p.voltage), Quality: p.quality,
	}
	energy := p.energy - p.export
	if d.keys.register != "" {
		if p.register != p.register {
			return d.keys.register, fmt.Sprintf("there is no field %.40s: name the field of the register in the mapping", d.keys.register)
		}
		o.Showed(p.m, format.Channel{Rank: format.RankRegister}, p.at, p.register*d.unit.Factor*p.m.Factor)
		delta, ok, reason := p.m.Register(d.tally, "", p.at, p.register, 0, p.quality == flatwatt.Estimated)
		if !ok {
			return d.keys.register, reason
		}
		length := time.Duration(delta.End-delta.Start) * time.Second
		if r.Length > 0 && length != r.Length {
			d.tally.Gaps++
			return "", ""
		}
		r.Start, r.Length, energy = time.Unix(delta.Start, 0).UTC(), length, delta.Energy
	} else if d.opt.Stamp == format.StampEnd {
		r.Start = r.Start.Add(-r.Length)
	}
	if energy != energy {
		return d.keys.energy, fmt.Sprintf("there is no field %.40s: name the field of the energy in the mapping", d.keys.energy)
	}
	if r.Length <= 0 {
		return "length", "the length of the interval is not known: set the interval by option or in the register"
	}
	r.Energy = flatwatt.KWh(energy * p.m.Factor * d.unit.Scale(int64(r.Length/time.Second)))
	o.Reading(&r, d.number)
	return "", ""
}
