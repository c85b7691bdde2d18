// Dependencies compares the modules that flatwatt is built from with allowed.txt, which a
// person has looked through: each line a module, its version and its licence.
//
//	go run ./scripts/dependencies          # exit 1 where anything differs
//	go run ./scripts/dependencies -write   # after looking at what is new
//
// It refuses replace directives, licences that it does not know, versions that are not
// those reviewed, and files that are not those of go.sum (go mod verify).
package main

import (
	"bytes"
	"cmp"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

const listPath = "scripts/dependencies/allowed.txt"

func main() {
	write := flag.Bool("write", false, "rewrite the list")
	flag.Parse()
	if err := review(*write); err != nil {
		fmt.Fprintln(os.Stderr, "dependencies:", err)
		os.Exit(1)
	}
}

func review(write bool) error {
	have, err := modules()
	if err != nil {
		return err
	}
	text := strings.Join(have, "\n") + "\n"
	if write {
		return os.WriteFile(listPath, []byte(text), 0o644)
	}
	list, err := os.ReadFile(listPath)
	if err != nil {
		return fmt.Errorf("%w: run it from the top of the repository", err)
	}
	if err := differ(have, strings.Split(strings.TrimSpace(string(list)), "\n")); err != nil {
		return err
	}
	if out, err := exec.Command("go", "mod", "verify").CombinedOutput(); err != nil {
		return fmt.Errorf("go mod verify: %w\n%s", err, out)
	}
	fmt.Printf("%d modules are those of %s\n", len(have), listPath)
	return nil
}

// differ lists what is in one list only.
func differ(have, want []string) error {
	var errs []error
	for _, m := range have {
		if !slices.Contains(want, m) {
			errs = append(errs, fmt.Errorf("not reviewed: %s", m))
		}
	}
	for _, m := range want {
		if !slices.Contains(have, m) {
			errs = append(errs, fmt.Errorf("no longer used: %s", m))
		}
	}
	if len(errs) > 0 {
		errs = append(errs, errors.New("look at the change, then run with -write"))
	}
	return errors.Join(errs...)
}

// modules are those that any package of ours or its tests is built from, a line each.
func modules() ([]string, error) {
	format := `{{with .Module}}{{if not .Main}}{{.Path}}|{{.Version}}|{{.Dir}}|{{if .Replace}}replaced{{end}}{{end}}{{end}}`
	var stderr bytes.Buffer
	c := exec.Command("go", "list", "-deps", "-test", "-f", format, "./...")
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w\n%s", err, &stderr)
	}
	var list []string
	var unknown []error
	for line := range strings.Lines(string(out)) {
		f := strings.Split(strings.TrimSpace(line), "|")
		if len(f) != 4 {
			continue
		}
		if f[3] != "" {
			return nil, fmt.Errorf("%s is replaced: go install would not see the replacement", f[0])
		}
		licence, err := licenceOf(f[2])
		if err != nil {
			unknown = append(unknown, fmt.Errorf("%s %s: %w", f[0], f[1], err))
		}
		list = append(list, f[0]+" "+f[1]+" "+licence)
	}
	slices.Sort(list)
	return slices.Compact(list), errors.Join(unknown...)
}

// marks are phrases that tell a licence, the most telling first. Licences that would bind
// flatwatt's users beyond notices are not among them, so they are refused.
var marks = []struct{ name, phrase string }{
	{"Apache-2.0", "apache license version 2.0"},
	{"Apache-2.0", "licensed under the apache license, version 2.0"},
	{"MPL-2.0", "mozilla public license version 2.0"},
	{"MPL-2.0", "mozilla public license, version 2.0"},
	{"ISC", "permission to use, copy, modify, and/or distribute this software"},
	{"ISC", "permission to use, copy, modify, and distribute this software"},
	{"MIT", "permission is hereby granted, free of charge"},
	{"BSD", "redistribution and use in source and binary forms"},
	{"FTL", "the freetype license"}, // or GPL, at choice: we choose the former, which asks for a line in the documentation
	{"CC-BY-4.0", "creative commons attribution 4.0 international public license"},
	{"EPL-2.0", "eclipse public license - v 2.0"}, // or BSD, at choice; used by tests only
	{"Unlicense", "this is free and unencumbered software"},
}

func licenceOf(dir string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	slices.SortFunc(entries, func(a, b os.DirEntry) int { return cmp.Compare(a.Name(), b.Name()) })
	for _, e := range entries {
		name := strings.ToUpper(e.Name())
		if e.IsDir() || !strings.HasPrefix(name, "LICENSE") && !strings.HasPrefix(name, "LICENCE") && !strings.HasPrefix(name, "COPYING") && !strings.HasPrefix(name, "UNLICENSE") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return "", err
		}
		plain := strings.ToLower(strings.Join(strings.Fields(string(text)), " "))
		for _, m := range marks {
			if strings.Contains(plain, m.phrase) {
				return m.name, nil
			}
		}
	}
	return "", errors.New("no licence that is known here: look at it, and at whether it may be used")
}
