package cluster

import (
	"testing"

	"github.com/flatwatt/flatwatt"
)

// TestAHolidayOfWorksIsTheirOwn counts how often blocks begin elsewhere by class: after a
// holiday of works neighbours of works say less, and those of homes as much as ever.
func TestAHolidayOfWorksIsTheirOwn(t *testing.T) {
	const homes, works = 0, 1
	s := &Scorer{ids: make([]flatwatt.MeterID, 4000), nodes: []node{{count: 25}}}
	s.inClass[homes], s.inClass[works] = 3600, 400
	for i := range s.ids {
		class, odds := uint8(homes), float32(0)
		if i%10 == 0 {
			class, odds = works, .05 // all works begin something in the same week
		}
		s.classes, s.members = append(s.classes, class), append(s.members, member{Onset: 1000, Odds: odds, KW: 80})
		if odds > 0 {
			s.active = append(s.active, int32(i))
		}
	}
	f := finding{list: []weighed{{i: 0, onset: 1000, odds: .05, kw: 80, class: works}}}
	s.elsewhere(&f)
	if usual := 1 / (rate * Window); f.perQ[homes] != usual || f.perQ[works] > usual/15 {
		t.Errorf("a neighbour's block counts %.0f-fold in homes and %.0f-fold in works, usually %.0f", f.perQ[homes], f.perQ[works], usual)
	}
}

// TestLargeBlocksOfWorksAreNoRareSize holds that three blocks of about 70 kW say little of one
// operator where large blocks are usual, and three of 3 kW as much as before.
func TestLargeBlocksOfWorksAreNoRareSize(t *testing.T) {
	large, small := weighed{kw: 70}, weighed{kw: 3, home: true}
	if a, b := alike(&large, 70), alike(&small, 3); a > 25 || b < 5 {
		t.Errorf("equal sizes count %.0f-fold at 70 kW of works, %.1f-fold at 3 kW of homes", a, b)
	}
	large.home = true
	if a := alike(&large, 70); a < 100 {
		t.Errorf("70 kW in homes are rare: %.0f-fold", a)
	}
}
