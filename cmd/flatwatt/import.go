package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/archive"
	"github.com/flatwatt/flatwatt/streams/file"
	"github.com/flatwatt/flatwatt/streams/formats"
)

// historyDays is what onboarding asks for: a year for its seasons, and a month for a
// block to stand out of the same month of the year before.
const historyDays = 396

type importFlags struct {
	fleet, archive, format string
	buckets                int
	again                  bool
	flush                  int
}

func newImport(p *Program, opt *options) *cobra.Command {
	var flags importFlags
	cmd := &cobra.Command{
		Use:   "import --fleet DIR --archive DIR [FILE …]",
		Short: "Load history into the archive: a fleet directory, or files of any format",
		Long: `Import loads the readings of a fleet directory, or of the files named, into the archive,
and says how much of 13 months each meter has. It can be killed and started again, and
importing the same twice changes nothing. The register of --fleet gives the time zones.`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error { return p.importAll(cmd.Context(), opt, flags, args) },
	}
	p.addArchiveFlag(cmd, &flags.archive)
	f := cmd.Flags()
	f.StringVar(&flags.fleet, "fleet", "", "fleet `directory` with the register, and readings unless files are named")
	f.StringVar(&flags.format, "format", "", "format of the files: "+formats.Names()+"; the default is found out")
	f.IntVar(&flags.buckets, "buckets", 0, "part the archive as the service with so many partitions.buckets; 0: not")
	f.IntVar(&flags.flush, "flush-readings", archive.DefaultFlushReadings, "`readings` between two flushes, 80 bytes of memory each: what a kill costs")
	f.BoolVar(&flags.again, "again", false, "read what was imported before again, e.g. after a file was corrected")
	needFlags(cmd, "fleet")
	return cmd
}

func (f importFlags) options(fleet *file.Fleet) archive.Options {
	opt := archiveOptions(fleet.Meters(), f.buckets)
	opt.FlushReadings = f.flush
	return opt
}

func (p *Program) importAll(ctx context.Context, opt *options, flags importFlags, files []string) error {
	if flags.flush < 1 {
		return usagef("--flush-readings %d: want 1 or more", flags.flush)
	}
	if len(files) == 0 {
		return p.importFleet(ctx, opt, flags)
	}
	fleet, err := p.openRegister(flags.fleet)
	if err != nil {
		return err
	}
	w, err := p.openArchiveWriter(ctx, flags.archive, flags.options(fleet))
	if err != nil {
		return err
	}
	for _, name := range files {
		if err := p.importFile(ctx, w, flags, name); err != nil {
			return err
		}
	}
	if err := w.Merge(ctx); err != nil {
		return err
	}
	return p.tellHistory(ctx, opt, flags.archive, fleet)
}

func (p *Program) importFleet(ctx context.Context, opt *options, flags importFlags) error {
	fleet, err := p.openFleet(ctx, flags.fleet)
	if err != nil {
		return err
	}
	w, err := p.openArchiveWriter(ctx, flags.archive, flags.options(fleet))
	if err != nil {
		return err
	}
	abs, err := filepath.Abs(flags.fleet)
	if err != nil {
		return err
	}
	st := fleet.Stats()
	name := sourceName("fleet", abs, fmt.Sprint(st.Readings, st.First, st.Last, st.Rejected))
	if err := p.importSource(ctx, w, flags, name, filepath.Base(abs), fleet.Source(time.Time{}), st.Readings, func() int64 { return 0 }); err != nil {
		return err
	}
	for _, r := range fleet.Rejects() {
		p.say("%s: %s: %s", r.Where, r.Field, r.Reason)
	}
	if err := w.Merge(ctx); err != nil {
		return err
	}
	return p.tellHistory(ctx, opt, flags.archive, fleet)
}

// sourceName names what is imported, so that a file that has changed is another one.
func sourceName(kind, name, state string) string {
	sum := sha256.Sum256([]byte(name + "\x00" + state))
	return kind + " " + filepath.Base(name) + " " + hex.EncodeToString(sum[:6])
}

