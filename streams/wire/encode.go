package wire

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/flatwatt/flatwatt"
)

// latestYear is the last whole one whose nanoseconds fit an int64.
const latestYear = 2261

// AppendBody appends readings in the given form to dst, in their order. Decoding gives
// back the same readings, to the bit. It refuses readings that no decoder would take
// because of their meter, start, length, quality or value, and in the batch form those that
// do not start at a full second.
func AppendBody(dst []byte, f Format, readings []flatwatt.Reading) ([]byte, error) {
	for i := range readings {
		if err := sendable(&readings[i], f); err != nil {
			return dst, fmt.Errorf("reading %d of %d: %w", i+1, len(readings), err)
		}
	}
	switch f {
	case JSON:
		return appendJSON(dst, readings), nil
	case LineProtocol:
		return appendLines(dst, readings), nil
	case Batch:
		return appendBatch(dst, readings), nil
	}
	return dst, fmt.Errorf("form %q is not known: use json, lineprotocol or batch", f)
}

// AppendReading appends a body of the batch form that holds r, whatever its values are.
func AppendReading(dst []byte, r flatwatt.Reading) []byte {
	return appendBatch(dst, []flatwatt.Reading{r})
}

func sendable(r *flatwatt.Reading, form Format) error {
	f := checkMeterIDString(r.Meter)
	if f.reason == "" {
		f = checkLength(r.Length)
	}
	if f.reason == "" {
		f = checkValues(float64(r.Energy), float64(r.Reactive), float64(r.Voltage))
	}
	switch {
	case f.reason != "":
		return fmt.Errorf("meter %q: %s", r.Meter, f.reason)
	case r.Quality > flatwatt.Edited:
		return fmt.Errorf("meter %q: quality %d is not known", r.Meter, r.Quality)
	case r.Start.Before(earliest) || r.Start.Year() > latestYear:
		return fmt.Errorf("meter %q: start %v is not between %d and %d", r.Meter, r.Start, earliest.Year(), latestYear)
	case form == LineProtocol && strings.HasSuffix(string(r.Meter), `\`):
		return fmt.Errorf("meter %q: line protocol cannot say a name that ends in a backslash: use another form", r.Meter)
	case form == Batch && r.Start.Nanosecond() != 0:
		return fmt.Errorf("meter %q: start %v is not a full second: use another form", r.Meter, r.Start)
	}
	return nil
}

// checkMeterIDString is checkMeterID without an allocation for plain names.
func checkMeterIDString(id flatwatt.MeterID) fault {
	plain := len(id) > 0 && len(id) <= MaxMeterIDBytes
	for i := range len(id) {
		plain = plain && id[i] >= 0x20 && id[i] < 0x7f
	}
	if plain {
		return fault{}
	}
	return checkMeterID([]byte(id))
}

func appendJSON(b []byte, readings []flatwatt.Reading) []byte {
	b = append(b, '[')
	for i := range readings {
		r := &readings[i]
		if i > 0 {
			b = append(b, ",\n"...)
		}
		b = append(b, `{"meter_id":`...)
		b = appendJSONString(b, string(r.Meter))
		b = append(b, `,"start":"`...)
		b = r.Start.UTC().AppendFormat(b, time.RFC3339Nano)
		b = append(b, `","length_s":`...)
		b = strconv.AppendInt(b, int64(r.Length/time.Second), 10)
		b = appendNumber(b, `,"energy_kwh":`, float64(r.Energy))
		b = appendNumber(b, `,"reactive_kvarh":`, float64(r.Reactive))
		b = appendNumber(b, `,"voltage_v":`, float64(r.Voltage))
		if r.Quality != flatwatt.Actual {
			b = append(b, `,"quality":"`...)
			b = append(b, qualityName(r.Quality)...)
			b = append(b, '"')
		}
		b = append(b, '}')
	}
	return append(b, ']')
}

// appendJSONString quotes s, which holds no control characters.
func appendJSONString(b []byte, s string) []byte {
	b = append(b, '"')
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			b = append(b, '\\')
		}
		b = append(b, s[i])
	}
	return append(b, '"')
}

func appendLines(b []byte, readings []flatwatt.Reading) []byte {
	for i := range readings {
		r := &readings[i]
		b = append(b, "reading,meter="...)
		for j := range len(r.Meter) {
			if c := r.Meter[j]; c == ',' || c == '=' || c == ' ' {
				b = append(b, '\\')
			}
			b = append(b, r.Meter[j])
		}
		b = appendNumber(b, " energy_kwh=", float64(r.Energy))
		b = appendNumber(b, ",reactive_kvarh=", float64(r.Reactive))
		b = appendNumber(b, ",voltage_v=", float64(r.Voltage))
		b = append(b, ",length_s="...)
		b = strconv.AppendInt(b, int64(r.Length/time.Second), 10)
		b = append(b, 'i')
		if r.Quality != flatwatt.Actual {
			b = append(b, `,quality="`...)
			b = append(b, qualityName(r.Quality)...)
			b = append(b, '"')
		}
		b = append(b, ' ')
		b = strconv.AppendInt(b, r.Start.UnixNano(), 10)
		b = append(b, '\n')
	}
	return b
}

// appendNumber appends name and v, or nothing where v is NaN: not metered.
func appendNumber(b []byte, name string, v float64) []byte {
	if math.IsNaN(v) {
		return b
	}
	b = append(b, name...)
	return strconv.AppendFloat(b, v, 'g', -1, 64)
}

