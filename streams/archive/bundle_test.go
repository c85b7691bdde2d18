package archive_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/archive"
)

// bundled are options with which two bundles are made of March, and none of April.
func bundled(meters int) archive.Options {
	return archive.Options{Meters: register(meters), Period: archive.Daily, FlushEvery: 24 * time.Hour, BundleRows: meters * 96 * 20}
}

// apart are the same without bundles.
func apart(meters int) archive.Options {
	opt := bundled(meters)
	opt.BundleRows = 1
	return opt
}

// late is readings with some that come weeks after their time, and a few more than once.
func late(meters, days int) []flatwatt.Reading {
	in := fleet(meters, days, 7)
	out := slices.DeleteFunc(slices.Clone(in), func(r flatwatt.Reading) bool { return r.Start.Minute() == 45 && r.Start.Hour() == 5 })
	for _, r := range in {
		if r.Start.Minute() == 45 && r.Start.Hour() == 5 {
			out = append(out, r, r)
		}
	}
	return out
}

func TestBundlesHoldWhatTheDaysHeld(t *testing.T) {
	const meters, days = 3, 45
	a, b := merged(t, bundled(meters), late(meters, days)), merged(t, apart(meters), late(meters, days))
	if n := countBundles(a); n != 2 {
		t.Fatalf("%d bundles, want two of March", n)
	}
	if v := a.Manifest().Version; v != 2 {
		t.Errorf("version %d: an older program would not find the days of bundles", v)
	}
	if n, v := countBundles(b), b.Manifest().Version; n != 0 || v != 1 {
		t.Errorf("%d bundles, version %d, want none and 1", n, v)
	}
	sameArchive(t, a, b)
}

