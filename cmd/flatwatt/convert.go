package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/file"
)

// convertTo are the forms that convert writes.
var convertTo = []string{"csv", "csv.gz", "parquet", "ndjson", "lineprotocol", "fleet"}

type convertFlags struct {
	inputFlags
	to, out, readings string
	totals            bool
}

func newConvert(p *Program, _ *options) *cobra.Command {
	var flags convertFlags
	cmd := &cobra.Command{
		Use:   "convert IN... --to FORMAT --out PATH",
		Short: "Convert files of meter data to CSV, Parquet, NDJSON, line protocol or a fleet directory",
		Long: `Convert reads files of meter data in any format that flatwatt knows (a fleet directory is one),
and writes their readings as csv or csv.gz (a reading a row), parquet, ndjson,
lineprotocol, or fleet: a directory that every command takes (docs/formats.md), with a
register made from what the files say or taken from --fleet. --out - writes text to
standard output. What is rejected goes to PATH.rejected.csv (in a fleet directory:
rejected.csv) and is counted; the exit code is 3 if nothing could be read.
Readings are converted one by one, in the order of the files: duplicates stay.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return p.convert(cmd.Context(), flags, args) },
	}
	flags.add(cmd)
	cmd.Flags().StringVar(&flags.to, "to", "", strings.Join(convertTo, ", "))
	cmd.Flags().StringVar(&flags.out, "out", "", "`path` to write; - for standard output")
	cmd.Flags().StringVar(&flags.readings, "readings", "parquet", "of a fleet directory: csv, csv.gz or parquet")
	cmd.Flags().BoolVar(&flags.totals, "totals", false, "keep readings over more than an hour (daily energy, NEM13) too; only to csv, with a column length_s")
	complete(cmd, "to", convertTo)
	needFlags(cmd, "to", "out")
	return cmd
}

// A readingsOut takes converted readings. Close completes it; Abort removes it.
type readingsOut interface {
	Write(flatwatt.Reading)
	Close() error
	Abort()
}

func (p *Program) convert(ctx context.Context, flags convertFlags, paths []string) error {
	how, meters, err := p.inputOptions(&flags.inputFlags)
	if err != nil {
		return err
	}
	how.Totals = flags.totals
	out, err := p.openOut(&flags)
	if err != nil {
		return err
	}
	c := conversion{out: out, seen: map[flatwatt.MeterID]time.Duration{}}
	for _, path := range paths {
		in, err := p.openInput(ctx, path, how)
		if err == nil {
			err = errors.Join(c.copy(ctx, in), in.Close())
		}
		if err != nil {
			out.Abort()
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	if c.written == 0 {
		out.Abort()
		return errors.Join(dataError{fmt.Errorf("nothing could be read%s", firstOf(c.rejects))}, p.writeConvertRejects(&flags, c.rejects))
	}
	if err := out.Close(); err != nil {
		return err
	}
	if flags.to == "fleet" {
		if err := file.WriteRegister(flags.out, c.register(meters, how.Zone), nil, nil); err != nil {
			return err
		}
	}
	p.say("convert: %s readings of %s meters, %s rejected", grouped(c.written), grouped(int64(len(c.seen))), grouped(c.rejected))
	return p.writeConvertRejects(&flags, c.rejects)
}

// A conversion is what has been copied.
type conversion struct {
	out               readingsOut
	seen              map[flatwatt.MeterID]time.Duration // the interval of each meter's first reading
	written, rejected int64
	rejects           []flatwatt.Rejected
}

func (c *conversion) copy(ctx context.Context, in flatwatt.Source) error {
	for {
		b, err := in.Read(ctx)
		for _, r := range b.Rejected {
			c.rejected++
			if len(c.rejects) < file.DefaultMaxRejects {
				r.Raw = slices.Clone(r.Raw[:min(len(r.Raw), 200)])
				c.rejects = append(c.rejects, r)
			}
		}
		for i := range b.Readings {
			r := &b.Readings[i]
			if e := float64(r.Energy); math.IsNaN(e) || math.IsInf(e, 0) {
				continue
			}
			if _, ok := c.seen[r.Meter]; !ok {
				c.seen[r.Meter] = r.Length
			}
			c.out.Write(*r)
			c.written++
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// register is that of --fleet where there is one, or what the files told: customers with
// their interval, in the zone of --zone.
func (c *conversion) register(known []flatwatt.Meter, zone *time.Location) []flatwatt.Meter {
	if known != nil {
		return known
	}
	if zone == nil {
		zone = time.UTC
	}
	var all []flatwatt.Meter
	for _, id := range slices.Sorted(maps.Keys(c.seen)) {
		all = append(all, flatwatt.Meter{ID: id, Kind: flatwatt.Customer, Zone: zone, Interval: c.seen[id]})
	}
	return all
}

func (p *Program) writeConvertRejects(flags *convertFlags, rejects []flatwatt.Rejected) error {
	switch {
	case flags.out == "-":
		for _, r := range rejects[:min(len(rejects), 20)] {
			p.say("%s: %s: %s", r.Where, r.Field, r.Reason)
		}
		return nil
	case flags.to == "fleet":
		return file.WriteRejects(filepath.Join(flags.out, "rejected.csv"), rejects)
	}
	return file.WriteRejects(flags.out+".rejected.csv", rejects)
}

func firstOf(rejects []flatwatt.Rejected) string {
	if len(rejects) == 0 {
		return ": no reading in the files can be used; `flatwatt inspect` lists what was left out and why"
	}
	return fmt.Sprintf("; the first piece rejected is %s: %s", rejects[0].Where, rejects[0].Reason)
}

// openOut opens what --to and --out name.
func (p *Program) openOut(flags *convertFlags) (readingsOut, error) {
	if !slices.Contains(convertTo, flags.to) {
		return nil, usagef("--to %s: want one of %s", flags.to, strings.Join(convertTo, ", "))
	}
	if flags.totals {
		if flags.to != "csv" {
			return nil, usagef("--totals: only --to csv has a column for the length of a reading")
		}
		return p.newLinesOut(flags.out, csvTotals)
	}
	switch flags.to {
	case "ndjson", "lineprotocol":
		return p.newLinesOut(flags.out, flags.to)
	case "fleet":
		return newFleetOut(flags.out, flags.readings)
	}
	if flags.out == "-" && flags.to == "csv" {
		return p.newLinesOut(flags.out, flags.to)
	}
	if flags.out == "-" {
		return nil, usagef("--out -: %s is not text; name a file", flags.to)
	}
	form, err := file.ParseFormat(flags.to)
	if err != nil {
		return nil, usageError{err}
	}
	return file.NewReadingsWriter(flags.out, form)
}

// newFleetOut begins a fleet directory. One that is there must be empty: other readings in
// it would be read as well.
func newFleetOut(dir, form string) (readingsOut, error) {
	f, err := file.ParseFormat(form)
	if err != nil {
		return nil, usagef("--readings: %w", err)
	}
	if dir == "-" {
		return nil, usagef("--out -: a fleet is a directory; name it")
	}
	if list, err := os.ReadDir(dir); err == nil && len(list) > 0 {
		return nil, usagef("--out %s: is not empty; name a new directory", dir)
	}
	if err := os.MkdirAll(filepath.Join(dir, "readings"), 0o755); err != nil {
		return nil, err
	}
	return file.NewReadingsWriter(filepath.Join(dir, "readings", "readings."+form), f)
}
