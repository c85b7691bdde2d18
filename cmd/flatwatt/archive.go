package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/archive"
	"github.com/flatwatt/flatwatt/streams/jetstream"
)

// archiveEnv is the setting archive.url as a variable.
const archiveEnv = envPrefix + "ARCHIVE_URL"

func newArchive(p *Program, opt *options) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "archive ls|verify|export|merge|retain",
		Short: "Look after the archive of readings: Parquet files under one manifest",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newArchiveList(p, opt), newArchiveVerify(p), newArchiveExport(p), newArchiveMerge(p), newArchiveRetain(p))
	return cmd
}

func (p *Program) addArchiveFlag(cmd *cobra.Command, to *string) {
	cmd.Flags().StringVar(to, "archive", p.Getenv(archiveEnv), "`directory` or s3://bucket/prefix of the archive, also "+archiveEnv)
}

// openStore opens where an archive is. S3 takes its keys and address from the variables
// that other S3 tools use too.
func (p *Program) openStore(ctx context.Context, where string) (archive.Store, error) {
	if where == "" {
		return nil, usagef("--archive is needed: the directory or s3://bucket/prefix of the archive")
	}
	rest, ok := strings.CutPrefix(where, "s3://")
	if !ok {
		return archive.Dir(where), nil
	}
	bucket, prefix, _ := strings.Cut(rest, "/")
	endpoint, plain, err := s3Endpoint(p.Getenv("AWS_ENDPOINT_URL"))
	if err != nil {
		return nil, err
	}
	key, secret := p.Getenv("AWS_ACCESS_KEY_ID"), p.Getenv("AWS_SECRET_ACCESS_KEY")
	if key == "" || secret == "" {
		return nil, usagef("--archive %s: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", where)
	}
	return archive.OpenS3(ctx, archive.S3Options{Endpoint: endpoint, Plain: plain, Bucket: bucket, Prefix: strings.Trim(prefix, "/"),
		Region: p.Getenv("AWS_REGION"), AccessKey: key, SecretKey: secret})
}

func s3Endpoint(text string) (host string, plain bool, err error) {
	if text == "" {
		return "s3.amazonaws.com", false, nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", false, usagef("AWS_ENDPOINT_URL: %q is no address; want https://host:port", text)
	}
	return u.Host, u.Scheme == "http", nil
}

func (p *Program) openArchive(ctx context.Context, where string) (*archive.Archive, error) {
	store, err := p.openStore(ctx, where)
	if err != nil {
		return nil, err
	}
	a, err := archive.Open(ctx, store)
	if errors.Is(err, archive.ErrNone) {
		return nil, usageError{err}
	}
	return a, err
}

// openArchiveWriter opens the archive for writing, alone, until Close.
func (p *Program) openArchiveWriter(ctx context.Context, where string, opt archive.Options) (*archive.Writer, error) {
	store, err := p.openStore(ctx, where)
	if err != nil {
		return nil, err
	}
	if dir, ok := store.(archive.Dir); ok {
		release, err := dir.Lock()
		if err != nil {
			return nil, err
		}
		p.atExit(release)
	}
	return archive.OpenWriter(ctx, store, opt)
}

// archiveOptions part a fleet as the live service does.
func archiveOptions(meters []flatwatt.Meter, buckets int) archive.Options {
	opt := archive.Options{Meters: meters}
	if buckets > 0 {
		opt.Partitions = buckets
		opt.Partition = func(m flatwatt.Meter) int { return jetstream.Bucket(concentrator(m), buckets) }
	}
	return opt
}

func newArchiveList(p *Program, opt *options) *cobra.Command {
	var where string
	cmd := &cobra.Command{
		Use:   "ls",
		Short: "List the files of the archive, by day and partition",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a, err := p.openArchive(cmd.Context(), where)
			if err != nil {
				return err
			}
			return p.listArchive(opt, a)
		},
	}
	p.addArchiveFlag(cmd, &where)
	return cmd
}

