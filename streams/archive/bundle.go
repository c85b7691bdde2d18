package archive

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/flatwatt/flatwatt"
)

const (
	// DefaultBundleRows bounds a file of several days where Options.BundleRows is zero: a
	// month of a thousand meters. Filing them together takes some 150 bytes of memory each.
	DefaultBundleRows = 3_000_000

	// settleDays is how long after its end a month is filed together, by the stream's
	// clock: most of what is late has come by then.
	settleDays = 7

	// maxBeside is how many files of late readings are borne beside a bundle.
	maxBeside = 64
)

// A Part is what a bundle, a file of several days, holds of one of them.
type Part struct {
	Day     string `json:"day"`
	Rows    int64  `json:"rows"`
	Content uint64 `json:"content"`
}

// end is the day after the last one that f covers.
func (f *File) end(p Period) flatwatt.Day {
	if n := len(f.Parts); n > 0 {
		return dayOf(f.Parts[n-1].Day) + 1
	}
	return p.end(f.Date())
}

// within sums up what f holds of the days [from, to]; a file that is no bundle counts whole.
func (f *File) within(from, to flatwatt.Day) (rows int64, content uint64) {
	if len(f.Parts) == 0 {
		return f.Rows, f.Content
	}
	for _, p := range f.Parts {
		if d := dayOf(p.Day); from <= d && d <= to {
			rows, content = rows+p.Rows, content+p.Content
		}
	}
	return rows, content
}

// parts are the days of r.
func (r *rows) parts(first, end flatwatt.Day) (list []Part) {
	for d := first; d < end; d++ {
		if view, n := r.day(d); n > 0 {
			list = append(list, Part{Day: d.String(), Rows: n, Content: view.content()})
		}
	}
	return list
}

// A span is a stretch of days with the files that cover it.
type span struct {
	begin, end flatwatt.Day
	files      []File
	rows, most int64 // of all files, of the largest
	apart      int   // stretches that have no file in common
}

func (s *span) add(x span) {
	s.end, s.files = max(s.end, x.end), append(s.files, x.files...)
	s.rows, s.most = s.rows+x.rows, max(s.most, x.most)
}

// worth says whether one file is to be made of the span: of several days, or of a bundle and
// what came late beside it, once that is much.
func (s *span) worth() bool {
	beside := slices.ContainsFunc(s.files, func(f File) bool { return len(f.Parts) > 0 }) && len(s.files) > 1
	return s.apart > 1 || beside && (20*(s.rows-s.most) > s.rows || len(s.files) > maxBeside)
}

// spans packs the files of one partition and month, sorted, into stretches of at most
// bound rows. Packing again what was made of them gives the same stretches.
func spans(files []File, p Period, bound int64) (packed []span) {
	var single []span
	for _, f := range files {
		x := span{begin: f.Date(), end: f.end(p), files: []File{f}, rows: f.Rows, most: f.Rows, apart: 1}
		if n := len(single); n > 0 && x.begin < single[n-1].end {
			single[n-1].add(x)
		} else {
			single = append(single, x)
		}
	}
	for _, x := range single {
		if n := len(packed); n > 0 && packed[n-1].rows+x.rows <= bound {
			packed[n-1].add(x)
			packed[n-1].apart++
		} else {
			packed = append(packed, x)
		}
	}
	return packed
}

// bundle files days of months that are over by day together, at most so many bundles.
func (w *Writer) bundle(ctx context.Context, over flatwatt.Day, most int) (gone []string, err error) {
	if w.man.Period == Monthly {
		return nil, nil
	}
	bound := int64(cmp.Or(w.opt.BundleRows, DefaultBundleRows))
	months := map[fileKey][]File{}
	for _, f := range w.man.Files {
		if month := Monthly.start(f.Date()); Monthly.end(month) <= over {
			key := fileKey{month, f.Partition}
			months[key] = append(months[key], f)
		}
	}
	for _, key := range slices.SortedFunc(maps.Keys(months), compareKeys) {
		slices.SortFunc(months[key], compareFiles)
		for _, s := range spans(months[key], w.man.Period, bound) {
			if !s.worth() {
				continue
			}
			if most--; most < 0 {
				return gone, nil
			}
			replaced, err := w.bundleSpan(ctx, key.partition, &s)
			if err != nil {
				return nil, err
			}
			gone = append(gone, replaced...)
		}
	}
	return gone, nil
}

// bundleSpan makes one file of those of a span.
func (w *Writer) bundleSpan(ctx context.Context, partition int, s *span) (gone []string, err error) {
	read := make([]*rows, len(s.files))
	for i, f := range s.files {
		if read[i], err = readFile(ctx, w.store, f); err != nil {
			return nil, err
		}
		gone = append(gone, f.Key)
	}
	r := columns(unite(read))
	f, err := w.put(ctx, fileKey{s.begin, partition}, r)
	if err != nil {
		return nil, err
	}
	f.Parts = r.parts(s.begin, s.end)
	w.man.Files = slices.DeleteFunc(w.man.Files, func(f File) bool { return slices.Contains(gone, f.Key) })
	w.man.Files = append(w.man.Files, f)
	return slices.DeleteFunc(gone, func(k string) bool { return k == f.Key }), nil
}

// bundleEnded files months together that are long over, a few at each flush.
func (w *Writer) bundleEnded(ctx context.Context) ([]string, error) {
	over := flatwatt.Day(floorDiv(w.head, 86400)) - settleDays
	return w.bundle(ctx, over, 1+w.opt.Partitions/64)
}

func compareKeys(a, b fileKey) int {
	return cmp.Or(cmp.Compare(a.day, b.day), cmp.Compare(a.partition, b.partition))
}
