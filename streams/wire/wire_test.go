package wire_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/wire"
	"github.com/flatwatt/flatwatt/streams/wire/wirepb"
)

var (
	received = time.Date(2026, 2, 1, 12, 0, 0, 0, time.UTC)
	formats  = []wire.Format{wire.JSON, wire.LineProtocol, wire.Batch}
)

func decode(f wire.Format, body string) flatwatt.Batch {
	d := wire.Decoder{Known: known}
	var b flatwatt.Batch
	d.Append(&b, wire.Message{Format: f, Body: []byte(body), Received: received, Where: "S:7"})
	return b
}

// known knows every meter but "stranger"; "quarter" is registered at 15 minutes.
func known(id []byte) (flatwatt.MeterID, time.Duration, bool) {
	var interval time.Duration
	if string(id) == "quarter" {
		interval = 15 * time.Minute
	}
	return flatwatt.MeterID(id), interval, string(id) != "stranger"
}

// randomReadings draws readings in all shapes: runs with gaps, steps back, exact and
// inexact values, metered and not.
func randomReadings(rng *rand.Rand, n int) []flatwatt.Reading {
	rs := make([]flatwatt.Reading, n)
	lengths := []time.Duration{5 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour}
	value := func() float64 {
		switch rng.IntN(4) {
		case 0:
			return rng.NormFloat64() * 1e6
		case 1:
			return math.Copysign(0, -1) // the sign of a zero is kept too
		}
		return math.Round(rng.NormFloat64()*1e6) / 1e6
	}
	r := flatwatt.Reading{Meter: "é,= \"\\", Start: received.Add(-1000 * time.Hour), Length: time.Hour}
	for i := range rs {
		if rng.IntN(6) == 0 {
			r.Meter = flatwatt.MeterID([]string{"a", "b c", "d,e=f", `g\,h"i`, "电表"}[rng.IntN(5)])
			r.Length = lengths[rng.IntN(len(lengths))]
			r.Start = r.Start.Add(-time.Duration(rng.IntN(5)) * time.Second)
		}
		r.Start = r.Start.Add(r.Length * time.Duration(1+rng.IntN(2)*rng.IntN(4)))
		if r.Start.After(received) {
			r.Start = received.Add(-1000 * time.Hour)
		}
		r.Energy, r.Reactive, r.Voltage = flatwatt.KWh(value()), flatwatt.KVArh(value()), flatwatt.Volt(math.Abs(value()))
		r.Quality = flatwatt.Quality(rng.IntN(10) / 8)
		if rng.IntN(3) == 0 {
			r.Reactive = flatwatt.KVArh(math.NaN())
		}
		if rng.IntN(3) > 0 {
			r.Voltage = flatwatt.Volt(math.NaN())
		}
		rs[i] = r
	}
	if n > 0 {
		rs[0].Meter = "first" // a name that line protocol can say
		for i := range rs {
			rs[i].Meter = flatwatt.MeterID(strings.TrimSuffix(string(rs[i].Meter), `\`))
		}
	}
	return rs
}

// What is encoded is decoded to the same bits, in the same order, in every form, with
// and without the header.
func TestRoundTrip(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 500 {
		rs := randomReadings(rng, 1+rng.IntN(60))
		for _, f := range formats {
			body, err := wire.AppendBody(nil, f, rs)
			if err != nil {
				t.Fatal(err)
			}
			for _, header := range []wire.Format{f, ""} {
				b := decode(header, string(body))
				if len(b.Rejected) > 0 || bits(b.Readings) != bits(rs) {
					t.Fatalf("round %d, %s: sent\n%sgot\n%srejected %+v", i, f, bits(rs), bits(b.Readings), b.Rejected)
				}
			}
		}
	}
}

func bits(rs []flatwatt.Reading) string {
	var s strings.Builder
	for _, r := range rs {
		fmt.Fprintf(&s, "%q %s %v %016x %016x %016x %d\n", r.Meter, r.Start.Format(time.RFC3339Nano), r.Length,
			math.Float64bits(float64(r.Energy)), math.Float64bits(float64(r.Reactive)), math.Float64bits(float64(r.Voltage)), r.Quality)
	}
	return s.String()
}

// Each fault names its field and costs its row only: a good row stands on either side.
func TestRowFaults(t *testing.T) {
	j := func(row, field, reason string) {
		t.Helper()
		good := `{"meter_id":"a","start":"2026-02-01T08:00:00+08:00","length_s":900,"energy_kwh":1}`
		oneReject(t, decode(wire.JSON, "["+good+",\n"+row+","+good+"]"), "S:7 row 2", field, reason, row)
	}
	j(`{"start":"2026-02-01T00:00:00Z","length_s":900,"energy_kwh":1}`, "meter_id", "empty or missing")
	j(`{"meter_id":"","start":"2026-02-01T00:00:00Z","length_s":900,"energy_kwh":1}`, "meter_id", "empty or missing")
	j(`{"meter_id":17,"start":"2026-02-01T00:00:00Z","length_s":900,"energy_kwh":1}`, "meter_id", "quotes")
	j(`{"meter_id":"a\u0000","start":"2026-02-01T00:00:00Z","length_s":900,"energy_kwh":1}`, "meter_id", "control character 0x00")
	j(`{"meter_id":"`+strings.Repeat("x", 129)+`","start":"2026-02-01T00:00:00Z","length_s":900,"energy_kwh":1}`, "meter_id", "129 bytes")
	j("{\"meter_id\":\"\xff\",\"start\":\"2026-02-01T00:00:00Z\",\"length_s\":900,\"energy_kwh\":1}", "meter_id", "UTF-8")
	j(`{"meter_id":"stranger","start":"2026-02-01T00:00:00Z","length_s":900,"energy_kwh":1}`, "meter_id", "not registered")
	j(`{"meter_id":"a","length_s":900,"energy_kwh":1}`, "start", "missing")
	j(`{"meter_id":"a","start":"1.2.2026","length_s":900,"energy_kwh":1}`, "start", "RFC 3339")
	j(`{"meter_id":"a","start":"1999-12-31T23:59:59Z","length_s":900,"energy_kwh":1}`, "start", "clock")
	j(`{"meter_id":"a","start":"2026-02-01T13:00:01Z","length_s":900,"energy_kwh":1}`, "start", "after the message was received")
	j(`{"meter_id":"a","start":"2026-02-01T00:00:00Z","energy_kwh":1}`, "length_s", "send length_s")
	j(`{"meter_id":"a","start":"2026-02-01T00:00:00Z","length_s":0,"energy_kwh":1}`, "length_s", "not supported")
	j(`{"meter_id":"a","start":"2026-02-01T00:00:00Z","length_s":-900,"energy_kwh":1}`, "length_s", "not supported")
	j(`{"meter_id":"a","start":"2026-02-01T00:00:00Z","interval_minutes":10,"energy_kwh":1}`, "interval_minutes", "not supported")
	j(`{"meter_id":"a","start":"2026-02-01T00:00:00Z","interval_minutes":15,"length_s":3600,"energy_kwh":1}`, "length_s", "contradict")
	j(`{"meter_id":"a","start":"2026-02-01T00:00:00Z","length_s":900}`, "energy_kwh", "missing")
	j(`{"meter_id":"a","start":"2026-02-01T00:00:00Z","length_s":900,"energy_kwh":null}`, "energy_kwh", "missing")
	j(`{"meter_id":"a","start":"2026-02-01T00:00:00Z","length_s":900,"energy_kwh":"NaN"}`, "energy_kwh", "without quotes")
	j(`{"meter_id":"a","start":"2026-02-01T00:00:00Z","length_s":900,"energy_kwh":1e999}`, "energy_kwh", "out of range")
	j(`{"meter_id":"a","start":"2026-02-01T00:00:00Z","length_s":900,"energy_kwh":-1.1e9}`, "energy_kwh", "meter can read")
	j(`{"meter_id":"a","start":"2026-02-01T00:00:00Z","length_s":900,"energy_kwh":1,"reactive_kvarh":2e9}`, "reactive_kvarh", "meter can read")
	j(`{"meter_id":"a","start":"2026-02-01T00:00:00Z","length_s":900,"energy_kwh":1,"voltage_v":-1}`, "voltage_v", "meter can read")
	j(`{"meter_id":"a","start":"2026-02-01T00:00:00Z","length_s":900,"energy_kwh":1,"quality":"fine"}`, "quality", "actual")
	j(`[1]`, "", "not an object")

	l := func(row, field, reason string) {
		t.Helper()
		good := "reading,meter=a energy_kwh=1,length_s=900i 1769904000000000000\n"
		oneReject(t, decode(wire.LineProtocol, good+row+"\n# comment\n\n"+good), "S:7 line 2", field, reason, row)
	}
	l("reading energy_kwh=1,length_s=900i 1769904000000000000", "meter_id", "missing")
	l("reading,meter=stranger energy_kwh=1,length_s=900i 1769904000000000000", "meter_id", "not registered")
	l("reading,meter=a,meter=b energy_kwh=1,length_s=900i 1769904000000000000", "meter_id", "twice")
	l("load,meter=a energy_kwh=1,length_s=900i 1769904000000000000", "measurement", "not reading")
	l("reading,meter= energy_kwh=1,length_s=900i 1769904000000000000", "tags", "empty")
	l("reading,meter=a", "fields", "no fields")
	l("reading,meter=a x", "fields", "name=value")
	l("reading,meter=a energy_kwh=,length_s=900i 1769904000000000000", "energy_kwh", "not a number")
	l("reading,meter=a energy_kwh=NaN,length_s=900i 1769904000000000000", "energy_kwh", "NaN")
	l("reading,meter=a energy_kwh=+Inf,length_s=900i 1769904000000000000", "energy_kwh", "meter can read")
	l("reading,meter=a energy_kwh=\"1\",length_s=900i 1769904000000000000", "energy_kwh", "without quotes")
	l("reading,meter=a energy_kwh=1,voltage_v=nan,length_s=900i 1769904000000000000", "voltage_v", "NaN")
	l("reading,meter=a energy_kwh=1,length_s=900.5 1769904000000000000", "length_s", "not supported")
	l("reading,meter=a energy_kwh=1,length_s=900i", "time", "missing")
	l("reading,meter=a energy_kwh=1,length_s=900i 2026-02-01", "time", "nanoseconds")
	l("reading,meter=a energy_kwh=1,length_s=900i 1769904000", "start", "clock") // seconds sent for nanoseconds
	l("reading,meter=a energy_kwh=1,length_s=900i,quality=actual 1769904000000000000", "quality", "in quotes")
	l("reading,meter=a\x01 energy_kwh=1,length_s=900i 1769904000000000000", "line", "control character")
	l("reading,meter=a voltage_v=230,length_s=900i 1769904000000000000", "energy_kwh", "missing")
	l("reading,meter=a energy_kwh=1,note=\"x", "fields", "no end")
}

func oneReject(t *testing.T, b flatwatt.Batch, where, field, reason, raw string) {
	t.Helper()
	if len(b.Readings) != 2 || len(b.Rejected) != 1 {
		t.Fatalf("%d readings, want 2; rejected %+v", len(b.Readings), b.Rejected)
	}
	r := b.Rejected[0]
	if r.Where != where || r.Field != field || !strings.Contains(r.Reason, reason) || string(r.Raw) != raw {
		t.Errorf("rejected %+v\nraw %q\nwant %q, field %q, reason with %q", r, r.Raw, where, field, reason)
	}
}

// The limits of a start are exact: the first and the last that are taken.
func TestStartLimits(t *testing.T) {
	for _, start := range []string{"2000-01-01T00:00:00Z", "2026-02-01T13:00:00Z"} {
		if b := decode(wire.JSON, `{"meter_id":"quarter","start":"`+start+`","energy_kwh":1}`); len(b.Readings) != 1 || b.Readings[0].Length != 15*time.Minute {
			t.Errorf("%s: %+v", start, b)
		}
	}
}

func TestBodyFaults(t *testing.T) {
	f := func(format wire.Format, body, field, reason string) {
		t.Helper()
		b := decode(format, body)
		if len(b.Readings) != 0 || len(b.Rejected) != 1 || b.Rejected[0].Field != field || !strings.Contains(b.Rejected[0].Reason, reason) {
			t.Errorf("%s %.30q: %d readings, rejected %+v", format, body, len(b.Readings), b.Rejected)
		}
		if len(b.Rejected[0].Raw) > flatwatt.MaxRejectedBytes {
			t.Errorf("%d bytes are kept", len(b.Rejected[0].Raw))
		}
	}
	f("", "", wire.HeaderFormat, "no known form")
	f("", "<xml>", wire.HeaderFormat, "no known form")
	f("avro", "{}", wire.HeaderFormat, "use json")
	f(wire.JSON, "", "", "want a value")
	f(wire.JSON, `[{"meter_id":`, "", "not JSON from here on")
	f(wire.JSON, strings.Repeat("[", 100), "", "too many levels")
	f(wire.JSON, strings.Repeat(" ", wire.MaxBodyBytes+1), "", "smaller batches")
	f(wire.Batch, "\x12\x05abc", "", "not a batch")
}

// Past MaxRejectsPerMessage the rest is summed up, and counted.
func TestRejectsAreBounded(t *testing.T) {
	for _, n := range []int{wire.MaxRejectsPerMessage, wire.MaxRejectsPerMessage + 5} {
		b := decode(wire.LineProtocol, strings.Repeat("reading x\n", n))
		want := min(n, wire.MaxRejectsPerMessage+1)
		if len(b.Rejected) != want {
			t.Errorf("%d rejects of %d lines, want %d", len(b.Rejected), n, want)
		}
		if last := b.Rejected[len(b.Rejected)-1]; (last.Where == "S:7 rest") != (n > wire.MaxRejectsPerMessage) ||
			n > wire.MaxRejectsPerMessage && !strings.HasPrefix(last.Reason, "5 more") {
			t.Errorf("last of %d: %+v", n, last)
		}
	}
}

// Batches written by generated code, packed or not, are read alike, and the other way round.
func TestBatchIsTheSchema(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		rs := randomReadings(rng, 1+rng.IntN(40))
		body, err := wire.AppendBody(nil, wire.Batch, rs)
		if err != nil {
			t.Fatal(err)
		}
		var m wirepb.Batch
		if err := proto.Unmarshal(body, &m); err != nil {
			t.Fatal(err)
		}
		again, err := proto.Marshal(&m)
		if err != nil {
			t.Fatal(err)
		}
		if b := decode(wire.Batch, string(again)); bits(b.Readings) != bits(rs) {
			t.Fatalf("sent\n%sgot\n%s%+v", bits(rs), bits(b.Readings), b.Rejected)
		}
		if u := m.ProtoReflect().GetUnknown(); len(u) > 0 {
			t.Fatalf("fields %x are not in the schema", u)
		}
	}
}

func TestBatchFaults(t *testing.T) {
	start := received.Add(-24 * time.Hour).Unix()
	good := func() *wirepb.Run {
		return &wirepb.Run{MeterId: "a", LengthS: 900, EnergyUkwh: []int64{1_000_000, 500_000, -250_000}}
	}
	f := func(change func(*wirepb.Run), where, field, reason string, readings int) {
		t.Helper()
		bad := good()
		change(bad)
		body, err := proto.Marshal(&wirepb.Batch{BaseS: start, Runs: []*wirepb.Run{good(), bad, good()}})
		if err != nil {
			t.Fatal(err)
		}
		b := decode(wire.Batch, string(body))
		if len(b.Readings) != 6+readings || len(b.Rejected) != 1 {
			t.Fatalf("%d readings, want %d; rejected %+v", len(b.Readings), 6+readings, b.Rejected)
		}
		if e := b.Readings[2].Energy; e != 1.25 {
			t.Errorf("third energy %v, want 1 + 0.5 − 0.25", e)
		}
		r := b.Rejected[0]
		if r.Where != where || r.Field != field || !strings.Contains(r.Reason, reason) {
			t.Errorf("rejected %+v, want %q, field %q, reason with %q", r, where, field, reason)
		}
	}
	f(func(r *wirepb.Run) { r.MeterId = "stranger" }, "S:7 run 2", "meter_id", "not registered", 0)
	f(func(r *wirepb.Run) { r.LengthS = 901 }, "S:7 run 2", "length_s", "not supported", 0)
	f(func(r *wirepb.Run) { r.LengthS = 0 }, "S:7 run 2", "length_s", "registered", 0)
	f(func(r *wirepb.Run) { r.EnergyKwh = []float64{1, 2, 3} }, "S:7 run 2", "energy", "both codings", 0)
	f(func(r *wirepb.Run) { r.EnergyUkwh = nil }, "S:7 run 2", "energy", "no energies", 0)
	f(func(r *wirepb.Run) { r.VoltageUv = []int64{1} }, "S:7 run 2", "voltage", "1 values of voltage for 3 readings", 0)
	f(func(r *wirepb.Run) { r.ReactiveKvarh = make([]float64, 4) }, "S:7 run 2", "reactive", "4 values", 0)
	f(func(r *wirepb.Run) { r.Gaps = []uint32{1} }, "S:7 run 2", "gaps", "1 gaps", 0)
	f(func(r *wirepb.Run) { r.Quality = []wirepb.Quality{0} }, "S:7 run 2", "quality", "1 qualities", 0)
	f(func(r *wirepb.Run) { r.Quality = []wirepb.Quality{0, 7, 2} }, "S:7 run 2 reading 2", "quality", "0, 1 or 2", 2)
	f(func(r *wirepb.Run) { r.Gaps = []uint32{0, math.MaxUint32} }, "S:7 run 2 reading 3", "start", "clock", 2)
	f(func(r *wirepb.Run) { r.StartS, r.EnergyUkwh = -start, []int64{1} }, "S:7 run 2 reading 1", "start", "1970", 0)
	f(func(r *wirepb.Run) { r.StartS, r.EnergyUkwh = math.MaxInt64, []int64{1} }, "S:7 run 2 reading 1", "start", "clock", 0)
	inf := math.Inf(1)
	f(func(r *wirepb.Run) { r.EnergyUkwh, r.EnergyKwh = nil, []float64{1, math.NaN(), 3} }, "S:7 run 2 reading 2", "energy_kwh", "NaN", 2)
	f(func(r *wirepb.Run) { r.ReactiveKvarh = []float64{math.NaN(), 1, inf} }, "S:7 run 2 reading 3", "reactive_kvarh", "+Inf", 2)
	f(func(r *wirepb.Run) { r.VoltageV = []float64{-inf, math.NaN(), 1} }, "S:7 run 2 reading 1", "voltage_v", "-Inf", 2)
}

func TestUnsendableReadings(t *testing.T) {
	good := flatwatt.Reading{Meter: "a", Start: received, Length: time.Hour, Energy: 1, Reactive: flatwatt.KVArh(math.NaN()), Voltage: flatwatt.Volt(math.NaN())}
	f := func(form wire.Format, change func(*flatwatt.Reading), want string) {
		t.Helper()
		bad := good
		change(&bad)
		body, err := wire.AppendBody([]byte("x"), form, []flatwatt.Reading{good, bad})
		if err == nil || !strings.Contains(err.Error(), "reading 2 of 2") || !strings.Contains(err.Error(), want) || string(body) != "x" {
			t.Errorf("error %v, body %q; want an error with %q", err, body, want)
		}
	}
	f(wire.JSON, func(r *flatwatt.Reading) { r.Meter = "a\n" }, "control character")
	f(wire.JSON, func(r *flatwatt.Reading) { r.Meter = flatwatt.MeterID(strings.Repeat("x", 200)) }, "limit")
	f(wire.JSON, func(r *flatwatt.Reading) { r.Energy = flatwatt.KWh(math.Inf(-1)) }, "energy_kwh")
	f(wire.Batch, func(r *flatwatt.Reading) { r.Start = r.Start.Add(1) }, "full second")
	f(wire.Batch, func(r *flatwatt.Reading) { r.Length = time.Minute }, "not supported")
	f(wire.Batch, func(r *flatwatt.Reading) { r.Quality = 9 }, "quality 9")
	f(wire.Batch, func(r *flatwatt.Reading) { r.Start = time.Time{} }, "not between")
	f(wire.LineProtocol, func(r *flatwatt.Reading) { r.Meter = `a\` }, "backslash")
	if _, err := wire.AppendBody(nil, "avro", nil); err == nil || !strings.Contains(err.Error(), "use json") {
		t.Errorf("error %v", err)
	}
}

func TestKnownMeters(t *testing.T) {
	k := wire.Registered([]flatwatt.Meter{{ID: "a", Interval: time.Hour}})
	if id, l, ok := k([]byte("a")); id != "a" || l != time.Hour || !ok {
		t.Error(id, l, ok)
	}
	if _, _, ok := k([]byte("b")); ok {
		t.Error("b is known")
	}
	k = wire.AnyMeter(time.Hour, 2)
	for _, c := range []struct {
		id string
		ok bool
	}{{"a", true}, {"b", true}, {"c", false}, {"a", true}} {
		if _, _, ok := k([]byte(c.id)); ok != c.ok {
			t.Errorf("%s: known %v past a limit of 2", c.id, ok)
		}
	}
}

// Bytes of a sender that a decoder stumbles over cost their message, not the service.
func TestAPanicRejectsItsMessage(t *testing.T) {
	d := wire.Decoder{Known: func(id []byte) (flatwatt.MeterID, time.Duration, bool) {
		if string(id) == "bad" {
			panic("stumbled")
		}
		return known(id)
	}}
	var b flatwatt.Batch
	for i, meter := range []string{"a", "bad", "c"} {
		body := fmt.Sprintf("reading,meter=%s energy_kwh=1,length_s=900i %d", meter, received.Add(-time.Hour).UnixNano())
		d.Append(&b, wire.Message{Format: wire.LineProtocol, Body: []byte(body), Received: received, Where: fmt.Sprint("S:", i)})
	}
	if len(b.Readings) != 2 || len(b.Rejected) != 1 || b.Rejected[0].Where != "S:1" || !strings.Contains(b.Rejected[0].Reason, "stumbled") {
		t.Errorf("%v, %+v", b.Readings, b.Rejected)
	}
}
