package console

import (
	"encoding/json"
	"net/http"
	"path"
	"reflect"
	"regexp"
	"strings"
	"time"
)

// openAPI sends the description of the API.
func (s *Server) openAPI(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	http.ServeFileFS(w, r, assets, "assets/openapi.json")
}

type object = map[string]any

// describeAPI makes assets/openapi.json from the tables of views and acts; a test keeps
// both the same. OpenAPI 3.1.
func describeAPI() object {
	paths := object{}
	schemas := newSchemas()
	at := func(route string) object {
		if paths[route] == nil {
			paths[route] = object{}
		}
		return paths[route].(object)
	}
	for _, v := range views() {
		op := operation(v.Doc, least(v.Role), pathFields(v.Path), schemas.of(reflect.TypeOf(v.Shape)))
		op["operationId"] = "get" + operationName(v)
		op["parameters"] = append(op["parameters"].([]any), queryFields(v.Fields)...)
		at("/api" + v.Path)["get"] = op
	}
	for _, a := range acts() {
		op := operation(a.Doc, least(a.Role), pathFields(a.Path), object{"type": "object", "required": []string{"done"}, "properties": object{
			"done": object{"type": "boolean"}, "see": object{"type": "string", "description": "path to look at next"},
		}})
		op["operationId"] = a.Name
		op["requestBody"] = body(a.Fields)
		at("/api" + a.Path)["post"] = op
	}
	for route, op := range fixedOperations(schemas) {
		at(route)["get"] = op
	}
	return object{
		"openapi": "3.1.0",
		"info": object{
			"title": "flatwatt console", "version": "1", "license": object{"name": "Apache-2.0", "identifier": "Apache-2.0"},
			"description": "Everything that the pages of the control room show or do. What is not known is null. A change names the version that was seen; 409 says that somebody else was first.",
		},
		"security": []any{object{"token": []any{}}, object{"session": []any{}}},
		"paths":    paths,
		"components": object{
			"schemas": schemas.all,
			"securitySchemes": object{
				"token":   object{"type": "http", "scheme": "bearer", "description": "of a user, or the service's own for reading"},
				"session": object{"type": "apiKey", "in": "cookie", "name": "flatwatt"},
			},
		},
	}
}

func fixedOperations(schemas *schemas) object {
	suspects := object{"type": "object", "properties": object{
		"status": schemas.of(reflect.TypeFor[statusJSON]()), "suspects": object{"type": "array", "items": schemas.of(reflect.TypeFor[SuspectJSON]())},
	}}
	list := operation("Suspects by rank", "viewer", nil, suspects)
	list["operationId"] = "getSuspects"
	list["parameters"] = queryFields([]field{{Name: "all", Doc: "1: every meter"}, {Name: "limit", Type: "int", Doc: "at most so many"}})
	live := operation("A stamp that changes whenever anything does", "viewer", nil, object{"type": "object", "properties": object{"stamp": object{"type": "string"}}})
	live["operationId"] = "getLive"
	pack := operation("Evidence pack of a meter as the file whose SHA-256 the printed pack carries", "viewer", pathFields("/{id}"), object{"type": "object"})
	pack["operationId"] = "getPackFile"
	self := operation("This description", "viewer", nil, object{"type": "object"})
	self["operationId"], self["security"] = "getOpenAPI", []any{}
	return object{"/api/suspects": list, "/api/live": live, "/api/meters/{id}/pack.json": pack, "/api/openapi.json": self}
}

var inBraces = regexp.MustCompile(`\{(\w+)\}`)

// operationName is the view's path in words: getMetersPlot.
func operationName(v view) string {
	name := ""
	for part := range strings.SplitSeq(v.Path, "/") {
		if part == "" {
			continue
		}
		if inBraces.MatchString(part) {
			part = "one"
		}
		name += strings.ToUpper(part[:1]) + strings.ReplaceAll(part[1:], "-", "")
	}
	return name
}

func operation(doc string, role any, inPath []any, answer object) object {
	problem := object{"description": "a problem", "content": object{"application/json": object{"schema": object{
		"type": "object", "required": []string{"code", "error"},
		"properties": object{"code": object{"type": "string", "enum": []string{"unauthorized", "forbidden", "not_found", "conflict", "invalid", "internal"}}, "error": object{"type": "string"}},
	}}}}
	return object{
		"summary": doc, "description": "Needs the role " + strings.TrimSpace(reflect.ValueOf(role).String()) + " or one above it.",
		"parameters": append([]any{}, inPath...),
		"responses": object{
			"200": object{"description": "done", "content": object{"application/json": object{"schema": answer}}}, "default": problem,
		},
	}
}

