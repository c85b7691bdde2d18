package main

import (
	"cmp"
	"context"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/console"
)

// blockOfTime is how far one meter may run ahead of another in a recorded source. It is
// less than the grace of a day, so no reading comes too late.
const blockOfTime = 6 * time.Hour

// recordedSource gives out series in memory by blocks of time, transformer by transformer.
type recordedSource struct {
	series []flatwatt.Series // sorted by transformer
	from   time.Time         // of the next block
	end    time.Time
	batch  flatwatt.Batch
}

func newRecordedSource(series []flatwatt.Series, of map[flatwatt.MeterID]string) *recordedSource {
	s := &recordedSource{series: slices.Clone(series)}
	slices.SortStableFunc(s.series, func(x, y flatwatt.Series) int {
		return cmp.Or(strings.Compare(of[x.Meter], of[y.Meter]), cmp.Compare(x.Meter, y.Meter))
	})
	for i := range s.series {
		first, last := s.series[i].Start, startOf(&s.series[i], len(s.series[i].Energy))
		if s.from.IsZero() || first.Before(s.from) {
			s.from = first
		}
		if last.After(s.end) {
			s.end = last
		}
	}
	return s
}

// Read implements flatwatt.Source: a batch is a block of time of all meters.
func (s *recordedSource) Read(ctx context.Context) (flatwatt.Batch, error) {
	if err := ctx.Err(); err != nil {
		return flatwatt.Batch{}, err
	}
	if !s.from.Before(s.end) {
		return flatwatt.Batch{}, io.EOF
	}
	to := s.from.Add(blockOfTime)
	s.batch.Readings = s.batch.Readings[:0]
	for k := range s.series {
		one := &s.series[k]
		lo, hi := stepAt(one, s.from), stepAt(one, to)
		for i := lo; i < hi; i++ {
			if r, ok := one.Reading(i); ok {
				s.batch.Readings = append(s.batch.Readings, r)
			}
		}
	}
	s.from = to
	s.batch.Next++
	return s.batch, nil
}

// stepAt is the first step of s that starts at t or later.
func stepAt(s *flatwatt.Series, t time.Time) int {
	n := int((t.Sub(s.Start) + s.Interval - 1) / s.Interval)
	return min(max(n, 0), len(s.Energy))
}

// seriesLoads tells loads from series in memory.
type seriesLoads map[flatwatt.MeterID]*flatwatt.Series

func (l seriesLoads) Load(id flatwatt.MeterID) (console.Load, bool) {
	s, ok := l[id]
	if !ok {
		return console.Load{}, false
	}
	return loadOf(s), true
}

// Series is a meter's; ok is false where there is none.
func (l seriesLoads) Series(id flatwatt.MeterID) (flatwatt.Series, bool) {
	if s, ok := l[id]; ok {
		return *s, true
	}
	return flatwatt.Series{}, false
}

// count is how many readings series hold.
func count(series []flatwatt.Series) (n int64) {
	for k := range series {
		for _, e := range series[k].Energy {
			n += int64(btoi(e == e))
		}
	}
	return n
}

// An untilSource ends once it has given out everything up to a position that becomes
// known while it runs: when a replay has stored its last message.
type untilSource struct {
	flatwatt.Source
	known context.Context // done once last may be read
	last  *flatwatt.Position
	at    flatwatt.Position
}

// Read implements flatwatt.Source.
func (s *untilSource) Read(ctx context.Context) (flatwatt.Batch, error) {
	for {
		if s.known.Err() != nil {
			if s.at >= *s.last {
				return flatwatt.Batch{}, io.EOF
			}
			return s.keep(s.Source.Read(ctx))
		}
		// Wait for a message or for the end to become known, whichever is first.
		wait, cancel := context.WithCancel(ctx)
		stop := context.AfterFunc(s.known, cancel)
		batch, err := s.Source.Read(wait)
		stop()
		interrupted := err != nil && ctx.Err() == nil && wait.Err() != nil
		cancel()
		if !interrupted {
			return s.keep(batch, err)
		}
	}
}

func (s *untilSource) keep(b flatwatt.Batch, err error) (flatwatt.Batch, error) {
	if err == nil {
		s.at = b.Next
	}
	return b, err
}

// Close implements io.Closer.
func (s *untilSource) Close() error {
	if c, ok := s.Source.(io.Closer); ok {
		return c.Close()
	}
	return nil
}
