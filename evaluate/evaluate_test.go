package evaluate

import (
	"bytes"
	"encoding/json"
	"image/png"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
)

var (
	day0  = flatwatt.Day(20000)
	start = day0.Start(time.UTC)
)

func at(days float64) time.Time { return start.Add(time.Duration(days * 24 * float64(time.Hour))) }

func estimate(v, low, high float64) flatwatt.Estimate {
	return flatwatt.Estimate{Value: v, Low: low, High: high}
}

// smallFleet has, by final probability:
//
//	m1 0.9  miner from day 10, 10 kW; estimated 11 (9 … 12), onset a day late (day 9.5 … 12)
//	o1 0.8  shop, honest, a suspect
//	m2 0.7  miner older than the data, 4 kW; estimated 3 (2.5 … 3.5)
//	o2 0.2  home with a legitimate change
//	o3 0.1  home
//	m3 –    miner from day 30, not enough data
//	o4 –    home, not enough data
//
// and a bypassed miner, a transformer and a home without truth or finding.
func smallFleet() Input {
	in := Input{Method: "small"}
	add := func(id string, class flatwatt.Class, t flatwatt.Truth, f Finding) {
		t.Meter, f.Meter = flatwatt.MeterID(id), flatwatt.MeterID(id)
		in.Meters = append(in.Meters, flatwatt.Meter{ID: t.Meter, Kind: flatwatt.Customer, Class: class})
		in.Truth, in.Findings = append(in.Truth, t), append(in.Findings, f)
	}
	none := flatwatt.Truth{Label: flatwatt.NoneLabel}
	unknown := Finding{State: flatwatt.NotEnoughData, Probability: math.NaN(), Block: unknownEstimate()}
	says := func(p float64) Finding { return Finding{Probability: p, Block: unknownEstimate()} }
	add("m1", "residential", flatwatt.Truth{Label: flatwatt.Miner, Onset: at(10), Block: 10}, Finding{
		Probability: 0.9, Block: estimate(11, 9, 12), State: flatwatt.Suspect,
		Onset: flatwatt.Instants{At: at(11), Low: at(9.5), High: at(12)}})
	add("o1", "commercial", none, Finding{Probability: 0.8, State: flatwatt.Suspect, Block: estimate(5, 4, 6)})
	add("m2", "residential", flatwatt.Truth{Label: flatwatt.Miner, Block: 4},
		Finding{Probability: 0.7, Block: estimate(3, 2.5, 3.5), State: flatwatt.Normal})
	add("o2", "residential", flatwatt.Truth{Label: flatwatt.LegitChange, Note: "home: heat pump"}, says(0.2))
	add("o3", "residential", none, says(0.1))
	add("m3", "residential", flatwatt.Truth{Label: flatwatt.Miner, Onset: at(30), Block: 3}, unknown)
	add("o4", "residential", none, unknown)
	add("b1", "residential", flatwatt.Truth{Label: flatwatt.Miner, Note: "home: Bypass at t1"}, says(0.3))
	in.Meters = append(in.Meters,
		flatwatt.Meter{ID: "t1", Kind: flatwatt.Transformer}, flatwatt.Meter{ID: "x1", Kind: flatwatt.Customer})
	in.Truth = append(in.Truth, flatwatt.Truth{Meter: "t1", Label: flatwatt.Miner})
	in.Daily = smallDaily()
	return in
}

// smallDaily has 40 days: m1 alarms on day 12, which closes 3 days after its onset; m2
// on day 5; o1 reaches 0.8 at the end, and 0.5 on day 3.
func smallDaily() []DayScore {
	var daily []DayScore
	for i := range 40 {
		p := map[flatwatt.MeterID]float64{"m1": 0.05, "m2": 0.1, "o1": 0.3, "o2": 0.2, "o3": 0.1, "o4": math.NaN()}
		if i >= 12 {
			p["m1"] = 0.9
		}
		if i >= 5 {
			p["m2"] = 0.85
		}
		if i == 3 {
			p["o1"] = 0.5
		}
		if i >= 35 {
			p["o1"] = 0.8
		}
		for id, x := range p {
			daily = append(daily, DayScore{Meter: id, Day: day0 + flatwatt.Day(i), Probability: x})
		}
	}
	return daily
}

