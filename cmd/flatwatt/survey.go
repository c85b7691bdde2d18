package main

import (
	"cmp"
	"context"
	"errors"
	"io"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/vee"
)

// maxSurveyRejects bounds the rejects that are listed; all are counted.
const maxSurveyRejects = 1000

// A survey is what there is to say about a file of meter data once it has been read.
type survey struct {
	readings, rejected int64
	first, last        time.Time
	meters             map[flatwatt.MeterID]*surveyed
	intervals          map[time.Duration]int // meters by interval
	quality            [3]int64
	reactive, voltage  int64 // readings that have them
	negative           int64
	kwh                float64
	totals             totalsOf
	rejects            []flatwatt.Rejected
	reasons            map[string]int64 // rejects by field
	summary            *vee.Summary
	balances           int                                 // sum checks that broke their limit
	zones              map[flatwatt.MeterID]*time.Location // of registered meters
	zone               *time.Location                      // of the others
	ended              error                               // why the input ended before its end; nil: it did not
}

// A surveyed is what is kept of one meter.
type surveyed struct {
	first, last time.Time // start of the first, end of the last
	interval    time.Duration
	readings    int64
	outdone     int64          // of readings, those that another of the same interval made void
	present     int64          // intervals that have a reading
	zone        *time.Location // nil: the survey's
	kwh, most   float64        // kwh: one reading an interval; most: highest mean demand of an interval, kW
	broke       map[vee.Code]int
}

// surveySource reads src to its end. Meters may be nil: then every meter is taken, and
// days are those of zone. What registers showed while the source was read is checked too.
func surveySource(ctx context.Context, src flatwatt.Source, meters []flatwatt.Meter, zone *time.Location, registers *registerLog) (*survey, error) {
	opt := vee.Options{AnyMeter: len(meters) == 0, Zone: zone}
	checker, err := vee.New(meters, opt)
	if err != nil {
		return nil, err
	}
	s := &survey{meters: map[flatwatt.MeterID]*surveyed{}, intervals: map[time.Duration]int{}, reasons: map[string]int64{}, zones: map[flatwatt.MeterID]*time.Location{}, zone: zone}
	if s.summary, err = vee.NewSummary(meters, opt); err != nil {
		return nil, err
	}
	for _, m := range meters {
		s.zones[m.ID] = m.Zone
	}
	var out vee.Report
	for {
		batch, err := src.Read(ctx)
		if err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if !errors.Is(err, io.EOF) {
				s.ended = err
			}
			break
		}
		batch.Readings = s.totals.keep(batch.Readings)
		s.take(batch)
		registers.add(checker, &out, batch.Readings)
		s.settle(&out)
	}
	checker.Close(&out)
	s.settle(&out)
	for _, m := range s.meters {
		s.intervals[m.interval]++
	}
	return s, nil
}

func (s *survey) take(b flatwatt.Batch) {
	for _, r := range b.Rejected {
		s.rejected++
		s.reasons[r.Field]++
		if len(s.rejects) < maxSurveyRejects {
			r.Raw = slices.Clone(r.Raw[:min(len(r.Raw), 200)])
			s.rejects = append(s.rejects, r)
		}
	}
	for i := range b.Readings {
		s.note(&b.Readings[i])
	}
}

func (s *survey) note(r *flatwatt.Reading) {
	m := s.meters[r.Meter]
	if m == nil {
		m = &surveyed{first: r.Start, last: r.End(), interval: r.Length, zone: s.zones[r.Meter]}
		s.meters[r.Meter] = m
	}
	m.readings++
	m.kwh += float64(r.Energy)
	s.kwh += float64(r.Energy)
	m.most = max(m.most, float64(r.Demand()))
	if r.Start.Before(m.first) {
		m.first = r.Start
	}
	if end := r.End(); end.After(m.last) {
		m.last = end
	}
	s.readings++
	s.quality[min(int(r.Quality), len(s.quality)-1)]++
	s.reactive += int64(btoi(!math.IsNaN(float64(r.Reactive))))
	s.voltage += int64(btoi(!math.IsNaN(float64(r.Voltage))))
	s.negative += int64(btoi(r.Energy < 0))
	if s.first.IsZero() || r.Start.Before(s.first) {
		s.first = r.Start
	}
	if end := r.End(); end.After(s.last) {
		s.last = end
	}
}

// settle takes the days that have closed.
func (s *survey) settle(out *vee.Report) {
	s.summary.Add(out)
	for i := range out.Balances {
		s.balances += btoi(out.Balances[i].Finding != nil)
	}
	for i := range out.Days {
		m := s.meters[out.Days[i].Meter]
		if m == nil {
			continue
		}
		d := &out.Days[i]
		m.present += int64(d.Expected - d.Missing)
		m.outdone += int64(d.Outdone)
		m.kwh -= float64(d.Void)
		s.kwh -= float64(d.Void)
		for _, f := range d.Findings {
			if f.Code == vee.Missing && s.whole(m, d) {
				continue
			}
			if m.broke == nil {
				m.broke = map[vee.Code]int{}
			}
			m.broke[f.Code]++
		}
	}
	out.Reset()
}

