package main

import (
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/console"
)

// TestStanding counts by hand: two miners above the first honest meter; below it one that
// ended, one that began yesterday, one missed, one older than the data, one bypass.
func TestStanding(t *testing.T) {
	last := time.Date(2026, 3, 31, 0, 0, 0, 0, time.UTC)
	f := func(label flatwatt.Label, daysAgo int, note string) console.Finding {
		truth := &flatwatt.Truth{Label: label, Note: note}
		if daysAgo > 0 {
			truth.Onset = last.AddDate(0, 0, -daysAgo)
		}
		return console.Finding{Truth: truth, Score: flatwatt.Score{Start: last}}
	}
	got := standing([]console.Finding{
		f(flatwatt.Miner, 40, ""), f(flatwatt.Miner, 2, ""),
		f(flatwatt.LegitChange, 30, "heat pump"),
		f(flatwatt.Miner, 60, "home: ends 2026-03-01T00:00:00Z"), f(flatwatt.Miner, 1, ""), f(flatwatt.Miner, 50, ""),
		f(flatwatt.Miner, 0, ""), f(flatwatt.Miner, 20, "bypass"),
	})
	want := "2 of 5 planted miners with an onset rank above every honest meter; ended and lower: 1; " +
		"begun in the last 7 days and lower: 1; older than the data, not counted: 1; bypassing their meter, not counted: 1."
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
