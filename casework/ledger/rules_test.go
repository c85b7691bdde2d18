package ledger

import (
	"fmt"
	"strings"
	"testing"

	"github.com/shopspring/decimal"

	"github.com/flatwatt/flatwatt/access"
	"github.com/flatwatt/flatwatt/casework"
)

// TestALateExitTakesItsEnergyBack enters an exit on Thursday 26 February when weeks 9 to 11
// were counted: of two meters with 24 kWh a day from Friday 20 February on, 7 days are left.
func TestALateExitTakesItsEnergyBack(t *testing.T) {
	for _, runs := range [][]string{{"2026-W12"}, {"2026-W09"}, {"2026-W08", "2026-W09", "2026-W10", "2026-W11"}} {
		ctx, b := t.Context(), book(t, zhao)
		b.Now = now.AddDate(0, 0, 21)
		id, err := b.Add(ctx, project(), "")
		if err != nil {
			t.Fatal(err)
		}
		read := flat{"m1": "2026-02-20", "m2": "2026-02-20"}
		update := func(weeks ...string) {
			t.Helper()
			for _, week := range weeks {
				if u, err := b.Update(ctx, read, week); err != nil || len(u.Unread) > 0 {
					t.Fatalf("%s: unread %v, %v", week, u.Unread, err)
				}
			}
		}
		update("2026-W08", "2026-W09", "2026-W10", "2026-W11")
		if err := b.Exit(ctx, id, 0, "2026-02-26", ""); err != nil {
			t.Fatal(err)
		}
		update(runs...)
		p, _, err := b.Project(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		if !p.EnergyKWh.Equal(decimal.NewFromInt(7*48)) || p.EnergyFrom != "2026-02-20" || p.EnergyTo != "2026-02-26" || p.MissingDays != 0 {
			t.Errorf("after %v: %s kWh, %s to %s, %g days missing", runs, p.EnergyKWh, p.EnergyFrom, p.EnergyTo, p.MissingDays)
		}
		if len(p.Weeks) != 2 || !p.Weeks[0].KWh.Equal(decimal.NewFromInt(3*48)) || !p.Weeks[1].KWh.Equal(decimal.NewFromInt(4*48)) {
			t.Errorf("after %v: weeks %+v, want W08 with 144 kWh and W09 with 192", runs, p.Weeks)
		}
	}
}

// TestAMeterBelongsToOneProject: no change gives a project a meter of another one, and none
// comes back whose meter belongs to another one meanwhile.
func TestAMeterBelongsToOneProject(t *testing.T) {
	ctx, b := t.Context(), book(t, zhao)
	first, err := b.Add(ctx, project(), "")
	if err != nil {
		t.Fatal(err)
	}
	p := project()
	p.Meters, p.Area = []string{"m3"}, "hubei"
	second, err := b.Add(ctx, p, "")
	if err != nil {
		t.Fatal(err)
	}
	b.Who = access.Actor{Name: "s", Role: access.Supervisor, Areas: []string{"hubei"}} // who does not see the first
	set := func(want string, do func(*Project)) {
		t.Helper()
		err := b.Change(ctx, second, 0, "ledger.set", "", func(p *Project) error { do(p); return nil })
		if got := fmt.Sprint(err); !strings.Contains(got, want) {
			t.Errorf("%s, want %s", got, want)
		}
	}
	set("m2 belongs to "+first, func(p *Project) { p.Meters = append(p.Meters, "m2") })
	set("<nil>", func(p *Project) { p.Meters = append(p.Meters, "m4") })
	set("<nil>", func(p *Project) { p.Progress, p.ExitedOn = Exited, "2026-03-01" })
	b.Who = zhao
	p.Meters, p.Area = []string{"m4"}, "sichuan/aba"
	third, err := b.Add(ctx, p, "")
	if err != nil {
		t.Fatal(err)
	}
	set("m4 belongs to "+third, func(p *Project) { p.Progress, p.ExitedOn = Registered, "" })
}

// TestACaseIsNotMissedBecauseItsEntryMoved: those of the case's area cannot see the entry
// any more, and their report must not wait for another one.
func TestACaseIsNotMissedBecauseItsEntryMoved(t *testing.T) {
	ctx, b := t.Context(), book(t, zhao)
	c, _ := casework.NewCase("m9", "sichuan/aba", "", casework.Finding{}, now)
	c.State = casework.Confirmed
	id, err := b.Open(ctx, c, nil)
	if err != nil {
		t.Fatal(err)
	}
	p := project()
	p.Case, p.Area = id, "sichuan/ganzi"
	if _, err := b.Add(ctx, p, ""); err != nil {
		t.Fatal(err)
	}
	b.Who = access.Actor{Name: "s", Role: access.Supervisor, Areas: []string{"sichuan/aba"}}
	if missing, err := b.Missing(ctx); err != nil || len(missing) != 0 {
		t.Errorf("missing: %v, %v", missing, err)
	}
}