// appendBatch groups consecutive readings of one meter into runs.
func appendBatch(b []byte, readings []flatwatt.Reading) []byte {
	if len(readings) == 0 {
		return b
	}
	base := readings[0].Start.Unix()
	b = protowire.AppendTag(b, batchBase, protowire.VarintType)
	b = protowire.AppendVarint(b, protowire.EncodeZigZag(base))
	var body []byte
	for len(readings) > 0 {
		n := runLen(readings)
		body = appendRun(body[:0], readings[:n], base)
		b = protowire.AppendTag(b, batchRuns, protowire.BytesType)
		b = protowire.AppendBytes(b, body)
		readings = readings[n:]
	}
	return b
}

// runLen is how many of the readings fit the first one's run: same meter and length,
// and starts that go up by whole intervals.
func runLen(rs []flatwatt.Reading) int {
	for i := 1; i < len(rs); i++ {
		step := rs[i].Start.Sub(rs[i-1].Start)
		if rs[i].Meter != rs[0].Meter || rs[i].Length != rs[0].Length || rs[0].Length <= 0 ||
			step <= 0 || step%rs[0].Length != 0 || int64(step/rs[0].Length) > math.MaxUint32 {
			return i
		}
	}
	return len(rs)
}

func appendRun(b []byte, rs []flatwatt.Reading, base int64) []byte {
	first := &rs[0]
	b = protowire.AppendTag(b, runMeter, protowire.BytesType)
	b = protowire.AppendString(b, string(first.Meter))
	b = protowire.AppendTag(b, runLength, protowire.VarintType)
	b = protowire.AppendVarint(b, uint64(uint32(first.Length/time.Second)))
	b = protowire.AppendTag(b, runStart, protowire.VarintType)
	b = protowire.AppendVarint(b, protowire.EncodeZigZag(first.Start.Unix()-base))
	b = appendGaps(b, rs)
	b = appendColumn(b, runEnergyU, runEnergy, rs, func(r *flatwatt.Reading) float64 { return float64(r.Energy) })
	if anyOf(rs, func(r *flatwatt.Reading) bool { return r.Reactive == r.Reactive }) {
		b = appendColumn(b, runReactiveU, runReactive, rs, func(r *flatwatt.Reading) float64 { return float64(r.Reactive) })
	}
	if anyOf(rs, func(r *flatwatt.Reading) bool { return r.Voltage == r.Voltage }) {
		b = appendColumn(b, runVoltageU, runVoltage, rs, func(r *flatwatt.Reading) float64 { return float64(r.Voltage) })
	}
	if anyOf(rs, func(r *flatwatt.Reading) bool { return r.Quality != flatwatt.Actual }) {
		b = protowire.AppendTag(b, runQuality, protowire.BytesType)
		size := 0
		for i := range rs {
			size += protowire.SizeVarint(uint64(rs[i].Quality))
		}
		b = protowire.AppendVarint(b, uint64(size))
		for i := range rs {
			b = protowire.AppendVarint(b, uint64(rs[i].Quality))
		}
	}
	return b
}

func anyOf(rs []flatwatt.Reading, is func(*flatwatt.Reading) bool) bool {
	for i := range rs {
		if is(&rs[i]) {
			return true
		}
	}
	return false
}

func appendGaps(b []byte, rs []flatwatt.Reading) []byte {
	gap := func(i int) uint64 { return uint64(rs[i].Start.Sub(rs[i-1].Start)/rs[0].Length) - 1 }
	size, missing := 0, uint64(0)
	for i := 1; i < len(rs); i++ {
		size += protowire.SizeVarint(gap(i))
		missing += gap(i)
	}
	if missing == 0 {
		return b
	}
	b = protowire.AppendTag(b, runGaps, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(size))
	for i := 1; i < len(rs); i++ {
		b = protowire.AppendVarint(b, gap(i))
	}
	return b
}

// appendColumn uses differences of millionths where that loses nothing, else doubles.
func appendColumn(b []byte, micros, doubles protowire.Number, rs []flatwatt.Reading, value func(*flatwatt.Reading) float64) []byte {
	size, last, exact := 0, int64(0), true
	for i := range rs {
		var m int64
		if m, exact = asMicros(value(&rs[i])); !exact {
			break
		}
		size += protowire.SizeVarint(protowire.EncodeZigZag(m - last))
		last = m
	}
	if exact {
		b = protowire.AppendTag(b, micros, protowire.BytesType)
		b = protowire.AppendVarint(b, uint64(size))
		last = 0
		for i := range rs {
			m, _ := asMicros(value(&rs[i]))
			b = protowire.AppendVarint(b, protowire.EncodeZigZag(m-last))
			last = m
		}
		return b
	}
	b = protowire.AppendTag(b, doubles, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(8*len(rs)))
	for i := range rs {
		b = protowire.AppendFixed64(b, math.Float64bits(value(&rs[i])))
	}
	return b
}

// asMicros is v in millionths; exact is false where dividing would not give v back to
// the bit. A decimal of up to six places below 2^53 millionths always does, because
// the division is correctly rounded.
func asMicros(v float64) (m int64, exact bool) {
	if !(math.Abs(v) < 1<<53/microsPerUnit) {
		return 0, false
	}
	m = int64(math.Round(v * microsPerUnit))
	return m, math.Float64bits(float64(m)/microsPerUnit) == math.Float64bits(v)
}
