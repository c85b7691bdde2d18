package archive_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/archive"
)

var (
	nan   = math.NaN()
	march = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
)

func reading(id string, start time.Time, kwh float64) flatwatt.Reading {
	return flatwatt.Reading{Meter: flatwatt.MeterID(id), Start: start, Length: 15 * time.Minute, Energy: flatwatt.KWh(kwh),
		Reactive: flatwatt.KVArh(nan), Voltage: flatwatt.Volt(nan)}
}

func register(n int) (list []flatwatt.Meter) {
	for i := range n {
		list = append(list, flatwatt.Meter{ID: flatwatt.MeterID(fmt.Sprintf("m-%04d", i)), Kind: flatwatt.Customer, Zone: time.UTC, Interval: 15 * time.Minute})
	}
	return list
}

// fleet draws readings in event time, with every optional column on some meters.
func fleet(meters, days int, seed uint64) (out []flatwatt.Reading) {
	rng := rand.New(rand.NewPCG(seed, 1))
	for k := range days * 96 {
		for m := range meters {
			r := reading(fmt.Sprintf("m-%04d", m), march.Add(time.Duration(k)*15*time.Minute), math.Round(rng.ExpFloat64()*300)/1000)
			if m%2 == 1 {
				r.Reactive, r.Voltage = flatwatt.KVArh(math.Round(rng.Float64()*100)/1000), flatwatt.Volt(230+rng.Float64())
			}
			r.Quality = flatwatt.Quality(k % 37 / 35)
			out = append(out, r)
		}
	}
	return out
}

