package vee

import (
	"cmp"
	"maps"
	"slices"

	"github.com/flatwatt/flatwatt"
)

// Totals add up days: of a meter, of a concentrator, or of the fleet on a day.
type Totals struct {
	Meters   int // that have at least one reading; 1 or 0 for a meter
	Days     int // meter days
	GoodDays int // of which enough was measured, see Options.MinShare

	Expected, Actual, Estimated, Edited, Missing, Repeats int

	Energy, Filled flatwatt.KWh
	Findings       map[Code]int // meter days (or balances) on which the rule was broken
}

// Measured is the share of the expected intervals that the meter measured, 0 where none
// was expected.
func (t *Totals) Measured() float64 {
	if t.Expected == 0 {
		return 0
	}
	return float64(t.Actual+t.Edited) / float64(t.Expected)
}

func (t *Totals) add(d *DayReport, good bool) {
	t.Days++
	t.GoodDays += btoi(good)
	t.Expected += d.Expected
	t.Actual += d.Actual
	t.Estimated += d.Estimated
	t.Edited += d.Edited
	t.Missing += d.Missing
	t.Repeats += d.Repeats
	t.Energy += d.Energy
	t.Filled += d.Filled
	for i := range d.Findings {
		t.broke(d.Findings[i].Code)
	}
}

func (t *Totals) broke(code Code) {
	if t.Findings == nil {
		t.Findings = map[Code]int{}
	}
	t.Findings[code]++
}

// A Row is one line of a quality report. Fields that its kind of report does not have are
// zero: see Summary.
type Row struct {
	Meter  flatwatt.MeterID // meter or concentrator
	Day    flatwatt.Day
	Totals Totals
	Lacks  []Lack // of a meter: why there is not enough data; empty: there is
}

// A Lack is one thing that a meter would need to be judged.
type Lack struct {
	What       LackKind
	Have, Want float64 // days, or shares in [0, 1]
}

// LackKind says what is lacking.
type LackKind string

// What can be lacking. Each has words in Lack.Say.
const (
	LackDays     LackKind = "days"     // too few days with enough measured intervals
	LackMeasured LackKind = "measured" // most of what is there was estimated
	LackReadings LackKind = "readings" // no reading at all
	LackRecent   LackKind = "recent"   // silent on the last days: Have is for how many
)

// silentDays is after how many days without a reading a meter counts as silent.
const silentDays = 3

// A Summary adds up reports by meter, by concentrator and day, and by day. Its memory
// grows with meters and with concentrators × days, not with readings.
type Summary struct {
	opt     Options
	meters  map[flatwatt.MeterID]*meterSum
	groups  map[groupDay]*Totals
	days    map[flatwatt.Day]*Totals
	last    flatwatt.Day
	started bool
}

type meterSum struct {
	Totals
	lastHeard flatwatt.Day
}

type groupDay struct {
	parent flatwatt.MeterID
	day    flatwatt.Day
}

// NewSummary returns an empty summary of meters: those that never send are told too.
func NewSummary(meters []flatwatt.Meter, o Options) (*Summary, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	s := &Summary{opt: o, meters: map[flatwatt.MeterID]*meterSum{}, groups: map[groupDay]*Totals{}, days: map[flatwatt.Day]*Totals{}}
	for _, m := range meters {
		s.meters[m.ID] = &meterSum{}
	}
	return s, nil
}

// Add takes a report.
func (s *Summary) Add(r *Report) {
	for i := range r.Days {
		s.addDay(&r.Days[i])
	}
	for i := range r.Balances {
		b := &r.Balances[i]
		if b.Finding == nil {
			continue
		}
		s.group(b.Parent, b.Day).broke(SumCheck)
		s.day(b.Day).broke(SumCheck)
	}
}

func (s *Summary) addDay(d *DayReport) {
	good := d.Enough(s.opt.MinShare)
	heard := d.Missing < d.Expected
	m := s.meters[d.Meter]
	if m == nil {
		m = &meterSum{}
		s.meters[d.Meter] = m
	}
	m.add(d, good)
	if heard {
		m.Meters = 1
		m.lastHeard = d.Day
	}
	if !s.started || d.Day > s.last {
		s.last, s.started = d.Day, true
	}
	for _, t := range []*Totals{s.group(d.Parent, d.Day), s.day(d.Day)} {
		t.add(d, good)
		t.Meters += btoi(heard)
	}
}

func (s *Summary) group(parent flatwatt.MeterID, day flatwatt.Day) *Totals {
	return entry(s.groups, groupDay{parent, day})
}

func (s *Summary) day(day flatwatt.Day) *Totals { return entry(s.days, day) }

func entry[K comparable](m map[K]*Totals, key K) *Totals {
	t := m[key]
	if t == nil {
		t = &Totals{}
		m[key] = t
	}
	return t
}

// Meters are the meters by id, with what each lacks.
func (s *Summary) Meters() []Row {
	rows := make([]Row, 0, len(s.meters))
	for _, id := range slices.Sorted(maps.Keys(s.meters)) {
		m := s.meters[id]
		rows = append(rows, Row{Meter: id, Totals: m.Totals, Lacks: s.lacks(m)})
	}
	return rows
}

// lacks says what a meter would need to be judged.
func (s *Summary) lacks(m *meterSum) (l []Lack) {
	if m.Meters == 0 {
		return []Lack{{LackReadings, 0, float64(s.opt.MinDays)}}
	}
	if m.GoodDays < s.opt.MinDays {
		l = append(l, Lack{LackDays, float64(m.GoodDays), float64(s.opt.MinDays)})
		if there := m.Actual + m.Edited + m.Estimated; m.Estimated > there/2 {
			l = append(l, Lack{LackMeasured, float64(m.Actual+m.Edited) / float64(there), s.opt.MinShare})
		}
	}
	if silent := s.last - m.lastHeard; silent >= silentDays {
		l = append(l, Lack{LackRecent, float64(silent), silentDays})
	}
	return l
}

// Concentrators are the days of each parent, by parent and day. Meters without a parent
// stand under "".
func (s *Summary) Concentrators() []Row {
	keys := slices.SortedFunc(maps.Keys(s.groups), func(a, b groupDay) int {
		return cmp.Or(cmp.Compare(a.parent, b.parent), cmp.Compare(a.day, b.day))
	})
	rows := make([]Row, len(keys))
	for i, k := range keys {
		rows[i] = Row{Meter: k.parent, Day: k.day, Totals: *s.groups[k]}
	}
	return rows
}

// Days are the days of the whole fleet, in order.
func (s *Summary) Days() []Row {
	var rows []Row
	for _, d := range slices.Sorted(maps.Keys(s.days)) {
		rows = append(rows, Row{Day: d, Totals: *s.days[d]})
	}
	return rows
}
