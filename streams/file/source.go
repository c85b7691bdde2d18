package file

import (
	"context"
	"io"
	"math"
	"time"

	"github.com/flatwatt/flatwatt"
)

// blockMinutes is the length of a block of event time: readings are given out block by
// block, so that meters are never further apart than this.
const blockMinutes = 360

// maxBatch bounds a batch.
const maxBatch = 1 << 16

// Series is one meter's readings without gaps in time, missing ones as NaN; ok is false
// for a meter that is not known or has no reading. The slices are the caller's.
func (f *Fleet) Series(id flatwatt.MeterID) (s flatwatt.Series, ok bool) {
	i, ok := f.index[string(id)]
	if !ok || f.columns == nil || f.columns[i].len() == 0 {
		return flatwatt.Series{}, false
	}
	c := &f.columns[i]
	n := int(c.at[c.len()-1]-c.at[0])/int(c.interval) + 1
	s = flatwatt.Series{Meter: f.meters[i].ID, Start: timeOf(c.at[0]),
		Interval: time.Duration(c.interval) * time.Minute, Energy: blank(n)}
	if c.reactive != nil {
		s.Reactive = blank(n)
	}
	if c.voltage != nil {
		s.Voltage = blank(n)
	}
	if c.quality != nil {
		s.Quality = make([]flatwatt.Quality, n)
	}
	for j, at := range c.at {
		k := int(at-c.at[0]) / int(c.interval)
		s.Energy[k] = c.energy[j]
		if c.reactive != nil {
			s.Reactive[k] = widen(c.reactive[j])
		}
		if c.voltage != nil {
			s.Voltage[k] = widen(c.voltage[j])
		}
		if c.quality != nil {
			s.Quality[k] = c.quality[j]
		}
	}
	return s, true
}

// blank is n times NaN.
func blank(n int) []float64 {
	col := make([]float64, n)
	for i := range col {
		col[i] = math.NaN()
	}
	return col
}

// Source gives out all readings in event time: by 6-hour UTC block, then meter id, then
// start. Consecutive readings are therefore mostly of one meter, and no meter is ever six
// hours ahead of another. Readings that end after asof are left out; the zero asof takes
// all. Several sources of one loaded fleet may be read at the same time.
func (f *Fleet) Source(asof time.Time) flatwatt.Source {
	s := &source{fleet: f, limit: math.MaxInt32, block: math.MaxInt32, next: make([]int, len(f.columns))}
	if !asof.IsZero() {
		s.limit = int32(min(max(asof.Unix()/60, 0), math.MaxInt32))
	}
	for i := range f.columns {
		if c := &f.columns[i]; c.len() > 0 {
			s.block = min(s.block, c.at[0]/blockMinutes)
			s.left += c.before(s.limit)
		}
	}
	return s
}

// before counts the readings that end at limit or earlier.
func (c *column) before(limit int32) int {
	lo, hi := 0, c.len()
	for lo < hi {
		if mid := (lo + hi) / 2; c.at[mid] <= limit-c.interval {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// A source walks over the columns of a fleet, which it only reads.
type source struct {
	fleet *Fleet
	limit int32 // minute; readings that end later are left out
	block int32 // being given out
	meter int   // next in this block
	next  []int // first reading of each meter that was not given out
	left  int   // readings that remain
	given flatwatt.Position
	batch []flatwatt.Reading
}

// Read implements flatwatt.Source. Batches hold up to 65,536 readings in memory that is
// used again; Next counts the readings given out.
func (s *source) Read(ctx context.Context) (flatwatt.Batch, error) {
	if err := ctx.Err(); err != nil {
		return flatwatt.Batch{}, err
	}
	if s.left == 0 {
		return flatwatt.Batch{Next: s.given}, io.EOF
	}
	if s.batch == nil {
		s.batch = make([]flatwatt.Reading, 0, min(maxBatch, s.left))
	}
	s.batch = s.batch[:0]
	for s.left > 0 {
		if s.meter == len(s.next) {
			s.meter = 0
			s.block++
		}
		if !s.takeMeter() {
			break
		}
		s.meter++
	}
	s.given += flatwatt.Position(len(s.batch))
	return flatwatt.Batch{Readings: s.batch, Next: s.given}, nil
}

// takeMeter adds what the current meter has in the current block; false if the batch is
// full before its end.
func (s *source) takeMeter() bool {
	c := &s.fleet.columns[s.meter]
	end := min((s.block+1)*blockMinutes, s.limit-c.interval+1)
	i := s.next[s.meter]
	if i >= c.len() || c.at[i] >= end {
		return true
	}
	r := flatwatt.Reading{Meter: s.fleet.meters[s.meter].ID, Length: time.Duration(c.interval) * time.Minute,
		Reactive: flatwatt.KVArh(math.NaN()), Voltage: flatwatt.Volt(math.NaN())}
	full := true
	for ; i < c.len() && c.at[i] < end; i++ {
		if len(s.batch) == maxBatch {
			full = false
			break
		}
		r.Start, r.Energy = timeOf(c.at[i]), flatwatt.KWh(c.energy[i])
		if c.reactive != nil {
			r.Reactive = flatwatt.KVArh(widen(c.reactive[i]))
		}
		if c.voltage != nil {
			r.Voltage = flatwatt.Volt(widen(c.voltage[i]))
		}
		if c.quality != nil {
			r.Quality = c.quality[i]
		}
		s.batch = append(s.batch, r)
		s.left--
	}
	s.next[s.meter] = i
	return full
}
