package main

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestConfigurationErrorsSayWhere(t *testing.T) {
	dir := t.TempDir()
	f := func(text string, env map[string]string, want ...string) {
		t.Helper()
		path := filepath.Join(dir, "f.yaml")
		writeFile(t, path, text)
		code, stdout, stderr := run(t, env, "config", "check", path)
		if code != exitUsage {
			t.Errorf("%q: exit code %d, want %d", text, code, exitUsage)
		}
		if stdout != "" {
			t.Errorf("%q: messages on standard output: %q", text, stdout)
		}
		for _, w := range want {
			if !strings.Contains(stderr, w) {
				t.Errorf("%q: no %q in:\n%s", text, w, stderr)
			}
		}
	}
	// Faults of form come with line, column and a caret.
	f("nats:\n  ulr: x\n", nil, "f.yaml", "[2:3]", "ulr", "^", "config sample")
	f("run:\n  plot_hours: many\n", nil, "[2:15]", "^")
	f("data_dir: [\n", nil, "f.yaml")
	// A token in the file is refused: secrets do not belong there.
	f("influx:\n  token: hunter2\n", nil, "token", "secrets go into files or the environment")
	// Faults of sense, all of them at once.
	f("influx:\n  url: http://db:8086\nhttp:\n  listen: nowhere\nrun:\n  save_every_readings: 0\n", nil,
		"influx.token_file", "http.listen", "save_every_readings: 0")
	f("nats:\n  url: http://x:1\n", nil, `scheme "http"`)
	f("http:\n  trusted_proxies: [10.0.0.1, proxy]\n", nil, `http.trusted_proxies: "proxy"`)
	f("influx:\n  token_file: /does/not/exist\n", nil, "influx.token_file")
	f("fleet: "+dir+"\n", nil, "meters.csv")
	// The environment is checked like the file.
	f("", map[string]string{"FLATWATT_RUN_PLOT_HOURS": "x"}, "FLATWATT_RUN_PLOT_HOURS", "whole number")
	f("", map[string]string{"FLATWATT_NATS_ULR": "x"}, "FLATWATT_NATS_ULR", "no such setting")
	f("", map[string]string{"FLATWATT_NATS_URL": "nats://bob:hunter2@x:1"}, "secrets belong in files")
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	const hidden = "hunter2"
	path := filepath.Join(t.TempDir(), "token")
	writeFile(t, path, hidden+"\n")
	for _, env := range []map[string]string{{tokenEnv: hidden}, {"FLATWATT_INFLUX_TOKEN_FILE": path}} {
		env["FLATWATT_INFLUX_URL"] = "http://127.0.0.1:1"
		for _, output := range outputs {
			code, stdout, stderr := run(t, env, "config", "show", "-o", output)
			if code != exitOK {
				t.Fatalf("exit code %d: %s", code, stderr)
			}
			if strings.Contains(stdout+stderr, hidden) {
				t.Errorf("-o %s prints the token:\n%s", output, stdout)
			}
			if output != "csv" && !strings.Contains(stdout, "(secret, from ") {
				t.Errorf("-o %s does not say where the token comes from:\n%s", output, stdout)
			}
		}
	}
	for _, addr := range []string{"nats://bob:hunter2@:x", "bob:hunter2@x"} {
		_, stdout, stderr := run(t, map[string]string{"FLATWATT_NATS_URL": addr}, "config", "show")
		if strings.Contains(stdout+stderr, hidden) {
			t.Errorf("%s: the password is printed: %s", addr, stderr)
		}
	}
}

func TestTokenFileOfTheEnvironmentLosesToTheToken(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	writeFile(t, path, "from-file")
	env := map[string]string{tokenEnv: "from-env", "FLATWATT_INFLUX_TOKEN_FILE": path}
	p := &Program{Getenv: func(k string) string { return env[k] }, Environ: func() []string { return nil }}
	s, err := p.loadSettings("")
	if err != nil {
		t.Fatal(err)
	}
	if s.Influx.Token != "from-env" {
		t.Errorf("token is %q", string(s.Influx.Token))
	}
}
