package console

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/flatwatt/flatwatt/casework/energy"
)

// tens says that every meter used ten kWh a day.
type tens struct{}

func (tens) Days(_ context.Context, _, from, to string, _ float64) (list []energy.Day, err error) {
	a, _, err := energy.Dates(from, to)
	if err != nil {
		return nil, err
	}
	_, b, err := energy.Dates(from, to)
	for d := a; d <= b; d++ {
		list = append(list, energy.Day{Date: d.String(), KWh: decimal.NewFromInt(10), Intervals: 96})
	}
	return list, err
}

// withAccounts puts one record of each kind into a room, through the API as people do.
func withAccounts(t testing.TB, r *room) {
	t.Helper()
	r.s.Energy = tens{}
	zhao, li, wang := r.visit("zhao"), r.visit("li"), r.visit("wang")
	ok := func(v *visitor, path string, in map[string]any) map[string]any {
		t.Helper()
		var out map[string]any
		if code := v.send(path, in, &out); code != http.StatusOK {
			t.Fatalf("%s: %d %v", path, code, out)
		}
		return out
	}
	ok(wang, "/tips", map[string]any{"source": "tip_off", "channel": "12398", "text": "hums day and night", "account": "c3", "contact": "a neighbour"})
	ok(wang, "/tips/T-2026-00001/match", map[string]any{"version": 0, "meter": "c3"})
	ok(zhao, "/ledger", map[string]any{"company": "A mill", "address": "River road 1", "area": "sichuan/aba", "status": "existing", "meters": "c2", "units": 20, "kw": 70, "onset": "2026-01-11"})
	ok(zhao, "/prices/sync", nil)
	r.wait(48 * time.Hour)
	ok(r.visit("zhao"), "/prices/statements", map[string]any{"project": "P-2026-00001", "to": "2026-02-03"})
	r.wait(-48 * time.Hour)
	ok(zhao, "/spotchecks", map[string]any{"title": "February", "seed_source": "lottery of 2 February", "size": 3, "per_item": 1})
	ok(zhao, "/spotchecks/R-2026-00001/draw", map[string]any{"version": 1, "seed": "0203040506"})
	var spot spotPage
	li.read("/spotchecks/R-2026-00001", &spot)
	if spot.Verified == nil || !*spot.Verified || len(spot.Check.Picks) != 3 {
		t.Fatalf("the draw: %+v", spot)
	}
	ok(li, "/spotchecks/R-2026-00001/outcome", map[string]any{"version": 2, "item": spot.Check.Picks[0].Item.ID, "result": "nothing found", "day": "2026-02-02"})
	ok(wang, "/screening", map[string]any{"list": "new connections", "company": "A mill", "address": "River road 1", "meter": "c2", "kw": 100})
	ok(wang, "/screening/commitments", map[string]any{"company": "Cloud", "address": "Park 2", "meters": "dc", "signed": "2026-01-01", "until": "2026-12-31", "kw": 500})
	ok(zhao, "/ledger/update", map[string]any{"week": "2026-W05"})
	ok(zhao, "/reports", map[string]any{"week": "2026-W05"})
}

// TestAccountsOnTheirWay follows what was entered to where it must show.
func TestAccountsOnTheirWay(t *testing.T) {
	r := newRoom(t)
	withAccounts(t, r)
	guest, li, zhao := r.visit("guest"), r.visit("li"), r.visit("zhao")
	see := func(v *visitor, path string, wants ...string) {
		t.Helper()
		code, body := v.get(path)
		for _, want := range wants {
			if code != http.StatusOK || !strings.Contains(body, want) {
				t.Errorf("%s: %d, without %q", path, code, want)
			}
		}
	}
	see(guest, "/tips/T-2026-00001", "for inspectors only", "c3")
	see(li, "/tips/T-2026-00001", "a neighbour")
	see(guest, "/meters/c3", "T-2026-00001", "hums day and night")
	see(guest, "/ledger", "A mill", "River road 1", ">220<", ">440<", ">118<") // 22 days of 10 kWh; a new project counts twice; × 0.5366 kg
	see(guest, "/prices/S-2026-00001", "6.00", "0.3")                          // 2 days of 10 kWh at 0.30 yuan
	see(guest, "/prices", "S-2026-00001", "6.00")
	see(guest, "/screening", "new connections", "Cloud", "ledger")
	see(guest, "/reports/2026-W05", "2026-W05", "SHA-256")
	see(guest, "/reports/2026-W05/file?format=html", "2026-W05")
	see(guest, "/reports/2026-W05/file?format=csv", "\ufeff")
	see(guest, "/spotchecks/R-2026-00001/disclosure?format=html", "R-2026-00001")
	if code, _ := guest.get("/reports/2026-W05/file?format=exe"); code != http.StatusBadRequest {
		t.Errorf("an unknown format: %d", code)
	}
	for path, in := range map[string]map[string]any{
		"/ledger": {"company": "X", "address": "Y", "status": "planned"}, "/prices/sync": nil, "/reports": {"week": "2026-W05"},
		"/spotchecks": {"title": "x", "seed_source": "y", "size": 1}, "/ledger/P-2026-00001/exit": {"version": 2, "day": "2026-02-02"},
	} {
		if code := li.send(path, in, nil); code != http.StatusForbidden {
			t.Errorf("%s by an inspector: %d", path, code)
		}
	}
	if code := zhao.send("/ledger/P-2026-00001/exit", map[string]any{"version": 1, "day": "2026-02-02"}, nil); code != http.StatusConflict {
		t.Errorf("an old version of the ledger: %d", code)
	}
	if code := zhao.send("/reports", map[string]any{"week": "2026-W05"}, nil); code != http.StatusUnprocessableEntity {
		t.Errorf("a report issued twice without a reason: %d", code)
	}
}
