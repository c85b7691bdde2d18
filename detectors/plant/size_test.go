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
	if math.Abs(night.block.Value-.22) > .001 || n != 11 {
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

// The interval grows with the error of the step, in proportion where the block is larger than the step.
func TestIntervalOfTheBlock(t *testing.T) {
	f := finding{step: step{deficit: .1, se: .01}}
	for _, c := range []struct{ block, half float64 }{{.1, .0406}, {.08, .0402}, {.2, .0812}} {
		f.block.Value = c.block
		if f.widen(); math.Abs(f.block.High-c.block-c.half) > .0002 || math.Abs(c.block-f.block.Low-c.half) > .0002 {
			t.Errorf("block %v: %v, want ± %v", c.block, f.block, c.half)
		}
	}
	in := intake{level: .1}
	if b := in.block(); math.Abs(b.High-.111) > 1e-9 || math.Abs(b.Low-.089) > 1e-9 {
		t.Errorf("imports: %v, want ± 11 %%", b)
	}
}
