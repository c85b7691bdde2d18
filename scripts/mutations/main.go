// Mutations plants bugs in copies of the guarantee's source files, one at a time, and
// runs the tests that must notice. A bug that no test notices is an error: exit code 1.
//
//	go run ./scripts/mutations [-only REGEXP] [-seeds N]
//
// Nothing in the tree is changed: the compiler is shown the planted file in place of the
// real one (go test -overlay). Run it after every change of what it mutates; a planted
// text that no longer occurs in its file is an error too, so the list cannot rot unseen.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// testTimeout is of one test run; a planted bug may well hang its test, which is noticed.
const testTimeout = 3 * time.Minute

func main() {
	only := flag.String("only", "", "plant only bugs whose name or file matches this `regexp`")
	seeds := flag.Int("seeds", 400, "seeds of each simulation")
	flag.Parse()
	pick, err := regexp.Compile(*only)
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutations: -only:", err)
		os.Exit(2)
	}
	if err := run(pick, *seeds); err != nil {
		fmt.Fprintln(os.Stderr, "mutations:", err)
		os.Exit(1)
	}
}

// run plants all bugs that pick names. Tests must pass before anything is planted.
func run(pick *regexp.Regexp, seeds int) error {
	dir, err := os.MkdirTemp("", "mutations")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	sound := map[string]bool{}
	caught, survived := 0, []string{}
	for _, b := range bugs {
		if !pick.MatchString(b.name) && !pick.MatchString(b.file) {
			continue
		}
		if key := b.pkg + " " + b.tests; !sound[key] {
			if out, err := test(b, seeds, ""); err != nil {
				return fmt.Errorf("%s -run %q fails without a planted bug: %w\n%s", b.pkg, b.tests, err, out)
			}
			sound[key] = true
		}
		overlay, err := plant(dir, b)
		if err != nil {
			return err
		}
		began := time.Now()
		out, err := test(b, seeds, overlay)
		took := time.Since(began).Round(100 * time.Millisecond)
		switch {
		case err == nil:
			survived = append(survived, b.name)
			fmt.Printf("SURVIVED  %-28s %-62s %v\n", b.file, b.name, took)
		case strings.Contains(out, "[build failed]") || strings.Contains(out, "[setup failed]"):
			return fmt.Errorf("%s: %s: the planted text does not compile:\n%s", b.file, b.name, out)
		default:
			caught++
			fmt.Printf("caught    %-28s %-62s %v  %s\n", b.file, b.name, took, reason(out))
		}
	}
	fmt.Printf("%d planted, %d caught\n", caught+len(survived), caught)
	if len(survived) > 0 {
		return fmt.Errorf("%d planted bugs were not noticed: %s", len(survived), strings.Join(survived, "; "))
	}
	return nil
}

// plant writes b's file with the bug in it and the overlay that shows it to the compiler.
func plant(dir string, b bug) (overlay string, err error) {
	path, err := filepath.Abs(b.file)
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("%w (run it from the top of the repository)", err)
	}
	if n := strings.Count(string(text), b.old); n != 1 {
		return "", fmt.Errorf("%s: %s: the text to replace occurs %d times, want once: bring the list up to date", b.file, b.name, n)
	}
	planted := filepath.Join(dir, "planted.go")
	if err := os.WriteFile(planted, []byte(strings.Replace(string(text), b.old, b.new, 1)), 0o600); err != nil {
		return "", err
	}
	show, err := json.Marshal(map[string]map[string]string{"Replace": {path: planted}})
	if err != nil {
		return "", err
	}
	overlay = filepath.Join(dir, "overlay.json")
	return overlay, os.WriteFile(overlay, show, 0o600)
}

// test runs b's tests, with the overlay if one is named.
func test(b bug, seeds int, overlay string) (output string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), testTimeout)
	defer cancel()
	args := []string{"test", "-count=1", "-vet=off", "-failfast", "-run", b.tests, "-timeout", (testTimeout - 10*time.Second).String()}
	if overlay != "" {
		args = append(args, "-overlay", overlay)
	}
	args = append(args, b.pkg)
	if b.seeded {
		args = append(args, "-seeds", fmt.Sprint(seeds))
	}
	out, err := exec.CommandContext(ctx, "go", args...).CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		return string(out), fmt.Errorf("go test: %w", err)
	}
	return string(out), err
}

// reason is the first line in which a test says what it found.
func reason(out string) string {
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(line)
		if strings.Contains(line, "_test.go:") || strings.HasPrefix(line, "panic:") {
			return line[:min(len(line), 150)]
		}
	}
	return ""
}
