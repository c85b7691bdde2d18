package detectors

import (
	"math"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
)

// words is an OutsideBook of inspections.
type words map[flatwatt.MeterID][]flatwatt.Outside

func (w words) Outside(id flatwatt.MeterID) []flatwatt.Outside  { return w[id] }
func (words) Registered(flatwatt.MeterID) []flatwatt.Registered { return nil }

// An honest machine of 6 kW is inspected on day 40; on day 60 a block of 9.9 kW begins.
// With the operator's word the machine is normal from then on, and the second block is
// judged on its own; without it the machine stays under suspicion.
func TestOperatorsWordReleasesTheBaseline(t *testing.T) {
	readings := home("a", march, 80, 1, func(at time.Time) float64 { return from(20, 6)(at) + from(60, 9.9)(at) })
	last := func(book flatwatt.OutsideBook) (last, day50 flatwatt.Score) {
		f, err := NewFleet(DefaultParams(), testMeters("a"), nil, Options{Book: book})
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range f.Close(f.Score(nil, readings)) {
			if s.Day == flatwatt.DayOf(march.Add(50*daily), shanghai) {
				day50 = s
			}
			last = s
		}
		return last, day50
	}
	word := func(odds float64) words {
		return words{"a": {{ID: "1", Meter: "a", Kind: flatwatt.Inspection, LogOdds: odds, Entered: march.Add(40*daily + 9*time.Hour)}}}
	}
	with, between := last(word(-4))
	if between.State == flatwatt.Suspect {
		t.Errorf("ten days after the word: %s, probability %.2f", between.State, between.Probability)
	}
	if math.Abs(with.Block.Value-9.9) > 0.5 || with.Onset.At.Sub(march.Add(60*daily)).Abs() > 6*time.Hour {
		t.Errorf("with the word: %.2f kW since %v, want 9.9 since day 60", with.Block.Value, with.Onset.At)
	}
	for name, book := range map[string]flatwatt.OutsideBook{"no word": words{}, "a miner was found": word(4), "unclear": word(-0.5)} {
		if _, s := last(book); s.State != flatwatt.Suspect || !(s.LogOdds > between.LogOdds+2.5) || math.Abs(s.Block.Value-6) > 0.4 {
			t.Errorf("%s: log-odds on day 50 are %.1f (with the word %.1f), block %.2f kW, want 6 still suspected", name, s.LogOdds, between.LogOdds, s.Block.Value)
		}
	}
}
