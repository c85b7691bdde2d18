package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
)

const (
	killsEnv     = "FLATWATT_KILLS" // how often a service is killed in each test; default 6
	defaultKills = 6

	crashToken = "a-token-of-the-crash-tests"

	// crashSaveEvery is that of the calm run: some ninety checkpoints.
	crashSaveEvery = 1000

	// earlyOneIn lives are killed before they are ready, at any moment of the start.
	earlyOneIn = 6
)

// TestKilledServiceScoresTheSame kills the service with everything in it, the NATS
// server and the database too, at random moments: while it starts, takes readings,
// scores, writes, saves. The database must end up as that of a service that was let
// alone, byte for byte. The head-end publishes again what was not acknowledged.
func TestKilledServiceScoresTheSame(t *testing.T) {
	fleet := newCrashFleet(t)
	calm := newCalm(t, fleet)
	w := &crashWorld{fleet: fleet, calm: calm, embedded: true, env: embeddedEnv(t, fleet.dir)}
	w.killAndCompare(t, rand.New(rand.NewPCG(1, uint64(killsWanted(t)))))

	// Once more when all is quiet: what the database acknowledged must be there again.
	s := launch(t, w.env, crashSaveEvery)
	s.await()
	s.kill()
	w.finish(t)
}

// TestKilledScorerScoresTheSame kills only the scorer. Its NATS server and database are
// elsewhere, as in production, and the head-end publishes on while nobody listens.
func TestKilledScorerScoresTheSame(t *testing.T) {
	fleet := newCrashFleet(t)
	calm := newCalm(t, fleet)
	nats, _ := ownStream(t)
	env := append(embeddedEnv(t, fleet.dir), "FLATWATT_NATS_URL="+nats, "FLATWATT_INFLUX_URL="+ownDatabase(t))
	w := &crashWorld{fleet: fleet, calm: calm, env: env}
	w.killAndCompare(t, rand.New(rand.NewPCG(2, uint64(killsWanted(t)))))
}

func killsWanted(t *testing.T) int {
	t.Helper()
	text := os.Getenv(killsEnv)
	if text == "" {
		return defaultKills
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s=%q: want a number from 1", killsEnv, text)
	}
	return n
}

// embeddedEnv has a service keep everything in a new directory, on ports of the
// system's choice.
func embeddedEnv(t *testing.T, fleet string) []string {
	return []string{
		"FLATWATT_DATA_DIR=" + filepath.Join(t.TempDir(), "data"), "FLATWATT_FLEET=" + fleet, tokenEnv + "=" + crashToken,
		"FLATWATT_NATS_LISTEN=127.0.0.1:0", "FLATWATT_INFLUX_LISTEN=127.0.0.1:0", "FLATWATT_HTTP_LISTEN=127.0.0.1:0",
	}
}

// A calm is what a service gave that was let alone, and how long it took.
type calm struct {
	dump            []byte
	starting, works time.Duration
}

// newCalm replays the fleet, as a user would, to a service in another process.
func newCalm(t *testing.T, fleet *crashFleet) calm {
	t.Helper()
	began := time.Now()
	s := launch(t, embeddedEnv(t, fleet.dir), crashSaveEvery)
	s.await()
	c := calm{starting: time.Since(began)}
	began = time.Now()
	if code, _, stderr := run(t, nil, "replay", "--fleet", fleet.dir, "--nats", s.nats); code != exitOK {
		t.Fatal(stderr)
	}
	s.settle(fleet.unscored(t, s))
	c.works = time.Since(began)
	c.dump = dumpDatabase(t, s.influx)
	s.kill() // its directory is not used again
	if n := bytes.Count(c.dump, []byte("\n")); n < 6 {
		t.Fatalf("the database of the calm service has %d lines, want one for each of five measurements and more:\n%.2000s", n, c.dump)
	}
	// Every meter has a score for all but the first days and the last, which stays open.
	if n, want := points(t, c.dump, "score"), crashMeters*(crashDays-3); n < want {
		t.Fatalf("the calm service wrote %d scores, want at least %d", n, want)
	}
	return c
}

// A crashWorld is a service, or its remains, between kills.
type crashWorld struct {
	fleet     *crashFleet
	calm      calm
	env       []string
	embedded  bool // the NATS server dies with the service
	published int  // readings that NATS has acknowledged
	moments   map[string]int
	resumed   map[flatwatt.Position]bool
	pace      time.Duration // that all the work takes as the machine is now
}

