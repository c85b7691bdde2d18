package main

import (
	"context"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/detectors"
	"github.com/flatwatt/flatwatt/evaluate"
	"github.com/flatwatt/flatwatt/models"
	"github.com/flatwatt/flatwatt/simulate"
)

// promiseVariants are the fleets that promises are tried on in turn: metering, season and
// the share of honest changes differ from what the promises were counted on.
var promiseVariants = []string{
	`{}`,
	`{metering: {reactive_share: 0, voltage_share: 0}}`,
	`{start: "2025-01-10", metering: {reactive_share: 0.5}}`,
	`{start: "2025-05-20", metering: {voltage_share: 0}}`,
}

// A promiseCount adds up what came of promises over fleets.
type promiseCount struct {
	fleets, lists, found, miners int
	falseShare                   float64 // sum over fleets
	all                          []evaluate.Ranked
	honest                       calibrator
}

// FLATWATT_FLEETS sets the number of fleets; docs/guarantees.md has the figures of 200.
func TestPromisesHoldOnUnseenFleets(t *testing.T) {
	fleets := 8
	if text := os.Getenv("FLATWATT_FLEETS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			t.Fatalf("FLATWATT_FLEETS=%s: want a number of fleets", text)
		}
		fleets = n
	}
	var n promiseCount
	model := detectors.DefaultParams()
	for i := range fleets {
		cfg, err := simulate.ParseConfig("variant", []byte(promiseVariants[i%len(promiseVariants)]))
		if err != nil {
			t.Fatal(err)
		}
		cfg.Meters, cfg.Days, cfg.Grid.Meters = 400, 90, false
		entry := fleetEntry{config: cfg, Lots: [2]float64{0, 1}}
		fleet, err := drawKnown(t.Context(), &entry, uint64(600+i))
		if err != nil {
			t.Fatal(err)
		}
		if err := n.add(t.Context(), model, fleet); err != nil {
			t.Fatal(err)
		}
	}
	fdr := n.falseShare / float64(n.fleets)
	t.Logf("%d fleets: false-discovery rate %.3f (promised 0.1), %d of them with a list, %d of %d miners found; a list drawn with full knowledge finds %d",
		n.fleets, fdr, n.lists, n.found, n.miners, oracleFound(n.all, 0.1))
	// Twice the promise: with few fleets chance alone can exceed it.
	if limit := 0.1 + 0.3/math.Sqrt(float64(n.fleets)); fdr > limit {
		t.Errorf("false-discovery rate %.3f, promised 0.1", fdr)
	}
	if 2*n.found < oracleFound(n.all, 0.1) {
		t.Errorf("%d of %d miners found: less than half of what could be", n.found, n.miners)
	}
	for k, budget := range model.FalseAlarms.Per1000Months {
		p := model.FalseAlarms.Probability[k]
		rate := n.honest.rateAt(t, p)
		t.Logf("budget %g false alarms per 1,000 meter-months: %.3g realised in %.0f meter-months", budget, rate, n.honest.months())
		expected := budget * n.honest.months() / 1000
		if excess := (rate - budget) / 1000 * n.honest.months(); excess > 3*math.Sqrt(expected)+3 {
			t.Errorf("budget %g: %.3g realised", budget, rate)
		}
	}
}

func (n *promiseCount) add(ctx context.Context, model *detectors.Params, fleet *knownFleet) error {
	last := map[flatwatt.MeterID]flatwatt.Score{}
	probability := func(s *flatwatt.Score) float64 {
		last[s.Meter] = *s
		return s.Probability
	}
	if err := n.honest.addWith(ctx, model, fleet, probability, func(*flatwatt.Score, bool) {}); err != nil {
		return err
	}
	var logE []float64
	var miner []bool
	for _, m := range fleet.meters {
		t := fleet.truth[m.ID]
		if hidden(t) {
			continue
		}
		s, ok := last[m.ID]
		if !ok {
			s.LogEValue, s.Probability = math.NaN(), 0
		}
		logE, miner = append(logE, s.LogEValue), append(miner, t.Label == flatwatt.Miner)
		n.all = append(n.all, evaluate.Ranked{Score: s.Probability, Miner: t.Label == flatwatt.Miner})
		n.miners += btoi(t.Label == flatwatt.Miner)
	}
	n.fleets++
	list := models.EBH(logE, 0.1)
	right := 0
	for _, i := range list {
		right += btoi(miner[i])
	}
	n.found += right
	if len(list) > 0 {
		n.lists++
		n.falseShare += float64(len(list)-right) / float64(len(list))
	}
	return nil
}

