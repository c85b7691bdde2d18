package jetstream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	js "github.com/nats-io/nats.go/jetstream"
)

// refusedEvery is how often the wait for an answer looks whether there will be none.
const refusedEvery = 100 * time.Millisecond

// A window publishes without waiting for each answer, with a bound on those
// outstanding. The first failure is returned by the next call.
type window struct {
	limit   int  // 0: DefaultInFlight
	ordered bool // a message that nobody answered for is not sent again: others are behind it
	futures []js.PubAckFuture
	conn    *nats.Conn
	before  error // of conn, before the first of futures was sent
}

// publish sends m, whose data it copies: where nobody answers for the stream, as while its
// leader changes, the client sends it once more when the caller's buffer holds another.
func (w *window) publish(ctx context.Context, j js.JetStream, m *nats.Msg) error {
	m.Data = bytes.Clone(m.Data)
	limit := w.limit
	if limit == 0 {
		limit = DefaultInFlight
	}
	for len(w.futures) >= limit {
		if err := w.oldest(ctx); err != nil {
			return err
		}
	}
	if len(w.futures) == 0 {
		w.conn = j.Conn()
		w.before = w.conn.LastError()
	}
	var how []js.PublishOpt
	if w.ordered {
		how = append(how, js.WithRetryAttempts(0))
	}
	f, err := j.PublishMsgAsync(m, how...)
	if err != nil {
		return err
	}
	w.futures = append(w.futures, f)
	return nil
}

func (w *window) flush(ctx context.Context) error {
	for len(w.futures) > 0 {
		if err := w.oldest(ctx); err != nil {
			return err
		}
	}
	return nil
}

// oldest waits for the answer to the oldest message.
func (w *window) oldest(ctx context.Context) error {
	f := w.futures[0]
	select {
	case <-f.Ok(): // the usual case, without a timer
		w.futures = w.futures[1:]
		return nil
	default:
	}
	t, look := time.NewTimer(answerWithin), time.NewTicker(refusedEvery)
	defer t.Stop()
	defer look.Stop()
	for {
		var err error
		select {
		case <-f.Ok():
		case err = <-f.Err():
		case <-ctx.Done():
			err = ctx.Err()
		case <-t.C:
			err = errors.New("no answer within " + answerWithin.String())
		case <-look.C:
			if err = w.refused(); err == nil {
				continue
			}
		}
		w.futures = w.futures[1:]
		return err
	}
}

// refused is the server's word that the user may not publish one of the messages that wait:
// there is no answer to such a message, only an error of the whole connection, the latest
// of which names the subject.
func (w *window) refused() error {
	err := w.conn.LastError()
	if err == w.before || !errors.Is(err, nats.ErrPermissionViolation) {
		return nil
	}
	for _, f := range w.futures {
		if subject := f.Msg().Subject; strings.Contains(err.Error(), `Publish to "`+subject+`"`) {
			return fmt.Errorf("the user may not publish to %s: %w", subject, err)
		}
	}
	return nil
}
