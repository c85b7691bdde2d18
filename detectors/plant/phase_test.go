package plant_test

import (
	"math"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
)

// Plants whose hours begin elsewhere than at midnight are judged all the same.
func TestHoursMayBeginAnywhere(t *testing.T) {
	meters, series := cascade(90, 50, 120, true)
	for k := range series {
		series[k].Start = series[k].Start.Add(17 * time.Minute)
	}
	if sc := last(t, scorer(t, meters), series)["g00000"]; sc.State != flatwatt.Suspect || math.Abs(sc.Block.Value-120) > 12 || sc.Schedule != flatwatt.Night {
		t.Errorf("%s, %.0f kW %s, want a suspect of 120 kW at night", sc.State, sc.Block.Value, sc.Schedule)
	}
}
