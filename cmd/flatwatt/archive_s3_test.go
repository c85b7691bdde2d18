package main

import (
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

// Every command about the archive works on an S3-compatible store as on a disk.
func TestCommandsOnS3(t *testing.T) {
	backend := s3mem.New()
	server := httptest.NewServer(gofakes3.New(backend).Server())
	defer server.Close()
	if err := backend.CreateBucket("meters"); err != nil {
		t.Fatal(err)
	}
	fleet := filepath.Join(t.TempDir(), "fleet")
	ok(t, "simulate", "--out", fleet, "--meters", "20", "--days", "30", "--seed", "5")
	env := map[string]string{"AWS_ENDPOINT_URL": server.URL, "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_REGION": "r",
		archiveEnv: "s3://meters/archive", "FLATWATT_FLEET": fleet}
	var id string
	for _, c := range []struct{ args, want string }{
		{"import --fleet " + fleet, " with less, "},
		{"archive ls -o csv", "from,to,partition"},
		{"archive verify", "as they were written"},
		{"rescore --from -5d", "scores in"},
		{"rescore --from -5d", "is done already"},
		{"rescore promote RUN --no-database", "is live"},
		{"rescore diff live RUN --fail-on-diff", "0 in one only"},
		{"runs", "rescore"},
	} {
		code, stdout, stderr := run(t, env, strings.Fields(strings.ReplaceAll(c.args, "RUN", id))...)
		if code != exitOK || !strings.Contains(stdout+stderr, c.want) {
			t.Fatalf("%s: code %d, no %q in %s%s", c.args, code, c.want, stdout, stderr)
		}
		if strings.HasPrefix(c.args, "rescore --from") {
			id = strings.TrimSpace(stdout)
		}
	}
}

// Of two processes that are asked for the same run on an S3 store one does it, the other is
// refused and told by whom it is held.
func TestTwoRescoresOfOneRunOnS3(t *testing.T) {
	backend := s3mem.New()
	server := httptest.NewServer(gofakes3.New(backend).Server())
	defer server.Close()
	if err := backend.CreateBucket("meters"); err != nil {
		t.Fatal(err)
	}
	fleet := filepath.Join(t.TempDir(), "fleet")
	ok(t, "simulate", "--out", fleet, "--meters", "10", "--days", "30", "--seed", "5")
	env := map[string]string{"AWS_ENDPOINT_URL": server.URL, "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_REGION": "r",
		archiveEnv: "s3://meters/archive", "FLATWATT_FLEET": fleet, "USER": "anna"}
	if code, _, stderr := run(t, env, "import", "--fleet", fleet); code != exitOK {
		t.Fatal(stderr)
	}
	type ended struct {
		code int
		text string
	}
	both := make(chan ended, 2)
	for range 2 { // some 8 s of work: longer than between two renewals of the lock
		go func() {
			code, _, stderr := run(t, env, "rescore", "--from", "-5d", "--max-rate", "4000")
			both <- ended{code, stderr}
		}()
	}
	refused, done := <-both, <-both
	if refused.code == exitOK || !strings.Contains(refused.text, "is held by") {
		t.Errorf("the second: code %d, %s", refused.code, refused.text)
	}
	if done.code != exitOK {
		t.Errorf("the first: code %d, %s", done.code, done.text)
	}
	if code, _, stderr := run(t, env, "rescore", "--from", "-5d"); code != exitOK || !strings.Contains(stderr, "is done already") {
		t.Errorf("a third: code %d, %s", code, stderr)
	}
}
