package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestNoticeNamesWhatIsThere has every line of docs/notice.md name commands and tests that
// exist.
func TestNoticeNamesWhatIsThere(t *testing.T) {
	text, err := os.ReadFile("../../docs/notice.md")
	if err != nil {
		t.Fatal(err)
	}
	described, err := os.ReadFile("../../console/assets/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	root := newRoot(&Program{Getenv: func(string) string { return "" }})
	known := testNames(t)
	rows := 0
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(line, "|")
		if len(cells) != 6 || strings.Contains(cells[1], "asked for") || strings.HasPrefix(cells[1], "---") {
			continue
		}
		rows++
		commands := regexp.MustCompile("`flatwatt ([a-z -]+)`").FindAllStringSubmatch(cells[3], -1)
		tests := regexp.MustCompile("`(Test[A-Za-z0-9]+)`").FindAllStringSubmatch(cells[4], -1)
		pages := noticePages(cells[2])
		if len(commands) == 0 || len(tests) == 0 || len(pages) == 0 {
			t.Errorf("no page, no command or no test: %s", line)
		}
		for _, page := range pages {
			if !strings.Contains(string(described), `"/api`+page+`":`) {
				t.Errorf("there is no page %s", page)
			}
		}
		for _, c := range commands {
			hasCommand(t, root, c[1])
		}
		for _, name := range tests {
			if !known[name[1]] {
				t.Errorf("there is no %s", name[1])
			}
		}
	}
	if rows < 15 {
		t.Errorf("only %d lines", rows)
	}
}

// noticePages are the pages that a text names.
func noticePages(text string) (pages []string) {
	for _, m := range regexp.MustCompile("`(/[a-z]+)`").FindAllStringSubmatch(text, -1) {
		pages = append(pages, m[1])
	}
	return pages
}

func hasCommand(t *testing.T, root *cobra.Command, line string) {
	t.Helper()
	cmd, rest, err := root.Find(strings.Fields(line))
	if err != nil || cmd == root || len(rest) > 0 {
		t.Errorf("there is no `flatwatt %s`", line)
	}
}

// testNames are the tests of the whole repository.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func (Test[A-Za-z0-9]+)\(`)
	err := filepath.WalkDir("../..", func(path string, _ os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range declared.FindAllSubmatch(text, -1) {
			names[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
