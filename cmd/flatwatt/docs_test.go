package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Every command line and configuration of the documentation runs, on fleets that are
// small: testdata/docs/shims stand before flatwatt, go, make and curl and say how. The
// blocks of a page run in order in one directory; testdata/docs/PAGE.sh prepares it. A
// comment before a block says otherwise:
//
//	<!-- test: skip WHY -->   does not run here, e.g. needs a cluster; what it names of
//	                          the repository must exist
//	<!-- test: text -->       is no command line, whatever it looks like
//	<!-- test: fails N -->    ends with exit code N
//	<!-- test: run -->        is a command line, though its first word is no known one
func TestDocumentedCommandsRun(t *testing.T) {
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("no bash")
	}
	ran := 0
	for name, text := range docPages(t) {
		var script strings.Builder
		n := 0
		for _, b := range docBlocks(text) {
			n += appendBlock(t, &script, name, b)
		}
		ran += n
		if n == 0 {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runDoc(t, name, script.String())
		})
	}
	if ran < 10 {
		t.Errorf("only %d blocks run", ran)
	}
}

// appendBlock adds a block to the script of its page and says how many run.
func appendBlock(t *testing.T, script *strings.Builder, name string, b docBlock) int {
	t.Helper()
	at := fmt.Sprintf("%s:%d", name, b.line)
	mode, rest, _ := strings.Cut(b.note, " ")
	switch {
	case mode == "text":
		return 0
	case mode == "skip":
		if len(rest) < 10 {
			t.Errorf("%s: skipped without a reason", at)
		}
		namesExist(t, at, b.text)
		return 0
	case b.lang == "yaml":
		fmt.Fprintf(script, "at=%s\ncat > config-%d.yaml <<'END-OF-SAMPLE'\n%sEND-OF-SAMPLE\nflatwatt config check config-%d.yaml\n", at, b.line, b.text, b.line)
		return 1
	case b.lang == "json":
		if !json.Valid([]byte(b.text)) {
			t.Errorf("%s: no JSON", at)
		}
		return 0
	case mode == "fails":
		fmt.Fprintf(script, "at=%s\ncode=0; (\n%s) || code=$?\ntest $code = %s\n", at, placeholders(b.text), rest)
		return 1
	case mode == "run" || b.isCommand():
		for i, line := range strings.Split(strings.TrimRight(placeholders(b.text), "\n"), "\n") {
			if !strings.HasPrefix(line, " ") { // a continued line stays one command
				fmt.Fprintf(script, "at=%s:%d\n", name, b.line+i)
			}
			script.WriteString(line + "\n")
		}
		return 1
	}
	if mode != "" {
		t.Errorf("%s: no such mode: %s", at, b.note)
	}
	if regexp.MustCompile(`(?m)^flatwatt [a-z]`).MatchString(b.text) {
		t.Errorf("%s: a command line in a block that does not run", at)
	}
	return 0
}

var placeholder = regexp.MustCompile(`\b(METER|TOKEN|RUN|CASE)\b`)

// placeholders puts variables of the page's setup for the words that stand for something.
// A word that is a variable already ($TOKEN) or a flag's value in quotes stays one.
func placeholders(text string) string {
	return regexp.MustCompile(`(\$\{?)?`+placeholder.String()).ReplaceAllStringFunc(text, func(m string) string {
		if strings.HasPrefix(m, "$") {
			return m
		}
		return "${" + m + "}"
	})
}

var repoName = regexp.MustCompile(`\b(deploy|scripts|docs|cmd)/[A-Za-z0-9_./-]*[A-Za-z0-9]`)

func namesExist(t *testing.T, at, text string) {
	t.Helper()
	for _, name := range repoName.FindAllString(text, -1) {
		if _, err := os.Stat(filepath.Join("..", "..", filepath.FromSlash(name))); err != nil {
			t.Errorf("%s: there is no %s", at, name)
		}
	}
}

func runDoc(t *testing.T, name, script string) {
	t.Helper()
	dir, root := t.TempDir(), repoRoot(t)
	docs := filepath.Join(root, "cmd", "flatwatt", "testdata", "docs")
	binary, err := exec.LookPath("flatwatt") // that of TestMain
	if err != nil {
		t.Fatal(err)
	}
	setup := filepath.Join(docs, strings.TrimSuffix(filepath.Base(name), ".md")+".sh")
	head := "set -euo pipefail\nat=setup\ntrap 'echo \"FAILED at $at\" >&2' ERR\nset -E\n"
	if _, err := os.Stat(setup); err == nil {
		head += ". " + setup + "\n"
	}
	cmd := exec.Command("bash", "-c", head+script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+filepath.Join(docs, "shims")+string(os.PathListSeparator)+os.Getenv("PATH"),
		"DOC_BINARY="+binary, "REPO="+root, "COLUMNS=100", "LC_ALL=C.UTF-8",
		"FLATWATT_NATS_LISTEN=127.0.0.1:0", "FLATWATT_INFLUX_LISTEN=127.0.0.1:0", "FLATWATT_HTTP_LISTEN=127.0.0.1:0")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	began := time.Now()
	if err := cmd.Run(); err != nil {
		tail := out.String()
		if len(tail) > 3000 {
			tail = "…" + tail[len(tail)-3000:]
		}
		t.Errorf("%v\n%s", err, tail)
	}
	t.Logf("%.1f s", time.Since(began).Seconds())
}

