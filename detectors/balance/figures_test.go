package balance_test

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/detectors"
	"github.com/flatwatt/flatwatt/detectors/balance"
	"github.com/flatwatt/flatwatt/network"
	"github.com/flatwatt/flatwatt/simulate"
)

var (
	figures = flag.Bool("figures", false, "measure the figures of docs/network.md on simulated fleets (minutes)")
	seeds   = flag.String("seeds", "401-404", "of the fleets to measure")
	verbose = flag.Bool("nodes", false, "print every node that is found, missed or false")
)

// bypassConfig is a fleet in which every miner is wired past its meter and begins in the data.
func bypassConfig(seed uint64, meters int) simulate.Config {
	cfg := simulate.DefaultConfig()
	cfg.Seed, cfg.Meters, cfg.Days = seed, meters, 90
	cfg.Miners.Share, cfg.Miners.BypassShare, cfg.Miners.DayZeroShare = .012, 1, 0
	return cfg
}

// outcome is one transformer after the run.
type outcome struct {
	seed     uint64
	node     flatwatt.MeterID
	truth    flatwatt.Truth
	host     flatwatt.MeterID // who bypasses
	share    float64          // of the transformer's mean load
	days     float64          // from the onset to the end of the data or block
	best     flatwatt.Score   // the most suspicious day since the onset, or at all
	worst    flatwatt.Score   // the most suspicious day before the onset
	place    int              // of the host among the candidates, 1 first; 0: not judged
	withVolt bool
	several  bool // more than one customer bypasses here: the truth tells the largest only
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

func measure(t testing.TB, cfg simulate.Config, params *detectors.Params) []outcome {
	g, err := simulate.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	net, faults := network.New(network.Parents(g.Meters()), nil)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	s, err := balance.New(params, g.Meters(), g.Meters(), net, g.Weather(), balance.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var series []flatwatt.Series
	byNode := map[flatwatt.MeterID]*outcome{}
	volt := map[flatwatt.MeterID]bool{}
	for ser, truth := range g.All(context.Background()) {
		series = append(series, ser)
		volt[ser.Meter] = ser.Voltage != nil
		if strings.HasPrefix(string(ser.Meter), "t") {
			byNode[ser.Meter] = newOutcome(cfg.Seed, &ser, truth)
		}
	}
	first := map[flatwatt.MeterID]bool{}
	for b := range g.Bypasses() {
		if o := byNode[b.Transformer]; o != nil {
			o.several = first[b.Transformer]
			first[b.Transformer] = true
		}
	}
	var scores []flatwatt.Score
	take := func() {
		for _, sc := range scores {
			o := byNode[sc.Meter]
			if o == nil || sc.Probability != sc.Probability {
				continue
			}
			sc.Evidence = slices.Clone(sc.Evidence)
			into := &o.best
			if o.truth.Label == flatwatt.Miner && sc.Start.Add(24*time.Hour).Before(o.truth.Onset) {
				into = &o.worst
			}
			if into.Meter == "" || sc.LogOdds > into.LogOdds {
				*into = sc
			}
			if o.host != "" {
				o.withVolt = volt[o.host]
				for i, c := range s.Candidates(sc.Meter) {
					if c.Meter == o.host {
						o.place = i + 1
					}
				}
			}
		}
	}
	stream(series, func(batch []flatwatt.Reading) {
		scores = s.Score(scores[:0], batch)
		take()
	})
	scores = s.Close(scores[:0])
	take()
	var list []outcome
	for _, o := range byNode {
		list = append(list, *o)
	}
	slices.SortFunc(list, func(a, b outcome) int { return cmp.Compare(a.node, b.node) })
	return list
}

func newOutcome(seed uint64, ser *flatwatt.Series, truth flatwatt.Truth) *outcome {
	sum, n := 0.0, 0.0
	for _, e := range ser.Energy {
		if e == e {
			sum, n = sum+e, n+1
		}
	}
	o := &outcome{seed: seed, node: ser.Meter, truth: truth}
	if truth.Label == flatwatt.Miner {
		end := ser.Start.Add(time.Duration(len(ser.Energy)) * ser.Interval)
		o.share = float64(truth.Block) * ser.Interval.Hours() / (sum / n)
		o.days = end.Sub(truth.Onset).Hours() / 24
		_, host, _ := strings.Cut(truth.Note, "bypass at ")
		host, _, _ = strings.Cut(host, ":")
		o.host = flatwatt.MeterID(host)
	}
	return o
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
		t.Skip("measures for minutes: go test ./detectors/balance -run Figures -figures -v")
	}
	var all []outcome
	months := 0.0
	for _, seed := range seedList(t) {
		cfg := bypassConfig(seed, 2000)
		part := measure(t, cfg, detectors.DefaultParams())
		all = append(all, part...)
		months += float64(len(part)*cfg.Days) / 30.4
	}
	report(t, all, months)
}

// minDays is how long a block must have run to count as one to be found.
const minDays = 7

func report(t testing.TB, all []outcome, months float64) {
	var honest, found []float64
	var bypass []outcome
	for _, o := range all {
		switch {
		case o.several:
		case o.truth.Label != flatwatt.Miner:
			honest = append(honest, o.best.LogOdds)
		default:
			if o.worst.Meter != "" {
				honest = append(honest, o.worst.LogOdds)
			}
			if o.share >= .05 && o.days >= minDays {
				bypass = append(bypass, o)
				found = append(found, o.best.LogOdds)
			}
		}
	}
	slices.SortFunc(honest, func(a, b float64) int { return -cmp.Compare(a, b) })
	t.Logf("%.0f transformer-months, %d transformers, %d bypasses of at least 5 %% for %d days", months, len(all), len(bypass), minDays)
	for _, per := range []float64{1, 3, 10, 30} {
		k := int(per * months / 1000)
		limit := honest[min(k, len(honest)-1)]
		n := 0
		for _, x := range found {
			if x > limit {
				n++
			}
		}
		t.Logf("at %g false per 1,000 transformer-months (log odds > %.2f): %d of %d found", per, limit, n, len(found))
	}
	alarms := func(list []float64) (n int) {
		for _, x := range list {
			if x >= 0 {
				n++
			}
		}
		return n
	}
	t.Logf("with the program's alarm: %d of %d found, %.2f false per 1,000 transformer-months", alarms(found), len(found), 1000*float64(alarms(honest))/months)
	place := [4]int{}
	withVolt, first3 := 0, 0
	for _, o := range bypass {
		if o.withVolt && o.place > 0 {
			withVolt++
			place[min(o.place, 4)-1]++
			if o.place <= 3 {
				first3++
			}
		}
	}
	t.Logf("host with voltage: %d, among the first three %d, places %v", withVolt, first3, place)
	if *verbose {
		for _, o := range all {
			lo := o.best.LogOdds
			if o.truth.Label == flatwatt.Miner && o.share >= .05 || lo > -4 {
				t.Logf("%d %s share %.2f days %.0f block %.1f %s odds %.2f before %.2f est %.1f place %d volt %v | %s | %v", o.seed, o.node, o.share, o.days, o.truth.Block, o.truth.Schedule, lo, o.worst.LogOdds, o.best.Block.Value, o.place, o.withVolt, o.truth.Note, show(o.best.Evidence))
			}
		}
	}
}

func show(list []flatwatt.Evidence) string {
	var parts []string
	for i, e := range list {
		if i < 6 {
			parts = append(parts, fmt.Sprintf("%s %.3g:%+.1f", e.Term, e.Value, e.LogOdds))
		}
	}
	return strings.Join(parts, " ")
}

var _ = math.NaN
