package partition

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// errAway is what a store says that cannot be reached.
var errAway = errors.New("the store is away")

// A line is one worker's connection to the table that all share: slow, now and then cut,
// and a swap that fails may have been made.
type line struct {
	*register
	mu   *sync.Mutex
	rng  *rand.Rand // its own, and used by the goroutine of its Group only
	down func() bool
}

func (s line) wait(ctx context.Context) error {
	d := time.Duration(s.rng.Int64N(int64(200 * time.Millisecond)))
	if s.down() {
		d = time.Hour
	}
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s line) Load(ctx context.Context) ([]byte, uint64, error) {
	if err := s.wait(ctx); err != nil {
		return nil, 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.register.Load(ctx)
}

func (s line) Swap(ctx context.Context, value []byte, revision uint64) error {
	if err := s.wait(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	err := s.register.Swap(ctx, value, revision)
	s.mu.Unlock()
	if s.rng.IntN(25) == 0 {
		return errAway // and it may have been made
	}
	if s.rng.IntN(3) == 0 { // the answer takes its time
		return errors.Join(err, s.wait(ctx))
	}
	return err
}

// acts are what workers did to buckets. Each call of Work has a number of its own.
type acts struct {
	mu     sync.Mutex
	calls  int
	latest map[int]int // by bucket, the call that acted last
	ended  map[int]int // the call that was followed by another, by call
	when   map[int]time.Time
	who    map[int]string
	double error
}

func (a *acts) call() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls++
	return a.calls
}

// act notes that a call acts on a bucket. Once another call has, the one before must not.
func (a *acts) act(bucket, call int, worker string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	key := call<<10 | bucket
	if by, over := a.ended[key]; over && a.double == nil {
		a.double = fmt.Errorf("%s acts on bucket %d at %s after call %d took it over", worker, bucket, time.Now().Format("04:05.000"), by)
	}
	if was := a.latest[bucket]; was != 0 && was != call {
		a.ended[was<<10|bucket] = call
	}
	a.latest[bucket], a.when[bucket], a.who[bucket] = call, time.Now(), worker
}

// A clerk is a real Group in fake time. It works in two goroutines, so that its troubles
// are locked.
type clerk struct {
	name        string
	mu          sync.Mutex
	cut, asleep time.Time // until when its line is cut, and it takes no step
	dead        bool
}

func (c *clerk) down() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dead || time.Now().Before(c.cut)
}

// pause stands still for as long as the clerk is asleep, whatever happens to ctx, as a
// process does that was stopped; false: it never wakes.
func (c *clerk) pause() bool {
	c.mu.Lock()
	d, dead := time.Until(c.asleep), c.dead
	c.mu.Unlock()
	if d > 0 {
		time.Sleep(d)
	}
	return !dead
}

func (c *clerk) group(r *register, mu *sync.Mutex, a *acts, l Layout, seed uint64) *Group {
	return &Group{
		Store:  line{r, mu, rand.New(rand.NewPCG(seed, 7)), c.down},
		Worker: c.name, Layout: l, TTL: simTTL,
		Work: func(ctx context.Context, l Layout, p int) error {
			call := a.call()
			for {
				select {
				case <-time.After(150 * time.Millisecond):
				case <-ctx.Done():
				}
				if !c.pause() {
					<-ctx.Done()
					return ctx.Err()
				}
				if err := Guard(ctx).Err(); err != nil {
					return err
				}
				for _, b := range l.BucketsOf(p) {
					a.act(b, call, c.name)
				}
			}
		},
	}
}

// trouble strikes at random, as in the simulation by hand.
func (c *clerk) trouble(rng *rand.Rand, mayDie bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	switch x := rng.IntN(100); {
	case x < 3:
		c.cut = now.Add(time.Duration(rng.Int64N(int64(3 * simTTL))))
	case x < 6: // the whole process: its renewals stand still as well
		c.asleep = now.Add(time.Duration(rng.Int64N(int64(3 * simTTL))))
		c.cut = c.asleep
	case x < 7 && mayDie:
		c.dead = true
	}
}

