// Package archive keeps every accepted reading for good, cheaply, in files that other
// programs read: Parquet, a file per partition and UTC day, sorted by meter and time,
// compressed with zstd. What was rejected is kept apart.
//
// The archive is a manifest and the files that it names. Files never change; a flush
// writes new ones and then replaces the manifest, which also holds the position in the
// stream up to which readings are in. So a kill at any moment leaves either the old
// archive or the new one, never half of both, and what was read twice is kept once.
//
// Nothing that was said is thrown away: of readings that differ for the same interval
// all stay, and the reader or the Scorer chooses (see Best). Exact repeats are dropped.
package archive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/flatwatt/flatwatt"
)

const (
	manifestKey     = "manifest.json"
	manifestVersion = 2 // 1 has no bundles; what has none is written as 1

	// MaxPartitions bounds the partitions: each day has a file for each.
	MaxPartitions = 1024
)

// A Manifest is all that an archive knows of itself. It is replaced whole.
type Manifest struct {
	Version    int               `json:"version"`
	Generation uint64            `json:"generation"` // counts the manifests written
	Partitions int               `json:"partitions"`
	Period     Period            `json:"period"`   // that a file covers
	Position   flatwatt.Position `json:"position"` // of the stream; 0: nothing came from one
	Clocks     map[string]int64  `json:"clocks"`   // see clock; Unix seconds
	Files      []File            `json:"files"`    // by day, partition, key
	Rejected   []File            `json:"rejected"` // by key
	Sources    map[string]Load   `json:"sources"`  // imports, by what they were called

	// Replaced are files that are named no more and are kept for those who opened the
	// archive before; since when, in Unix seconds.
	Replaced map[string]int64 `json:"replaced,omitempty"`
}

// A Period is what one file of a partition covers.
type Period string

const (
	Daily   Period = "day"   // a UTC day
	Monthly Period = "month" // a UTC calendar month: for fleets whose days are too small to be files
)

// dailyMeters is the size of a partition from which on its days make good files.
const dailyMeters = 2000

// start is the first day of the period that day is in, end the day after its last.
func (p Period) start(day flatwatt.Day) flatwatt.Day {
	if p != Monthly {
		return day
	}
	y, m, _ := day.Start(time.UTC).Date()
	return flatwatt.DayOf(time.Date(y, m, 1, 0, 0, 0, 0, time.UTC), time.UTC)
}

func (p Period) end(day flatwatt.Day) flatwatt.Day {
	if p != Monthly {
		return day + 1
	}
	y, m, _ := day.Start(time.UTC).Date()
	return flatwatt.DayOf(time.Date(y, m+1, 1, 0, 0, 0, 0, time.UTC), time.UTC)
}

// A File is one file of the archive. First and Last are zero for rejects, and their Day is
// the archive's last one when they were filed: "" where it had none yet.
type File struct {
	Key       string `json:"key"`
	Partition int    `json:"partition"`
	Day       string `json:"day"` // UTC, the first of the file's period
	Rows      int64  `json:"rows"`
	Late      int64  `json:"late"` // rows that came after their day had ended
	Meters    int    `json:"meters"`
	Bytes     int64  `json:"bytes"`
	SHA256    string `json:"sha256"`
	Content   uint64 `json:"content"` // sum of the hashes of its rows: the same however they are filed
	First     int64  `json:"first"`   // earliest start, Unix seconds
	Last      int64  `json:"last"`    // latest end

	Parts []Part `json:"days,omitempty"` // of a bundle: its days
}

// A Load is how far an import is.
type Load struct {
	Position flatwatt.Position `json:"position"` // readings of the source that are in
	Done     bool              `json:"done"`
}

// Date is the UTC day that f begins with.
func (f File) Date() flatwatt.Day { return dayOf(f.Day) }

func dayOf(date string) flatwatt.Day {
	t, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return 0
	}
	return flatwatt.Day(t.Unix() / 86400)
}

// An Archive reads. It sees the archive as it was at Open: files that were replaced
// meanwhile are kept for a while (Options.KeepReplaced), so a reading that takes minutes
// ends well.
type Archive struct {
	store Store
	man   Manifest
}

// ErrNone says that there is no archive in a store.
var ErrNone = errors.New("there is no archive")

// Open reads the manifest of the archive in store; ErrNone where there is none.
func Open(ctx context.Context, store Store) (*Archive, error) {
	man, err := readManifest(ctx, store)
	if err != nil {
		return nil, err
	}
	return &Archive{store, man}, nil
}

// Manifest is what the archive knew of itself at Open. The caller must not change it.
func (a *Archive) Manifest() *Manifest { return &a.man }

// Store is where the archive is.
func (a *Archive) Store() Store { return a.store }

