package ledger

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/access"
	"github.com/flatwatt/flatwatt/casework"
	"github.com/flatwatt/flatwatt/casework/energy"
)

var (
	now  = time.Date(2026, 3, 9, 8, 0, 0, 0, time.UTC) // a Monday
	zhao = access.Actor{Name: "zhao", Role: access.Supervisor}
)

// TestCreditCodes knows the example of GB 32100-2015 and codes that large companies print
// on their invoices, and finds every wrong character and every two that were swapped.
func TestCreditCodes(t *testing.T) {
	for _, code := range []string{"91350100M000100Y43", "91440300708461136T", "914403001922038216"} {
		if err := CheckCode(code); err != nil {
			t.Error(err)
		}
		for i := range code {
			for _, c := range codeLetters {
				if wrong := code[:i] + string(c) + code[i+1:]; wrong != code && CheckCode(wrong) == nil {
					t.Errorf("%s is taken", wrong)
				}
			}
			if i > 0 && code[i] != code[i-1] {
				if swapped := code[:i-1] + code[i:i+1] + code[i-1:i] + code[i+1:]; CheckCode(swapped) == nil {
					t.Errorf("%s is taken", swapped)
				}
			}
		}
	}
	for _, bad := range []string{"", "9135010OM000100Y43", "91350100m000100Y43", "91350100M000100Y4"} {
		if CheckCode(bad) == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestWeeks(t *testing.T) {
	f := func(day, name, monday, sunday string) {
		t.Helper()
		d, _ := time.Parse(time.DateOnly, day)
		if n, m, s := WeekOf(d); n != name || m != monday || s != sunday {
			t.Errorf("%s is in %s, %s to %s", day, n, m, s)
		}
		if m, s, err := ParseWeek(name); err != nil || m != monday || s != sunday {
			t.Errorf("%s: %s to %s, %v", name, m, s, err)
		}
	}
	f("2026-01-01", "2026-W01", "2025-12-29", "2026-01-04") // ISO 8601: the week of 4 January
	f("2021-01-03", "2020-W53", "2020-12-28", "2021-01-03")
	f("2026-03-08", "2026-W10", "2026-03-02", "2026-03-08")
	for _, bad := range []string{"2021-W53", "2026-W00", "2026-10", ""} {
		if _, _, err := ParseWeek(bad); err == nil {
			t.Errorf("%q is a week", bad)
		}
	}
}

// flat is meters that use 1 kWh an hour from a day on.
type flat map[string]string

func (f flat) Days(_ context.Context, meter, from, to string, capKW float64) ([]energy.Day, error) {
	a, b, err := energy.Dates(from, to)
	if err != nil {
		return nil, err
	}
	m := flatwatt.Meter{ID: flatwatt.MeterID(meter), Zone: time.UTC, Interval: time.Hour}
	var readings []flatwatt.Reading
	for t := a.Start(time.UTC); t.Before((b + 1).Start(time.UTC)); t = t.Add(time.Hour) {
		if t.Format(time.DateOnly) >= f[meter] {
			readings = append(readings, flatwatt.Reading{Meter: m.ID, Start: t, Length: time.Hour, Energy: 1})
		}
	}
	return energy.Sum(m, readings, a, b, capKW), nil
}

func book(t *testing.T, who access.Actor) Book {
	t.Helper()
	db, err := casework.Open(t.Context(), filepath.Join(t.TempDir(), "c.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return Book{casework.Desk{Store: db, Who: who, Now: now}}
}

func project() Project {
	return Project{Company: "某科技有限公司", CreditCode: "91350100M000100Y43", Address: "某路 1 号", Area: "sichuan/aba", Status: Existing,
		Meters: []string{"m1", "m2"}, Basis: WholeMeter, Progress: Registered, Onset: "2026-02-20"}
}

func TestUpdateAddsUpWeeks(t *testing.T) {
	ctx, b := context.Background(), book(t, zhao)
	id, err := b.Add(ctx, project(), "")
	if err != nil || id != "P-2026-00001" {
		t.Fatal(id, err)
	}
	read := flat{"m1": "2026-02-20", "m2": "2026-03-03"} // m2's first readings come on Tuesday of week 10
	for _, week := range []string{"2026-W09", "2026-W10", "2026-W09"} {
		if _, err := b.Update(ctx, read, week); err != nil {
			t.Fatal(err)
		}
	}
	p, version, err := b.Project(ctx, id)
	if err != nil || version != 4 {
		t.Fatal(version, err)
	}
	// m1: 20 February to 8 March is 17 days; m2: 3 to 8 March is 6; 24 kWh each.
	if want := decimal.NewFromInt(23 * 24); !p.EnergyKWh.Equal(want) || p.EnergyTo != "2026-03-08" || p.MissingDays != 11 {
		t.Errorf("%s kWh to %s, %g days missing", p.EnergyKWh, p.EnergyTo, p.MissingDays)
	}
	if len(p.Weeks) != 2 || p.Weeks[0].Week != "2026-W09" || !p.Weeks[1].KWh.Equal(decimal.NewFromInt(13*24)) || p.Weeks[1].MissingDays != 1 {
		t.Errorf("weeks %+v", p.Weeks)
	}
	p.Basis, p.KW = Block, 1 // half a kW a meter
	if days, _ := read.Days(ctx, "m1", "2026-03-02", "2026-03-02", p.CapKW()); !days[0].KWh.Equal(decimal.NewFromInt(12)) {
		t.Errorf("a block of half a kW used %s kWh a day", days[0].KWh)
	}
}

func TestAccountDoublesWhatIsNew(t *testing.T) {
	r, err := ParseRules([]byte("grid_factor_areas: {sichuan: 0.1255, sichuan/aba: 0.05}\nnew_since: 2026-01-01"))
	if err != nil {
		t.Fatal(err)
	}
	f := func(area, onset string, isNew bool, counted, co2 string) {
		t.Helper()
		p := project()
		p.Area, p.Onset = area, onset
		a := r.Account(&p, decimal.RequireFromString("1000.5"))
		if a.New != isNew || a.CountedKWh.String() != counted || a.CO2Kg.String() != co2 {
			t.Errorf("%s from %s: %+v", area, onset, a)
		}
	}
	f("sichuan/aba/wenchuan", "2026-01-01", true, "2001", "50.025")
	f("sichuan/ya'an", "2025-12-31", false, "1000.5", "125.563") // 125.56275, half up
	f("sichuanx", "2025-12-31", false, "1000.5", "536.868")
	for _, bad := range []string{"new_factor: 0.5", "grid: 1"} {
		if _, err := ParseRules([]byte(bad)); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}

func TestLedgerWritesAreChecked(t *testing.T) {
	ctx, b := context.Background(), book(t, zhao)
	f := func(want string, spoil func(*Project)) {
		t.Helper()
		p := project()
		spoil(&p)
		if _, err := b.Add(ctx, p, ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	f("check character", func(p *Project) { p.CreditCode = "91350100M000100Y44" })
	f("company", func(p *Project) { p.Company = " " })
	f("at least one service point", func(p *Project) { p.Meters = nil })
	f("a block's energy needs its size", func(p *Project) { p.Basis = Block })
	f("onset", func(p *Project) { p.Onset = "2026-2-1" })
	f("both or neither", func(p *Project) { p.Progress = Exited })
	f("proven", func(p *Project) { p.Onset, p.OnsetProven = "", true })
	id, err := b.Add(ctx, project(), "")
	if err != nil {
		t.Fatal(err)
	}
	f("belongs to "+id, func(*Project) {})
	low := Book{casework.Desk{Store: b.Store, Now: now, Who: access.Actor{Name: "w", Role: access.Operator}}}
	if err := low.Exit(ctx, id, 0, "2026-03-01", ""); !errors.As(err, &access.ErrForbidden{}) {
		t.Errorf("an operator wrote the ledger: %v", err)
	}
	far := Book{casework.Desk{Store: b.Store, Now: now, Who: access.Actor{Name: "s", Role: access.Supervisor, Areas: []string{"hubei"}}}}
	if list, _ := far.List(ctx); len(list) != 0 {
		t.Error("somebody of another area sees the entry")
	}
	if err := far.Exit(ctx, id, 0, "2026-03-01", ""); !errors.Is(err, casework.ErrNotFound) {
		t.Errorf("somebody of another area changed it: %v", err)
	}
	for day, want := range map[string]string{"0001-01-01": "before the onset", "9999-12-31": "still to come"} {
		if err := b.Exit(ctx, id, 1, day, ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("exit on %s: %v, want %s", day, err, want)
		}
	}
	if err := b.Exit(ctx, id, 1, "2026-03-01", "seen empty"); err != nil {
		t.Fatal(err)
	}
	if err := b.Exit(ctx, id, 1, "2026-03-02", ""); !errors.As(err, &casework.ConflictError{}) {
		t.Errorf("an old version was taken: %v", err)
	}
	if _, err := b.Add(ctx, project(), ""); err != nil { // the meters are free again
		t.Error(err)
	}
}

func TestConfirmedCasesAreMissedUntilEntered(t *testing.T) {
	ctx, b := context.Background(), book(t, zhao)
	kw := 3.5
	c, _ := casework.NewCase("m9", "sichuan/aba", "", casework.Finding{BlockKW: &kw, Onset: "2026-02-02T00:00:00+08:00"}, now)
	if _, err := FromCase("C-1", c); err == nil {
		t.Error("a suspicion entered the ledger")
	}
	c.State = casework.Confirmed
	id, err := b.Open(ctx, c, nil)
	if err != nil {
		t.Fatal(err)
	}
	u, err := b.Update(ctx, flat{}, "2026-W10")
	if err != nil || len(u.Missing) != 1 || u.Missing[0] != id {
		t.Errorf("missing %v, %v", u.Missing, err)
	}
	p, err := FromCase(id, c)
	if err != nil || p.Basis != Block || p.KW != 3.5 || p.Onset != "2026-02-02" {
		t.Fatalf("%+v, %v", p, err)
	}
	p.Company, p.Address = "李四", "某村"
	if _, err := b.Add(ctx, p, ""); err != nil {
		t.Fatal(err)
	}
	if u, err = b.Update(ctx, flat{"m9": "9999"}, "2026-W10"); err != nil || len(u.Missing) != 0 || len(u.Unread) != 1 {
		t.Errorf("%+v, %v", u, err)
	}
}
