package cluster_test

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/detectors"
	"github.com/flatwatt/flatwatt/detectors/cluster"
	"github.com/flatwatt/flatwatt/network"
	"github.com/flatwatt/flatwatt/simulate"
)

var (
	figures = flag.Bool("figures", false, "measure the figures of docs/network.md on simulated fleets (minutes)")
	seeds   = flag.String("seeds", "601-606", "of the fleets to measure")
	verbose = flag.Bool("cases", false, "print every case")
)

func configOf(seed uint64, meters, clusters int) simulate.Config {
	cfg := simulate.DefaultConfig()
	cfg.Seed, cfg.Meters, cfg.Days = seed, meters, 90
	cfg.Grid.Meters = false
	cfg.Clusters.Count = clusters
	return cfg
}

// wrapped is the detector of customers of a fleet with clusters on top.
func wrapped(t testing.TB, g *simulate.Generator) *cluster.Scorer {
	t.Helper()
	f, err := detectors.NewFleet(detectors.DefaultParams(), g.Meters(), g.Weather(), detectors.Options{})
	if err != nil {
		t.Fatal(err)
	}
	net, faults := network.New(gridOf(g), nil)
	if len(faults) > 0 {
		t.Fatal(faults[0])
	}
	s := cluster.New(f, g.Meters(), g.Meters(), net)
	f.SeeFloors(s.Floors)
	return s
}

// gridOf are the links of a fleet whose transformers and feeders bear no meters.
func gridOf(g *simulate.Generator) []network.Link {
	links := network.Parents(g.Meters())
	up := map[flatwatt.MeterID]flatwatt.MeterID{}
	cfg := g.Config().Grid
	for i, m := range g.Meters() {
		up[m.Parent] = flatwatt.MeterID(fmt.Sprintf("f%05d", i/cfg.CustomersPerTransformer/cfg.TransformersPerFeeder))
	}
	tops := map[flatwatt.MeterID]bool{}
	for t, f := range up {
		links = append(links, network.Link{Child: t, Parent: f, Kind: flatwatt.Transformer})
		if !tops[f] {
			tops[f] = true
			links = append(links, network.Link{Child: f, Kind: flatwatt.Feeder})
		}
	}
	return links
}

func draw(g *simulate.Generator) (series []flatwatt.Series, truth map[flatwatt.MeterID]flatwatt.Truth) {
	truth = map[flatwatt.MeterID]flatwatt.Truth{}
	for s, tr := range g.All(context.Background()) {
		series = append(series, s)
		truth[s.Meter] = tr
	}
	return series, truth
}

// stream yields the readings of series interval by interval, as they come in.
func stream(series []flatwatt.Series, score func([]flatwatt.Reading)) {
	n := 0
	for _, s := range series {
		n = max(n, len(s.Energy))
	}
	var batch []flatwatt.Reading
	for i := range n {
		batch = batch[:0]
		for k := range series {
			if i < len(series[k].Energy) {
				if r, ok := series[k].Reading(i); ok {
					batch = append(batch, r)
				}
			}
		}
		score(batch)
	}
}

// A run is what a fleet's scores came to.
type run struct {
	alone map[flatwatt.MeterID]flatwatt.Day // first day on which a meter alone was a suspect
	cases map[flatwatt.MeterID][]flatwatt.Score
	named map[flatwatt.MeterID]flatwatt.Day // first day on which a suspected case named a meter
}

func scored(t testing.TB, g *simulate.Generator, series []flatwatt.Series) *run {
	s := wrapped(t, g)
	r := &run{map[flatwatt.MeterID]flatwatt.Day{}, map[flatwatt.MeterID][]flatwatt.Score{}, map[flatwatt.MeterID]flatwatt.Day{}}
	var scores []flatwatt.Score
	stream(series, func(batch []flatwatt.Reading) {
		scores = s.Score(scores[:0], batch)
		r.take(scores)
	})
	r.take(s.Close(scores[:0]))
	return r
}

func (r *run) take(scores []flatwatt.Score) {
	first := func(m map[flatwatt.MeterID]flatwatt.Day, id flatwatt.MeterID, d flatwatt.Day) {
		if _, ok := m[id]; !ok {
			m[id] = d
		}
	}
	for _, sc := range scores {
		switch {
		case sc.Detector == "cluster":
			sc.Evidence = slices.Clone(sc.Evidence)
			r.cases[sc.Meter] = append(r.cases[sc.Meter], sc)
			for _, e := range sc.Evidence {
				if id, ok := cluster.MemberOf(e); ok && sc.State == flatwatt.Suspect {
					first(r.named, id, sc.Day)
				}
			}
		case sc.State == flatwatt.Suspect:
			first(r.alone, sc.Meter, sc.Day)
		}
	}
}

