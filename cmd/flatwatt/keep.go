package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/schedule"
	"github.com/flatwatt/flatwatt/streams/archive"
	"github.com/flatwatt/flatwatt/streams/jetstream"
	"github.com/flatwatt/flatwatt/streams/wire"
)

// archiveSettings say where the service keeps readings for good; see sample.yaml.
type archiveSettings struct {
	URL        string `yaml:"url"`
	FlushS     int    `yaml:"flush_s"`
	RetainDays int    `yaml:"retain_days"`
}

const maxFlushS = 86400

func (s archiveSettings) check(bad func(string, ...any)) {
	if bucket, ok := strings.CutPrefix(s.URL, "s3://"); ok && strings.Trim(bucket, "/") == "" {
		bad("archive.url: %q names no bucket; want s3://bucket/prefix", s.URL)
	}
	if s.FlushS < 1 || s.FlushS > maxFlushS {
		bad("archive.flush_s: %d; want 1 to %d", s.FlushS, maxFlushS)
	}
	if s.RetainDays < 0 {
		bad("archive.retain_days: %d; want days to keep, or 0 for all", s.RetainDays)
	}
}

const (
	// keepReadings is how many readings the service buffers for the archive, 80 bytes each.
	keepReadings = 1_000_000

	// keepSpan is the same in event time: reading a long history again must not make a
	// file for each hour of it.
	keepSpan = 7 * 24 * time.Hour

	// keepReplaced is how long a re-scoring may read the archive as it was when it began.
	keepReplaced = 24 * time.Hour

	keepAgain = 10 * time.Second // between two tries after a failure
)

// A keeper writes the service's archive: it reads the stream beside scoring, from a place
// of its own, so that neither waits for the other.
type keeper struct {
	*Program
	service
	records *schedule.Records
	worker  string
	restart bool // read the stream from its start, once
}

// keepArchive keeps every reading in the archive until ctx ends. What fails is tried again:
// readings wait in the stream.
func (p *Program) keepArchive(ctx context.Context, sv service, records *schedule.Records, worker string) error {
	k := &keeper{Program: p, service: sv, records: records, worker: worker, restart: sv.fresh}
	ttl := time.Duration(sv.settings.Partitions.TakeOverS) * time.Second
	for {
		err := schedule.Lead(ctx, records, "archive", worker, ttl, k.keep)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		k.health.Ready("archive", err.Error())
		p.warn("archive: %v; trying again in %v", err, keepAgain)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(keepAgain):
		}
	}
}

// keep writes the archive while this worker leads.
func (k *keeper) keep(ctx context.Context) (err error) {
	s := k.settings
	store, err := k.openStore(ctx, s.Archive.URL)
	if err != nil {
		return err
	}
	if dir, ok := store.(archive.Dir); ok {
		release, err := dir.Lock()
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, release()) }()
	}
	opt := archiveOptions(k.fleet.Meters(), s.Partitions.Buckets)
	opt.FlushReadings, opt.FlushEvery = keepReadings, keepSpan
	opt.KeepReplaced, opt.Now = keepReplaced, time.Now
	w, err := archive.OpenWriter(ctx, store, opt)
	if err != nil {
		return err
	}
	if k.restart {
		w.Restart()
	}
	source, err := k.openStream(ctx, w)
	if err != nil {
		return err
	}
	if c, ok := source.(interface{ Close() error }); ok {
		defer func() { err = errors.Join(err, c.Close()) }()
	}
	k.restart = false
	k.health.Ready("archive", "")
	k.say("archive: keeping readings in %s, from position %d", store, w.Position())
	return k.copy(ctx, w, source)
}

// openStream opens the stream where the archive ends. Where retention has passed that, what
// is left of the stream is kept, and the gap is told.
func (k *keeper) openStream(ctx context.Context, w *archive.Writer) (flatwatt.Source, error) {
	source := jetstream.Source{JetStream: k.to.stream, Known: wire.Registered(k.fleet.Meters())}
	opened, err := source.Open(ctx, w.Position())
	if errors.Is(err, jetstream.ErrLost) {
		k.warn("archive: %v: set a longer retention of the stream; going on with what it still holds", err)
		w.Restart()
		opened, err = source.Open(ctx, 0)
	}
	return opened, err
}

// copy takes readings until ctx ends, and flushes after FlushS at the latest.
func (k *keeper) copy(ctx context.Context, w *archive.Writer, source flatwatt.Source) error {
	every := time.Duration(k.settings.Archive.FlushS) * time.Second
	due := time.Now().Add(every)
	for {
		wait, cancel := context.WithDeadline(ctx, due)
		b, err := source.Read(wait)
		over := wait.Err() != nil
		cancel()
		switch {
		case err == nil:
			err = w.Take(ctx, b)
		case ctx.Err() != nil:
			return k.flushLast(ctx, w)
		case over && errors.Is(err, context.DeadlineExceeded): // of this wait: nothing came
			err = nil
		}
		if err != nil {
			return err
		}
		if time.Now().Before(due) {
			continue
		}
		due = time.Now().Add(every)
		if err := k.flush(ctx, w); err != nil {
			return err
		}
	}
}

// flushLast makes durable what was read before a stop, unless the lead was lost.
func (k *keeper) flushLast(ctx context.Context, w *archive.Writer) error {
	if errors.Is(context.Cause(ctx), schedule.ErrLost) {
		return schedule.ErrLost
	}
	calm, cancel := context.WithTimeout(context.WithoutCancel(ctx), keepAgain)
	defer cancel()
	if err := w.Flush(calm); err != nil {
		k.warn("archive: %v: the next start reads it again", err)
	}
	return ctx.Err()
}

func (k *keeper) flush(ctx context.Context, w *archive.Writer) error {
	if w.Pending() {
		if err := w.Flush(ctx); err != nil {
			return err
		}
	}
	days := k.settings.Archive.RetainDays
	_, last, ok := w.Archive().Days()
	if days == 0 || !ok {
		return nil
	}
	files, n, err := w.Retain(ctx, last-flatwatt.Day(days))
	if files > 0 {
		k.say("archive: %d files with %s readings are older than %d days and were removed", files, grouped(n), days)
	}
	if err != nil {
		return fmt.Errorf("retention: %w", err)
	}
	return nil
}
