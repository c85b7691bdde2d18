package access

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// How long a session lasts and how many there may be.
const (
	SessionIdle = time.Hour      // without a request by a person
	SessionLife = 12 * time.Hour // a shift; then the password is asked for again
	MaxSessions = 10_000         // of all users; the one idle longest makes room
)

// A Session is one sign-in of one user.
type Session struct {
	User    string    `json:"user"`
	Began   time.Time `json:"began"`
	Seen    time.Time `json:"seen"`    // last request by a person
	From    string    `json:"from"`    // address it began from
	Browser string    `json:"browser"` // as the browser calls itself, cut short
}

// A Keeper keeps sessions over a restart, under the digests of their secrets.
type Keeper interface {
	LoadSessions(ctx context.Context) (map[string]Session, error)
	PutSession(ctx context.Context, digest string, one Session) error
	DropSessions(ctx context.Context, digests ...string) error
}

// keepSeen is how stale the last request of a kept session may be: a page that is used
// writes no more often. After a restart an idle session ends so much earlier.
const keepSeen = 5 * time.Minute

// Sessions keeps who is signed in. Only digests of the secrets are kept. Its methods are
// safe for many goroutines.
type Sessions struct {
	keep Keeper // nil: a restart ends every session

	mu   sync.Mutex // guards what follows
	open map[string]Session
	kept map[string]time.Time // Seen as it was kept
}

// NewSessions is an empty set of sessions, in memory only.
func NewSessions() *Sessions {
	return &Sessions{open: map[string]Session{}, kept: map[string]time.Time{}}
}

// OpenSessions are the sessions of before a restart that have not ended, and the ones to
// come, kept by k.
func OpenSessions(ctx context.Context, k Keeper, now time.Time) (*Sessions, error) {
	s := NewSessions()
	s.keep = k
	all, err := k.LoadSessions(ctx)
	if err != nil {
		return nil, fmt.Errorf("sessions: %w", err)
	}
	var ended []string
	for digest, one := range all {
		if one.ended(now) || len(s.open) >= MaxSessions {
			ended = append(ended, digest)
			continue
		}
		s.open[digest], s.kept[digest] = one, one.Seen
	}
	return s, k.DropSessions(ctx, ended...)
}

func (one *Session) ended(now time.Time) bool {
	return now.Sub(one.Seen) > SessionIdle || now.Sub(one.Began) > SessionLife
}

// Begin signs a user in and returns the secret for the cookie. It is always a new one.
func (s *Sessions) Begin(one Session) (secret string, err error) {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails
	secret = base64.RawURLEncoding.EncodeToString(b)
	digest := TokenDigest(secret)
	one.Seen = one.Began
	if len(one.Browser) > 120 {
		one.Browser = one.Browser[:120]
	}
	s.mu.Lock()
	var oldest []string
	for len(s.open) >= MaxSessions {
		oldest = append(oldest, s.dropOldest())
	}
	s.open[digest], s.kept[digest] = one, one.Seen
	s.mu.Unlock()
	if s.keep == nil {
		return secret, nil
	}
	return secret, errors.Join(s.drop(oldest), s.keep.PutSession(context.Background(), digest, one))
}

func (s *Sessions) dropOldest() string {
	oldest := ""
	for digest, one := range s.open {
		if oldest == "" || one.Seen.Before(s.open[oldest].Seen) {
			oldest = digest
		}
	}
	s.forget(oldest)
	return oldest
}

func (s *Sessions) forget(digest string) {
	delete(s.open, digest)
	delete(s.kept, digest)
}

// drop has ended sessions forgotten where they are kept. It must not be given up because
// a browser went away: they would be open again after a restart.
func (s *Sessions) drop(digests []string) error {
	if s.keep == nil || len(digests) == 0 {
		return nil
	}
	return s.keep.DropSessions(context.Background(), digests...)
}

// Find is the session of a secret at now. byPerson is false for requests that a page
// makes by itself: they keep no session alive.
func (s *Sessions) Find(secret string, now time.Time, byPerson bool) (Session, bool) {
	digest := TokenDigest(secret)
	s.mu.Lock()
	one, ok := s.open[digest]
	if !ok || one.ended(now) {
		s.forget(digest)
		s.mu.Unlock()
		return Session{}, false // where it is kept, it ends with the next start
	}
	write := false
	if byPerson {
		one.Seen = now
		s.open[digest] = one
		if write = s.keep != nil && now.Sub(s.kept[digest]) >= keepSeen; write {
			s.kept[digest] = now
		}
	}
	s.mu.Unlock()
	if write {
		_ = s.keep.PutSession(context.Background(), digest, one) // else it ends earlier after a restart
	}
	return one, true
}

// End signs out the session of a secret.
func (s *Sessions) End(secret string) error {
	digest := TokenDigest(secret)
	s.mu.Lock()
	s.forget(digest)
	s.mu.Unlock()
	return s.drop([]string{digest})
}

// EndOthers ends every session of a user but the one of secret, "" for none.
func (s *Sessions) EndOthers(user, secret string) (ended int, err error) {
	keep := TokenDigest(secret)
	var list []string
	s.mu.Lock()
	for digest, one := range s.open {
		if one.User == user && digest != keep {
			s.forget(digest)
			list = append(list, digest)
		}
	}
	s.mu.Unlock()
	return len(list), s.drop(list)
}

// Of are the open sessions of a user, latest first.
func (s *Sessions) Of(user string, now time.Time) []Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Session
	for _, one := range s.open {
		if one.User == user && !one.ended(now) {
			list = append(list, one)
		}
	}
	slices.SortFunc(list, func(a, b Session) int {
		return cmp.Or(b.Began.Compare(a.Began), cmp.Compare(a.Browser, b.Browser))
	})
	return list
}