// A planned is one operator and when it was seen; days since its first block, Inf: never.
type planned struct {
	seed                    uint64
	feeder                  flatwatt.MeterID
	found, firstAlone, half float64
	members, named          int
	advance                 []float64 // by member: days by which the case named it earlier than its own alarm
	fourth                  float64   // when the fourth block had begun
}

func compare(g *simulate.Generator, r *run, truth map[flatwatt.MeterID]flatwatt.Truth) (list []planned) {
	end := flatwatt.DayOf(g.Start(), time.UTC) + flatwatt.Day(g.Config().Days)
	for c := range g.Clusters() {
		p := planned{seed: g.Config().Seed, feeder: c.Feeder, found: math.Inf(1), members: len(c.Members)}
		zero := flatwatt.DayOf(g.Start().Add(time.Duration(c.First*24)*time.Hour), time.FixedZone("", 8*3600))
		for _, sc := range r.cases[cluster.CaseOf(c.Feeder)] {
			if sc.State == flatwatt.Suspect {
				p.found = float64(sc.Day - zero)
				break
			}
		}
		var alone, onsets []float64
		for _, m := range c.Members {
			onsets = append(onsets, truth[m].Onset.Sub(g.Start()).Hours()/24-c.First)
			own, ok := r.alone[m]
			if !ok {
				own = end // never within the data: later than this
			}
			named, ok := r.named[m]
			if !ok {
				named = end
			} else {
				p.named++
			}
			p.advance = append(p.advance, float64(own-named))
			d := float64(own - zero)
			if own == end {
				d = math.Inf(1)
			}
			alone = append(alone, d)
		}
		slices.Sort(alone)
		slices.Sort(onsets)
		p.firstAlone, p.half, p.fourth = alone[0], alone[(len(alone)-1)/2], onsets[min(3, len(onsets)-1)]
		list = append(list, p)
	}
	return list
}

func seedList(t testing.TB) (list []uint64) {
	var lo, hi uint64
	if _, err := fmt.Sscanf(*seeds, "%d-%d", &lo, &hi); err != nil {
		t.Fatalf("-seeds %s: want first-last", *seeds)
	}
	for s := lo; s <= hi; s++ {
		list = append(list, s)
	}
	return list
}

func TestFigures(t *testing.T) {
	if !*figures {
		t.Skip("measures for minutes: go test ./detectors/cluster -run Figures -figures -v")
	}
	var plans []planned
	months, falseCases := 0.0, 0
	for _, seed := range seedList(t) {
		for _, clusters := range []int{0, 3} {
			g, err := simulate.New(configOf(seed, 4000, clusters))
			if err != nil {
				t.Fatal(err)
			}
			series, truth := draw(g)
			r := scored(t, g, series)
			if clusters == 0 {
				months += float64(4000/25+4000/200) * 90 / 30.4
				falseCases += len(r.cases)
				for id, list := range r.cases {
					best := slices.MaxFunc(list, func(a, b flatwatt.Score) int { return cmp.Compare(a.LogOdds, b.LogOdds) })
					t.Logf("false case: seed %d %s log odds %.1f %v", seed, id, best.LogOdds, best.Evidence)
				}
				continue
			}
			plans = append(plans, compare(g, r, truth)...)
		}
	}
	t.Logf("without operators: %d cases in %.0f node-months", falseCases, months)
	report(t, plans)
}

func report(t testing.TB, plans []planned) {
	var beforeFirst, beforeHalf, advance, found []float64
	members, named := 0, 0
	for _, p := range plans {
		if *verbose {
			t.Logf("seed %d %s found on day %.0f, fourth block on %.1f, alone: first %.0f, half %.0f; named %d of %d, advance %v",
				p.seed, p.feeder, p.found, p.fourth, p.firstAlone, p.half, p.named, p.members, p.advance)
		}
		members, named = members+p.members, named+p.named
		found = append(found, p.found)
		beforeFirst = append(beforeFirst, p.firstAlone-p.found)
		beforeHalf = append(beforeHalf, p.half-p.found)
		advance = append(advance, p.advance...)
	}
	t.Logf("%d operators; days from the first block to the case: %s", len(plans), quartiles(found))
	t.Logf("days before the first member alarms alone: %s", quartiles(beforeFirst))
	t.Logf("days before half the members alarm alone: %s, at least 2 for %.0f %%", quartiles(beforeHalf), 100*shareFrom(beforeHalf, 2))
	t.Logf("by member (%d of %d named): %s, at least 2 for %.0f %%", named, members, quartiles(advance), 100*shareFrom(advance, 2))
}

func quartiles(x []float64) string {
	x = slices.Clone(x)
	slices.Sort(x)
	at := func(q float64) float64 { return x[int(q*float64(len(x)-1))] }
	return fmt.Sprintf("median %.1f (quartiles %.1f, %.1f)", at(.5), at(.25), at(.75))
}

func shareFrom(x []float64, least float64) float64 {
	n := 0.0
	for _, v := range x {
		if v >= least {
			n++
		}
	}
	return n / float64(len(x))
}
