package plant

import (
	"math"
	"slices"

	"github.com/flatwatt/flatwatt"
)

const (
	importLeast = .025 // of capacity: more than a plant that stands still takes for itself
	importSame  = .15  // of the level: hours that close to it are at it
	importHours = 2    // of a day at the level, from which the day speaks for a block
	idleHours   = 3    // of a night without, from which it speaks against
	idleByDay   = 12   // hours without by day, from which the load is one of the night
	importDays  = 4    // that speak for a block before anything is said
	importShare = .3   // of all hours of import that are at the level: a block is flat
	oldFrom     = 15   // days: a load seen before and never missed may be older than the data
	importError = .11  // of the level, half of its 90 % interval: measured on development seeds 801–840
	importOdds  = -5.0 // log odds of a block behind a plant's meter, before the days are counted
)

// An intake is what a plant takes from the grid while it gives nothing: a load behind its meter.
type intake struct {
	level float64 // share of capacity, own use taken away; 0: none
	days  float64 // on which it was seen
	from  int     // first day, counted from the oldest remembered
	low   int     // it may have begun as early as this day
	ended bool    // the plant has stood still since without taking it
	known int     // days remembered
	night bool    // by day the plant stood still without taking it
}

// takes looks for a flat load that plant i draws from the grid when it has no water, wind
// or sun: the plant's own use is a few per cent of that.
func (s *Scorer) takes(i int32, z *zone) (t intake) {
	c, days := s.capacity(i), int(min(z.count, History))
	if c <= 0 {
		return t
	}
	at := func(d, h int) float64 {
		return s.exported(i, float64(s.hours[z.row(i, days-d)*hoursPer+h])) / c
	}
	level, ok := s.work.imported(days, at)
	if !ok {
		return t
	}
	var all importSums
	for d := range days {
		day := importDay(d, level, at)
		switch {
		case day.in >= importHours:
			if t.days == 0 || t.ended {
				t = intake{from: d, low: t.low, known: days}
				all.byDay, all.idleByDay = 0, 0
			}
			t.days++
		case day.in == 0 && day.idle >= idleHours:
			t.ended, t.low = t.days > 0, d
		}
		all.take(day, t.days > 0)
	}
	if t.days < importDays {
		return intake{}
	}
	t.night = all.byDay == 0 && all.idleByDay >= idleByDay
	t.level = all.on.value()
	if all.own.n > 0 {
		t.level -= all.own.value()
	}
	return t
}

// imported is the level, a share of capacity, of what is imported; ok is false where there is none.
func (wk *work) imported(days int, at func(day, hour int) float64) (level float64, ok bool) {
	wk.list = wk.list[:0]
	for d := range days {
		for h := range hoursPer {
			if y := at(d, h); y < -importLeast {
				wk.list = append(wk.list, -y)
			}
		}
	}
	if len(wk.list) < importDays*importHours {
		return 0, false
	}
	slices.Sort(wk.list)
	level = wk.list[len(wk.list)*9/10]
	n := 0
	for _, x := range wk.list {
		if math.Abs(x-level) < importSame*level {
			n++
		}
	}
	return level, float64(n) >= importShare*float64(len(wk.list))
}

// importSums are hours of a day, or of all days, with an import at the level and of idleness.
type importSums struct {
	on, own          mean // of import at the level, of own use; shares of capacity
	in, idle         int  // hours of the former; hours of the night without
	byDay, idleByDay int  // hours from 9 to 19 with, and without
}

func (a *importSums) take(b importSums, began bool) {
	a.on.sum, a.on.n = a.on.sum+b.on.sum, a.on.n+b.on.n
	a.own.sum, a.own.n = a.own.sum+b.own.sum, a.own.n+b.own.n
	a.byDay += b.byDay
	if began {
		a.idleByDay += b.idleByDay
	}
}

// importDay counts the hours of day d.
func importDay(d int, level float64, at func(day, hour int) float64) (a importSums) {
	for h := range hoursPer {
		y, light := at(d, h), h >= 9 && h < 19
		switch {
		case math.Abs(-y-level) < importSame*level:
			a.in++
			a.on.add(-y)
			if light {
				a.byDay++
			}
		case y > -importLeast && y < .005:
			a.own.add(max(0, -y))
			if light {
				a.idleByDay++
			} else if windows[1].has(h) {
				a.idle++
			}
		}
	}
	return a
}

// weight is the log odds by the days on which the load was taken.
func (t *intake) weight() float64 { return along(importCurve, t.days) }

// block is what is taken, which is right to importError in nine of ten cases.
func (t *intake) block() flatwatt.Estimate {
	return flatwatt.Estimate{Value: t.level, Low: t.level * (1 - importError), High: t.level * (1 + importError)}
}

// agrees reports whether a deficit and what is taken from the grid are one block.
func (t *intake) agrees(f *finding) bool {
	return t.level > 0 && f.deficit > 0 && math.Abs(math.Log(f.deficit/t.level)) < .4
}

// behind describes what is taken from the grid as a finding.
func behind(t *intake) (f finding) {
	f.window = windows[0]
	if t.night {
		f.window = windows[1]
	}
	for h := range f.hours {
		f.hours[h] = f.window.has(h)
	}
	f.deficit = t.level
	f.block = t.block()
	f.low, f.high, f.from, f.to = t.low, t.from, t.from, t.known
	if t.ended {
		f.to = max(t.low, t.from+1)
	}
	for d := range t.known {
		f.day = append(f.day, d)
	}
	f.old = t.low == 0 && t.from < oldFrom
	return f
}

// weighImport appends the evidence of f by imports alone.
func (s *Scorer) weighImport(f *finding, t *intake) float64 {
	size := along(sizeCurve, f.block.Value)
	s.evidence = append(s.evidence, flatwatt.Evidence{Term: termImport, LogOdds: t.weight(), Value: t.days},
		flatwatt.Evidence{Term: termSize, LogOdds: size, Value: f.block.Value})
	return t.weight() + size
}
