package vee_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/vee"
)

const quarter = 15 * time.Minute

var (
	shanghai = load("Asia/Shanghai")
	berlin   = load("Europe/Berlin")
	monday   = flatwatt.DayOf(time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC), time.UTC)
)

func load(name string) *time.Location {
	z, err := time.LoadLocation(name)
	if err != nil {
		panic(err)
	}
	return z
}

func customer(id flatwatt.MeterID) flatwatt.Meter {
	return flatwatt.Meter{ID: id, Kind: flatwatt.Customer, Zone: shanghai, Interval: quarter, Parent: "TX", Contracted: 10}
}

// honest is a load that breaks no rule: a base of 0.1 kWh, some noise, an evening hump.
func honest(m flatwatt.Meter, first flatwatt.Day, days int, seed uint64) []flatwatt.Reading {
	rng := rand.New(rand.NewPCG(seed, 1))
	var all []flatwatt.Reading
	end := (first + flatwatt.Day(days)).Start(m.Zone)
	for t := first.Start(m.Zone); t.Before(end); t = t.Add(m.Interval) {
		kw := 0.4 + 0.1*rng.Float64()
		if h := t.In(m.Zone).Hour(); h >= 17 && h < 22 {
			kw += 1 + rng.Float64()
		}
		e := math.Round(kw*m.Interval.Hours()*1000) / 1000
		all = append(all, flatwatt.Reading{Meter: m.ID, Start: t, Length: m.Interval, Energy: flatwatt.KWh(e)})
	}
	return all
}

func check(t *testing.T, meters []flatwatt.Meter, o vee.Options, readings []flatwatt.Reading, regs ...vee.Register) vee.Report {
	t.Helper()
	c, err := vee.New(meters, o)
	if err != nil {
		t.Fatal(err)
	}
	if n := c.AddRegister(regs); n > 0 {
		t.Fatalf("%d registers were ignored", n)
	}
	var out vee.Report
	for part := range slices.Chunk(readings, 97) {
		c.Add(&out, part)
	}
	c.Close(&out)
	return out
}

// broken lists what was found as "day code count".
func broken(r vee.Report) []string {
	var all []string
	for _, d := range r.Days {
		for _, f := range d.Findings {
			all = append(all, fmt.Sprintf("%d %s %d", f.Day-monday, f.Code, f.Count))
		}
	}
	return all
}

func TestAnHonestFleetBreaksNoRule(t *testing.T) {
	m := customer("a")
	got := check(t, []flatwatt.Meter{m}, vee.Options{}, honest(m, monday, 60, 1))
	if b := broken(got); len(b) > 0 || len(got.Days) != 60 {
		t.Errorf("%d days, findings %v", len(got.Days), b)
	}
	for _, d := range got.Days {
		if d.Expected != 96 || d.Actual != 96 || d.Missing != 0 || len(d.Fills) > 0 {
			t.Fatalf("day %+v", d)
		}
	}
}

