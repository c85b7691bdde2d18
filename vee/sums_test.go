package vee_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/vee"
)

func total(r []flatwatt.Reading) (kwh flatwatt.KWh) {
	for i := range r {
		kwh += r[i].Energy
	}
	return kwh
}

// The register at the ends of days, from a true load.
func dailyRegisters(m flatwatt.Meter, all []flatwatt.Reading, first flatwatt.Day, days int) []vee.Register {
	regs := []vee.Register{{Meter: m.ID, At: first.Start(m.Zone), Total: 1000}}
	sum := flatwatt.KWh(1000)
	for d := range days {
		sum += total(all[d*96 : (d+1)*96])
		regs = append(regs, vee.Register{Meter: m.ID, At: (first + flatwatt.Day(d) + 1).Start(m.Zone), Total: sum})
	}
	return regs
}

func TestRegisterCheck(t *testing.T) {
	m := customer("a")
	meters := []flatwatt.Meter{m}
	f := func(name string, damage func(r []flatwatt.Reading, g []vee.Register) ([]flatwatt.Reading, []vee.Register), code vee.Code, value float64) {
		t.Helper()
		all := honest(m, monday, 6, 11)
		regs := dailyRegisters(m, all, monday, 6)
		all, regs = damage(all, regs)
		got := check(t, meters, vee.Options{}, all, regs...)
		var found []vee.Finding
		for _, d := range got.Days {
			for _, g := range d.Findings {
				if g.Code == vee.RegisterSum || g.Code == vee.RegisterBack {
					found = append(found, g)
				}
			}
		}
		if code == "" {
			if len(found) > 0 {
				t.Errorf("%s: %+v", name, found)
			}
			return
		}
		if len(found) != 1 || found[0].Code != code || math.Abs(found[0].Value-value) > 1e-6 {
			t.Errorf("%s: %+v, want %s %v", name, found, code, value)
		}
	}
	type (
		rs = []flatwatt.Reading
		gs = []vee.Register
	)
	f("all agrees", func(r rs, g gs) (rs, gs) { return r, g }, "", 0)
	f("shuffled registers", func(r rs, g gs) (rs, gs) { slices.Reverse(g); return r, g }, "", 0)
	f("an interval that is wrong by 3 kWh", func(r rs, g gs) (rs, gs) { r[250].Energy += 3; return r, g }, vee.RegisterSum, 3)
	f("within the tolerance", func(r rs, g gs) (rs, gs) { r[250].Energy += 0.09; return r, g }, "", 0)
	f("a gap is no mismatch", func(r rs, g gs) (rs, gs) { return slices.Delete(r, 250, 260), g }, "", 0)
	f("a gap does not hide too much", func(r rs, g gs) (rs, gs) {
		r[240].Energy += 30
		return slices.Delete(r, 250, 251), g
	}, vee.RegisterSum, 30-float64(honest(m, monday, 6, 11)[250].Energy))
	f("exchange", func(r rs, g gs) (rs, gs) {
		for i := 3; i < len(g); i++ {
			g[i].Total -= 1000
		}
		return r, g
	}, vee.RegisterBack, -1000+float64(total(honest(m, monday, 6, 11)[2*96:3*96])))
	f("rollover", func(r rs, g gs) (rs, gs) {
		for i := range g {
			g[i].Rollover = 1020
			g[i].Total = flatwatt.KWh(math.Mod(float64(g[i].Total), 1020))
		}
		return r, g
	}, "", 0)
	// A monthly register does not fall on a boundary of intervals: 00:07:30.
	f("in the middle of an interval", func(r rs, g gs) (rs, gs) {
		at := g[4].At.Add(quarter / 2)
		return r, gs{g[0], {Meter: m.ID, At: at, Total: g[4].Total + r[4*96].Energy/2}}
	}, "", 0)
}

// Estimates: a straight line in a short gap, like days in a long one, the register's sum
// where there is one; measured readings are never touched.
func TestEstimates(t *testing.T) {
	m := customer("a")
	meters := []flatwatt.Meter{m}
	const days = 12
	full := honest(m, monday, days, 12)
	fills := func(regs bool, from, to int) (vee.Report, []vee.Fill) {
		t.Helper()
		var g []vee.Register
		if regs {
			g = dailyRegisters(m, full, monday, days)
		}
		got := check(t, meters, vee.Options{}, slices.Concat(full[:from], full[to:]), g...)
		var all []vee.Fill
		for _, d := range got.Days {
			sum := flatwatt.KWh(0)
			for _, f := range d.Fills {
				sum += f.Energy
			}
			if math.Abs(float64(sum-d.Filled)) > 1e-9 {
				t.Errorf("filled %v, the fills add up to %v", d.Filled, sum)
			}
			all = append(all, d.Fills...)
		}
		return got, all
	}
	const d9 = 9 * 96 // a Wednesday
	_, line := fills(false, d9+10, d9+14)
	a, b := full[d9+9].Energy, full[d9+14].Energy
	for i, f := range line {
		if want := a + (b-a)*flatwatt.KWh(i+1)/5; f.Method != vee.Linear || math.Abs(float64(f.Energy-want)) > 1e-9 || !f.Start.Equal(full[d9+10+i].Start) {
			t.Errorf("fill %d is %+v, want %v", i, f, want)
		}
	}
	if len(line) != 4 {
		t.Errorf("%d fills", len(line))
	}

	// Over midnight, a straight line too: the day before and the day after are known.
	if _, over := fills(false, d9-2, d9+2); len(over) != 4 || over[0].Method != vee.LikeDay && over[0].Method != vee.Linear {
		t.Errorf("%+v", over)
	}

	_, like := fills(false, d9, d9+96)
	if len(like) != 96 {
		t.Fatalf("%d fills", len(like))
	}
	for i, f := range like { // mean of the last four weekdays: days 3, 4, 7, 8
		want := (full[3*96+i].Energy + full[4*96+i].Energy + full[7*96+i].Energy + full[8*96+i].Energy) / 4
		// The mean runs with weights 1/4 from the fifth like day on, so older days still
		// count a little; the noise is 0.025 kWh a reading, the hump 0.25.
		if f.Method != vee.LikeDay || math.Abs(float64(f.Energy-want)) > 0.15 {
			t.Errorf("fill %d is %+v, want about %v", i, f, want)
		}
	}

	got, reg := fills(true, d9, d9+96)
	if want := total(full[d9 : d9+96]); math.Abs(float64(got.Days[9].Filled-want)) > 1e-6 || !reg[0].Register {
		t.Errorf("filled %v, the register says %v", got.Days[9].Filled, want)
	}
	if got.Days[9].Actual != 0 || got.Days[9].Missing != 96 || got.Days[9].Energy != 0 {
		t.Errorf("estimates were counted as readings: %+v", got.Days[9])
	}

	// Nothing is known before the first day: nothing is made up.
	if _, none := fills(false, 0, 80); len(none) != 0 && none[0].Method == vee.LikeDay {
		t.Errorf("%d estimates out of nothing", len(none))
	}
}

