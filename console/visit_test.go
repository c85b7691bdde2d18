package console

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
)

// A visitor is a browser without a screen.
type visitor struct {
	*room
	client *http.Client
	lang   string
}

// visit signs somebody in; "" is nobody.
func (r *room) visit(name string) *visitor {
	r.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		r.t.Fatal(err)
	}
	v := &visitor{room: r, lang: "en", client: &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	if name == "" {
		return v
	}
	if code, body := v.post("/login", "user", name, "password", password); code != http.StatusSeeOther {
		r.t.Fatalf("%s cannot sign in: %d %s", name, code, body)
	}
	return v
}

func (v *visitor) do(method, path string, body io.Reader, header ...string) (int, string, http.Header) {
	v.t.Helper()
	req, err := http.NewRequest(method, v.url+path, body)
	if err != nil {
		v.t.Fatal(err)
	}
	req.Header.Set("Accept-Language", v.lang)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := v.client.Do(req)
	if err != nil {
		v.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return res.StatusCode, string(text), res.Header
}

func (v *visitor) get(path string) (int, string) {
	v.t.Helper()
	code, body, _ := v.do("GET", path, nil)
	return code, body
}

// post sends a form of pairs.
func (v *visitor) post(path string, pairs ...string) (int, string) {
	v.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	code, body, _ := v.do("POST", path, strings.NewReader(form.Encode()), "Content-Type", "application/x-www-form-urlencoded", "Origin", v.url)
	return code, body
}

// send sends JSON to the API and reads the answer into out, which may be nil.
func (v *visitor) send(path string, in any, out any) int {
	v.t.Helper()
	text, err := json.Marshal(in)
	if err != nil {
		v.t.Fatal(err)
	}
	code, body, _ := v.do("POST", "/api"+path, bytes.NewReader(text), "Content-Type", "application/json")
	if out != nil {
		if err := json.Unmarshal([]byte(body), out); err != nil {
			v.t.Fatalf("%s: %v: %s", path, err, body)
		}
	}
	return code
}

// read reads a view of the API into out.
func (v *visitor) read(path string, out any) int {
	v.t.Helper()
	code, body := v.get("/api" + path)
	if err := json.Unmarshal([]byte(body), out); err != nil {
		v.t.Fatalf("%s: %v: %s", path, err, body)
	}
	return code
}
