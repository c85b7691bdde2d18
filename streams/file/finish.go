package file

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/flatwatt/flatwatt"
)

// settled is what finishing one meter's column tells.
type settled struct {
	merged merged
	off    []row
	note   string
}

// finish merges and settles all columns, on all workers, and then counts in meter order.
func (l *loader) finish() {
	out := make([]settled, len(l.columns))
	var wg sync.WaitGroup
	n := l.opt.workers()
	for w := range n {
		wg.Go(func() {
			for i := w; i < len(l.columns); i += n {
				out[i] = l.columns[i].finish(&l.meters[i])
			}
		})
	}
	wg.Wait()
	for i := range out {
		l.count(i, &out[i])
	}
	slices.SortStableFunc(l.notes, func(a, b Note) int { return strings.Compare(string(a.Meter), string(b.Meter)) })
	l.stats.Rejected = l.stats.Rows - l.stats.Readings - l.stats.Missing -
		l.stats.Duplicates - l.stats.Conflicts - l.stats.Superseded
}

func (c *column) finish(m *flatwatt.Meter) (s settled) {
	c.reactive = pad(c.reactive, c.len(), nan32)
	c.voltage = pad(c.voltage, c.len(), nan32)
	c.quality = pad(c.quality, c.len(), flatwatt.Actual)
	if c.len() == 0 {
		return s
	}
	s.merged = c.merge()
	s.off, s.note = c.settle(m)
	c.pack()
	return s
}

func (l *loader) count(i int, s *settled) {
	c, m, st := &l.columns[i], &l.meters[i], &l.stats
	for _, r := range s.off {
		l.rejects.add("off the grid", l.offGrid(int32(i), r))
	}
	st.Duplicates += s.merged.duplicates
	st.Conflicts += s.merged.conflicts
	st.Superseded += s.merged.superseded
	st.Late += c.late
	if c.len() == 0 {
		return
	}
	if s.note != "" {
		l.notes = append(l.notes, Note{m.ID, s.note})
	}
	m.Interval = time.Duration(c.interval) * time.Minute
	st.Readings += int64(c.len())
	st.Gaps += c.gaps()
	st.MeterDays += c.days()
	st.Meters++
	first, last := timeOf(c.at[0]), timeOf(c.at[c.len()-1]+c.interval)
	if st.First.IsZero() || first.Before(st.First) {
		st.First = first
	}
	if last.After(st.Last) {
		st.Last = last
	}
}

// offGrid says where a reading came from that is off its meter's grid, as far as that is
// still known.
func (l *loader) offGrid(meter int32, r row) flatwatt.Rejected {
	where, ok := l.origins[[2]int32{meter, r.at}]
	if !ok {
		where = "readings"
	}
	return flatwatt.Rejected{
		Where: where, Field: "start",
		Reason: fmt.Sprintf("meter %s: %s does not fit its other readings, which come every %d minutes: correct the start, or give the other interval a meter of its own",
			l.meters[meter].ID, timeOf(r.at).Format(time.RFC3339), l.columns[meter].interval),
	}
}
