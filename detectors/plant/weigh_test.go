package plant

import "testing"

// TestDaysDoNotProveWhatHoursDeny holds that a deficit which grows with the output by the hour
// gains nothing from days on which it looks constant.
func TestDaysDoNotProveWhatHoursDeny(t *testing.T) {
	for _, c := range []struct{ flat, byLevel, most, least float64 }{
		{60, -2, 0, 0}, {60, 5, 4, 3}, {60, nan, 4, 3}, {-30, -2, -9, -9}, {60, -.5, 4, 3},
	} {
		f := finding{flat: c.flat, byLevel: c.byLevel}
		if odds := f.flatOdds(); odds > c.most || odds < c.least {
			t.Errorf("flat %v, by hours %v: %v, want %v to %v", c.flat, c.byLevel, odds, c.least, c.most)
		}
	}
}

// TestMovedWaterIsNoDeficit wants the night of a pond, whose water is there by day, far below
// even odds, and a block that is missing over the whole day unharmed.
func TestMovedWaterIsNoDeficit(t *testing.T) {
	if pond, block := along(shiftCurve, -.1), along(shiftCurve, 1); pond > -8 || block < 0 {
		t.Errorf("moved water %v, a block by night %v", pond, block)
	}
}
