package partition

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

var (
	firstSeed = flag.Uint64("seed", 1, "first seed of the simulation")
	seeds     = flag.Uint64("seeds", 500, "seeds of the simulation")
)

const simTTL = 5 * time.Second

// A simulated worker is a member with the lease and the running set of a real one, stepped
// by hand. Its clock runs with the world's but has an origin of its own.
type simWorker struct {
	member
	origin  time.Duration
	running []int
	// Work that was told to end and still has a request on its way, with the lease that it
	// was sent under.
	stopping map[int]time.Duration
	layout   Layout
	until    time.Duration // of the lease, on its own clock
	asleep   time.Duration // world time at which it wakes
	dead     bool
}

// register is the compare-and-swap store of the simulated world.
type register struct {
	value    []byte
	revision uint64
}

// A planted bug of the protocol.
type bug int

const (
	noBug         bug = iota
	blindSwap         // the table is replaced whatever its revision
	longLease         // the lease outlives the time to live
	keepsRunning      // work goes on in partitions that were lost
	freesAtOnce       // a partition is freed while its work still runs
	ignoresDead       // the partitions of the dead are not freed
	greedy            // takes all that is free, whatever its share
	comparesClock     // a beat is judged by the beater's clock: sightings are not renewed
)

// turn is a worker's renewal at world time now. Between its load and its swap others may
// have come first (interfere).
func (w *simWorker) turn(r *register, now time.Duration, b bug, l Layout, rng *rand.Rand, interfere func()) error {
	clock := now - w.origin
	for range 10 {
		t, revision := newTable(l), r.revision
		if revision > 0 {
			var err error
			if t, err = decodeTable(r.value); err != nil {
				return err
			}
		}
		if t.Layout != w.layout {
			w.running, w.stopping, w.layout = nil, nil, t.Layout // which waits
		}
		for _, p := range slices.Sorted(maps.Keys(w.stopping)) {
			if rng.IntN(2) == 0 {
				delete(w.stopping, p)
			}
		}
		dead := slices.Clone(t.Owners)
		if b == comparesClock {
			for name, s := range w.seen {
				s.at, s.beat = min(s.at, clock-simTTL), t.Beats[name]
				w.seen[name] = s
			}
		}
		running := slices.AppendSeq(slices.Clone(w.running), maps.Keys(w.stopping))
		if b == freesAtOnce {
			running = nil
		}
		keep, take := w.renew(&t, clock, running)
		switch b {
		case greedy:
			for p := range t.Owners {
				if t.Owners[p] == "" {
					t.Owners[p] = w.name
					take = append(take, p)
				}
			}
		case ignoresDead:
			for p, o := range dead {
				if o != "" && o != w.name && t.Next == 0 && len(dead) == len(t.Owners) {
					t.Owners[p] = o
					take = slices.DeleteFunc(take, func(q int) bool { return p == q })
				}
			}
		}
		value, err := json.Marshal(t)
		if err != nil {
			return err
		}
		if interfere != nil {
			interfere()
			interfere = nil
		}
		if r.revision != revision && b != blindSwap {
			continue
		}
		r.value, r.revision = value, r.revision+1
		before := w.until
		w.until = clock + simTTL*3/4
		if b == longLease {
			w.until = clock + 2*simTTL
		}
		for _, p := range w.running {
			if !slices.Contains(keep, p) && b != keepsRunning {
				if w.stopping == nil {
					w.stopping = map[int]time.Duration{}
				}
				w.stopping[p] = before
			}
		}
		if b != keepsRunning {
			w.running = nil
		}
		for _, p := range append(keep, take...) {
			if _, still := w.stopping[p]; !still && !slices.Contains(w.running, p) {
				w.running = append(w.running, p)
			}
		}
		return nil
	}
	return nil // others were always faster: the lease goes on running out
}

// acts says whether w may act as owner of p: its lease has not run out.
func (w *simWorker) acts(p int, now time.Duration) bool {
	if w.dead {
		return false
	}
	until, stopping := w.stopping[p]
	return stopping && now-w.origin < until || now-w.origin < w.until && slices.Contains(w.running, p)
}

