package wire_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/wire"
)

// headEnd returns n readings as a head-end sends them: one interval of many meters, or
// days of few.
func headEnd(n, perMeter int) []flatwatt.Reading {
	rs := make([]flatwatt.Reading, n)
	for i := range rs {
		rs[i] = flatwatt.Reading{
			Meter: flatwatt.MeterID(fmt.Sprintf("SP-%07d", i/perMeter)), Length: 15 * time.Minute,
			Start:  received.Add(-48 * time.Hour).Add(time.Duration(i%perMeter) * 15 * time.Minute),
			Energy: flatwatt.KWh(float64(200+i%97) / 1000), Reactive: flatwatt.KVArh(math.NaN()), Voltage: flatwatt.Volt(math.NaN()),
		}
	}
	return rs
}

func register(rs []flatwatt.Reading) wire.Known {
	meters := make([]flatwatt.Meter, len(rs))
	for i, r := range rs {
		meters[i] = flatwatt.Meter{ID: r.Meter, Interval: r.Length}
	}
	return wire.Registered(meters)
}

func TestDecodingDoesNotAllocate(t *testing.T) {
	rs := headEnd(500, 1)
	d := wire.Decoder{Known: register(rs)}
	for _, f := range formats {
		body, err := wire.AppendBody(nil, f, rs)
		if err != nil {
			t.Fatal(err)
		}
		var b flatwatt.Batch
		if n := testing.AllocsPerRun(20, func() {
			b.Readings = b.Readings[:0]
			d.Append(&b, wire.Message{Format: f, Body: body, Received: received})
		}); n > 1 { // the JSON parser itself
			t.Errorf("%s: %v allocations for %d readings", f, n, len(b.Readings))
		}
		if len(b.Readings) != len(rs) {
			t.Errorf("%s: %d readings, rejected %+v", f, len(b.Readings), b.Rejected)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, f := range formats {
		for _, perMeter := range []int{1, 96} {
			b.Run(fmt.Sprintf("%s/per-meter=%d", f, perMeter), func(b *testing.B) {
				rs := headEnd(480, perMeter)
				body, err := wire.AppendBody(nil, f, rs)
				if err != nil {
					b.Fatal(err)
				}
				d := wire.Decoder{Known: register(rs)}
				var batch flatwatt.Batch
				b.ReportAllocs()
				for b.Loop() {
					batch.Readings = batch.Readings[:0]
					d.Append(&batch, wire.Message{Format: f, Body: body, Received: received})
				}
				if len(batch.Readings) != len(rs) {
					b.Fatal(batch.Rejected)
				}
				b.ReportMetric(float64(b.N*len(rs))/b.Elapsed().Seconds(), "readings/s")
				b.ReportMetric(float64(len(body))/float64(len(rs)), "B/reading")
			})
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	for _, f := range formats {
		b.Run(string(f), func(b *testing.B) {
			rs := headEnd(500, 1)
			var body []byte
			b.ReportAllocs()
			for b.Loop() {
				var err error
				if body, err = wire.AppendBody(body[:0], f, rs); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N*len(rs))/b.Elapsed().Seconds(), "readings/s")
		})
	}
}