func (p *Program) importFile(ctx context.Context, w *archive.Writer, flags importFlags, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return usagef("import: %w", err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	read := &countingFile{File: f}
	source, info, err := formats.Open(name, read, formats.Options{Format: flags.format})
	if err != nil {
		return dataError{err}
	}
	if c, ok := source.(io.Closer); ok {
		defer c.Close()
	}
	label := fmt.Sprintf("%s (%s)", filepath.Base(name), info.Format.Name)
	return p.importSource(ctx, w, flags, sourceName("file", name, fmt.Sprint(st.Size(), st.ModTime().UnixNano())), label, source, st.Size(), read.read)
}

// A countingFile knows how much of it was read, for the progress bar.
type countingFile struct {
	*os.File
	n int64
}

func (c *countingFile) Read(b []byte) (int, error) {
	n, err := c.File.Read(b)
	c.n += int64(n)
	return n, err
}

func (c *countingFile) ReadAt(b []byte, at int64) (int, error) {
	n, err := c.File.ReadAt(b, at)
	c.n += int64(n)
	return n, err
}

func (c *countingFile) read() int64 { return c.n }

// importSource adds what of a source is not in yet. Readings are counted, so that a kill
// costs those after the last flush; bytes tells the progress where they are not known.
func (p *Program) importSource(ctx context.Context, w *archive.Writer, flags importFlags, name, label string, source flatwatt.Source, total int64, bytes func() int64) error {
	before := w.Imported(name)
	if before.Done && !flags.again {
		p.say("import %s: is in the archive already; --again reads it again", label)
		return nil
	}
	if flags.again {
		before.Position = 0
	}
	unit := "readings"
	if bytes() != 0 {
		unit = "bytes"
	}
	bar := p.progress("import "+label, unit, total)
	var next flatwatt.Position
	skipped, rejected := int64(0), int64(0)
	for {
		b, err := source.Read(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("import %s: %w", label, err)
		}
		n := flatwatt.Position(len(b.Readings))
		if next+n <= before.Position {
			next += n
			p.seen.add(b.Readings)
			skipped += int64(n)
			continue
		}
		next += n
		rejected += int64(len(b.Rejected))
		b.Next = next
		p.seen.add(b.Readings)
		if err := w.Import(ctx, name, b); err != nil {
			return err
		}
		bar.at(max(bytes(), int64(next)*int64(1-btoi(unit == "bytes"))))
	}
	if err := w.EndImport(ctx, name, next); err != nil {
		return err
	}
	bar.end("%s readings, %s of them were in already, %s pieces rejected", grouped(int64(next)), grouped(skipped), grouped(rejected))
	return nil
}

// tellHistory says what of 13 months the archive has.
func (p *Program) tellHistory(ctx context.Context, opt *options, where string, fleet *file.Fleet) error {
	a, err := p.openArchive(ctx, where)
	if err != nil {
		return err
	}
	first, last, ok := a.Days()
	if !ok {
		return dataError{errors.New("import: there was no reading to take")}
	}
	days := int(last-first) + 1
	rows, bytes := a.Rows(first, last)
	got := p.seen.history(fleet.Meters())
	if opt.output == "json" {
		return writeJSON(p.Stdout, map[string]any{"first": first.String(), "last": last.String(), "days": days, "wanted_days": historyDays,
			"readings": rows, "bytes": bytes, "meters_in_register": len(fleet.Meters()), "imported_now": got})
	}
	fmt.Fprintf(p.Stdout, "archive: %s readings from %s to %s, %d of %d days (13 months), %.2f bytes each\n",
		grouped(rows), first, last, min(days, historyDays), historyDays, float64(bytes)/float64(rows))
	if len(p.seen) > 0 {
		fmt.Fprintf(p.Stdout, "of %d meters in the register: %d with 13 months, %d with 60 days and more, %d with less, %d without readings, and %d that the register does not know\n",
			len(fleet.Meters()), got.Full, got.Usable, got.Short, got.None, got.Unknown)
	}
	switch {
	case days >= historyDays:
		fmt.Fprintln(p.Stdout, "history is complete: each month can be held against the same one of the year before")
	case days >= usableDays:
		fmt.Fprintf(p.Stdout, "%d days more would show each season; scores work from two weeks on\n", historyDays-days)
	default:
		fmt.Fprintf(p.Stdout, "this is short: ask the head-end for %d days more; blocks older than %s cannot be dated\n", historyDays-days, first)
	}
	return nil
}

// spans are from when to when each meter has readings in what is imported.
type spans map[flatwatt.MeterID]*[2]int64

func (s *spans) add(list []flatwatt.Reading) {
	if *s == nil {
		*s = spans{}
	}
	var id flatwatt.MeterID
	var at *[2]int64
	for i := range list {
		r := &list[i]
		start, end := r.Start.Unix(), r.End().Unix()
		if at == nil || r.Meter != id {
			if id, at = r.Meter, (*s)[r.Meter]; at == nil {
				at = &[2]int64{start, end}
				(*s)[r.Meter] = at
			}
		}
		at[0], at[1] = min(at[0], start), max(at[1], end)
	}
}

// A history counts meters by how long theirs is.
type history struct {
	Full    int `json:"meters_13_months"`
	Usable  int `json:"meters_60_days"`
	Short   int `json:"meters_short"`
	None    int `json:"meters_none"`
	Unknown int `json:"meters_not_in_register"`
}

// usableDays is how long a history must be to show more than the present.
const usableDays = 60

func (s spans) history(register []flatwatt.Meter) (h history) {
	known := 0
	for _, m := range register {
		at := s[m.ID]
		if at == nil {
			h.None++
			continue
		}
		known++
		switch days := (at[1] - at[0]) / 86400; {
		case days >= historyDays:
			h.Full++
		case days >= usableDays:
			h.Usable++
		default:
			h.Short++
		}
	}
	h.Unknown = len(s) - known
	return h
}
