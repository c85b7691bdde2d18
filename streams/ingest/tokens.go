package ingest

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"strings"
)

// MinTokenBytes is the shortest token that is taken: shorter ones can be guessed.
const MinTokenBytes = 16

// Tokens knows who may push. It keeps digests only.
type Tokens struct{ entries []token }

type token struct {
	client string
	digest [sha256.Size]byte
}

// ParseTokens reads tokens, one a line, as "TOKEN" or "CLIENT TOKEN"; empty lines and
// lines that begin with # are skipped. The client's name stands in limits and logs.
// Several tokens may be valid at once, so that one can be replaced without a pause.
func ParseTokens(text string) (Tokens, error) {
	var t Tokens
	n := 0
	for line := range strings.Lines(text) {
		n++
		f := strings.Fields(line)
		if len(f) == 0 || strings.HasPrefix(f[0], "#") {
			continue
		}
		client, secret := "default", f[0]
		if len(f) == 2 {
			client, secret = f[0], f[1]
		}
		if len(f) > 2 {
			return Tokens{}, fmt.Errorf("line %d has %d words; want a token, or a client's name and a token", n, len(f))
		}
		if len(secret) < MinTokenBytes {
			return Tokens{}, fmt.Errorf("line %d: a token needs %d characters or more; make one with `openssl rand -hex 32`", n, MinTokenBytes)
		}
		t.entries = append(t.entries, token{client, sha256.Sum256([]byte(secret))})
	}
	if len(t.entries) == 0 {
		return Tokens{}, errors.New("there is no token: put one in, a line of 16 characters or more")
	}
	return t, nil
}

// client tells whose token an Authorization header carries. It takes the same time for
// every wrong token: digests are compared whole, and all of them.
func (t Tokens) client(header string) (string, bool) {
	scheme, secret, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", false
	}
	digest := sha256.Sum256([]byte(strings.TrimSpace(secret)))
	found := -1
	for i := range t.entries {
		if subtle.ConstantTimeCompare(digest[:], t.entries[i].digest[:]) == 1 {
			found = i
		}
	}
	if found < 0 {
		return "", false
	}
	return t.entries[found].client, true
}
