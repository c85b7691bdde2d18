package jetstream_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/jetstream"
	"github.com/flatwatt/flatwatt/streams/wire"
)

// BenchmarkEndToEnd publishes, stores on disk, consumes and decodes readings through a
// server in the process, in messages of 500 and of one.
func BenchmarkEndToEnd(b *testing.B) {
	for _, c := range []struct {
		format wire.Format
		per    int
	}{{wire.Batch, 500}, {wire.LineProtocol, 500}, {wire.JSON, 500}, {wire.JSON, 1}} {
		b.Run(fmt.Sprintf("%s/per-message=%d", c.format, c.per), func(b *testing.B) {
			j := serve(b)
			stream := ami(b, j, jetstream.Retention{Dedupe: 5 * time.Second})
			rs := readings(500, 1)
			p := jetstream.Publisher{JetStream: j, Format: c.format, PerMessage: c.per}
			src, err := jetstream.Source{JetStream: j, Known: wire.AnyMeter(0, 1000)}.Open(b.Context(), 0)
			if err != nil {
				b.Fatal(err)
			}
			defer src.(io.Closer).Close()
			sent, done := 0, make(chan error)
			stop, cancel := context.WithCancel(b.Context())
			defer cancel()
			target := make(chan int, 1)
			go func() { done <- consume(stop, src, target) }()
			b.ReportAllocs()
			send := func() {
				for i := range rs { // new content, or the stream would take it for a repeat
					rs[i].Start = rs[i].Start.Add(5 * time.Minute)
					if rs[i].Start.Year() > 2025 {
						rs[i].Start = rs[i].Start.AddDate(-25, 0, 0)
					}
				}
				if err := p.Publish(b.Context(), "c", rs); err != nil {
					b.Fatal(err)
				}
				sent += len(rs)
			}
			begin := time.Now() // b.Elapsed ends with the loop, before the consumer has caught up
			for b.Loop() {
				send()
			}
			target <- sent + len(rs)
			send() // wakes a consumer that has seen all before it knew
			if err := p.Flush(b.Context()); err != nil {
				b.Fatal(err)
			}
			if err := <-done; err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(sent)/time.Since(begin).Seconds(), "readings/s")
			info, err := stream.Info(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(info.State.Bytes)/float64(sent), "disk-B/reading")
		})
	}
}

// consume reads until it has seen as many readings as target says, once it says so.
func consume(ctx context.Context, src flatwatt.Source, target <-chan int) error {
	for seen, want := 0, -1; want < 0 || seen < want; {
		batch, err := src.Read(ctx)
		if err != nil {
			return err
		}
		if len(batch.Rejected) > 0 {
			return errors.New(batch.Rejected[0].Reason)
		}
		seen += len(batch.Readings)
		select {
		case want = <-target:
		default:
		}
	}
	return nil
}

// BenchmarkCheckpoint saves and loads a state of 64 MiB: 64,000 meters at 1 KiB.
func BenchmarkCheckpoint(b *testing.B) {
	c := open(b, serve(b), "v1")
	if _, err := c.Load(b.Context()); err != nil {
		b.Fatal(err)
	}
	state := random(64 << 20)
	b.Run("save", func(b *testing.B) {
		b.SetBytes(int64(len(state)))
		for b.Loop() {
			if err := c.Save(b.Context(), flatwatt.Checkpoint{Position: 1, State: state}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("load", func(b *testing.B) {
		b.SetBytes(int64(len(state)))
		for b.Loop() {
			if _, err := c.Load(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	})
}
