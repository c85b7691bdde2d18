package balance

import (
	"math"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
)

// A register that stands still for a day leaves a block in the residual on that day: only
// what is there on two days running makes a suspect.
func TestOneDayMakesNoSuspect(t *testing.T) {
	var s Scorer
	st := nodeState{LoadKW: 40}
	states := ""
	for _, odds := range []float64{-6, 4, -6, 4, 4, 4, -6} {
		sc := flatwatt.Score{LogOdds: odds, Block: flatwatt.Estimate{Value: 6}, Onset: flatwatt.Instants{At: time.Unix(0, 0)}}
		s.weigh(&sc, &st, time.UTC)
		if sc.State == flatwatt.Suspect {
			states += "S"
		} else {
			states += "-"
		}
	}
	if states != "----SS-" {
		t.Errorf("suspect on days %s, want ----SS-", states)
	}
	first := nodeState{LoadKW: 40}
	sc := flatwatt.Score{LogOdds: 9, Block: flatwatt.Estimate{Value: 6}, Onset: flatwatt.Instants{At: time.Unix(0, 0)}}
	if s.weigh(&sc, &first, time.UTC); sc.State == flatwatt.Suspect {
		t.Error("a suspect on the first day that is judged")
	}
}

func TestSmallBlocksCountLess(t *testing.T) {
	last := smallBlock(0)
	for _, share := range []float64{.01, .02, .03, .04, .05, .06, .2, 1} {
		if x := smallBlock(share); x < last || x > 0 {
			t.Errorf("%.2f of the load gives %.2f after %.2f", share, x, last)
		} else {
			last = x
		}
	}
	if last != 0 || smallBlock(.01) != smallOdds || smallBlock(math.NaN()) != 0 {
		t.Errorf("large blocks %.2f, 1 %% %.2f, unknown %.2f", last, smallBlock(.01), smallBlock(math.NaN()))
	}
}
