package detectors

import (
	"math"
	"strings"
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
	block := func(at time.Time) float64 { return from(20, 6)(at) + from(60, 9.9)(at) }
	last := func(given map[int]float64) (last, day50 flatwatt.Score) {
		scores := afterWords(t, 80, block, given)
		return scores[len(scores)-1], scores[50]
	}
	with, between := last(map[int]float64{40: -4})
	if between.State == flatwatt.Suspect {
		t.Errorf("ten days after the word: %s, probability %.2f", between.State, between.Probability)
	}
	if math.Abs(with.Block.Value-9.9) > 0.5 || with.Onset.At.Sub(march.Add(60*daily)).Abs() > 6*time.Hour {
		t.Errorf("with the word: %.2f kW since %v, want 9.9 since day 60", with.Block.Value, with.Onset.At)
	}
	for name, given := range map[string]map[int]float64{"no word": nil, "a miner was found": {40: 4}, "unclear": {40: -0.5}} {
		if _, s := last(given); s.State != flatwatt.Suspect || !(s.LogOdds > between.LogOdds+2.5) || math.Abs(s.Block.Value-6) > 0.4 {
			t.Errorf("%s: log-odds on day 50 are %.1f (with the word %.1f), block %.2f kW, want 6 still suspected", name, s.LogOdds, between.LogOdds, s.Block.Value)
		}
	}
}

// afterWords are the scores of a home of some days with inspections on some of them.
func afterWords(t *testing.T, days int, block func(time.Time) float64, given map[int]float64) []flatwatt.Score {
	t.Helper()
	book := words{}
	for day, odds := range given {
		book["a"] = append(book["a"], flatwatt.Outside{ID: "1", Meter: "a", Kind: flatwatt.Inspection, LogOdds: odds, Entered: march.Add(time.Duration(day)*daily + 9*time.Hour)})
	}
	f, err := NewFleet(DefaultParams(), testMeters("a"), nil, Options{Book: book})
	if err != nil {
		t.Fatal(err)
	}
	scores := f.Close(f.Score(nil, home("a", march, days, 1, block)))
	if len(scores) != days || scores[0].Day != flatwatt.DayOf(march, shanghai) {
		t.Fatalf("%d scores from %s, want one for each of %d days", len(scores), scores[0].Day, days)
	}
	return scores
}

// A word never makes a meter more suspect, and hides nothing that it was not given for.
func TestOperatorsWordIsForWhatRan(t *testing.T) {
	between := func(from_, to int, kw float64) func(time.Time) float64 {
		return func(at time.Time) float64 { return from(from_, kw)(at) - from(to, kw)(at) }
	}
	both := func(a, b func(time.Time) float64) func(time.Time) float64 {
		return func(at time.Time) float64 { return a(at) + b(at) }
	}
	for _, c := range []struct {
		name   string
		days   int
		block  func(time.Time) float64
		given  map[int]float64
		hidden bool
	}{
		{"an honest home", 60, nil, map[int]float64{40: -4}, true},
		{"a word long before the data", 60, from(-10, 6.6), map[int]float64{-400: -4}, false},
		{"a day's spike, then a miner", 90, both(between(40, 41, 8), from(60, 6.6)), map[int]float64{40: -4}, false},
		{"a machine that leaves, then a miner", 120, both(between(20, 60, 6), from(80, 6.6)), map[int]float64{50: -4}, false},
		{"an older machine that is honest", 60, from(-10, 6.6), map[int]float64{40: -4}, true},
		{"then found to be a miner after all", 60, from(-10, 6.6), map[int]float64{20: -4, 35: 6}, false},
	} {
		with, without := afterWords(t, c.days, c.block, c.given)[c.days-1], afterWords(t, c.days, c.block, nil)[c.days-1]
		if with.LogOdds > without.LogOdds+0.5 || !c.hidden && with.LogOdds < without.LogOdds-2 {
			t.Errorf("%s: %s, log-odds %.2f; without the word %s, %.2f", c.name, with.State, with.LogOdds, without.State, without.LogOdds)
		}
	}
	s := afterWords(t, 60, from(-10, 6.6), map[int]float64{40: -4})[59]
	if len(s.Evidence) != 1 || !(s.Evidence[0].LogOdds < 0) || !strings.Contains(Say(s.Evidence[0], "en"), "an inspection found the floor of 6") {
		t.Errorf("told of an older machine that is honest: %+v", s.Evidence)
	}
}
