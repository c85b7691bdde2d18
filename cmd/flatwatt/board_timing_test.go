package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
)

// bigBoard is a board of n meters with a score each; one in a hundred is a suspect.
func bigBoard(n int) (*board, []flatwatt.Score) {
	meters, scores := make([]flatwatt.Meter, n), make([]flatwatt.Score, n)
	for i := range meters {
		meters[i] = flatwatt.Meter{ID: flatwatt.MeterID(fmt.Sprintf("m%07d", i)), Zone: time.UTC,
			Extra: map[string]string{"area": "a", "latitude": fmt.Sprint(30 + float64(i%1000)/1000), "longitude": fmt.Sprint(103 + float64(i/1000)/100)}}
		s := flatwatt.Score{Meter: meters[i].ID, Day: 20000, Detector: rankedDetector, State: flatwatt.Normal, Probability: float64(i%100) / 200, LogOdds: float64(i % 977)}
		if i%100 == 99 {
			s.State, s.Probability = flatwatt.Suspect, .99
		}
		for k := range 8 {
			s.Evidence = append(s.Evidence, flatwatt.Evidence{Term: []string{"floor_pf", "mean_level", "noise", "step_factor"}[k%4], Value: float64(i%13) / 13, LogOdds: float64(k-3) / 4})
		}
		scores[i] = s
	}
	b := newBoard("big", meters, nil)
	b.add(0, scores)
	return b, scores
}

// BenchmarkBoardAfterAChange is the first page after new scores: all meters ranked anew.
func BenchmarkBoardAfterAChange(b *testing.B) {
	board, scores := bigBoard(100_000)
	board.Findings()
	for i := 0; b.Loop(); i++ {
		board.add(0, scores[i%1000:i%1000+1])
		board.Findings()
	}
}
