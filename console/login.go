package console

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/flatwatt/flatwatt/access"
	"github.com/flatwatt/flatwatt/casework"
)

type loginPage struct {
	Next  string
	User  string
	OIDC  string // name of the provider; "" without one
	Hint  string
	Empty bool // there is no user yet
}

// loginPage asks who it is.
func (s *Server) loginPage(w http.ResponseWriter, r *http.Request) {
	c := s.newCall(r)
	s.showLogin(w, c, "", http.StatusOK)
}

func (s *Server) showLogin(w http.ResponseWriter, c *call, user string, status int) {
	p := loginPage{Next: local(c.r.FormValue("next")), User: user, Hint: s.Hint}
	if s.OIDC != nil {
		p.OIDC = s.OIDC.Name()
	}
	users, err := s.Store.List(c.ctx, casework.KindUser)
	if err != nil {
		s.fail(w, c.r, err)
		return
	}
	p.Empty = len(users) == 0
	c.who = access.Actor{} // the page is that of nobody
	s.render(w, c, "login", "", p, status)
}

// login signs a user in by name and password.
func (s *Server) login(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	c := s.newCall(r)
	name, password := strings.ToLower(strings.TrimSpace(r.FormValue("user"))), r.FormValue("password")
	if len(name) > 64 {
		name = name[:64]
	}
	if wait := s.mayTry(name, r); wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(wait.Seconds())+1))
		s.tellNow(w, c, name, c.t("login.wait", int(wait.Minutes())+1), http.StatusTooManyRequests)
		return
	}
	who, err := s.signIn(r, name, password)
	if errors.Is(err, access.ErrPassword) {
		s.tellNow(w, c, name, c.t("login.wrong"), http.StatusUnauthorized)
		return
	}
	if err == nil {
		s.logins.Forget("name " + name)
		err = s.begin(w, r, who, "session.begin")
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	http.Redirect(w, r, local(r.FormValue("next")), http.StatusSeeOther)
}

// mayTry counts a try of a name and of an address; else it says how long to wait.
func (s *Server) mayTry(name string, r *http.Request) time.Duration {
	for _, key := range []string{"name " + name, "address " + remote(r)} {
		if ok, wait := s.logins.Allow(key, s.Now()); !ok {
			return wait
		}
	}
	return 0
}

// signIn checks a password; only so many at once, for the memory that each takes.
func (s *Server) signIn(r *http.Request, name, password string) (access.Actor, error) {
	select {
	case s.hashing <- struct{}{}:
		defer func() { <-s.hashing }()
	case <-r.Context().Done():
		return access.Actor{}, r.Context().Err()
	}
	return casework.SignIn(r.Context(), s.Store, name, password)
}

// tellNow shows the login page again with what was wrong.
func (s *Server) tellNow(w http.ResponseWriter, c *call, user, text string, status int) {
	c.r.AddCookie(&http.Cookie{Name: saidCookie, Value: encodeSaid(said{text, true})})
	s.showLogin(w, c, user, status)
}

// begin gives the browser a new session and notes the sign-in in the trail.
func (s *Server) begin(w http.ResponseWriter, r *http.Request, who access.Actor, action string) error {
	if secret, ok := s.secret(r); ok {
		if err := s.Sessions.End(secret); err != nil { // a new sign-in never goes on with an old secret
			return err
		}
	}
	now := s.Now().UTC()
	if err := s.Store.Commit(r.Context(), casework.Change{At: now, Actor: who, Action: action}); err != nil {
		return err
	}
	secret, err := s.Sessions.Begin(access.Session{User: who.Name, Began: now, From: remote(r), Browser: r.UserAgent()})
	if err != nil {
		return err
	}
	s.setCookie(w, s.cookieName(), secret, int(access.SessionLife.Seconds()))
	return nil
}

// logout ends the session here and at the browser.
func (s *Server) logout(w http.ResponseWriter, r *http.Request) {
	if secret, ok := s.secret(r); ok {
		if err := s.Sessions.End(secret); err != nil {
			s.fail(w, r, err)
			return
		}
	}
	s.setCookie(w, s.cookieName(), "", -1)
	w.Header().Set("Clear-Site-Data", `"cache", "storage"`)
	http.Redirect(w, r, "/login", http.StatusSeeOther)
}

const oidcCookie = "flatwatt_oidc"

// oidcBegin sends the browser to the provider.
func (s *Server) oidcBegin(w http.ResponseWriter, r *http.Request) {
	if s.OIDC == nil {
		http.NotFound(w, r)
		return
	}
	if ok, _ := s.logins.Allow("address "+remote(r), s.Now()); !ok {
		http.Error(w, "too many sign-ins: wait a minute", http.StatusTooManyRequests)
		return
	}
	address, state, err := s.OIDC.Begin(r.Context(), local(r.URL.Query().Get("next")), s.Now())
	if errors.Is(err, access.ErrNoProvider) { // why is for the log: this page is anybody's
		c := s.newCall(r)
		s.tellNow(w, c, "", c.t("login.oidc_away", s.OIDC.Name()), http.StatusBadGateway)
		return
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.setCookie(w, oidcCookie, state, 600)
	http.Redirect(w, r, address, http.StatusSeeOther)
}

// oidcBack is where the provider sends the browser back to. The user must be there and
// not locked out: the provider says who somebody is, not what they may do.
func (s *Server) oidcBack(w http.ResponseWriter, r *http.Request) {
	if s.OIDC == nil {
		http.NotFound(w, r)
		return
	}
	c := s.newCall(r)
	state := ""
	if cookie, err := r.Cookie(oidcCookie); err == nil {
		state = cookie.Value
	}
	s.setCookie(w, oidcCookie, "", -1)
	q := r.URL.Query()
	name, next, err := s.OIDC.End(c.ctx, q.Get("state"), state, q.Get("code"), s.Now())
	if err != nil {
		s.tellNow(w, c, "", c.t("login.oidc_failed", err.Error()), http.StatusUnauthorized)
		return
	}
	u, _, err := casework.Get[casework.User](c.ctx, s.Store, casework.KindUser, name)
	if errors.Is(err, casework.ErrNotFound) || err == nil && u.Disabled {
		s.tellNow(w, c, "", c.t("login.oidc_unknown", name), http.StatusForbidden)
		return
	}
	if err == nil {
		err = s.begin(w, r, u.Actor(name), "session.begin_oidc")
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
}

// loginNext is where the provider's button leads.
func loginNext(next string) string { return "/login/oidc?next=" + url.QueryEscape(next) }
