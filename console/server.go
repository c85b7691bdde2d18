// Package console is the control room: pages for operators, inspectors and supervisors,
// the same as a JSON API, and a health check. It is one embedded program: no build step,
// nothing from elsewhere, no inline script.
package console

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/access"
	"github.com/flatwatt/flatwatt/casework"
	"github.com/flatwatt/flatwatt/casework/alarms"
	"github.com/flatwatt/flatwatt/casework/energy"
	"github.com/flatwatt/flatwatt/casework/ledger"
	"github.com/flatwatt/flatwatt/casework/price"
	"github.com/flatwatt/flatwatt/network"
)

//go:embed assets
var assets embed.FS

// Options wire a console. Board, Store and Now are needed; a page whose source is nil
// says how to connect it.
type Options struct {
	Board Board
	Store casework.Store
	Now   func() time.Time

	Zone     *time.Location   // of times that belong to no meter; nil is UTC
	Secure   bool             // it is reached over https only: cookies need it
	Proxies  []netip.Prefix   // whose X-Forwarded-For is believed; nil: nobody's
	Token    string           // lets programs read the API; "" for none
	OIDC     *access.OIDC     // nil: local users only
	Sessions *access.Sessions // nil: those that Store keeps, else in memory
	Program  string           // name and version, at the foot of pages
	Hint     string           // shown on the login page, by the demo; "" for none

	// Policy is the alarm philosophy; its zero value stands for alarms.DefaultPolicy.
	Policy alarms.Policy
	// Schedule and Rules are those of prices and of the ledger; zero stands for the defaults.
	Schedule price.Schedule
	Rules    ledger.Rules
	// Energy tells what meters used, for the ledger and for statements.
	Energy energy.Source
	// Words put a score's evidence into a language, "en" or "zh": one line, and one text
	// for each piece. nil keeps the words of the board.
	Words func(lang string) func(flatwatt.Score) (reason string, reasons []string)
	// Network is what hangs below what.
	Network *network.Network
	// History are past scores of a meter, oldest first.
	History func(context.Context, flatwatt.MeterID) ([]flatwatt.Score, error)
	// Runs are re-scoring runs, latest first.
	Runs func(context.Context) ([]Run, error)
}

// A Server is the console. Close ends the live updates that it still sends.
type Server struct {
	Options
	catalogs map[string]catalog
	phrases  map[string][]phrase           // by language; none for English
	pages    map[string]*template.Template // by language
	routes   http.Handler
	tries    tries           // wrong passwords
	requests *access.Limiter // by session or address
	hashing  chan struct{}   // bounds the passwords hashed at once: each takes 46 MiB
	assets   map[string]asset
	cases    caches

	closing  chan struct{}
	closeOne sync.Once
}

// New wires a console.
func New(o Options) (*Server, error) {
	if o.Board == nil || o.Store == nil || o.Now == nil {
		return nil, errors.New("console: Board, Store and Now are needed")
	}
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	if err := o.openSessions(); err != nil {
		return nil, err
	}
	s := &Server{
		Options: o, closing: make(chan struct{}),
		tries:    newTries(),
		requests: access.NewLimiter(50*time.Millisecond, 400),
		hashing:  make(chan struct{}, 4),
	}
	if s.Policy.OnDelayDays == 0 {
		s.Policy = alarms.DefaultPolicy()
	}
	if len(s.Schedule.Rules) == 0 {
		s.Schedule = price.Default()
	}
	if s.Rules.NewSince == "" {
		s.Rules = ledger.DefaultRules()
	}
	s.cases = newCaches(o.Store)
	var err error
	if s.catalogs, err = loadCatalogs(); err != nil {
		return nil, err
	}
	zh, err := loadPhrases(chinese)
	if err != nil {
		return nil, err
	}
	s.phrases = map[string][]phrase{chinese: zh}
	if s.assets, err = loadAssets(); err != nil {
		return nil, err
	}
	if s.pages, err = s.parsePages(); err != nil {
		return nil, err
	}
	s.routes = s.guard(s.known(s.mux()))
	return s, nil
}

// openSessions goes on with the sessions that the store has kept, where it keeps any.
func (o *Options) openSessions() (err error) {
	if o.Sessions != nil {
		return nil
	}
	o.Sessions = access.NewSessions()
	if keeper, ok := o.Store.(access.Keeper); ok {
		o.Sessions, err = access.OpenSessions(context.Background(), keeper, o.Now())
	}
	return err
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.routes.ServeHTTP(w, r) }

// Close ends live updates, so that a server that shuts down need not wait for them.
func (s *Server) Close() error {
	s.closeOne.Do(func() { close(s.closing) })
	return nil
}

// mux routes every view and act of the tables, as a page and as JSON.
func (s *Server) mux() *http.ServeMux {
	mux := http.NewServeMux()
	for _, v := range views() {
		if v.Name != "" { // else it is for programs only
			mux.Handle("GET "+v.Path, s.page(v))
		}
		mux.Handle("GET /api"+v.Path, s.apiView(v))
	}
	for _, a := range acts() {
		mux.Handle("POST "+a.Path, s.form(a))
		mux.Handle("POST /api"+a.Path, s.apiAct(a))
	}
	for _, f := range s.plain() {
		mux.HandleFunc(f.pattern, f.serve)
	}
	return mux
}

// known answers what no route is for as everything else that does not exist, in the person's
// language.
func (s *Server) known(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		other := r.Clone(r.Context())
		other.Method = http.MethodPost
		_, get := mux.Handler(r)
		if _, post := mux.Handler(other); get == "" && post == "" {
			s.fail(w, r, fmt.Errorf("%s: %w", r.URL.Path, casework.ErrNotFound))
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// A plainRoute is one that is neither a page of data nor an act.
type plainRoute struct {
	pattern string
	serve   http.HandlerFunc
}

func (s *Server) plain() []plainRoute {
	return []plainRoute{
		{"GET /{$}", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/alarms", http.StatusSeeOther) }},
		{"GET /login", s.loginPage},
		{"POST /login", s.login},
		{"GET /login/oidc", s.oidcBegin},
		{"GET /login/oidc/back", s.oidcBack},
		{"POST /logout", s.logout},
		{"POST /preferences", s.preferences},
		{"GET /events", s.events},
		{"GET /healthz", s.health},
		{"GET /assets/{name...}", s.asset},
		{"GET /api/openapi.json", s.openAPI},
		{"GET /api/suspects", s.suspects},
		{"GET /api/live", s.live},
		{"GET /cases/{id}/files/{sum}", s.file},
		{"GET /spotchecks/{id}/disclosure", s.disclosure},
		{"GET /reports/{id}/file", s.reportFile},
		{"GET /api/meters/{id}/pack.json", s.packFile},
	}
}

// fault is an error with the status that tells it to programs.
type fault struct {
	status int
	err    error
}

func (f fault) Error() string { return f.err.Error() }
func (f fault) Unwrap() error { return f.err }

func badRequest(format string, args ...any) error {
	return fault{http.StatusBadRequest, fmt.Errorf(format, args...)}
}