func TestSmallFleet(t *testing.T) {
	opt := DefaultOptions()
	opt.Replicates, opt.FDR = 50, 0.25
	// Three honest meters were scored for 40 days, 120 days = 3.94 meter-months: at the
	// default budget nothing is allowed. The highest honest score is 0.8.
	e, err := Evaluate(smallFleet(), opt)
	if err != nil {
		t.Fatal(err)
	}
	want := Counts{Meters: 8, Miners: 3, OnsetMiners: 2, LegitChanges: 1, WithoutTruth: 1, NotEnoughData: 3,
		NotEnoughDataMiners: 1, MetersWithDailyScores: 5, Bypass: 1, NotCustomers: 1}
	if e.Report.Counts != want {
		t.Errorf("counts %+v, want %+v", e.Report.Counts, want)
	}
	f := e.Report.Figures
	for _, c := range []struct {
		name string
		got  Figure
		want float64
		n    int
	}{
		// M o M o o [M o o]: of 15 pairs m1 wins 5, m2 4, m3 ties with 2 of them.
		{"AUROC", f.AUROC, (5 + 4 + 2*0.5) / 15, 8},
		{"AP", f.AP, (1 + 2./3 + 3./8) / 3, 8},
		{"AP onset", f.APOnset, (1 + 2./7) / 2, 7}, // without m2: M o o o [M o o]
		{"AP older", f.APOlder, 1. / 2, 6},         // without m1, m3: o M …
		{"P@10", f.PrecisionAt10, math.NaN(), 10},
		{"P@R", f.PrecisionAtR, 2. / 3, 3},
		{"recall at 1 %", f.RecallAtFPR1Pct, 1. / 3, 3},
		{"threshold", f.Threshold, math.Nextafter(0.8, 1), 3},
		{"recall at budget", f.RecallAtBudget, 2. / 3, 3},
		{"recall onset", f.RecallOnsetAtBudget, 1. / 2, 2},
		{"delay", f.DelayMedianDays, 3, 1},
		{"delay of all", f.DelayAllMedianDays, math.Inf(1), 2},
		{"standing", f.StandingAlarms, 0, 1},
		{"kW error", f.BlockErrorMedian, (0.1 + 0.25) / 2, 2},
		{"kW coverage", f.BlockCoverage90, 1. / 2, 2},
		{"onset error", f.OnsetErrorMedianDays, 1, 1},
		{"onset coverage", f.OnsetCoverage90, 1, 1},
		{"Brier", f.Brier, (0.01 + 0.64 + 0.09 + 0.04 + 0.01) / 5, 5},
		{"expected over actual", f.ExpectedOverActual, 2.7 / 2, 2},
		{"Bayesian list", f.FDPBayesList, 1. / 3, 3}, // doubts 0.1, 0.2, 0.3: mean 0.2; with o2 0.35
		{"alarm list", f.FDPAlarmList, 1. / 2, 2},
	} {
		if !near(float64(c.got.Value), c.want) || c.got.N != c.n {
			t.Errorf("%s = %v of %d, want %v of %d", c.name, c.got.Value, c.got.N, c.want, c.n)
		}
	}
	groups := []Group{{"class", "commercial", 1, 1}, {"label", "none", 1, 3}}
	if !slices.Equal(e.Report.FalsePositives, groups) {
		t.Errorf("false positives %v, want %v", e.Report.FalsePositives, groups)
	}
}

func TestBudgetBuysRecall(t *testing.T) {
	opt := DefaultOptions()
	opt.Replicates = 0
	recall := func(budget float64) (threshold, recall float64) {
		opt.FalseAlarms = budget
		in := smallFleet()
		for i := range in.Daily { // m2 now no higher than o1
			if in.Daily[i].Meter == "m2" {
				in.Daily[i].Probability = min(in.Daily[i].Probability, 0.6)
			}
		}
		e, err := Evaluate(in, opt)
		if err != nil {
			t.Fatal(err)
		}
		return float64(e.Report.Figures.Threshold.Value), float64(e.Report.Figures.RecallAtBudget.Value)
	}
	// 3.94 meter-months: 254 false alarms per 1,000 are one, 508 two. Down from 0.8 one
	// episode is enough until day 3 of o1 at 0.5 begins a second, 31 days earlier.
	if th, r := recall(250); th != math.Nextafter(0.8, 1) || !near(r, 1./3) {
		t.Errorf("no false alarm: threshold %v, recall %v", th, r)
	}
	if th, r := recall(260); th != math.Nextafter(0.5, 1) || !near(r, 2./3) {
		t.Errorf("one false alarm: threshold %v, recall %v", th, r)
	}
}

