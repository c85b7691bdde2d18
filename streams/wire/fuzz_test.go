package wire_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/influxdata/line-protocol/v2/lineprotocol"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/wire"
)

// sane is what every decoder promises, whatever it is given.
func sane(t *testing.T, b flatwatt.Batch, body []byte) {
	t.Helper()
	for _, r := range b.Readings {
		if r.Meter == "" || len(r.Meter) > wire.MaxMeterIDBytes || strings.ContainsAny(string(r.Meter), "\x00\n\x7f") {
			t.Errorf("took the meter %q", r.Meter)
		}
		if r.Start.Year() < 2000 || r.Start.After(received.Add(time.Hour+time.Second)) || r.Start.Location() != time.UTC {
			t.Errorf("took the start %v", r.Start)
		}
		if r.Length%(5*time.Minute) != 0 || r.Length <= 0 || r.Length > time.Hour {
			t.Errorf("took the length %v", r.Length)
		}
		if !(math.Abs(float64(r.Energy)) <= wire.MaxEnergyKWh) || math.IsInf(float64(r.Reactive), 0) || r.Voltage < 0 || math.IsInf(float64(r.Voltage), 0) {
			t.Errorf("took the values %v, %v, %v", r.Energy, r.Reactive, r.Voltage)
		}
		if r.Quality > flatwatt.Edited {
			t.Errorf("took the quality %d", r.Quality)
		}
	}
	for _, r := range b.Rejected {
		if strings.Contains(r.Reason, "fault of flatwatt") {
			t.Errorf("panicked: %s", r.Reason)
		}
		if r.Where == "" || r.Reason == "" || len(r.Raw) > flatwatt.MaxRejectedBytes {
			t.Errorf("reject without a place or reason: %+v", r)
		}
	}
	if len(b.Rejected) > wire.MaxRejectsPerMessage+1 {
		t.Errorf("%d rejects", len(b.Rejected))
	}
	if len(body) > 0 && len(b.Readings) > len(body) {
		t.Errorf("%d readings from %d bytes", len(b.Readings), len(body))
	}
}

