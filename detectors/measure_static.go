package detectors

import (
	"math"

	"github.com/flatwatt/flatwatt/models"
)

// The measures of this file describe the present floor, whatever came before: evidence
// for blocks that are older than the data. They need a week.

const minStaticDays = 5

func (j *judgement) static(v float64) float64 {
	if j.c.floor.N < minStaticDays {
		return math.NaN()
	}
	return v
}

// measureFloorLevel is how far the floor lies above those of its class, in their
// scaled median absolute deviations of the logarithm.
func measureFloorLevel(j *judgement) float64 {
	return j.static((float64(j.c.floor.Mu) - j.part.peerFloor) / max(j.part.peerScale, 0.2))
}

func measureFloorSize(j *judgement) float64 { return j.static(float64(j.c.floor.Mu)) }

func measureFloorNoise(j *judgement) float64 {
	return j.static(math.Log(j.c.feat.noise.Value() + 1e-3))
}

func measureFloorSpread(j *judgement) float64 {
	return j.static(math.Log(float64(j.c.feat.floorSD.Sigma) + 2e-3))
}

func measureFloorShare(j *judgement) float64 {
	return j.static(ratio(math.Exp(float64(j.c.floor.Mu)), j.c.feat.mean.Value()))
}

func measureFloorSwing(j *judgement) float64 {
	return j.static(math.Log(j.c.feat.swing.Value() + 5e-3))
}

// measureFloorThermal is the larger of the cooling and heating slopes, in % per °C of
// the floor: positive where heat raises it.
func measureFloorThermal(j *judgement) float64 {
	t := &j.c.feat.thermal
	if t.N < 10 {
		return math.NaN()
	}
	heating, cooling := t.Slopes() // kW per 10 °C
	scale := 10 / math.Exp(float64(j.c.floor.Mu))
	up, down := cooling*scale, -heating*scale
	if math.Abs(up) > math.Abs(down) {
		return j.static(up)
	}
	return j.static(down)
}

func measureFloorPF(j *judgement) float64 { return j.static(j.c.feat.pf.Value()) }

func measureFloorVoltage(j *judgement) float64 {
	f := &j.c.feat
	if f.vXX < 1e-4 {
		return math.NaN()
	}
	return j.static(min(max(float64(f.vXY/f.vXX), -2), 4))
}

func measureFloorComb(j *judgement) float64 {
	return j.static(models.CombLogBayes(math.Exp(float64(j.c.floor.Mu)), 0.03*math.Exp(float64(j.c.floor.Mu))))
}

func measureFloorDips(j *judgement) float64 { return j.static(j.c.feat.dips.Value()) }

func measureNightDay(j *judgement) float64 { return j.static(j.c.feat.nightExcess.Value()) }

// usual explains the usual hourly floors as a constant block in a window above the
// lowest hour; ok is false where nothing stands out.
func (j *judgement) usual() (fit models.Fit, ok bool) {
	c := j.c
	if c.learned < minStaticDays || c.locN[0] < 3 {
		return fit, false
	}
	base := math.Inf(1)
	for _, v := range c.loc[0] {
		base = min(base, float64(v))
	}
	var s models.Shift
	for h := range models.Hours {
		sd := models.MeanAbsToSigma*float64(c.scale[0][h]) + sigmaMinKW
		s.Delta[h] = float64(c.loc[0][h]) - base
		s.Var[h] = sd * sd
	}
	fit, ok = models.FitShift(&s)
	return fit, ok && fit.Window.Length < 21
}

// window returns v where the usual profile has such a block, else NaN.
func (j *judgement) window(v float64) float64 {
	if !j.usualOK {
		return math.NaN()
	}
	return v
}

// measureWindowShape says how well a constant block on fixed hours explains the usual
// profile: the log Bayes factor of FitShift.
func measureWindowShape(j *judgement) float64 { return j.window(j.usualFit.LogBayes) }

// measureWindowFlat is the logarithm of the misfit inside those hours.
func measureWindowFlat(j *judgement) float64 {
	return j.window(math.Log(max(j.usualFit.Residual, 0.005)))
}

// measureWindowSize is the logarithm of the kW of that block.
func measureWindowSize(j *judgement) float64 {
	return j.window(math.Log(max(j.usualFit.BlockKW, 0.05)))
}

// measureWindowNight is +1 where that block runs at night only, −1 by day only.
func measureWindowNight(j *judgement) float64 {
	w := j.usualFit.Window
	switch night, noon := w.Contains(2), w.Contains(12); {
	case night && !noon:
		return j.window(1)
	case noon && !night:
		return j.window(-1)
	}
	return j.window(0)
}

// measureMeanLevel is the logarithm of the usual mean demand over that of peers: an order of
// the Irkutsk region of June 2025 names twice that of similar places as a sign.
func measureMeanLevel(j *judgement) float64 {
	return j.static(math.Log(max(j.c.feat.mean.Value(), 0.02)) - j.part.peerMean)
}

// measureWindowLevel is the logarithm of the block on fixed hours over the usual mean demand
// of peers.
func measureWindowLevel(j *judgement) float64 {
	return j.window(math.Log(max(j.usualFit.BlockKW, 0.05)) - j.part.peerMean)
}

// measureWindowSpread is the logarithm of how much its hours vary from day to day, as a
// share of the block: machines run every day, cars and heaters as needed.
func measureWindowSpread(j *judgement) float64 {
	sum, n := 0.0, 0.0
	for h := range models.Hours {
		if j.usualFit.Window.Contains(h) {
			sum, n = sum+float64(j.c.scale[0][h]), n+1
		}
	}
	return j.window(math.Log(sum/n/max(j.usualFit.BlockKW, 0.05) + 3e-3))
}
