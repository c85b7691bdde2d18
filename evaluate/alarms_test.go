package evaluate

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
	"pgregory.net/rapid"
)

func dayScores(id flatwatt.MeterID, from flatwatt.Day, p ...float64) []DayScore {
	var out []DayScore
	for i, x := range p {
		out = append(out, DayScore{Meter: id, Day: from + flatwatt.Day(i), Probability: x})
	}
	return out
}

// slowEpisodes walks the days of one meter.
func slowEpisodes(daily []DayScore, threshold float64, quiet int) int {
	n, lastAbove := 0, flatwatt.Day(-1<<20)
	for _, s := range daily {
		if s.Probability >= threshold {
			if int(s.Day-lastAbove)-1 >= quiet { // whole days between the two
				n++
			}
			lastAbove = s.Day
		}
	}
	return n
}

// slowThreshold tries every score as a threshold, from the top.
func slowThreshold(cases []*meterCase, weight []int, allowed float64, quiet int) float64 {
	var levels []float64
	for i, c := range cases {
		for _, s := range c.daily {
			if weight[i] > 0 && !c.miner() {
				levels = append(levels, s.Probability)
			}
		}
	}
	slices.Sort(levels)
	slices.Reverse(levels)
	for _, p := range levels {
		n := 0
		for i, c := range cases {
			if !c.miner() {
				n += weight[i] * slowEpisodes(c.daily, p, quiet)
			}
		}
		if float64(n) > allowed {
			return math.Nextafter(p, 2)
		}
	}
	return 0
}

func TestThresholdAgreesWithSlowReference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var cases []*meterCase
		var weight []int
		for range rapid.IntRange(1, 6).Draw(t, "meters") {
			c := &meterCase{}
			day := flatwatt.Day(0)
			for range rapid.IntRange(0, 25).Draw(t, "days") {
				day += flatwatt.Day(rapid.IntRange(1, 5).Draw(t, "gap")) // missing days
				c.daily = append(c.daily, DayScore{Day: day, Probability: float64(rapid.IntRange(0, 9).Draw(t, "p")) / 9})
			}
			if rapid.IntRange(0, 4).Draw(t, "miner") == 0 {
				c.truth.Label = flatwatt.Miner
			}
			cases, weight = append(cases, c), append(weight, rapid.IntRange(0, 3).Draw(t, "weight"))
		}
		quiet := rapid.IntRange(1, 6).Draw(t, "quiet")
		allowed := rapid.Float64Range(0, 12).Draw(t, "allowed")
		got := thresholdAt(falseEvents(cases), weight, allowed, quiet)
		if want := slowThreshold(cases, weight, allowed, quiet); got != want {
			t.Fatalf("threshold %v, slow %v", got, want)
		}
	})
}

func TestEpisodeEndsAfterQuietDays(t *testing.T) {
	f := func(below, quiet, want int) {
		t.Helper()
		p := append(append([]float64{0.9}, make([]float64, below)...), 0.9)
		c := &meterCase{daily: dayScores("a", 0, p...)}
		events := falseEvents([]*meterCase{c})
		// With want episodes allowed nothing breaks the budget until probability 0.
		if got := thresholdAt(events, []int{1}, float64(want), quiet); got > 0.9 {
			t.Errorf("%d days below: more than %d episodes", below, want)
		}
		if got := thresholdAt(events, []int{1}, float64(want)-1, quiet); got <= 0.9 {
			t.Errorf("%d days below: fewer than %d episodes", below, want)
		}
	}
	f(13, 14, 1) // 13 days below do not end an episode
	f(14, 14, 2) // 14 do
	f(0, 14, 1)
}

func TestDetection(t *testing.T) {
	onset := time.Date(2025, 3, 10, 6, 0, 0, 0, time.UTC)
	day := flatwatt.DayOf(onset, time.UTC)
	f := func(name string, p []float64, wantDays float64, standing bool) {
		t.Helper()
		c := &meterCase{
			truth: flatwatt.Truth{Label: flatwatt.Miner, Onset: onset},
			daily: dayScores("m", day-3, p...),
		}
		_, lucky, _ := c.detection(0.5, 14)
		if days, ok := c.delayDays(0.5, 14); !ok || !near(days, wantDays) || lucky != standing {
			t.Errorf("%s: %v days, standing %v, want %v, %v", name, days, lucky, wantDays, standing)
		}
	}
	f("on the day itself, which closes 18 h after", []float64{0, 0, 0, 0.6}, 0.75, false)
	f("at the threshold exactly, two days later", []float64{0, 0, 0, 0, 0, 0.5}, 2.75, false)
	f("an alarm from before the onset does not count by itself", []float64{0.9, 0, 0, 0, 0}, math.Inf(1), false)
	f("an alarm that was already running", []float64{0, 0, 0.9, 0.9}, 0.75, true)
	f("never", []float64{0, 0, 0, 0.4, 0.49}, math.Inf(1), false)
	f("nothing scored", nil, math.Inf(1), false)
}

func TestDetectionClosesTheDayInTheMetersZone(t *testing.T) {
	zone := time.FixedZone("+8", 8*3600)
	onset := time.Date(2025, 3, 10, 0, 0, 0, 0, zone)
	c := &meterCase{
		meter: flatwatt.Meter{Zone: zone},
		truth: flatwatt.Truth{Label: flatwatt.Miner, Onset: onset.UTC()},
		daily: dayScores("m", flatwatt.DayOf(onset, zone)-1, 0.9, 0.9),
	}
	// The day before closes at the very moment of the onset: it has seen none of it.
	if days, _ := c.delayDays(0.5, 14); !near(days, 1) {
		t.Errorf("found after %v days, want 1", days)
	}
}
