package detectors

import (
	"math"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/models"
)

// materialShare is the share of the present floor from which an added block, rather than
// the whole floor, is what there is to tell.
const materialShare = 0.25

// telling is the branch that estimates and reasons are told of: the trees speak for both.
func (j *judgement) telling() branch {
	var r rise
	if j.hasBlock() {
		r = rise{j.block, float64(j.c.base.Mu) + j.block, j.c.ep.mean.Value() * models.Hours / j.hours}
	}
	if s := &j.step; j.stepped() && s.jump > 0.3*s.block && s.block > r.block {
		r = rise{s.block, s.baseline + s.block, s.mean * numBands / float64(s.bands)}
	}
	if !j.multiplied && r.block > materialShare*math.Exp(float64(j.c.floor.Mu)) && !j.returned(r) {
		return onsetBranch
	}
	return staticBranch
}

// A rise is what a block that was added did to a meter, in kW.
type rise struct {
	block float64
	top   float64 // floor with it
	mean  float64 // change of the mean demand over its hours; NaN unknown
}

// newShare is the share of a rise that must be new to be told apart from an older block.
const newShare = 0.5

// returned reports whether r is an always-on block older than the data that comes back, from
// another power mode, a pause or the restart of a machine. It is, where such a block was as
// likely as not and still runs, and most of the rise is no higher than the floor has been, or
// has not raised the mean demand.
func (j *judgement) returned(r rise) bool {
	m := &j.c.memory
	older := m.day != 0 && m.found.start == 0 && m.found.hours >= alwaysOnHours && !m.ended() && m.odds >= carryOdds
	return older && r.block < carryRatio*float64(m.found.block) && (r.top-float64(j.c.peak) < newShare*r.block || r.mean < newShare*r.block)
}

// recall takes the day into the memory, and returns what the block looks like.
func (f *Fleet) recall(j *judgement, b branch, now float64) finding {
	if e := &j.c.ep; j.hasBlock() && e.days == 3 && e.stages == 1 && e.onset.at < 0 && e.onset.before == e.onset.day-1 && j.hours == models.Hours {
		if o, ok := j.c.hist.byEnergy(e.start, float64(j.c.mean.Mu), j.block, j.slotsADay()); ok {
			e.onset = o
		}
	}
	if e := &j.c.ep; j.hasBlock() && e.missed == 0 {
		e.told = told{block: float32(j.block), se: float32(j.se), window: uint8(j.fit.Window.Start), hours: uint8(j.fit.Window.Length)}
	}
	m := &j.c.memory
	m.follow(j)
	found := m.carry(j.present(b), j.today)
	f.redate(j, &found, now)
	m.remember(j, now, found)
	j.now = now
	return found
}

// setState says what the meter is, and whether its block still runs.
func (f *Fleet) setState(s *flatwatt.Score, j *judgement, wasThere bool) {
	s.State = flatwatt.Normal
	if !(s.Probability >= f.params.AlarmProbability) {
		return
	}
	s.State = flatwatt.Suspect
	if j.c.firstAlarm == 0 {
		j.c.firstAlarm = j.today
	}
	if m := &j.c.memory; wasThere && m.ended() {
		s.State, s.Ended = flatwatt.Ended, m.end.Start(j.meter.Zone)
	}
}
