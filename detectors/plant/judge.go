package plant

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/flatwatt/flatwatt"
)

// Terms of the evidence. Value is what terms documents.
const (
	termDeficit = "plant_deficit" // deficit as a share of capacity
	termFlat    = "plant_flat"    // log likelihood ratio of a constant against a proportional deficit
	termSize    = "plant_size"    // block as a share of capacity
	termAge     = "plant_age"     // days that it has run, known days only
	termHours   = "plant_hours"   // spread of the deficit over its hours, share of the deficit
	termShift   = "plant_shift"   // deficit of the whole day against that of its hours: 0 is moved water
	termLevel   = "plant_level"   // log likelihood ratio of the same from hours of high and low output
	termBefore  = "plant_before"  // days known before it began
	termImport  = "plant_import"  // days on which the plant took a flat load from the grid while it gave nothing
)

// A finding is the best deficit of a plant.
type finding struct {
	window window
	step
	flat    float64 // log likelihood ratio
	byLevel float64 // the same from hours of high and low output; NaN: not told
	profile [hoursPer]float64
	block   flatwatt.Estimate // share of capacity while it runs
	low     int               // first and last row at which it may have begun
	high    int
	hours   [hoursPer]bool
	day     []int
	old     bool // it may be older than the data
}

const (
	priorOdds    = -7.5 // for less than one false plant in 10 plant-years on development seeds 801–840: 0.74
	candidates   = 4.0  // nats paid for choosing among days and windows
	holdDays     = 5    // more days with odds above even than below, before a plant is a suspect
	boundaryFall = 1.35 // of the log likelihood, 90 % of one parameter
)

// judge scores plant i as of the day that z just closed.
func (s *Scorer) judge(dst []flatwatt.Score, i int32, z *zone) []flatwatt.Score {
	p, st := &s.plants[i], &s.state[i]
	sc := flatwatt.Score{
		Meter: p.meter.ID, Day: z.day, Start: z.day.Start(z.loc), Detector: Detector, Model: "plant-3", State: flatwatt.NotEnoughData,
		Probability: nan, LogOdds: nan, LogEValue: nan, Block: noEstimate, Energy: noEstimate, Features: s.features(i, z),
	}
	if st.Alarm != 0 {
		sc.FirstAlarm = (st.Alarm + 1).Start(z.loc)
	}
	from := len(s.evidence)
	in := s.takes(i, z)
	s.work.swing = s.hourScale(i, z, int(min(z.count, History)))
	f, odds, ok := s.find(i, z, &in)
	if !ok {
		return append(dst, sc)
	}
	sc.State, sc.LogOdds = flatwatt.Normal, odds
	if odds := importOdds + in.weight(); in.level > 0 && odds > sc.LogOdds {
		s.evidence = s.evidence[:from]
		f = behind(&in)
		sc.LogOdds = importOdds + s.weighImport(&f, &in)
	}
	sc.Evidence = s.evidence[from:len(s.evidence):len(s.evidence)]
	slices.SortStableFunc(sc.Evidence, func(a, b flatwatt.Evidence) int {
		return cmp.Compare(math.Abs(b.LogOdds), math.Abs(a.LogOdds))
	})
	sc.Probability = 1 / (1 + math.Exp(-sc.LogOdds))
	if f.deficit > 0 {
		s.describe(&sc, i, z, &f)
	}
	s.hold(&sc, st, z)
	return append(dst, sc)
}

// hold makes a suspect of a plant whose odds have been above even for long enough, and no more of one
// for which they have been below.
func (s *Scorer) hold(sc *flatwatt.Score, st *plantState, z *zone) {
	if sc.LogOdds > 0 {
		st.Held = min(st.Held+s.every, 2*holdDays)
	} else {
		st.Held = max(st.Held-s.every, 0)
	}
	if sc.LogOdds > 0 && !sc.Onset.At.IsZero() {
		st.Since = flatwatt.DayOf(sc.Onset.At, z.loc)
	}
	if st.Held == 0 {
		st.On = 0
	} else if st.Held >= holdDays {
		st.On = 1
	}
	if st.On == 0 {
		return
	}
	if st.Alarm == 0 {
		st.Alarm = z.day
		sc.FirstAlarm = (z.day + 1).Start(z.loc)
	}
	sc.State = flatwatt.Suspect
	if !sc.Ended.IsZero() {
		sc.State = flatwatt.Ended
	}
}

var noEstimate = flatwatt.Estimate{Value: nan, Low: nan, High: nan}

