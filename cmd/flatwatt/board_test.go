package main

import (
	"testing"

	"github.com/flatwatt/flatwatt"
)

// TestBoardMergesWhatIsNew: a board that was asked after every few scores ranks as one
// that was asked once, whatever moved up or down.
func TestBoardMergesWhatIsNew(t *testing.T) {
	asked, scores := bigBoard(300)
	_ = asked.Findings()
	once, _ := bigBoard(300)
	for i := range 200 {
		k := i * 7 % 300
		s := scores[k]
		s.Day++
		s.Probability, s.LogOdds = float64(i*37%101)/101, float64(i%13)
		asked.add(0, []flatwatt.Score{s})
		once.add(0, []flatwatt.Score{s})
		if i%3 == 0 {
			_ = asked.Findings()
		}
	}
	got, want := asked.Findings(), once.Findings()
	if len(got) != 300 || len(want) != 300 {
		t.Fatalf("%d and %d findings", len(got), len(want))
	}
	for i := range want {
		if got[i].Score.Meter != want[i].Score.Meter || got[i].Rank != i+1 || got[i].Score.Probability != want[i].Score.Probability {
			t.Fatalf("place %d: %s of rank %d, want %s", i, got[i].Score.Meter, got[i].Rank, want[i].Score.Meter)
		}
		if i > 0 && compareFindings(got[i-1], got[i]) >= 0 {
			t.Fatalf("place %d is out of order", i)
		}
		if f, ok := asked.Finding(got[i].Score.Meter); !ok || f.Rank != i+1 {
			t.Fatalf("%s is found at %d", got[i].Score.Meter, f.Rank)
		}
	}
}
