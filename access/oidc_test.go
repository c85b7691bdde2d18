package access

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A provider hangs until it is up, then says how it works.
type provider struct {
	mu    sync.Mutex // guards all below
	up    bool
	asked int
}

func (p *provider) RoundTrip(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	p.asked++
	up := p.up
	p.mu.Unlock()
	if !up {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	body := `{"issuer":"https://id.example","authorization_endpoint":"https://id.example/auth"}`
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

func goodOIDC() OIDCConfig {
	return OIDCConfig{Issuer: "https://id.example", ClientID: "console", Redirect: "https://console.example/login/oidc/back"}
}

// A provider that hangs costs nothing at the start, and those who sign in one wait that
// they share; it is asked again until it answers.
func TestAProviderThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		warned := 0
		c := goodOIDC()
		c.Warn = func(error) { warned++ }
		began := time.Now()
		o, err := NewOIDC(c)
		if err != nil || time.Since(began) > 0 {
			t.Fatalf("%v after %v; want nothing asked", err, time.Since(began))
		}
		p := &provider{}
		o.client.Transport = p
		var all sync.WaitGroup
		for range 5 {
			all.Go(func() {
				if _, _, err := o.Begin(t.Context(), "/", time.Now()); !errors.Is(err, ErrNoProvider) {
					t.Errorf("%v, want that the provider does not answer", err)
				}
			})
		}
		left, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		if _, _, err := o.Begin(left, "/", time.Now()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v, want that who leaves does not wait", err)
		}
		all.Wait()
		if took := time.Since(began); took != oidcPatience || p.asked != 1 || warned != 1 {
			t.Errorf("asked %d times, warned %d times, %v; want once, and %v", p.asked, warned, took, oidcPatience)
		}
		p.up = true
		for range 2 {
			at, _, err := o.Begin(t.Context(), "/", time.Now())
			if err != nil || !strings.HasPrefix(at, "https://id.example/auth?") {
				t.Errorf("%s, %v", at, err)
			}
		}
		if p.asked != 2 {
			t.Errorf("asked %d times, want no more than until it answered", p.asked)
		}
	})
}

func TestWrongProvidersAreRefusedAtOnce(t *testing.T) {
	for want, change := range map[string]func(*OIDCConfig){
		"OpenID issuer":   func(c *OIDCConfig) { c.Issuer = "id.example" },
		"OpenID client":   func(c *OIDCConfig) { c.ClientID = "" },
		"OpenID redirect": func(c *OIDCConfig) { c.Redirect = "/login/oidc/back" },
	} {
		c := goodOIDC()
		change(&c)
		if _, err := NewOIDC(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
