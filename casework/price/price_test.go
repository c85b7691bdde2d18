package price

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/flatwatt/flatwatt/access"
	"github.com/flatwatt/flatwatt/casework"
	"github.com/flatwatt/flatwatt/casework/energy"
	"github.com/flatwatt/flatwatt/casework/ledger"
)

var zhao = access.Actor{Name: "zhao", Role: access.Supervisor}

const local = `
rules:
  - {name: national, yuan_per_kwh: 0.30}
  - {name: sichuan, area: sichuan, yuan_per_kwh: 1, since: onset, unproven_months: 3, from: 2026-01-01}
  - {name: sichuan later, area: sichuan, yuan_per_kwh: 2, since: onset, unproven_months: 3, from: 2026-03-16}
  - {name: sichuan large, area: sichuan, class: large industry, yuan_per_kwh: 1.5, since: onset}
`

func schedule(t *testing.T) Schedule {
	t.Helper()
	s, err := Parse([]byte(local))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTheClosestRuleCounts(t *testing.T) {
	s := schedule(t)
	f := func(area, class, day, want string) {
		t.Helper()
		if r, ok := s.Rule(area, class, day); !ok || r.Name != want {
			t.Errorf("%s %s on %s: %s, want %s", area, class, day, r.Name, want)
		}
	}
	f("", "", "2026-01-01", "national")
	f("sichuanx", "", "2026-02-01", "national")
	f("sichuan", "", "2025-12-31", "national")
	f("sichuan/aba", "", "2026-01-01", "sichuan")
	f("sichuan/aba", "", "2026-03-15", "sichuan")
	f("sichuan/aba", "", "2026-03-16", "sichuan later")
	f("sichuan", "large industry", "2026-03-16", "sichuan large")
	for bad, want := range map[string]string{
		"rules: [{name: a, yuan_per_kwh: 30}]": "want 0 to 10", "rules: [{yuan_per_kwh: 1}]": "a name", "rules: [{name: a, since: birth}]": "since",
		"rules: [{name: a, unproven_months: 3}]": "only where since is onset", "rules: [{name: a, from: 1.1.2026}]": "no date", "rulez: []": "rulez",
	} {
		if _, err := Parse([]byte(bad)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", bad, err)
		}
	}
	if d, err := Parse(nil); err != nil || !d.Rules[0].Yuan.Equal(decimal.RequireFromString("0.3")) {
		t.Errorf("an empty schedule: %+v, %v", d, err)
	}
}

func TestLiabilityBegins(t *testing.T) {
	s := schedule(t)
	f := func(area, onset string, proven bool, listed, want string) {
		t.Helper()
		p := ledger.Project{Area: area, Onset: onset, OnsetProven: proven}
		if day, why := s.Start(&p, listed); day != want {
			t.Errorf("%s, onset %s, listed %s: from %s (%s), want %s", area, onset, listed, day, why, want)
		}
	}
	f("hubei", "2025-01-01", true, "2026-03-01", "2026-03-01") // the national rule bills from the listing
	f("sichuan", "2025-01-01", true, "2026-03-01", "2025-01-01")
	f("sichuan", "2025-01-01", false, "2026-03-01", "2025-12-01")
	f("sichuan", "", false, "2026-05-31", "2026-02-28") // February has no 31st
}

// days is 10.005 kWh a day, a day in March without readings.
type days struct{}

func (days) Days(_ context.Context, _, from, to string, _ float64) (list []energy.Day, err error) {
	for day := from; day <= to; day = dayAfter(day) {
		d := energy.Day{Date: day, KWh: decimal.RequireFromString("10.005"), Intervals: 24}
		if day == "2026-03-10" {
			d = energy.Day{Date: day, MissingShare: 1}
		}
		list = append(list, d)
	}
	return list, nil
}

func office(t *testing.T) Office {
	t.Helper()
	db, err := casework.Open(t.Context(), filepath.Join(t.TempDir(), "c.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	o := Office{Book: ledger.Book{Desk: casework.Desk{Store: db, Who: zhao, Now: time.Date(2026, 3, 1, 1, 0, 0, 0, time.UTC)}}, Schedule: schedule(t)}
	_, err = o.Add(t.Context(), ledger.Project{Company: "甲", Address: "某路", Area: "sichuan/aba", Status: ledger.Existing, Meters: []string{"m"},
		Basis: ledger.WholeMeter, Progress: ledger.Registered, Onset: "2026-02-10", OnsetProven: true}, "")
	if err != nil {
		t.Fatal(err)
	}
	return o
}

const id = "P-2026-00001"

// TestAStatementShowsItsCalculation bills 10 February to 20 March by hand:
// February 19 days · 10.005 = 190.095 kWh · 1 = 190.10 (half up); 1 to 15 March without the
// 10th 14 days = 140.07 · 1 = 140.07; 16 to 20 March 5 days = 50.025 · 2 = 100.05.
func TestAStatementShowsItsCalculation(t *testing.T) {
	ctx, o := context.Background(), office(t)
	if _, err := o.Draft(ctx, days{}, id, "", "2026-02-28"); err == nil || !strings.Contains(err.Error(), "price sync") {
		t.Errorf("billed without being listed: %v", err)
	}
	for i, want := range []int{1, 0} {
		if steps, err := o.Sync(ctx, false); err != nil || len(steps) != want {
			t.Fatalf("sync %d: %v, %v", i, steps, err)
		}
	}
	o.Now = o.Now.AddDate(0, 0, 20) // 21 March
	st, err := o.Draft(ctx, days{}, id, "", "2026-03-20")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range st.Lines {
		got = append(got, l.From+" "+l.To+" "+l.KWh.String()+" "+l.YuanPerKWh.String()+" "+l.Yuan.StringFixed(2))
	}
	want := "2026-02-10 2026-02-28 190.095 1 190.10|2026-03-01 2026-03-15 140.07 1 140.07|2026-03-16 2026-03-20 50.025 2 100.05"
	if strings.Join(got, "|") != want || st.Yuan.String() != "430.22" || st.KWh.String() != "380.19" || st.Lines[1].MissingDays != 1 {
		t.Errorf("%s\nin all %s yuan of %s kWh", strings.Join(got, "|"), st.Yuan, st.KWh)
	}
	if st.Due != "2026-04-20" || st.Why != "all use since the proven onset" {
		t.Errorf("due %s, %s", st.Due, st.Why)
	}
	first, err := o.Issue(ctx, st, "")
	if err != nil || first != "S-2026-00001" {
		t.Fatal(first, err)
	}
	if _, err := o.Issue(ctx, st, ""); err == nil || !strings.Contains(err.Error(), "billed already by S-2026-00001") {
		t.Errorf("billed twice: %v", err)
	}
	if _, err := o.Draft(ctx, days{}, id, "", "2026-03-21"); err == nil || !strings.Contains(err.Error(), "not over") {
		t.Errorf("today was billed: %v", err)
	}
	o.Now = o.Now.AddDate(0, 0, 1)
	if next, err := o.Draft(ctx, days{}, id, "", "2026-03-21"); err != nil || next.From != "2026-03-21" || next.Why != "follows S-2026-00001" {
		t.Errorf("%+v, %v", next, err)
	}
}

func TestArrears(t *testing.T) {
	ctx, o := context.Background(), office(t)
	if _, err := o.Sync(ctx, false); err != nil {
		t.Fatal(err)
	}
	st, err := o.Draft(ctx, days{}, id, "", "2026-02-28") // 190.10, due 31 March
	if err != nil {
		t.Fatal(err)
	}
	s, err := o.Issue(ctx, st, "")
	if err != nil {
		t.Fatal(err)
	}
	o.Now = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	if _, err := o.Pay(ctx, Payment{Statement: s, Yuan: decimal.RequireFromString("0.001"), Day: "2026-03-10"}, ""); err == nil {
		t.Error("a tenth of a fen was paid")
	}
	if _, err := o.Pay(ctx, Payment{Statement: s, Yuan: decimal.RequireFromString("100"), Day: "2026-03-10"}, ""); err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct{ yuan, day, want string }{
		{"1", "2099-01-01", "still to come"}, {"1e30", "2026-03-10", "at most 1000000000"}, {"-100.01", "2026-03-10", "more than the 100 that came in"},
	} {
		if _, err := o.Pay(ctx, Payment{Statement: s, Yuan: decimal.RequireFromString(x.yuan), Day: x.day}, ""); err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s yuan on %s: %v, want %s", x.yuan, x.day, err, x.want)
		}
	}
	f := func(day, paid, open, overdue, since string) {
		t.Helper()
		list, err := o.Arrears(ctx, day)
		if err != nil || len(list) != 1 {
			t.Fatal(list, err)
		}
		a := list[0]
		if a.Paid.String() != paid || a.Open.String() != open || a.Overdue.String() != overdue || a.Since != since {
			t.Errorf("on %s: %+v", day, a)
		}
	}
	f("2026-03-09", "0", "190.1", "0", "")
	f("2026-03-31", "100", "90.1", "0", "")
	f("2026-04-01", "100", "90.1", "90.1", "2026-03-31")
	if err := o.Cancel(ctx, s, 0, ""); err == nil {
		t.Error("cancelled without a reason")
	}
	if err := o.Cancel(ctx, s, 0, "wrong meter"); err != nil {
		t.Fatal(err)
	}
	f("2026-04-01", "100", "-100", "0", "")
	if _, err := o.Draft(ctx, days{}, id, "2026-02-10", "2026-02-28"); err != nil { // its days are free again
		t.Error(err)
	}
}

func TestTheListFollowsTheLedger(t *testing.T) {
	ctx, o := context.Background(), office(t)
	sync := func(what ...string) {
		t.Helper()
		steps, err := o.Sync(ctx, false)
		var got []string
		for _, s := range steps {
			got = append(got, s.What)
		}
		if err != nil || strings.Join(got, " ") != strings.Join(what, " ") {
			t.Fatalf("%v, %v; want %v", got, err, what)
		}
	}
	sync("listed")
	if err := o.Change(ctx, id, 0, "ledger.set", "", func(p *ledger.Project) error { p.Meters = []string{"m", "n"}; return nil }); err != nil {
		t.Fatal(err)
	}
	sync("changed")
	if err := o.Exit(ctx, id, 0, "2026-02-20", ""); err != nil {
		t.Fatal(err)
	}
	sync("delisted")
	sync()
	st, err := o.Draft(ctx, days{}, id, "", "2026-02-28")
	if err != nil || st.To != "2026-02-20" || len(st.Lines) != 2 {
		t.Errorf("billed to %s on %d lines, %v", st.To, len(st.Lines), err)
	}
	low := o
	low.Who = access.Actor{Name: "w", Role: access.Operator}
	if _, err := low.Sync(ctx, false); !errors.As(err, &access.ErrForbidden{}) {
		t.Errorf("an operator: %v", err)
	}
}
