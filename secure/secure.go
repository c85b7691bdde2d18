// Package secure keeps strangers out of the service's HTTP addresses: certificates that
// are read again when they change, and a token that every request must carry.
package secure

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// MaxSecretBytes bounds a file that holds a secret: more is another file by mistake.
const MaxSecretBytes = 4 << 10

// ReadSecret reads a secret from a file, without the white space around it. It refuses an
// empty or long one; field names the setting in errors.
func ReadSecret(field, path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("%s: %w", field, err)
	}
	if info.Size() > MaxSecretBytes {
		return "", fmt.Errorf("%s: %s has %d bytes, a secret has at most %d", field, path, info.Size(), MaxSecretBytes)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("%s: %w", field, err)
	}
	s := strings.TrimSpace(string(text))
	if s == "" {
		return "", fmt.Errorf("%s: %s is empty; put the secret into it", field, path)
	}
	return s, nil
}

// A Pair is a certificate and its key in PEM files. It is read again when either file has
// changed, so that a renewed certificate needs no restart. While the new files do not fit
// together (one is written after the other) the last good pair is used on.
type Pair struct {
	certFile, keyFile string

	mu      sync.Mutex
	loaded  tls.Certificate
	changed [2]time.Time
}

// LoadPair reads a pair; it fails where the files do not fit together now.
func LoadPair(certFile, keyFile string) (*Pair, error) {
	p := &Pair{certFile: certFile, keyFile: keyFile}
	changed, err := p.stat()
	if err != nil {
		return nil, err
	}
	if p.loaded, err = tls.LoadX509KeyPair(certFile, keyFile); err != nil {
		return nil, fmt.Errorf("certificate %s with key %s: %w", certFile, keyFile, err)
	}
	p.changed = changed
	return p, nil
}

func (p *Pair) stat() (changed [2]time.Time, err error) {
	for i, name := range []string{p.certFile, p.keyFile} {
		info, err := os.Stat(name)
		if err != nil {
			return changed, err
		}
		changed[i] = info.ModTime()
	}
	return changed, nil
}

// Get is the pair as the files now have it.
func (p *Pair) Get() tls.Certificate {
	p.mu.Lock()
	defer p.mu.Unlock()
	changed, err := p.stat()
	if err != nil || changed == p.changed {
		return p.loaded
	}
	if pair, err := tls.LoadX509KeyPair(p.certFile, p.keyFile); err == nil {
		p.loaded, p.changed = pair, changed
	}
	return p.loaded
}

// Server is a configuration for a server that shows the pair. TLS 1.2 at least.
func (p *Pair) Server() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		c := p.Get()
		return &c, nil
	}}
}

// NeedToken lets a request through that carries token, as `Authorization: Bearer` or as
// the password of HTTP's basic authentication, under any user name, for browsers. Paths
// in open need none. An empty token lets everything through.
func NeedToken(h http.Handler, token string, open ...string) http.Handler {
	if token == "" {
		return h
	}
	want := sha256.Sum256([]byte(token))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got := sha256.Sum256([]byte(presented(r))) // equal lengths: comparing tells nothing of them
		if slices.Contains(open, r.URL.Path) || subtle.ConstantTimeCompare(got[:], want[:]) == 1 {
			h.ServeHTTP(w, r)
			return
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="flatwatt", charset="UTF-8"`)
		http.Error(w, "a token is needed: send it as the password, or as Authorization: Bearer", http.StatusUnauthorized)
	})
}

func presented(r *http.Request) string {
	if _, password, ok := r.BasicAuth(); ok {
		return password
	}
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return ""
	}
	return token
}
