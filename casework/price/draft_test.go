package price

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt/access"
	"github.com/flatwatt/flatwatt/casework/ledger"
)

// TestADayIsBilledOnceInAnyArea moves a project after its February was billed: those of the
// new area do not see that statement, and cannot bill its days.
func TestADayIsBilledOnceInAnyArea(t *testing.T) {
	ctx, o := t.Context(), office(t)
	if _, err := o.Sync(ctx, false); err != nil {
		t.Fatal(err)
	}
	st, err := o.Draft(ctx, days{}, id, "", "2026-02-20")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.Issue(ctx, st, ""); err != nil {
		t.Fatal(err)
	}
	if err := o.Change(ctx, id, 0, "ledger.set", "", func(p *ledger.Project) error { p.Area = "sichuan/ganzi"; return nil }); err != nil {
		t.Fatal(err)
	}
	o.Who = access.Actor{Name: "li", Role: access.Supervisor, Areas: []string{"sichuan/ganzi"}}
	if _, err := o.Draft(ctx, days{}, id, "", "2026-02-20"); err == nil || !strings.Contains(err.Error(), "everything up to 2026-02-20 is billed") {
		t.Errorf("the same days: %v", err)
	}
	const want = id + ": 2026-02-15 to 2026-02-20 is billed already" // no ID, and no day that was not asked for
	if _, err := o.Draft(ctx, days{}, id, "2026-02-15", "2026-02-28"); err == nil || err.Error() != want {
		t.Errorf("days of the same: %v, want %s", err, want)
	}
	st.From = "2026-02-15"
	if _, err := o.Issue(ctx, st, ""); err == nil || err.Error() != want {
		t.Errorf("issued: %v, want %s", err, want)
	}
	if next, err := o.Draft(ctx, days{}, id, "", "2026-02-28"); err != nil || next.From != "2026-02-21" || next.Why != "follows what is billed already" {
		t.Errorf("from %s, %s: %v", next.From, next.Why, err)
	}
}

// TestWhatWasOwedBeforeAReturnIsBilled lists a project on 1 February, lets it go on the 20th
// and takes that back on 10 March: it pays for both times, and not for the days between.
func TestWhatWasOwedBeforeAReturnIsBilled(t *testing.T) {
	ctx, o := t.Context(), office(t)
	set := func(day string, do func(*ledger.Project) error) {
		t.Helper()
		at, _ := time.Parse(time.DateOnly, day)
		o.Now = at.Add(time.Hour)
		if err := o.Change(ctx, id, 0, "ledger.set", "", do); err != nil {
			t.Fatal(err)
		}
		if _, err := o.Sync(ctx, false); err != nil {
			t.Fatal(err)
		}
	}
	set("2026-02-01", func(p *ledger.Project) error { p.Area, p.Onset, p.OnsetProven = "hubei", "", false; return nil })
	set("2026-02-24", func(p *ledger.Project) error { p.Progress, p.ExitedOn = ledger.Exited, "2026-02-20"; return nil })
	set("2026-03-10", func(p *ledger.Project) error { p.Progress, p.ExitedOn = ledger.Registered, ""; return nil })
	o.Now = o.Now.AddDate(0, 1, 0) // 10 April
	f := func(from, to, want string) {
		t.Helper()
		st, err := o.Draft(ctx, days{}, id, from, to)
		if got := fmt.Sprint(st.From, " to ", st.To, ", ", st.Why, ", ", err); !strings.Contains(got, want) {
			t.Errorf("--from %q --to %s: %s, want %s", from, to, got, want)
		}
	}
	f("2026-02-01", "2026-02-20", "2026-02-01 to 2026-02-20, from the listing, <nil>")
	f("", "2026-03-31", "2026-02-01 to 2026-02-20, from the listing, <nil>")
	f("2026-02-18", "2026-03-12", "2026-02-18 to 2026-02-20, from the listing, <nil>")
	f("2026-02-21", "2026-03-09", "owes nothing for the days up to 2026-03-09")
	f("2026-02-21", "2026-03-31", "2026-03-10 to 2026-03-31, from the listing, <nil>")
	st, err := o.Draft(ctx, days{}, id, "", "2026-03-31")
	if err == nil {
		_, err = o.Issue(ctx, st, "")
	}
	if err != nil {
		t.Fatal(err)
	}
	f("", "2026-03-09", "everything up to 2026-03-09 is billed")
	f("", "2026-03-31", "2026-03-10 to 2026-03-31, from the listing, <nil>")
	f("", "2026-04-10", "to 2026-04-10: is not over yet")
	set("2026-04-11", func(p *ledger.Project) error { p.Progress, p.ExitedOn = ledger.Exited, "2026-02-15"; return nil })
	f("2026-03-01", "2026-04-10", "owes nothing") // it had gone all the time
}
