package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"sort"

	"github.com/flatwatt/flatwatt"
)

const (
	// blockSeconds is the length of a block of event time: readings are given out block
	// by block, so that no meter is ever further ahead of another. It must not be longer
	// than the Scorer's grace.
	blockSeconds = 6 * 3600

	// batchReadings bounds a batch: 400 kB, which stay in a core's cache.
	batchReadings = 1 << 12
)

// Order says in what order readings are given out.
type Order int

const (
	// AsKnown gives every reading at its place in time, whenever it came: what would
	// have been scored, had everything come in time.
	AsKnown Order = iota

	// AsLive gives a reading that came after its day had ended when it came, by the
	// stream's own clock. A Scorer then drops and takes what it did when it was live.
	AsLive
)

// A Day is what the archive holds of one partition and UTC day, decoded.
type Day struct {
	Day      flatwatt.Day
	Readings int64
	rows     *rows
	live     bool      // late rows are set apart
	late     []lateRow // of this day or an earlier one, that came on this day; by clock
}

// A lateRow is a reading that came after its day had ended.
type lateRow struct {
	head    int64
	reading flatwatt.Reading
}

// A Reader gives out a partition's days, one after another.
type Reader struct {
	archive   *Archive
	partition int
	day, to   flatwatt.Day
	order     Order
	waiting   []lateRow // rows of days read that came on a later day

	had decoded // what was decoded for the day before
}

// Read returns a reader of the UTC days [from, to] of a partition.
func (a *Archive) Read(partition int, from, to flatwatt.Day, order Order) *Reader {
	return &Reader{archive: a, partition: partition, day: from, to: to, order: order, had: decoded{}}
}

// Next decodes the next day; io.EOF after the last one. A day without readings is empty.
// It may run ahead of the use of the days that it returned.
func (r *Reader) Next(ctx context.Context) (*Day, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if r.day > r.to {
		return nil, io.EOF
	}
	list, err := r.archive.readDay(ctx, r.partition, r.day, r.had)
	if errors.Is(err, fs.ErrNotExist) { // merged with others since Open
		list, err = r.reread(ctx)
	}
	if err != nil {
		return nil, err
	}
	d := &Day{Day: r.day, rows: list}
	for _, g := range list.runs {
		d.Readings += int64(g.to - g.from)
	}
	if r.order == AsLive {
		r.setLateApart(d)
	}
	r.day++
	return d, nil
}

func (r *Reader) reread(ctx context.Context) (*rows, error) {
	now, err := Open(ctx, r.archive.store)
	if err != nil {
		return nil, err
	}
	if now.Content(r.partition, r.day, r.day) != r.archive.Content(r.partition, r.day, r.day) {
		return nil, fmt.Errorf("read archive: %s of partition %d has got other readings meanwhile: start again", r.day, r.partition)
	}
	return now.readDay(ctx, r.partition, r.day, r.had)
}

// setLateApart moves late rows out of d and to the day on which they came.
func (r *Reader) setLateApart(d *Day) {
	if d.rows.head != nil {
		for _, g := range d.rows.runs {
			for i := g.from; i < g.to; i++ {
				if h := d.rows.head[i]; h != 0 {
					r.waiting = append(r.waiting, lateRow{h, d.rows.reading(g.meter, i)})
				}
			}
		}
		sort.SliceStable(r.waiting, func(i, j int) bool { return r.waiting[i].head < r.waiting[j].head })
	}
	d.live = true
	end := (int64(d.Day) + 1) * 86400
	n := sort.Search(len(r.waiting), func(i int) bool { return r.waiting[i].head >= end })
	d.late = slices.Clone(r.waiting[:n])
	r.waiting = slices.Delete(r.waiting, 0, n)
}

// Waiting is what came after the day that was read last: AsLive only.
func (r *Reader) Waiting() (list []flatwatt.Reading) {
	for _, w := range r.waiting {
		list = append(list, w.reading)
	}
	return list
}

// Each calls yield with the readings of the day in their order, batch by batch. A batch
// is valid until yield returns; an error of yield ends it.
func (d *Day) Each(buf []flatwatt.Reading, yield func([]flatwatt.Reading) error) ([]flatwatt.Reading, error) {
	e := emitter{day: d, batch: buf[:0], yield: yield, next: make([]int, len(d.rows.runs))}
	if cap(e.batch) < batchReadings {
		e.batch = make([]flatwatt.Reading, 0, batchReadings)
	}
	for i, g := range d.rows.runs {
		e.next[i] = g.from
	}
	from := int64(d.Day) * 86400
	for end := from + blockSeconds; end <= from+86400; end += blockSeconds {
		if err := e.block(end); err != nil {
			return e.batch, err
		}
	}
	return e.batch, e.flush()
}

// An emitter walks over the rows of a day.
type emitter struct {
	day   *Day
	next  []int // of each run, first row that was not given out
	late  int   // of day.late
	batch []flatwatt.Reading
	yield func([]flatwatt.Reading) error
}

// block gives out the rows that start before end, each late one as soon as the clock is
// where it was when it came: after all rows that start up to then, before any later one.
func (e *emitter) block(end int64) error {
	for e.late < len(e.day.late) && e.day.late[e.late].head < end {
		head := e.day.late[e.late].head
		if err := e.until(head + 1); err != nil {
			return err
		}
		for ; e.late < len(e.day.late) && e.day.late[e.late].head == head; e.late++ {
			if err := e.give(e.day.late[e.late].reading); err != nil {
				return err
			}
		}
	}
	return e.until(end)
}

// until gives out the rows that start before end, meter by meter.
func (e *emitter) until(end int64) error {
	r := e.day.rows
	for k := range r.runs {
		g := &r.runs[k]
		i := e.next[k]
		for ; i < g.to && r.start[i] < end; i++ {
			if e.apart(i) {
				continue
			}
			if err := e.give(r.reading(g.meter, i)); err != nil {
				return err
			}
		}
		e.next[k] = i
	}
	return nil
}

// apart says that row i was set apart, to come later.
func (e *emitter) apart(i int) bool {
	return e.day.live && e.day.rows.head != nil && e.day.rows.head[i] != 0
}

func (e *emitter) give(r flatwatt.Reading) error {
	if e.batch = append(e.batch, r); len(e.batch) < batchReadings {
		return nil
	}
	return e.flush()
}

func (e *emitter) flush() error {
	if len(e.batch) == 0 {
		return nil
	}
	err := e.yield(e.batch)
	e.batch = e.batch[:0]
	return err
}

// Since makes a reader that begins in the middle of a history give out, AsLive, what of
// the days from first on comes only now, as one that had begun with first would.
func (r *Reader) Since(ctx context.Context, first flatwatt.Day) error {
	if r.order != AsLive || first >= r.day {
		return nil
	}
	begin, end := int64(first)*86400, int64(r.day)*86400
	for _, f := range r.archive.man.Files {
		if f.Partition != r.partition || f.Late == 0 || f.Last <= begin || f.First >= end {
			continue
		}
		list, err := readFile(ctx, r.archive.store, f)
		if err != nil {
			return err
		}
		for _, g := range list.runs {
			for i := g.from; i < g.to && list.head != nil; i++ {
				if t := list.start[i]; list.head[i] >= end && t >= begin && t < end {
					r.waiting = append(r.waiting, lateRow{list.head[i], list.reading(g.meter, i)})
				}
			}
		}
	}
	return nil
}
