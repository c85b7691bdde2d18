package wire

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/flatwatt/flatwatt"
)

// Field numbers of wirepb/reading.proto.
const (
	batchBase = 1
	batchRuns = 2

	runMeter      = 1
	runLength     = 2
	runStart      = 3
	runGaps       = 4
	runEnergyU    = 5
	runEnergy     = 6
	runReactiveU  = 7
	runReactive   = 8
	runVoltageU   = 9
	runVoltage    = 10
	runQuality    = 11
	microsPerUnit = 1e6
	maxBatchSec   = 1 << 40 // far past every date, and far from overflow
)

// columns is a run being decoded. The slices are reused.
type columns struct {
	id                        []byte
	length                    uint64
	start                     int64
	gaps, quality             []uint64
	energy, reactive, voltage column
}

// A column holds one value a reading, sent in one of two codings.
type column struct {
	values       []float64
	micros, flat bool  // which codings were met; both is a fault
	last         int64 // of the micros, for the next difference
}

func (c *columns) reset() {
	c.id, c.length, c.start = nil, 0, 0
	c.gaps, c.quality = c.gaps[:0], c.quality[:0]
	for _, col := range []*column{&c.energy, &c.reactive, &c.voltage} {
		*col = column{values: col.values[:0]}
	}
}

// runs decodes a body of the batch form. What is cut short or malformed costs the run
// that it is in; where runs cannot be told apart any more, all the rest.
func (d *Decoder) runs(body []byte) {
	base, err := batchStart(body)
	if err != nil {
		d.reject("", -1, fault{"", "not a batch: " + err.Error()}, body)
		return
	}
	rest := body
	for n := 1; len(rest) > 0; {
		num, typ, k := protowire.ConsumeTag(rest)
		size := protowire.ConsumeFieldValue(num, typ, rest[k:]) // k was checked by batchStart
		if num == batchRuns && typ == protowire.BytesType {
			run, _ := protowire.ConsumeBytes(rest[k:])
			d.run(n, base, run)
			n++
		}
		rest = rest[k+size:]
	}
}

// batchStart checks that body is a well-formed message at its top level and returns
// its base_s, which may stand anywhere. Runs must not be judged before it is known.
func batchStart(body []byte) (base int64, err error) {
	for rest := body; len(rest) > 0; {
		num, typ, n := protowire.ConsumeField(rest)
		if n < 0 {
			return 0, fmt.Errorf("byte %d: %w", len(body)-len(rest), protowire.ParseError(n))
		}
		if num == batchBase && typ == protowire.VarintType {
			_, _, k := protowire.ConsumeTag(rest)
			v, _ := protowire.ConsumeVarint(rest[k:])
			base = protowire.DecodeZigZag(v)
		}
		rest = rest[n:]
	}
	return base, nil
}

func (d *Decoder) run(n int, base int64, run []byte) {
	c := &d.columns
	c.reset()
	if f := c.parse(run); f.reason != "" {
		d.reject("run", n, f, run)
		return
	}
	meter, interval, f := d.meter(c.id)
	if f.reason == "" {
		f = c.check()
	}
	length := interval
	if c.length != 0 {
		length = time.Duration(min(c.length, 1e6)) * time.Second
	}
	if f.reason == "" {
		f = checkLength(length)
	}
	if f.reason != "" {
		d.reject("run", n, f, run)
		return
	}
	d.readings(n, meter, length, clamp(clamp(base)+clamp(c.start)))
}

// readings takes the readings of a run whose columns fit each other.
func (d *Decoder) readings(n int, meter flatwatt.MeterID, length time.Duration, start int64) {
	c, step := &d.columns, int64(length/time.Second)
	r := flatwatt.Reading{Meter: meter, Length: length, Reactive: flatwatt.KVArh(math.NaN()), Voltage: flatwatt.Volt(math.NaN())}
	for i, energy := range c.energy.values {
		if i > 0 {
			start += step
			if len(c.gaps) > 0 {
				start = clamp(start + step*int64(uint32(c.gaps[i-1])))
			}
		}
		r.Energy = flatwatt.KWh(energy)
		if len(c.reactive.values) > 0 {
			r.Reactive = flatwatt.KVArh(c.reactive.values[i])
		}
		if len(c.voltage.values) > 0 {
			r.Voltage = flatwatt.Volt(c.voltage.values[i])
		}
		if len(c.quality) > 0 {
			r.Quality = flatwatt.Quality(min(c.quality[i], math.MaxUint8))
		}
		f := checkValues(energy, float64(r.Reactive), float64(r.Voltage))
		if start < earliest.Unix() || start > d.latestSec {
			f = d.checkStart(start)
		}
		if r.Quality > flatwatt.Edited {
			f = fault{"quality", fmt.Sprintf("quality %d is not known: use 0, 1 or 2", r.Quality)}
		}
		r.Start = time.Unix(start, 0).UTC()
		if f.reason != "" {
			d.reject(fmt.Sprintf("run %d reading", n), i+1, f, AppendReading(nil, r))
			continue
		}
		d.batch.Readings = append(d.batch.Readings, r)
	}
}