// find tries all windows and keeps the deficit with the highest odds, whose evidence is
// left in s.evidence. ok is false where the data are too few.
func (s *Scorer) find(i int32, z *zone, in *intake) (best finding, odds float64, ok bool) {
	wk := &s.work
	from := len(s.evidence)
	odds = math.Inf(-1)
	for _, w := range windows {
		if w.name == "night" && s.plants[i].meter.Class == "pv" {
			continue
		}
		s.gather(&wk.all, i, z, w)
		st, known := wk.search(&wk.all)
		ok = ok || known
		if !known {
			continue
		}
		steps := [2]step{st}
		if row, held := s.held(i, z, &wk.all); held && row != st.from {
			steps[1] = wk.again(&wk.all, row)
		}
		for k, st := range steps {
			if st.deficit <= 0 {
				continue
			}
			if k > 0 { // describing the other has used the workspace
				s.gather(&wk.all, i, z, w)
				wk.search(&wk.all)
			}
			f := s.describeStep(i, z, w, st)
			at := len(s.evidence)
			sum := priorOdds + s.weigh(&f, in)
			if sum > odds {
				s.evidence = append(s.evidence[:from], s.evidence[at:]...)
				best, odds = f, sum
			} else {
				s.evidence = s.evidence[:at]
			}
		}
	}
	if ok && best.deficit <= 0 {
		odds = priorOdds + s.weigh(&best, in)
	}
	return best, odds, ok
}

// describeStep measures what the evidence needs of a step that was just found.
func (s *Scorer) describeStep(i int32, z *zone, w window, st step) finding {
	wk := &s.work
	f := finding{window: w, step: st, flat: wk.flatness(&wk.all, st)}
	f.low, f.high = wk.fit.bounds(st)
	f.day = append(f.day, wk.all.day...)
	s.byHour(i, z, &f)
	f.byLevel = nan
	if st.gain > closeFrom {
		l := s.atLevels(i, z, &f, w.has)
		f.byLevel = l.flat
		f.allDay(s, i, z)
		s.size(i, z, &f, l)
	}
	return f
}

// held is the row of q at which the deficit began for which plant i is a suspect.
func (s *Scorer) held(i int32, z *zone, q *series) (row int, ok bool) {
	st := &s.state[i]
	first := z.day - flatwatt.Day(min(z.count, History)) + 1
	if st.On == 0 || st.Since < first {
		return 0, false
	}
	row, _ = slices.BinarySearch(q.day, int(st.Since-first))
	return row, row >= leastRun && row+leastRun <= len(q.y)
}

// again is the step from a row on that still runs, as search would give it.
func (wk *work) again(q *series, row int) step {
	f := &wk.fit
	st := f.try(row, len(q.y))
	st.gain /= f.sigma * f.sigma
	st.se *= f.sigma
	if st.gain > candidates {
		st.gain -= wk.surplus(q, st)
	}
	return st
}

const closeFrom = 10.0 // gain from which a step may be a finding and is looked at closely

// bounds are the first and last row at which st may have begun, with 90 % confidence.
func (f *fit) bounds(st step) (low, high int) {
	low, high = st.from, st.from
	ok := func(from int) bool {
		t := f.try(from, st.to)
		return t.deficit > 0 && t.gain/(f.sigma*f.sigma) > st.gain-boundaryFall
	}
	for low > 1 && ok(low-1) {
		low--
	}
	for high+leastRun < st.to && ok(high+1) {
		high++
	}
	return low, high
}

// flatness is how much better a constant deficit explains q than one in proportion to
// what is expected: the log likelihood ratio of the two, everything else fitted with each; 0 without peers.
func (wk *work) flatness(q *series, st step) float64 {
	f := &wk.fit
	if f.p < 2 {
		return 0
	}
	b := f.beside(st)
	one, share := wk.list[:0], wk.innov[:0]
	for k := range q.y {
		c := 0.0
		for j := range f.p {
			c += b[j] * q.x[k][j]
		}
		if k < st.from || k >= st.to {
			one, share = append(one, 0), append(share, 0)
		} else {
			one, share = append(one, 1), append(share, max(c, 0))
		}
	}
	wk.list, wk.innov = one, share
	return (f.gainOf(one) - f.gainOf(share)) / (f.sigma * f.sigma)
}

// describe fills in what is told of a deficit.
func (s *Scorer) describe(sc *flatwatt.Score, i int32, z *zone, f *finding) {
	c := s.capacity(i)
	sc.Block = flatwatt.Estimate{Value: f.block.Value * c, Low: f.block.Low * c, High: f.block.High * c}
	first := z.day - flatwatt.Day(min(z.count, History)) + 1 // the oldest day
	at := func(row int) time.Time { return (first + flatwatt.Day(f.day[row])).Start(z.loc) }
	if !f.old {
		sc.Onset = flatwatt.Instants{At: at(f.from), Low: at(f.low), High: at(min(f.high, len(f.day)-1))}
	}
	if f.to < len(f.day) {
		sc.Ended = at(f.to)
	}
	n := 0
	for _, on := range f.hours {
		if on {
			n++
		}
	}
	sc.Schedule = flatwatt.Schedule(f.window.name)
	if n == hoursPer {
		sc.Schedule = flatwatt.AlwaysOn
	}
	hours := float64(f.day[f.to-1]-f.day[f.from]+1) * float64(n)
	sc.Energy = flatwatt.Estimate{Value: sc.Block.Value * hours, Low: sc.Block.Low * hours, High: sc.Block.High * hours}
}
