package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	js "github.com/nats-io/nats.go/jetstream"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/jetstream"
)

const (
	gridBuckets = 4
	gridTTL     = 2 // seconds
)

// A gridWorld is a database, a NATS server or cluster, and workers.
type gridWorld struct {
	t       *testing.T
	fleet   *crashFleet
	env     []string
	influx  string
	nats    string
	stream  js.JetStream
	workers []*victim
}

// newGridWorld makes the database and what a worker must be told.
func newGridWorld(t *testing.T, fleet *crashFleet, nats string, partitions, replicas int) *gridWorld {
	t.Helper()
	url := ownDatabase(t)
	return &gridWorld{t: t, fleet: fleet, influx: url, nats: nats, env: append(embeddedEnv(t, fleet.dir),
		"FLATWATT_NATS_URL="+nats, "FLATWATT_INFLUX_URL="+url, fmt.Sprint("FLATWATT_NATS_REPLICAS=", replicas),
		fmt.Sprint("FLATWATT_PARTITIONS_BUCKETS=", gridBuckets), fmt.Sprint("FLATWATT_PARTITIONS_PARTITIONS=", partitions),
		fmt.Sprint("FLATWATT_PARTITIONS_TAKE_OVER_S=", gridTTL))}
}

func (w *gridWorld) hire(n int) {
	for range n {
		w.workers = append(w.workers, launch(w.t, w.env, []int{1, 300, crashSaveEvery}[len(w.workers)%3]))
	}
}

// publish sends readings in their order and message by message, again and again until each
// is acknowledged: what a head-end must do whose readings may not arrive late.
func (w *gridWorld) publish(readings []flatwatt.Reading) {
	w.t.Helper()
	of := parents(w.fleet.meters)
	for len(readings) > 0 {
		n := 1
		for n < len(readings) && n < 4*crashPerMessage && of[readings[n].Meter] == of[readings[0].Meter] {
			n++
		}
		deadline := time.Now().Add(time.Minute)
		for {
			p := jetstream.Publisher{JetStream: w.stream, InFlight: 1}
			err := p.Publish(w.t.Context(), of[readings[0].Meter], readings[:n])
			if err == nil {
				err = p.Flush(w.t.Context())
			}
			if err == nil {
				break
			}
			if time.Now().After(deadline) {
				w.t.Fatalf("publish: %v", err)
			}
		}
		readings = readings[n:]
	}
}

// settle waits until the database is as wanted, or says how it differs. Nil: until it holds
// every score that it should.
func (w *gridWorld) settle(want []byte, within time.Duration) []byte {
	w.t.Helper()
	deadline := time.Now().Add(within)
	for last := -1; ; {
		got := dumpDatabase(w.t, w.influx)
		n := points(w.t, got, "score")
		if want == nil && n >= crashMeters*(crashDays-3) && n == last || want != nil && bytes.Equal(got, want) {
			return got
		}
		last = n
		if time.Now().After(deadline) {
			for _, v := range w.workers {
				w.t.Logf("worker:\n%s", v.stderr.String())
			}
			w.t.Fatalf("%d scores after %v; the database differs from that of one worker left alone: %s", n, within, firstDifference(got, want))
		}
		time.Sleep(300 * time.Millisecond)
	}
}

func (w *gridWorld) dismiss() {
	for _, v := range w.workers {
		_ = v.cmd.Process.Signal(syscall.SIGCONT)
		_ = v.cmd.Process.Kill()
		<-v.gone
	}
}

// oneNode is a NATS server of its own and a world around it.
func oneNode(t *testing.T, fleet *crashFleet, partitions int) *gridWorld {
	t.Helper()
	nats, stream := ownStream(t)
	w := newGridWorld(t, fleet, nats, partitions, 1)
	w.stream = stream
	if _, err := jetstream.EnsureBuckets(t.Context(), w.stream, jetstream.Retention{}, gridBuckets); err != nil {
		t.Fatal(err)
	}
	return w
}

// calmGrid is the database of one worker with one partition that was let alone.
func calmGrid(t *testing.T, fleet *crashFleet) []byte {
	t.Helper()
	w := oneNode(t, fleet, 1)
	w.hire(1)
	w.publish(fleet.readings)
	dump := w.settle(nil, time.Minute)
	w.dismiss()
	return dump
}

// TestWorkersAndPartitionsChangeNothing: whoever scores, and however many, every field of
// every point is the same.
func TestWorkersAndPartitionsChangeNothing(t *testing.T) {
	fleet := newCrashFleet(t)
	want := calmGrid(t, fleet)
	for _, c := range []struct{ workers, partitions int }{{1, 4}, {3, 2}, {3, 4}} {
		t.Run(fmt.Sprintf("%d workers %d partitions", c.workers, c.partitions), func(t *testing.T) {
			w := oneNode(t, fleet, c.partitions)
			w.hire(c.workers)
			w.publish(fleet.readings)
			w.settle(want, time.Minute)
			w.dismiss()
		})
	}
}

