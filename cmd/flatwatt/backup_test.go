package main

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	js "github.com/nats-io/nats.go/jetstream"

	"github.com/flatwatt/flatwatt/streams/archive"
	"github.com/flatwatt/flatwatt/streams/influx"
	"github.com/flatwatt/flatwatt/streams/jetstream"
)

// A site is a service with everything that it keeps, in directories of its own.
type site struct {
	dir string
	env map[string]string
}

func newSite(t *testing.T, register string) *site {
	t.Helper()
	dir := t.TempDir()
	s := &site{dir: dir, env: map[string]string{
		"FLATWATT_DATA_DIR": filepath.Join(dir, "data"), "FLATWATT_FLEET": filepath.Join(dir, "register"),
		"FLATWATT_ARCHIVE_URL": filepath.Join(dir, "archive"), "FLATWATT_ARCHIVE_FLUSH_S": "1",
		"FLATWATT_NATS_LISTEN": "127.0.0.1:0", "FLATWATT_INFLUX_LISTEN": "127.0.0.1:0", "FLATWATT_HTTP_LISTEN": "", "FLATWATT_RUN_SAVE_EVERY_READINGS": "5000",
	}}
	if register != "" {
		if err := copyTree(register, s.env["FLATWATT_FLEET"], "readings"); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// command runs a command line at the site and wants it to succeed.
func (s *site) command(t *testing.T, args ...string) string {
	t.Helper()
	code, stdout, stderr := run(t, s.env, args...)
	if code != exitOK {
		t.Fatalf("%v: exit code %d: %s", args, code, stderr)
	}
	return stdout
}

// score runs the service, replays fleet into it, and waits until done says so of what the
// database then holds, which it returns. Then backup, where it is not "", is made of the
// running service.
func (s *site) score(t *testing.T, fleet, backup string, done func(points string) bool) string {
	t.Helper()
	s.env["FLATWATT_NATS_LISTEN"], s.env["FLATWATT_INFLUX_LISTEN"] = freeListen(t), freeListen(t)
	service := start(t, s.env, "run")
	service.await(`ready: readings from (\S+) after position`)
	if fleet != "" {
		s.command(t, "replay", "--fleet", fleet, "--nats", "nats://"+s.env["FLATWATT_NATS_LISTEN"])
	}
	token, err := os.ReadFile(filepath.Join(s.env["FLATWATT_DATA_DIR"], "influx-token"))
	if err != nil {
		t.Fatal(err)
	}
	client, err := influx.Open(influx.Config{URL: "http://" + s.env["FLATWATT_INFLUX_LISTEN"], Token: strings.TrimSpace(string(token)), Org: "flatwatt", Bucket: "flatwatt"})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	points := ""
	for deadline := time.Now().Add(2 * time.Minute); !done(points); time.Sleep(50 * time.Millisecond) {
		var b bytes.Buffer
		if _, err := client.Export(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
		points = b.String()
		if time.Now().After(deadline) {
			break // whoever asked compares, and shows how it differs
		}
	}
	s.awaitArchive(t)
	if backup != "" {
		s.command(t, "backup", "all", backup)
	}
	service.end()
	return points
}

// awaitArchive waits until the archive, which is written beside the scores, has all that
// the stream holds.
func (s *site) awaitArchive(t *testing.T) {
	t.Helper()
	conn, err := nats.Connect("nats://" + s.env["FLATWATT_NATS_LISTEN"])
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	j, err := js.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := j.Stream(t.Context(), jetstream.ReadingsStream)
	if err != nil {
		t.Fatal(err)
	}
	last, err := jetstream.LastSequence(t.Context(), stream)
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		a, err := archive.Open(t.Context(), archive.Dir(s.env["FLATWATT_ARCHIVE_URL"]))
		if err == nil && a.Manifest().Position >= last {
			return
		}
	}
	t.Fatalf("the archive never came to position %d", last)
}

// days waits for the roll-ups of so many days and nothing new.
func days(n int) func(string) bool {
	day, before := regexp.MustCompile(`(?m)^rollup_fleet,detector=customer,`), ""
	return func(points string) bool {
		same := points == before
		before = points
		return same && len(day.FindAllString(points, -1)) >= n
	}
}

// halves parts the readings of a fleet by the order in which they come.
func halves(t *testing.T, fleet string) (first, second string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(fleet, "readings", "*.csv"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no readings: %v", err)
	}
	slices.Sort(files)
	head, rows := "", []string{}
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.SplitAfter(string(text), "\n")
		head, rows = lines[0], append(rows, lines[1:]...)
	}
	slices.SortStableFunc(rows, func(a, b string) int {
		return strings.Compare(strings.SplitN(a+",,", ",", 3)[1], strings.SplitN(b+",,", ",", 3)[1])
	})
	dirs := [2]string{t.TempDir(), t.TempDir()}
	for half, part := range [][]string{rows[:len(rows)/2], rows[len(rows)/2:]} {
		if err := copyTree(fleet, dirs[half], "readings"); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(filepath.Join(dirs[half], "readings"), 0o755); err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(dirs[half], "readings", "all.csv"), head+strings.Join(part, ""))
	}
	return dirs[0], dirs[1]
}

