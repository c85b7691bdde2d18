package console

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/flatwatt/flatwatt/access"
	"github.com/flatwatt/flatwatt/casework"
)

// Bounds of what is sent to an act or a view.
const (
	maxBody   = 1 << 20                    // of a form or of JSON
	maxUpload = casework.MaxFile + maxBody // of a form with a file
	maxField  = 10_000                     // bytes of one value, unless its field says otherwise
	maxMany   = 1_000                      // values of one field
)

// A field is one thing that a view or an act takes. It is checked before either runs, and
// is what the API's description says.
type field struct {
	Name   string
	Type   string   // "" is text; else int, number, bool, date or file
	Words  []string // the only ones, where not nil
	Needed bool
	Many   bool // any number of values up to maxMany
	Doc    string
}

// A call is one request of somebody to a view or an act.
type call struct {
	*Server
	ctx  context.Context
	r    *http.Request
	who  access.Actor
	lang string
	now  time.Time
	in   url.Values
	// stamp is that of the moment before a page's data was read.
	stamp string
	// template is that of the page where it has another name than the view.
	template string
	file     *upload // of an act with a field of type file
}

type upload struct {
	name string
	body []byte
}

func (s *Server) newCall(r *http.Request) *call {
	who, _ := r.Context().Value(actorKey{}).(access.Actor)
	return &call{Server: s, ctx: r.Context(), r: r, who: who, lang: language(r), now: s.Now().UTC()}
}

// desk is where this person works on cases now.
func (c *call) desk() casework.Desk { return casework.Desk{Store: c.Store, Who: c.who, Now: c.now} }

func (c *call) t(key string, args ...any) string { return c.catalogs[c.lang].say(key, args...) }

func (c *call) path(name string) string { return c.r.PathValue(name) }

func (c *call) text(name string) string { return strings.TrimSpace(c.in.Get(name)) }

// int is a field of type int, 0 where it was left out.
func (c *call) int(name string) int {
	n, _ := strconv.Atoi(c.in.Get(name)) // checked by check
	return n
}

func (c *call) bool(name string) bool { return c.in.Get(name) == "true" || c.in.Get(name) == "on" }

// check holds what came in against fields.
func (c *call) check(fields []field) error {
	for name, values := range c.in {
		i := slices.IndexFunc(fields, func(f field) bool { return f.Name == name })
		if i < 0 {
			return badRequest("%s: is no field of this; want %s", name, names(fields))
		}
		f := fields[i]
		if len(values) > maxMany || len(values) > 1 && !f.Many {
			return badRequest("%s: %d values; want at most %d", name, len(values), map[bool]int{true: maxMany, false: 1}[f.Many])
		}
		for _, v := range values {
			if err := f.check(v); err != nil {
				return err
			}
		}
	}
	for _, f := range fields {
		if f.Needed && f.Type != "file" && strings.TrimSpace(c.in.Get(f.Name)) == "" {
			return badRequest("%s: is needed: %s", f.Name, f.Doc)
		}
		if f.Needed && f.Type == "file" && c.file == nil {
			return badRequest("%s: a file is needed", f.Name)
		}
	}
	return nil
}

func names(fields []field) string {
	var list []string
	for _, f := range fields {
		list = append(list, f.Name)
	}
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}

func (f field) check(v string) error {
	if len(v) > maxField || !utf8.ValidString(v) || strings.ContainsRune(v, 0) {
		return badRequest("%s: %d bytes; want at most %d of UTF-8", f.Name, len(v), maxField)
	}
	if v == "" {
		return nil
	}
	var err error
	switch f.Type {
	case "int":
		_, err = strconv.Atoi(v)
	case "number":
		_, err = strconv.ParseFloat(v, 64)
	case "date":
		_, err = time.Parse(time.DateOnly, v)
	case "bool":
		if !slices.Contains([]string{"true", "false", "on"}, v) {
			err = errors.New("want true or false")
		}
	}
	if err != nil {
		return badRequest("%s %q: want %s", f.Name, v, f.Type)
	}
	if f.Words != nil && !slices.Contains(f.Words, v) {
		return badRequest("%s %q: want one of %s", f.Name, v, strings.Join(f.Words, ", "))
	}
	return nil
}

// readBody reads a form, a form with a file, or a JSON object into c.in.
func (c *call) readBody(w http.ResponseWriter) error {
	kind, _, _ := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	switch kind {
	case "application/json":
		c.r.Body = http.MaxBytesReader(w, c.r.Body, maxBody)
		return c.readJSON()
	case "multipart/form-data":
		c.r.Body = http.MaxBytesReader(w, c.r.Body, maxUpload)
		if err := c.r.ParseMultipartForm(maxUpload); err != nil {
			return tooLarge(err)
		}
		c.in = url.Values(c.r.MultipartForm.Value)
		return c.readFile()
	case "application/x-www-form-urlencoded", "":
		c.r.Body = http.MaxBytesReader(w, c.r.Body, maxBody)
		if err := c.r.ParseForm(); err != nil {
			return tooLarge(err)
		}
		c.in = c.r.PostForm
		return nil
	}
	return fault{http.StatusUnsupportedMediaType, fmt.Errorf("content type %q: want application/json or a form", kind)}
}

func tooLarge(err error) error {
	if big := (*http.MaxBytesError)(nil); errors.As(err, &big) {
		return fault{http.StatusRequestEntityTooLarge, fmt.Errorf("body: more than %d bytes", big.Limit)}
	}
	return badRequest("body: %w", err)
}

func (c *call) readFile() error {
	for _, headers := range c.r.MultipartForm.File {
		for _, h := range headers {
			f, err := h.Open()
			if err != nil {
				return err
			}
			defer f.Close()
			body, err := io.ReadAll(f)
			if err != nil {
				return err
			}
			if len(body) > 0 {
				c.file = &upload{h.Filename, body}
			}
		}
	}
	return nil
}

func (c *call) readJSON() error {
	var object map[string]any
	d := json.NewDecoder(c.r.Body)
	d.UseNumber()
	if err := d.Decode(&object); err != nil {
		return tooLarge(err)
	}
	c.in = url.Values{}
	for name, value := range object {
		list, many := value.([]any)
		if !many {
			list = []any{value}
		}
		for _, v := range list {
			switch v := v.(type) {
			case string, json.Number, bool:
				c.in.Add(name, fmt.Sprint(v))
			case nil:
			default:
				return badRequest("%s: want text, a number, true, false or a list of them", name)
			}
		}
	}
	return nil
}