// merged fills an archive and drops what is in two files of a day.
func merged(t *testing.T, opt archive.Options, in []flatwatt.Reading) *archive.Archive {
	t.Helper()
	store := archive.Dir(t.TempDir())
	fill(t, store, opt, in)
	w, err := archive.OpenWriter(t.Context(), store, opt)
	if err == nil {
		err = w.Merge(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	return open(t, store)
}

func countBundles(a *archive.Archive) (n int) {
	for _, f := range a.Manifest().Files {
		if len(f.Parts) > 0 {
			n++
		}
	}
	return n
}

// sameArchive wants the same answers of both, however they file.
func sameArchive(t *testing.T, a, b *archive.Archive) {
	t.Helper()
	first, last, _ := b.Days()
	if f, l, _ := a.Days(); f != first || l != last {
		t.Errorf("days %v to %v, want %v to %v", f, l, first, last)
	}
	for _, order := range []archive.Order{archive.AsKnown, archive.AsLive} {
		got, want := all(t, a, 0, order), all(t, b, 0, order)
		if !slices.EqualFunc(got, want, func(a, b flatwatt.Reading) bool { return key(a) == key(b) }) {
			t.Errorf("order %d: %d readings, want %d, or they differ", order, len(got), len(want))
		}
	}
	for from := first; from <= last; from += 4 {
		for to := from; to <= last; to += 5 {
			if a.Content(0, from, to) != b.Content(0, from, to) {
				t.Errorf("the content of %v to %v depends on how it is filed", from, to)
			}
			n, _ := a.Rows(from, to)
			if m, _ := b.Rows(from, to); n != m {
				t.Errorf("%d rows from %v to %v, want %d", n, from, to, m)
			}
		}
	}
	got, err1 := a.Meter(t.Context(), "m-0001", 0, march.AddDate(0, 0, 9), march.AddDate(0, 0, 40))
	want, err2 := b.Meter(t.Context(), "m-0001", 0, march.AddDate(0, 0, 9), march.AddDate(0, 0, 40))
	if err := errors.Join(err1, err2); err != nil || len(want) < 31*90 || !slices.Equal(keys(got), keys(want)) {
		t.Errorf("%d readings of one meter, want %d, %v", len(got), len(want), err)
	}
	if faults, err := a.Verify(t.Context(), nil); err != nil || len(faults) > 0 {
		t.Errorf("verify: %v %v", faults, err)
	}
}

// Many small deliveries for the first day of a bundle are made one, and leave the bundle be.
func TestManyLateFilesBesideABundle(t *testing.T) {
	store := archive.Dir(t.TempDir())
	in := fleet(2, 45, 8)
	fill(t, store, bundled(2), in)
	w, err := archive.OpenWriter(t.Context(), store, bundled(2))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		r := in[i]
		r.Energy += 1
		if err := errors.Join(w.Take(t.Context(), flatwatt.Batch{Readings: []flatwatt.Reading{r}, Next: flatwatt.Position(1000 + i)}), w.Flush(t.Context())); err != nil {
			t.Fatal(err)
		}
	}
	a := open(t, store)
	if n := len(all(t, a, 0, archive.AsKnown)); n != len(in)+10 {
		t.Errorf("%d readings, want %d", n, len(in)+10)
	}
	if faults, err := a.Verify(t.Context(), nil); err != nil || len(faults) > 0 || countBundles(a) != 2 {
		t.Errorf("verify: %v %v; %d bundles", faults, err, countBundles(a))
	}
}

// What comes for the days of a bundle is filed beside it, and is in it once it is much.
func TestLateReadingsForABundle(t *testing.T) {
	const meters, days = 3, 45
	store := archive.Dir(t.TempDir())
	fill(t, store, bundled(meters), fleet(meters, days, 8))
	w, err := archive.OpenWriter(t.Context(), store, bundled(meters))
	if err != nil {
		t.Fatal(err)
	}
	in := fleet(meters, days, 8)
	for round, part := range [][]flatwatt.Reading{in[:3], in[:meters*96*3]} {
		for i := range part {
			part[i].Energy, part[i].Quality = part[i].Energy+1, flatwatt.Edited
		}
		if err := w.Take(t.Context(), flatwatt.Batch{Readings: part, Next: flatwatt.Position(1000 + round)}); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		a := open(t, store)
		if got := a.FilesOf(0, flatwatt.DayOf(march, time.UTC)); len(got) != 2-round || countBundles(a) != 2 {
			t.Errorf("round %d: %d files of the first day, %d bundles", round, len(got), countBundles(a))
		}
		list, err := a.Meter(t.Context(), "m-0000", 0, march, march.Add(time.Minute))
		if err != nil || len(list) != 2+round || list[0].Quality != flatwatt.Edited {
			t.Errorf("round %d: %v, %v; want the correction first", round, list, err)
		}
		if faults, err := a.Verify(t.Context(), nil); err != nil || len(faults) > 0 {
			t.Errorf("verify: %v %v", faults, err)
		}
	}
}

func TestAKillWhileBundling(t *testing.T) {
	const meters, days = 2, 41
	in := fleet(meters, days, 9)
	parts := chunks(in, meters*96)
	want := fill(t, archive.Dir(t.TempDir()), apart(meters), in)
	store := &killing{Store: archive.Dir(t.TempDir())}
	bundles := 0
	for lives := 1; ; lives++ {
		store.left = lives % 9
		w, err := archive.OpenWriter(t.Context(), store, bundled(meters))
		for err == nil && w.Position() < flatwatt.Position(len(parts)) {
			i := int(w.Position())
			if err = w.Take(t.Context(), flatwatt.Batch{Readings: parts[i], Next: flatwatt.Position(i + 1)}); err == nil {
				err = w.Flush(t.Context())
			}
		}
		if err == nil {
			break
		}
		if !errors.Is(err, errKilled) {
			t.Fatal(err)
		}
		if a, err := archive.Open(t.Context(), store.Store); err == nil { // as a reader finds it now
			bundles = max(bundles, countBundles(a))
			if faults, err := a.Verify(t.Context(), nil); err != nil || len(faults) > 0 {
				t.Fatalf("after life %d: %v %v", lives, faults, err)
			}
		}
	}
	if bundles == 0 {
		t.Error("no kill came after a bundle")
	}
	sameArchive(t, open(t, store.Store), want)
}

// Retention takes a bundle once all its days have passed, and files of days within none.
func TestRetentionOfBundles(t *testing.T) {
	store := archive.Dir(t.TempDir())
	fill(t, store, bundled(2), fleet(2, 45, 10))
	w, err := archive.OpenWriter(t.Context(), store, bundled(2))
	if err != nil {
		t.Fatal(err)
	}
	day := flatwatt.DayOf(march, time.UTC)
	if files, _, err := w.Retain(t.Context(), day+19); err != nil || files != 0 {
		t.Errorf("%d files went, %v; the first bundle has a day yet", files, err)
	}
	if files, n, err := w.Retain(t.Context(), day+20); err != nil || files != 1 || n != 20*2*96 {
		t.Errorf("%d files with %d readings went, %v; want the first bundle", files, n, err)
	}
	if first, _, _ := open(t, store).Days(); first != day+20 {
		t.Errorf("the first day is %v, want %v", first, day+20)
	}
}