// simulateGroup runs workers that stall, die, join and are cut off, and checks at every
// step that no partition has two acting owners, and at the end that each has one, that
// shares are fair and that it took no longer than it may.
func simulateGroup(seed uint64, b bug) error {
	rng := rand.New(rand.NewPCG(seed, 1))
	l := Layout{Buckets: 16, Partitions: 1 + rng.IntN(16)}
	var r register
	var workers []*simWorker
	join := func(now time.Duration) {
		name := fmt.Sprint("w", len(workers))
		workers = append(workers, &simWorker{member: member{name: name, ttl: simTTL, seen: map[string]sighting{}}, origin: now - time.Duration(rng.Int64N(1e12))})
	}
	for range 1 + rng.IntN(4) {
		join(0)
	}
	const step = 100 * time.Millisecond
	const troubles = 40 * time.Second
	const end = troubles + 3*simTTL + 10*time.Second // the longest sleep, and what a take-over may take
	for now := time.Duration(0); now < end; now += step {
		for i, w := range workers {
			if w.dead || w.asleep > now {
				continue
			}
			if now < troubles {
				switch x := rng.IntN(1000); {
				case x < 3:
					w.asleep = now + time.Duration(rng.Int64N(int64(3*simTTL)))
					continue
				case x < 4 && i > 0:
					w.dead = true
					continue
				case x < 5 && len(workers) < 8:
					join(now)
				case x < 6:
					l.Partitions = 1 + rng.IntN(16)
					if r.revision > 0 {
						if err := Resize(context.Background(), &r, l.Partitions); err != nil {
							return err
						}
					}
				}
			}
			if (int(now/step)+i)%10 != 0 && rng.IntN(10) > 0 {
				continue
			}
			var interfere func()
			if now < troubles && rng.IntN(5) == 0 {
				other := workers[rng.IntN(len(workers))]
				if other != w && !other.dead && other.asleep <= now {
					interfere = func() { _ = other.turn(&r, now, b, l, rng, nil) }
				}
			}
			if now < troubles && rng.IntN(30) == 0 {
				continue // the store is out of reach
			}
			if err := w.turn(&r, now, b, l, rng, interfere); err != nil {
				return err
			}
			if err := oneOwner(workers, l.Buckets, now); err != nil {
				return err
			}
		}
	}
	return settled(workers, &r, end-step)
}

func (r *register) Load(context.Context) ([]byte, uint64, error) { return r.value, r.revision, nil }
func (r *register) Swap(_ context.Context, v []byte, revision uint64) error {
	if revision != r.revision {
		return ErrConflict
	}
	r.value, r.revision = v, revision+1
	return nil
}

func oneOwner(workers []*simWorker, buckets int, now time.Duration) error {
	for p := range buckets {
		var who []string
		for _, w := range workers {
			for part := range w.layout.Partitions {
				if w.acts(part, now) && slices.Contains(w.layout.BucketsOf(part), p) {
					who = append(who, w.name)
				}
			}
		}
		if len(who) > 1 {
			return fmt.Errorf("at %v bucket %d has the owners %v", now, p, who)
		}
	}
	return nil
}

func settled(workers []*simWorker, r *register, now time.Duration) error {
	t, err := decodeTable(r.value)
	if err != nil {
		return err
	}
	var alive []*simWorker
	for _, w := range workers {
		if !w.dead && w.asleep <= now {
			alive = append(alive, w)
		}
	}
	least, most, total := 99, 0, 0
	for _, w := range alive {
		n := 0
		for _, p := range w.running {
			if w.acts(p, now) {
				n++
			}
		}
		least, most, total = min(least, n), max(most, n), total+n
	}
	if total != t.Layout.Partitions || most-least > 1 {
		return fmt.Errorf("%d workers own %d of %d partitions, %d to %d each", len(alive), total, t.Layout.Partitions, least, most)
	}
	return nil
}

// TestGroupSimulation: see simulateGroup.
func TestGroupSimulation(t *testing.T) {
	n := *seeds
	if testing.Short() {
		n = min(n, 200)
	}
	for s := *firstSeed; s < *firstSeed+n; s++ {
		if err := simulateGroup(s, noBug); err != nil {
			t.Fatalf("-seed %d: %v", s, err)
		}
	}
}

// TestGroupSimulationCatches plants bugs in the protocol: each must be found.
func TestGroupSimulationCatches(t *testing.T) {
	for name, b := range map[string]bug{
		"blind swap": blindSwap, "lease longer than the time to live": longLease, "lost work goes on": keepsRunning,
		"freed while running": freesAtOnce, "the dead are not replaced": ignoresDead, "takes more than its share": greedy,
		"clocks compared": comparesClock,
	} {
		t.Run(name, func(t *testing.T) {
			for s := uint64(1); s <= 300; s++ {
				if err := simulateGroup(s, b); err != nil {
					t.Logf("seed %d: %v", s, err)
					return
				}
			}
			t.Error("not caught")
		})
	}
}
