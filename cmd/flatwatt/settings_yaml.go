package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
)

const envPrefix = "FLATWATT_"

// notSettings are variables with the prefix that are no settings.
var notSettings = []string{"FLATWATT_CONFIG", tokenEnv, ingestTokenEnv, "FLATWATT_DATA", "FLATWATT_INFLUXD"}

// decodeYAML decodes text over what s already holds. Unknown fields are errors, shown with
// line, column and a caret.
func decodeYAML(name string, text []byte, s *settings) error {
	err := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict()).Decode(s)
	if err == nil || errors.Is(err, io.EOF) { // an empty file changes nothing
		return nil
	}
	hint := ""
	if strings.Contains(err.Error(), `unknown field`) {
		hint = "\n`flatwatt config sample` shows every field; secrets go into files or the environment"
	}
	return usagef("%s: %s%s", name, yaml.FormatError(err, false, true), hint)
}

// applyEnv sets each field whose variable is in the environment. A variable with the
// prefix that names no field is an error: it is a misspelling.
func applyEnv(s *settings, getenv func(string) string, environ []string) error {
	var errs []error
	known := slices.Clone(notSettings)
	eachField(reflect.ValueOf(s).Elem(), "", func(path string, v reflect.Value) {
		name := envName(path)
		known = append(known, name)
		text := getenv(name)
		if text == "" {
			return
		}
		if v.Kind() == reflect.String {
			v.SetString(text)
			return
		}
		n, err := strconv.Atoi(text)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s=%q: want a whole number", name, text))
			return
		}
		v.SetInt(int64(n))
	})
	for _, kv := range environ {
		name, _, _ := strings.Cut(kv, "=")
		if strings.HasPrefix(name, envPrefix) && !slices.Contains(known, name) {
			errs = append(errs, fmt.Errorf("%s: no such setting; `flatwatt config show` lists them", name))
		}
	}
	return errors.Join(errs...)
}

func envName(path string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(path, ".", "_"))
}

// eachField visits the leaves of v, which are strings and ints, in order of declaration.
func eachField(v reflect.Value, prefix string, visit func(path string, v reflect.Value)) {
	for i := range v.NumField() {
		tag := v.Type().Field(i).Tag.Get("yaml")
		if tag == "-" {
			continue
		}
		switch f := v.Field(i); f.Kind() {
		case reflect.Struct:
			eachField(f, prefix+tag+".", visit)
		case reflect.Slice: // lists are written in the file only
		default:
			visit(prefix+tag, f)
		}
	}
}
