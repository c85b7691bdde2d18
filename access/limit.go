package access

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// MaxLimited bounds how many names and addresses a Limiter remembers.
const MaxLimited = 20_000

// A Limiter lets each key, such as a name or an address, do something so often. Its
// methods are safe for many goroutines.
type Limiter struct {
	every time.Duration // between two, on average
	burst int           // at once

	mu   sync.Mutex // guards keys
	keys map[string]*rate.Limiter
}

// NewLimiter lets a key do something burst times at once and then once every so long.
func NewLimiter(every time.Duration, burst int) *Limiter {
	return &Limiter{every: every, burst: burst, keys: map[string]*rate.Limiter{}}
}

// Allow says whether key may at now, and counts it; else after how long it may again.
func (l *Limiter) Allow(key string, now time.Time) (ok bool, wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	one := l.keys[key]
	if one == nil {
		if l.crowded(now) {
			return false, l.every
		}
		one = rate.NewLimiter(rate.Every(l.every), l.burst)
		l.keys[key] = one
	}
	r := one.ReserveN(now, 1)
	if wait = r.DelayFrom(now); wait > 0 {
		r.CancelAt(now)
		return false, wait
	}
	return true, 0
}

// Wait is after how long key may, and counts nothing: 0 at once.
func (l *Limiter) Wait(key string, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if one := l.keys[key]; one != nil {
		return time.Duration(max(0, 1-one.TokensAt(now)) * float64(l.every))
	}
	if l.crowded(now) {
		return l.every
	}
	return 0
}

// crowded says that everybody is at it: nobody new may until some have rested.
func (l *Limiter) crowded(now time.Time) bool {
	if len(l.keys) >= MaxLimited {
		l.forgetRested(now)
	}
	return len(l.keys) >= MaxLimited
}

// forgetRested forgets keys that may do as much as a new one.
func (l *Limiter) forgetRested(now time.Time) {
	for key, one := range l.keys {
		if one.TokensAt(now) >= float64(l.burst) {
			delete(l.keys, key)
		}
	}
}

// Forget gives a key its whole burst again, e.g. a name after the right password.
func (l *Limiter) Forget(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.keys, key)
}