// FuzzJSON checks the parser against encoding/json: both take the same texts, and see
// the same number of rows.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{
		`{"meter_id":"a","start":"2026-02-01T00:00:00Z","length_s":900,"energy_kwh":0.25}`,
		`[{"meter_id":"a\u00e9","start":"2026-02-01T00:00:00+08:00","interval_minutes":15,"energy_kwh":-1e-3,"quality":"edited","x":[{"y":null},true,"\n"]},{}]`,
		`[]`, ` [ 1 , "a" , null ] `, `[{"energy_kwh":01}]`, `{"a":1,}`, "{\"a\":\"\x01\"}", `{} {}`, `[1]x`, "", "\x00", `"\ud800"`, `[{"meter_id":"a"}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		b := decode(wire.JSON, string(body))
		sane(t, b, body)
		var rows []json.RawMessage
		valid := json.Valid(body)
		if valid && json.Unmarshal(body, &rows) != nil {
			rows = rows[:0]
			rows = append(rows, body) // not an array: one row
		}
		broken := false
		for _, r := range b.Rejected {
			broken = broken || strings.HasPrefix(r.Reason, "not JSON") || strings.HasSuffix(r.Where, "rest")
		}
		deep := strings.Count(string(body), "[")+strings.Count(string(body), "{") > 30
		if !valid && !broken || valid && broken && !deep && len(rows) < wire.MaxRejectsPerMessage {
			t.Errorf("encoding/json says valid: %v; rejected %+v", valid, b.Rejected)
		}
		if got := len(b.Readings) + len(b.Rejected); valid && !broken && got != len(rows) && string(body) != "null" {
			t.Errorf("%d rows became %d", len(rows), got)
		}
	})
}

// FuzzLineProtocol checks the parser against InfluxData's: what is taken here is taken
// there, with the same values.
func FuzzLineProtocol(f *testing.F) {
	for _, s := range []string{
		"reading,meter=a energy_kwh=0.25,length_s=900i 1769904000000000000",
		`reading,meter=a\ b\,c\=d,x=y energy_kwh=1u,length_s=900,quality="edited",note="a\"b, c" 1769904000000000000` + "\r\n# c\n",
		`reading,meter=a\\,x=\y voltage_v=1e2,energy_kwh=-1i,length_s=3600i,ok=true  1769904000000000000 `,
		"reading,meter=a energy_kwh=1,length_s=900i", "reading", ",", "reading,meter=a energy_kwh=0x1p3,length_s=900i 1", "reading,meter=é energy_kwh=.5,length_s=900i 1769904000000000000",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		b := decode(wire.LineProtocol, string(body))
		sane(t, b, body)
		for _, line := range strings.Split(string(body), "\n") {
			for _, r := range decode(wire.LineProtocol, line).Readings {
				sameAsInflux(t, strings.TrimRight(line, "\r"), r)
			}
		}
	})
}

func sameAsInflux(t *testing.T, line string, r flatwatt.Reading) {
	t.Helper()
	d := lineprotocol.NewDecoderWithBytes([]byte(line))
	if !d.Next() {
		t.Fatalf("%q: influx sees no line", line)
	}
	if m, err := d.Measurement(); err != nil || string(m) != "reading" {
		t.Fatalf("%q: measurement %q, %v", line, m, err)
	}
	for {
		key, value, err := d.NextTag()
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if key == nil {
			break
		}
		if string(key) == "meter" && string(value) != string(r.Meter) {
			t.Errorf("%q: meter %q, influx says %q", line, r.Meter, value)
		}
	}
	var energy float64
	for {
		key, value, err := d.NextField()
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if key == nil {
			break
		}
		if string(key) == "energy_kwh" {
			switch v := value.Interface().(type) {
			case float64:
				energy = v
			case int64:
				energy = float64(v)
			case uint64:
				energy = float64(v)
			}
		}
	}
	at, err := d.Time(lineprotocol.Nanosecond, time.Time{})
	if err != nil || !at.Equal(r.Start) || energy != float64(r.Energy) {
		t.Errorf("%q: %v at %v, influx says %v at %v, %v", line, r.Energy, r.Start, energy, at, err)
	}
}

// FuzzBatch checks that what is taken can be sent again and comes back the same.
func FuzzBatch(f *testing.F) {
	at := received.Add(-24 * time.Hour)
	rs := []flatwatt.Reading{
		{Meter: "a", Start: at, Length: time.Hour, Energy: 1, Reactive: flatwatt.KVArh(math.NaN()), Voltage: 230},
		{Meter: "a", Start: at.Add(3 * time.Hour), Length: time.Hour, Energy: 0.1, Reactive: 2, Voltage: 1. / 3, Quality: flatwatt.Edited},
		{Meter: "b", Start: at, Length: 5 * time.Minute, Energy: -1e-7, Reactive: 0, Voltage: 0},
	}
	for i := range rs {
		body, err := wire.AppendBody(nil, wire.Batch, rs[i:])
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
		f.Add(body[:len(body)-2])
	}
	f.Add([]byte{})
	f.Add([]byte("\x12\x07\x0a\x01a\x2a\x02\xff\xff"))
	f.Fuzz(func(t *testing.T, body []byte) {
		b := decode(wire.Batch, string(body))
		sane(t, b, body)
		again, err := wire.AppendBody(nil, wire.Batch, b.Readings)
		if err != nil {
			t.Fatalf("took what cannot be sent: %v", err)
		}
		if got := decode(wire.Batch, string(again)); bits(got.Readings) != bits(b.Readings) {
			t.Errorf("took\n%ssent again, became\n%s%+v", bits(b.Readings), bits(got.Readings), got.Rejected)
		}
	})
}
