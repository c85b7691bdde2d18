package access

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
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
}

const (
	oidcWait     = 10 * time.Minute // for somebody to sign in at the provider
	maxOIDCWaits = 1_000            // sign-ins under way
)

// OIDC signs users in through a provider. Its methods are safe for many goroutines.
type OIDC struct {
	config   OIDCConfig
	oauth    oauth2.Config
	verifier *oidc.IDTokenVerifier

	mu    sync.Mutex // guards waits
	waits map[string]oidcState
}

type oidcState struct {
	nonce, pkce, next string
	until             time.Time
}

// NewOIDC asks the provider how it works.
func NewOIDC(ctx context.Context, c OIDCConfig) (*OIDC, error) {
	provider, err := oidc.NewProvider(ctx, c.Issuer)
	if err != nil {
		return nil, fmt.Errorf("OpenID provider %s: %w", c.Issuer, err)
	}
	if c.Claim == "" {
		c.Claim = "preferred_username"
	}
	if u, err := url.Parse(c.Redirect); err != nil || u.Host == "" {
		return nil, fmt.Errorf("OpenID redirect %q: want the address of the console with /login/oidc/back", c.Redirect)
	}
	return &OIDC{
		config: c, waits: map[string]oidcState{},
		oauth: oauth2.Config{
			ClientID: c.ClientID, ClientSecret: c.Secret, RedirectURL: c.Redirect,
			Endpoint: provider.Endpoint(), Scopes: []string{oidc.ScopeOpenID, "profile"},
		},
		verifier: provider.Verifier(&oidc.Config{ClientID: c.ClientID}),
	}, nil
}

// Name is what the provider is called.
func (o *OIDC) Name() string { return o.config.Name }

// Begin is where to send the browser, and the state that it must bring back and keep in a
// cookie meanwhile. next is where it wants to go afterwards.
func (o *OIDC) Begin(next string, now time.Time) (address, state string, err error) {
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
	return o.oauth.AuthCodeURL(state, oidc.Nonce(s.nonce), oauth2.S256ChallengeOption(s.pkce)), state, nil
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
	token, err := o.oauth.Exchange(ctx, code, oauth2.VerifierOption(s.pkce))
	if err != nil {
		return "", "", fmt.Errorf("exchange the code: %w", err)
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := o.verifier.Verify(ctx, raw)
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
