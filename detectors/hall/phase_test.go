package hall_test

import (
	"slices"
	"testing"
	"time"
)

// Halls whose intervals begin elsewhere than at midnight are judged all the same.
func TestIntervalsMayBeginAnywhere(t *testing.T) {
	h := halls(t, 6, 45)
	all := readings(h)
	s := newScorer(t, h)
	want := kept(nil, s.Score(nil, all))
	want = kept(want, s.Close(nil))
	for i := range all {
		all[i].Start = all[i].Start.Add(7 * time.Minute)
	}
	s = newScorer(t, h)
	got := kept(nil, s.Score(nil, all))
	got = kept(got, s.Close(nil))
	if len(want) == 0 || !slices.Equal(plain(got), plain(want)) {
		t.Errorf("%d scores at seven past, %d on the grid: they differ", len(got), len(want))
	}
}