func TestWithoutDailyScoresAlarmsAreUnknown(t *testing.T) {
	in := smallFleet()
	in.Daily = nil
	e, err := Evaluate(in, DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	f := e.Report.Figures
	if !math.IsNaN(float64(f.Threshold.Value)) || !math.IsNaN(float64(f.RecallAtBudget.Value)) || math.IsNaN(float64(f.AUROC.Value)) {
		t.Errorf("threshold %v, recall %v, AUROC %v: want unknown, unknown, known", f.Threshold, f.RecallAtBudget, f.AUROC)
	}
}

func TestContradictionsAreErrors(t *testing.T) {
	f := func(spoil func(*Input), want string) {
		t.Helper()
		in := smallFleet()
		spoil(&in)
		if _, err := Evaluate(in, DefaultOptions()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	f(func(in *Input) { in.Meters = append(in.Meters, in.Meters[0]) }, `meter "m1" is registered twice`)
	f(func(in *Input) { in.Findings[0].Probability = 1.01 }, `finding on meter "m1": probability 1.01`)
	f(func(in *Input) { in.Findings[0].Meter = "?" }, `finding on meter "?": not in the register`)
	f(func(in *Input) { in.Findings = append(in.Findings, in.Findings[0]) }, `meter "m1" has two findings`)
	f(func(in *Input) { in.Daily = append(in.Daily, in.Daily[0]) }, "is scored twice on")
	f(func(in *Input) { in.Daily[0].Probability = -1 }, "probability -1")
	f(func(in *Input) { in.Truth[0].Label = "crook" }, `label "crook"`)
	f(func(in *Input) { in.Truth[0].Meter = "?" }, `truth of meter "?"`)

	for _, spoil := range []func(*Options){
		func(o *Options) { o.FalseAlarms = math.NaN() }, func(o *Options) { o.Bins = MaxBins + 1 },
		func(o *Options) { o.QuietDays = 0 }, func(o *Options) { o.FDR = 1 },
		func(o *Options) { o.Replicates = MaxReplicates + 1 },
	} {
		opt := DefaultOptions()
		spoil(&opt)
		if _, err := Evaluate(smallFleet(), opt); err == nil {
			t.Errorf("options %+v were taken", opt)
		}
	}
}

// normalFleet has n honest meters with scores N(0, 1) and k miners with N(1, 1), as
// probabilities: its true AUROC is Φ(1/√2) = 0.760.
func normalFleet(seed uint64, n, k int) Input {
	rng := rand.New(rand.NewPCG(seed, 1))
	in := Input{Method: "normal"}
	for i := range n + k {
		id := flatwatt.MeterID(string(rune('a'+i%26)) + time.Duration(i).String())
		x, label := rng.NormFloat64(), flatwatt.NoneLabel
		if i < k {
			x, label = x+1, flatwatt.Miner
		}
		in.Meters = append(in.Meters, flatwatt.Meter{ID: id, Kind: flatwatt.Customer})
		in.Truth = append(in.Truth, flatwatt.Truth{Meter: id, Label: label})
		in.Findings = append(in.Findings, Finding{Meter: id, Probability: 1 / (1 + math.Exp(-x)), Block: unknownEstimate()})
	}
	return in
}

// Over 120 fleets a 90 % interval should hold the truth 108 times, ± 3.3 if exact; the
// percentile bootstrap is somewhat narrow in small samples. Outside 94 … 118 (more than
// four sigma) the intervals do not mean what they say.
func TestBootstrapIntervalsCoverTheTruth(t *testing.T) {
	truth, hits := 0.5*(1+math.Erf(0.5)), 0 // Φ(1/√2) = ½(1 + erf(½))
	opt := DefaultOptions()
	opt.Replicates = 100
	for seed := range uint64(120) {
		e, err := Evaluate(normalFleet(seed, 80, 40), opt)
		if err != nil {
			t.Fatal(err)
		}
		a := e.Report.Figures.AUROC
		if float64(a.Low) <= truth && truth <= float64(a.High) {
			hits++
		}
	}
	if hits < 94 || hits > 118 {
		t.Errorf("%d of 120 intervals hold the true AUROC %.3f", hits, truth)
	}
}

func TestReportIsTheSameHoweverTheInputIsOrdered(t *testing.T) {
	report := func(shuffle uint64) string {
		in := smallFleet()
		rng := rand.New(rand.NewPCG(shuffle, 2))
		rng.Shuffle(len(in.Meters), func(i, j int) { in.Meters[i], in.Meters[j] = in.Meters[j], in.Meters[i] })
		rng.Shuffle(len(in.Findings), func(i, j int) { in.Findings[i], in.Findings[j] = in.Findings[j], in.Findings[i] })
		rng.Shuffle(len(in.Daily), func(i, j int) { in.Daily[i], in.Daily[j] = in.Daily[j], in.Daily[i] })
		e, err := Evaluate(in, DefaultOptions())
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(e.Report)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	if a, b := report(1), report(2); a != b {
		t.Errorf("two orders of the same input gave\n%s\n%s", a, b)
	}
}

func TestReportReadsBackFromJSON(t *testing.T) {
	e, err := Evaluate(smallFleet(), DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(e.Report)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(b), `"delay_all_median_days":{"value":null`) {
		t.Errorf("an infinite delay is not null: %s", b)
	}
	var back Report
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	if again, _ := json.Marshal(back); !bytes.Equal(again, b) {
		t.Errorf("read back\n%s\nwant\n%s", again, b)
	}
}

func TestTable(t *testing.T) {
	e, err := Evaluate(smallFleet(), DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := e.Report.WriteTable(&b); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"small: 8 meters, 3 miners (2 with an onset in the data), 1 legitimate changes",
		"precision at R (miners)             66.7 %",
		"precision at 10                          –  –                        10",
		"  median, missed ones = ∞                ∞",
		"class commercial                    1 of 1",
	} {
		if !strings.Contains(b.String(), line) {
			t.Errorf("the table lacks %q:\n%s", line, b.String())
		}
	}
}

func TestStairsOnlyStepAtMiners(t *testing.T) {
	// M o M: precision 1 up to recall ½, then 2/3; the cut after o adds no recall.
	got := stairs([]Point{{0.5, 1}, {0.5, 0.5}, {1, 2. / 3}})
	want := []Point{{0, 1}, {0.5, 1}, {0.5, 2. / 3}, {1, 2. / 3}}
	if !slices.Equal(got, want) {
		t.Errorf("stairs %v, want %v", got, want)
	}
}

func TestWilson(t *testing.T) {
	// 5 of 10: mid ½, half width z/(1+z²/10)·√(0.025+z²/400) = 1.29474·0.17824 = 0.23077
	low, high := wilson(0.5, 10)
	if math.Abs(low-0.26923) > 1e-4 || math.Abs(high-0.73077) > 1e-4 {
		t.Errorf("wilson(0.5, 10) = %v, %v", low, high)
	}
	if low, high := wilson(0, 3); low < -tolerance || high < 0.4 {
		t.Errorf("wilson(0, 3) = %v, %v: three failures say little", low, high)
	}
}

func TestPlots(t *testing.T) {
	empty, err := Evaluate(Input{Method: "empty"}, DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	small, err := Evaluate(smallFleet(), DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range PlotNames() {
		var a, b, svg bytes.Buffer
		for w, c := range map[*bytes.Buffer]*Curves{&a: &small.Curves, &b: &empty.Curves} {
			if err := c.Draw(w, name, "png"); err != nil {
				t.Fatal(err)
			}
		}
		if bytes.Equal(a.Bytes(), b.Bytes()) {
			t.Errorf("%s: the plot of a fleet is that of an empty one", name)
		}
		if _, err := png.Decode(&a); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := small.Curves.Draw(&svg, name, "svg"); err != nil || !strings.Contains(svg.String(), "small") {
			t.Errorf("%s as svg: %v, or without its title", name, err)
		}
	}
	if err := small.Curves.Draw(&bytes.Buffer{}, "pie", "png"); err == nil {
		t.Error("a plot nobody knows was drawn")
	}
}
