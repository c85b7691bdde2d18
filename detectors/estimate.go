package detectors

import (
	"math"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/models"
)

// present is the block of a branch as it looks today.
func (j *judgement) present(b branch) (f finding) {
	switch {
	case b == staticBranch:
		return j.presentStatic()
	case !j.hasBlock() || j.preferStep():
		return j.presentStep()
	}
	e := &j.c.ep
	n := float64(max(e.days, 1))
	sd := float64(e.block[e.lead].Sigma)
	block := j.block // as of late; what is told is its mean since it began
	if lead := float64(e.block[e.lead].Mu); lead > 0 && e.whole.Mu > 0 {
		if math.Abs(lead-block) < 0.15*block {
			block = lead // the profile is pulled down by hours without a machine or two
		}
		block *= float64(e.whole.Mu) / lead
	}
	se := math.Sqrt(j.se*j.se + sd*sd/min(n, 10) + 0.01*0.01*block*block)
	return finding{
		start: e.start, onset: e.onset, block: float32(block), se: float32(se), late: float32(j.block),
		energy: e.energy + float32(block*j.hours)*float32(e.days),
		window: uint8(j.fit.Window.Start), hours: uint8(j.fit.Window.Length),
	}
}

// preferStep reports whether the step in the history tells more of the block than the
// running episode: it stands clear of the days before and is not the episode's own.
func (j *judgement) preferStep() bool {
	s := &j.step
	return j.stepped() && s.jump > 0.3*s.block && math.Abs(math.Log(j.block/s.block)) > 0.15 && s.misfit < 0.15*s.block && s.block > 0.5*j.block
}

// slotsADay is the number of intervals of a plain day as onsets count them.
func (j *judgement) slotsADay() int {
	return int(24 * time.Hour / flatwatt.Step(j.meter.Interval))
}

// presentStep is the step that the history shows.
func (j *judgement) presentStep() finding {
	s := &j.step
	if !j.stepped() {
		return finding{}
	}
	se := math.Sqrt(s.spread*s.spread/float64(s.age) + s.misfit*s.misfit/numBands + 0.01*0.01*s.block*s.block)
	o := edge{day: s.start, before: s.start - 1, at: -1}
	switch day, eve := s.record.edge.Float(), s.eve.edge.Float(); {
	case eve > 0.5*s.block:
		o = edge{day: s.start - 1, before: s.start - 2, at: int32(s.eve.edgeAt), kw: float32(eve)}
	case day > 0.4*s.block:
		o.at, o.kw = int32(s.record.edgeAt), float32(day)
	}
	hours := s.bands * bandHours
	if o.at < 0 && s.bands == numBands {
		if e, ok := j.c.hist.byEnergy(s.start, s.usual, s.block, j.slotsADay()); ok {
			o = e
		}
	}
	return finding{
		start: s.start, onset: o, block: float32(s.block), se: float32(se),
		energy: float32(s.block * float64(hours*s.age)), window: uint8(s.first * bandHours), hours: uint8(hours),
	}
}

// tell fills in how large a block is, since when, how many machines and how much energy.
func (j *judgement) tell(s *flatwatt.Score, f *finding, energy float64) {
	kw, se := float64(f.block), float64(f.se)
	if !(kw > 0) {
		return
	}
	s.Schedule = scheduleOf(models.Window{Start: int(f.window), Length: int(f.hours)})
	if f.start != 0 {
		s.Onset = j.onset(f, doubted(s))
	}
	late := float64(f.late)
	if !(late > 0) {
		late = kw
	}
	fillBlock(s, kw, late, se, j.widths.Block[BlockStratum(s)], energy)
}

// fillBlock tells a block of kw ± width·se with what follows from it: machines and
// hashrate are those of its power as of late.
func fillBlock(s *flatwatt.Score, kw, late, se, width, kwh float64) {
	s.Block = flatwatt.Estimate{Value: kw, Low: max(0, kw-width*se), High: kw + width*se}
	s.Units.Low, s.Units.High = models.UnitCount(late, se)
	s.HashrateTHs.Low, s.HashrateTHs.High = models.HashrateTHs(max(0, late-width*se), late+width*se)
	s.Energy = flatwatt.Estimate{Value: kwh, Low: kwh * s.Block.Low / kw, High: kwh * s.Block.High / kw}
}

