package ingest_test

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	js "github.com/nats-io/nats.go/jetstream"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/ingest"
	"github.com/flatwatt/flatwatt/streams/jetstream"
	"github.com/flatwatt/flatwatt/streams/natsd"
	"github.com/flatwatt/flatwatt/streams/wire"
)

const patience = 20 * time.Second

var start = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// A site is a running NATS server with the streams that readings and rejects go to.
type site struct {
	server *natsd.Server
	jet    js.JetStream
	intake *ingest.Intake
}

func newSite(tb testing.TB) *site {
	tb.Helper()
	s, err := natsd.Start(natsd.Options{Dir: tb.TempDir(), InProcessOnly: true})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { s.Close() })
	nc, err := s.Connect()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(nc.Close)
	jet, err := js.New(nc)
	if err != nil {
		tb.Fatal(err)
	}
	ctx := context.Background()
	if _, err := jetstream.EnsureReadings(ctx, jet, jetstream.Retention{}); err != nil {
		tb.Fatal(err)
	}
	if _, err := jetstream.EnsureRejected(ctx, jet, jetstream.Retention{}); err != nil {
		tb.Fatal(err)
	}
	return &site{server: s, jet: jet, intake: &ingest.Intake{JetStream: jet, Route: route}}
}

// route knows the meters m0 to m999 at ten concentrators.
func route(id flatwatt.MeterID) (string, bool) {
	var n int
	if _, err := fmt.Sscanf(string(id), "m%d", &n); err != nil || n > 999 {
		return "", false
	}
	return fmt.Sprint("TX", n%10), true
}

// stored is every reading that the stream holds, in its order, decoded as the service does.
func (s *site) stored(tb testing.TB) []flatwatt.Reading {
	tb.Helper()
	ctx := context.Background()
	stream, err := s.jet.Stream(ctx, jetstream.ReadingsStream)
	if err != nil {
		tb.Fatal(err)
	}
	end, err := jetstream.LastSequence(ctx, stream)
	if err != nil {
		tb.Fatal(err)
	}
	if end == 0 {
		return nil
	}
	src, err := jetstream.Source{JetStream: s.jet, Known: wire.AnyMeter(0, 1e6), StopAt: end}.Open(ctx, 0)
	if err != nil {
		tb.Fatal(err)
	}
	defer src.(io.Closer).Close()
	var all []flatwatt.Reading
	for {
		b, err := src.Read(ctx)
		if err == io.EOF {
			return all
		}
		if err != nil {
			tb.Fatal(err)
		}
		if len(b.Rejected) > 0 {
			tb.Fatalf("what was taken is rejected later: %+v", b.Rejected[0])
		}
		all = append(all, b.Readings...)
	}
}

// messages is how many messages a stream holds.
func (s *site) messages(tb testing.TB, stream string) uint64 {
	tb.Helper()
	h, err := s.jet.Stream(context.Background(), stream)
	if err != nil {
		tb.Fatal(err)
	}
	info, err := h.Info(context.Background())
	if err != nil {
		tb.Fatal(err)
	}
	return info.State.Msgs
}

// rejects is how many rejected pieces are kept.
func (s *site) rejects(tb testing.TB) (n int) {
	tb.Helper()
	h, err := s.jet.Stream(context.Background(), jetstream.RejectedStream)
	if err != nil {
		tb.Fatal(err)
	}
	for seq := range s.messages(tb, jetstream.RejectedStream) {
		m, err := h.GetMsg(context.Background(), seq+1)
		if err != nil {
			tb.Fatal(err)
		}
		count, err := strconv.Atoi(m.Header.Get(jetstream.HeaderCount))
		if err != nil {
			tb.Fatal(err)
		}
		n += count
	}
	return n
}

func open(format, name string, r io.Reader) (flatwatt.Source, string, error) {
	if format == "naive" {
		return &naive{bufio.NewScanner(r)}, format, nil
	}
	if format != "" && format != ingest.NDJSON {
		return nil, "", fmt.Errorf("%w %q: use ndjson", ingest.ErrFormat, format)
	}
	src, err := ingest.OpenNDJSON(name, r, nil)
	return src, ingest.NDJSON, err
}

// naive reads "meter kWh" lines as many readers do: it takes an error for the end.
type naive struct{ lines *bufio.Scanner }

func (n *naive) Read(context.Context) (flatwatt.Batch, error) {
	var b flatwatt.Batch
	for n.lines.Scan() {
		r := flatwatt.Reading{Start: start, Length: 15 * time.Minute, Reactive: flatwatt.KVArh(math.NaN()), Voltage: flatwatt.Volt(math.NaN())}
		if _, err := fmt.Sscan(n.lines.Text(), &r.Meter, &r.Energy); err == nil {
			b.Readings = append(b.Readings, r)
		}
	}
	if len(b.Readings) == 0 {
		return b, cmp.Or(n.lines.Err(), io.EOF)
	}
	return b, nil
}

// lines is n readings a line of meters from m<first> on, one interval each.
func lines(first, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintln(&b, line(fmt.Sprint("m", (first+i)%1000), start.Add(time.Duration((first+i)/1000)*15*time.Minute), 0.25))
	}
	return b.String()
}

func line(meter string, at time.Time, kwh float64) string {
	return fmt.Sprintf(`{"meter_id":%q,"start":%q,"length_s":900,"energy_kwh":%v}`, meter, at.Format(time.RFC3339), kwh)
}