// Each fault of day 2 is found as what it is, with its count and its number, and nothing
// else is.
func TestRules(t *testing.T) {
	m := customer("a")
	f := func(name string, damage func(r []flatwatt.Reading) []flatwatt.Reading, value float64, want ...string) {
		t.Helper()
		all := honest(m, monday, 6, 2)
		got := check(t, []flatwatt.Meter{m}, vee.Options{}, damage(all))
		if b := broken(got); !reflect.DeepEqual(b, want) {
			t.Errorf("%s: found %v, want %v", name, b, want)
			return
		}
		i := slices.IndexFunc(got.Days, func(d vee.DayReport) bool { return len(d.Findings) > 0 })
		if g := got.Days[i].Findings[0]; math.Abs(g.Value-value) > 1e-9 {
			t.Errorf("%s: value %v, want %v", name, g.Value, value)
		}
	}
	const d2 = 2 * 96
	same := func(change func(r []flatwatt.Reading)) func([]flatwatt.Reading) []flatwatt.Reading {
		return func(r []flatwatt.Reading) []flatwatt.Reading { change(r); return r }
	}
	f("gap of 3 h and of 15 min", func(r []flatwatt.Reading) []flatwatt.Reading {
		return slices.Delete(slices.Delete(r, d2+50, d2+51), d2+4, d2+16)
	}, 3, "2 missing 13")
	f("a whole day", func(r []flatwatt.Reading) []flatwatt.Reading { return slices.Delete(r, d2, d2+96) }, 24, "2 missing 96")
	f("NaN is no reading", same(func(r []flatwatt.Reading) { r[d2].Energy = flatwatt.KWh(math.NaN()) }), 0.25, "2 missing 1")
	f("negative", same(func(r []flatwatt.Reading) { r[d2].Energy, r[d2+1].Energy = -0.5, -0.25 }), -0.5, "2 negative 2")
	f("spike", same(func(r []flatwatt.Reading) { r[d2+7].Energy = 4 }), 16, "2 spike 1")
	f("beyond the connection", same(func(r []flatwatt.Reading) {
		for i := range 40 {
			r[d2+i].Energy = 8 + flatwatt.KWh(i)/100
		}
	}), 4*8.39, "2 overload 40")
	// Stuck from the start of day 2 on: 24 hours are over with its last interval.
	f("stuck for 25 h", same(func(r []flatwatt.Reading) {
		for i := range 100 {
			r[d2+i].Energy = 0.75
		}
	}), 24, "2 stuck 1", "3 stuck 4")
	f("zero", same(func(r []flatwatt.Reading) {
		for i := range 96 {
			r[d2+i].Energy = 0
		}
	}), 24, "2 zero 96")
	f("clock 40 s late", same(func(r []flatwatt.Reading) {
		for i := range 10 {
			r[d2+i].Start = r[d2+i].Start.Add(40 * time.Second)
		}
	}), 40, "2 time_sync 10")
	f("clock in 2098 once", func(r []flatwatt.Reading) []flatwatt.Reading {
		x := r[d2+20]
		x.Start = time.Date(2098, 1, 1, 0, 0, 0, 0, time.UTC)
		return slices.Insert(r, d2+20, x)
	}, float64(flatwatt.DayOf(time.Date(2098, 1, 1, 0, 0, 0, 0, time.UTC), shanghai)-monday-2)*86400, "1 time_sync 1")
	f("another length", same(func(r []flatwatt.Reading) { r[d2+3].Length = 30 * time.Minute }), 0.25, "2 missing 1", "2 interval 1")
	f("conflict", func(r []flatwatt.Reading) []flatwatt.Reading {
		x := r[d2+9]
		x.Energy += 0.5
		return slices.Insert(r, d2+12, x)
	}, 0.5, "2 conflict 1")
	f("late", func(r []flatwatt.Reading) []flatwatt.Reading { return append(r, r[d2]) }, 48, "4 late 1")
}

// A first reading from 1970 must not open fifty years of missing days.
func TestAFirstClockThatIsWrong(t *testing.T) {
	m := customer("a")
	all := honest(m, monday, 4, 3)
	x := all[0]
	x.Start = time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)
	got := check(t, []flatwatt.Meter{m}, vee.Options{}, slices.Insert(all, 0, x))
	if b := broken(got); !reflect.DeepEqual(b, []string{"0 time_sync 1"}) || len(got.Days) != 4 {
		t.Errorf("%d days, %v", len(got.Days), b)
	}
}

// Rules that must stay silent.
func TestWhatIsNoFault(t *testing.T) {
	f := func(name string, m flatwatt.Meter, change func(r []flatwatt.Reading)) {
		t.Helper()
		all := honest(m, monday, 5, 4)
		change(all)
		if b := broken(check(t, []flatwatt.Meter{m}, vee.Options{}, all)); len(b) > 0 {
			t.Errorf("%s: %v", name, b)
		}
	}
	solar := customer("a")
	solar.Extra = map[string]string{"pv_kw": "5"}
	f("export where the sun feeds in", solar, func(r []flatwatt.Reading) { r[240].Energy = -0.5 })
	f("a coarse meter on a constant load", customer("a"), func(r []flatwatt.Reading) {
		for i := range r {
			r[i].Energy = 0.2
			if i < 96 && i%10 == 0 {
				r[i].Energy = 0.3 // shows the resolution: 0.1 kWh
			}
		}
	})
	f("a peak of three intervals", customer("a"), func(r []flatwatt.Reading) { r[200].Energy, r[201].Energy, r[202].Energy = 2.2, 2.2, 2.2 })
	india := customer("a")
	india.Interval = time.Hour
	india.Zone = time.FixedZone("half", 5*3600+1800)
	f("hours that begin at half past UTC", india, func([]flatwatt.Reading) {})
}

