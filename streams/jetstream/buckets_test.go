package jetstream_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"testing"
	"time"

	js "github.com/nats-io/nats.go/jetstream"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/jetstream"
	"github.com/flatwatt/flatwatt/streams/wire"
)

// publishUnder sends a reading a message under concentrators of one, two and three tokens.
func publishUnder(t *testing.T, j js.JetStream, n, buckets int) map[int][]flatwatt.MeterID {
	t.Helper()
	p := jetstream.Publisher{JetStream: j}
	want := map[int][]flatwatt.MeterID{}
	for i, r := range readings(n, 1) {
		c := fmt.Sprint([]string{"T-", "north.T-", "north.city.T-"}[i%3], i)
		if err := p.Publish(t.Context(), c, []flatwatt.Reading{r}); err != nil {
			t.Fatal(err)
		}
		b := jetstream.Bucket(c, buckets)
		want[b] = append(want[b], r.Meter)
	}
	if err := p.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	return want
}

// TestServerAndBucketAgree: the server's mapping is what Bucket says, for any number of
// tokens, and each bucket is read in the order of the stream and to its end.
func TestServerAndBucketAgree(t *testing.T) {
	const buckets = 8
	j := serve(t)
	stream, err := jetstream.EnsureBuckets(t.Context(), j, jetstream.Retention{}, buckets)
	if err != nil {
		t.Fatal(err)
	}
	want := publishUnder(t, j, 200, buckets)
	end, err := jetstream.LastSequence(t.Context(), stream)
	if err != nil {
		t.Fatal(err)
	}
	for b := range buckets {
		s := jetstream.Source{JetStream: j, Subject: jetstream.BucketSubject(b), Known: wire.AnyMeter(0, 1000), StopAt: end, Stall: 50 * time.Millisecond}
		rs, rejected, next := drain(t, s, 0)
		var got []flatwatt.MeterID
		for _, r := range rs {
			got = append(got, r.Meter)
		}
		if !reflect.DeepEqual(got, want[b]) {
			t.Errorf("bucket %d: meters %v, want %v", b, got, want[b])
		}
		if len(rejected) > 0 {
			t.Errorf("bucket %d: messages of other buckets count as deleted: %v", b, rejected)
		}
		if next != end {
			t.Errorf("bucket %d: ends at %d of %d", b, next, end)
		}
	}
}

func TestOtherBucketsAreRefused(t *testing.T) {
	j := serve(t)
	if _, err := jetstream.EnsureBuckets(t.Context(), j, jetstream.Retention{}, 8); err != nil {
		t.Fatal(err)
	}
	if _, err := jetstream.EnsureBuckets(t.Context(), j, jetstream.Retention{}, 8); err != nil {
		t.Fatal(err)
	}
	if _, err := jetstream.EnsureBuckets(t.Context(), j, jetstream.Retention{}, 16); !errors.Is(err, jetstream.ErrOtherBuckets) {
		t.Errorf("16 buckets on a stream of 8: %v", err)
	}
	other := serve(t)
	ami(t, other, jetstream.Retention{})
	if _, err := jetstream.EnsureBuckets(t.Context(), other, jetstream.Retention{}, 8); !errors.Is(err, jetstream.ErrOtherBuckets) {
		t.Errorf("8 buckets on a stream without: %v", err)
	}
}

// TestBucketStopsWhereRetentionPassedIt: what the stream dropped before it was read is an
// error, at the start and under way, also where only a subject is read.
func TestBucketStopsWhereRetentionPassedIt(t *testing.T) {
	const buckets = 2
	j := serve(t)
	stream, err := jetstream.EnsureBuckets(t.Context(), j, jetstream.Retention{}, buckets)
	if err != nil {
		t.Fatal(err)
	}
	publishUnder(t, j, 20, buckets)
	s := jetstream.Source{JetStream: j, Subject: jetstream.BucketSubject(1), Known: wire.AnyMeter(0, 1000), Stall: 50 * time.Millisecond}
	src, err := s.Open(t.Context(), 3)
	if err != nil {
		t.Fatal(err)
	}
	defer src.(io.Closer).Close()
	if err := stream.Purge(t.Context(), js.WithPurgeSequence(15)); err != nil {
		t.Fatal(err)
	}
	for err == nil {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		_, err = src.Read(ctx)
		cancel()
	}
	if !errors.Is(err, jetstream.ErrLost) {
		t.Errorf("reading on: %v", err)
	}
	if _, err := s.Open(t.Context(), 3); !errors.Is(err, jetstream.ErrLost) {
		t.Errorf("opening: %v", err)
	}
}
