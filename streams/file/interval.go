package file

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/flatwatt/flatwatt"
)

// A column is what is known of one meter's readings after Load.
type column struct {
	rows
	interval int32 // minutes
	latest   int32 // greatest minute delivered so far, while loading
	late     int64
}

// validInterval says which lengths are known, in minutes. All divide an hour, so every
// interval lies in one hour and one 6-hour block.
func validInterval(minutes int32) bool {
	switch minutes {
	case 1, 5, 10, 15, 20, 30, 60:
		return true
	}
	return false
}

// grid is a meter's interval and the minute of the hour at which its intervals begin,
// modulo the interval: 30 for hourly readings in India.
type grid struct{ interval, phase int32 }

func (g grid) holds(at int32) bool { return at%g.interval == g.phase }

// inferGrid takes the interval from the readings: the commonest distance between
// consecutive ones if more than half of all distances have it and it is a known interval,
// or else declared. Declared 0 means that the register leaves it open. The phase is the
// commonest. It depends on the set of readings only. at is strictly increasing.
//
// What it gets wrong: a meter whose interval changed keeps the commoner of the two; the
// readings of the finer one that are off the coarser grid are rejected, those of the
// coarser one on the finer grid are too few and show as gaps.
func inferGrid(at []int32, declared int32) grid {
	var count [61]int
	for i := 1; i < len(at); i++ {
		if d := at[i] - at[i-1]; d <= 60 {
			count[d]++
		}
	}
	best := int32(0)
	for d := int32(1); d <= 60; d++ {
		if validInterval(d) && count[d] > count[best] {
			best = d
		}
	}
	g := grid{interval: declared}
	if best > 0 && (2*count[best] > len(at)-1 || declared == 0) {
		g.interval = best
	}
	if g.interval == 0 {
		g.interval = 60
	}
	phases := make([]int, g.interval)
	for _, m := range at {
		phases[m%g.interval]++
	}
	g.phase = int32(slices.Index(phases, slices.Max(phases)))
	return g
}

// settle decides on a meter's interval once its readings are complete and in order, and
// takes out what is off its grid.
func (c *column) settle(m *flatwatt.Meter) (off []row, note string) {
	declared := int32(m.Interval / time.Minute)
	g := inferGrid(c.at, declared)
	c.interval = g.interval
	if g.interval != declared {
		note = fmt.Sprintf("readings come every %d minutes", g.interval)
		if declared != 0 {
			note += fmt.Sprintf(", meters.csv says %d: the readings are believed", declared)
		}
	}
	if i := slices.IndexFunc(c.at, func(at int32) bool { return !g.holds(at) }); i < 0 {
		return nil, note
	}
	keep := make([]row, 0, c.len())
	for i := range c.at {
		if g.holds(c.at[i]) {
			keep = append(keep, c.row(i))
		} else {
			off = append(off, c.row(i))
		}
	}
	c.set(keep)
	return off, note
}

// gaps are the intervals without a reading between the first and the last one.
func (c *column) gaps() int64 {
	if c.len() == 0 {
		return 0
	}
	return int64(c.at[c.len()-1]-c.at[0])/int64(c.interval) + 1 - int64(c.len())
}

// days are the UTC days with at least one reading.
func (c *column) days() (n int64) {
	last := int32(math.MinInt32)
	for _, at := range c.at {
		if d := at / 1440; d != last {
			n, last = n+1, d
		}
	}
	return n
}

func timeOf(minute int32) time.Time { return time.Unix(int64(minute)*60, 0).UTC() }

func showUnix(unix int64) string { return time.Unix(unix, 0).UTC().Format(time.RFC3339) }
