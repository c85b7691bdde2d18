package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	js "github.com/nats-io/nats.go/jetstream"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/file"
	"github.com/flatwatt/flatwatt/streams/jetstream"
	"github.com/flatwatt/flatwatt/streams/wire"
)

// A victim is the service as a process of its own, to be killed.
type victim struct {
	t      *testing.T
	cmd    *exec.Cmd
	stderr syncBuffer
	gone   chan struct{} // closed when the process has ended

	page, nats, influx string
	from               flatwatt.Position // where it resumed
}

// othersEnviron is the environment without flatwatt's: the test's own settings are none of
// the service.
func othersEnviron() (list []string) {
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, envPrefix) {
			list = append(list, kv)
		}
	}
	return list
}

// launch starts `flatwatt run`: TestMain has put this binary into the path by that name.
func launch(t *testing.T, env []string, saveEvery int) *victim {
	t.Helper()
	v := &victim{t: t, cmd: exec.Command("flatwatt", "run"), gone: make(chan struct{})}
	v.cmd.Env = append(append(othersEnviron(), env...), "FLATWATT_RUN_SAVE_EVERY_READINGS="+strconv.Itoa(saveEvery))
	v.cmd.Stderr = &v.stderr
	if err := v.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = v.cmd.Wait() // kill looks at how it ended
		close(v.gone)
	}()
	t.Cleanup(func() {
		_ = v.cmd.Process.Kill() // after a failure; else it is gone already
		<-v.gone
	})
	return v
}

var (
	pageLine  = regexp.MustCompile(`page: (http://\S+)`)
	readyLine = regexp.MustCompile(`ready: readings from (\S+) after position (\d+) .* scores to (\S+)`)
)

// ready says whether the service has told that it scores, and where.
func (v *victim) ready() bool {
	text := v.stderr.String()
	page, line := pageLine.FindStringSubmatch(text), readyLine.FindStringSubmatch(text)
	if page == nil || line == nil {
		return false
	}
	from, err := strconv.ParseUint(line[2], 10, 64)
	if err != nil {
		v.t.Fatal(err)
	}
	v.page, v.nats, v.from, v.influx = page[1], line[1], flatwatt.Position(from), line[3]
	return true
}

// await waits until the service is ready.
func (v *victim) await() {
	v.t.Helper()
	if !v.until(time.Minute, v.ready) {
		v.t.Fatalf("not ready within a minute:\n%s", v.stderr.String())
	}
}

// awaitFor lets time pass, watching that the service lives.
func (v *victim) awaitFor(d time.Duration) { v.until(d, func() bool { return false }) }

// awaitScored waits for so many readings to be scored, at most for d.
func (v *victim) awaitScored(readings int, d time.Duration) {
	v.until(d, func() bool { return v.scored() >= readings })
}

// settle waits until everything is scored.
func (v *victim) settle(readings int) {
	v.t.Helper()
	if !v.until(time.Minute, func() bool { return v.scored() >= readings }) {
		v.t.Fatalf("%d of %d readings scored within a minute:\n%s", v.scored(), readings, v.stderr.String())
	}
}

// until waits for cond, at most for d, and fails if the service ends by itself.
func (v *victim) until(d time.Duration, cond func() bool) bool {
	v.t.Helper()
	end := time.After(d)
	for !cond() {
		select {
		case <-v.gone:
			v.t.Fatalf("the service ended by itself, %v:\n%s", v.cmd.ProcessState, v.stderr.String())
		case <-end:
			return false
		case <-time.After(2 * time.Millisecond):
		}
	}
	return true
}

// scored is how many readings the service has scored in this life; their scores are in
// the database.
func (v *victim) scored() int {
	v.t.Helper()
	var status struct {
		Readings int
		Error    string
	}
	res, err := http.Get(v.page + "/healthz")
	if err != nil {
		select {
		case <-v.gone: // it may be ending, and say why
		case <-time.After(10 * time.Second):
			_ = v.cmd.Process.Kill()
			<-v.gone
		}
		v.t.Fatalf("%v: %v:\n%s", err, v.cmd.ProcessState, v.stderr.String())
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(body), &status); err != nil || status.Error != "" {
		v.t.Fatalf("%v: %s", err, body)
	}
	return status.Readings
}

