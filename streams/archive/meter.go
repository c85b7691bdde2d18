package archive

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/flatwatt/flatwatt"
)

// openFiles is how many files are read at a time: an S3 store answers each in
// milliseconds, most of which are waiting.
const openFiles = 8

// Anywhere stands for every partition. A meter that moved to a transformer of another
// bucket is filed in both, and either may hold the claim to be believed.
const Anywhere = -1

// Meter is everything that was said of a meter's intervals that start in [from, to), by
// start, the claim to be believed first. partition is where its readings are filed, or
// Anywhere. It reads the row groups that may hold the meter, and no other.
func (a *Archive) Meter(ctx context.Context, id flatwatt.MeterID, partition int, from, to time.Time) ([]flatwatt.Reading, error) {
	var files []File
	for _, f := range a.man.Files {
		if (partition == Anywhere || f.Partition == partition) && f.First < to.Unix() && f.Last > from.Unix() {
			files = append(files, f)
		}
	}
	found := make([]*rows, len(files))
	g, inner := errgroup.WithContext(ctx)
	g.SetLimit(openFiles)
	for i, f := range files {
		g.Go(func() (err error) {
			found[i], err = a.readMeter(inner, f, id)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return pick(found, id, from.Unix(), to.Unix()), nil
}

func (a *Archive) readMeter(ctx context.Context, f File, id flatwatt.MeterID) (*rows, error) {
	o, err := a.store.Open(ctx, f.Key)
	if err != nil {
		return nil, fmt.Errorf("read archive: %w", err)
	}
	defer o.Close()
	r, err := decode(o, o.Size(), id)
	if err != nil {
		return nil, fmt.Errorf("%s/%s: %w", a.store, f.Key, err)
	}
	return r, nil
}

func pick(found []*rows, id flatwatt.MeterID, from, to int64) []flatwatt.Reading {
	var list []row
	for _, r := range found {
		for i := range r.len() {
			if t := r.start[i]; from <= t && t < to {
				list = append(list, r.row(i))
			}
		}
	}
	r := columns([]flatwatt.MeterID{id}, tidy(list))
	out := make([]flatwatt.Reading, r.len())
	for i := range out {
		out[i] = r.reading(id, i)
	}
	return out
}

// Best leaves, of readings of one meter sorted as Meter returns them, the one of each
// start that is to be believed.
func Best(readings []flatwatt.Reading) []flatwatt.Reading {
	return slices.CompactFunc(slices.Clone(readings), func(a, b flatwatt.Reading) bool { return a.Start.Equal(b.Start) })
}

// Each calls yield with the best reading of each meter and start of a partition and UTC
// day, by meter and start.
func (a *Archive) Each(ctx context.Context, partition int, day flatwatt.Day, yield func(flatwatt.Reading) error) error {
	r, err := a.readDay(ctx, partition, day, decoded{})
	if err != nil {
		return err
	}
	for _, g := range r.runs {
		last := int64(math.MinInt64)
		for i := g.from; i < g.to; i++ {
			if r.start[i] == last {
				continue
			}
			last = r.start[i]
			if err := yield(r.reading(g.meter, i)); err != nil {
				return err
			}
		}
	}
	return nil
}

// A Fault is what Verify found.
type Fault struct {
	Key    string
	Reason string
}

// Verify reads every file and checks it against the manifest: checksum, rows, order and
// the hash of its rows; of rejects the checksum. progress, if not nil, is told the bytes checked so far.
func (a *Archive) Verify(ctx context.Context, progress func(bytes int64)) (faults []Fault, err error) {
	var done int64
	for _, f := range a.man.Files {
		r, err := readFile(ctx, a.store, f)
		if ctx.Err() != nil {
			return faults, ctx.Err()
		}
		if err != nil {
			faults = append(faults, Fault{f.Key, err.Error()})
		} else if reason := check(f, r, a.man.Period); reason != "" {
			faults = append(faults, Fault{f.Key, reason})
		}
		if done += f.Bytes; progress != nil {
			progress(done)
		}
	}
	for _, f := range a.man.Rejected {
		data, err := a.store.Get(ctx, f.Key)
		if ctx.Err() != nil {
			return faults, ctx.Err()
		}
		if err != nil {
			faults = append(faults, Fault{f.Key, err.Error()})
		} else if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != f.SHA256 {
			faults = append(faults, Fault{f.Key, "its checksum is not that of the manifest"})
		}
	}
	return faults, nil
}

func check(f File, r *rows, p Period) string {
	begin, end := int64(f.Date())*86400, int64(f.end(p))*86400
	switch {
	case int64(r.len()) != f.Rows:
		return fmt.Sprintf("has %d rows, the manifest says %d", r.len(), f.Rows)
	case r.content() != f.Content:
		return "its rows are not those that the manifest knows"
	case len(f.Parts) > 0 && !slices.Equal(f.Parts, r.parts(f.Date(), f.end(p))):
		return "its days are not those that the manifest knows"
	case !slices.IsSortedFunc(r.runs, func(a, b run) int { return compareIDs(a.meter, b.meter) }):
		return "its meters are not sorted"
	case slices.ContainsFunc(r.start, func(t int64) bool { return t < begin || t >= end }):
		return "it holds readings of another time"
	}
	return ""
}

// LateSince is the earliest UTC day of which a reading came after its day had ended and
// when the stream's clock was at since or later, and how many such readings there are.
func (a *Archive) LateSince(ctx context.Context, since time.Time) (day flatwatt.Day, n int64, err error) {
	day = math.MaxInt32
	for _, f := range a.man.Files {
		if f.Late == 0 {
			continue
		}
		r, err := readFile(ctx, a.store, f)
		if err != nil {
			return 0, 0, err
		}
		for i, h := range r.head {
			if h != 0 && h >= since.Unix() {
				n++
				day = min(day, flatwatt.Day(floorDiv(r.start[i], 86400)))
			}
		}
	}
	return day, n, nil
}
