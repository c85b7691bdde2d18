package jetstream

import (
	"context"
	"errors"
	"fmt"
	"time"

	js "github.com/nats-io/nats.go/jetstream"
)

const (
	// A request asks for so many messages, and no more bytes than hold the largest
	// message that any NATS server takes (64 MiB) with its header. Two requests' worth may
	// lie in memory: the one being read and the one before it.
	fetchMessages = 1000
	fetchBytes    = 72 << 20

	// forgottenAfter is when the server drops a consumer that nobody asks any more, as
	// while a database is away; it is then made anew.
	forgottenAfter = time.Minute

	// fetchWait is how long the server holds a request that it cannot fill.
	fetchWait = 5 * time.Second
)

// A pull fetches messages from a consumer that acknowledges nothing, a request at a time,
// and asks again only when all of the last one has been taken. So a reader that stands
// still (a database that is away) stops the server too; an iterator with requests always
// outstanding went on receiving until its buffer overflowed ("slow consumer").
type pull struct {
	out    chan pulled
	cancel context.CancelFunc
	done   chan struct{}
}

// A pulled is a message or the reason why there will be no more. fresh says that it is
// the first of a request.
type pulled struct {
	msg   js.Msg
	fresh bool
	err   error
}

// startPull makes a consumer of what follows after and begins to fetch. Stop it.
func startPull(ctx context.Context, stream js.Stream, subject string, after uint64) (*pull, error) {
	ask, answered := context.WithTimeout(ctx, askWithin)
	defer answered()
	c, err := stream.CreateConsumer(ask, js.ConsumerConfig{
		DeliverPolicy: js.DeliverByStartSequencePolicy, OptStartSeq: after + 1, FilterSubject: subject,
		AckPolicy: js.AckNonePolicy, MaxDeliver: 1, MemoryStorage: true, Replicas: 1,
		InactiveThreshold: forgottenAfter,
	})
	if err != nil {
		return nil, err
	}
	// Its life is that of the reader, which stops it, not of the call that opened it.
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	p := &pull{out: make(chan pulled, 64), cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		err := p.fetch(ctx, c)
		select {
		case p.out <- pulled{err: err}:
		case <-ctx.Done():
		}
		if ctx.Err() != nil { // the server would keep it for forgottenAfter
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			_ = stream.DeleteConsumer(ctx, c.CachedInfo().Name)
		}
	}()
	return p, nil
}

// fetch passes messages on until something fails. The consumer counts what it sends; a
// number left out was lost on the way, e.g. while reconnecting.
func (p *pull) fetch(ctx context.Context, c js.Consumer) error {
	for sent := uint64(0); ; {
		ask, cancel := context.WithTimeout(ctx, fetchWait)
		batch, err := c.Fetch(fetchMessages, js.FetchContext(ask), js.FetchMaxBytes(fetchBytes))
		if err != nil {
			cancel()
			return fmt.Errorf("fetch: %w", err)
		}
		fresh := true
		for m := range batch.Messages() {
			meta, err := m.Metadata()
			if err == nil && meta.Sequence.Consumer != sent+1 {
				err = fmt.Errorf("messages %d to %d of the consumer were lost on the way", sent+1, meta.Sequence.Consumer-1)
			}
			if err != nil {
				cancel()
				return err
			}
			sent++
			select {
			case p.out <- pulled{msg: m, fresh: fresh}:
			case <-ctx.Done():
				cancel()
				return ctx.Err()
			}
			fresh = false
		}
		cancel()
		if err := batch.Error(); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("fetch: %w", err)
		}
	}
}

// stop ends the consumer and waits for it.
func (p *pull) stop() {
	p.cancel()
	<-p.done
}
