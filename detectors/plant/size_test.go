package plant

import (
	"math"
	"testing"

	"github.com/flatwatt/flatwatt"
)

// A supply by night that was found over whole days is told by its hours.
func TestPartOfDayTellsTheNight(t *testing.T) {
	night := finding{block: flatwatt.Estimate{Value: .1, Low: .09, High: .11}}
	for h := range night.profile {
		night.hours[h] = true
		if h >= 21 || h < 8 {
			night.profile[h] = .22
		} else {
			night.profile[h] = -.02
		}
	}
	night.partOfDay()
	n := 0
	for h, on := range night.hours {
		if on != (h >= 21 || h < 8) {
			t.Errorf("hour %d: %v", h, on)
		}
		if on {
			n++
		}
	}
	if math.Abs(night.block.Value-.22) > .001 || !(night.block.Low < night.block.Value) {
		t.Errorf("%d hours of %v, want .22", n, night.block)
	}
	day := finding{block: flatwatt.Estimate{Value: .1, Low: .09, High: .11}}
	for h := range day.profile {
		day.hours[h], day.profile[h] = true, .1+.04*math.Cos(float64(h)/24*2*math.Pi)
	}
	day.partOfDay()
	if day.block.Value != .1 || !day.hours[12] {
		t.Errorf("a deficit of the whole day is told by some hours: %v", day.block)
	}
	day.widen()
	if day.block.Low > .1*(1-leastError)+1e-12 || day.block.High < .1*(1+leastError)-1e-12 {
		t.Errorf("interval %v is narrower than %g", day.block, leastError)
	}
}
