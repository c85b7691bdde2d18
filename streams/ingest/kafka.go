package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/wire"
)

// Kafka says which topics to consume and how.
type Kafka struct {
	Brokers []string // host:port
	Topics  []string
	Group   string // consumer group, whose offsets say what has been stored

	// Open opens the value of a record that is not in one of the stream's own forms
	// (JSON, line protocol, batch, see package wire); nil: only those are taken.
	Open   Open
	Format string // for Open, and named by the record header Flatwatt-Format where it has one

	Known  wire.Known // registered meters and their intervals; nil: any meter, as in OpenNDJSON
	Intake *Intake
	Note   func(format string, args ...any) // nil: nobody is told

	Options []kgo.Opt // more of the client's, e.g. TLS and SASL
}

const (
	// kafkaPoll is how many records are stored and committed together.
	kafkaPoll = 2000

	// kafkaUnpacked bounds what one record may unpack to.
	kafkaUnpacked = 64 << 20

	// kafkaFetchWait bounds how long a broker holds an answer back, and with it a stop.
	kafkaFetchWait = 500 * time.Millisecond

	// A stream that does not answer is asked again after these pauses.
	kafkaFirstPause, kafkaLongestPause = time.Second, 30 * time.Second
)

// Run consumes until ctx ends. Offsets are committed only after JetStream has
// acknowledged the readings up to them: a crash consumes some records again, which the
// Scorer absorbs. A new group begins at the start of the topics. Records that cannot be
// read are rejected with their topic, partition and offset, and do not stop the rest.
func (k *Kafka) Run(ctx context.Context) error {
	client, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(k.Brokers...), kgo.ConsumeTopics(k.Topics...), kgo.ConsumerGroup(k.Group),
		kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll(), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchMaxBytes(16 << 20), kgo.FetchMaxWait(kafkaFetchWait), kgo.ClientID("flatwatt"),
	}, k.Options...)...)
	if err != nil {
		return fmt.Errorf("kafka: %w", err)
	}
	defer client.CloseAllowingRebalance()
	for {
		fetches := client.PollRecords(ctx, kafkaPoll)
		if ctx.Err() != nil {
			return nil
		}
		if fetches.IsClientClosed() {
			return errors.New("kafka: the client was closed")
		}
		fetches.EachError(func(topic string, part int32, err error) { k.note("kafka %s/%d: %v", topic, part, err) })
		if err := k.store(ctx, fetches.Records()); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		if err := client.CommitRecords(ctx, fetches.Records()...); err != nil && ctx.Err() == nil {
			// The records come again, which does no harm.
			k.note("kafka: commit: %v", err)
		}
		client.AllowRebalance()
	}
}

// store makes records durable, for as long as it takes: going on without would lose them.
func (k *Kafka) store(ctx context.Context, records []*kgo.Record) error {
	if len(records) == 0 {
		return nil
	}
	for pause := kafkaFirstPause; ; pause = min(2*pause, kafkaLongestPause) {
		res, err := k.Intake.Take(ctx, &kafkaSource{Kafka: k, records: records})
		if err == nil {
			if res.Rejected > 0 {
				k.note("kafka: %d records: %d readings accepted, %d rejected, the first %s: %s", len(records), res.Accepted, res.Rejected, res.Rejects[0].Where, res.Rejects[0].Reason)
			}
			return nil
		}
		k.note("kafka: %v; trying again in %v", err, pause)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// kafkaSource yields the readings of the records of one poll, a record a batch.
type kafkaSource struct {
	*Kafka
	records []*kgo.Record
	decoder wire.Decoder
	batch   flatwatt.Batch
	inner   flatwatt.Source // of a record in a format of files
	where   string
	n       flatwatt.Position
}

// Read implements flatwatt.Source.
func (s *kafkaSource) Read(ctx context.Context) (flatwatt.Batch, error) {
	for {
		if s.inner != nil {
			batch, err := s.inner.Read(ctx)
			if err == nil || ctx.Err() != nil {
				return batch, err
			}
			s.closeInner()
			if !errors.Is(err, io.EOF) {
				return s.bad(err), nil
			}
		}
		if len(s.records) == 0 {
			return flatwatt.Batch{}, io.EOF
		}
		r := s.records[0]
		s.records = s.records[1:]
		s.n++
		s.where = fmt.Sprintf("%s/%d:%d", r.Topic, r.Partition, r.Offset)
		s.batch = flatwatt.Batch{Readings: s.batch.Readings[:0], Rejected: s.batch.Rejected[:0], Next: s.n}
		if s.open(r) {
			return s.batch, nil
		}
	}
}

// open begins a record; true where the batch is filled already.
func (s *kafkaSource) open(r *kgo.Record) bool {
	format := s.Format
	for _, h := range r.Headers {
		if h.Key == wire.HeaderFormat {
			format = string(h.Value)
		}
	}
	switch wire.Format(format) {
	case "", wire.JSON, wire.LineProtocol, wire.Batch:
		if s.decoder.Known = s.Known; s.decoder.Known == nil {
			s.decoder.Known = wire.AnyMeter(0, anyMeters)
		}
		s.decoder.Append(&s.batch, wire.Message{Format: wire.Format(format), Body: r.Value, Where: s.where})
		return true
	}
	if s.Kafka.Open == nil {
		s.batch = s.bad(fmt.Errorf("%w %q", ErrFormat, format))
		return true
	}
	src, _, err := s.Kafka.Open(format, s.where, &bounded{r: bytes.NewReader(r.Value), left: kafkaUnpacked, limit: kafkaUnpacked})
	if err != nil {
		s.batch = s.bad(err)
		return true
	}
	s.inner = src
	return false
}

func (s *kafkaSource) closeInner() {
	if c, ok := s.inner.(io.Closer); ok {
		_ = c.Close() // it read from memory
	}
	s.inner = nil
}

// bad is a batch that says that a record cannot be read.
func (s *kafkaSource) bad(err error) flatwatt.Batch {
	return flatwatt.Batch{Next: s.n, Rejected: []flatwatt.Rejected{{Where: s.where, Reason: strings.TrimSpace(err.Error())}}}
}

func (k *Kafka) note(format string, args ...any) {
	if k.Note != nil {
		k.Note(format, args...)
	}
}
