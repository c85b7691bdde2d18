package cluster_test

import (
	"strings"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/detectors/cluster"
)

// over has every block of its inner scorer end on a day.
type over struct {
	flatwatt.Scorer
	day flatwatt.Day
}

func (o *over) Score(dst []flatwatt.Score, readings []flatwatt.Reading) []flatwatt.Score {
	from := len(dst)
	dst = o.Scorer.Score(dst, readings)
	for i := from; i < len(dst); i++ {
		if dst[i].Detector == "customer" && dst[i].Day >= o.day && !dst[i].Onset.At.IsZero() {
			dst[i].Ended = o.day.Start(time.UTC)
		}
	}
	return dst
}

// latest is the last score of every case after so many days more.
func latest(s *cluster.Scorer, days int) map[flatwatt.MeterID]flatwatt.Score {
	found := map[flatwatt.MeterID]flatwatt.Score{}
	for range days {
		for _, sc := range s.Score(nil, make([]flatwatt.Reading, 1)) {
			if sc.Detector == "cluster" {
				found[sc.Meter] = sc
			}
		}
	}
	return found
}

// A case whose blocks have ended is told as ended, and ranks below what still runs.
func TestACaseEndsWithItsBlocks(t *testing.T) {
	end := firstDay + 30
	wrap := func(inner flatwatt.Scorer) flatwatt.Scorer { return &over{inner, end} }
	near := cluster.Rewrap(onGrid(t, blocks(10, 10, 3, .3)), wrap)
	if sc := latest(near, 25)["f0.cluster"]; sc.State != flatwatt.Suspect || !sc.Ended.IsZero() {
		t.Fatalf("before the end the case is %s, ended %v", sc.State, sc.Ended)
	}
	sc := latest(near, 10)["f0.cluster"]
	if sc.State != flatwatt.Ended || !sc.Ended.Equal(end.Start(time.UTC)) || sc.Probability > .001 {
		t.Errorf("a case without blocks is %s, ended %v, probability %.3f; want ended on %v", sc.State, sc.Ended, sc.Probability, end.Start(time.UTC))
	}

	end = firstDay + 65
	far := cluster.Rewrap(distantFleet(t, true), wrap)
	seen := 0
	for id, sc := range latest(far, 70) {
		if !strings.HasPrefix(string(id), "operator/") {
			continue
		}
		seen++
		if sc.State != flatwatt.Ended || !sc.Ended.Equal(end.Start(time.UTC)) || sc.Probability > .001 {
			t.Errorf("operator %s is %s, ended %v, probability %.3f", id, sc.State, sc.Ended, sc.Probability)
		}
	}
	if seen == 0 {
		t.Error("no operator was seen")
	}
}