func readManifest(ctx context.Context, store Store) (man Manifest, err error) {
	text, err := store.Get(ctx, manifestKey)
	if errors.Is(err, fs.ErrNotExist) {
		return man, fmt.Errorf("%w in %s: `flatwatt import` or the service makes one", ErrNone, store)
	}
	if err != nil {
		return man, fmt.Errorf("open archive: %w", err)
	}
	if err := json.Unmarshal(text, &man); err != nil {
		return man, fmt.Errorf("open archive %s: %s: %w: restore it from a copy", store, manifestKey, err)
	}
	if man.Version < 1 || man.Version > manifestVersion {
		return man, fmt.Errorf("open archive %s: version is %d, this program reads 1 to %d: use the program that wrote it", store, man.Version, manifestVersion)
	}
	return man, nil
}

// Days are the first and the last UTC day with readings; ok is false where there are none.
func (a *Archive) Days() (first, last flatwatt.Day, ok bool) {
	if len(a.man.Files) == 0 {
		return 0, 0, false
	}
	begin, end := a.man.Files[0].First, int64(0)
	for _, f := range a.man.Files {
		begin, end = min(begin, f.First), max(end, f.Last)
	}
	return flatwatt.Day(floorDiv(begin, 86400)), flatwatt.Day(floorDiv(end-1, 86400)), true
}

// Clock is how far the stream's readings go that the archive holds: of all its clocks the
// one furthest behind, but for those that stand still. What LateSince counts after it, a
// reader of this archive has not seen. Zero where nothing came from a stream.
func (a *Archive) Clock() time.Time {
	last := int64(0)
	for _, t := range a.man.Clocks {
		last = max(last, t)
	}
	if last == 0 {
		return time.Time{}
	}
	least := last
	for _, t := range a.man.Clocks {
		if last-t < standsStill {
			least = min(least, t)
		}
	}
	return time.Unix(least, 0).UTC()
}

// standsStill is how many seconds a clock is behind of meters that send nothing any more.
const standsStill = 7 * 86400

// Snapshot is a as OpenSnapshot reads it.
func (a *Archive) Snapshot() ([]byte, error) { return json.Marshal(&a.man) }

// OpenSnapshot opens the archive in store as it was at a Snapshot; ErrNone where a file of
// that time is not there any more.
func OpenSnapshot(ctx context.Context, store Store, snapshot []byte) (*Archive, error) {
	a := &Archive{store: store}
	if err := json.Unmarshal(snapshot, &a.man); err != nil {
		return nil, fmt.Errorf("snapshot of the archive: %w", err)
	}
	keys, err := store.List(ctx, "readings/")
	if err != nil {
		return nil, err
	}
	for _, f := range a.man.Files {
		if _, ok := slices.BinarySearch(keys, f.Key); !ok {
			return nil, fmt.Errorf("%w: %s of the snapshot is gone", ErrNone, f.Key)
		}
	}
	return a, nil
}

// FilesOf are the files of a partition that cover a UTC day: mostly one.
func (a *Archive) FilesOf(partition int, day flatwatt.Day) (files []File) {
	for _, f := range a.man.covering(day, day) {
		if f.Partition == partition && f.end(a.man.Period) > day {
			files = append(files, f)
		}
	}
	return files
}

// covering are the files, of all partitions, among which are those that cover days of
// [from, to]: no file reaches beyond its month.
func (m *Manifest) covering(from, to flatwatt.Day) []File {
	list := m.Files[m.from(Monthly.start(from)):]
	after := (to + 1).String()
	n, _ := slices.BinarySearchFunc(list, after, func(f File, day string) int { return strings.Compare(f.Day, day) })
	return list[:n]
}

// from is the index of the first file of day or later.
func (m *Manifest) from(day flatwatt.Day) int {
	text := day.String()
	lo, hi := 0, len(m.Files)
	for lo < hi {
		if mid := (lo + hi) / 2; m.Files[mid].Day < text {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// Content is a number that changes when what is known of the days [from, to] of a
// partition does, or of others in the same files: late readings, corrections. Filing the same rows anew does not change it.
func (a *Archive) Content(partition int, from, to flatwatt.Day) (sum uint64) {
	for _, f := range a.man.covering(from, to) {
		if f.Partition == partition && f.end(a.man.Period) > from {
			_, content := f.within(from, to)
			sum += content
		}
	}
	return sum
}

// Rows counts the readings of the files that hold days [from, to], of all partitions, and
// their bytes; of a bundle those days' share.
func (a *Archive) Rows(from, to flatwatt.Day) (rows, bytes int64) {
	for _, f := range a.man.covering(from, to) {
		if f.end(a.man.Period) > from {
			n, _ := f.within(from, to)
			rows, bytes = rows+n, bytes+f.Bytes*n/max(f.Rows, 1)
		}
	}
	return rows, bytes
}