// onset is the step that began a block, to the interval where it stands out.
func (j *judgement) onset(f *finding, doubted int) flatwatt.Instants {
	o := &f.onset
	start := o.day.Start(j.meter.Zone)
	if o.before != 0 && o.before < o.day-1 { // it began while there were no readings
		return flatwatt.Instants{At: start, Low: (o.before + 1).Start(j.meter.Zone), High: start.Add(24 * time.Hour)}
	}
	step := flatwatt.Step(j.meter.Interval)
	at := start.Add(time.Duration(max(o.at, 0)) * step)
	kind, least := unseenOnset, time.Duration(0)
	if share := float64(o.kw) / float64(f.block); o.at >= 0 && share > 0.5 {
		kind, least = seenOnset, 4*step
		if math.Abs(share-1) < sharpShare {
			kind, least = sharpOnset, 2*step
		}
	}
	w := j.widths.OnsetHours[kind+onsetKinds*doubted]
	rest := time.Duration(0)
	if f.hours < alwaysOnHours { // between its hours nobody sees it, and an earlier start of the same day may be smaller
		rest = max(time.Duration(models.Hours-f.hours)*time.Hour, at.Sub(start))
	}
	low := at.Add(min(-least, hours(w[0])) - rest)
	if first := j.c.first.Start(j.meter.Zone); low.Before(first) && w[0] > -MarkedHours {
		low = first // what is older than the data has no onset
	}
	return flatwatt.Instants{At: at, Low: low, High: at.Add(max(least, hours(w[1])))}
}

// byEnergy places the onset of an always-on block within its first day or the eve, where
// no step between readings stands out: by the share of the block's energy that the eve,
// or else the day, already shows. usual is the daily mean before, in kW.
func (h *history) byEnergy(start flatwatt.Day, usual, block float64, slots int) (o edge, ok bool) {
	if h.last == 0 || start-1 < h.first || start >= h.last || !(block > 0) {
		return o, false
	}
	share := func(d flatwatt.Day) float64 { return (h.days[d%historyDays].mean.Float() - usual) / block }
	day := start
	if share(start-1) > 0.15 {
		day = start - 1
	}
	ran := min(max(share(day), 0), 1)
	if ran != ran || !(math.Abs(share(day+1)-1) < 0.15) { // unknown, or the first of several stages
		return o, false
	}
	return edge{day: day, before: day - 1, at: int32((1 - ran) * float64(slots-1))}, true
}

// presentStatic takes the present floor less that of peers for the block, or the
// constant block that explains the usual profile where that one is larger: a block on
// fixed hours does not show in the floor. Its onset is before the data: start is 0.
func (j *judgement) presentStatic() finding {
	floor := math.Exp(float64(j.c.floor.Mu))
	peer := 0.0
	if v := j.part.peerFloor; v == v {
		peer = min(math.Exp(v), floor)
	}
	days := float64(j.today - j.c.first + 1)
	if w := &j.usualFit; j.usualOK && w.LogBayes > 0 && w.BlockKW > floor-peer {
		return finding{
			block: float32(w.BlockKW), se: float32(math.Hypot(w.SE, w.Residual*w.BlockKW)),
			energy: float32(w.BlockKW * float64(w.Window.Length) * days),
			window: uint8(w.Window.Start), hours: uint8(w.Window.Length),
		}
	}
	spread := float64(j.c.floor.Sigma) * floor
	return finding{
		block: float32(floor - peer), se: float32(spread + peer/z90), energy: float32((floor - peer) * models.Hours * days),
		hours: models.Hours,
	}
}

// alwaysOnHours are the hours a day from which a block counts as always on.
const alwaysOnHours = 21

// scheduleOf names a window.
func scheduleOf(w models.Window) flatwatt.Schedule {
	switch {
	case w.Length >= alwaysOnHours:
		return flatwatt.AlwaysOn
	case w.Contains(2) && !w.Contains(12):
		return flatwatt.Night
	case w.Contains(12) && !w.Contains(2):
		return flatwatt.Daytime
	default:
		return flatwatt.OffPeak
	}
}