func clamp(sec int64) int64 { return max(-maxBatchSec, min(maxBatchSec, sec)) }

// check says whether the columns fit each other.
func (c *columns) check() fault {
	n := len(c.energy.values)
	for _, col := range []struct {
		field string
		column
	}{{"energy", c.energy}, {"reactive", c.reactive}, {"voltage", c.voltage}} {
		if col.micros && col.flat {
			return fault{col.field, col.field + " is sent in both codings: use one of them a run"}
		}
		if got := len(col.values); got != n && got != 0 {
			return fault{col.field, fmt.Sprintf("%d values of %s for %d readings: send one a reading, or none", got, col.field, n)}
		}
	}
	switch {
	case n == 0:
		return fault{"energy", "the run has no energies: leave it out"}
	case len(c.gaps) != 0 && len(c.gaps) != n-1:
		return fault{"gaps", fmt.Sprintf("%d gaps for %d readings: send one before each reading but the first, or none", len(c.gaps), n)}
	case len(c.quality) != 0 && len(c.quality) != n:
		return fault{"quality", fmt.Sprintf("%d qualities for %d readings: send one a reading, or none", len(c.quality), n)}
	}
	return fault{}
}

// parse splits a run into its columns. As protobuf demands, repeated numbers may come
// packed or one by one, and in several pieces.
func (c *columns) parse(run []byte) fault {
	for rest := run; len(rest) > 0; {
		num, typ, k := protowire.ConsumeTag(rest)
		if k < 0 {
			return malformed(run, rest, k)
		}
		rest = rest[k:]
		size := protowire.ConsumeFieldValue(num, typ, rest)
		if size < 0 {
			return malformed(run, rest, size)
		}
		value := rest[:size]
		if typ == protowire.BytesType {
			value, _ = protowire.ConsumeBytes(rest)
		}
		if !c.field(num, typ, value) {
			return malformed(run, rest, -1)
		}
		rest = rest[size:]
	}
	return fault{}
}

func malformed(run, rest []byte, code int) fault {
	return fault{"", fmt.Sprintf("malformed at byte %d of the run: %v: encode it by the published schema", len(run)-len(rest), protowire.ParseError(code))}
}

// field stores one field; false where its value is malformed. A field of an unexpected
// type is an unknown one.
func (c *columns) field(num protowire.Number, typ protowire.Type, v []byte) bool {
	packed := typ == protowire.BytesType
	varint := typ == protowire.VarintType || packed
	fixed := typ == protowire.Fixed64Type || packed
	switch {
	case num == runMeter && packed:
		c.id = v
	case num == runLength && typ == protowire.VarintType:
		c.length, _ = binary.Uvarint(v)
		c.length &= math.MaxUint32
	case num == runStart && typ == protowire.VarintType:
		u, _ := binary.Uvarint(v)
		c.start = protowire.DecodeZigZag(u)
	case num == runGaps && varint:
		return appendVarints(&c.gaps, v)
	case num == runQuality && varint:
		return appendVarints(&c.quality, v)
	case num == runEnergyU && varint:
		return c.energy.appendMicros(v)
	case num == runReactiveU && varint:
		return c.reactive.appendMicros(v)
	case num == runVoltageU && varint:
		return c.voltage.appendMicros(v)
	case num == runEnergy && fixed:
		return c.energy.appendDoubles(v)
	case num == runReactive && fixed:
		return c.reactive.appendDoubles(v)
	case num == runVoltage && fixed:
		return c.voltage.appendDoubles(v)
	}
	return true
}

func appendVarints(dst *[]uint64, b []byte) bool {
	for len(b) > 0 {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			return false
		}
		*dst = append(*dst, v)
		b = b[n:]
	}
	return true
}

// appendMicros adds zigzag varints, each the difference from the one before. A sum that
// overflows wraps; whatever comes of it is a finite number, judged like any other.
func (c *column) appendMicros(b []byte) bool {
	c.micros = c.micros || len(b) > 0
	for len(b) > 0 {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			return false
		}
		c.last += protowire.DecodeZigZag(v)
		c.values = append(c.values, float64(c.last)/microsPerUnit)
		b = b[n:]
	}
	return true
}

func (c *column) appendDoubles(b []byte) bool {
	c.flat = c.flat || len(b) > 0
	for ; len(b) >= 8; b = b[8:] {
		c.values = append(c.values, math.Float64frombits(binary.LittleEndian.Uint64(b)))
	}
	return len(b) == 0
}
