package detectors

import "math"

// The measures of this file describe the step that a look at the whole history finds
// (scan.go): they do not depend on when a rise was first noticed.

// scanGainMin is the least gain at which a step is worth describing: 4 is about three
// standard errors of one band.
const scanGainMin = 4

func (j *judgement) stepped() bool {
	return j.step.ok && j.step.gain >= scanGainMin && j.step.block > 0.05
}

// ofStep returns v where there is a step, else NaN.
func (j *judgement) ofStep(v float64) float64 {
	if !j.stepped() {
		return math.NaN()
	}
	return v
}

// share returns v as a share of the step.
func (j *judgement) share(v float64) float64 { return j.ofStep(v / j.step.block) }

func measureStepSize(j *judgement) float64  { return j.ofStep(math.Log(j.step.block)) }
func measureStepGain(j *judgement) float64  { return j.ofStep(math.Log(j.step.gain)) }
func measureStepHours(j *judgement) float64 { return j.ofStep(float64(j.step.bands * bandHours)) }
func measureStepAge(j *judgement) float64   { return j.ofStep(math.Log(float64(j.step.age))) }

func measureStepClarity(j *judgement) float64 {
	return j.ofStep(math.Log(j.step.block / j.step.sigma))
}

func measureStepFlat(j *judgement) float64 {
	return j.ofStep(math.Log(j.step.misfit/j.step.block + 5e-3))
}

func measureStepOutside(j *judgement) float64 { return j.share(j.step.outside) }

func measureStepSpread(j *judgement) float64 {
	if j.step.age < 3 {
		return math.NaN()
	}
	return j.ofStep(math.Log(j.step.spread/j.step.block + 3e-3))
}

// measureStepSpreadRatio compares the spread from day to day since with that before.
func measureStepSpreadRatio(j *judgement) float64 {
	if j.step.age < 5 {
		return math.NaN()
	}
	return j.ofStep(math.Log(max(j.step.spread, 0.3*sigmaMinKW) / j.step.sigma))
}

func measureStepJump(j *judgement) float64   { return j.share(j.step.jump) }
func measureStepRival(j *judgement) float64  { return j.share(j.step.rival) }
func measureStepTrend(j *judgement) float64  { return j.share(j.step.trend) }
func measureStepLead(j *judgement) float64   { return j.share(j.step.lead) }
func measureStepMissed(j *judgement) float64 { return j.ofStep(j.step.missed) }
func measureStepFactor(j *judgement) float64 { return j.ofStep(j.step.factor) }

func measureStepMean(j *judgement) float64 {
	return j.share(j.step.mean * numBands / float64(j.step.bands))
}

func measureStepNoise(j *judgement) float64 {
	s := &j.step
	return j.ofStep(math.Log(math.Sqrt(max(0, s.noise)+s.before*s.before/9)/s.block + 1e-3))
}

func measureStepGrowth(j *judgement) float64 {
	return j.ofStep(math.Log(j.step.block / max(0.05, j.step.baseline)))
}

// measureStepThermal is in % per °C.
func measureStepThermal(j *judgement) float64 { return 100 * j.share(j.step.thermal) }

// measureStepEdge is the largest lasting step between readings on the first day or the
// eve, as a share of the block.
func measureStepEdge(j *judgement) float64 {
	return j.share(max(j.step.record.edge.Float(), j.step.eve.edge.Float()))
}

// measureStepLevel is the logarithm of the block over the usual mean demand of peers.
func measureStepLevel(j *judgement) float64 {
	return j.ofStep(math.Log(j.step.block) - j.part.peerMean)
}