// oracleFound is how many miners are in the longest list from the top, over all fleets,
// whose true false share is at most share.
func oracleFound(all []evaluate.Ranked, share float64) int {
	sorted := slices.Clone(all)
	slices.SortStableFunc(sorted, func(a, b evaluate.Ranked) int {
		switch {
		case a.Score > b.Score:
			return -1
		case a.Score < b.Score:
			return 1
		}
		return 0
	})
	best, miners := 0, 0
	for i, r := range sorted {
		miners += btoi(r.Miner)
		if float64(i+1-miners) <= share*float64(i+1) {
			best = miners
		}
	}
	return best
}

// rateAt is the rate of false alarms at a threshold, per 1,000 meter-months: episodes as
// evaluate counts them, that end after 14 quiet days.
func (c *calibrator) rateAt(t *testing.T, threshold float64) float64 {
	t.Helper()
	honest := map[flatwatt.MeterID]bool{}
	for _, m := range c.in.Meters {
		honest[m.ID] = true
	}
	for _, tr := range c.in.Truth {
		if tr.Label == flatwatt.Miner || hidden(tr) {
			delete(honest, tr.Meter)
		}
	}
	days := map[flatwatt.MeterID][]flatwatt.Day{}
	for _, s := range c.in.Daily {
		if honest[s.Meter] && s.Probability >= threshold {
			days[s.Meter] = append(days[s.Meter], s.Day)
		}
	}
	episodes := 0
	for _, d := range days {
		slices.Sort(d)
		for i := range d {
			episodes += btoi(i == 0 || int(d[i]-d[i-1]) > evaluate.DefaultOptions().QuietDays)
		}
	}
	return float64(episodes) / c.months() * 1000
}

func TestOperatorsAskForBudgets(t *testing.T) {
	dir := t.TempDir()
	if code, _, stderr := run(t, nil, "simulate", "--out", dir+"/fleet", "--seed", "9", "--meters", "120", "--days", "60"); code != exitOK {
		t.Fatal(stderr)
	}
	for _, tt := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"--budget", "5"}, exitOK, "at most 5 false ones per 1,000 meter-months"},
		{[]string{"--visits", "1"}, exitOK, "false ones per 1,000 meter-months"},
		{[]string{"--false-discoveries", "0.1"}, exitOK, "inspection list:"},
		{[]string{"--budget", "0.001"}, exitUsage, "stricter than any"},
		{[]string{"--budget", "5", "--visits", "1"}, exitUsage, "one of them"},
		{[]string{"--false-discoveries", "1.5"}, exitUsage, "below 1"},
	} {
		code, _, stderr := run(t, nil, append([]string{"score", "--fleet", dir + "/fleet"}, tt.args...)...)
		if code != tt.code || !strings.Contains(stderr, tt.want) {
			t.Errorf("score %v: exit code %d, want %d and %q in\n%s", tt.args, code, tt.code, tt.want, stderr)
		}
	}
}

func TestPromisesAreCountedAnewOnOnesOwnFleet(t *testing.T) {
	dir := t.TempDir()
	base, _ := detectors.WriteParams(detectors.DefaultParams())
	writeFile(t, dir+"/base.json", string(base))
	if code, _, stderr := run(t, nil, "simulate", "--out", dir+"/fleet", "--seed", "9", "--meters", "150", "--days", "60"); code != exitOK {
		t.Fatal(stderr)
	}
	code, _, stderr := run(t, nil, "fit", "--from", dir+"/base.json", "--promise-fleet", dir+"/fleet", "--inject-seeds", "3", "--version", "own", "--out", dir+"/own.json")
	if code != exitOK {
		t.Fatal(stderr)
	}
	own, err := loadModel(dir + "/own.json")
	if err != nil {
		t.Fatal(err)
	}
	was := detectors.DefaultParams()
	if own.Version != "own" || own.EValue == was.EValue || own.EValue == (models.EValue{}) || own.AlarmProbability != was.AlarmProbability || len(own.Boost.Trees) != len(was.Boost.Trees) {
		t.Errorf("model %s, e-value %+v", own.Version, own.EValue)
	}
	for _, r := range own.FalseAlarms.Per1000Months { // 150 meters for 2 months cannot promise less
		if r < 5 {
			t.Errorf("a budget of %g is promised from 300 meter-months", r)
		}
	}
}
