package archive

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/flatwatt/flatwatt"
)

const (
	// DefaultFlushReadings is how many readings are buffered, 80 bytes each, where
	// Options.FlushReadings is zero.
	DefaultFlushReadings = 2_000_000

	// DefaultFlushEvery is how much event time lies between two flushes of a stream where
	// Options.FlushEvery is zero: what a kill makes the archive read again.
	DefaultFlushEvery = time.Hour

	// maxParts is how many files of one partition and day are borne before they are made
	// one, though the day still runs.
	maxParts = 8
)

// Options say how a Writer files readings.
type Options struct {
	// Meters is the register: time zones, and what Partition is asked with. A reading of
	// a meter that is not in it is filed in partition 0, its day in UTC.
	Meters []flatwatt.Meter

	// Partitions and Partition part the fleet. Meters that are compared with each other
	// belong into one partition: use what parts the live service. 0 means one partition.
	// The number is chosen when the archive is made.
	Partitions int
	Partition  func(flatwatt.Meter) int

	Period Period // chosen when the archive is made; "": Monthly up to 2,000 meters a partition

	FlushReadings int           // and rejects, which wait for a flush; 0: DefaultFlushReadings
	BundleRows    int           // of a file of several days at most; 0: DefaultBundleRows
	FlushEvery    time.Duration // of event time; 0: DefaultFlushEvery

	// KeepReplaced is how long files that were replaced or have passed retention stay, by
	// Now, for those who still read them. Without Now they go at once.
	KeepReplaced time.Duration
	Now          func() time.Time
}

// A Writer adds readings to an archive. One goroutine owns it, and one Writer an archive:
// lock a Dir with its Lock.
type Writer struct {
	store Store
	opt   Options
	man   Manifest

	places map[flatwatt.MeterID]*place
	last   *place
	zones  map[string]*civil
	ids    []flatwatt.MeterID // by a row's meter

	buffer   map[fileKey][]row
	buffered int
	rejected []flatwatt.Rejected // wait for a flush
	next     flatwatt.Position
	flushed  int64 // clock at the last flush of a stream
	head     int64 // of all clocks
	refused  int64

	rejectedBytes int // of rejected

	begin, end flatwatt.Day // the period that was last looked at
}

type fileKey struct {
	day       flatwatt.Day
	partition int
}

// OpenWriter opens the archive in store, or makes one, and removes what a kill left behind.
func OpenWriter(ctx context.Context, store Store, opt Options) (*Writer, error) {
	w := &Writer{store: store, opt: opt, places: map[flatwatt.MeterID]*place{}, zones: map[string]*civil{}, buffer: map[fileKey][]row{}}
	w.opt.Partitions = max(w.opt.Partitions, 1)
	if w.opt.FlushReadings == 0 {
		w.opt.FlushReadings = DefaultFlushReadings
	}
	if w.opt.FlushEvery == 0 {
		w.opt.FlushEvery = DefaultFlushEvery
	}
	if w.opt.Partitions > MaxPartitions || w.opt.Partitions > 1 && w.opt.Partition == nil {
		return nil, fmt.Errorf("open archive: %d partitions: give 1 to %d, and what parts the fleet", w.opt.Partitions, MaxPartitions)
	}
	man, err := readManifest(ctx, store)
	if errors.Is(err, ErrNone) {
		man, err = Manifest{Version: manifestVersion, Partitions: w.opt.Partitions, Period: w.opt.period()}, nil
	}
	if err != nil {
		return nil, err
	}
	if man.Partitions != w.opt.Partitions {
		return nil, fmt.Errorf("open archive %s: it has %d partitions, not %d: set as many, or export it and import it into a new one", store, man.Partitions, w.opt.Partitions)
	}
	if man.Clocks == nil {
		man.Clocks = map[string]int64{}
	}
	if man.Sources == nil {
		man.Sources = map[string]Load{}
	}
	w.man, w.next = man, man.Position
	for _, t := range man.Clocks {
		w.head = max(w.head, t)
	}
	if err := w.placeMeters(); err != nil {
		return nil, err
	}
	return w, w.sweep(ctx)
}

func (o *Options) period() Period {
	switch {
	case o.Period != "":
		return o.Period
	case len(o.Meters) <= dailyMeters*o.Partitions:
		return Monthly
	}
	return Daily
}

// sweep removes files that no manifest names: a kill came before they were in, or
// after they were replaced.
func (w *Writer) sweep(ctx context.Context) error {
	known := map[string]bool{}
	for _, f := range slices.Concat(w.man.Files, w.man.Rejected) {
		known[f.Key] = true
	}
	for key := range w.man.Replaced {
		known[key] = true
	}
	for _, prefix := range []string{"readings/", "rejected/"} {
		keys, err := w.store.List(ctx, prefix)
		if err != nil {
			return fmt.Errorf("open archive: %w", err)
		}
		for _, key := range keys {
			if known[key] || !strings.HasSuffix(key, ".parquet") {
				continue
			}
			if err := w.store.Remove(ctx, key); err != nil {
				return fmt.Errorf("open archive: remove what a kill left: %w", err)
			}
		}
	}
	return nil
}

