package plant_test

import (
	"math"
	"slices"
	"testing"

	"github.com/flatwatt/flatwatt"
)

// dry takes the water away on every fifth day and has the first plant draw load kW from
// the grid while it gives nothing, on days from on; its own use is 8 kW.
func dry(load float64, from int) ([]flatwatt.Meter, []flatwatt.Series) {
	meters, series := cascade(120, 400, 0, false)
	for k := range series {
		for h := range series[k].Energy {
			if h/24%5 == 0 {
				series[k].Energy[h] = 8
				if k == 0 && h/24 >= from {
					series[k].Energy[h] += load
				}
			}
		}
	}
	return meters, series
}

// What a plant takes from the grid while it gives nothing is a load behind its meter,
// also where it is older than the data; a plant's own use is none.
func TestImportsWhileStandingStill(t *testing.T) {
	for _, c := range []struct {
		load float64
		from int
		want flatwatt.State
	}{{0, 0, flatwatt.Normal}, {10, 60, flatwatt.Normal}, {150, 60, flatwatt.Suspect}, {150, 0, flatwatt.Suspect}} {
		meters, series := dry(c.load, c.from)
		sc := last(t, scorer(t, meters), series)["g00000"]
		if sc.State != c.want {
			t.Errorf("%.0f kW from day %d: %s (%.1f), want %s", c.load, c.from, sc.State, sc.LogOdds, c.want)
		}
		if c.want != flatwatt.Suspect {
			continue
		}
		if math.Abs(sc.Block.Value-c.load) > 9 || // own use is not known where the load was always there
			sc.Onset.At.IsZero() != (c.from == 0) {
			t.Errorf("%.0f kW from day %d: told %.0f kW, onset %v", c.load, c.from, sc.Block.Value, sc.Onset.At)
		}
		if day := sc.Onset.At.Sub(series[0].Start).Hours() / 24; c.from > 0 && (day < float64(c.from) || day > float64(c.from)+5) {
			t.Errorf("onset on day %.0f, want %d", day, c.from)
		}
		if !slices.ContainsFunc(sc.Evidence, func(e flatwatt.Evidence) bool { return e.Term == "plant_import" && e.LogOdds > 0 }) {
			t.Errorf("no word of imports: %v", sc.Evidence)
		}
	}
}
