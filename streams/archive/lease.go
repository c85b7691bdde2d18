package archive

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"time"

	"github.com/minio/minio-go/v7"
)

// DefaultLease is how long a lock in an S3 store outlives its holder.
const DefaultLease = 15 * time.Second

var (
	// ErrLocked says that somebody else holds a lock.
	ErrLocked = errors.New("locked")

	// ErrNoConditions says that a store does not know conditional writes, so that nothing
	// can be locked in it.
	ErrNoConditions = errors.New("the store knows no conditional writes (If-None-Match)")
)

// A lease is the object that stands for a lock. It is renewed, each time with another N.
type lease struct {
	Holder string `json:"holder"` // for people
	ID     string `json:"id"`     // of this holding
	N      int64  `json:"n"`
}

// Lock holds key until release is called, for who. It fails with ErrLocked where another
// holds it; where that one is silent for the lease, by our own clock, the lock is taken
// over, which takes that long to see. The context returned ends when the lock is lost,
// with ErrLocked as its cause.
func (s *S3) Lock(ctx context.Context, key, who string, length time.Duration) (held context.Context, release func() error, err error) {
	l := lease{Holder: who, ID: rand.Text()}
	etag, err := s.putIf(ctx, key, &l, "")
	if errors.Is(err, ErrLocked) {
		if etag, err = s.silent(ctx, key, length); err == nil {
			etag, err = s.putIf(ctx, key, &l, etag)
		}
	}
	if err != nil {
		return nil, nil, err
	}
	held, cancel := context.WithCancelCause(ctx)
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		etag = s.renew(held, cancel, key, &l, etag, length, stop)
	}()
	return held, func() error {
		close(stop)
		<-done
		defer cancel(context.Canceled)
		if errors.Is(context.Cause(held), ErrLocked) {
			return nil // it is another's now
		}
		return s.Remove(context.WithoutCancel(ctx), key)
	}, nil
}

// renew keeps the lock, and cancels once it is lost or could not be renewed for its length.
func (s *S3) renew(ctx context.Context, cancel context.CancelCauseFunc, key string, l *lease, etag string, length time.Duration, stop <-chan struct{}) string {
	last := time.Now()
	tick := time.NewTicker(length / 3)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-stop:
			return etag
		case <-ctx.Done():
			return etag
		}
		l.N++
		next, err := s.putIf(ctx, key, l, etag)
		switch {
		case err == nil:
			etag, last = next, time.Now()
		case errors.Is(err, ErrLocked) && s.holds(ctx, key, l.ID, &etag): // an answer that was lost
			last = time.Now()
		case errors.Is(err, ErrLocked), time.Since(last) > length:
			cancel(fmt.Errorf("the lock %s/%s is lost: %w", s, key, errors.Join(ErrLocked, err)))
			return etag
		}
	}
}

// holds says whether the lock is id's, and then sets its version.
func (s *S3) holds(ctx context.Context, key, id string, etag *string) bool {
	l, tag, err := s.lease(ctx, key)
	if err != nil || l.ID != id {
		return false
	}
	*etag = tag
	return true
}

// silent waits until a lock has not been renewed for its length, and returns its version;
// ErrLocked as soon as it is renewed.
func (s *S3) silent(ctx context.Context, key string, length time.Duration) (etag string, err error) {
	first, etag, err := s.lease(ctx, key)
	for begun := time.Now(); err == nil && time.Since(begun) < length; {
		select {
		case <-time.After(length / 10):
		case <-ctx.Done():
			return "", ctx.Err()
		}
		var now lease
		if now, etag, err = s.lease(ctx, key); err == nil && now != first {
			return "", fmt.Errorf("%s/%s is held by %s: wait for it, or stop it: %w", s, key, now.Holder, ErrLocked)
		}
	}
	if errors.Is(err, fs.ErrNotExist) { // given back meanwhile
		return "", nil
	}
	return etag, err
}

func (s *S3) lease(ctx context.Context, key string) (l lease, etag string, err error) {
	o, err := s.client.GetObject(ctx, s.opt.Bucket, s.name(key), minio.GetObjectOptions{})
	if err != nil {
		return l, "", s.failed(key, err)
	}
	defer o.Close()
	st, err := o.Stat()
	if err != nil {
		return l, "", s.failed(key, err)
	}
	text, err := io.ReadAll(o)
	if err == nil {
		err = json.Unmarshal(text, &l)
	}
	return l, st.ETag, s.failed(key, err)
}

// putIf replaces key if its version is etag, or makes it if there is none where etag is "".
func (s *S3) putIf(ctx context.Context, key string, l *lease, etag string) (next string, err error) {
	text, err := json.Marshal(l)
	if err != nil {
		return "", err
	}
	opt := minio.PutObjectOptions{ContentType: "application/json"}
	if etag == "" {
		opt.SetMatchETagExcept("*")
	} else {
		opt.SetMatchETag(etag)
	}
	info, err := s.client.PutObject(ctx, s.opt.Bucket, s.name(key), bytes.NewReader(text), int64(len(text)), opt)
	var res minio.ErrorResponse
	switch {
	case err == nil:
		return info.ETag, nil
	case errors.As(err, &res) && (res.StatusCode == http.StatusPreconditionFailed || res.StatusCode == http.StatusConflict || etag != "" && res.StatusCode == http.StatusNotFound):
		return "", fmt.Errorf("%s/%s: %w", s, key, ErrLocked)
	case errors.As(err, &res) && res.StatusCode == http.StatusNotImplemented:
		return "", fmt.Errorf("%s/%s: %w", s, key, ErrNoConditions)
	}
	return "", s.failed(key, err)
}
