package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/flatwatt/flatwatt/access"
	"github.com/flatwatt/flatwatt/casework"
)

// csp allows scripts, styles and requests of the console itself and nothing else: no
// inline script or style, no eval.
const csp = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; manifest-src 'self'"

// open paths need no sign-in.
var open = []string{"/login", "/login/oidc", "/login/oidc/back", "/healthz", "/preferences", "/api/openapi.json"}

type actorKey struct{}

// guard puts headers, limits, the check of origins and the sign-in before every route.
func (s *Server) guard(next http.Handler) http.Handler {
	signedIn := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/assets/") || r.URL.Path == "/healthz" { // a probe is cheap, and must not be turned away
			next.ServeHTTP(w, r)
			return
		}
		who, err := s.actor(r)
		if err != nil && !errors.Is(err, access.ErrPassword) {
			s.fail(w, r, err)
			return
		}
		key := "address " + s.limited(r)
		if err == nil {
			key = "user " + who.Name
		}
		if ok, wait := s.requests.Allow(key, s.Now()); !ok {
			w.Header().Set("Retry-After", strconv.Itoa(int(wait.Seconds())+1))
			http.Error(w, "too many requests: wait a little", http.StatusTooManyRequests)
			return
		}
		if err != nil && !isOpen(r.URL.Path) {
			s.turnAway(w, r)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), actorKey{}, who)))
	})
	return s.headers(http.NewCrossOriginProtection().Handler(signedIn))
}

func isOpen(path string) bool {
	for _, p := range open {
		if path == p {
			return true
		}
	}
	return false
}

func (s *Server) headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", csp)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=()")
		h.Set("Cache-Control", "no-store")
		if s.Secure {
			h.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
		}
		next.ServeHTTP(w, r)
	})
}

// actor is who asks: by a token for programs, by the session's cookie for browsers. The
// role and areas are looked up each time, so that a lock-out works at once.
func (s *Server) actor(r *http.Request) (access.Actor, error) {
	if token, ok := presented(r); ok {
		if s.Token != "" && access.TokenDigest(token) == access.TokenDigest(s.Token) {
			return access.Actor{Name: "token", Role: access.Viewer}, nil
		}
		return casework.ByToken(r.Context(), s.Store, token, s.Now().UTC().Format("2006-01-02"))
	}
	secret, ok := s.secret(r)
	if !ok {
		return access.Actor{}, access.ErrPassword
	}
	session, ok := s.Sessions.Find(secret, s.Now(), !byItself(r))
	if !ok {
		return access.Actor{}, access.ErrPassword
	}
	u, _, err := casework.Get[casework.User](r.Context(), s.Store, casework.KindUser, session.User)
	if errors.Is(err, casework.ErrNotFound) || err == nil && u.Disabled {
		return access.Actor{}, errors.Join(access.ErrPassword, s.Sessions.End(secret))
	}
	return u.Actor(session.User), err
}

// presented is the token of a request: as Authorization: Bearer, or as the password of
// HTTP's basic authentication under any name, for tools that know nothing else.
func presented(r *http.Request) (token string, ok bool) {
	if token, ok = strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		return token, true
	}
	_, token, ok = r.BasicAuth()
	return token, ok
}

// byItself says whether a page asked without a person having done anything.
func byItself(r *http.Request) bool {
	return r.URL.Path == "/events" || r.URL.Path == "/api/live" || r.Header.Get("Flatwatt-Live") == "1"
}

// turnAway sends whoever is not signed in to the login, and back afterwards.
func (s *Server) turnAway(w http.ResponseWriter, r *http.Request) {
	to := "/login?next=" + url.QueryEscape(r.URL.RequestURI())
	switch {
	case strings.HasPrefix(r.URL.Path, "/api/"):
		w.Header().Set("WWW-Authenticate", "Bearer")
		writeProblem(w, http.StatusUnauthorized, "unauthorized", "sign in, or send a token as Authorization: Bearer")
	case r.URL.Path == "/events":
		http.Error(w, "sign in", http.StatusUnauthorized)
	case r.Header.Get("HX-Request") == "true":
		if current, err := url.Parse(r.Header.Get("HX-Current-URL")); err == nil && current.Path != "" {
			to = "/login?next=" + url.QueryEscape(current.RequestURI())
		}
		w.Header().Set("HX-Redirect", to)
		w.WriteHeader(http.StatusUnauthorized)
	case r.Method != http.MethodGet:
		http.Redirect(w, r, "/login?next="+url.QueryEscape(local(r.Header.Get("Referer"))), http.StatusSeeOther)
	default:
		http.Redirect(w, r, to, http.StatusSeeOther)
	}
}

// local is the path of an address of this console; "/" for any other.
func local(address string) string {
	u, err := url.Parse(address)
	if err != nil || !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(u.Path, "//") || strings.Contains(u.Path, `\`) {
		return "/"
	}
	return u.RequestURI()
}

func (s *Server) cookieName() string {
	if s.Secure {
		return "__Host-flatwatt" // the browser then insists on https and on this host
	}
	return "flatwatt"
}

func (s *Server) secret(r *http.Request) (string, bool) {
	c, err := r.Cookie(s.cookieName())
	if err != nil || c.Value == "" {
		return "", false
	}
	return c.Value, true
}

func (s *Server) setCookie(w http.ResponseWriter, name, value string, seconds int) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: seconds, HttpOnly: true, Secure: s.Secure, SameSite: http.SameSiteLaxMode,
	})
}
