package balance_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
)

// Meters that begin their quarter hours elsewhere than at midnight balance all the same.
func TestQuarterHoursMayBeginAnywhere(t *testing.T) {
	s := newStreet(2, 20)
	balanced := func(phase time.Duration) (out []string) {
		b := s.scorer(t)
		tell := func(list []flatwatt.Score) {
			for _, sc := range list {
				out = append(out, fmt.Sprint(sc.Meter, sc.Day, sc.State, sc.LogOdds, sc.Block))
			}
		}
		for i := range s.days * quarters {
			list := s.readings(i)
			for k := range list {
				list[k].Start = list[k].Start.Add(phase)
			}
			tell(b.Score(nil, list))
		}
		tell(b.Close(nil))
		return out
	}
	if got, want := balanced(7*time.Minute), balanced(0); len(want) == 0 || !slices.Equal(got, want) {
		t.Errorf("%d scores at seven past the quarter hour, %d on it: they differ", len(got), len(want))
	}
}
