package access

import (
	"cmp"
	"crypto/rand"
	"encoding/base64"
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
	User    string
	Began   time.Time
	Seen    time.Time // last request by a person
	From    string    // address it began from
	Browser string    // as the browser calls itself, cut short
}

// Sessions keeps who is signed in. Only digests of the secrets are kept, in memory: a
// restart ends every session. Its methods are safe for many goroutines.
type Sessions struct {
	mu   sync.Mutex // guards open
	open map[string]Session
}

// NewSessions is an empty set of sessions.
func NewSessions() *Sessions { return &Sessions{open: map[string]Session{}} }

// Begin signs a user in and returns the secret for the cookie. It is always a new one.
func (s *Sessions) Begin(one Session) (secret string) {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails
	secret = base64.RawURLEncoding.EncodeToString(b)
	s.mu.Lock()
	defer s.mu.Unlock()
	one.Seen = one.Began
	if len(one.Browser) > 120 {
		one.Browser = one.Browser[:120]
	}
	for len(s.open) >= MaxSessions {
		s.dropOldest()
	}
	s.open[TokenDigest(secret)] = one
	return secret
}

func (s *Sessions) dropOldest() {
	oldest := ""
	for digest, one := range s.open {
		if oldest == "" || one.Seen.Before(s.open[oldest].Seen) {
			oldest = digest
		}
	}
	delete(s.open, oldest)
}

// Find is the session of a secret at now. byPerson is false for requests that a page
// makes by itself: they keep no session alive.
func (s *Sessions) Find(secret string, now time.Time, byPerson bool) (Session, bool) {
	digest := TokenDigest(secret)
	s.mu.Lock()
	defer s.mu.Unlock()
	one, ok := s.open[digest]
	if !ok {
		return Session{}, false
	}
	if now.Sub(one.Seen) > SessionIdle || now.Sub(one.Began) > SessionLife {
		delete(s.open, digest)
		return Session{}, false
	}
	if byPerson {
		one.Seen = now
		s.open[digest] = one
	}
	return one, true
}

// End signs out the session of a secret.
func (s *Sessions) End(secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, TokenDigest(secret))
}

// EndOthers ends every session of a user but the one of secret, "" for none.
func (s *Sessions) EndOthers(user, secret string) (ended int) {
	keep := TokenDigest(secret)
	s.mu.Lock()
	defer s.mu.Unlock()
	for digest, one := range s.open {
		if one.User == user && digest != keep {
			delete(s.open, digest)
			ended++
		}
	}
	return ended
}

// Of are the open sessions of a user, latest first.
func (s *Sessions) Of(user string, now time.Time) []Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Session
	for _, one := range s.open {
		if one.User == user && now.Sub(one.Seen) <= SessionIdle && now.Sub(one.Began) <= SessionLife {
			list = append(list, one)
		}
	}
	slices.SortFunc(list, func(a, b Session) int {
		return cmp.Or(b.Began.Compare(a.Began), cmp.Compare(a.Browser, b.Browser))
	})
	return list
}
