package plant_test

import (
	"math"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/detectors/plant"
)

// gauge tells the water through the turbines of the first plant of cascade.
type gauge struct {
	start time.Time
	kw    []float64 // by hour, what it would give
}

func (g gauge) InflowRel(region string, t time.Time) (float64, float64, bool) {
	h := int(t.Sub(g.start).Hours())
	if region != "g00000" || h < 0 || h >= len(g.kw) {
		return 0, 0, false
	}
	return math.NaN(), g.kw[h] / 600, true
}

// Where the turbines are told, kW are those that the plant's own water lacks: its peers got
// a tributary's water since, which is no part of the block.
func TestTurbinesTellTheBlock(t *testing.T) {
	const block, from = 120, 50 * 24
	meters, series := cascade(100, 400, 0, false)
	g := gauge{start: series[0].Start}
	for h := range series[0].Energy {
		g.kw = append(g.kw, -series[0].Energy[h])
		if h >= from {
			series[0].Energy[h] += block
			for k := 1; k < len(series); k++ {
				series[k].Energy[h] *= 1.1
			}
		}
	}
	s, err := plant.New(meters, g, nil, plant.Options{})
	if err != nil {
		t.Fatal(err)
	}
	sc := last(t, s, series)["g00000"]
	if sc.State != flatwatt.Suspect || math.Abs(sc.Block.Value/block-1) > .05 {
		t.Errorf("%s, %.0f kW, want a suspect of %d kW", sc.State, sc.Block.Value, block)
	}
	if sc.Block.Low > .901*sc.Block.Value || sc.Block.High < 1.099*sc.Block.Value {
		t.Errorf("interval %v is narrower than what models of plants are right to", sc.Block)
	}
}
