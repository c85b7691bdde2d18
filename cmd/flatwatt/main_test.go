package main

import (
	"context"
	"flag"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "rewrite the golden parts of testdata/*.txtar")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"flatwatt":  main,
		"nats-node": natsNode,
		"tiny-disk": tinyDisk, // Linux only
	})
}

// TestScripts runs testdata/*.txtar: command lines and what they print, as a manual would
// show them. They run the program as its own process.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           "testdata",
		UpdateScripts: *update,
		Setup: func(e *testscript.Env) error {
			e.Setenv("COLUMNS", "100")
			return nil
		},
	})
}

// run runs one command line in this process, as main does.
func run(t *testing.T, env map[string]string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, msg syncBuffer
	p := &Program{Stdout: &out, Stderr: &msg, Getenv: func(k string) string { return env[k] }, Environ: func() []string {
		var kv []string
		for k, v := range env {
			kv = append(kv, k+"="+v)
		}
		return kv
	}}
	code = p.Run(context.Background(), args)
	return code, out.String(), msg.String()
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
