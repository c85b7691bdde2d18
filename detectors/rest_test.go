package detectors

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
)

// busy is a building of 40 kW that works late on most days, by up to 60 kW all night, and
// rests on some; block is added to it.
func busy(days int, block func(time.Time) float64) []flatwatt.Reading {
	rng := rand.New(rand.NewPCG(7, 7))
	late := make([]float64, days+2)
	for i := range late {
		if rng.Float64() < 0.7 {
			late[i] = 5 + 55*rng.Float64()
		}
	}
	return home("a", march, days, 1, func(at time.Time) float64 {
		kw := 40 + late[int(at.Sub(march)/daily)] + block(at)
		if h := at.In(shanghai).Hour(); h >= 8 && h < 18 {
			kw += 80
		}
		return kw
	})
}

// A block of half the nights' own swing is measured by the days that rest, in size and time.
func TestRestSeesTheBlockInABusyBuilding(t *testing.T) {
	for _, want := range []float64{12, 25} {
		_, r := scanned(t, busy(60, from(42, want)))
		if !r.ok || math.Abs(r.rise/want-1) > 0.08 || r.bands != numBands || r.misfit > 0.1*want {
			t.Errorf("rest %+v, want a rise of %g kW in all hours", r, want)
		}
		if r.age < 17 || r.age > 24 { // late nights just before it belong to either side
			t.Errorf("rest rose %d days ago, want 18 or a few more", r.age)
		}
	}
	if _, r := scanned(t, busy(60, from(0, 0))); r.ok && r.rise > 6 {
		t.Errorf("a rise of %.1f kW where nothing was added", r.rise)
	}
}

// What runs by day only lifts no rest.
func TestLongerHoursLiftNoRest(t *testing.T) {
	_, r := scanned(t, busy(60, func(at time.Time) float64 {
		if h := at.In(shanghai).Hour(); h >= 6 && h < 22 {
			return from(42, 25)(at)
		}
		return 0
	}))
	if r.ok && r.bands == numBands && r.rise > 6 {
		t.Errorf("rest %+v of longer working hours", r)
	}
}

func TestUnrestIsTheUsualChangeOfAWeeksRest(t *testing.T) {
	var u unrest
	day := flatwatt.Day(7000 * 7)
	for week := range 12 {
		level := 40 + 3*float64(week%2)
		for d := range 7 {
			u.add(day, level+float64(d*d))
			day++
		}
		u.add(day-1, math.NaN())
	}
	if u.weeks != 11 || math.Abs(float64(u.move.Mu)-3) > 0.01 || u.last != 41 && u.last != 44 {
		t.Errorf("unrest %+v, want changes of 3 kW between 41 and 44 over 11 weeks", u)
	}
	before := u
	u.add(day+1, 10) // a week of one day says nothing
	u.add(day+8, 10)
	if u.move != (func() unrest { before.close(); return before }()).move {
		t.Errorf("a week with one day counted: %+v", u)
	}
}