func pathFields(route string) (list []any) {
	for _, m := range inBraces.FindAllStringSubmatch(route, -1) {
		list = append(list, object{"name": m[1], "in": "path", "required": true, "schema": object{"type": "string"}})
	}
	return list
}

func queryFields(fields []field) []any {
	list := []any{}
	for _, f := range fields {
		list = append(list, object{"name": f.Name, "in": "query", "required": f.Needed, "description": f.Doc, "schema": f.schema()})
	}
	return list
}

func body(fields []field) object {
	properties, needed, kind := object{}, []string{}, "application/json"
	for _, f := range fields {
		s := f.schema()
		s["description"] = f.Doc
		properties[f.Name] = s
		if f.Needed {
			needed = append(needed, f.Name)
		}
		if f.Type == "file" {
			kind = "multipart/form-data"
		}
	}
	return object{"required": len(needed) > 0, "content": object{kind: object{"schema": object{"type": "object", "properties": properties, "required": needed, "additionalProperties": false}}}}
}

func (f field) schema() object {
	s := object{"type": "string", "maxLength": maxField}
	switch f.Type {
	case "int":
		s = object{"type": "integer"}
	case "number":
		s = object{"type": "number"}
	case "bool":
		s = object{"type": "boolean"}
	case "date":
		s = object{"type": "string", "format": "date"}
	case "file":
		s = object{"type": "string", "contentMediaType": "application/octet-stream"}
	}
	if f.Words != nil {
		s["enum"] = f.Words
		delete(s, "maxLength")
	}
	if f.Many {
		return object{"type": "array", "items": s, "minItems": 1, "maxItems": maxMany}
	}
	return s
}

// schemas are those of the types that views return, by name.
type schemas struct{ all object }

func newSchemas() *schemas { return &schemas{object{}} }

var marshaler = reflect.TypeFor[json.Marshaler]()

// of is the schema of a type; structs are put under their name and referred to.
func (s *schemas) of(t reflect.Type) object {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return object{"type": "string", "format": "date-time"}
	case t == reflect.TypeFor[jsonNumber]():
		return object{"type": []string{"number", "null"}}
	case t.Implements(marshaler):
		return object{}
	}
	switch t.Kind() {
	case reflect.Pointer:
		inner := s.of(t.Elem())
		if name, ok := inner["type"].(string); ok {
			inner["type"] = []string{name, "null"}
			return inner
		}
		return object{"anyOf": []any{inner, object{"type": "null"}}}
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			return object{"type": "string", "contentEncoding": "base64"}
		}
		return object{"type": "array", "items": s.of(t.Elem())}
	case reflect.Map:
		return object{"type": "object", "additionalProperties": s.of(t.Elem())}
	case reflect.String:
		return object{"type": "string"}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Int, reflect.Int64, reflect.Int32, reflect.Uint8:
		return object{"type": "integer"}
	case reflect.Float64, reflect.Float32:
		return object{"type": "number"}
	case reflect.Struct:
		return s.named(t)
	}
	return object{}
}

func (s *schemas) named(t reflect.Type) object {
	name := strings.TrimSuffix(t.Name(), "JSON")
	name = strings.ToUpper(name[:1]) + name[1:]
	if pkg := path.Base(t.PkgPath()); pkg != "console" && pkg != "casework" { // two may have one name
		name = strings.ToUpper(pkg[:1]) + pkg[1:] + name
	}
	ref := object{"$ref": "#/components/schemas/" + name}
	if s.all[name] != nil {
		return ref
	}
	properties, needed := object{}, []string{}
	s.all[name] = object{} // it may hold itself
	s.fields(t, properties, &needed)
	s.all[name] = object{"type": "object", "properties": properties, "required": needed}
	return ref
}

// fields adds a struct's fields, those of embedded structs among them.
func (s *schemas) fields(t reflect.Type, properties object, needed *[]string) {
	for f := range t.Fields() {
		tag := f.Tag.Get("json")
		name, more, _ := strings.Cut(tag, ",")
		if f.Anonymous && name == "" {
			s.fields(f.Type, properties, needed)
			continue
		}
		if name == "-" || !f.IsExported() {
			continue
		}
		if name == "" {
			name = f.Name
		}
		properties[name] = s.of(f.Type)
		if !strings.Contains(more, "omit") {
			*needed = append(*needed, name)
		}
	}
}
