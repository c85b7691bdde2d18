package detectors

import "math"

// The measures of this file describe by how much the place rests at a higher level than
// before (rest.go).

func (j *judgement) ofRest(v float64) float64 {
	if !j.rest.ok {
		return math.NaN()
	}
	return v
}

func measureRestSize(j *judgement) float64  { return j.ofRest(math.Log(j.rest.rise)) }
func measureRestAge(j *judgement) float64   { return j.ofRest(math.Log(float64(j.rest.age))) }
func measureRestGain(j *judgement) float64  { return j.ofRest(math.Log(j.rest.gain)) }
func measureRestHours(j *judgement) float64 { return j.ofRest(float64(j.rest.bands * bandHours)) }
func measureRestLead(j *judgement) float64  { return j.ofRest(j.rest.lead / j.rest.rise) }
func measureRestTrend(j *judgement) float64 { return j.ofRest(j.rest.trend / j.rest.rise) }

func measureRestGrowth(j *judgement) float64 {
	return j.ofRest(math.Log(j.rest.rise / max(0.05, j.rest.level)))
}

func measureRestFlat(j *judgement) float64 {
	return j.ofRest(math.Log(j.rest.misfit/j.rest.rise + 5e-3))
}

// measureRestAbove is how far above its rest the place usually was, before.
func measureRestAbove(j *judgement) float64 {
	return j.ofRest(math.Log(j.rest.above/j.rest.rise + 1e-2))
}

// measureRestSince is the same since.
func measureRestSince(j *judgement) float64 {
	return j.ofRest(math.Log(j.rest.since/j.rest.rise + 1e-2))
}

// measureRestMean is the change of the mean demand of days that rested, as a share of the
// block over its hours.
func measureRestMean(j *judgement) float64 {
	return j.ofRest(min(max(j.rest.mean*numBands/float64(j.rest.bands)/j.rest.rise, -5), 10))
}

// measureRestBlock is the logarithm of the rise over the block that the episode or the
// step tells.
func measureRestBlock(j *judgement) float64 {
	block := j.block
	if block <= 0 && j.stepped() {
		block = j.step.block
	}
	if block <= 0 {
		return math.NaN()
	}
	return j.ofRest(math.Log(j.rest.rise / block))
}

// measureRestLevel is the logarithm of the rise over the usual mean demand of peers.
func measureRestLevel(j *judgement) float64 {
	return j.ofRest(math.Log(j.rest.rise) - j.part.peerMean)
}

// measureRestClarity is the logarithm of the rise over the usual change of the rest from
// week to week.
func measureRestClarity(j *judgement) float64 {
	u := &j.c.unrest
	if u.weeks < 3 {
		return math.NaN()
	}
	return j.ofRest(math.Log(j.rest.rise / (float64(u.move.Mu) + 0.02)))
}

// measureUnrest is the logarithm of the usual change of the rest from week to week, over
// the rest.
func measureUnrest(j *judgement) float64 {
	u := &j.c.unrest
	if u.weeks < 3 {
		return math.NaN()
	}
	return math.Log((float64(u.move.Mu) + 0.005) / (math.Abs(float64(u.last)) + 0.05))
}