// TestClusterUnderFire runs three NATS servers with three copies of each stream and three
// workers, all processes of their own. While readings come in, workers are killed, paused
// until they have been replaced and woken, and the leader of the stream is killed. The
// database must end up as that of a single worker on a single server that was let alone.
// FLATWATT_KILLS says how often; `make chaos` asks for many.
func TestClusterUnderFire(t *testing.T) {
	if testing.Short() {
		t.Skip("half a minute of servers that are killed and come back; run without -short")
	}
	fleet := newCrashFleet(t)
	want := calmGrid(t, fleet)
	c := startCluster(t)
	for i := range c.nodes {
		c.start(i)
	}
	w := newGridWorld(t, fleet, c.url(), gridBuckets, 3)
	w.stream = c.connect(gridBuckets)
	w.hire(3)
	rng := rand.New(rand.NewPCG(4, 4))
	kills := 3 // one of each kind
	if os.Getenv(killsEnv) != "" {
		kills = killsWanted(t)
	}
	n := len(fleet.readings)
	w.publish(fleet.readings[:n/(kills+1)])
	for i := range kills {
		heal := w.harm(c, rng, i)
		w.publish(fleet.readings[(i+1)*n/(kills+1) : (i+2)*n/(kills+1)])
		heal()
		w.restart()
	}
	began := time.Now()
	w.settle(want, 2*time.Minute)
	t.Logf("%d blows; settled %v after the last", kills, time.Since(began).Round(100*time.Millisecond))
	w.dismiss()
}

// harm strikes one blow. What it returns is called when more readings have come.
func (w *gridWorld) harm(c *cluster, rng *rand.Rand, i int) (heal func()) {
	w.t.Helper()
	k := rng.IntN(len(w.workers))
	v := w.workers[k]
	switch i % 3 {
	case 0:
		w.t.Logf("kill -9 worker %d", k)
		_ = v.cmd.Process.Kill()
		<-v.gone
		return func() {}
	case 1:
		w.t.Logf("pause worker %d, past its lease", k)
		if err := v.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
			w.t.Fatal(err)
		}
		woken := time.Now().Add(2 * gridTTL * time.Second)
		return func() {
			time.Sleep(time.Until(woken)) // the pause is the test
			if err := v.cmd.Process.Signal(syscall.SIGCONT); err != nil {
				w.t.Fatal(err)
			}
		}
	default:
		n := c.leader(w.stream)
		w.t.Logf("kill -9 node %d, which leads the stream", n)
		c.kill(n)
		return func() { c.start(n) }
	}
}

// restart does what a service manager does with workers that have ended.
func (w *gridWorld) restart() {
	for k, v := range w.workers {
		select {
		case <-v.gone:
			w.workers[k] = launch(w.t, w.env, crashSaveEvery)
		default:
		}
	}
}

// TestPartitionsCanBeChanged changes their number back and forth while readings come in.
func TestPartitionsCanBeChanged(t *testing.T) {
	fleet := newCrashFleet(t)
	want := calmGrid(t, fleet)
	w := oneNode(t, fleet, 1)
	w.hire(2)
	env := map[string]string{"FLATWATT_NATS_URL": w.nats}
	shared := func() bool { return run1(t, env, "partitions") == exitOK }
	if !w.workers[0].until(time.Minute, shared) {
		t.Fatalf("nobody shares partitions:\n%s", w.workers[0].stderr.String())
	}
	n := len(fleet.readings)
	for i, to := range []string{"4", "3", "1"} {
		w.publish(fleet.readings[i*n/3 : (i+1)*n/3])
		if code, stdout, stderr := run(t, env, "partitions", "--set", to); code != exitOK || !strings.Contains(stderr, "share "+to+" partitions") {
			t.Fatalf("partitions --set %s: exit code %d\n%s%s", to, code, stdout, stderr)
		}
	}
	w.settle(want, time.Minute)
	if code, stdout, _ := run(t, env, "partitions", "-o", "csv"); code != exitOK || !strings.HasPrefix(stdout, "partition,buckets,worker\n0,0-3,") {
		t.Errorf("exit code %d\n%s", code, stdout)
	}
	if code, _, stderr := run(t, env, "partitions", "--set", "9"); code != exitError || !strings.Contains(stderr, "give 1 to 4") {
		t.Errorf("9 partitions of 4 buckets: exit code %d, %s", code, stderr)
	}
	w.dismiss()
}

// run1 is the exit code of a command line.
func run1(t *testing.T, env map[string]string, args ...string) int {
	t.Helper()
	code, _, _ := run(t, env, args...)
	return code
}

// TestTakeOverWithinTenSeconds kills a worker with the shipped time to live; the other one
// must own all within ten seconds.
func TestTakeOverWithinTenSeconds(t *testing.T) {
	w := oneNode(t, newCrashFleet(t), gridBuckets)
	w.env = append(w.env, "FLATWATT_PARTITIONS_TAKE_OVER_S=5")
	w.hire(2)
	owns := func(v *victim, n int) func() bool {
		return func() bool { return strings.Contains(v.stderr.String(), fmt.Sprintf("owns %d of %d", n, gridBuckets)) }
	}
	for k, v := range w.workers {
		if !v.until(time.Minute, owns(v, gridBuckets/2)) {
			t.Fatalf("worker %d has not got its share:\n%s", k, v.stderr.String())
		}
	}
	w.publish(w.fleet.readings[:len(w.fleet.readings)/8])
	dead, heir := w.workers[0], w.workers[1]
	_ = dead.cmd.Process.Kill()
	<-dead.gone
	began := time.Now()
	taken := strings.Count(heir.stderr.String(), "ready: owns")
	heir.until(10*time.Second, func() bool { return strings.Count(heir.stderr.String(), "ready: owns") > taken })
	took := time.Since(began)
	if !strings.HasSuffix(strings.TrimSpace(heir.stderr.String()), "scores to "+w.influx) || took > 10*time.Second {
		t.Errorf("after %v the other worker says:\n%s", took, heir.stderr.String())
	}
	t.Logf("taken over %v after the kill", took.Round(10*time.Millisecond))
	w.dismiss()
}