func transformer() flatwatt.Meter {
	return flatwatt.Meter{ID: "TX", Kind: flatwatt.Transformer, Zone: shanghai, Interval: time.Hour}
}

// village is three customers and their transformer, with a share of supply that is lost.
func village(days int, loss float64) (meters []flatwatt.Meter, all []flatwatt.Reading) {
	tx := transformer()
	meters = []flatwatt.Meter{tx, customer("a"), customer("b"), customer("c")}
	hours := map[time.Time]flatwatt.KWh{}
	for i, m := range meters[1:] {
		r := honest(m, monday, days, uint64(20+i))
		for _, x := range r {
			hours[x.Start.Truncate(time.Hour)] += x.Energy
		}
		all = append(all, r...)
	}
	for t := monday.Start(shanghai); len(hours) > 0; t = t.Add(time.Hour) {
		all = append(all, flatwatt.Reading{Meter: "TX", Start: t, Length: time.Hour, Energy: hours[t] / flatwatt.KWh(1-loss)})
		delete(hours, t)
	}
	slices.SortStableFunc(all, func(a, b flatwatt.Reading) int { return a.Start.Compare(b.Start) })
	return meters, all
}

func TestSumCheck(t *testing.T) {
	const days = 5
	f := func(name string, loss float64, drop func(r flatwatt.Reading) bool, checked, found int, value float64) {
		t.Helper()
		meters, all := village(days, loss)
		got := check(t, meters, vee.Options{}, slices.DeleteFunc(all, drop))
		nChecked, nFound := 0, 0
		for i, b := range got.Balances {
			if b.Day != monday+flatwatt.Day(i) || b.Members != 3 {
				t.Errorf("%s: balance %d is %+v", name, i, b)
			}
			if b.Checked {
				nChecked++
				if math.Abs(b.Loss()-loss) > 1e-9 {
					t.Errorf("%s: loss %v, want %v", name, b.Loss(), loss)
				}
			}
			if b.Finding != nil {
				nFound++
				if math.Abs(b.Finding.Value-value) > 1e-9 {
					t.Errorf("%s: value %v, want %v", name, b.Finding.Value, value)
				}
			}
		}
		if len(got.Balances) != days || nChecked != checked || nFound != found {
			t.Errorf("%s: %d balances, %d checked, %d found, want %d, %d, %d", name, len(got.Balances), nChecked, nFound, days, checked, found)
		}
	}
	none := func(flatwatt.Reading) bool { return false }
	f("ordinary losses", 0.05, none, days, 0, 0)
	f("a quarter is lost", 0.25, none, days, days, 0.25)
	f("more delivered than supplied", -0.25, none, days, days, -0.25)
	// Half the third customer's hours are missing on each day: 12 are left, enough.
	night := func(r flatwatt.Reading) bool { return r.Meter == "c" && r.Start.In(shanghai).Hour() < 12 }
	f("half a customer's day", 0.25, night, days, days, 0.25)
	more := func(r flatwatt.Reading) bool { return r.Meter == "c" && r.Start.In(shanghai).Hour() < 13 }
	f("less than half", 0.25, more, 0, 0, 0)
	// A customer that never comes: nothing can be said about a loss …
	gone := func(r flatwatt.Reading) bool { return r.Meter == "c" }
	f("a silent customer", 0.25, gone, 0, 0, 0)
}

// … and the check does not wait for ever.
func TestASilentCustomerDoesNotHoldBalances(t *testing.T) {
	meters, all := village(40, 0.05)
	c, err := vee.New(meters, vee.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var out vee.Report
	c.Add(&out, slices.DeleteFunc(all, func(r flatwatt.Reading) bool { return r.Meter == "c" }))
	if n := len(out.Balances); n != 38-vee.MaxOpenBalances { // two days of each meter are open
		t.Errorf("%d balances were reported before the end", n)
	}
	c.Close(&out)
	if len(out.Balances) != 40 || out.Balances[7].Complete != 2 {
		t.Errorf("%d balances, %+v", len(out.Balances), out.Balances[7])
	}
}
