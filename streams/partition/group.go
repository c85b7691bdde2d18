package partition

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	js "github.com/nats-io/nats.go/jetstream"
)

const (
	// Bucket is the KV bucket of the table, tableKey its only key.
	Bucket   = "flatwatt-partitions"
	tableKey = "table"

	// DefaultTTL is after what silence a worker loses its partitions. Others notice
	// within a beat more; with restoring, a partition goes on within ten seconds.
	DefaultTTL = 5 * time.Second

	beatsPerTTL  = 5
	maxConflicts = 100 // of one turn: workers renewing at the same moment
	minBackoff   = time.Second
	maxBackoff   = time.Minute
)

// A Group is a worker's membership. All fields but TTL and Hooks are required.
type Group struct {
	Store  Store
	Worker string // unique to this process, not only to the machine
	Layout Layout // that of the table if there is none yet; Buckets must be the table's
	TTL    time.Duration

	// Work works on a partition until ctx ends, which it does with the cause ErrLeaseLost
	// when the partition may belong to another. If it returns before, it is called again
	// after a pause that doubles up to a minute. Calls for different partitions overlap.
	Work func(ctx context.Context, l Layout, partition int) error

	Hooks Hooks
}

// Hooks are called from several goroutines. Nil hooks are skipped.
type Hooks struct {
	Owns    func(l Layout, partitions []int)                    // after a change; none where the lease is over
	Failed  func(partition int, err error, again time.Duration) // Work returned too soon
	Missed  func(err error)                                     // a renewal failed; the next is tried
	Renewed func()
	Lost    func() // renewals failed for so long that the lease is over: the work has stopped
}

// A Store keeps one value and replaces it by compare-and-swap.
type Store interface {
	// Load returns the value and its revision; revision 0 where there is none.
	Load(ctx context.Context) (value []byte, revision uint64, err error)
	// Swap replaces the value if its revision is still the given one; else ErrConflict.
	Swap(ctx context.Context, value []byte, revision uint64) error
}

// ErrConflict says that a Store's value has been replaced meanwhile.
var ErrConflict = errors.New("the table has been replaced meanwhile")

// Run shares the partitions until ctx ends, and leaves so that others take over at once.
func (g *Group) Run(ctx context.Context) error {
	if err := g.Layout.Validate(); err != nil {
		return err
	}
	if g.TTL == 0 {
		g.TTL = DefaultTTL
	}
	clock := sinceStart()
	w := &worker{
		Group: g, clock: clock, lease: &lease{clock: clock}, running: map[int]*job{},
		member: member{name: g.Worker, ttl: g.TTL, seen: map[string]sighting{}},
	}
	defer w.leave(ctx)
	tick := time.NewTicker(g.TTL / beatsPerTTL)
	defer tick.Stop()
	for {
		if err := w.turn(ctx); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// A worker is a running Group. Run's goroutine owns it.
type worker struct {
	*Group
	clock   func() time.Duration
	lease   *lease
	member  member
	layout  Layout
	running map[int]*job
	owns    []int // as last told
}

// A job is the work on one partition.
type job struct {
	cancel context.CancelCauseFunc
	done   chan struct{}
}

// turn renews once. Only a table that this worker cannot live with is an error; a store
// out of reach is not, the lease runs out by itself.
func (w *worker) turn(ctx context.Context) error {
	began := w.clock()
	ask, cancel := context.WithTimeout(ctx, w.TTL/2)
	defer cancel()
	keep, take, err := w.renew(ask, began)
	var wrong wrongTable
	if errors.As(err, &wrong) {
		return err
	}
	if err != nil {
		if ctx.Err() == nil && w.Hooks.Missed != nil {
			w.Hooks.Missed(err)
		}
		if w.lease.over() {
			w.stopExcept(nil)
			w.tell()
			if w.Hooks.Lost != nil {
				w.Hooks.Lost()
			}
		}
		return nil
	}
	w.stopExcept(keep) // before the lease goes on, or one that we lost would go on with it
	w.lease.extend(began + w.TTL*3/4)
	for _, p := range append(keep, take...) {
		if w.running[p] == nil {
			w.start(ctx, p)
		}
	}
	if w.Hooks.Renewed != nil {
		w.Hooks.Renewed()
	}
	w.tell()
	return nil
}

// wrongTable marks errors that renewing again cannot mend.
type wrongTable struct{ error }

func (w *worker) renew(ctx context.Context, now time.Duration) (keep, take []int, err error) {
	for range maxConflicts {
		value, revision, err := w.Store.Load(ctx)
		if err != nil {
			return nil, nil, fmt.Errorf("load the table of partitions: %w", err)
		}
		t := newTable(w.Layout)
		if revision > 0 {
			if t, err = decodeTable(value); err != nil {
				return nil, nil, wrongTable{err}
			}
		}
		if t.Layout.Buckets != w.Layout.Buckets {
			return nil, nil, wrongTable{fmt.Errorf("this worker is set to %d buckets, the others to %d: buckets are chosen once, set them all alike", w.Layout.Buckets, t.Layout.Buckets)}
		}
		if t.Layout != w.layout {
			w.stopAll() // partitions are others now
			w.layout = t.Layout
		}
		keep, take = w.member.renew(&t, now, slices.Collect(maps.Keys(w.running)))
		if value, err = json.Marshal(t); err != nil {
			return nil, nil, err
		}
		if err = w.Store.Swap(ctx, value, revision); err == nil {
			return keep, take, nil
		}
		if !errors.Is(err, ErrConflict) {
			return nil, nil, fmt.Errorf("replace the table of partitions: %w", err)
		}
	}
	return nil, nil, fmt.Errorf("replace the table of partitions: %w, %d times in one turn", ErrConflict, maxConflicts)
}

// stopExcept tells the work on all partitions but those kept to end, and forgets what has
// ended. It does not wait: a worker that waits does not renew.
func (w *worker) stopExcept(keep []int) {
	for p, j := range w.running {
		if !slices.Contains(keep, p) {
			j.cancel(ErrLeaseLost)
		}
		select {
		case <-j.done:
			delete(w.running, p)
		default:
		}
	}
}

func (w *worker) stopAll() {
	w.stopExcept(nil)
	for _, j := range w.running {
		<-j.done
	}
	clear(w.running)
}

func (w *worker) start(ctx context.Context, p int) {
	work, cancel := withLease(ctx, w.lease)
	j := &job{cancel: cancel, done: make(chan struct{})}
	w.running[p] = j
	layout := w.layout
	go func() {
		defer close(j.done)
		defer cancel(nil)
		w.work(work, layout, p)
	}()
}

// work calls Work again and again, with pauses, until the partition is no longer ours.
func (w *worker) work(ctx context.Context, l Layout, p int) {
	for pause := minBackoff; ; pause = min(2*pause, maxBackoff) {
		err := w.Work(ctx, l, p)
		if ctx.Err() != nil {
			return
		}
		if w.Hooks.Failed != nil {
			w.Hooks.Failed(p, err, pause)
		}
		t := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-t.C:
		}
	}
}

func (w *worker) tell() {
	owns := slices.Sorted(maps.Keys(w.running))
	if w.Hooks.Owns != nil && !slices.Equal(owns, w.owns) {
		w.Hooks.Owns(w.layout, owns)
	}
	w.owns = owns
}

// leave stops the work and takes the worker out of the table, if that can be done soon.
func (w *worker) leave(ctx context.Context) {
	w.stopAll()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.TTL/2)
	defer cancel()
	for range maxConflicts {
		value, revision, err := w.Store.Load(ctx)
		if err != nil || revision == 0 {
			return
		}
		t, err := decodeTable(value)
		if err != nil {
			return
		}
		t.leave(w.Worker)
		if value, err = json.Marshal(t); err != nil {
			return
		}
		if err = w.Store.Swap(ctx, value, revision); !errors.Is(err, ErrConflict) {
			return // done, or out of reach: then the others wait for the time to live
		}
	}
}