// Position is where the stream must be opened: everything before is in the archive.
func (w *Writer) Position() flatwatt.Position { return w.man.Position }

// Restart has the stream read again from its start, as after it was made anew. Readings
// that are in the archive already are not kept twice.
func (w *Writer) Restart() { w.next, w.man.Position = 0, 0 }

// Buffered says how many readings and rejects a Flush would make durable.
func (w *Writer) Buffered() int { return w.buffered + len(w.rejected) }

// Pending says whether there is anything to flush. It may be the place in the stream only:
// what it brought was empty, and must not be read again for ever.
func (w *Writer) Pending() bool { return w.Buffered() > 0 || w.next != w.man.Position }

// Archive is what is durable now, for reading.
func (w *Writer) Archive() *Archive {
	man := w.man
	man.Files, man.Rejected = slices.Clone(man.Files), slices.Clone(man.Rejected)
	return &Archive{w.store, man}
}

// Refused counts readings whose energy was no number. They are kept with the rejects.
func (w *Writer) Refused() int64 { return w.refused }

// Take adds a batch of a stream, and flushes when it is time to.
func (w *Writer) Take(ctx context.Context, b flatwatt.Batch) error {
	if b.Next < w.next {
		return fmt.Errorf("archive: the source went back from position %d to %d", w.next, b.Next)
	}
	for i := range b.Readings {
		w.add(&b.Readings[i], true)
	}
	w.keepRejected(b.Rejected)
	w.next = b.Next
	if w.flushed == 0 {
		w.flushed = w.head
	}
	if w.full() || w.head-w.flushed >= int64(w.opt.FlushEvery/time.Second) {
		return w.Flush(ctx)
	}
	return nil
}

// Import adds a batch of the history called name, of which Imported is in. History
// counts as come in time, and moves neither the stream's position nor its clocks.
func (w *Writer) Import(ctx context.Context, name string, b flatwatt.Batch) error {
	for i := range b.Readings {
		w.add(&b.Readings[i], false)
	}
	w.keepRejected(b.Rejected)
	if !w.full() {
		return nil
	}
	w.man.Sources[name] = Load{Position: b.Next}
	return w.Flush(ctx)
}

// Imported is how far the history called name is in.
func (w *Writer) Imported(name string) Load { return w.man.Sources[name] }

// EndImport flushes, and remembers that all of the history called name is in.
func (w *Writer) EndImport(ctx context.Context, name string, next flatwatt.Position) error {
	w.man.Sources[name] = Load{Position: next, Done: true}
	return w.Flush(ctx)
}

func (w *Writer) add(r *flatwatt.Reading, timed bool) {
	if w.last == nil || w.last.id != r.Meter {
		p := w.places[r.Meter]
		if p == nil {
			p = w.place(r.Meter, 0, time.UTC, "unknown")
		}
		w.last = p
	}
	if e := float64(r.Energy); e-e != 0 {
		w.refused++
		w.keepRejected([]flatwatt.Rejected{{Where: fmt.Sprintf("%s %s", r.Meter, r.Start.Format(time.RFC3339)),
			Field: "energy_kwh", Reason: fmt.Sprintf("is %v, not a number: send the reading again, or none", e)}})
		return
	}
	t := r.Start.Unix()
	c := row{meter: w.last.number, start: t, length: int32(r.Length / time.Second), energy: float64(r.Energy),
		reactive: finite(float64(r.Reactive)), voltage: finite(float64(r.Voltage)), quality: r.Quality}
	if timed {
		clock := w.man.Clocks[w.last.clock]
		if clock >= w.last.zone.dayEnd(t) {
			c.head = clock
		}
		if t > clock {
			w.man.Clocks[w.last.clock] = t
			w.head = max(w.head, t)
		}
	}
	key := fileKey{w.periodOf(t), w.last.partition}
	w.buffer[key] = append(w.buffer[key], c)
	w.buffered++
}

// periodOf is the first day of the period that t is in.
func (w *Writer) periodOf(t int64) flatwatt.Day {
	day := flatwatt.Day(floorDiv(t, 86400))
	if day < w.begin || day >= w.end {
		w.begin, w.end = w.man.Period.start(day), w.man.Period.end(day)
	}
	return w.begin
}

func finite(v float64) float64 {
	if v-v != 0 {
		return math.NaN()
	}
	return v
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
