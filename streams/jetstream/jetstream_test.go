package jetstream_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	js "github.com/nats-io/nats.go/jetstream"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/jetstream"
	"github.com/flatwatt/flatwatt/streams/natsd"
	"github.com/flatwatt/flatwatt/streams/wire"
)

var day1 = time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)

// serve starts a real server and connects to it.
func serve(tb testing.TB) js.JetStream {
	tb.Helper()
	return jetstream.ServeForTest(tb, tb.TempDir())
}

func ami(tb testing.TB, j js.JetStream, r jetstream.Retention) js.Stream {
	tb.Helper()
	s, err := jetstream.EnsureReadings(context.Background(), j, r)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// readings gives hours of a few meters; meter i reads i.5 kWh and a little more each hour.
func readings(meters, hours int) []flatwatt.Reading {
	var rs []flatwatt.Reading
	for h := range hours {
		for m := range meters {
			rs = append(rs, flatwatt.Reading{
				Meter: flatwatt.MeterID(fmt.Sprintf("SP-%03d", m)), Start: day1.Add(time.Duration(h) * time.Hour), Length: time.Hour,
				Energy: flatwatt.KWh(float64(m) + 0.5 + float64(h)/1000), Reactive: flatwatt.KVArh(math.NaN()), Voltage: flatwatt.Volt(math.NaN()),
			})
		}
	}
	return rs
}

// publish sends readings, so many a message.
func publish(tb testing.TB, j js.JetStream, rs []flatwatt.Reading, per int) {
	tb.Helper()
	p := jetstream.Publisher{JetStream: j, PerMessage: per}
	if err := p.Publish(context.Background(), "C-1", rs); err != nil {
		tb.Fatal(err)
	}
	if err := p.Flush(context.Background()); err != nil {
		tb.Fatal(err)
	}
}

// source reads the stream to its present end.
func source(tb testing.TB, j js.JetStream) jetstream.Source {
	tb.Helper()
	s, err := j.Stream(context.Background(), jetstream.ReadingsStream)
	if err != nil {
		tb.Fatal(err)
	}
	end, err := jetstream.LastSequence(context.Background(), s)
	if err != nil {
		tb.Fatal(err)
	}
	return jetstream.Source{JetStream: j, Known: wire.AnyMeter(0, 1000), StopAt: end, Stall: 300 * time.Millisecond}
}

// drain reads a source to its end and returns copies of what it gave.
func drain(tb testing.TB, s jetstream.Source, from flatwatt.Position) (rs []flatwatt.Reading, rejected []flatwatt.Rejected, next flatwatt.Position) {
	tb.Helper()
	src, err := s.Open(context.Background(), from)
	if err != nil {
		tb.Fatal(err)
	}
	defer src.(io.Closer).Close()
	next = from
	for {
		b, err := src.Read(context.Background())
		if errors.Is(err, io.EOF) {
			return rs, rejected, next
		}
		if err != nil {
			tb.Fatal(err)
		}
		rs, rejected, next = append(rs, b.Readings...), append(rejected, b.Rejected...), b.Next
	}
}

func same(a, b []flatwatt.Reading) bool { return fmt.Sprint(a) == fmt.Sprint(b) } // NaN equals NaN

// What is published is read, in order, from any position on.
func TestSourceResumesAtEveryPosition(t *testing.T) {
	j := serve(t)
	ami(t, j, jetstream.Retention{})
	rs := readings(3, 20) // 60 readings in 12 messages
	publish(t, j, rs, 5)
	for from := range flatwatt.Position(13) {
		got, rejected, next := drain(t, source(t, j), from)
		if !same(got, rs[from*5:]) || len(rejected) > 0 || next != 12 {
			t.Errorf("from %d: %d readings, next %d, rejected %v", from, len(got), next, rejected)
		}
	}
}

// A source waits for readings that are not there yet, and gives up with its context.
func TestSourceFollows(t *testing.T) {
	j := serve(t)
	ami(t, j, jetstream.Retention{})
	s := source(t, j)
	s.StopAt, s.Stall = 0, 20*time.Millisecond
	s.Recreated = func(_ flatwatt.Position, cause error) { t.Errorf("silence was taken for a fault: %v", cause) }
	src, err := s.Open(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer src.(io.Closer).Close()
	rs := readings(1, 3)
	for i := range rs {
		short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond) // several stalls
		if _, err := src.Read(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("read of an empty stream: %v", err)
		}
		cancel()
		publish(t, j, rs[i:i+1], 1)
		b, err := src.Read(t.Context())
		if err != nil || !same(b.Readings, rs[i:i+1]) || b.Next != flatwatt.Position(i+1) {
			t.Fatalf("batch %+v, error %v", b, err)
		}
	}
}

// Publishing again, as after a crash of the publisher, stores nothing twice.
func TestPublisherDedupes(t *testing.T) {
	j := serve(t)
	s := ami(t, j, jetstream.Retention{})
	for range 3 {
		publish(t, j, readings(2, 10), 4)
	}
	if end, _ := jetstream.LastSequence(t.Context(), s); end != 5 {
		t.Errorf("%d messages, want 5", end)
	}
}

// Where nobody answers for the stream for a moment, as while its leader changes, what is sent
// once more is what was to be sent, though the publisher has gone on.
func TestPublisherSendsAgainWhatItSent(t *testing.T) {
	j := serve(t)
	p := jetstream.Publisher{JetStream: j, PerMessage: 10}
	rs := readings(10, 5)
	if err := p.Publish(t.Context(), "C-1", rs); err != nil { // there is no stream yet
		t.Fatal(err)
	}
	ami(t, j, jetstream.Retention{}) // within the quarter of a second after which the client sends again
	if err := p.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	got, rejected, _ := drain(t, source(t, j), 0)
	slices.SortFunc(got, func(a, b flatwatt.Reading) int {
		return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.Meter, b.Meter))
	})
	if len(rejected) > 0 || !same(got, rs) {
		t.Errorf("of %d readings that were acknowledged, the stream holds %d others; %d rejected", len(rs), len(got), len(rejected))
	}
}

