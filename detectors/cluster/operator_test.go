package cluster_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/detectors/cluster"
	"github.com/flatwatt/flatwatt/network"
)

// floored tells hourly floors beside what said says.
type floored struct {
	said
	see   func(*flatwatt.Score, *[24]float64)
	floor func(id flatwatt.MeterID, hour int) float64 // hours since the first day
}

func (f *floored) Score(dst []flatwatt.Score, readings []flatwatt.Reading) []flatwatt.Score {
	for range readings {
		from := len(dst)
		dst = f.said.Score(dst, readings[:1])
		for i := from; i < len(dst); i++ {
			var z [24]float64
			for h := range z {
				z[h] = f.floor(dst[i].Meter, int(f.last)*24+h)
			}
			f.see(&dst[i], &z)
		}
	}
	return dst
}

// farApart has 26 meters far apart with the blocks that block tells of each, among 200; floor is
// that of the k-th of them by hour, of the others for −1.
func farApart(t *testing.T, block func(k int) said1, floor func(k, hour int) float64) *cluster.Scorer {
	t.Helper()
	meters := grid()
	net, _ := network.New(network.Parents(meters), nil)
	f := &floored{said: said{blocks: map[flatwatt.MeterID]said1{}}}
	for _, m := range meters[:200] {
		f.ids = append(f.ids, m.ID)
	}
	number := map[flatwatt.MeterID]int{}
	for k := range 26 {
		id := flatwatt.MeterID(fmt.Sprintf("c%03d", (k*37)%200))
		number[id], f.blocks[id] = k, block(k)
	}
	f.floor = func(id flatwatt.MeterID, hour int) float64 {
		k, known := number[id]
		if !known {
			k = -1
		}
		return floor(k, hour)
	}
	s := cluster.New(f, meters, meters, net)
	f.see = s.Floors
	return s
}

// distantFleet has blocks of 3 kW begun on different days. The first six step by firmware on
// days 40 and 52; the others step on days of their own, and all rise together in a cold night
// of day 30.
func distantFleet(t *testing.T, together bool) *cluster.Scorer {
	t.Helper()
	r := rand.New(rand.NewPCG(7, 7))
	block := func(k int) said1 { return said1{flatwatt.Day(2 + 9*k%27), 3 + .03*float64(k%4), .08} }
	return farApart(t, block, func(k, hour int) float64 {
		kw := .2 + .03*r.NormFloat64()
		if k < 0 {
			return kw
		}
		k++
		share := 1.0
		first, second := 40*24+14, 52*24+3
		if k > 6 || !together {
			first, second = (33+k)*24+(7*k)%24, (62-k/2)*24+(5*k)%24
		}
		if hour >= first {
			share = .82
		}
		if hour >= second {
			share = 1.08
		}
		if hour >= 30*24+5 {
			share += .07
		}
		return kw + 3*share
	})
}

// operatorsAfter leaves out cases of neighbours: so many blocks in a month make some.
func operatorsAfter(s *cluster.Scorer, days int) map[flatwatt.MeterID]flatwatt.Score {
	found := casesAfter(s, days)
	for id := range found {
		if !strings.HasPrefix(string(id), "operator/") {
			delete(found, id)
		}
	}
	return found
}

func TestDistantMembersOfOneOperator(t *testing.T) {
	cases := operatorsAfter(distantFleet(t, true), 60)
	if len(cases) != 1 {
		t.Fatalf("%d cases, want that of the operator", len(cases))
	}
	for id, sc := range cases {
		members := membersOf(sc)
		slices.Sort(members)
		if want := "[c000 c037 c074 c111 c148 c185]"; fmt.Sprint(members) != want || !strings.HasPrefix(string(id), "operator/") {
			t.Errorf("%s names %v, want %s", id, members, want)
		}
		if !slices.ContainsFunc(sc.Evidence, func(e flatwatt.Evidence) bool { return cluster.IsShared(e) && e.Value == 2 }) {
			t.Errorf("evidence does not tell of two shared steps: %+v", sc.Evidence)
		}
	}
}

// A cold night that moves all floors makes no operator.
func TestStepsOfTheirOwnMakeNoOperator(t *testing.T) {
	for id, sc := range operatorsAfter(distantFleet(t, false), 60) {
		t.Errorf("case %s of %v", id, membersOf(sc))
	}
}

// oftenFleet has three sure blocks that step together on day 40; the second and the third step every
// third day besides where often.
func oftenFleet(t *testing.T, often bool) *cluster.Scorer {
	t.Helper()
	r := rand.New(rand.NewPCG(8, 8))
	block := func(k int) said1 {
		if k < 3 {
			return said1{flatwatt.Day(1 + 9*k%27), 3, .95}
		}
		return said1{flatwatt.Day(1 + 9*k%27), 3, .08}
	}
	return farApart(t, block, func(k, hour int) float64 {
		share := 1.0
		if k >= 0 && k < 3 && hour >= 40*24+14 {
			share = .7
		}
		if often && k > 0 && k < 3 {
			share += .2 * float64((hour-2-12*(k-1))/72%2)
		}
		return .2 + .03*r.NormFloat64() + 3*share
	})
}

// A meter that steps every third day steps with somebody by chance, one that hardly ever does not.
func TestFrequentStepsSayLess(t *testing.T) {
	if n := len(operatorsAfter(oftenFleet(t, false), 60)); n != 1 {
		t.Errorf("%d cases of three meters whose only step is the same one, want 1", n)
	}
	for id, sc := range operatorsAfter(oftenFleet(t, true), 60) {
		t.Errorf("case %s of %v, two of which step every third day: %+v", id, membersOf(sc), sc.Evidence)
	}
}
