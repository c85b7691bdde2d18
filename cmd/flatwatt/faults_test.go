package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	js "github.com/nats-io/nats.go/jetstream"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams"
	"github.com/flatwatt/flatwatt/streams/jetstream"
	"github.com/flatwatt/flatwatt/streams/memory"
	"github.com/flatwatt/flatwatt/streams/natsd"
	"github.com/flatwatt/flatwatt/streams/wire"
)

// A faultBench is a real stream with the real detectors behind it, and scores in memory.
type faultBench struct {
	t      *testing.T
	fleet  *crashFleet
	stream js.JetStream
	pub    *jetstream.Publisher
}

func newFaultBench(t *testing.T, fleet *crashFleet) *faultBench {
	t.Helper()
	_, j := startStream(t, natsd.Options{InProcessOnly: true})
	if _, err := jetstream.EnsureReadings(t.Context(), j, jetstream.Retention{}); err != nil {
		t.Fatal(err)
	}
	if _, err := jetstream.EnsureRejected(t.Context(), j, jetstream.Retention{}); err != nil {
		t.Fatal(err)
	}
	return &faultBench{t: t, fleet: fleet, stream: j, pub: &jetstream.Publisher{JetStream: j, PerMessage: 500}}
}

// publish sends the readings of the fleet in parts, and calls between before each part.
func (b *faultBench) publish(parts int, between func(part int)) {
	b.t.Helper()
	rs := b.fleet.readings
	for i := range parts {
		if between != nil {
			between(i)
		}
		if err := b.pub.Publish(b.t.Context(), "C-1", rs[i*len(rs)/parts:(i+1)*len(rs)/parts]); err != nil {
			b.t.Fatal(err)
		}
	}
	if err := b.pub.Flush(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
}

func (b *faultBench) body(format wire.Format, body []byte) {
	b.t.Helper()
	if err := b.pub.PublishBody(b.t.Context(), "C-1", format, body); err != nil {
		b.t.Fatal(err)
	}
}

// A faultResult is what scoring the whole stream gave.
type faultResult struct {
	scores   []flatwatt.Score
	readings int
	rejected int
	reasons  map[string]int
	peak     uint64 // most heap that lived after a collection, bytes
}

func (b *faultBench) score() faultResult {
	b.t.Helper()
	model, err := loadModel("")
	if err != nil {
		b.t.Fatal(err)
	}
	scorer, err := newScorer(model, b.fleet.meters, b.fleet.meters, nil, aside{})
	if err != nil {
		b.t.Fatal(err)
	}
	stream, err := b.stream.Stream(b.t.Context(), jetstream.ReadingsStream)
	if err != nil {
		b.t.Fatal(err)
	}
	end, err := jetstream.LastSequence(b.t.Context(), stream)
	if err != nil {
		b.t.Fatal(err)
	}
	sink, r := &memory.Sink{}, faultResult{reasons: map[string]int{}}
	messages := 0
	line := streams.Pipeline{
		Open:   jetstream.Source{JetStream: b.stream, Known: wire.Registered(b.fleet.meters), StopAt: end}.Open,
		Scorer: scorer, Sink: sink, Rejects: jetstream.Rejects{JetStream: b.stream}, Checkpoints: &memory.Checkpoints{},
		Hooks: streams.Hooks{Scored: func(batch flatwatt.Batch, _ []flatwatt.Score) {
			r.readings += len(batch.Readings)
			for _, p := range batch.Rejected {
				if p.Reason == "" || p.Where == "" {
					b.t.Errorf("a reject without reason or place: %+v", p)
				}
				r.rejected++
				r.reasons[p.Field]++
			}
			if messages++; messages%500 == 0 {
				r.peak = max(r.peak, heap())
			}
		}},
	}
	if err := line.Run(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
	r.peak = max(r.peak, heap())
	r.scores = sink.Sorted()
	return r
}

func sameScores(t *testing.T, got, want []flatwatt.Score) {
	t.Helper()
	if len(want) == 0 {
		t.Fatal("nothing was scored")
	}
	if len(got) != len(want) {
		t.Fatalf("%d scores, want %d", len(got), len(want))
	}
	for i := range want {
		if g, w := fmt.Sprintf("%+v", got[i]), fmt.Sprintf("%+v", want[i]); g != w {
			t.Fatalf("a score differs:\n%s\n%s", g, w)
		}
	}
}

// TestPoisonChangesNothing mixes messages that cannot be read among good ones: each is
// rejected with its reason, and the scores are those without them.
func TestPoisonChangesNothing(t *testing.T) {
	fleet := newCrashFleet(t)
	calm := newFaultBench(t, fleet)
	calm.publish(50, nil)
	b := newFaultBench(t, fleet)
	rng := rand.New(rand.NewPCG(6, 6))
	good, err := wire.AppendBody(nil, wire.Batch, fleet.readings[:200])
	if err != nil {
		t.Fatal(err)
	}
	sent := map[string]bool{} // the stream keeps the same message once
	b.publish(50, func(int) {
		for range 8 {
			format := []wire.Format{wire.JSON, wire.LineProtocol, wire.Batch, "", "morse"}[rng.IntN(5)]
			var body []byte
			switch rng.IntN(6) {
			case 0: // noise; its first byte may be that of a form
				for range rng.IntN(2000) {
					body = append(body, byte(rng.UintN(256)))
				}
			case 1: // nested without end
				body = []byte(strings.Repeat("[", 100_000))
			case 2: // an array that claims to be enormous: length 2⁶² of packed values
				body = append([]byte{2<<3 | 2}, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f)
			case 3:
				body = []byte(`{"meter_id":"` + strings.Repeat("x", 1<<20) + `","start":"2026-01-01T00:00:00Z","energy_kwh":1}`)
			case 4: // numbers that are none
				body = []byte(`[{"meter_id":"` + string(fleet.meters[0].ID) + `","start":"2026-01-01T00:00:00Z","energy_kwh":1e999},{"meter_id":1},null,[],{}]`)
			default: // a good one, cut; what is whole of it must not count
				body, format = append([]byte(nil), good[:len(good)/3]...), wire.JSON
			}
			if len(body) > 0 {
				sent[string(format)+" "+string(body)] = true
				b.body(format, body)
			}
		}
	})
	want, got := calm.score(), b.score()
	sameScores(t, got.scores, want.scores)
	if got.rejected < len(sent) {
		t.Errorf("%d messages were bad, %d rejects", len(sent), got.rejected)
	}
	t.Logf("%d bad messages, %d rejects by field %v", len(sent), got.rejected, got.reasons)
}

// TestOneMeterMayFlood has one meter send a million readings: what it has sent already, of
// days gone by and of the open one, over and over. No score changes, and memory stays.
func TestOneMeterMayFlood(t *testing.T) {
	const parts, copies = 20, 50_000
	fleet := newCrashFleet(t)
	calm := newFaultBench(t, fleet)
	calm.publish(parts, nil)
	b := newFaultBench(t, fleet)
	own := slices.DeleteFunc(slices.Clone(fleet.readings), func(r flatwatt.Reading) bool { return r.Meter != fleet.readings[0].Meter })
	b.publish(parts, func(part int) {
		sent := own[:part*len(own)/parts]
		for n := 0; n < copies && len(sent) > 0; n += len(sent) {
			// Under other names, or the stream would know the messages and store them once.
			if err := b.pub.Publish(t.Context(), fmt.Sprint("F-", part, "-", n), sent); err != nil {
				t.Fatal(err)
			}
		}
	})
	want, got := calm.score(), b.score()
	sameScores(t, got.scores, want.scores)
	if got.readings < want.readings+parts*copies*9/10 {
		t.Errorf("%d readings came, %d without the flood", got.readings, want.readings)
	}
	// The server is in this process, and keeps up to 28 MB of what it stored at hand; the
	// readings themselves would be 120 MB.
	if got.peak > want.peak+48<<20 {
		t.Errorf("the flood takes memory: %d bytes, without it %d", got.peak, want.peak)
	}
}

// TestClocksMayJump has meters whose clocks are wrong: far ahead of the time at which the
// message came, before there were such meters, or back by days. Nobody's day closes early;
// what cannot be is rejected with the remedy.
func TestClocksMayJump(t *testing.T) {
	fleet := newCrashFleet(t)
	calm := newFaultBench(t, fleet)
	calm.publish(20, nil)
	b := newFaultBench(t, fleet)
	m := fleet.meters[slices.IndexFunc(fleet.meters, func(m flatwatt.Meter) bool { return m.Kind == flatwatt.Customer })]
	wrong := 0
	b.publish(20, func(part int) {
		var rs []flatwatt.Reading
		for _, jump := range []time.Duration{2 * time.Hour, 24 * time.Hour, 400 * 24 * time.Hour, 70 * 365 * 24 * time.Hour} {
			rs = append(rs, flatwatt.Reading{Meter: m.ID, Start: time.Now().Truncate(time.Hour).Add(jump + time.Duration(part)*time.Hour), Length: m.Interval, Energy: 1})
		}
		wrong += len(rs) + 1
		b.body(wire.JSON, fmt.Appendf(nil, `{"meter_id":%q,"start":"1970-01-01T00:00:%02dZ","energy_kwh":1}`, m.ID, part)) // its battery is empty
		if part > 10 {                                                                                                     // back by days: late, and waiting for re-scoring
			rs = append(rs, flatwatt.Reading{Meter: m.ID, Start: fleet.readings[0].Start.Add(time.Duration(part) * m.Interval), Length: m.Interval, Energy: 9})
		}
		if err := b.pub.Publish(t.Context(), "C-1", rs); err != nil {
			t.Fatal(err)
		}
	})
	want, got := calm.score(), b.score()
	sameScores(t, got.scores, want.scores)
	if got.reasons["start"] != wrong {
		t.Errorf("%d readings with an impossible time, rejects %v", wrong, got.reasons)
	}
}

// TestStormOfNewMeters has ten thousand meters report that the register does not know yet.
func TestStormOfNewMeters(t *testing.T) {
	fleet := newCrashFleet(t)
	calm := newFaultBench(t, fleet)
	calm.publish(20, nil)
	b := newFaultBench(t, fleet)
	b.publish(20, func(part int) {
		rs := make([]flatwatt.Reading, 500)
		for i := range rs {
			rs[i] = flatwatt.Reading{Meter: flatwatt.MeterID(fmt.Sprintf("NEW-%06d", part*len(rs)+i)), Start: fleet.readings[0].Start, Length: 15 * time.Minute, Energy: 1}
		}
		if err := b.pub.Publish(t.Context(), "C-1", rs); err != nil {
			t.Fatal(err)
		}
	})
	want, got := calm.score(), b.score()
	sameScores(t, got.scores, want.scores)
	if got.reasons["meter_id"] != 10_000 {
		t.Errorf("rejects by field %v, want 10000 of meter_id", got.reasons)
	}
	s, err := b.stream.Stream(t.Context(), jetstream.RejectedStream)
	if err != nil {
		t.Fatal(err)
	}
	if limit := s.CachedInfo().Config.MaxMsgs; limit <= 0 {
		t.Error("rejects may fill the disk")
	}
}
