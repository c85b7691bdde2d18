package main

import (
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
)

// Which end is stamped shows where data begin and end.
func TestStampGuess(t *testing.T) {
	shanghai, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	f := func(name string, zone *time.Location, interval, shift time.Duration, convention, midnight string, certain bool) {
		t.Helper()
		s := &survey{meters: map[flatwatt.MeterID]*surveyed{}, zone: zone}
		first := time.Date(2026, 3, 1, 0, 0, 0, 0, shanghai).UTC()
		for _, id := range []flatwatt.MeterID{"a", "b", "c"} {
			s.meters[id] = &surveyed{first: first.Add(shift), last: first.Add(shift + 48*time.Hour), interval: interval}
		}
		if g := s.stamps(zone != nil); g.Convention != convention || g.Midnight != midnight || g.Certain != certain || g.Of != 3 {
			t.Errorf("%s: %+v", name, g)
		}
	}
	const quarter = 15 * time.Minute
	f("right", shanghai, quarter, 0, "start", "", true)
	f("late", shanghai, quarter, quarter, "end", "", true)
	f("any hour", shanghai, quarter, 7*time.Hour, "unknown", "", true)
	f("right, zone unknown", nil, quarter, 0, "start", "16:00", true)
	f("late, zone unknown", nil, quarter, quarter, "end", "16:00", true)
	f("hourly, zone unknown", nil, time.Hour, time.Hour, "unknown", "17:00", true)
}
