package console

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/flatwatt/flatwatt/access"
)

// A provider is an OpenID Connect provider in the test's process: discovery, keys, the code
// flow with PKCE, and ID tokens signed with RS256.
type provider struct {
	t      *testing.T
	url    string
	key    *rsa.PrivateKey
	claims map[string]any // what it says of whoever signs in; nonce and times are added

	mu    sync.Mutex // guards codes
	codes map[string]url.Values
}

func newProvider(t *testing.T) *provider {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p := &provider{t: t, key: key, codes: map[string]url.Values{}}
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, v any) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(v)
	}
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{"issuer": p.url, "authorization_endpoint": p.url + "/auth", "token_endpoint": p.url + "/token", "jwks_uri": p.url + "/keys", "id_token_signing_alg_values_supported": []string{"RS256"}})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k", Algorithm: "RS256", Use: "sig"}}})
	})
	mux.HandleFunc("GET /auth", func(w http.ResponseWriter, r *http.Request) { // signs in whoever comes
		p.mu.Lock()
		p.codes["code-1"] = r.URL.Query()
		p.mu.Unlock()
		back := r.URL.Query().Get("redirect_uri") + "?" + url.Values{"code": {"code-1"}, "state": {r.URL.Query().Get("state")}}.Encode()
		http.Redirect(w, r, back, http.StatusFound)
	})
	mux.HandleFunc("POST /token", p.token)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	p.url = server.URL
	return p
}

func (p *provider) token(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	asked, ok := p.codes[r.FormValue("code")]
	delete(p.codes, r.FormValue("code"))
	p.mu.Unlock()
	sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	if !ok || base64.RawURLEncoding.EncodeToString(sum[:]) != asked.Get("code_challenge") {
		http.Error(w, `{"error":"invalid_grant"}`, http.StatusBadRequest)
		return
	}
	claims := map[string]any{"iss": p.url, "aud": "console", "sub": "42", "nonce": asked.Get("nonce"), "iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix()}
	for k, v := range p.claims {
		claims[k] = v
	}
	body, _ := json.Marshal(claims)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: p.key, KeyID: "k"}}, nil)
	if err != nil {
		p.t.Error(err)
		return
	}
	signed, err := signer.Sign(body)
	if err != nil {
		p.t.Error(err)
		return
	}
	raw, _ := signed.CompactSerialize()
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"access_token": "x", "token_type": "Bearer", "id_token": raw})
}

// TestSignInThroughAProvider goes the whole way round, and then wrongly in every way.
func TestSignInThroughAProvider(t *testing.T) {
	p := newProvider(t)
	r := newRoom(t)
	oidc, err := access.NewOIDC(access.OIDCConfig{Name: "Utility ID", Issuer: p.url, ClientID: "console", Redirect: r.url + "/login/oidc/back"})
	if err != nil {
		t.Fatal(err)
	}
	r.s.OIDC = oidc
	follow := func(v *visitor, path string) (code int, body, location string) {
		t.Helper()
		code, body, h := v.do("GET", path, nil)
		return code, body, h.Get("Location")
	}
	in := func(claims map[string]any) (v *visitor, code int, body string) {
		t.Helper()
		p.claims = claims
		v = r.visit("")
		_, _, at := follow(v, "/login/oidc?next=%2Fcases")
		res, err := v.client.Get(at)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		code, body, at = follow(v, strings.TrimPrefix(res.Header.Get("Location"), r.url))
		if code == http.StatusSeeOther && at != "/cases" {
			t.Errorf("leads to %s", at)
		}
		return v, code, body
	}
	if _, body := r.visit("").get("/login"); !strings.Contains(body, "Sign in with Utility ID") {
		t.Error("the login does not offer the provider")
	}
	v, code, body := in(map[string]any{"preferred_username": "Wang"})
	if code != http.StatusSeeOther {
		t.Fatalf("%d %s", code, body)
	}
	if code, body := v.get("/alarms"); code != http.StatusOK || !strings.Contains(body, "wang") {
		t.Errorf("signed in: %d", code)
	}
	for name, claims := range map[string]map[string]any{
		"a name that is no user": {"preferred_username": "stranger"}, "no name": {}, "another client's token": {"preferred_username": "wang", "aud": "other"},
		"another issuer": {"preferred_username": "wang", "iss": "https://evil.example"}, "an old token": {"preferred_username": "wang", "exp": 1}, "another sign-in's token": {"preferred_username": "wang", "nonce": "x"},
	} {
		v, code, _ := in(claims)
		if code != http.StatusUnauthorized && code != http.StatusForbidden {
			t.Errorf("%s: %d", name, code)
		}
		if code, _ := v.get("/api/alarms"); code != http.StatusUnauthorized {
			t.Errorf("%s: is in", name)
		}
	}
	// A state of another browser, or of none, leads nowhere.
	_, _, at := follow(r.visit(""), "/login/oidc")
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	for _, state := range []string{u.Query().Get("state"), "made up", ""} {
		if code, _, _ := follow(r.visit(""), "/login/oidc/back?code=code-1&state="+url.QueryEscape(state)); code != http.StatusUnauthorized {
			t.Errorf("state %.8q without its cookie: %d", state, code)
		}
	}
}

// TestTheLoginSaysThatTheProviderIsAway: to anybody, and to the log why.
func TestTheLoginSaysThatTheProviderIsAway(t *testing.T) {
	away := httptest.NewServer(http.NotFoundHandler())
	at := away.URL
	away.Close()
	r := newRoom(t)
	var why error
	oidc, err := access.NewOIDC(access.OIDCConfig{Name: "Utility ID", Issuer: at, ClientID: "console", Redirect: r.url + "/login/oidc/back", Warn: func(err error) { why = err }})
	if err != nil {
		t.Fatal(err)
	}
	r.s.OIDC = oidc
	code, body, _ := r.visit("").do("GET", "/login/oidc?next=%2Fcases", nil)
	if code != http.StatusBadGateway || !strings.Contains(body, "Utility ID does not answer") || strings.Contains(body, at) {
		t.Errorf("%d %s", code, body)
	}
	if why == nil || !strings.Contains(why.Error(), at) {
		t.Errorf("the log is told %v; want why, with the address", why)
	}
}
