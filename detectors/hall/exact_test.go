package hall

import (
	"math/rand/v2"
	"testing"
)

// TestNotFlatAgreesWithTheLoadFactor never lets the quick look leave out a load that is flat
// enough, and wants it to save the sorting of most that are not.
func TestNotFlatAgreesWithTheLoadFactor(t *testing.T) {
	rng, saved, rest := rand.New(rand.NewPCG(5, 6)), 0, 0
	for range 2000 {
		st := state{Count: 40}
		low, spikes := .4+.6*rng.Float64(), .02*rng.Float64()
		for k := range 40 {
			d := day{Day: int32(k), Level: 100}
			for h := range d.HourKW {
				d.HourKW[h] = float32(100 * (low + (1-low)*rng.Float64()))
				if rng.Float64() < spikes {
					d.HourKW[h] = 160
				}
			}
			st.Days = append(st.Days, d)
		}
		v := view{st: &st, n: 40, today: 40, level: 100, wk: &work{}}
		not := v.notFlat()
		flat := loadFactor(&v) >= flatEnough
		if not && flat {
			t.Fatalf("left out with a load factor of %v", loadFactor(&v))
		}
		if !flat {
			rest++
		}
		if not {
			saved++
		}
	}
	if saved < rest*2/3 || rest < 500 {
		t.Errorf("of %d loads that are not flat %d were told without sorting", rest, saved)
	}
}
