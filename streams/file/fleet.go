// Package file reads and writes fleet directories, the offline exchange format:
// meters.csv, readings/, weather.csv and truth.csv as docs/formats.md describes them.
//
//	fleet, err := file.Open(dir, file.Options{})
//	err = fleet.Load(ctx, nil)
//	source := fleet.Source(time.Time{})
//
// Bad input is a value here: a bad row rejects that row only and is kept with its file,
// line, field and remedy (Fleet.Rejects). Errors are left for a broken world: a directory
// that is not there, a disk that does not answer.
package file

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/flatwatt/flatwatt"
)

// Options say how a fleet is read. The zero value is good.
type Options struct {
	// Workers is the number of goroutines that parse; 0 means one per core.
	// The result does not depend on it.
	Workers int
	// MaxRejects bounds the rejected rows that are kept whole; all are counted.
	// 0 means DefaultMaxRejects.
	MaxRejects int
}

// DefaultMaxRejects is how many rejected rows a Fleet keeps unless told otherwise.
const DefaultMaxRejects = 10_000

func (o Options) workers() int { return cmp.Or(max(o.Workers, 0), runtime.GOMAXPROCS(0)) }

func (o Options) maxRejects() int { return cmp.Or(max(o.MaxRejects, 0), DefaultMaxRejects) }

// A Fleet is a fleet directory: its register, weather and truth, and after Load its
// readings. It is not safe for concurrent use while Load runs; afterwards it only reads.
type Fleet struct {
	dir     string
	opt     Options
	meters  []flatwatt.Meter // sorted by id
	refused map[string]bool  // ids whose register entry was rejected
	index   map[string]int32 // id → position in meters and columns
	columns []column         // one a meter
	weather *weather         // nil: none
	truth   []flatwatt.Truth
	inflow  Inflow
	events  []PlantEvent

	evidence   []Told
	registered []flatwatt.Registered
	applied    []Applied
	coin       []CoinRow
	tariffs    flatwatt.Tariffs

	rejects rejects
	stats   Stats
	notes   []Note
}

// Open reads the register, the weather, the truth, what is known of plants' water and
// outages, outside evidence, registrations, applications and the coin market from the fleet
// directory dir. meters.csv must be there; weather.csv, truth.csv, inflow.csv, events.csv,
// evidence.csv, registered.csv, applications.csv, participants.csv, coin.csv and
// tariffs.csv, each also with .gz, may be.
// Rows that cannot be taken are in Rejects.
func Open(dir string, opt Options) (*Fleet, error) {
	f := &Fleet{dir: dir, opt: opt, rejects: newRejects(opt.maxRejects())}
	if err := f.readMeters(); err != nil {
		return nil, fmt.Errorf("open fleet %s: %w", dir, err)
	}
	if err := f.readWeather(); err != nil {
		return nil, fmt.Errorf("open fleet %s: %w", dir, err)
	}
	for _, read := range []func() error{f.readTruth, f.readInflow, f.readEvents, f.readEvidence, f.readRegistered, f.readApplied, f.readCoin, f.readTariffs} {
		if err := read(); err != nil {
			return nil, fmt.Errorf("open fleet %s: %w", dir, err)
		}
	}
	return f, nil
}

// Dir is the directory that the fleet was opened from.
func (f *Fleet) Dir() string { return f.dir }

// Meters are the register's entries sorted by id. After Load, Interval is the one that
// the readings have (see Notes); it is 0 where neither readings nor register tell. The caller must not change them.
func (f *Fleet) Meters() []flatwatt.Meter { return f.meters }

// Truth is what truth.csv says, in its order; nil if there is none.
func (f *Fleet) Truth() []flatwatt.Truth { return f.truth }

// Rejects are the rows that could not be taken, in delivery order, at most
// Options.MaxRejects of them. Stats counts them all.
func (f *Fleet) Rejects() []flatwatt.Rejected { return f.rejects.kept }

// Notes say what was concluded about single meters; after Load they are sorted by meter.
func (f *Fleet) Notes() []Note { return f.notes }

// A Note is something that a person should know about a meter's data and that
// nothing was rejected for.
type Note struct {
	Meter flatwatt.MeterID
	Text  string
}

// Stats count what Load found. Every row is in exactly one of Readings, Missing,
// Duplicates, Conflicts, Superseded and Rejected.
type Stats struct {
	Rows       int64 // data rows seen, without headers and blank lines
	Readings   int64 // distinct readings kept
	Missing    int64 // rows that say that there is no reading: no energy, or quality N
	Duplicates int64 // exact repeats of a reading
	Conflicts  int64 // repeats with other values and the same quality
	Superseded int64 // repeats that lost to a better quality
	Late       int64 // rows delivered after a later reading of the same meter
	Gaps       int64 // intervals that are missing between a meter's first and last reading
	Files      int   // files in readings/
	Meters     int   // meters with at least one reading
	MeterDays  int64 // meters × UTC days with at least one reading
	First      time.Time
	Last       time.Time // end of the last interval

	Rejected         int64            // rejected rows of readings
	RejectedByReason map[string]int64 // short reason → rows and files, all files of the fleet
}

// Stats are the counts of the last Load. The caller must not change the map.
func (f *Fleet) Stats() Stats {
	s := f.stats
	s.RejectedByReason = f.rejects.count
	return s
}

// readingFiles are the files of readings/ in name order, which is delivery order.
func (f *Fleet) readingFiles() ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(f.dir, "readings"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s has no folder readings/: put the readings there as *.csv, *.csv.gz or *.parquet", f.dir)
	}
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if !e.IsDir() && formatOf(e.Name()) != unknownFormat {
			names = append(names, filepath.Join(f.dir, "readings", e.Name()))
		}
	}
	slices.Sort(names)
	return names, nil
}

// rejects keeps rejected pieces of input up to a limit and counts them all.
// Kept pieces are complete in delivery order, so what is kept is deterministic.
type rejects struct {
	limit int
	kept  []flatwatt.Rejected
	count map[string]int64
}

func newRejects(limit int) rejects { return rejects{limit: limit, count: map[string]int64{}} }

// add takes one rejected piece under a short reason, which names its kind in Stats.
func (r *rejects) add(kind string, j flatwatt.Rejected) {
	r.count[kind]++
	if len(r.kept) >= r.limit {
		return
	}
	if len(j.Raw) > flatwatt.MaxRejectedBytes {
		j.Raw = j.Raw[:flatwatt.MaxRejectedBytes]
	}
	j.Raw = slices.Clone(j.Raw) // the caller reuses its buffer
	r.kept = append(r.kept, j)
}

func (r *rejects) addAll(o *rejects) {
	for k, n := range o.count {
		r.count[k] += n
	}
	room := min(max(r.limit-len(r.kept), 0), len(o.kept))
	r.kept = append(r.kept, o.kept[:room]...)
}
