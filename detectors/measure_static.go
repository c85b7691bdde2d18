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
