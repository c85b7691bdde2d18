package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// worstExposure is the highest score that systemd's own review of hardening may give a
// unit: 10 is no protection at all, 2 is what a network service can come to.
const worstExposure = 3.0

// TestUnitsAreRightAndHardened has systemd read the units that ship.
func TestUnitsAreRightAndHardened(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("no systemd-analyze")
	}
	units, err := filepath.Glob(filepath.Join("..", "..", "deploy", "systemd", "*"))
	if err != nil || len(units) < 6 {
		t.Fatalf("%d units: %v", len(units), err)
	}
	dir := t.TempDir()
	program, err := exec.LookPath("true")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range units {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		// What is not installed here stands for what is there.
		unit := strings.NewReplacer("/usr/bin/flatwatt", program, "/usr/bin/nats-server", program).Replace(string(text))
		writeFile(t, filepath.Join(dir, filepath.Base(path)), unit)
	}
	verify := exec.Command(analyze, "verify", "--man=no", "--recursive-errors=one")
	for _, path := range units {
		verify.Args = append(verify.Args, filepath.Join(dir, filepath.Base(path)))
	}
	if out, err := verify.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	exposure := regexp.MustCompile(`Overall exposure level for \S+: ([0-9.]+)`)
	for _, name := range []string{"flatwatt.service", "flatwatt-backup.service", "nats-server.service"} {
		out, _ := exec.Command(analyze, "security", "--offline=true", "--no-pager", filepath.Join(dir, name)).CombinedOutput()
		m := exposure.FindStringSubmatch(string(out))
		if m == nil {
			t.Errorf("%s: no review:\n%s", name, out)
			continue
		}
		if level, _ := strconv.ParseFloat(m[1], 64); level > worstExposure {
			t.Errorf("%s: exposure %.1f, at most %.1f", name, level, worstExposure)
		}
	}
}

// TestComposeConfigurationIsRight has the program check what the compose file mounts.
func TestComposeConfigurationIsRight(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "deploy", "compose", "flatwatt.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	fleet := filepath.Join(dir, "fleet")
	if code, _, stderr := run(t, nil, "simulate", "--meters", "2", "--days", "1", "--out", fleet); code != exitOK {
		t.Fatal(stderr)
	}
	path := filepath.Join(dir, "flatwatt.yaml")
	writeFile(t, path, strings.Replace(string(text), "fleet: /fleet", "fleet: "+fleet, 1))
	if code, _, stderr := run(t, map[string]string{"FLATWATT_INFLUX_TOKEN": "t"}, "config", "check", path); code != exitOK {
		t.Error(stderr)
	}
	var compose map[string]any
	text, err = os.ReadFile(filepath.Join("..", "..", "deploy", "compose", "compose.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &compose); err != nil {
		t.Error(err)
	}
}

// TestReadmesAreTwins: the Chinese README has the same sections, commands and links to
// pages as the English one.
func TestReadmesAreTwins(t *testing.T) {
	pages := docPages(t)
	en, zh := pages["README.md"], pages["README.zh.md"]
	headings, link := regexp.MustCompile(`(?m)^#+ `), regexp.MustCompile(`\]\(([A-Za-z][^):]*)\)`)
	if a, b := len(headings.FindAllString(en, -1)), len(headings.FindAllString(zh, -1)); a != b {
		t.Errorf("%d sections and %d", a, b)
	}
	commands := func(text string) (lines []string) {
		for _, b := range docBlocks(text) {
			if !b.isCommand() {
				continue
			}
			for line := range strings.Lines(b.text) {
				line, _, _ = strings.Cut(line, "#")
				lines = append(lines, strings.TrimSpace(line))
			}
		}
		return lines
	}
	if a, b := strings.Join(commands(en), "\n"), strings.Join(commands(zh), "\n"); a != b {
		t.Errorf("commands differ:\n%s\n\n%s", a, b)
	}
	links := func(text string) map[string]bool {
		all := map[string]bool{}
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			if !strings.HasPrefix(m[1], "README") {
				all[m[1]] = true
			}
		}
		return all
	}
	for name := range links(en) {
		if !links(zh)[name] {
			t.Errorf("README.zh.md does not link to %s", name)
		}
	}
}

// TestLinksLeadSomewhere: links between pages, and to files of the repository.
func TestLinksLeadSomewhere(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#: ]+)(?:#[^)]*)?\)`)
	n := 0
	for name, text := range docPages(t) {
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			n++
			if _, err := os.Stat(filepath.Join("..", "..", filepath.Dir(name), m[1])); err != nil {
				t.Errorf("%s: there is no %s", name, m[1])
			}
		}
	}
	if n < 30 {
		t.Errorf("only %d links", n)
	}
}
