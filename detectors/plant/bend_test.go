package plant_test

import (
	"math"
	"testing"

	"github.com/flatwatt/flatwatt"
)

// A plant whose turbines take less than those of its peers gives no more when these do:
// that is no deficit, and what it withholds is told in kW all the same.
func TestStopOfTurbines(t *testing.T) {
	for _, block := range []float64{0, 60, 100} {
		meters, series := cascade(150, 100, 0, false)
		for h := range series[0].Energy {
			series[0].Energy[h] = -min(-series[0].Energy[h], 500)
			if h >= 100*24 {
				series[0].Energy[h] += block
			}
		}
		sc := last(t, scorer(t, meters), series)["g00000"]
		if block == 0 && sc.State != flatwatt.Normal {
			t.Errorf("an honest plant at its stop is %s (%.1f)", sc.State, sc.LogOdds)
		}
		if block > 0 && (sc.State != flatwatt.Suspect || math.Abs(sc.Block.Value/block-1) > .1) {
			t.Errorf("%s, %.1f kW (%.1f), want a suspect of %.0f", sc.State, sc.Block.Value, sc.LogOdds, block)
		}
	}
}