// The day on which clocks change has 23 or 25 hours, and none of them is missing.
func TestDaysOfTheClockChange(t *testing.T) {
	m := customer("a")
	m.Zone = berlin
	for _, d := range []struct {
		date time.Time
		want int
	}{{time.Date(2026, 3, 29, 12, 0, 0, 0, berlin), 92}, {time.Date(2026, 10, 25, 12, 0, 0, 0, berlin), 100}} {
		first := flatwatt.DayOf(d.date, berlin) - 1
		got := check(t, []flatwatt.Meter{m}, vee.Options{}, honest(m, first, 3, 5))
		if len(got.Days) != 3 || got.Days[1].Expected != d.want || got.Days[1].Missing != 0 || len(broken(got)) > 0 {
			t.Errorf("%s: %+v %v", d.date.Format(time.DateOnly), got.Days, broken(got))
		}
	}
}

// The report does not depend on how the stream is cut into batches, on the order within
// two days, or on repeats.
func TestOrderWithinTwoDaysDoesNotMatter(t *testing.T) {
	m := customer("a")
	all := honest(m, monday, 12, 6)
	all = slices.Delete(all, 300, 340)
	all[500].Energy = 9
	want := check(t, []flatwatt.Meter{m}, vee.Options{}, all)
	rng := rand.New(rand.NewPCG(7, 7))
	for range 20 {
		at := map[time.Time]time.Time{}
		for _, r := range all {
			at[r.Start] = r.Start.Add(time.Duration(rng.Int64N(int64(24 * time.Hour)))) // up to a day late
		}
		mixed := slices.Clone(all)
		slices.SortStableFunc(mixed, func(a, b flatwatt.Reading) int { return at[a.Start].Compare(at[b.Start]) })
		got := check(t, []flatwatt.Meter{m}, vee.Options{}, mixed)
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("mixed:\n%v\nwant\n%v", broken(got), broken(want))
		}
	}
}

func TestQualityDecidesBetweenTwo(t *testing.T) {
	m := customer("a")
	all := honest(m, monday, 3, 8)
	want := all[100].Energy
	low, est := all[100], all[100]
	low.Energy -= 0.05
	est.Energy, est.Quality = 0.001, flatwatt.Estimated
	edited := all[101]
	edited.Energy, edited.Quality = 7, flatwatt.Edited
	for _, order := range [][]flatwatt.Reading{{low, est, edited}, {edited, est, low}} {
		got := check(t, []flatwatt.Meter{m}, vee.Options{}, slices.Concat(all[:102], order, all[102:]))
		d := got.Days[1]
		sum := 0.0
		for i, r := range all[96:192] {
			switch i + 96 {
			case 100:
				sum += float64(want) - 0.05 // of equals the smaller
			case 101:
				sum += 7
			default:
				sum += float64(r.Energy)
			}
		}
		if math.Abs(float64(d.Energy)-sum) > 1e-9 || d.Edited != 1 || d.Estimated != 0 {
			t.Errorf("energy %v, want %v; %+v", d.Energy, sum, d)
		}
	}
}

