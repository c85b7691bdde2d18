package cluster_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/detectors/cluster"
	"github.com/flatwatt/flatwatt/simulate"
)

func distantConfig(seed uint64, meters, operators int) simulate.Config {
	cfg := configOf(seed, meters, operators)
	cfg.Clusters.Distant = true
	return cfg
}

// operators are the distant cases of a run's last day, by name.
func operators(r *run) map[flatwatt.MeterID]flatwatt.Score {
	found := map[flatwatt.MeterID]flatwatt.Score{}
	for id, list := range r.cases {
		if strings.HasPrefix(string(id), "operator/") {
			found[id] = list[len(list)-1]
		}
	}
	return found
}

func membersOf(sc flatwatt.Score) (ids []flatwatt.MeterID) {
	for _, e := range sc.Evidence {
		if id, ok := cluster.MemberOf(e); ok {
			ids = append(ids, id)
		}
	}
	return ids
}

// TestFiguresOfDistantOperators counts operators that are found, members named rightly and
// wrongly, and cases of fleets that have no operator.
func TestFiguresOfDistantOperators(t *testing.T) {
	if !*figures {
		t.Skip("run with -figures")
	}
	var lo, hi uint64
	fmt.Sscanf(*seeds, "%d-%d", &lo, &hi)
	var due, found, members, named, wrong, false0 int
	meterMonths := 0.0
	for seed := lo; seed <= hi; seed++ {
		for _, n := range []int{2, 0} {
			g, err := simulate.New(distantConfig(seed, 800, n))
			if err != nil {
				t.Fatal(err)
			}
			series, _ := draw(g)
			r := scored(t, g, series)
			cases := operators(r)
			if n == 0 {
				false0 += len(cases)
				meterMonths += 800 * 3
			}
			used := map[flatwatt.MeterID]bool{}
			for c := range g.Clusters() {
				due, members = due+1, members+len(c.Members)
				best := 0
				var of flatwatt.MeterID
				for id, sc := range cases {
					hits := 0
					for _, m := range membersOf(sc) {
						hits += btoi(slices.Contains(c.Members, m))
					}
					if hits > best {
						best, of = hits, id
					}
				}
				if best >= 3 {
					found++
					named += best
					wrong += len(membersOf(cases[of])) - best
					used[of] = true
				}
				t.Logf("seed %d: operator of %d members, first block on day %.0f: %d named by %s", seed, len(c.Members), c.First, best, of)
			}
			for id, sc := range cases {
				if n > 0 && !used[id] || n == 0 {
					t.Logf("seed %d with %d operators: false case %s of %d members, log odds %.1f", seed, n, id, len(membersOf(sc)), sc.LogOdds)
				}
			}
		}
	}
	t.Logf("found %d of %d operators; %d of their %d members named, %d wrongly; %d false cases in %.0f meter-months without operators", found, due, named, members, wrong, false0, meterMonths)
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