// TestRestoreOnAnEmptyMachine: a service is backed up while it runs, and is lost; another
// made of the backup scores the rest. What it has in the end is, to the byte, what a service
// has that was never lost: scores, roll-ups, events, casework, and the archive.
func TestRestoreOnAnEmptyMachine(t *testing.T) {
	fleet := filepath.Join(t.TempDir(), "fleet")
	if code, _, stderr := run(t, nil, "simulate", "--meters", "25", "--days", "40", "--seed", "5", "--format", "csv", "--out", fleet); code != exitOK {
		t.Fatal(stderr)
	}
	first, second := halves(t, fleet)

	whole := newSite(t, fleet)
	whole.score(t, first, "", days(18))
	want := whole.score(t, second, "", days(39))

	lost := newSite(t, fleet)
	writeFile(t, filepath.Join(lost.dir, "pw"), "correct horse battery")
	book := filepath.Join(lost.env["FLATWATT_DATA_DIR"], "casework.db")
	if err := os.MkdirAll(filepath.Dir(book), 0o755); err != nil {
		t.Fatal(err)
	}
	lost.command(t, "user", "add", "root", "--role", "administrator", "--new-password-file", filepath.Join(lost.dir, "pw"), "--casework", book)
	backup := filepath.Join(t.TempDir(), "backup")
	lost.score(t, first, backup, days(18))
	copied := filepath.Join(t.TempDir(), "casework.db") // to open a file of the backup would change it
	if err := copyFile(filepath.Join(backup, "casework.db"), copied); err != nil {
		t.Fatal(err)
	}
	head := lost.command(t, "audit", "verify", "--casework", copied)
	if err := os.RemoveAll(lost.dir); err != nil {
		t.Fatal(err)
	}

	found := newSite(t, "")
	found.command(t, "restore", backup)
	if got := found.command(t, "audit", "verify", "--casework", filepath.Join(found.env["FLATWATT_DATA_DIR"], "casework.db")); got != head {
		t.Errorf("casework's trail is %s, was %s", got, head)
	}
	got := found.score(t, second, "", func(points string) bool { return points == want })
	if got != want {
		t.Errorf("scores differ: %d points and %d", strings.Count(got, "\n"), strings.Count(want, "\n"))
	}
	if !strings.Contains(want, "score,") || !strings.Contains(want, "top,") {
		t.Error("there is nothing to compare")
	}
	found.command(t, "archive", "verify", "--archive", found.env["FLATWATT_ARCHIVE_URL"])
	sameReadings(t, whole, found)
	testRestoreRefuses(t, found, backup)
}

// sameReadings compares what two archives know of all readings.
func sameReadings(t *testing.T, a, b *site) {
	t.Helper()
	text := [2]string{}
	for i, s := range []*site{a, b} {
		out := filepath.Join(t.TempDir(), "all.csv")
		s.command(t, "archive", "export", "--archive", s.env["FLATWATT_ARCHIVE_URL"], "--out", out)
		b, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		text[i] = string(b)
	}
	if text[0] != text[1] || strings.Count(text[0], "\n") < 1000 {
		t.Errorf("archives hold different readings: %d and %d lines", strings.Count(text[0], "\n"), strings.Count(text[1], "\n"))
	}
}

// testRestoreRefuses: a backup that is damaged, one that was not finished, and a place
// where something is.
func testRestoreRefuses(t *testing.T, used *site, backup string) {
	t.Helper()
	refuse := func(s *site, code int, want string) {
		t.Helper()
		if got, _, stderr := run(t, s.env, "restore", backup); got != code || !strings.Contains(stderr, want) {
			t.Errorf("exit code %d, want %d and %q: %s", got, code, want, stderr)
		}
	}
	refuse(used, exitError, "overwrites nothing")
	path := filepath.Join(backup, "scores.lp.gz")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text[len(text)/2] ^= 1
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	refuse(newSite(t, ""), exitData, "scores.lp.gz was changed or is damaged")
	if err := os.Remove(filepath.Join(backup, backupManifestN)); err != nil {
		t.Fatal(err)
	}
	refuse(newSite(t, ""), exitUsage, "not finished")
}

// freeListen is an address that nobody listens on now.
func freeListen(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
