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

// Water that was moved to some hours of the day is no deficit of the day; a year in which a plant gives
// a little more at all hours hides none by night.
func TestLeftOver(t *testing.T) {
	for _, c := range []struct {
		name       string
		day, peaks float64 // deficit by day and at its peaks, where .1 is missing by night
		from, to   float64
	}{
		{"supply by night", 0, 0, .95, 1.05},
		{"supply by night of a plant that gives more", -.08, -.08, .8, 1.05},
		{"pond", 0, -.1, -.05, .1},
		{"supply at all hours", .1, .1, 2, 4},
	} {
		f := finding{}
		for h := range f.profile {
			f.hours[h] = h >= 23 || h < 7
			switch {
			case f.hours[h]:
				f.profile[h] = .1
			case h >= 8 && h < 12 || h >= 17 && h < 21:
				f.profile[h] = c.peaks
			default:
				f.profile[h] = c.day
			}
		}
		if _, whole := f.overHours(); whole < c.from || whole > c.to {
			t.Errorf("%s: %.2f of it is left over the day, want %g to %g", c.name, whole, c.from, c.to)
		}
	}
}

// More evidence never speaks less for a supply.
func TestCurvesRise(t *testing.T) {
	for name, curve := range map[string][]point{"gain": gainCurve, "flat": flatCurve, "age": ageCurve, "level": levelCurve, "before": beforeCurve, "import": importCurve} {
		for k := 1; k < len(curve); k++ {
			if curve[k].x <= curve[k-1].x || curve[k].y < curve[k-1].y {
				t.Errorf("%s falls from %v to %v", name, curve[k-1], curve[k])
			}
		}
	}
	if along(ageCurve, 8) > along(ageCurve, 20)-4 || along(gainCurve, 20) < 7 {
		t.Error("a week of outage is told no worse than three")
	}
}