// whole says whether a day has all its readings between the meter's first and last: a file
// that begins or ends within a day misses nothing for that.
func (s *survey) whole(m *surveyed, d *vee.DayReport) bool {
	zone := s.zone
	if m.zone != nil {
		zone = m.zone
	}
	from, to := d.Day.Start(zone), (d.Day + 1).Start(zone)
	if m.first.After(from) {
		from = m.first
	}
	if m.last.Before(to) {
		to = m.last
	}
	return d.Interval > 0 && d.Expected-d.Missing >= int(to.Sub(from)/d.Interval)
}

// gaps are the intervals between each meter's first and last reading, and how many of
// them have none.
func (s *survey) gaps() (expected, missing int64) {
	for _, m := range s.meters {
		expected += m.expected()
		missing += m.missing()
	}
	return expected, missing
}

func (m *surveyed) expected() int64 {
	if m.interval <= 0 {
		return 0
	}
	return int64(m.last.Sub(m.first) / m.interval)
}

func (m *surveyed) missing() int64 { return max(0, m.expected()-m.present) }

// lengths are the intervals, the commonest first.
func (s *survey) lengths() []time.Duration {
	return slices.SortedFunc(maps.Keys(s.intervals), func(a, b time.Duration) int {
		return cmp.Or(s.intervals[b]-s.intervals[a], cmp.Compare(a, b))
	})
}

// demands are the quantiles of the meters' mean demand, in kW: what shows a wrong unit.
func (s *survey) demands() (low, mid, high float64) {
	var kw []float64
	for _, m := range s.meters {
		kw = append(kw, m.kwh/(float64(m.readings-m.outdone)*m.interval.Hours()))
	}
	if len(kw) == 0 {
		return math.NaN(), math.NaN(), math.NaN()
	}
	slices.Sort(kw)
	at := func(q float64) float64 { return kw[int(q*float64(len(kw)-1)+0.5)] }
	return at(0.05), at(0.5), at(0.95)
}

// A stampGuess says at which end of their intervals times seem to be stamped.
type stampGuess struct {
	Convention string `json:"convention"`         // "start", "end" or "unknown"
	Meters     int    `json:"meters"`             // that speak for it
	Of         int    `json:"of"`                 // that cover a day
	Midnight   string `json:"midnight,omitempty"` // UTC time at which days seem to begin, where no zone was given
	Certain    bool   `json:"certain"`            // nine of ten meters agree
}

// stamps guesses from where the series of meters begin and end: exports are cut at
// midnight. A series whose intervals, as they were read, run from 00:00 to 00:00 was read
// right; one that runs from 00:15 to 00:15 was stamped at the end of its intervals.
//
// Where no zone was given, midnight is the time of day at which most series both begin and
// end. Zones lie at full and half hours from UTC, so a quarter past shows the end of a
// quarter of an hour; for longer intervals start and end then look the same, and only
// midnight is told. What it gets wrong: Nepal and the Chatham islands, which lie at
// a quarter; and nothing can be said of data that begin and end at any hour.
func (s *survey) stamps(zoned bool) stampGuess {
	votes := map[[2]time.Duration]int{} // by beginning and interval
	g := stampGuess{Convention: "unknown"}
	for _, m := range s.meters {
		if m.interval <= 0 || m.last.Sub(m.first) < 20*time.Hour {
			continue
		}
		g.Of++
		zone := time.UTC
		if zoned {
			zone = s.zone
		}
		if from := sinceMidnight(m.first, zone); from == sinceMidnight(m.last, zone) {
			votes[[2]time.Duration{from, m.interval}]++
		}
	}
	var best [2]time.Duration
	for _, k := range slices.SortedFunc(maps.Keys(votes), func(a, b [2]time.Duration) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) }) {
		if votes[k] > g.Meters {
			best, g.Meters = k, votes[k]
		}
	}
	g.Certain = g.Of > 0 && 10*g.Meters >= 9*g.Of
	if g.Meters > 0 {
		g.Convention, g.Midnight = conventionOf(best[0], best[1], zoned)
	}
	return g
}

// conventionOf judges series that begin and end so long after midnight, or, without a
// zone, after midnight UTC.
func conventionOf(from, interval time.Duration, zoned bool) (convention, midnight string) {
	const half = 30 * time.Minute
	switch {
	case zoned && from == 0, !zoned && interval < half && from%half == 0:
		convention = "start"
	case zoned && from == interval, !zoned && interval < half && from%half == interval:
		convention, from = "end", from-interval
	default:
		convention = "unknown"
	}
	if !zoned {
		midnight = time.Time{}.Add(from).Format("15:04")
	}
	return convention, midnight
}

func sinceMidnight(t time.Time, zone *time.Location) time.Duration {
	return t.Sub(flatwatt.DayOf(t, zone).Start(zone))
}
