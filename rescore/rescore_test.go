package rescore_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/detectors"
	"github.com/flatwatt/flatwatt/rescore"
	"github.com/flatwatt/flatwatt/streams/archive"
)

var shanghai = func() *time.Location {
	z, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		panic(err)
	}
	return z
}()

// begin is a local midnight.
var begin = time.Date(2026, 3, 1, 0, 0, 0, 0, shanghai).UTC()

// An arrival is a reading and when it came.
type arrival struct {
	reading flatwatt.Reading
	at      time.Time
}

// size is that of the fleet: FLATWATT_LONG=1 makes it the goal's 1,000 meters × 120 days.
func size() (meters, days int) {
	if os.Getenv("FLATWATT_LONG") != "" {
		return 1000, 120
	}
	return 40, 36
}

func register(n int) (list []flatwatt.Meter) {
	for i := range n {
		list = append(list, flatwatt.Meter{ID: flatwatt.MeterID(fmt.Sprintf("m-%04d", i)), Parent: flatwatt.MeterID(fmt.Sprintf("t-%d", i%4)),
			Kind: flatwatt.Customer, Class: "residential", Zone: shanghai, Interval: 15 * time.Minute})
	}
	return list
}

// delays draws how late a reading comes: most at once, some within the grace of six
// hours after midnight, some when their day has closed, a few after days. One in 500
// comes twice, one in 900 again with another value.
func arrivals(meters []flatwatt.Meter, days int) []flatwatt.Reading {
	rng := rand.New(rand.NewPCG(9, 4))
	var all []arrival
	for m := range meters {
		for k := range days * 96 {
			r := flatwatt.Reading{Meter: meters[m].ID, Start: begin.Add(time.Duration(k) * 15 * time.Minute), Length: 15 * time.Minute,
				Energy: flatwatt.KWh(math.Round(50+60*rng.ExpFloat64()) / 1000), Reactive: flatwatt.KVArh(math.NaN()), Voltage: flatwatt.Volt(math.NaN())}
			if m%9 == 3 && k > days*60 {
				r.Energy += 0.8 // 3.2 kW that never sleep
			}
			delay := time.Duration(rng.IntN(20)) * time.Minute
			switch x := rng.IntN(1000); {
			case x < 4:
				delay += time.Duration(rng.IntN(100)) * time.Hour
			case x < 40:
				delay += time.Duration(rng.IntN(9*60)) * time.Minute
			}
			all = append(all, arrival{r, r.End().Add(delay)})
			if rng.IntN(500) == 0 {
				all = append(all, arrival{r, r.End().Add(3 * delay)})
			}
			if rng.IntN(900) == 0 {
				r.Energy, r.Quality = r.Energy*2, flatwatt.Edited
				all = append(all, arrival{r, r.End().Add(40 * time.Hour)})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b arrival) int { return a.at.Compare(b.at) })
	out := make([]flatwatt.Reading, len(all))
	for i := range all {
		out[i] = all[i].reading
	}
	return out
}

func newScorer(t testing.TB, meters []flatwatt.Meter) *detectors.Fleet {
	t.Helper()
	s, err := detectors.NewFleet(detectors.DefaultParams(), meters, nil, detectors.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A world is a fleet that was scored live while it was archived.
type world struct {
	meters []flatwatt.Meter
	store  *memory
	live   []flatwatt.Score
	late   uint64 // readings that live scoring dropped
	days   int
}

func newWorld(t testing.TB, partitions int) *world {
	t.Helper()
	n, days := size()
	w := &world{meters: register(n), store: newMemory(), days: days}
	part := func(m flatwatt.Meter) int { return int(m.Parent[2]-'0') % partitions }
	aw, err := archive.OpenWriter(t.Context(), w.store, archive.Options{Meters: w.meters, Partitions: partitions, Partition: part, FlushReadings: 50_000, FlushEvery: 60 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	scorers := make([]*detectors.Fleet, partitions)
	for p := range scorers {
		scorers[p] = newScorer(t, ofPart(w.meters, p, part))
	}
	in := arrivals(w.meters, days)
	index := map[flatwatt.MeterID]int{}
	for _, m := range w.meters {
		index[m.ID] = part(m)
	}
	for i, batch := range slices.Collect(slices.Chunk(in, 777)) {
		if err := aw.Take(t.Context(), flatwatt.Batch{Readings: batch, Next: flatwatt.Position(i + 1)}); err != nil {
			t.Fatal(err)
		}
		for k := range batch {
			w.live = appendCopies(w.live, scorers[index[batch[k].Meter]].Score(nil, batch[k:k+1]))
		}
	}
	if err := aw.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, s := range scorers {
		w.live = appendCopies(w.live, s.Close(nil))
		w.late += s.Counts().Late
	}
	sortScores(w.live)
	return w
}

func ofPart(meters []flatwatt.Meter, p int, part func(flatwatt.Meter) int) (list []flatwatt.Meter) {
	for _, m := range meters {
		if part(m) == p {
			list = append(list, m)
		}
	}
	return list
}

func appendCopies(dst, scores []flatwatt.Score) []flatwatt.Score {
	for _, s := range scores {
		s.Evidence = slices.Clone(s.Evidence)
		dst = append(dst, s)
	}
	return dst
}

func sortScores(list []flatwatt.Score) {
	slices.SortFunc(list, func(a, b flatwatt.Score) int {
		return cmp.Or(cmp.Compare(a.Meter, b.Meter), cmp.Compare(a.Day, b.Day), cmp.Compare(a.Detector, b.Detector))
	})
}

func (w *world) runner(t testing.TB, partitions int) *rescore.Runner {
	t.Helper()
	a, err := archive.Open(t.Context(), w.store)
	if err != nil {
		t.Fatal(err)
	}
	part := func(m flatwatt.Meter) int { return int(m.Parent[2]-'0') % partitions }
	return &rescore.Runner{
		Archive: a, Runs: rescore.Runs{Store: newMemory()}, Now: time.Now, Who: "test", SaveEvery: 8_000,
		NewScorer: func(p int) (flatwatt.Scorer, error) { return newScorer(t, ofPart(w.meters, p, part)), nil },
	}
}

func (w *world) spec(t testing.TB, r *rescore.Runner, s rescore.Spec) rescore.Spec {
	t.Helper()
	if s.From == 0 {
		s.From, s.To = flatwatt.DayOf(begin, shanghai), flatwatt.DayOf(begin, shanghai)+flatwatt.Day(w.days)+5
	}
	s.Model = "m"
	s, err := rescore.Plan(r.Archive, s)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func scoresOf(t testing.TB, r rescore.Runs, id string) (list []flatwatt.Score) {
	t.Helper()
	for s, err := range r.Scores(t.Context(), id) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, s)
	}
	sortScores(list)
	return list
}

// firstDifference compares to the bit, NaN equal to NaN.
func firstDifference(a, b []flatwatt.Score) string {
	if len(a) != len(b) {
		return fmt.Sprintf("%d scores, want %d", len(a), len(b))
	}
	for i := range a {
		if !same(reflect.ValueOf(a[i]), reflect.ValueOf(b[i])) {
			return fmt.Sprintf("score %d:\n%+v\nwant\n%+v", i, a[i], b[i])
		}
	}
	return ""
}

func same(a, b reflect.Value) bool {
	switch a.Kind() {
	case reflect.Float64:
		return math.Float64bits(a.Float()) == math.Float64bits(b.Float()) || math.IsNaN(a.Float()) && math.IsNaN(b.Float())
	case reflect.Struct:
		if at, ok := a.Interface().(time.Time); ok {
			return at.Equal(b.Interface().(time.Time))
		}
		for i := range a.NumField() {
			if !same(a.Field(i), b.Field(i)) {
				return false
			}
		}
		return true
	case reflect.Slice:
		if a.Len() != b.Len() {
			return false
		}
		for i := range a.Len() {
			if !same(a.Index(i), b.Index(i)) {
				return false
			}
		}
		return true
	}
	return a.Equal(b)
}

func TestReScoredIsLiveToTheBit(t *testing.T) {
	for _, partitions := range []int{1, 3} {
		w := newWorld(t, partitions)
		if w.late == 0 {
			t.Fatal("no reading came too late: the test shows nothing")
		}
		r := w.runner(t, partitions)
		e, err := r.Run(t.Context(), w.spec(t, r, rescore.Spec{Live: true}))
		if err != nil {
			t.Fatal(err)
		}
		got := scoresOf(t, r.Runs, e.ID)
		if d := firstDifference(got, w.live); d != "" {
			t.Fatalf("%d partitions: %s", partitions, d)
		}
		t.Logf("%d scores alike, %d readings were late, %d readings scored", len(got), w.late, e.Readings)

		known, err := r.Run(t.Context(), w.spec(t, r, rescore.Spec{}))
		if err != nil {
			t.Fatal(err)
		}
		if firstDifference(scoresOf(t, r.Runs, known.ID), w.live) == "" {
			t.Error("with what came late, nothing changes: late readings are not used")
		}
	}
}

var errKilled = errors.New("killed")

// A killing store fails for good after so many writes, as if the process had ended there.
type killing struct {
	archive.Store
	left int
}

func (k *killing) Put(ctx context.Context, key string, data []byte) error {
	if k.left--; k.left < 0 {
		return errKilled
	}
	return k.Store.Put(ctx, key, data)
}

func TestKilledTwentyTimesAndResumed(t *testing.T) {
	w := newWorld(t, 1)
	calm := w.runner(t, 1)
	spec := w.spec(t, calm, rescore.Spec{Live: true})
	want, err := calm.Run(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	r := w.runner(t, 1)
	inner := r.Runs.Store
	kills := 0
	for {
		store := &killing{Store: inner, left: 1 + kills%5}
		if kills >= 20 {
			store.left = math.MaxInt
		}
		r.Runs.Store = store
		e, err := r.Run(t.Context(), spec)
		if err == nil {
			if kills < 20 {
				t.Fatalf("done after %d kills, want 20", kills)
			}
			if e.ID != want.ID || e.Scores != want.Scores || e.Chunks != want.Chunks || e.Readings != want.Readings {
				t.Errorf("the ledger says %+v, want what a calm run says: %+v", e, want)
			}
			break
		}
		if !errors.Is(err, errKilled) {
			t.Fatal(err)
		}
		kills++
	}
	r.Runs.Store = inner
	if d := firstDifference(scoresOf(t, r.Runs, want.ID), scoresOf(t, calm.Runs, want.ID)); d != "" {
		t.Error(d)
	}
}

func TestAskingAgainDoesNothingAgain(t *testing.T) {
	w := newWorld(t, 1)
	r := w.runner(t, 1)
	spec := w.spec(t, r, rescore.Spec{})
	first, err := r.Run(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	r.NewScorer = func(int) (flatwatt.Scorer, error) { t.Error("it scores again"); return nil, errors.New("no") }
	again, err := r.Run(t.Context(), spec)
	if err != nil || again.Lives != 1 || again.ID != first.ID {
		t.Errorf("%+v, %v; want the first run's entry", again, err)
	}
}

func TestStoppedGoesOn(t *testing.T) {
	w := newWorld(t, 1)
	r := w.runner(t, 1)
	spec := w.spec(t, r, rescore.Spec{})
	ctx, stop := context.WithCancel(t.Context())
	r.Progress = func(done, total int64) {
		if done > total/2 {
			stop()
		}
	}
	e, err := r.Run(ctx, spec)
	if !errors.Is(err, context.Canceled) || e.Outcome != rescore.Stopped {
		t.Fatalf("%v, outcome %s; want it stopped", err, e.Outcome)
	}
	r.Progress = nil
	e, err = r.Run(t.Context(), spec)
	if err != nil || e.Outcome != rescore.Done || e.Lives != 2 {
		t.Fatalf("%+v, %v; want it done in its second life", e, err)
	}
	fresh := w.runner(t, 1)
	if _, err := fresh.Run(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	if d := firstDifference(scoresOf(t, r.Runs, e.ID), scoresOf(t, fresh.Runs, e.ID)); d != "" {
		t.Error(d)
	}
}

// Readings go on coming while a run is stopped: it goes on with what it began with.
func TestStoppedGoesOnThoughReadingsCame(t *testing.T) {
	w := newWorld(t, 1)
	r := w.runner(t, 1)
	r.Runs.Store = w.store
	spec := w.spec(t, r, rescore.Spec{})
	ctx, stop := context.WithCancel(t.Context())
	r.Progress = func(done, total int64) {
		if done > total/2 {
			stop()
		}
	}
	e, err := r.Run(ctx, spec)
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	aw, err := archive.OpenWriter(t.Context(), w.store, archive.Options{Meters: w.meters, Partition: func(flatwatt.Meter) int { return 0 }, KeepReplaced: time.Hour, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	more := flatwatt.Reading{Meter: "m-0001", Start: begin.Add(time.Hour), Length: 15 * time.Minute, Energy: 99, Reactive: flatwatt.KVArh(math.NaN()), Voltage: flatwatt.Volt(math.NaN())}
	if err := aw.Import(t.Context(), "more", flatwatt.Batch{Readings: []flatwatt.Reading{more}, Next: 1}); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(aw.EndImport(t.Context(), "more", 1), aw.Merge(t.Context())); err != nil {
		t.Fatal(err)
	}
	again := w.runner(t, 1)
	again.Runs.Store = w.store
	now := w.spec(t, again, rescore.Spec{})
	if now.ID() == e.ID {
		t.Fatal("other readings, but the same run")
	}
	then, begun, err := again.Runs.Unfinished(t.Context(), again.Archive, now)
	if err != nil || then == nil || begun.ID() != e.ID {
		t.Fatalf("%v %v; want the run that was stopped", begun.ID(), err)
	}
	again.Archive = then
	if e, err = again.Run(t.Context(), begun); err != nil || e.Outcome != rescore.Done || e.Lives != 2 {
		t.Fatalf("%+v, %v", e, err)
	}
	calm := w.runner(t, 1)
	calm.Archive = then
	if _, err := calm.Run(t.Context(), begun); err != nil {
		t.Fatal(err)
	}
	if d := firstDifference(scoresOf(t, again.Runs, e.ID), scoresOf(t, calm.Runs, e.ID)); d != "" {
		t.Error(d)
	}
	if then, _, err := again.Runs.Unfinished(t.Context(), again.Archive, now); err != nil || then != nil {
		t.Errorf("%v %v; a run that is done is gone on with", then, err)
	}
}

func TestOnlyWhatIsChosenIsKept(t *testing.T) {
	w := newWorld(t, 1)
	r := w.runner(t, 1)
	all, err := r.Run(t.Context(), w.spec(t, r, rescore.Spec{}))
	if err != nil {
		t.Fatal(err)
	}
	day := flatwatt.DayOf(begin, shanghai) + 20
	chosen := rescore.Spec{From: day, To: day + 5, Days: []flatwatt.Day{day, day + 3}, Meters: []flatwatt.MeterID{"m-0007", "m-0003"}}
	some, err := r.Run(t.Context(), w.spec(t, r, chosen))
	if err != nil {
		t.Fatal(err)
	}
	var want []flatwatt.Score
	for _, s := range scoresOf(t, r.Runs, all.ID) {
		if (s.Day == day || s.Day == day+3) && (s.Meter == "m-0003" || s.Meter == "m-0007") {
			want = append(want, s)
		}
	}
	if len(want) != 4 {
		t.Fatalf("%d scores to compare with, want 4", len(want))
	}
	if d := firstDifference(scoresOf(t, r.Runs, some.ID), want); d != "" {
		t.Error(d) // peers of the chosen meters were read too, so nothing may differ
	}
}

func TestAFailedPartitionIsDoneAloneLater(t *testing.T) {
	w := newWorld(t, 3)
	r := w.runner(t, 3)
	spec := w.spec(t, r, rescore.Spec{})
	var away string
	for _, f := range r.Archive.Manifest().Files {
		if f.Partition == 1 {
			away = f.Key
		}
	}
	data := w.store.data[away]
	delete(w.store.data, away)
	e, err := r.Run(t.Context(), spec)
	if err == nil || e.Outcome != rescore.Failed || len(e.Errors) != 1 {
		t.Fatalf("%+v, %v; want one partition to fail", e, err)
	}
	w.store.data[away] = data
	asked := map[int]bool{}
	inner := r.NewScorer
	r.Workers = 1
	r.NewScorer = func(p int) (flatwatt.Scorer, error) { asked[p] = true; return inner(p) }
	e, err = r.Run(t.Context(), spec)
	if err != nil || e.Outcome != rescore.Done || !reflect.DeepEqual(asked, map[int]bool{1: true}) {
		t.Errorf("%+v, %v, partitions %v; want partition 1 alone done", e, err, asked)
	}
}

// A memory is a Store without a disk: what is tested here does not depend on one.
type memory struct {
	mu   sync.Mutex
	data map[string][]byte
}

func newMemory() *memory { return &memory{data: map[string][]byte{}} }

func (m *memory) String() string { return "memory" }

func (m *memory) Get(_ context.Context, key string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if data, ok := m.data[key]; ok {
		return data, nil
	}
	return nil, fmt.Errorf("%s: %w", key, fs.ErrNotExist)
}

func (m *memory) Open(context.Context, string) (archive.Object, error) {
	return nil, errors.New("not used here")
}

func (m *memory) Put(_ context.Context, key string, data []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.data[key] = slices.Clone(data)
	return nil
}

func (m *memory) Remove(_ context.Context, key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.data, key)
	return nil
}

func (m *memory) List(_ context.Context, prefix string) (keys []string, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for key := range m.data {
		if strings.HasPrefix(key, prefix) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys, nil
}
