package detectors

import (
	"math"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/models"
)

// A finding is a block as estimated on one day.
type finding struct {
	start         flatwatt.Day // of the rise; 0: older than the data
	onset         edge
	block, se     float32 // kW, the mean since it began
	late          float32 // kW as of late: what is installed now
	energy        float32 // kWh until then
	window, hours uint8   // first hour and length of its schedule
	_             [2]uint8
}

// An opinion is what is thought of a meter from day to day, whatever is remembered.
type opinion struct {
	smooth models.Mean  // of the log-odds since a block began, half-life 14 days
	before float32      // the mean as it was when it began anew, NaN unknown; told with latest ≠ 0
	latest flatwatt.Day // on which the block began with which the mean began anew
}

// A memory keeps the finding that was most convincing for some days, so that neither a
// block that has vanished nor one that other use hides is forgotten.
type memory struct {
	opinion
	odds   float32 // the highest that has been; told with day ≠ 0
	day    flatwatt.Day
	end    flatwatt.Day // first day without the block; 0 = none; below endAfterDays low days it may yet run on
	level  float32      // kW at the floor of its hours on that day
	low    uint16       // days in a row far below
	silent uint16       // days without readings since, before end
	lift   models.Mean  // change of that floor on later days, while the block runs
	found  finding
}

const (
	smoothLeast = 7 // days that the mean needs
	smoothLimit = 8 // log-odds beyond which a single day counts no more
	endShare    = 0.6
)

var smoothDecay = models.Decay(14)

// add takes a day's log-odds in, of a block that began on day start. The mean begins anew with
// a block: what was thought of the meter before does not speak against it.
func (o *opinion) add(now float64, start flatwatt.Day) {
	if start > o.latest {
		switch {
		case o.smooth.N >= smoothLeast:
			o.before = o.smooth.Mu
		case o.latest == 0:
			o.before = float32(math.NaN())
		}
		o.smooth, o.latest = models.Mean{}, start
	}
	o.smooth.Add(min(max(now, -smoothLimit), smoothLimit), smoothDecay)
}

// until is what was thought of a meter until the rise of day start, in log-odds: the mean, or
// the one before it where the mean began with the rise. known is false where it is too young.
func (o *opinion) until(start flatwatt.Day) (odds float64, known bool) {
	if o.latest != 0 && o.latest >= start-1 {
		return float64(o.before), o.before == o.before
	}
	return float64(o.smooth.Mu), o.smooth.N >= smoothLeast
}

// remember takes the day's log-odds into the memory; a day without the block cannot be the
// most convincing one.
func (m *memory) remember(j *judgement, now float64, found finding) {
	if math.IsNaN(now) || math.IsInf(now, 0) {
		return
	}
	m.add(now, found.start)
	if m.low > 0 || m.smooth.N < smoothLeast || (m.day != 0 && m.smooth.Mu <= m.odds) || found.block <= 0 {
		return
	}
	*m = memory{opinion: m.opinion, odds: m.smooth.Mu, day: j.today, level: float32(j.floorIn(found.window, found.hours)), found: found}
}

// What a running block's onset is carried over by: its finding was as likely as not, and
// the new one is of about its size.
const (
	carryOdds  = 0
	carryRatio = 2.5
)

// carry gives a finding the onset of the one that is remembered, where that one still runs
// and began earlier: other use makes later steps, and a block outgrows its history.
func (m *memory) carry(f finding, today flatwatt.Day) finding {
	old := &m.found
	if m.day == 0 || m.low > 0 || m.odds < carryOdds || old.start == 0 || f.start != 0 && f.start <= old.start {
		return f
	}
	if ratio := f.block / old.block; !(ratio > 1/carryRatio && ratio < carryRatio) {
		return f
	}
	f.start, f.onset, f.energy = old.start, old.onset, float32(m.since(today))
	return f
}

// disown forgets a finding that began with the rise of day start, which was no block.
func (m *memory) disown(start flatwatt.Day) {
	if m.day != 0 && m.found.start != 0 && m.found.start >= start-1 {
		*m = memory{opinion: m.opinion}
	}
}

// follow notes when the block that is remembered has ended: endAfterDays days in a row
// on which the floor of its hours lies far below what it was with the block. Where they
// follow days without readings it may have ended on the first of these.
func (m *memory) follow(j *judgement) {
	if m.day == 0 {
		return
	}
	if heard := j.c.prev; m.end == 0 && heard >= m.day && heard < j.today-1 {
		m.end = heard + 1 - flatwatt.Day(m.low)
	}
	x := j.floorIn(m.found.window, m.found.hours)
	switch {
	case x != x:
	case x < float64(m.level)-endShare*float64(m.found.block):
		m.low = min(m.low+1, 1000)
	default:
		if m.end != 0 { // it runs on: what lies between was read for its low days only
			m.silent = uint16(min(max(0, int(j.today-m.end)-int(m.low))+int(m.silent), math.MaxUint16))
		}
		m.low, m.end = 0, 0
		m.lift.Add(x-float64(m.level), 1)
	}
	if m.low == endAfterDays && m.end == 0 {
		m.end = j.today - endAfterDays + 1
	}
}

// floorIn is the lower quartile of the day's hourly floors in a window; NaN where too few
// are known.
func (j *judgement) floorIn(first, length uint8) float64 {
	var buf [models.Hours]float64
	w := models.Window{Start: int(first), Length: int(length)}
	n := 0
	for h, z := range j.day.z {
		if z == z && w.Contains(h) {
			buf[n] = z
			n++
		}
	}
	if 2*n < int(length) || n == 0 {
		return math.NaN()
	}
	insertionSort(buf[:n])
	return models.Quantile(buf[:n], 0.25)
}

// ended reports whether the block is known to have ended.
func (m *memory) ended() bool { return m.end != 0 && m.low >= endAfterDays }

// since is the energy of the remembered block by the close of today, kWh: none of days
// without readings, as nobody knows whether it ran.
func (m *memory) since(today flatwatt.Day) float64 {
	days := today - m.day
	if m.end != 0 {
		days = m.end - m.day - 1
	}
	return float64(m.found.energy) + m.later()*float64(m.found.hours)*float64(max(0, days-flatwatt.Day(m.silent)))
}

// later is the block's mean power since the finding, kW.
func (m *memory) later() float64 {
	return max(0, float64(m.found.block)+float64(m.lift.Mu))
}

// toDate is the finding with the block's mean power from the beginning until today.
func (m *memory) toDate() finding {
	f := m.found
	if before, after := float64(m.day-f.start+1), float64(m.lift.N); f.start != 0 && after > 0 {
		f.block = float32((before*float64(f.block) + after*m.later()) / (before + after))
	}
	return f
}
