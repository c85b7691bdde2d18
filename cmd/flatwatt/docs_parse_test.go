package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A docBlock is a fenced or indented block of a page of documentation.
type docBlock struct {
	line int    // of its first line of text, from 1
	lang string // after the fence; "" where there is none
	note string // of <!-- test: note --> just before it
	text string
}

// commandsOf are words that begin a command line, in the documentation.
var commandsOf = []string{"flatwatt", "go", "make", "curl", "cp", "mkdir", "cd", "tar", "sha256sum", "diff", "export", "docker", "podman", "buildah",
	"helm", "kubectl", "systemctl", "systemd-analyze", "systemd-creds", "journalctl", "nats-server", "nats", "nsc", "sudo", "install", "useradd", "scripts/release.sh", "./install.sh"}

// isCommand says whether a block's first line that is no comment is a command line.
func (b *docBlock) isCommand() bool {
	if b.lang == "sh" || b.lang == "bash" {
		return true
	}
	if b.lang != "" {
		return false
	}
	for line := range strings.Lines(b.text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		words := strings.Fields(line)
		for len(words) > 1 && regexp.MustCompile(`^[A-Za-z_]+=`).MatchString(words[0]) {
			words = words[1:] // variables before the command
		}
		return slices.Contains(commandsOf, words[0])
	}
	return false
}

var (
	noteLine  = regexp.MustCompile(`^<!-- test: (.*) -->$`)
	fenceLine = regexp.MustCompile("^```(.*)$")
	listLine  = regexp.MustCompile(`^\s*([-*]|\d+\.) `)
)

// docBlocks are the blocks of a page, in order. Lines that belong to a list are no block.
func docBlocks(text string) (blocks []docBlock) {
	lines := strings.Split(text, "\n")
	note, inList := "", false
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		switch {
		case noteLine.MatchString(line):
			note = noteLine.FindStringSubmatch(line)[1]
			continue
		case fenceLine.MatchString(line):
			b := docBlock{line: i + 2, lang: fenceLine.FindStringSubmatch(line)[1], note: note}
			for i++; i < len(lines) && !strings.HasPrefix(lines[i], "```"); i++ {
				b.text += lines[i] + "\n"
			}
			blocks, note = append(blocks, b), ""
		case strings.HasPrefix(line, "    ") && !inList:
			b := docBlock{line: i + 1, note: note}
			for ; i < len(lines) && (strings.HasPrefix(lines[i], "    ") || lines[i] == "" && i+1 < len(lines) && strings.HasPrefix(lines[i+1], "    ")); i++ {
				b.text += strings.TrimPrefix(lines[i], "    ") + "\n"
			}
			i--
			blocks, note = append(blocks, b), ""
		case strings.TrimSpace(line) != "":
			inList = listLine.MatchString(line) || inList && strings.HasPrefix(line, " ")
			note = ""
		}
	}
	return blocks
}

// docPages are README and the pages of docs, by path from the root of the repository.
func docPages(t *testing.T) map[string]string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("..", "..", "docs", "*.md"))
	if err != nil || len(paths) < 10 {
		t.Fatalf("%d pages below docs: %v", len(paths), err)
	}
	pages := map[string]string{}
	for _, path := range append(paths, filepath.Join("..", "..", "README.md"), filepath.Join("..", "..", "README.zh.md")) {
		text, err := os.ReadFile(path)
		if os.IsNotExist(err) {
			continue
		} else if err != nil {
			t.Fatal(err)
		}
		name, _ := filepath.Rel(filepath.Join("..", ".."), path)
		pages[filepath.ToSlash(name)] = string(text)
	}
	return pages
}

func TestDocBlocksAreFound(t *testing.T) {
	got := docBlocks("text\n\n    flatwatt a\n\n    flatwatt b\n\n- list\n    no block\n\n<!-- test: skip why -->\n```sh\nX=1 go run\n```\nmore\n```yaml\na: 1\n```\n")
	if len(got) != 3 || got[0].text != "flatwatt a\n\nflatwatt b\n" || got[0].line != 3 || !got[0].isCommand() ||
		got[1].note != "skip why" || got[1].line != 12 || !got[1].isCommand() || got[2].note != "" || got[2].isCommand() {
		t.Errorf("%+v", got)
	}
	if b := (docBlock{text: "# why\nA=1 B=2 flatwatt run\n"}); !b.isCommand() {
		t.Error("variables before a command")
	}
}
