package access

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// OIDCConfig names a provider of OpenID Connect that tells who somebody is. What they may
// do is kept with the users of casework: a provider can let nobody in who is not there.
type OIDCConfig struct {
	Name     string // for people, on the button
	Issuer   string // address of the provider
	ClientID string
	Secret   string // of the client; "" for a public one, which PKCE protects
	Redirect string // address of the console's /login/oidc/back, as the browser sees it
	Claim    string // of the ID token that holds the user's name here; "" is preferred_username

	Warn func(error) // told of each time the provider could not be asked how it works; may be nil
}

// ErrNoProvider says that the provider does not answer, or not as one does.
var ErrNoProvider = errors.New("the identity provider does not answer")

const (
	oidcWait     = 10 * time.Minute // for somebody to sign in at the provider
	maxOIDCWaits = 1_000            // sign-ins under way
	oidcPatience = 10 * time.Second // with one answer of the provider
)

// OIDC signs users in through a provider. Its methods are safe for many goroutines.
type OIDC struct {
	config OIDCConfig
	client *http.Client

	mu    sync.Mutex // guards all below
	waits map[string]oidcState
	found *discovery // nil before the provider was asked, and after it did not answer
}

// A discovery is how a provider works, once done is closed.
type discovery struct {
	done     chan struct{}
	oauth    oauth2.Config
	verifier *oidc.IDTokenVerifier
	err      error
}

type oidcState struct {
	nonce, pkce, next string
	until             time.Time
}

// NewOIDC checks what can be seen without the network. How the provider works is asked at
// the first sign-in, and again until it answers: who serves the console must start without it.
func NewOIDC(c OIDCConfig) (*OIDC, error) {
	if c.Claim == "" {
		c.Claim = "preferred_username"
	}
	if u, err := url.Parse(c.Issuer); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, fmt.Errorf("OpenID issuer %q: want the provider's address, https://host", c.Issuer)
	}
	if c.ClientID == "" {
		return nil, errors.New("OpenID client: want the name by which the provider knows the console")
	}
	if u, err := url.Parse(c.Redirect); err != nil || u.Host == "" {
		return nil, fmt.Errorf("OpenID redirect %q: want the address of the console with /login/oidc/back", c.Redirect)
	}
	return &OIDC{config: c, client: &http.Client{Timeout: oidcPatience}, waits: map[string]oidcState{}}, nil
}

// Discover asks the provider how it works, where that is not known yet. All who need it
// meanwhile wait for the same answer, so that one that hangs costs each of them one patience.
func (o *OIDC) Discover(ctx context.Context) error {
	_, err := o.provider(ctx)
	return err
}

func (o *OIDC) provider(ctx context.Context) (*discovery, error) {
	o.mu.Lock()
	d := o.found
	if d == nil {
		d = &discovery{done: make(chan struct{})}
		o.found = d
		go o.discover(d) // by itself: who began it may leave
	}
	o.mu.Unlock()
	select {
	case <-d.done:
		return d, d.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (o *OIDC) discover(d *discovery) {
	defer close(d.done)
	p, err := oidc.NewProvider(oidc.ClientContext(context.Background(), o.client), o.config.Issuer)
	if err != nil {
		d.err = fmt.Errorf("OpenID provider %s: %w: %w", o.config.Issuer, ErrNoProvider, err)
		o.mu.Lock()
		o.found = nil // the next sign-in asks again
		o.mu.Unlock()
		if o.config.Warn != nil {
			o.config.Warn(d.err)
		}
		return
	}
	c := o.config
	d.oauth = oauth2.Config{
		ClientID: c.ClientID, ClientSecret: c.Secret, RedirectURL: c.Redirect,
		Endpoint: p.Endpoint(), Scopes: []string{oidc.ScopeOpenID, "profile"},
	}
	d.verifier = p.Verifier(&oidc.Config{ClientID: c.ClientID})
}

// Name is what the provider is called.
func (o *OIDC) Name() string { return o.config.Name }

// Begin is where to send the browser, and the state that it must bring back and keep in a
// cookie meanwhile. next is where it wants to go afterwards.
func (o *OIDC) Begin(ctx context.Context, next string, now time.Time) (address, state string, err error) {
	d, err := o.provider(ctx)
	if err != nil {
		return "", "", err
	}
	s := oidcState{nonce: random(), pkce: oauth2.GenerateVerifier(), next: next, until: now.Add(oidcWait)}
	state = random()
	o.mu.Lock()
	defer o.mu.Unlock()
	for key, one := range o.waits {
		if now.After(one.until) {
			delete(o.waits, key)
		}
	}
	if len(o.waits) >= maxOIDCWaits {
		return "", "", errors.New("too many sign-ins are under way: try again in some minutes")
	}
	o.waits[state] = s
	return d.oauth.AuthCodeURL(state, oidc.Nonce(s.nonce), oauth2.S256ChallengeOption(s.pkce)), state, nil
}

// End is the user's name that the provider vouches for. state comes with the answer and
// cookie from the browser; both must be what Begin gave, and are good once.
func (o *OIDC) End(ctx context.Context, state, cookie, code string, now time.Time) (name, next string, err error) {
	o.mu.Lock()
	s, ok := o.waits[state]
	delete(o.waits, state)
	o.mu.Unlock()
	if !ok || state != cookie || now.After(s.until) {
		return "", "", errors.New("the sign-in was not begun here, or too long ago: begin again")
	}
	d, err := o.provider(ctx)
	if err != nil {
		return "", "", err
	}
	ctx = oidc.ClientContext(ctx, o.client)
	token, err := d.oauth.Exchange(ctx, code, oauth2.VerifierOption(s.pkce))
	if err != nil {
		return "", "", fmt.Errorf("exchange the code: %w", err)
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := d.verifier.Verify(ctx, raw)
	if err != nil {
		return "", "", fmt.Errorf("verify the ID token: %w", err)
	}
	if id.Nonce != s.nonce {
		return "", "", errors.New("the ID token is of another sign-in")
	}
	claims := map[string]any{}
	if err := id.Claims(&claims); err != nil {
		return "", "", err
	}
	name, _ = claims[o.config.Claim].(string)
	if name == "" {
		return "", "", fmt.Errorf("the ID token has no claim %s", o.config.Claim)
	}
	return strings.ToLower(name), s.next, nil
}

func random() string {
	b := make([]byte, 24)
	_, _ = rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}