func fill(t testing.TB, store archive.Store, opt archive.Options, readings []flatwatt.Reading) *archive.Archive {
	t.Helper()
	w, err := archive.OpenWriter(t.Context(), store, opt)
	if err != nil {
		t.Fatal(err)
	}
	for i, part := range chunks(readings, 1000) {
		if err := w.Take(t.Context(), flatwatt.Batch{Readings: part, Next: flatwatt.Position(i + 1)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	return open(t, store)
}

func chunks(all []flatwatt.Reading, n int) (list [][]flatwatt.Reading) {
	for part := range slices.Chunk(all, n) {
		list = append(list, part)
	}
	return list
}

func open(t testing.TB, store archive.Store) *archive.Archive {
	t.Helper()
	a, err := archive.Open(t.Context(), store)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// all reads a partition whole, in the order given out.
func all(t testing.TB, a *archive.Archive, partition int, order archive.Order) (out []flatwatt.Reading) {
	t.Helper()
	first, last, ok := a.Days()
	if !ok {
		return nil
	}
	r := a.Read(partition, first, last, order)
	for {
		d, err := r.Next(t.Context())
		if errors.Is(err, io.EOF) {
			return append(out, r.Waiting()...)
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Each(nil, func(b []flatwatt.Reading) error { out = append(out, b...); return nil }); err != nil {
			t.Fatal(err)
		}
	}
}

// key makes readings comparable though they hold NaN.
func key(r flatwatt.Reading) string { return fmt.Sprintf("%+v", r) }

func keys(list []flatwatt.Reading) (out []string) {
	for _, r := range list {
		out = append(out, key(r))
	}
	slices.Sort(out)
	return out
}

func TestWhatGoesInComesOut(t *testing.T) {
	readings := fleet(7, 4, 1)
	for _, c := range []struct {
		name string
		opt  archive.Options
	}{
		{"one flush", archive.Options{FlushEvery: 1000 * time.Hour}},
		{"many flushes, merged", archive.Options{FlushReadings: 500}},
		{"a file a day", archive.Options{FlushReadings: 500, Period: archive.Daily}},
		{"three partitions", archive.Options{Partitions: 3, Partition: func(m flatwatt.Meter) int { return int(m.ID[5]-'0') % 3 }}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.opt.Meters = register(7)
			a := fill(t, archive.Dir(t.TempDir()), c.opt, readings)
			var got []flatwatt.Reading
			for p := range max(c.opt.Partitions, 1) {
				got = append(got, all(t, a, p, archive.AsKnown)...)
			}
			if !slices.Equal(keys(got), keys(readings)) {
				t.Fatalf("%d readings came out, %d went in, or they differ", len(got), len(readings))
			}
			if faults, err := a.Verify(t.Context(), nil); err != nil || len(faults) > 0 {
				t.Errorf("verify: %v %v", faults, err)
			}
		})
	}
}

func TestMetersAreNeverSixHoursApart(t *testing.T) {
	a := fill(t, archive.Dir(t.TempDir()), archive.Options{Meters: register(5)}, fleet(5, 3, 2))
	head := march
	for _, r := range all(t, a, 0, archive.AsKnown) {
		if head.Sub(r.Start) >= 6*time.Hour {
			t.Fatalf("%v comes after %v", r.Start, head)
		}
		if r.Start.After(head) {
			head = r.Start
		}
	}
}

func TestRepeatsAreKeptOnceAndCorrectionsStay(t *testing.T) {
	first := reading("m-0000", march, 1)
	corrected := first
	corrected.Energy, corrected.Quality = 2, flatwatt.Edited
	later := reading("m-0000", march.Add(49*time.Hour), 1)
	a := fill(t, archive.Dir(t.TempDir()), archive.Options{Meters: register(1)},
		[]flatwatt.Reading{first, first, later, first, corrected})
	if got := all(t, a, 0, archive.AsKnown); len(got) != 3 {
		t.Fatalf("%d readings, want the first, its correction and the later one: %v", len(got), got)
	}
	list, err := a.Meter(t.Context(), "m-0000", 0, march, march.Add(time.Hour))
	if err != nil || len(list) != 2 || list[0].Quality != flatwatt.Edited {
		t.Fatalf("%v, %v; want the correction first", list, err)
	}
	if best := archive.Best(list); len(best) != 1 || best[0].Energy != 2 {
		t.Errorf("best is %v, want the correction", best)
	}
}

func TestLateReadingsComeAsTheyCame(t *testing.T) {
	// b's morning comes after the stream's clock has reached 03:00 of the next day.
	late := reading("m-0001", march.Add(6*time.Hour), 9)
	var in []flatwatt.Reading
	for k := range 48 {
		in = append(in, reading("m-0000", march.Add(time.Duration(k)*time.Hour), 1))
		if k == 27 {
			in = append(in, late)
		}
	}
	a := fill(t, archive.Dir(t.TempDir()), archive.Options{Meters: register(2)}, in)
	got := all(t, a, 0, archive.AsLive)
	if !reflect.DeepEqual(keys(got), keys(in)) {
		t.Fatal("as live, not the same readings come out")
	}
	at := slices.IndexFunc(got, func(r flatwatt.Reading) bool { return r.Meter == "m-0001" })
	if at != 28 {
		t.Errorf("as live, the late reading comes after %d others, want 28", at)
	}
	known := all(t, a, 0, archive.AsKnown)
	if at := slices.IndexFunc(known, func(r flatwatt.Reading) bool { return r.Meter == "m-0001" }); at > 12 {
		t.Errorf("as known, the late reading comes after %d others, want it in its morning", at)
	}
	if n := a.Manifest().Files[0].Late; n != 1 {
		t.Errorf("the manifest counts %d late readings, want 1", n)
	}
}

func TestAKillAtAnyWriteLosesNothing(t *testing.T) {
	readings := fleet(4, 3, 3)
	opt := archive.Options{Meters: register(4), FlushReadings: 300, Period: archive.Daily}
	want := fill(t, archive.Dir(t.TempDir()), opt, readings)
	parts := chunks(readings, 100)
	store := &killing{Store: archive.Dir(t.TempDir())}
	for lives := 1; ; lives++ {
		store.left = lives % 7 // writes and removals until the next kill
		w, err := archive.OpenWriter(t.Context(), store, opt)
		for err == nil && w.Position() < flatwatt.Position(len(parts)) {
			for i := int(w.Position()); i < len(parts) && err == nil; i++ {
				err = w.Take(t.Context(), flatwatt.Batch{Readings: parts[i], Next: flatwatt.Position(i + 1)})
			}
			if err == nil {
				err = w.Flush(t.Context())
			}
		}
		if err == nil {
			if lives < 8 {
				t.Errorf("only %d lives: the test kills too seldom", lives)
			}
			break
		}
		if !errors.Is(err, errKilled) {
			t.Fatal(err)
		}
	}
	if w, err := archive.OpenWriter(t.Context(), store.Store, opt); err != nil || w.Merge(t.Context()) != nil {
		t.Fatal(err)
	}
	got := open(t, store.Store)
	first, last, _ := want.Days()
	if got.Content(0, first, last) != want.Content(0, first, last) {
		t.Error("the archive is not that of a calm life")
	}
	if files, err := store.List(t.Context(), "readings/"); err != nil || len(files) != len(got.Manifest().Files) {
		t.Errorf("%d files for %d in the manifest, %v", len(files), len(got.Manifest().Files), err)
	}
}

var errKilled = errors.New("killed")

// A killing store does nothing any more after so many writes and removals.
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

func (k *killing) Remove(ctx context.Context, key string) error {
	if k.left--; k.left < 0 {
		return errKilled
	}
	return k.Store.Remove(ctx, key)
}

func TestVerifyFindsAFlippedBit(t *testing.T) {
	dir := t.TempDir()
	a := fill(t, archive.Dir(dir), archive.Options{Meters: register(2), Period: archive.Daily}, fleet(2, 2, 4))
	name := filepath.Join(dir, a.Manifest().Files[1].Key)
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(name, data, 0o644); err != nil {
		t.Fatal(err)
	}
	faults, err := a.Verify(t.Context(), nil)
	if err != nil || len(faults) != 1 || faults[0].Key != a.Manifest().Files[1].Key {
		t.Errorf("faults %v, %v; want the one file", faults, err)
	}
	if _, err := a.Read(0, a.Manifest().Files[1].Date(), a.Manifest().Files[1].Date(), archive.AsKnown).Next(t.Context()); !errors.Is(err, archive.ErrDamaged) {
		t.Errorf("reading the day gives %v, want ErrDamaged", err)
	}
}

func TestRetentionAndRejects(t *testing.T) {
	store := archive.Dir(t.TempDir())
	w, err := archive.OpenWriter(t.Context(), store, archive.Options{Meters: register(2), Period: archive.Daily})
	if err != nil {
		t.Fatal(err)
	}
	bad := reading("m-0001", march, nan)
	batch := flatwatt.Batch{Readings: append(fleet(2, 5, 5), bad), Rejected: []flatwatt.Rejected{{Where: "7", Field: "start", Reason: "no time", Raw: []byte("x")}}, Next: 8}
	if err := w.Take(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	day := flatwatt.DayOf(march, time.UTC) + 3
	files, n, err := w.Retain(t.Context(), day)
	if err != nil || files != 3 || n != 3*2*96 {
		t.Errorf("%d files with %d readings went, %v; want 3 with %d", files, n, err, 3*2*96)
	}
	a := open(t, store)
	if first, _, _ := a.Days(); first != day {
		t.Errorf("the first day is %v, want %v", first, day)
	}
	if r := a.Manifest().Rejected; len(r) != 1 || r[0].Rows != 2 {
		t.Errorf("rejects are %v, want one file with two", r)
	}
	if w.Position() != 8 || w.Refused() != 1 {
		t.Errorf("position %d, refused %d; want 8 and 1", w.Position(), w.Refused())
	}
}

// Who has opened the archive reads it as it was, while it is written.
func TestReplacedFilesStayAWhile(t *testing.T) {
	store := archive.Dir(t.TempDir())
	now := march
	opt := archive.Options{Meters: register(3), KeepReplaced: time.Hour, Now: func() time.Time { return now }}
	w, err := archive.OpenWriter(t.Context(), store, opt)
	if err != nil {
		t.Fatal(err)
	}
	in := chunks(fleet(3, 2, 1), 100)
	put := func(i int) {
		t.Helper()
		if err := w.Take(t.Context(), flatwatt.Batch{Readings: in[i], Next: flatwatt.Position(i + 1)}); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	put(0)
	put(1)
	old := open(t, store)
	before := len(all(t, old, 0, archive.AsKnown))
	put(2)
	if err := w.Merge(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := len(all(t, old, 0, archive.AsKnown)); got != before {
		t.Errorf("%d readings, %d before others were added", got, before)
	}
	if w, err = archive.OpenWriter(t.Context(), store, opt); err != nil { // sweeps
		t.Fatal(err)
	}
	if got := len(all(t, old, 0, archive.AsKnown)); got != before {
		t.Errorf("%d readings, %d before the archive was opened for writing", got, before)
	}
	now = now.Add(2 * time.Hour)
	put(3)
	if _, err := store.Get(t.Context(), old.Manifest().Files[0].Key); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v; want the replaced file gone after its time", err)
	}
	if faults, err := open(t, store).Verify(t.Context(), nil); err != nil || len(faults) > 0 {
		t.Errorf("%v %v", faults, err)
	}
}

func TestASecondWriterIsNoticed(t *testing.T) {
	store := archive.Dir(t.TempDir())
	in := chunks(fleet(2, 1, 1), 50)
	writer := func() *archive.Writer {
		w, err := archive.OpenWriter(t.Context(), store, archive.Options{Meters: register(2)})
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	take := func(w *archive.Writer, i int) error {
		err := w.Take(t.Context(), flatwatt.Batch{Readings: in[i], Next: flatwatt.Position(i + 1)})
		if err != nil { // it may have flushed already
			return err
		}
		return w.Flush(t.Context())
	}
	paused := writer()
	if err := take(paused, 0); err != nil {
		t.Fatal(err)
	}
	other := writer()
	if err := take(other, 1); err != nil {
		t.Fatal(err)
	}
	if err := take(paused, 1); !errors.Is(err, archive.ErrOtherWriter) {
		t.Errorf("%v; want the one that was overtaken to notice", err)
	}
	if n := len(all(t, open(t, store), 0, archive.AsKnown)); n != 100 {
		t.Errorf("%d readings, want those of both", n)
	}
}
