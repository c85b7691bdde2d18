package console

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

var update = flag.Bool("update", false, "write assets/openapi.json anew")

// TestOpenAPIIsThatOfTheRoutes: the file is what the tables of routes say, and valid by
// OpenAPI's own schema.
func TestOpenAPIIsThatOfTheRoutes(t *testing.T) {
	text, err := json.MarshalIndent(describeAPI(), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, '\n')
	if *update {
		if err := os.WriteFile("assets/openapi.json", text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	file, err := os.ReadFile("assets/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(file, text) {
		t.Error("assets/openapi.json is not what the routes say: go test ./console -run OpenAPI -update")
	}
	schema := compile(t, "testdata/openapi-3.1.schema.json", "")
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(doc); err != nil {
		t.Errorf("no OpenAPI 3.1: %v", err)
	}
}

func compile(t *testing.T, path, pointer string) *jsonschema.Schema {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	doc, err := jsonschema.UnmarshalJSON(f)
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("mem:///doc.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("mem:///doc.json" + pointer)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// TestEveryRouteIsDescribed walks the server's own routes: each path of /api that answers
// is in the description, and each in the description answers.
func TestEveryRouteIsDescribed(t *testing.T) {
	r := newRoom(t)
	described := describeAPI()["paths"].(object)
	mux := r.s.mux()
	param := regexp.MustCompile(`\{\w+\}`)
	for path, ops := range described {
		for method := range ops.(object) {
			req, err := http.NewRequest(strings.ToUpper(method), param.ReplaceAllString(path, "x"), nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, pattern := mux.Handler(req); pattern != strings.ToUpper(method)+" "+path {
				t.Errorf("%s %s is described, but leads to %q", method, path, pattern)
			}
		}
	}
	for _, f := range r.s.plain() {
		method, path, _ := strings.Cut(f.pattern, " ")
		if ops, ok := described[path].(object); strings.HasPrefix(path, "/api/") && (!ok || ops[strings.ToLower(method)] == nil) {
			t.Errorf("%s is served but not described", f.pattern)
		}
	}
}

// TestAnswersFitTheirSchema asks for every view and holds the answer against what the
// description promises.
func TestAnswersFitTheirSchema(t *testing.T) {
	r := newRoom(t)
	withCase(t, r)
	v := r.visit("root")
	paths := everyPath(t, r)
	escape := strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D")
	for _, view := range views() {
		code, body := v.get("/api" + paths[view.Path])
		if code != http.StatusOK {
			t.Errorf("%s: %d %.300s", view.Path, code, body)
			continue
		}
		schema := compile(t, "assets/openapi.json", "#/paths/"+escape.Replace("/api"+view.Path)+"/get/responses/200/content/application~1json/schema")
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
		if err != nil {
			t.Fatalf("%s: %v", view.Path, err)
		}
		if err := schema.Validate(doc); err != nil {
			t.Errorf("%s: %v", view.Path, err)
		}
	}
}

// Programs meet one style of names, not here and there those of Go.
func TestNamesOfTheAPIAreInSmallLetters(t *testing.T) {
	text, err := os.ReadFile("assets/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Components struct {
			Schemas map[string]struct {
				Properties map[string]any `json:"properties"`
			} `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	for schema, one := range doc.Components.Schemas {
		for name := range one.Properties {
			if name != strings.ToLower(name) {
				t.Errorf("%s.%s: want small letters and _", schema, name)
			}
		}
	}
}
