package main

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/archive"
	"github.com/flatwatt/flatwatt/streams/file"
)

func newArchiveExport(p *Program) *cobra.Command {
	var where, out, from, to, meter, format string
	cmd := &cobra.Command{
		Use:   "export --out FILE [--from DAY] [--to DAY] [--meter ID]",
		Short: "Write readings as a file of a fleet directory: one a meter and start, the best known",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a, err := p.openArchive(cmd.Context(), where)
			if err != nil {
				return err
			}
			first, last, err := archiveDays(a, from, to)
			if err != nil {
				return err
			}
			if format == "" {
				format = formatOfName(out)
			}
			return p.exportArchive(cmd.Context(), a, first, last, flatwatt.MeterID(meter), out, file.Format(format))
		},
	}
	p.addArchiveFlag(cmd, &where)
	f := cmd.Flags()
	f.StringVar(&out, "out", "", "`file` to write: .parquet, .csv or .csv.gz")
	f.StringVar(&from, "from", "first", "first UTC `day`: a date, first, last or -7d, counted from the last")
	f.StringVar(&to, "to", "last", "last UTC `day`")
	f.StringVar(&meter, "meter", "", "only the meter with this `id`")
	f.StringVar(&format, "format", "", "parquet, csv or csv.gz; the default goes by the file's name")
	needFlags(cmd, "out")
	return cmd
}

func formatOfName(name string) string {
	for _, f := range []file.Format{file.CSVGzip, file.CSV} {
		if strings.HasSuffix(strings.ToLower(filepath.Base(name)), "."+string(f)) {
			return string(f)
		}
	}
	return string(file.Parquet)
}

func (p *Program) exportArchive(ctx context.Context, a *archive.Archive, from, to flatwatt.Day, meter flatwatt.MeterID, out string, format file.Format) error {
	w, err := file.NewReadingsWriter(out, format)
	if err != nil {
		return usageError{err}
	}
	bar := p.progress("export", "days", int64(to-from)+1)
	e := export{Archive: a, from: from, to: to, write: w.Write}
	if meter != "" {
		err = e.meter(ctx, meter)
	} else {
		err = e.all(ctx, bar)
	}
	if err != nil {
		w.Abort()
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	bar.end("%s readings in %s", grouped(e.n), out)
	return nil
}

// An export writes each start of a meter once.
type export struct {
	*archive.Archive
	from, to flatwatt.Day
	write    func(flatwatt.Reading)
	n        int64 // readings written
}

func (e *export) meter(ctx context.Context, id flatwatt.MeterID) error {
	list, err := e.Meter(ctx, id, archive.Anywhere, e.from.Start(time.UTC), (e.to + 1).Start(time.UTC))
	for _, r := range archive.Best(list) {
		e.write(r)
		e.n++
	}
	return err
}

// all goes through the partitions, a day at a time. Meters that moved from one to another
// follow by themselves: what a day holds of them in one may be corrected in the other.
func (e *export) all(ctx context.Context, bar *progress) error {
	moved, err := e.Moved(ctx, e.from, e.to)
	if err != nil {
		return err
	}
	put := func(r flatwatt.Reading) error {
		if _, apart := slices.BinarySearch(moved, r.Meter); !apart {
			e.write(r)
			e.n++
		}
		return ctx.Err()
	}
	for part := range e.Manifest().Partitions {
		for day := e.from; day <= e.to; day++ {
			if err := e.Each(ctx, part, day, put); err != nil {
				return err
			}
			bar.at(int64(day - e.from))
		}
	}
	for _, id := range moved {
		if err := e.meter(ctx, id); err != nil {
			return err
		}
	}
	return nil
}
