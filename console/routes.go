package console

import (
	"net/http"
	"slices"
	"strings"

	"github.com/flatwatt/flatwatt/access"
)

// A view is something to look at: a page, and the same as JSON under /api.
type view struct {
	Path   string // as for http.ServeMux
	Name   string // of the template, and of the operation in the API
	Page   string // its template where that has another name
	Group  string // of the menu; "" where it is not in it
	Doc    string
	Role   access.Role // the least
	Fields []field     // of the query
	Shape  any         // a value of what get returns, for the API's description
	get    func(*call) (any, error)
}

// An act is something to do: a form of a page, and a request of the API.
type act struct {
	Path   string
	Name   string
	Doc    string
	Role   access.Role
	Fields []field
	do     func(*call) (done, error)
}

// done says what came of an act.
type done struct {
	To   string         // page to look at next; "" is the one it was done from
	Say  string         // key of the text that says so
	Args []any          // for it
	Body map[string]any // more for programs
}

func views() []view {
	return slices.Concat(alarmViews, meterViews, caseViews, gridViews, accountViews, systemViews)
}

func acts() []act {
	return slices.Concat(alarmActs, caseActs, accountActs, systemActs)
}

// common fields of every form: where to go back to.
var backField = field{Name: "back", Doc: "page to go back to; only for browsers"}

// page serves a view to browsers.
func (s *Server) page(v view) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := s.newCall(r)
		c.stamp, _ = s.stamp(r) // before the data: what changes meanwhile is fetched again
		data, err := s.look(c, v)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		c.template = v.Page
		s.render(w, c, v.Name, v.Group, data, http.StatusOK)
	})
}

func (s *Server) look(c *call, v view) (any, error) {
	if err := c.who.Need(least(v.Role)); err != nil {
		return nil, err
	}
	c.in = c.r.URL.Query()
	if err := c.check(v.Fields); err != nil {
		return nil, err
	}
	return v.get(c)
}

func least(r access.Role) access.Role {
	if r == "" {
		return access.Viewer
	}
	return r
}

// run does an act for whoever asks.
func (s *Server) run(c *call, w http.ResponseWriter, a act) (done, error) {
	if err := c.who.Need(least(a.Role)); err != nil {
		return done{}, err
	}
	if err := c.readBody(w); err != nil {
		return done{}, err
	}
	if err := c.check(append(slices.Clone(a.Fields), backField)); err != nil {
		return done{}, err
	}
	return a.do(c)
}

// form does an act for a browser and sends it on to a page that says what came of it.
func (s *Server) form(a act) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := s.newCall(r)
		what, err := s.run(c, w, a)
		back := local(r.Header.Get("Referer"))
		if to := c.in.Get("back"); to != "" {
			back = local(to)
		}
		if err != nil {
			s.tell(w, c.explain(err), true)
			http.Redirect(w, r, back, http.StatusSeeOther)
			return
		}
		if what.Say != "" {
			s.tell(w, c.t(what.Say, what.Args...), false)
		}
		if what.To != "" {
			back = what.To
		}
		http.Redirect(w, r, back, http.StatusSeeOther)
	})
}

// apiPath is where programs find a path of the console.
func apiPath(path string) string { return "/api" + strings.TrimSuffix(path, "{$}") }