func repoRoot(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// TestDocumentedFlagsExist: every `flatwatt …` in running text and tables names commands
// and flags that the program has.
func TestDocumentedFlagsExist(t *testing.T) {
	span := regexp.MustCompile("`(?:go run ./cmd/)?flatwatt ([^`]+)`")
	checked := 0
	for name, text := range docPages(t) {
		for i, line := range strings.Split(text, "\n") {
			for _, m := range span.FindAllStringSubmatch(line, -1) {
				if strings.HasPrefix(m[1], "-") && !strings.HasPrefix(m[1], "--") || strings.Contains(m[1], "…") && strings.HasPrefix(m[1], "…") {
					continue
				}
				checked++
				if err := flagsExist(m[1]); err != nil {
					t.Errorf("%s:%d: `flatwatt %s`: %v", name, i+1, m[1], err)
				}
			}
		}
	}
	if checked < 20 {
		t.Errorf("only %d command lines checked", checked)
	}
}

var flagWord = regexp.MustCompile(`(?:^|[\s\[(|])--?([a-z][a-z-]*)`)

// flagsExist looks a command line up in the tree of commands, without running it.
func flagsExist(line string) error {
	cmd, err := commandOf(strings.Fields(line))
	if err != nil {
		return err
	}
	for _, m := range flagWord.FindAllStringSubmatch(line, -1) {
		if findFlag(cmd, m[1]) == nil {
			return fmt.Errorf("%s has no flag %s", cmd.CommandPath(), m[1])
		}
	}
	return nil
}

func findFlag(cmd *cobra.Command, name string) *pflag.Flag {
	cmd.InitDefaultHelpFlag()
	for c := cmd; c != nil; c = c.Parent() {
		for _, set := range []*pflag.FlagSet{c.Flags(), c.PersistentFlags()} {
			if f := set.Lookup(name); f != nil {
				return f
			}
			if len(name) == 1 {
				if f := set.ShorthandLookup(name); f != nil {
					return f
				}
			}
		}
		if c == cmd {
			continue
		}
	}
	return nil
}

// commandOf is the command that the first words name.
func commandOf(words []string) (*cobra.Command, error) {
	root := newRoot(&Program{Getenv: func(string) string { return "" }})
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	cmd := root
	for _, w := range words {
		i := slices.IndexFunc(cmd.Commands(), func(c *cobra.Command) bool { return c.Name() == strings.Trim(w, ",;") })
		if i < 0 {
			break
		}
		cmd = cmd.Commands()[i]
	}
	if cmd == root && len(words) > 0 && !strings.HasPrefix(words[0], "-") && words[0] != "COMMAND" {
		return nil, fmt.Errorf("there is no command %s", words[0])
	}
	return cmd, nil
}

// TestEveryCommandIsDocumented: docs/cli.md has every command of the program in its table,
// and no other; and every flag that its table names exists.
func TestEveryCommandIsDocumented(t *testing.T) {
	text := docPages(t)["docs/cli.md"]
	documented := map[string]bool{}
	cell := regexp.MustCompile("(?m)^\\| (`[^|]*(?:\\\\\\|[^|]*)*) \\|")
	code := regexp.MustCompile("`([^`]+)`")
	table, _, _ := strings.Cut(text, "\n## ")
	for _, row := range cell.FindAllStringSubmatch(table, -1) {
		first := ""
		for i, m := range code.FindAllStringSubmatch(row[1], -1) {
			line := strings.ReplaceAll(m[1], `\|`, "|")
			words := strings.Fields(line)
			if i == 0 {
				first = words[0]
			} else if _, err := commandOf(words[:1]); err != nil || isSubcommand(first, words[0]) {
				line = first + " " + line // `case open`, `list`: of the first
			}
			if err := flagsExist(line); err != nil {
				t.Errorf("docs/cli.md: `%s`: %v", line, err)
				continue
			}
			documented[strings.Fields(line)[0]] = true
		}
	}
	for _, c := range newRoot(&Program{Getenv: func(string) string { return "" }}).Commands() {
		if !c.Hidden && c.Name() != "help" && !documented[c.Name()] {
			t.Errorf("docs/cli.md has no row for `%s`", c.Name())
		}
	}
}

func isSubcommand(parent, name string) bool {
	cmd, err := commandOf([]string{parent, name})
	return err == nil && cmd.Name() == name && cmd.HasParent() && cmd.Parent().Name() == parent
}
