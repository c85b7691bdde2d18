package ingest_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/formats"
	"github.com/flatwatt/flatwatt/streams/ingest"
	"github.com/flatwatt/flatwatt/streams/jetstream"
)

// A drop is a folder with a clock of its own.
type drop struct {
	*ingest.Folder
	t   *testing.T
	now time.Time
}

func newDrop(t *testing.T, s *site) *drop {
	t.Helper()
	d := &drop{Folder: &ingest.Folder{Dir: t.TempDir(), Intake: s.intake, Open: open, Settle: 10 * time.Second}, t: t, now: time.Now()}
	if err := d.Prepare(); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *drop) put(name, text string) {
	d.t.Helper()
	path := filepath.Join(d.Dir, "in", name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
	if err := os.Chtimes(path, d.now, d.now); err != nil {
		d.t.Fatal(err)
	}
}

func (d *drop) look(after time.Duration) {
	d.t.Helper()
	d.now = d.now.Add(after)
	if err := d.Look(d.t.Context(), d.now); err != nil {
		d.t.Fatal(err)
	}
}

func (d *drop) names(sub string) []string {
	d.t.Helper()
	entries, err := os.ReadDir(filepath.Join(d.Dir, sub))
	if err != nil {
		d.t.Fatal(err)
	}
	names := []string{}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func (d *drop) want(in, done, rejected string) {
	d.t.Helper()
	for sub, want := range map[string]string{"in": in, "done": done, "rejected": rejected} {
		if got := d.names(sub); !slices.Equal(got, strings.Fields(want)) {
			d.t.Errorf("%s holds %v, want %s", sub, got, want)
		}
	}
}

type report struct {
	Accepted, Rejected int
	Format, Error      string
	Rejects            []struct {
		Where, Reason string
		Line          int
	}
}

func (d *drop) report(path string) (r report) {
	d.t.Helper()
	text, err := os.ReadFile(filepath.Join(d.Dir, path))
	if err != nil {
		d.t.Fatal(err)
	}
	if err := json.Unmarshal(text, &r); err != nil {
		d.t.Fatal(err)
	}
	return r
}

func TestFolderSortsFiles(t *testing.T) {
	s := newSite(t)
	d := newDrop(t, s)
	d.put("a.json", lines(0, 50))
	d.put("b.json", lines(50, 3)+"{\n")
	d.put("c.json", "this is no JSON\n")
	d.put(".hidden", lines(0, 1))
	d.put("d.json.tmp", lines(0, 1))
	if err := os.Symlink("/etc/passwd", filepath.Join(d.Dir, "in", "link")); err != nil {
		t.Fatal(err)
	}
	d.look(20 * time.Second)
	d.want(".hidden d.json.tmp link", "a.json a.json.report.json b.json b.json.report.json", "c.json c.json.report.json")
	if r := d.report("done/a.json.report.json"); r.Accepted != 50 || r.Rejected != 0 || r.Format != "ndjson" {
		t.Errorf("%+v", r)
	}
	if r := d.report("done/b.json.report.json"); r.Accepted != 3 || r.Rejected != 1 || r.Rejects[0].Where != "b.json:4" || r.Rejects[0].Line != 4 {
		t.Errorf("%+v", r)
	}
	if n := len(s.stored(t)); n != 53 {
		t.Errorf("%d readings are stored", n)
	}
	// A second file of the same name does not write over the first.
	d.put("a.json", lines(100, 1))
	d.look(20 * time.Second)
	if got := d.names("done"); !slices.Contains(got, "a.json.1") || !slices.Contains(got, "a.json.1.report.json") {
		t.Errorf("%v", got)
	}
}

func TestFolderWaitsForHalfWrittenFiles(t *testing.T) {
	s := newSite(t)
	d := newDrop(t, s)
	text := lines(0, 4)
	d.put("slow.json", text[:50])
	for i := range 5 { // grows every 8 seconds
		d.look(8 * time.Second)
		d.put("slow.json", text[:50+10*i])
	}
	d.look(9 * time.Second)
	d.want("slow.json", "", "")
	d.put("slow.json", text)
	d.look(time.Second)
	d.look(10 * time.Second)
	d.want("", "slow.json slow.json.report.json", "")
	if n := len(s.stored(t)); n != 4 {
		t.Errorf("%d readings are stored, want 4", n)
	}
}

// A crash after the readings were stored, before the file was moved: the file is taken
// again, and nothing is stored twice.
func TestFolderAfterACrash(t *testing.T) {
	s := newSite(t)
	d := newDrop(t, s)
	d.put("a.json", lines(0, 700))
	src, _, err := open("", "a.json", strings.NewReader(lines(0, 700)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.intake.Take(t.Context(), src); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(d.Dir, "done", "a.json.report.json"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	before := s.messages(t, jetstream.ReadingsStream)
	d.look(20 * time.Second)
	d.want("", "a.json a.json.report.json", "")
	if n := s.messages(t, jetstream.ReadingsStream); n != before {
		t.Errorf("%d messages, want %d", n, before)
	}
	if r := d.report("done/a.json.report.json"); r.Accepted != 700 {
		t.Errorf("%+v", r)
	}
}

// While JetStream is away, files stay; when it is back they are taken.
func TestFolderKeepsFilesWithoutJetStream(t *testing.T) {
	s := newSite(t)
	d := newDrop(t, s)
	d.put("a.json", lines(0, 5))
	if err := s.jet.DeleteStream(context.Background(), jetstream.ReadingsStream); err != nil {
		t.Fatal(err)
	}
	d.now = d.now.Add(20 * time.Second)
	if err := d.Look(t.Context(), d.now); err == nil {
		t.Error("no error without a stream")
	}
	d.want("a.json", "", "")
	if _, err := jetstream.EnsureReadings(context.Background(), s.jet, jetstream.Retention{}); err != nil {
		t.Fatal(err)
	}
	d.look(time.Second)
	d.want("", "a.json a.json.report.json", "")
}

// A file that a decoder once stumbled over is moved away: left in its place it would meet
// each start of the service anew.
func TestFolderMovesAwayWhatCannotBeRead(t *testing.T) {
	d := newDrop(t, newSite(t))
	d.Open = func(_, name string, r io.Reader) (flatwatt.Source, string, error) {
		src, info, err := formats.Open(name, r, formats.Options{})
		return src, info.Format.Name, err
	}
	d.put("a.csv", "meter_id,start,energy_kwh\nA,2026-01-15T,1\n")
	d.look(0)
	d.look(time.Minute)
	d.want("", "", "a.csv a.csv.report.json")
}

func TestFolderRunEndsWithItsContext(t *testing.T) {
	s := newSite(t)
	f := ingest.Folder{Dir: t.TempDir(), Intake: s.intake, Open: open, Settle: time.Nanosecond, Every: time.Millisecond}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	in := filepath.Join(f.Dir, "in")
	await(t, func() bool { _, err := os.Stat(in); return err == nil })
	if err := os.WriteFile(filepath.Join(in, "x.tmp"), []byte(lines(0, 5)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(in, "x.tmp"), filepath.Join(in, "x")); err != nil {
		t.Fatal(err)
	}
	await(t, func() bool { _, err := os.Stat(filepath.Join(f.Dir, "done", "x")); return err == nil })
	cancel()
	if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
