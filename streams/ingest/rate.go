package ingest

import (
	"math"
	"sync"
	"time"
)

// A rate lets each client have so many bytes a second, and a burst of so many at once: a
// bucket of tokens that fills with time. What is taken may make the bucket negative, so
// that a large body is paid for afterwards: its size is not known before.
type rate struct {
	perSecond, burst float64
	now              func() time.Time

	mu      sync.Mutex
	buckets map[string]*bucket // by client; as many as there are tokens
}

type bucket struct {
	level float64
	at    time.Time
}

func newRate(perSecond, burst float64, now func() time.Time) *rate {
	return &rate{perSecond: perSecond, burst: burst, now: now, buckets: map[string]*bucket{}}
}

// wait is after how long the client may push again; 0: now.
func (r *rate) wait(client string) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	b := r.filled(client)
	if b.level > 0 {
		return 0
	}
	return time.Duration(math.Ceil((1-b.level)/r.perSecond)) * time.Second
}

// spend takes n bytes from the client's bucket.
func (r *rate) spend(client string, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.filled(client).level -= float64(n)
}

func (r *rate) filled(client string) *bucket {
	now := r.now()
	b := r.buckets[client]
	if b == nil {
		b = &bucket{level: r.burst, at: now}
		r.buckets[client] = b
	}
	b.level = min(r.burst, b.level+max(0, now.Sub(b.at).Seconds())*r.perSecond)
	b.at = now
	return b
}
