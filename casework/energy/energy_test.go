package energy

import (
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
)

// TestSumByCivilDays adds 0.1 kWh an interval over the two days on which Berlin changes its
// clocks: days of 23 and 25 hours, sums in exact decimals.
func TestSumByCivilDays(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	m := flatwatt.Meter{ID: "m", Zone: zone, Interval: 15 * time.Minute}
	for day, want := range map[string]string{"2026-03-29": "9.2", "2026-10-25": "10", "2026-06-01": "9.6"} {
		d, _, _ := Dates(day, day)
		var list []flatwatt.Reading
		for at := (d - 1).Start(zone); at.Before((d + 2).Start(zone)); at = at.Add(m.Interval) {
			list = append(list, flatwatt.Reading{Meter: "m", Start: at, Length: m.Interval, Energy: 0.1})
		}
		got := Sum(m, list, d, d, 0)
		if len(got) != 1 || got[0].KWh.String() != want || got[0].MissingShare != 0 {
			t.Errorf("%s: %+v, want %s", day, got, want)
		}
	}
	if got := Sum(m, nil, 5, 4, 0); got != nil {
		t.Errorf("days that end before they begin: %v", got)
	}
	at := flatwatt.Day(20000).Start(zone)
	got := Sum(m, []flatwatt.Reading{
		{Start: at, Length: m.Interval, Energy: -3}, {Start: at.Add(m.Interval), Length: m.Interval, Energy: 2, Quality: flatwatt.Estimated},
	}, 20000, 20001, 4) // at most 4 kW: 1 kWh a quarter
	if len(got) != 2 || got[0].KWh.String() != "1" || got[0].EstimatedPart != 0.5 || got[1].MissingShare != 1 {
		t.Errorf("%+v", got)
	}
	for _, bad := range [][2]string{{"x", "2026-01-01"}, {"1900-01-01", "2026-01-01"}} {
		if _, _, err := Dates(bad[0], bad[1]); err == nil {
			t.Errorf("%v are taken", bad)
		}
	}
}
