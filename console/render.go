package console

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/flatwatt/flatwatt/access"
	"github.com/flatwatt/flatwatt/casework"
	"github.com/flatwatt/flatwatt/casework/alarms"
	"github.com/flatwatt/flatwatt/casework/tips"
)

// A frame is what every page has round its data.
type frame struct {
	Name, Group string
	Lang, Theme string
	Path        string // of this page with its query, to come back to
	Who         access.Actor
	Status      Status
	Program     string
	Said        *said // what came of the last act
	Menu        []menuGroup
	Data        any
	Now         time.Time
	Failed      int    // status of an error page
	Stamp       string // of the data shown, for live updates
}

type menuGroup struct {
	Name  string
	Items []menuItem
}

type menuItem struct {
	Name, Path string
	Here       bool
}

// groups of the menu, in their order.
var groups = []string{"work", "grid", "account", "system"}

func (s *Server) menu(c *call, name string) []menuGroup {
	var menu []menuGroup
	for _, g := range groups {
		group := menuGroup{Name: g}
		for _, v := range views() {
			if v.Group == g && c.who.Need(least(v.Role)) == nil && !strings.Contains(v.Path, "{") {
				group.Items = append(group.Items, menuItem{v.Name, v.Path, v.Name == name || parent(name) == v.Name})
			}
		}
		if len(group.Items) > 0 {
			menu = append(menu, group)
		}
	}
	return menu
}

// parent is the list that a detail's page belongs to.
func parent(name string) string {
	switch name {
	case "meter":
		return "meters"
	case "case":
		return "cases"
	case "tip", "spotcheck", "statement", "report":
		return map[string]string{"tip": "tips", "spotcheck": "spotchecks", "statement": "prices", "report": "reports"}[name]
	case "project":
		return "ledger"
	}
	return name
}

// parsePages parses every page once a language, with the layout and the parts they share.
func (s *Server) parsePages() (map[string]*template.Template, error) {
	pages := map[string]*template.Template{}
	for _, lang := range languages {
		base, err := template.New("").Funcs(s.funcs(lang)).ParseFS(assets, "assets/layout/*.html")
		if err != nil {
			return nil, fmt.Errorf("parse layout: %w", err)
		}
		files, err := fs.Glob(assets, "assets/pages/*.html")
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			name := strings.TrimSuffix(path.Base(file), ".html")
			page, err := base.Clone()
			if err == nil {
				_, err = page.ParseFS(assets, file)
			}
			if err != nil {
				return nil, fmt.Errorf("parse page %s: %w", name, err)
			}
			pages[lang+" "+name] = page
		}
	}
	return pages, nil
}

// render builds the page before it sends it, so that a fault is an error, not half a page.
func (s *Server) render(w http.ResponseWriter, c *call, name, group string, data any, status int) {
	f := frame{
		Name: name, Group: group, Lang: c.lang, Theme: theme(c.r), Path: c.r.URL.RequestURI(), Who: c.who,
		Status: s.Board.Status(), Program: s.Program, Menu: s.menu(c, name), Data: data, Now: c.now, Failed: status,
	}
	f.Said, f.Stamp = s.said(w, c.r), c.stamp
	page := s.pages[c.lang+" "+cmp.Or(c.template, name)]
	if page == nil {
		http.Error(w, "no page "+name, http.StatusInternalServerError)
		return
	}
	var b bytes.Buffer
	if err := page.ExecuteTemplate(&b, "layout", f); err != nil {
		http.Error(w, "page: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", c.lang)
	w.Header().Add("Vary", "Accept-Language, Cookie")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the reader has gone if this fails
}

// fail shows why a page cannot be shown.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	c := s.newCall(r)
	status, code := classify(err)
	if strings.HasPrefix(r.URL.Path, "/api/") {
		writeProblem(w, status, code, err.Error())
		return
	}
	s.render(w, c, "error", "", c.explain(err), status)
}

// said is what an act came to, told on the next page.
type said struct {
	Text string `json:"text"`
	Bad  bool   `json:"bad"`
}

const saidCookie = "flatwatt_said"

func (s *Server) tell(w http.ResponseWriter, text string, bad bool) {
	if r := []rune(text); len(r) > 600 {
		text = string(r[:600]) + "…"
	}
	s.setCookie(w, saidCookie, encodeSaid(said{text, bad}), 60)
}

func encodeSaid(what said) string {
	b, _ := json.Marshal(what) // text and a bool always can
	return base64.RawURLEncoding.EncodeToString(b)
}

func (s *Server) said(w http.ResponseWriter, r *http.Request) *said {
	cookie, err := r.Cookie(saidCookie)
	if err != nil || r.Header.Get("Flatwatt-Live") == "1" {
		return nil
	}
	s.setCookie(w, saidCookie, "", -1)
	text, err := base64.RawURLEncoding.DecodeString(cookie.Value)
	var what said
	if err != nil || json.Unmarshal(text, &what) != nil {
		return nil
	}
	return &what
}

// An asset is an embedded file with its digest, under which browsers keep it.
type asset struct {
	body []byte
	kind string
	etag string
}

func loadAssets() (map[string]asset, error) {
	kinds := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
	all := map[string]asset{}
	err := fs.WalkDir(assets, "assets", func(file string, d fs.DirEntry, err error) error {
		kind, ok := kinds[path.Ext(file)]
		if err != nil || d.IsDir() || !ok {
			return err
		}
		body, err := assets.ReadFile(file)
		sum := sha256.Sum256(body)
		all[strings.TrimPrefix(file, "assets/")] = asset{body, kind, `"` + hex.EncodeToString(sum[:12]) + `"`}
		return err
	})
	return all, err
}

// asset serves a script, style or picture of the console. They need no sign-in: they are
// the same for everybody. Pages name them with their digest, so they can be kept.
func (s *Server) asset(w http.ResponseWriter, r *http.Request) {
	a, ok := s.assets[r.PathValue("name")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", a.kind)
	w.Header().Set("ETag", a.etag)
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(a.body))
}

// assetPath is the address of an asset with its digest.
func (s *Server) assetPath(name string) (string, error) {
	a, ok := s.assets[name]
	if !ok {
		return "", errors.New("no asset " + name)
	}
	return "/assets/" + name + "?" + strings.Trim(a.etag, `"`), nil
}

// caches hold decoded records, so that a list of 10,000 is not read anew for each page.
type caches struct {
	alarms *casework.Cache[alarms.Alarm]
	cases  *casework.Cache[casework.Case]
	users  *casework.Cache[casework.User]

	applicants  *casework.Cache[tips.Applicant]
	commitments *casework.Cache[tips.Commitment]
}

func newCaches(s casework.Store) caches {
	return caches{
		casework.NewCache[alarms.Alarm](s, alarms.Kind), casework.NewCache[casework.Case](s, casework.KindCase), casework.NewCache[casework.User](s, casework.KindUser),
		casework.NewCache[tips.Applicant](s, tips.KindApplicant), casework.NewCache[tips.Commitment](s, tips.KindCommitment),
	}
}
