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
		{"archive ls -o csv", "readings/partition=0000"},
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
