package ingest_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/flatwatt/flatwatt/streams/ingest"
	"github.com/flatwatt/flatwatt/streams/jetstream"
	"github.com/flatwatt/flatwatt/streams/wire"
)

const topic = "meter-readings"

func broker(t *testing.T) []string {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, topic))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c.ListenAddrs()
}

func produce(t *testing.T, brokers []string, records ...*kgo.Record) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.DefaultProduceTopic(topic))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// consume runs a consumer until ok.
func consume(t *testing.T, k *ingest.Kafka, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- k.Run(ctx) }()
	await(t, ok)
	cancel()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Fatal("the consumer does not stop")
	}
}

func TestKafkaRecordsBecomeReadings(t *testing.T) {
	s := newSite(t)
	brokers := broker(t)
	var records []*kgo.Record
	for i := range 300 {
		records = append(records, kgo.StringRecord(line(fmt.Sprint("m", i), start, 0.5)))
	}
	records = append(records,
		kgo.StringRecord("["+line("m1", start.Add(time.Hour), 1)+","+line("m2", start.Add(time.Hour), 1)+"]"),
		kgo.StringRecord("not a reading"),
		kgo.StringRecord(""),
		&kgo.Record{Value: []byte("reading,meter=m3 energy_kwh=1,length_s=900i 1772323200000000000"), Headers: []kgo.RecordHeader{{Key: wire.HeaderFormat, Value: []byte("lineprotocol")}}},
		&kgo.Record{Value: []byte(lines(500, 40)), Headers: []kgo.RecordHeader{{Key: wire.HeaderFormat, Value: []byte("ndjson")}}},
		&kgo.Record{Value: []byte("x"), Headers: []kgo.RecordHeader{{Key: wire.HeaderFormat, Value: []byte("punchcards")}}},
	)
	produce(t, brokers, records...)
	k := &ingest.Kafka{Brokers: brokers, Topics: []string{topic}, Group: "flatwatt", Intake: s.intake, Open: open}
	const want = 300 + 2 + 1 + 40
	consume(t, k, func() bool { return len(s.stored(t)) >= want && s.rejects(t) >= 3 })
	if n := len(s.stored(t)); n != want {
		t.Errorf("%d readings are stored, want %d", n, want)
	}
	if n := s.rejects(t); n != 3 {
		t.Errorf("%d rejects are kept, want 3", n)
	}

	// The next consumer of the group goes on where this one committed.
	before := s.messages(t, jetstream.ReadingsStream)
	produce(t, brokers, kgo.StringRecord(line("m777", start, 9)))
	consume(t, k, func() bool { return len(s.stored(t)) > want })
	if n := s.messages(t, jetstream.ReadingsStream); n != before+1 {
		t.Errorf("%d messages, want %d and one more", n, before)
	}
}

// Nothing is committed that JetStream does not have.
func TestKafkaWaitsForJetStream(t *testing.T) {
	s := newSite(t)
	brokers := broker(t)
	produce(t, brokers, kgo.StringRecord(line("m1", start, 1)))
	if err := s.jet.DeleteStream(context.Background(), jetstream.ReadingsStream); err != nil {
		t.Fatal(err)
	}
	tried := make(chan string, 100)
	k := &ingest.Kafka{Brokers: brokers, Topics: []string{topic}, Group: "flatwatt", Intake: s.intake,
		Note: func(format string, args ...any) { tried <- fmt.Sprintf(format, args...) }}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- k.Run(ctx) }()
	if text := <-tried; !strings.Contains(text, "trying again") {
		t.Error(text)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := jetstream.EnsureReadings(context.Background(), s.jet, jetstream.Retention{}); err != nil {
		t.Fatal(err)
	}
	k.Note = nil
	consume(t, k, func() bool { return len(s.stored(t)) == 1 })
}
