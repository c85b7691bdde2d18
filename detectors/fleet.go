// Package detectors judges meters. A Fleet holds what is known of every meter and,
// when a day closes, reduces each meter's day, removes what its peers did as well, and
// weighs the evidence that a constant block was added: terms.go lists that evidence,
// one file each says how it is measured.
package detectors

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/models"
)

// Options say how a Fleet keeps time.
type Options struct {
	// Grace is how long after local midnight a day stays open for late readings.
	// Longer than the head-end's usual delay; default DefaultGrace.
	Grace time.Duration
	// Book tells what inspections found, so that what an operator has cleared becomes
	// normal. nil: nothing.
	Book flatwatt.OutsideBook
	// Tariffs are the time-of-use tables of the meters' tariffs; nil: not known.
	Tariffs flatwatt.Tariffs
	// Calls asked customers to do with less.
	Calls []Call
}

// DefaultGrace suits feeds that deliver within six hours.
const DefaultGrace = 6 * time.Hour

// maxGrace bounds the memory of the open window.
const maxGrace = 72 * time.Hour

// A Fleet holds the memory of every registered customer meter. It implements
// flatwatt.Scorer. It is not safe for concurrent use: one goroutine owns it.
type Fleet struct {
	params   *Params
	forest   *models.Evaluator // of params.Boost
	grace    time.Duration
	weather  flatwatt.Weather
	book     flatwatt.OutsideBook
	tariffs  flatwatt.Tariffs
	cheap    map[string][]int // bands of the cheap hours, by tariff
	calls    calls
	register roster
	index    lookup
	zoneOf   []int32 // of each kind of meters
	zones    []zone
	groups   peerGroups

	slots    []slot    // open windows of all meters, one after another
	reactive []float32 // beside slots; nil until a reading carries it
	voltage  []float32
	offset   []int32  // of each meter's window in slots
	begins   []uint16 // seconds into a slot at which each meter's readings begin, to count others; nil while all are 0

	last      int32 // the meter of the previous reading
	late      uint64
	unknown   uint64
	offGrid   uint64
	watch     Watcher
	floors    func(*flatwatt.Score, *[models.Hours]float64)
	scratch   scratch
	scanner   scanner
	meter     flatwatt.Meter      // being judged, as far as the register tells
	judgement judgement           // of it
	evidence  []flatwatt.Evidence // arena of the scores of one call
	measure   [numFeatures]float64
	shares    [numFeatures]float64 // of the trees' correction, by feature
	day       day
	part      part
	unpacked  []customer // of one chunk
	packing   []byte
}

// NewFleet returns an empty fleet of the meters given. Meters that are not customers
// are left to other detectors. weather may be nil.
func NewFleet(params *Params, meters []flatwatt.Meter, weather flatwatt.Weather, opt Options) (*Fleet, error) {
	if opt.Grace == 0 {
		opt.Grace = DefaultGrace
	}
	if opt.Grace < 0 || opt.Grace > maxGrace {
		return nil, fmt.Errorf("grace is %v: give 0 to %v", opt.Grace, maxGrace)
	}
	own := *params // readying it writes to it, and other fleets may be reading theirs
	params = &own
	if err := params.Validate(); err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	f := &Fleet{params: params, forest: models.NewEvaluator(models.PlantOnce(&params.Boost, numFeatures)), grace: opt.Grace, weather: weather, book: opt.Book, tariffs: opt.Tariffs, cheap: cheapBands(opt.Tariffs), calls: newCalls(opt.Calls), last: -1}
	var list []flatwatt.Meter
	for _, m := range meters {
		if m.IsCustomer() {
			list = append(list, m)
		}
	}
	slices.SortFunc(list, func(a, b flatwatt.Meter) int { return strings.Compare(string(a.ID), string(b.ID)) })
	if err := f.layOut(list); err != nil {
		return nil, err
	}
	return f, nil
}

// layOut gives each meter its index, zone and window.
func (f *Fleet) layOut(list []flatwatt.Meter) error {
	for i, m := range list {
		if i > 0 && list[i-1].ID == m.ID {
			return fmt.Errorf("meter %s is registered twice", m.ID)
		}
		if m.Zone == nil || m.Interval < time.Minute || m.Interval > time.Hour || time.Hour%m.Interval != 0 {
			return fmt.Errorf("meter %s: needs a time zone and an interval of 1 to 60 minutes that divides the hour, has %v", m.ID, m.Interval)
		}
	}
	f.register = newRoster(list)
	f.index = newLookup(f.register.ids)
	f.unpacked = make([]customer, min(chunkMeters, len(list)))
	byName := map[string]int32{}
	for _, k := range f.register.kinds {
		name := k.Zone.String()
		z, ok := byName[name]
		if !ok {
			z = int32(len(f.zones))
			byName[name] = z
			f.zones = append(f.zones, zone{loc: k.Zone})
		}
		f.zoneOf = append(f.zoneOf, z)
	}
	f.offset = make([]int32, len(list)+1)
	for i, k := range f.register.kindOf {
		z := &f.zones[f.zoneOf[k]]
		z.meters = append(z.meters, int32(i))
		f.offset[i+1] = f.offset[i] + int32((25*time.Hour+f.grace)/f.register.kinds[k].Interval)
	}
	f.slots = make([]slot, f.offset[len(list)])
	for k := range f.zones {
		f.zones[k].packed = make([]chunk, (len(f.zones[k].meters)+chunkMeters-1)/chunkMeters)
	}
	f.groups.layOut(f.register.kinds, f.zoneOf, f.zones)
	return nil
}

