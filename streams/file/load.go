package file

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/flatwatt/flatwatt"
)

// A fileFormat is how a file of readings is written.
type fileFormat int

const (
	unknownFormat fileFormat = iota
	csvFormat
	gzipFormat
	parquetFormat
)

// formatOf goes by the name's ending. Hidden and temporary files are none of the fleet.
func formatOf(name string) fileFormat {
	switch name = strings.ToLower(filepath.Base(name)); {
	case strings.HasPrefix(name, "."):
		return unknownFormat
	case strings.HasSuffix(name, ".csv"):
		return csvFormat
	case strings.HasSuffix(name, ".csv.gz"):
		return gzipFormat
	case strings.HasSuffix(name, ".parquet"):
		return parquetFormat
	}
	return unknownFormat
}

// A job is a piece of a file of readings that can be parsed by itself. The feeder makes
// them in delivery order, workers parse them in any, the merger takes them in delivery
// order again: the result does not depend on the number of workers.
type job struct {
	parse func(*piece) // runs on a worker
	out   chan *piece  // holds one
	bytes int64        // of the file as stored, for progress
}

// loader is the state of one Load. The merger's goroutine owns all but what is read-only.
type loader struct {
	*Fleet
	grids    []grid // declared, read-only
	progress func(done, total int64)
	total    int64
	done     int64
	origins  map[[2]int32]string
}

// Load reads all readings into memory, on Options.Workers cores, and merges what was
// delivered late, repeatedly or out of order; of several readings of one meter and start
// the better quality stays, then the smaller |energy|. progress, if not nil, is called
// with bytes as stored, from one goroutine. An error is an unreadable disk, a cancelled
// ctx, or a fleet none of whose readings could be taken. A Fleet is loaded once.
func (f *Fleet) Load(ctx context.Context, progress func(done, total int64)) error {
	if f.columns != nil {
		return fmt.Errorf("load readings: %s is loaded already: open it again", f.dir)
	}
	files, err := f.readingFiles()
	if err != nil {
		return fmt.Errorf("load readings: %w", err)
	}
	l := &loader{Fleet: f, progress: progress, origins: map[[2]int32]string{}}
	if l.total, err = totalSize(files); err != nil {
		return fmt.Errorf("load readings: %w", err)
	}
	f.stats = Stats{Files: len(files)}
	f.columns = make([]column, len(f.meters))
	for i := range f.meters {
		l.grids = append(l.grids, declaredGrid(&f.meters[i]))
		f.columns[i].latest = -1
	}
	if err := l.run(ctx, files); err != nil {
		return fmt.Errorf("load readings: %w", err)
	}
	l.finish()
	if f.stats.Readings == 0 {
		return fmt.Errorf("load readings: %s has none that could be taken%s", filepath.Join(f.dir, "readings"), f.rejects.firstReason())
	}
	return nil
}

// declaredGrid is what the register makes one expect; interval 1 where it leaves it open.
// Time zones that are off the hour (India, Nepal) shift the hours' beginning.
func declaredGrid(m *flatwatt.Meter) grid {
	g := grid{interval: max(int32(m.Interval.Minutes()), 1)}
	_, offset := timeOf(26_297_280).In(m.Zone).Zone() // 2020-01-01; any day would do
	g.phase = ((-int32(offset/60))%g.interval + g.interval) % g.interval
	return g
}

func totalSize(files []string) (total int64, err error) {
	for _, name := range files {
		st, err := os.Stat(name)
		if err != nil {
			return 0, err
		}
		total += st.Size()
	}
	return total, nil
}

// run lets the feeder, the workers and the merger work until all files are read.
func (l *loader) run(ctx context.Context, files []string) error {
	n := l.opt.workers()
	g, ctx := errgroup.WithContext(ctx)
	work := make(chan *job)
	ordered := make(chan *job, 2*n) // bounds the pieces in memory
	g.Go(func() error {
		defer close(work)
		defer close(ordered)
		feeder := feeder{ctx: ctx, loader: l, work: work, ordered: ordered}
		for _, name := range files {
			if err := feeder.feed(name); err != nil {
				return err
			}
		}
		return nil
	})
	for range n {
		g.Go(func() error {
			for j := range work {
				p := &piece{rejects: newRejects(l.opt.maxRejects())}
				j.parse(p)
				p.group()
				j.out <- p
			}
			return nil
		})
	}
	g.Go(func() error {
		for j := range ordered {
			select {
			case p := <-j.out:
				if p.err != nil {
					return p.err
				}
				l.take(p, j.bytes)
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return ctx.Err()
	})
	return g.Wait()
}

// A feeder cuts files into jobs. Both channels get each job; ordered first, so that a
// job that is being worked on is always one that the merger will wait for.
type feeder struct {
	*loader
	ctx     context.Context
	work    chan<- *job
	ordered chan<- *job
}

func (f *feeder) feed(name string) error {
	if formatOf(name) == parquetFormat {
		return f.feedParquet(name)
	}
	return f.feedCSV(name)
}

func (f *feeder) send(bytes int64, parse func(*piece)) error {
	j := &job{parse: parse, out: make(chan *piece, 1), bytes: bytes}
	select {
	case f.ordered <- j:
	case <-f.ctx.Done():
		return f.ctx.Err()
	}
	select {
	case f.work <- j:
		return nil
	case <-f.ctx.Done():
		return f.ctx.Err()
	}
}

// reject sends a piece of bad news in delivery order: about a file, or a place in it.
func (f *feeder) reject(kind string, bytes int64, r flatwatt.Rejected) error {
	return f.send(bytes, func(p *piece) { p.rejects.add(kind, r) })
}

// show is a file's name as people see it: relative to the fleet.
func (f *feeder) show(name string) string { return "readings/" + filepath.Base(name) }

// take adds a piece's readings to their meters' columns.
func (l *loader) take(p *piece, bytes int64) {
	for _, r := range p.runs {
		c := &l.columns[r.meter]
		for _, at := range p.at[r.from:r.to] {
			if at < c.latest {
				c.late++
			} else {
				c.latest = at
			}
		}
		c.addRange(&p.rows, int(r.from), int(r.to))
	}
	for _, o := range p.off {
		if key := [2]int32{o.meter, o.at}; len(l.origins) < maxOrigins && l.origins[key] == "" {
			l.origins[key] = o.where
		}
	}
	l.stats.Rows += p.seen
	l.stats.Missing += p.missing
	l.rejects.addAll(&p.rejects)
	l.done += bytes
	if l.progress != nil {
		l.progress(min(l.done, l.total), l.total)
	}
}