func TestSilentMetersOweTheirDays(t *testing.T) {
	var meters []flatwatt.Meter
	var all []flatwatt.Reading
	for i := range 5 {
		m := customer(flatwatt.MeterID(fmt.Sprint("m", i)))
		meters = append(meters, m)
		days := 20
		if i == 2 {
			days = 3
		}
		all = append(all, honest(m, monday, days, uint64(i))...)
	}
	slices.SortStableFunc(all, func(a, b flatwatt.Reading) int { return a.Start.Compare(b.Start) })
	meters = append(meters, customer("never"))
	got := check(t, meters, vee.Options{}, all)
	s, err := vee.NewSummary(meters, vee.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s.Add(&got)
	lacks := map[flatwatt.MeterID]string{}
	for _, r := range s.Meters() {
		for _, l := range r.Lacks {
			lacks[r.Meter] += l.Say("en") + "; "
		}
	}
	want := map[flatwatt.MeterID]string{
		"m2":    "3 days with enough measured readings, 5 are needed; silent on the last 17 days; ",
		"never": "no reading at all; ",
	}
	if !reflect.DeepEqual(lacks, want) {
		t.Errorf("lacks %v", lacks)
	}
	days := s.Days()
	if len(days) != 20 || days[10].Totals.Meters != 4 || days[10].Totals.Missing != 96 || days[10].Totals.Findings[vee.Missing] != 1 {
		t.Errorf("days %+v", days)
	}
	if rows := s.Concentrators(); len(rows) != 20 || rows[0].Meter != "TX" || rows[0].Totals.Meters != 5 {
		t.Errorf("concentrators %+v", rows)
	}
}

// Most of the data of this meter is what the head-end made up: that is not enough to judge.
func TestEstimatesOfTheHeadEndAreNotEnough(t *testing.T) {
	m := customer("a")
	all := honest(m, monday, 10, 9)
	for i := range all {
		if i >= 2*96 {
			all[i].Quality = flatwatt.Estimated
		}
	}
	got := check(t, []flatwatt.Meter{m}, vee.Options{}, all)
	s, _ := vee.NewSummary(nil, vee.Options{})
	s.Add(&got)
	row := s.Meters()[0]
	if len(row.Lacks) != 2 || row.Lacks[0] != (vee.Lack{What: vee.LackDays, Have: 2, Want: 5}) || row.Lacks[1].What != vee.LackMeasured || math.Abs(row.Lacks[1].Have-0.2) > 1e-9 {
		t.Errorf("%+v", row)
	}
	for _, lang := range []string{"en", "zh"} {
		if text := row.Lacks[1].Say(lang); !strings.Contains(text, "20") {
			t.Error(text)
		}
	}
}

func TestUnknownMeters(t *testing.T) {
	m := customer("a")
	all := honest(m, monday, 3, 10)
	c, _ := vee.New(nil, vee.Options{})
	var out vee.Report
	c.Add(&out, all)
	if c.Unknown() != int64(len(all)) {
		t.Errorf("%d unknown", c.Unknown())
	}
	c, _ = vee.New(nil, vee.Options{AnyMeter: true, MaxMeters: 1, Zone: shanghai})
	c.Add(&out, all)
	c.Add(&out, honest(customer("b"), monday, 1, 1))
	c.Close(&out)
	if c.Unknown() != 96 || len(out.Days) != 3 || len(broken(out)) > 0 {
		t.Errorf("%d unknown, %d days, %v", c.Unknown(), len(out.Days), broken(out))
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for _, o := range []vee.Options{{SpikeRatio: -1}, {LossMost: math.NaN()}, {MinShare: 2}, {StuckFor: -1}, {RegisterKWh: math.Inf(1)}} {
		if _, err := vee.New(nil, o); err == nil {
			t.Errorf("%+v was taken", o)
		}
	}
	if _, err := vee.New([]flatwatt.Meter{{ID: "a"}, {ID: "a"}}, vee.Options{}); err == nil {
		t.Error("a meter twice was taken")
	}
}

func TestEveryCodeHasWordsAndAUnit(t *testing.T) {
	for _, c := range vee.Codes() {
		for _, lang := range []string{"en", "zh"} {
			if w := c.Say(lang); w == string(c) || w == "" || c.Unit() == "" {
				t.Errorf("%s in %s: %q %q", c, lang, w, c.Unit())
			}
		}
	}
	f := vee.Finding{Code: vee.SumCheck, Value: 0.25, Limit: 0.12}
	if got := f.Say("en"); got != "customers do not add up to the transformer: 25 % (limit 12 %)" {
		t.Error(got)
	}
}
