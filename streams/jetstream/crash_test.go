package jetstream_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	js "github.com/nats-io/nats.go/jetstream"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams"
	"github.com/flatwatt/flatwatt/streams/jetstream"
	"github.com/flatwatt/flatwatt/streams/memory"
	"github.com/flatwatt/flatwatt/streams/natsd"
	"github.com/flatwatt/flatwatt/streams/wire"
)

const (
	crashDays = 240 // of readings of 20 meters

	workerEnv = "FLATWATT_TEST_WORKER" // makes this binary a worker on the directory given
	stepEnv   = "FLATWATT_TEST_STEP"   // makes the worker kill itself at that step
	killsEnv  = "FLATWATT_TEST_KILLS"  // how often the worker is killed; default 12
)

// TestMain makes the test binary its own worker, so that it can really be killed.
func TestMain(m *testing.M) {
	dir := os.Getenv(workerEnv)
	if dir == "" {
		os.Exit(m.Run())
	}
	if err := work(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// work is a whole process: server, stream, pipeline, output, all in dir.
func work(dir string) (err error) {
	s, err := natsd.Start(natsd.Options{Dir: filepath.Join(dir, "nats"), InProcessOnly: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	nc, err := s.Connect()
	if err != nil {
		return err
	}
	defer nc.Close()
	j, err := js.New(nc)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	sink, err := openLog(dir)
	if err != nil {
		return err
	}
	p, err := pipeline(j, sink)
	if err != nil {
		return err
	}
	if s := os.Getenv(stepEnv); s != "" {
		left, err := strconv.Atoi(s)
		if err != nil {
			return err
		}
		p.SaveEvery = 1
		k := &killer{Pipeline: p, left: left}
		p.Sink, p.Rejects, p.Checkpoints = killerSink{k}, killerRejects{k}, killerCheckpoints{k}
	}
	if err := p.Run(context.Background()); err != nil {
		return err
	}
	return settle(dir)
}

// pipeline wires real ends: stream, rejects and checkpoints on JetStream.
func pipeline(j js.JetStream, sink flatwatt.Sink) (streams.Pipeline, error) {
	ctx := context.Background()
	stream, err := jetstream.EnsureReadings(ctx, j, jetstream.Retention{})
	if err != nil {
		return streams.Pipeline{}, err
	}
	if _, err := jetstream.EnsureRejected(ctx, j, jetstream.Retention{}); err != nil {
		return streams.Pipeline{}, err
	}
	saved, err := jetstream.OpenCheckpoints(ctx, j, "test", "v1", 1)
	if err != nil {
		return streams.Pipeline{}, err
	}
	end, err := jetstream.LastSequence(ctx, stream)
	source := jetstream.Source{JetStream: j, Known: wire.AnyMeter(0, 1000), StopAt: end}
	return streams.Pipeline{
		Open: source.Open, Scorer: newLedger(), Sink: sink, Rejects: jetstream.Rejects{JetStream: j},
		Checkpoints: saved, SaveEvery: 200,
	}, err
}

// fill makes a server's directory with readings and a few bad messages.
func fill(t *testing.T, dir string, meters, hours, per int) {
	t.Helper()
	s, err := natsd.Start(natsd.Options{Dir: filepath.Join(dir, "nats"), InProcessOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	nc, err := s.Connect()
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	j, _ := js.New(nc)
	ami(t, j, jetstream.Retention{})
	rs := readings(meters, hours)
	publish(t, j, rs[:len(rs)/2], per)
	p := jetstream.Publisher{JetStream: j}
	for i := range 5 {
		if err := errors.Join(p.PublishBody(t.Context(), "c", wire.JSON, fmt.Append(nil, i)), p.Flush(t.Context())); err != nil {
			t.Fatal(err)
		}
	}
	publish(t, j, rs[len(rs)/2:], per)
}

// TestKilledWorkersChangeNothing kills a worker, server and all, at random moments, and
// compares what is left with the output of one that was let alone, byte for byte.
func TestKilledWorkersChangeNothing(t *testing.T) {
	kills := 12
	if s := os.Getenv(killsEnv); s != "" {
		var err error
		if kills, err = strconv.Atoi(s); err != nil {
			t.Fatalf("%s: %v", killsEnv, err)
		}
	}
	calm, wild := t.TempDir(), t.TempDir()
	fill(t, calm, 20, 24*crashDays, 20) // 5760 messages
	if err := os.CopyFS(wild, os.DirFS(calm)); err != nil {
		t.Fatal(err)
	}
	took := runWorker(t, calm, 0, 0)
	want := read(t, calm, "out")
	if lines := bytes.Count(want, []byte("\n")); lines != 20*crashDays {
		t.Fatalf("the calm worker gave %d scores, want %d", lines, 20*crashDays)
	}
	rng := rand.New(rand.NewPCG(uint64(kills), 1))
	inTime := 0
	for range kills {
		// Together about three quarters of a whole run, so that most lives have work left.
		if runWorker(t, wild, 1+time.Duration(rng.Int64N(3*int64(took)/int64(2*kills))), 0) == 0 {
			inTime++
		}
	}
	runWorker(t, wild, 0, 0)
	if got := read(t, wild, "out"); !bytes.Equal(got, want) {
		t.Errorf("scores differ after %d kills", kills)
	}
	log := string(read(t, wild, "log"))
	t.Logf("a calm run took %v; %d of %d kills hit a worker at work; %d scores were written %d times", took, inTime, kills, 20*crashDays, strings.Count(log, "|"))
	if inTime < kills/2 {
		t.Errorf("only %d of %d kills came in time", inTime, kills)
	}
	if n := rejectsKept(t, wild); n != 5 {
		t.Errorf("%d rejects are kept, want 5", n)
	}
}

// TestKilledBetweenAnyTwoSteps has a worker kill itself just before and just after each
// durable step of a whole run in turn: moments that random kills seldom meet.
func TestKilledBetweenAnyTwoSteps(t *testing.T) {
	if testing.Short() {
		t.Skip("starts some 70 processes, 5 s on an idle machine; leave out -short to run it")
	}
	calm := t.TempDir()
	fill(t, calm, 20, 24*2, 20*12) // half a day a message, a checkpoint at each
	start := t.TempDir()
	if err := os.CopyFS(start, os.DirFS(calm)); err != nil {
		t.Fatal(err)
	}
	runWorker(t, calm, 0, 0)
	want := read(t, calm, "out")
	step := 1
	for ; ; step++ {
		wild := t.TempDir()
		if err := os.CopyFS(wild, os.DirFS(start)); err != nil {
			t.Fatal(err)
		}
		if runWorker(t, wild, 0, step) > 0 {
			break // it finished before that step: there are no more
		}
		runWorker(t, wild, 0, 0)
		if !bytes.Equal(read(t, wild, "out"), want) {
			t.Errorf("scores differ after a kill at step %d", step)
		}
		if n := rejectsKept(t, wild); n != 5 {
			t.Errorf("%d rejects are kept after a kill at step %d, want 5", n, step)
		}
	}
	// Two steps each: 9 messages, of which 5 are bad and one closes a day, and the end.
	if want := 2*(9+5+1+1) + 1; step != want {
		t.Errorf("%d steps, want %d", step, want)
	}
}

// A killer kills its process, as SIGKILL does, when so many steps are left before or
// after something durable.
type killer struct {
	streams.Pipeline
	left int
}

func (k *killer) around(do func() error) error {
	k.step()
	err := do()
	k.step()
	return err
}

func (k *killer) step() {
	if k.left--; k.left == 0 {
		self, err := os.FindProcess(os.Getpid())
		if err == nil {
			err = self.Kill()
		}
		panic(fmt.Sprint("still alive: ", err))
	}
}

type (
	killerSink        struct{ *killer }
	killerRejects     struct{ *killer }
	killerCheckpoints struct{ *killer }
)

func (k killerSink) Write(ctx context.Context, scores []flatwatt.Score) error {
	return k.around(func() error { return k.Sink.Write(ctx, scores) })
}

func (k killerRejects) Reject(ctx context.Context, pieces []flatwatt.Rejected) error {
	return k.around(func() error { return k.Rejects.Reject(ctx, pieces) })
}

func (k killerCheckpoints) Load(ctx context.Context) (flatwatt.Checkpoint, error) {
	return k.Checkpoints.Load(ctx)
}

func (k killerCheckpoints) Save(ctx context.Context, c flatwatt.Checkpoint) error {
	return k.around(func() error { return k.Checkpoints.Save(ctx, c) })
}

func read(t *testing.T, dir, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func rejectsKept(t *testing.T, dir string) flatwatt.Position {
	t.Helper()
	s, err := jetstream.ServeForTest(t, filepath.Join(dir, "nats")).Stream(t.Context(), jetstream.RejectedStream)
	if err != nil {
		t.Fatal(err)
	}
	n, err := jetstream.LastSequence(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// runWorker runs a worker on dir and kills it so long after it is ready, or has it kill
// itself at a step; 0 and 0: lets it finish. It returns how long a worker that finished
// was at work, else 0.
func runWorker(t *testing.T, dir string, killAfter time.Duration, step int) time.Duration {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), workerEnv+"="+dir)
	if step > 0 {
		c.Env = append(c.Env, fmt.Sprint(stepEnv, "=", step))
	}
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ready := make([]byte, 6)
	if _, err := out.Read(ready); err != nil {
		_ = c.Wait()
		t.Fatalf("worker: %v\n%s", err, &stderr)
	}
	begin := time.Now()
	if killAfter > 0 {
		defer time.AfterFunc(killAfter, func() { _ = c.Process.Kill() }).Stop()
	}
	err = c.Wait()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return time.Since(begin)
	case (killAfter > 0 || step > 0) && errors.As(err, &exit) && exit.ExitCode() == -1:
		return 0
	}
	t.Fatalf("worker: %v\n%s", err, &stderr)
	return 0
}

// TestRestartAtEveryMessage stops a pipeline after each message, with a checkpoint at
// each or now and then, and starts it anew on the real stream.
func TestRestartAtEveryMessage(t *testing.T) {
	dir := t.TempDir()
	fill(t, dir, 4, 60, 20)
	j := jetstream.ServeForTest(t, filepath.Join(dir, "nats"))
	want := &memory.Sink{}
	for _, saveEvery := range []int{1, 50} {
		sink := &memory.Sink{}
		lives := 0
		for stop := flatwatt.Position(1); ; stop++ {
			p, err := pipeline(j, sink)
			if err != nil {
				t.Fatal(err)
			}
			p.SaveEvery = saveEvery
			p.Checkpoints, err = jetstream.OpenCheckpoints(t.Context(), j, fmt.Sprint("every-", saveEvery), "v1", 1)
			if err != nil {
				t.Fatal(err)
			}
			ctx, stopNow := context.WithCancel(t.Context())
			p.Hooks.Scored = func(b flatwatt.Batch, _ []flatwatt.Score) {
				if b.Next >= stop {
					stopNow()
				}
			}
			err = p.Run(ctx)
			stopNow()
			lives++
			if err == nil {
				break
			}
			if !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
		}
		if saveEvery == 1 {
			p, err := pipeline(j, want)
			if err != nil {
				t.Fatal(err)
			}
			if err := p.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if got := fmt.Sprint(sink.Sorted()); got != fmt.Sprint(want.Sorted()) || len(want.Scores) != 4*3 {
			t.Errorf("save every %d: scores differ after %d lives", saveEvery, lives)
		}
		if lives < 15 {
			t.Errorf("only %d lives", lives)
		}
	}
}
