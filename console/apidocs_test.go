package console

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/flatwatt/flatwatt/casework"
)

const (
	apiPage   = "../docs/api.md"
	apiMarker = "<!-- below: go test ./console -run APIPage -update -->\n"
)

// sampleOf is a value that a field takes.
func sampleOf(f field) any {
	known := map[string]string{"ref": "c2@1", "meter": "c2", "box": "103,30,104,31", "password": "a longer secret", "new": "a longer secret", "old": "the present one",
		"name": "wang", "areas": "sichuan", "area": "sichuan/aba", "applicant": "A-2026-00001@1", "week": "2026-W05", "company": "某科技有限公司", "address": "某路 1 号",
		"credit_code": "91350100M000100Y43", "meters": "c2", "seed": "0711131825", "to": "li", "project": "P-2026-00001", "version": "1", "at": "", "detector": ""}
	value, ok := known[f.Name]
	switch {
	case f.Type == "date":
		value = "2026-02-20"
	case f.Words != nil:
		value = f.Words[0]
	case f.Type == "int":
		return 1
	case f.Type == "number":
		return 30
	case f.Type == "bool":
		return true
	case !ok:
		value = "words"
	}
	if f.Many {
		return []string{value}
	}
	return value
}

// sampleAlso are fields that an act wants for what it does, though its form lets them out.
var sampleAlso = map[string][]string{"/ledger": {"status", "meters"}, "/screening/commitments": {"meters"}, "/spotchecks": {"per_item"}, "/reports": {"correction"}}

// sampleBody is what an act's sample sends: what is needed, and the version.
func sampleBody(a act) string {
	body := map[string]any{}
	for _, f := range a.Fields {
		if f.Needed && f.Type != "file" || f.Name == "version" || slices.Contains(sampleAlso[a.Path], f.Name) {
			body[f.Name] = sampleOf(f)
		}
	}
	if a.Path == "/cases/{id}/move" {
		body["to"] = string(casework.DeskReview)
	}
	text, _ := json.Marshal(body) // strings and numbers only
	return string(text)
}

// apiText is every view and act with a request that works as it stands.
func apiText(t *testing.T, r *room) string {
	var b strings.Builder
	paths := everyPath(t, r)
	b.WriteString("\n## Read\n")
	for _, v := range views() {
		fmt.Fprintf(&b, "\n**GET %s** – %s.", apiPath(v.Path), v.Doc)
		if v.Role != "" {
			fmt.Fprintf(&b, " From the role %s.", v.Role)
		}
		for _, f := range v.Fields {
			fmt.Fprintf(&b, " `%s`: %s.", f.Name, f.Doc)
		}
		fmt.Fprintf(&b, "\n\n<!-- test: text -->\n\n    curl -H \"Authorization: Bearer $TOKEN\" \"$URL%s\"\n", apiPath(paths[v.Path]))
	}
	b.WriteString("\n## Change\n")
	for _, a := range acts() {
		fmt.Fprintf(&b, "\n**POST %s** – %s. From the role %s.", apiPath(a.Path), a.Doc, least(a.Role))
		file := ""
		for _, f := range a.Fields {
			fmt.Fprintf(&b, " `%s`%s: %s.", f.Name, map[bool]string{true: " (needed)"}[f.Needed], f.Doc)
			if f.Type == "file" {
				file = f.Name
			}
		}
		path := apiPath(actPath(a.Path))
		if file != "" {
			fmt.Fprintf(&b, "\n\n<!-- test: text -->\n\n    curl -H \"Authorization: Bearer $TOKEN\" -F version=1 -F %s=@photo.jpg \"$URL%s\"\n", file, path)
			continue
		}
		fmt.Fprintf(&b, "\n\n<!-- test: text -->\n\n    curl -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json' -d '%s' \"$URL%s\"\n", sampleBody(a), path)
	}
	return b.String()
}

// actPath puts the samples' names into a path.
func actPath(path string) string {
	for kind, id := range map[string]string{"cases": "C-2026-00001", "tips": "T-2026-00001", "spotchecks": "R-2026-00001", "ledger": "P-2026-00001", "prices": "S-2026-00001", "reports": "2026-W05"} {
		path = strings.Replace(path, "/"+kind+"/{id}", "/"+kind+"/"+id, 1)
	}
	return strings.NewReplacer("{id}", "c2", "{name}", "wang").Replace(path)
}

// TestAPIPage: docs/api.md has every view and act, and curl sends each of its requests to
// a console: what reads is answered, what changes is understood. An act may still be
// refused for what its record is by then.
func TestAPIPage(t *testing.T) {
	r := newRoom(t)
	withCase(t, r)
	text, err := os.ReadFile(apiPage)
	if err != nil {
		t.Fatal(err)
	}
	head, below, ok := strings.Cut(string(text), apiMarker)
	if !ok {
		t.Fatalf("%s has no line %q", apiPage, apiMarker)
	}
	if want := apiText(t, r); *update {
		if err := os.WriteFile(apiPage, []byte(head+apiMarker+want), 0o644); err != nil {
			t.Fatal(err)
		}
		text = []byte(head + apiMarker + want)
	} else if below != want {
		t.Errorf("%s is not what the routes say: go test ./console -run APIPage -update", apiPage)
	}
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("no curl")
	}
	sendSamples(t, r, string(text))
}

func sendSamples(t *testing.T, r *room, text string) {
	var made struct {
		Token string `json:"token"`
	}
	if code := r.visit("root").send("/me/tokens", map[string]any{"name": "docs", "until": "2026-12-31"}, &made); code != http.StatusOK || made.Token == "" {
		t.Fatalf("token: %d", code)
	}
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/photo.jpg", []byte("no photo"), 0o600); err != nil {
		t.Fatal(err)
	}
	lines := regexp.MustCompile(`(?m)^    (curl .*)$`).FindAllStringSubmatch(text, -1)
	if len(lines) < len(views())+len(acts()) {
		t.Errorf("%d requests for %d views and %d acts", len(lines), len(views()), len(acts()))
	}
	for _, line := range lines {
		cmd := exec.Command("bash", "-c", line[1]+` -s -o /dev/stderr -w '%{http_code}'`)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "URL="+r.url, "TOKEN="+made.Token)
		var answer strings.Builder
		cmd.Stderr = &answer
		out, err := cmd.Output()
		code := string(out)
		reads := !strings.Contains(line[1], " -d ") && !strings.Contains(line[1], " -F ")
		understood := slices.Contains([]string{"200", "400", "404", "409", "422"}, code) && !regexp.MustCompile(`is no field|is needed|page not found|no JSON`).MatchString(answer.String())
		if err != nil || reads && code != "200" || !reads && !understood {
			t.Errorf("%s\n%s %v %.300s", line[1], code, err, answer.String())
		}
	}
}
