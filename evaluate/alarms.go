package evaluate

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/flatwatt/flatwatt"
)

// daysPerMonth is the mean Gregorian month.
const daysPerMonth = 365.2425 / 12

// An event is one day's score of a meter that is no miner; at is the index of its case.
type event struct {
	probability float64
	at          int
	day         flatwatt.Day
}

// falseEvents are the daily scores of all non-miners, the most probable first.
func falseEvents(cases []*meterCase) []event {
	var out []event
	for i, c := range cases {
		if c.miner() {
			continue
		}
		for _, s := range c.daily {
			out = append(out, event{s.Probability, i, s.Day})
		}
	}
	slices.SortFunc(out, func(a, b event) int {
		return cmp.Or(cmp.Compare(b.probability, a.probability), cmp.Compare(a.at, b.at), cmp.Compare(a.day, b.day))
	})
	return out
}

// thresholdAt is the lowest probability p such that raising an alarm at ≥ p, or at
// anything higher, makes at most allowed false-alarm episodes. An episode is a run of
// days at or above the threshold; it ends after quiet days below it (a day without a
// score counts as below). weight says how often each case is in the sample.
//
// Episodes are not monotone in the threshold (a high one splits a long episode in two),
// hence "or at anything higher": the budget holds however the threshold is then moved up.
// The walk goes down from the highest score and stops once the budget is spent, so its
// cost is that of the few days above it. The result is just above the score that would
// have broken the budget, so it may be lower than every false score above it; it is 0
// where nothing breaks it, and may exceed 1 where even probability 1 does.
func thresholdAt(events []event, weight []int, allowed float64, quiet int) float64 {
	above := map[int][]flatwatt.Day{}
	episodes := 0
	for i := 0; i < len(events); {
		p := events[i].probability
		for ; i < len(events) && events[i].probability == p; i++ {
			e := events[i]
			if weight[e.at] == 0 {
				continue
			}
			days, added := insertDay(above[e.at], e.day, quiet)
			above[e.at] = days
			episodes += added * weight[e.at]
		}
		if float64(episodes) > allowed {
			return math.Nextafter(p, 2)
		}
	}
	return 0
}

// insertDay puts d into the sorted days above a threshold and says by how much that
// changes the number of episodes: −1, where d joins two, 0 or +1.
func insertDay(days []flatwatt.Day, d flatwatt.Day, quiet int) ([]flatwatt.Day, int) {
	at, _ := slices.BinarySearch(days, d)
	apart := func(a, b flatwatt.Day) int {
		if int(b-a) > quiet { // at least quiet whole days lie between them
			return 1
		}
		return 0
	}
	change := 0
	switch {
	case len(days) == 0:
		change = 1
	case at == 0:
		change = apart(d, days[0])
	case at == len(days):
		change = apart(days[at-1], d)
	default:
		change = apart(days[at-1], d) + apart(d, days[at]) - apart(days[at-1], days[at])
	}
	return slices.Insert(days, at, d), change
}

// meterMonths is the time for which the sampled non-miners were scored.
func meterMonths(cases []*meterCase, weight []int) float64 {
	days := 0
	for i, c := range cases {
		if !c.miner() {
			days += len(c.daily) * weight[i]
		}
	}
	return float64(days) / daysPerMonth
}

// detection is when c is first at or above threshold at the close of a day that ends
// after its onset; for a block older than the data, on any day. standing reports that
// an alarm was already running when the block began, so that the detector was lucky.
func (c *meterCase) detection(threshold float64, quiet int) (at time.Time, standing, ok bool) {
	for i, s := range c.daily {
		end := c.close(s.Day)
		if s.Probability < threshold || !end.After(c.truth.Onset) {
			continue
		}
		if !c.truth.Onset.IsZero() {
			standing = alarmBefore(c.daily[:i], s.Day, threshold, quiet)
		}
		return end, standing, true
	}
	return time.Time{}, false, false
}

// alarmBefore reports an alarm in the quiet days before d, so that d only prolongs it.
func alarmBefore(daily []DayScore, d flatwatt.Day, threshold float64, quiet int) bool {
	for i := len(daily) - 1; i >= 0 && int(d-daily[i].Day) <= quiet; i-- {
		if daily[i].Probability >= threshold {
			return true
		}
	}
	return false
}

// delayDays is the time from onset to the close of the day that raised the alarm, in
// days of 24 hours, +Inf where none did; ok is false for what is no miner with an onset.
func (c *meterCase) delayDays(threshold float64, quiet int) (days float64, ok bool) {
	if !c.onsetCase() {
		return 0, false
	}
	at, _, found := c.detection(threshold, quiet)
	if !found {
		return math.Inf(1), true
	}
	return at.Sub(c.truth.Onset).Hours() / 24, true
}