// killAndCompare is a whole test: so many lives that end by SIGKILL, each given its share
// of the readings, and a last one that ends the work.
func (w *crashWorld) killAndCompare(t *testing.T, rng *rand.Rand) {
	t.Helper()
	kills := killsWanted(t)
	w.moments, w.resumed, w.pace = map[string]int{}, map[flatwatt.Position]bool{}, w.calm.works
	for i := range kills {
		w.life(t, rng, len(w.fleet.readings)*(i+1)/kills, kills)
	}
	w.finish(t)
	t.Logf("a calm service takes %v to start and %v to score %d readings; %d scores compared; kills %v; resumed from %d positions",
		w.calm.starting.Round(time.Millisecond), w.calm.works.Round(time.Millisecond), len(w.fleet.readings),
		points(t, w.calm.dump, "score"), w.moments, len(w.resumed))
	if w.moments[idle] > kills*2/3 {
		t.Errorf("%d of %d kills came when all work was done", w.moments[idle], kills)
	}
}

// Moments of a kill.
const (
	starting   = "while starting"
	publishing = "while taking readings"
	scoring    = "while scoring"
	idle       = "when idle"
)

// life starts the service, publishes up to reading number until, and kills it.
func (w *crashWorld) life(t *testing.T, rng *rand.Rand, until, kills int) {
	t.Helper()
	// Saving after each message, now and then, or never: kills meet all of it.
	s := launch(t, w.env, []int{1, 300, crashSaveEvery, 20_000}[rng.IntN(4)])
	early := rng.IntN(earlyOneIn) == 0
	// One and a half shares of the work: most kills come in its midst, some after it.
	delay := time.Duration(rng.Int64N(1 + 3*int64(w.pace)/int64(2*kills)))
	if early {
		delay = time.Duration(rng.Int64N(int64(w.calm.starting)))
		s.awaitFor(delay)
		w.moments[starting]++
		s.kill()
		return
	}
	s.await()
	w.resumed[s.from] = true
	feed := w.fleet.feed(t, s, w.published, until)
	moment := publishing
	select {
	case n := <-feed.done:
		w.published = max(w.published, n)
		moment = ""
	case <-time.After(delay):
	}
	if moment == "" {
		todo := w.fleet.unscored(t, s)
		s.awaitScored(todo, delay-feed.since())
		moment = scoring
		if s.scored() >= todo {
			moment = idle
			w.pace = min(w.pace, feed.since()*time.Duration(kills)) // the machine is less busy than it was
		}
	}
	s.kill()
	w.moments[moment]++
	if moment == publishing {
		if w.embedded {
			feed.stop() // nobody will answer any more
		}
		w.published = max(w.published, <-feed.done)
	}
	feed.close()
}

// finish has a last life score what is left, and compares.
func (w *crashWorld) finish(t *testing.T) {
	t.Helper()
	s := launch(t, w.env, crashSaveEvery)
	s.await()
	feed := w.fleet.feed(t, s, w.published, len(w.fleet.readings))
	if w.published = <-feed.done; w.published != len(w.fleet.readings) {
		t.Fatalf("published %d readings of %d", w.published, len(w.fleet.readings))
	}
	feed.close()
	s.settle(w.fleet.unscored(t, s))
	got := dumpDatabase(t, s.influx)
	s.kill()
	if !bytes.Equal(got, w.calm.dump) {
		t.Errorf("the database differs from that of a service that was let alone: %s", firstDifference(got, w.calm.dump))
	}
}

// firstDifference tells how many lines are in one dump only, and shows the first of each.
func firstDifference(got, want []byte) string {
	only := func(a, b []byte) (n int, first string) {
		have := map[string]bool{}
		for line := range bytes.Lines(b) {
			have[string(line)] = true
		}
		for line := range bytes.Lines(a) {
			if !have[string(line)] {
				if n++; n == 1 {
					first = fmt.Sprintf("%.1500s", line)
				}
			}
		}
		return n, first
	}
	more, extra := only(got, want)
	less, missing := only(want, got)
	return fmt.Sprintf("%d lines too many, first\n%s%d lines are missing, first\n%s", more, extra, less, missing)
}