// Resize has the number of partitions changed while workers run: they stop, and when all
// have stopped, or been found dead, they share the new ones. No state moves.
func Resize(ctx context.Context, s Store, partitions int) error {
	for range maxConflicts {
		value, revision, err := s.Load(ctx)
		if err != nil {
			return fmt.Errorf("load the table of partitions: %w", err)
		}
		if revision == 0 {
			return ErrNobody
		}
		t, err := decodeTable(value)
		if err != nil {
			return err
		}
		if err := (Layout{t.Layout.Buckets, partitions}).Validate(); err != nil {
			return err
		}
		t.Next = partitions
		if value, err = json.Marshal(t); err != nil {
			return err
		}
		if err = s.Swap(ctx, value, revision); !errors.Is(err, ErrConflict) {
			return err
		}
	}
	return ErrConflict
}

// OpenStore returns the table of a JetStream server, and makes its bucket where missing.
func OpenStore(ctx context.Context, j js.JetStream, replicas int) (Store, error) {
	kv, err := j.KeyValue(ctx, Bucket)
	if errors.Is(err, js.ErrBucketNotFound) {
		kv, err = j.CreateKeyValue(ctx, js.KeyValueConfig{Bucket: Bucket, Description: "Which flatwatt worker owns which partition", Replicas: max(1, replicas)})
	}
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", Bucket, err)
	}
	return kvStore{kv}, nil
}

type kvStore struct{ kv js.KeyValue }

func (s kvStore) Load(ctx context.Context) ([]byte, uint64, error) {
	e, err := s.kv.Get(ctx, tableKey)
	if errors.Is(err, js.ErrKeyNotFound) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	return e.Value(), e.Revision(), nil
}

func (s kvStore) Swap(ctx context.Context, value []byte, revision uint64) (err error) {
	if revision == 0 {
		_, err = s.kv.Create(ctx, tableKey, value)
	} else {
		_, err = s.kv.Update(ctx, tableKey, value, revision)
	}
	if errors.Is(err, js.ErrKeyExists) || errors.Is(err, js.ErrKeyRevisionMismatch) {
		return fmt.Errorf("%w: %w", ErrConflict, err)
	}
	return err
}