func (p *Program) listArchive(opt *options, a *archive.Archive) error {
	m := a.Manifest()
	if opt.output == "json" {
		return writeJSON(p.Stdout, m)
	}
	head := []string{"from", "to", "partition", "meters", "readings", "late", "bytes", "file"}
	var rows [][]string
	var sum archive.File
	for _, f := range m.Files {
		rows = append(rows, []string{utcDate(f.First), utcDate(f.Last - 1), strconv.Itoa(f.Partition), strconv.Itoa(f.Meters), strconv.FormatInt(f.Rows, 10),
			strconv.FormatInt(f.Late, 10), strconv.FormatInt(f.Bytes, 10), f.Key})
		sum.Rows, sum.Late, sum.Bytes = sum.Rows+f.Rows, sum.Late+f.Late, sum.Bytes+f.Bytes
	}
	if opt.output == "csv" {
		return writeCSV(p.Stdout, head, rows)
	}
	writeColumns(p.Stdout, p.style(p.Stdout), head, rows)
	first, last, ok := a.Days()
	if ok {
		fmt.Fprintf(p.Stdout, "%s to %s: %s readings, %s late, in %d files, %.2f bytes a reading, a file a %s and partition; stream position %d\n",
			first, last, grouped(sum.Rows), grouped(sum.Late), len(m.Files), float64(sum.Bytes)/float64(sum.Rows), m.Period, m.Position)
	}
	return nil
}

// utcDate is the UTC date of Unix seconds.
func utcDate(s int64) string { return time.Unix(s, 0).UTC().Format(time.DateOnly) }

func newArchiveVerify(p *Program) *cobra.Command {
	var where string
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Read every file and check it against the manifest; exit code 3 if one is damaged",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a, err := p.openArchive(cmd.Context(), where)
			if err != nil {
				return err
			}
			var total int64
			for _, f := range a.Manifest().Files {
				total += f.Bytes
			}
			bar := p.progress("verify", "bytes", total)
			faults, err := a.Verify(cmd.Context(), bar.at)
			if err != nil {
				return err
			}
			files := len(a.Manifest().Files) + len(a.Manifest().Rejected)
			bar.end("%d of %d files are as they were written", files-len(faults), files)
			for _, f := range faults {
				p.say("%s: %s", f.Key, f.Reason)
			}
			if len(faults) > 0 {
				return dataError{fmt.Errorf("%d files of the archive are damaged: restore them from a copy", len(faults))}
			}
			return nil
		},
	}
	p.addArchiveFlag(cmd, &where)
	return cmd
}

func newArchiveMerge(p *Program) *cobra.Command {
	var where string
	cmd := &cobra.Command{
		Use:   "merge",
		Short: "Make one file of those of each partition and day or month, now",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			w, err := p.reopenArchive(cmd.Context(), where)
			if err != nil {
				return err
			}
			return w.Merge(cmd.Context())
		},
	}
	p.addArchiveFlag(cmd, &where)
	return cmd
}

// reopenArchive opens an archive that is there for looking after, not for new readings.
func (p *Program) reopenArchive(ctx context.Context, where string) (*archive.Writer, error) {
	a, err := p.openArchive(ctx, where)
	if err != nil {
		return nil, err
	}
	n := a.Manifest().Partitions
	return p.openArchiveWriter(ctx, where, archive.Options{Partitions: n, Partition: func(flatwatt.Meter) int { return 0 }})
}

func newArchiveRetain(p *Program) *cobra.Command {
	var where string
	var days int
	cmd := &cobra.Command{
		Use:   "retain --days N",
		Short: "Remove the files all of whose days are more than N days before the last one",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if days < 1 {
				return usagef("--days %d: want 1 or more", days)
			}
			a, err := p.openArchive(cmd.Context(), where)
			if err != nil {
				return err
			}
			_, last, ok := a.Days()
			if !ok {
				return nil
			}
			w, err := p.reopenArchive(cmd.Context(), where)
			if err != nil {
				return err
			}
			files, n, err := w.Retain(cmd.Context(), last-flatwatt.Day(days))
			if err != nil {
				return err
			}
			p.say("retain: %d files with %s readings removed", files, grouped(n))
			return nil
		},
	}
	p.addArchiveFlag(cmd, &where)
	cmd.Flags().IntVar(&days, "days", 0, "`days` to keep; regulators often ask for 13 months and more: 400")
	needFlags(cmd, "days")
	return cmd
}