func TestPublisherBoundsWhatIsInFlight(t *testing.T) {
	j := serve(t)
	ami(t, j, jetstream.Retention{})
	p, most := jetstream.Publisher{JetStream: j, PerMessage: 1, InFlight: 3}, 0
	for _, r := range readings(1, 500) {
		if err := p.Publish(t.Context(), "c", []flatwatt.Reading{r}); err != nil {
			t.Fatal(err)
		}
		most = max(most, j.PublishAsyncPending())
	}
	if most > p.InFlight {
		t.Errorf("%d messages were in flight, the bound is %d", most, p.InFlight)
	}
}

func TestPublisherKeepsItsRate(t *testing.T) {
	j := serve(t)
	ami(t, j, jetstream.Retention{})
	now, slept := day1, time.Duration(0)
	p := jetstream.Publisher{
		JetStream: j, PerMessage: 10, Rate: 100, InFlight: 1, Now: func() time.Time { return now },
		Sleep: func(_ context.Context, d time.Duration) error { slept += d; now = now.Add(d); return nil },
	}
	if err := p.Publish(t.Context(), "c", readings(1, 95)); err != nil {
		t.Fatal(err)
	}
	if slept != 900*time.Millisecond { // the tenth message may go after 90 readings' time
		t.Errorf("slept %v", slept)
	}
}