// Counts says what a Fleet could not use, or not as it came.
type Counts struct {
	Late    uint64 // readings of days already closed: archived, for re-scoring
	Unknown uint64 // readings of meters that are not registered customers
	OffGrid uint64 // readings whose length is not the meter's interval, or that begin elsewhere in a taken one
}

// Counts returns f's counts since it was made; they are not part of its state.
func (f *Fleet) Counts() Counts { return Counts{f.late, f.unknown, f.offGrid} }

// SeeFloors has see told every score with the hourly floors of its day in kW, NaN where not
// known, by local hour. Both are valid during the call only.
func (f *Fleet) SeeFloors(see func(s *flatwatt.Score, floors *[models.Hours]float64)) { f.floors = see }

// Score implements flatwatt.Scorer. Readings of one day may come in any order, and
// more than once, until the day closes; the result is the same.
func (f *Fleet) Score(dst []flatwatt.Score, readings []flatwatt.Reading) []flatwatt.Score {
	f.renew()
	for k := range readings {
		r := &readings[k]
		i, ok := f.find(r.Meter)
		if !ok {
			f.unknown++
			continue
		}
		z := &f.zones[f.zoneOf[f.register.kindOf[i]]]
		t := r.Start.Unix()
		if !z.started {
			z.started = true
			z.open(flatwatt.DayOf(r.Start, z.loc)-1, f.grace) // yesterday: early stragglers count
		}
		for t >= z.closes {
			dst = f.closeDay(dst, z)
		}
		if t < z.start {
			f.late++
			continue
		}
		f.absorb(i, z, r, t)
	}
	return dst
}

// maxArena is how much evidence is room for between two calls: what the close of a day of
// a large fleet took is let go.
const maxArena = 1 << 15

// renew empties the arena: the scores of the call before are no longer valid.
func (f *Fleet) renew() {
	if f.evidence = f.evidence[:0]; cap(f.evidence) > maxArena {
		f.evidence = nil
	}
}

// find is the index of a meter; runs of one meter cost no lookup.
func (f *Fleet) find(id flatwatt.MeterID) (int32, bool) {
	if f.last >= 0 && f.register.ids[f.last] == id {
		return f.last, true
	}
	i, ok := f.index.find(f.register.ids, id)
	if ok {
		f.last = i
	}
	return i, ok
}

// absorb puts one reading into its slot. Two readings that begin in one slot are two of one
// interval, wherever in it they begin, so that their order plays no part.
func (f *Fleet) absorb(i int32, z *zone, r *flatwatt.Reading, t int64) {
	each := f.register.interval(i)
	interval := int64(each / time.Second)
	if r.Length != each {
		f.offGrid++
		return
	}
	n := flatwatt.SlotOf(z.start, z.end, interval, t)
	at := f.offset[i] + int32(n)
	if at >= f.offset[i+1] {
		f.offGrid++ // unreachable while windows hold 25 h + grace
		return
	}
	hours := float64(interval) / 3600
	was := f.slots[at]
	now := merge(was, newSlot(float64(r.Energy)/hours, r.Quality))
	f.slots[at] = now
	if begins := t - z.start - n*interval; begins != 0 || f.begins != nil {
		f.noteBegin(i, begins, !was.missing())
	}
	z.filled = true
	z.lastSeen = max(z.lastSeen, z.start+(n+1)*interval)
	if q := float64(r.Reactive); q == q {
		f.reactive = f.putBeside(f.reactive, at, q/hours)
	}
	if v := float64(r.Voltage); v == v {
		f.voltage = f.putBeside(f.voltage, at, v)
	}
}

// noteBegin counts a reading that begins elsewhere in its slot, which is taken, than the
// others of its meter. It is used all the same, so what is known of them need not survive a restart.
func (f *Fleet) noteBegin(i int32, begins int64, taken bool) {
	if f.begins == nil {
		f.begins = make([]uint16, len(f.register.ids))
	}
	if taken && f.begins[i] != uint16(begins) {
		f.offGrid++
		return
	}
	f.begins[i] = uint16(begins)
}

// putBeside keeps the smaller of two values for the same slot, so that order does not
// matter. A column exists from its first value on.
func (f *Fleet) putBeside(column []float32, at int32, x float64) []float32 {
	if column == nil {
		column = make([]float32, len(f.slots))
		fillNaN(column)
	}
	if v := float32(x); !(column[at] <= v) {
		column[at] = v
	}
	return column
}

func fillNaN(x []float32) {
	nan := float32(math.NaN())
	for i := range x {
		x[i] = nan
	}
}

// Close implements flatwatt.Scorer: it closes every day up to the latest reading. A
// day that has only begun is closed too; with too few readings it is not judged.
func (f *Fleet) Close(dst []flatwatt.Score) []flatwatt.Score {
	f.renew()
	for k := range f.zones {
		z := &f.zones[k]
		for z.started && z.start < z.lastSeen {
			dst = f.closeDay(dst, z)
		}
	}
	return dst
}