// kill sends SIGKILL, and makes sure that this is what ended the service.
func (v *victim) kill() {
	v.t.Helper()
	if err := v.cmd.Process.Kill(); err != nil {
		v.t.Fatalf("kill: %v:\n%s", err, v.stderr.String())
	}
	<-v.gone
	status, ok := v.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !ok || status.Signal() != syscall.SIGKILL {
		v.t.Fatalf("the service was to die by SIGKILL: %v:\n%s", v.cmd.ProcessState, v.stderr.String())
	}
}

const (
	crashMeters = 24
	crashDays   = 40

	// crashPerMessage makes a message of what a meter sends in 6 hours: many messages,
	// each a moment between which a service may die. The calm replay has larger ones.
	crashPerMessage = 24
)

// A crashFleet is a simulated fleet and its readings in event time.
type crashFleet struct {
	dir      string
	meters   []flatwatt.Meter
	readings []flatwatt.Reading
}

func newCrashFleet(t *testing.T) *crashFleet {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "fleet")
	code, _, stderr := run(t, nil, "simulate", "--meters", strconv.Itoa(crashMeters), "--days", strconv.Itoa(crashDays), "--seed", "3", "--out", dir)
	if code != exitOK {
		t.Fatal(stderr)
	}
	f, err := file.Open(dir, file.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Load(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	fleet := &crashFleet{dir: dir, meters: f.Meters()}
	for source := f.Source(time.Time{}); ; {
		batch, err := source.Read(t.Context())
		if errors.Is(err, io.EOF) {
			return fleet
		}
		if err != nil {
			t.Fatal(err)
		}
		fleet.readings = append(fleet.readings, batch.Readings...)
	}
}

// A feed publishes in the background.
type feed struct {
	began time.Time
	done  chan int // receives how many readings of the fleet are acknowledged
	stop  context.CancelFunc
	conn  *nats.Conn
}

func (f *feed) since() time.Duration { return time.Since(f.began) }

func (f *feed) close() {
	f.stop()
	f.conn.Close()
}

// feed publishes the readings numbered from up to until to the service's NATS server.
// Those of a feed that fails count as not published; the next one sends them again, and
// the server knows them by their message ids.
func (c *crashFleet) feed(t *testing.T, s *victim, from, until int) *feed {
	t.Helper()
	conn, stream := c.connect(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	f := &feed{began: time.Now(), done: make(chan int, 1), stop: cancel, conn: conn}
	pub := &jetstream.Publisher{JetStream: stream, PerMessage: crashPerMessage}
	go func() {
		source := &sliceSource{readings: c.readings[from:max(from, until)]}
		if _, err := publish(ctx, pub, source, parents(c.meters), func(int64) {}); err != nil {
			f.done <- from
			return
		}
		f.done <- max(from, until)
	}()
	return f
}

func (c *crashFleet) connect(t *testing.T, s *victim) (*nats.Conn, js.JetStream) {
	t.Helper()
	conn, err := nats.Connect(s.nats)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	return conn, stream
}

// unscored counts the readings in the stream after the place where s resumed.
func (c *crashFleet) unscored(t *testing.T, s *victim) (n int) {
	t.Helper()
	conn, stream := c.connect(t, s)
	defer conn.Close()
	ami, err := stream.Stream(t.Context(), jetstream.ReadingsStream)
	if err != nil {
		t.Fatal(err)
	}
	end, err := jetstream.LastSequence(t.Context(), ami)
	if err != nil {
		t.Fatal(err)
	}
	if end == s.from {
		return 0
	}
	source, err := jetstream.Source{JetStream: stream, Known: wire.Registered(c.meters), StopAt: end}.Open(t.Context(), s.from)
	if err != nil {
		t.Fatal(err)
	}
	defer source.(io.Closer).Close()
	for {
		batch, err := source.Read(t.Context())
		if errors.Is(err, io.EOF) {
			return n
		}
		if err != nil {
			t.Fatal(err)
		}
		n += len(batch.Readings)
	}
}

// A sliceSource gives out all its readings at once.
type sliceSource struct{ readings []flatwatt.Reading }

func (s *sliceSource) Read(context.Context) (flatwatt.Batch, error) {
	if len(s.readings) == 0 {
		return flatwatt.Batch{}, io.EOF
	}
	batch := flatwatt.Batch{Readings: s.readings}
	s.readings = nil
	return batch, nil
}