func TestPublisherRefuses(t *testing.T) {
	j := serve(t)
	p := jetstream.Publisher{JetStream: j}
	for _, c := range []string{"", "a b", "a.*", ">", ".a", "a.", "a..b", "a\n"} {
		if err := p.Publish(t.Context(), c, readings(1, 1)); err == nil || !strings.Contains(err.Error(), "concentrator") {
			t.Errorf("%q: error %v", c, err)
		}
	}
	// No stream takes the subject: the publisher must hear of it, not hang.
	err := errors.Join(p.Publish(t.Context(), "c", readings(1, 1)), p.Flush(t.Context()))
	if !errors.Is(err, js.ErrNoStreamResponse) && !errors.Is(err, nats.ErrNoResponders) {
		t.Errorf("error %v", err)
	}
}

// Where retention has passed the position, nothing is skipped in silence.
func TestLostReadingsAreAnError(t *testing.T) {
	j := serve(t)
	s := ami(t, j, jetstream.Retention{})
	publish(t, j, readings(1, 10), 1)
	src, err := source(t, j).Open(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	src.(io.Closer).Close()
	if err := s.Purge(t.Context(), js.WithPurgeSequence(6)); err != nil { // 1 to 5 go
		t.Fatal(err)
	}
	_, err = source(t, j).Open(t.Context(), 2)
	if !errors.Is(err, jetstream.ErrLost) || !strings.Contains(err.Error(), "messages 3 to 5 of stream AMI") {
		t.Errorf("error %v", err)
	}
	for _, from := range []flatwatt.Position{0, 5} { // 0: no memory that could miss anything
		if got, _, _ := drain(t, source(t, j), from); len(got) != 5 {
			t.Errorf("from %d: %d readings, want 5", from, len(got))
		}
	}
	if _, err := source(t, j).Open(t.Context(), 11); err == nil || !strings.Contains(err.Error(), "past the end") {
		t.Errorf("error %v", err)
	}
}

// The same while a slow reader is at work. The consumer has messages on their way, so
// the purge must reach further than those.
func TestReadingsLostWhileReading(t *testing.T) {
	j := serve(t)
	s := ami(t, j, jetstream.Retention{})
	publish(t, j, readings(1, 3000), 1)
	src, err := source(t, j).Open(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer src.(io.Closer).Close()
	if _, err := src.Read(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Purge(t.Context(), js.WithPurgeSequence(2900)); err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = src.Read(t.Context())
	}
	if !errors.Is(err, jetstream.ErrLost) {
		t.Errorf("error %v", err)
	}
}

// Messages that somebody deleted one by one are noted and passed over, in the middle
// and at the end.
func TestDeletedMessagesAreNoted(t *testing.T) {
	j := serve(t)
	s := ami(t, j, jetstream.Retention{})
	publish(t, j, readings(1, 10), 1)
	for _, seq := range []uint64{4, 5, 9, 10} {
		if err := s.DeleteMsg(t.Context(), seq); err != nil {
			t.Fatal(err)
		}
	}
	got, rejected, next := drain(t, source(t, j), 1)
	if len(got) != 5 || next != 10 || len(rejected) != 2 || rejected[0].Where != "AMI:4-5" || rejected[1].Where != "AMI:9-10" {
		t.Errorf("%d readings, next %d, rejected %+v", len(got), next, rejected)
	}
}

// The two hangs: a consumer that vanishes is made anew, and nothing is missed or doubled.
func TestConsumerIsMadeAnew(t *testing.T) {
	j := serve(t)
	s := ami(t, j, jetstream.Retention{})
	rs := readings(1, 2500)
	publish(t, j, rs, 1)
	src, err := source(t, j).Open(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer src.(io.Closer).Close()
	var got []flatwatt.Reading
	for {
		if len(got)%700 == 1 {
			for name := range s.ConsumerNames(t.Context()).Name() {
				if err := s.DeleteConsumer(t.Context(), name); err != nil {
					t.Fatal(err)
				}
			}
		}
		b, err := src.Read(t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, b.Readings...)
	}
	if !same(got, rs) {
		t.Errorf("%d readings, want %d", len(got), len(rs))
	}
}

// A server that stays away is an error after a bounded time, not a hang.
func TestDeadServerIsAnError(t *testing.T) {
	s, err := natsd.Start(natsd.Options{Dir: t.TempDir(), InProcessOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	nc, err := s.Connect(nats.NoReconnect())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	j, _ := js.New(nc)
	ami(t, j, jetstream.Retention{})
	publish(t, j, readings(1, 1), 1)
	config := source(t, j)
	recreated := 0
	config.StopAt, config.Recreated = 0, func(flatwatt.Position, error) { recreated++ }
	src, err := config.Open(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := src.Read(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := src.Read(t.Context()); err == nil || recreated != jetstream.MaxRecreations {
		t.Errorf("error %v after %d new consumers", err, recreated)
	}
	src.(io.Closer).Close()
}

// A bad message is kept once however often it is read again, with its reason and body.
func TestRejectsAreKeptOnce(t *testing.T) {
	j := serve(t)
	ami(t, j, jetstream.Retention{})
	rejectedStream, err := jetstream.EnsureRejected(t.Context(), j, jetstream.Retention{MaxAge: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	p := jetstream.Publisher{JetStream: j}
	bad := `[{"meter_id":"a","start":"2026-01-05T00:00:00Z","length_s":7,"energy_kwh":1},` + "\n" + `{"meter_id":"a\nb"}]`
	if err := errors.Join(p.PublishBody(t.Context(), "c", wire.JSON, []byte(bad)), p.Flush(t.Context())); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		_, rejected, _ := drain(t, source(t, j), 0)
		if err := (jetstream.Rejects{JetStream: j}).Reject(t.Context(), rejected); err != nil {
			t.Fatal(err)
		}
	}
	if end, _ := jetstream.LastSequence(t.Context(), rejectedStream); end != 2 {
		t.Errorf("%d rejects kept, want 2", end)
	}
	m, err := rejectedStream.GetMsg(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if m.Subject != jetstream.RejectedSubject || m.Header.Get(jetstream.HeaderWhere) != "AMI:1 row 1" || m.Header.Get(jetstream.HeaderField) != "length_s" ||
		!strings.Contains(m.Header.Get(jetstream.HeaderReason), "use 300, 900") || !strings.HasPrefix(string(m.Data), `{"meter_id":"a"`) {
		t.Errorf("kept %+v", m)
	}
}

// The window a message id is remembered for, and the rest, are the operator's to change.
func TestExistingStreamIsLeftAlone(t *testing.T) {
	j := serve(t)
	before := ami(t, j, jetstream.Retention{MaxAge: time.Hour, MaxBytes: 1 << 20}).CachedInfo().Config
	after := ami(t, j, jetstream.Retention{}).CachedInfo().Config
	if !reflect.DeepEqual(before, after) || before.MaxBytes != 1<<20 || before.Duplicates != jetstream.DefaultDedupe {
		t.Errorf("config changed from %+v to %+v", before, after)
	}
}

// A source that is to stop at a place takes nothing after it, whether that place holds a
// message or a hole.
func TestSourceStopsAtItsEnd(t *testing.T) {
	j := serve(t)
	stream := ami(t, j, jetstream.Retention{})
	rs := readings(3, 6)
	publish(t, j, rs, 3) // six messages
	for stop := range flatwatt.Position(6) {
		s := source(t, j)
		s.StopAt = stop + 1
		got, _, next := drain(t, s, 0)
		if !same(got, rs[:3*(stop+1)]) || next != stop+1 {
			t.Errorf("stop at %d: %d readings, next %d", stop+1, len(got), next)
		}
	}
	if err := stream.DeleteMsg(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	s := source(t, j)
	s.StopAt = 3
	if got, rejected, next := drain(t, s, 0); !same(got, rs[:6]) || len(rejected) != 1 || next != 3 {
		t.Errorf("%d readings, %d rejects, next %d", len(got), len(rejected), next)
	}
}
