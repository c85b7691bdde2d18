package streams

import (
	"context"
	"errors"
	"time"
)

// A Retry bounds how often a fault is taken for a passing one. The zero value is
// ready to use.
type Retry struct {
	Attempts int           // in all; 0: DefaultAttempts
	First    time.Duration // pause after the first failure, doubled each time; 0: DefaultFirstPause
	Longest  time.Duration // of a pause; 0: DefaultLongestPause

	// Sleep waits for d or for ctx, whose error it then returns. Nil: a timer.
	Sleep func(ctx context.Context, d time.Duration) error
}

// Together the defaults wait 0.1 + 0.2 + … + 5 + 5 s, about 16 s: a database restart.
const (
	DefaultAttempts     = 9
	DefaultFirstPause   = 100 * time.Millisecond
	DefaultLongestPause = 5 * time.Second
)

// Permanent marks err as one that no retry can mend, e.g. refused credentials or a
// malformed request. errors.Is and errors.As see through it.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return permanent{err}
}

// IsPermanent says whether err, or one that it wraps, was marked by Permanent.
func IsPermanent(err error) bool {
	var p permanent
	return errors.As(err, &p)
}

type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }

// do calls f until it succeeds, fails for good, or the attempts or ctx run out; it
// returns f's last error. No jitter: one pipeline has one sink, nothing to spread.
func (r Retry) do(ctx context.Context, f func() error, failed func(attempt int, err error)) error {
	attempts := orDefault(r.Attempts, DefaultAttempts)
	pause := orDefault(r.First, DefaultFirstPause)
	for attempt := 1; ; attempt++ {
		err := f()
		if err == nil || IsPermanent(err) || ctx.Err() != nil || attempt >= attempts {
			return err
		}
		failed(attempt, err)
		if stopped := r.sleep(ctx, pause); stopped != nil {
			return errors.Join(err, stopped)
		}
		pause = min(2*pause, orDefault(r.Longest, DefaultLongestPause))
	}
}

func (r Retry) sleep(ctx context.Context, d time.Duration) error {
	if r.Sleep != nil {
		return r.Sleep(ctx, d)
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func orDefault[T int | time.Duration](v, def T) T {
	if v == 0 {
		return def
	}
	return v
}
