//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	js "github.com/nats-io/nats.go/jetstream"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/file"
	"github.com/flatwatt/flatwatt/streams/influxd"
	"github.com/flatwatt/flatwatt/streams/jetstream"
)

// awayEnv says how many readings come while the database is away; 360 million are an hour
// at 100,000 a second, and `make chaos` asks for 36 million: what an hour brings is what
// counts, not how long it takes.
const awayEnv = "FLATWATT_AWAY_READINGS"

// An awayWorld is a service with its stream in this process and its database beside it.
type awayWorld struct {
	t      *testing.T
	g      *benchFleet
	stream js.JetStream
	dbDir  string
	db     *influxd.DB
	url    string
	v      *victim
}

func newAwayWorld(t *testing.T, dir string, g *benchFleet) *awayWorld {
	t.Helper()
	w := &awayWorld{t: t, g: g, dbDir: filepath.Join(t.TempDir(), "influx")}
	nats, stream := ownStream(t)
	w.stream = stream
	w.open("127.0.0.1:0")
	w.v = launch(t, append(embeddedEnv(t, dir), "FLATWATT_NATS_URL="+nats, "FLATWATT_INFLUX_URL="+w.url, "FLATWATT_RUN_PLOT_HOURS=0"), 200_000)
	w.v.await()
	return w
}

func (w *awayWorld) open(addr string) {
	w.t.Helper()
	db, err := influxd.Open(w.dbDir, influxd.Options{Token: crashToken, Org: "flatwatt", Bucket: "flatwatt"})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { db.Close() })
	w.db = db
	if w.url, err = db.Listen(addr); err != nil {
		w.t.Fatal(err)
	}
}

// publish sends days, and calls each after each message.
func (w *awayWorld) publish(from, to int, each func()) (n int) {
	w.t.Helper()
	pub := &jetstream.Publisher{JetStream: w.stream}
	part := *w.g
	part.start = w.g.start.AddDate(0, 0, from)
	if err := part.each(to-from, func(_ int, rs []flatwatt.Reading) error {
		n += len(rs)
		each()
		return pub.Publish(w.t.Context(), "C-1", rs)
	}); err != nil {
		w.t.Fatal(err)
	}
	if err := pub.Flush(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	return n
}

// memoryOf is what the service has in memory, in bytes.
func (w *awayWorld) memoryOf() int { return memoryOf(w.t, w.v.cmd.Process.Pid) }

func memoryOf(t *testing.T, pid int) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(text))[1])
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}

// settleLeast is the readings a second below which a run is taken to hang.
const settleLeast = 50_000

// settle waits until all readings are scored, and digests the database.
func (w *awayWorld) settle(readings int) (digest []byte, scores int) {
	w.t.Helper()
	patience := 5*time.Minute + time.Duration(readings/settleLeast)*time.Second
	if !w.v.until(patience, func() bool { time.Sleep(100 * time.Millisecond); return w.v.scored() >= readings }) {
		w.t.Fatalf("%d of %d readings scored:\n%s", w.v.scored(), readings, w.v.stderr.String())
	}
	digest, scores = digestDatabase(w.t, w.url)
	w.v.kill()
	return digest, scores
}

// TestHourWithoutTheDatabase takes the database away while readings come in as fast as they
// can be stored. The service's memory stays as it is, and when the database is back it
// catches up in order: every field of every point is that of a run without an outage.
func TestHourWithoutTheDatabase(t *testing.T) {
	text := os.Getenv(awayEnv)
	if text == "" {
		t.Skip("takes the database away for long: give " + awayEnv + ", e.g. 500000")
	}
	wanted, err := strconv.Atoi(text)
	if err != nil || wanted < 100_000 {
		t.Fatalf("%s=%q: want a number from 100000", awayEnv, text)
	}
	const before, perMeterDay = 2, 96
	meters := min(max(200, wanted/perMeterDay/100), 20_000)
	days := before + wanted/perMeterDay/meters
	dir := filepath.Join(t.TempDir(), "fleet")
	if code, _, stderr := run(t, nil, "simulate", "--meters", strconv.Itoa(meters), "--days", "1", "--out", dir); code != exitOK {
		t.Fatal(stderr)
	}
	register, err := file.Open(dir, file.Options{})
	if err != nil {
		t.Fatal(err)
	}
	g := newBenchFleet(benchFlags{meters: meters, days: days, seed: 1})
	if end := g.start.AddDate(0, 0, days); end.After(time.Now()) {
		t.Fatalf("%s=%d: the readings would reach to %v, and those of the future are rejected; want fewer", awayEnv, wanted, end)
	}
	customers := 0
	for _, m := range register.Meters() {
		if m.Kind == flatwatt.Customer && customers < meters {
			g.meters[customers].ID = m.ID
			customers++
		}
	}
	g.meters = g.meters[:customers]

	calm := newAwayWorld(t, dir, g)
	n := calm.publish(0, before, func() {})
	n += calm.publish(before, days, func() {})
	want, _ := calm.settle(n)
	if err := calm.db.Close(); err != nil { // two of them are much memory
		t.Fatal(err)
	}

	w := newAwayWorld(t, dir, g)
	n = w.publish(0, before, func() {})
	w.v.settle(n)
	if err := w.db.Close(); err != nil {
		t.Fatal(err)
	}
	calmly, peak, messages := w.memoryOf(), 0, 0
	began := time.Now()
	away := w.publish(before, days, func() {
		if messages++; messages%200 == 0 {
			peak = max(peak, w.memoryOf())
		}
	})
	rate := float64(away) / time.Since(began).Seconds()
	for range 20 { // and while nothing comes
		time.Sleep(100 * time.Millisecond)
		peak = max(peak, w.memoryOf())
	}
	w.open(strings.TrimPrefix(w.url, "http://"))
	got, scores := w.settle(n + away)
	t.Logf("%d readings came while the database was away, %.0f a second: memory %d MB before, at most %d MB; %d scores compared", away, rate, calmly>>20, peak>>20, scores)
	if !bytes.Equal(got, want) {
		t.Errorf("the database differs from that of a run without an outage: %s", firstDifference(got, want))
	}
	// What is fetched ahead is two requests of the stream, 28 MB at most, and the messages of
	// a day's close; readings kept would be 120 bytes each.
	if peak > calmly+160<<20 {
		t.Errorf("memory grew from %d to %d MB", calmly>>20, peak>>20)
	}
}
