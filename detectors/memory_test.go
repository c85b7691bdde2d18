package detectors

import (
	"math"
	"testing"

	"github.com/flatwatt/flatwatt"
)

// What multiplies a meter's load is held against what was thought of it before the rise, also
// where the rise was first dated as a block and the mean began anew with it.
func TestMemoryKnowsTheMeanFromBeforeARise(t *testing.T) {
	var m memory
	var theDay day
	at := flatwatt.Day(100)
	days := func(n int, odds float64, found finding) {
		for range n {
			m.remember(&judgement{today: at, day: &theDay}, odds, found)
			at++
		}
	}
	if _, known := m.until(100); known {
		t.Error("a meter of no days has a mean")
	}
	days(20, -5, finding{})
	if odds, known := m.until(120); !known || math.Abs(odds+5) > 0.01 {
		t.Errorf("after twenty days of −5: %.2f, known %v", odds, known)
	}
	days(10, 2, finding{start: 120})
	if odds, known := m.until(120); !known || math.Abs(odds+5) > 0.01 {
		t.Errorf("ten days after a rise that was dated: %.2f, known %v; want −5", odds, known)
	}
	days(30, 3, finding{start: 120})
	if odds, known := m.until(160); !known || odds < 2 {
		t.Errorf("a later rise, after weeks of 2 and 3: %.2f, known %v", odds, known)
	}

	m, at = memory{}, 100
	days(3, -5, finding{})
	days(5, 2, finding{start: 103})
	if odds, known := m.until(103); known {
		t.Errorf("three days are no mean, but %.2f", odds)
	}
}

// A change that is plainly honest is accepted after two weeks, one that is merely unlikely to
// be a miner after six, one that may be a miner never.
func TestAcceptanceOfAChange(t *testing.T) {
	f := &Fleet{}
	for _, c := range []struct {
		days     uint16
		odds     float64
		accepted bool
	}{
		{14, -6.5, false}, {15, -6.5, true}, {15, -5.5, false}, {44, -5.5, false}, {45, -5.5, true}, {300, -3.9, false}, {300, math.NaN(), false},
	} {
		m := &customer{}
		m.ep.phase, m.ep.days = open, c.days
		if f.absorbIfHonest(m, c.odds); (m.ep.phase != open) != c.accepted {
			t.Errorf("after %d days at %.1f: accepted %v, want %v", c.days, c.odds, !c.accepted, c.accepted)
		}
	}
}