// groupsInFakeTime runs real Groups, with cut lines, pauses, deaths, joiners, leavers and
// changes of the number of partitions. No two calls of Work may act on a bucket in turn;
// in the end each bucket has a worker that acts.
func groupsInFakeTime(seed uint64) error {
	rng := rand.New(rand.NewPCG(seed, 3))
	l := Layout{Buckets: 8, Partitions: 1 + rng.IntN(8)}
	r, mu := &register{}, &sync.Mutex{}
	a := &acts{latest: map[int]int{}, ended: map[int]int{}, when: map[int]time.Time{}, who: map[int]string{}}
	var clerks []*clerk
	var wait sync.WaitGroup
	ctx, stop := context.WithCancel(context.Background())
	var leave []context.CancelFunc
	join := func() {
		c := &clerk{name: fmt.Sprint("w", len(clerks))}
		own, cancel := context.WithCancel(ctx)
		clerks, leave = append(clerks, c), append(leave, cancel)
		g := c.group(r, mu, a, l, seed<<8|uint64(len(clerks)))
		wait.Go(func() { _ = g.Run(own) })
	}
	for range 1 + rng.IntN(3) {
		join()
	}
	for range 40 { // seconds of trouble
		time.Sleep(time.Second + time.Duration(rng.Int64N(1e6)))
		for i, c := range clerks {
			c.trouble(rng, i > 0)
		}
		switch x := rng.IntN(100); {
		case x < 6 && len(clerks) < 6:
			join()
		case x < 9 && len(clerks) > 1:
			leave[1+rng.IntN(len(clerks)-1)]()
		case x < 12:
			mu.Lock()
			_ = Resize(ctx, r, 1+rng.IntN(l.Buckets))
			mu.Unlock()
		}
	}
	time.Sleep(5*simTTL + 10*time.Second) // the longest sleep, a take-over, and a second of it
	err := a.check(l.Buckets)
	stop()
	wait.Wait()
	return err
}

func (a *acts) check(buckets int) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	for b := range buckets {
		if idle := time.Since(a.when[b]); idle > time.Second && a.double == nil {
			return fmt.Errorf("nobody has worked on bucket %d for %v; the last was %s", b, idle, a.who[b])
		}
	}
	return a.double
}

// TestGroupsInFakeTime: see groupsInFakeTime.
func TestGroupsInFakeTime(t *testing.T) {
	n := *seeds / 5 // each costs that of five
	if testing.Short() {
		n = min(n, 30)
	}
	for s := *firstSeed; s < *firstSeed+n; s++ {
		var err error
		synctest.Test(t, func(*testing.T) { err = groupsInFakeTime(s) })
		if err != nil {
			t.Fatalf("-seed %d: %v", s, err)
		}
	}
}

// TestLeaverHandsOverAtOnce: who ends in order is replaced within two beats, long before
// its lease would have run out.
func TestLeaverHandsOverAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := Layout{Buckets: 4, Partitions: 4}
		r, mu := &register{}, &sync.Mutex{}
		a := &acts{latest: map[int]int{}, ended: map[int]int{}, when: map[int]time.Time{}, who: map[int]string{}}
		var wait sync.WaitGroup
		var leave [2]context.CancelFunc
		for i := range leave {
			var ctx context.Context
			ctx, leave[i] = context.WithCancel(t.Context())
			c := &clerk{name: fmt.Sprint("w", i)}
			wait.Go(func() { _ = c.group(r, mu, a, l, uint64(i)).Run(ctx) })
		}
		time.Sleep(2 * simTTL)
		leave[0]()
		time.Sleep(2*simTTL/beatsPerTTL + time.Second)
		a.mu.Lock()
		for b := range l.Buckets {
			if a.who[b] != "w1" || time.Since(a.when[b]) > time.Second {
				t.Errorf("bucket %d was last worked on by %s, %v ago", b, a.who[b], time.Since(a.when[b]))
			}
		}
		a.mu.Unlock()
		leave[1]()
		wait.Wait()
	})
}

// TestLeaseThatIsOverIsTold: who cannot renew says in time that it owns nothing, and again
// what it owns when it can.
func TestLeaseThatIsOverIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var away atomic.Bool
		owns, lost := -1, 0
		g := Group{
			Store:  line{register: &register{}, mu: &sync.Mutex{}, rng: rand.New(rand.NewPCG(1, 0)), down: away.Load},
			Worker: "w", Layout: Layout{Buckets: 4, Partitions: 4}, TTL: simTTL,
			Work:  func(ctx context.Context, _ Layout, _ int) error { <-ctx.Done(); return ctx.Err() },
			Hooks: Hooks{Owns: func(_ Layout, parts []int) { owns = len(parts) }, Lost: func() { lost++ }},
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- g.Run(ctx) }()
		check := func(when string, wantOwns int, wantLost bool) {
			synctest.Wait()
			if owns != wantOwns || (lost > 0) != wantLost {
				t.Errorf("%s: it says that it owns %d, and %d times that its lease is over", when, owns, lost)
			}
			lost = 0
		}
		time.Sleep(simTTL)
		check("at first", 4, false)
		away.Store(true)
		time.Sleep(2 * simTTL)
		check("without its store", 0, true)
		away.Store(false)
		time.Sleep(2 * simTTL)
		lost = 0
		time.Sleep(simTTL)
		check("with it again", 4, false)
		cancel()
		<-ended
	})
}
