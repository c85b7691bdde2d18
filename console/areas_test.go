package console

import (
	"net/http"
	"strings"
	"testing"

	"github.com/flatwatt/flatwatt/access"
	"github.com/flatwatt/flatwatt/casework"
)

// promote gives a person of a room another role, with the areas that they have.
func (r *room) promote(name string, role access.Role) {
	r.t.Helper()
	u, version, err := casework.Get[casework.User](r.t.Context(), r.db, casework.KindUser, name)
	if err != nil {
		r.t.Fatal(err)
	}
	u.Role = role
	root := access.Actor{Name: "root", Role: access.Administrator}
	if err := casework.Put(r.t.Context(), r.db, casework.Change{At: today, Actor: root, Action: "user.change"}, casework.KindUser, name, version, u); err != nil {
		r.t.Fatal(err)
	}
}

// TestTrailOfOneArea: a supervisor of one area reads entries of that area; of all others
// only what ties the trail together.
func TestTrailOfOneArea(t *testing.T) {
	r := newRoom(t)
	r.promote("aba", access.Supervisor)
	wang := r.visit("wang")
	for meter, note := range map[string]string{"c2": "note of aba", "c3": "note of leshan"} {
		var made struct{ ID string }
		if code := wang.send("/cases", map[string]any{"meter": meter}, &made); code != http.StatusOK {
			t.Fatal(code)
		}
		if code := wang.send("/cases/"+made.ID+"/move", map[string]any{"version": 0, "to": "desk review", "note": note}, nil); code != http.StatusOK {
			t.Fatal(code)
		}
	}
	aba := r.visit("aba")
	for _, path := range []string{"/audit", "/api/audit"} {
		_, body := aba.get(path)
		if !strings.Contains(body, "note of aba") || strings.Contains(body, "note of leshan") || strings.Contains(body, `"c3"`) || strings.Contains(body, "alarm c3") || strings.Contains(body, "chen") {
			t.Errorf("%s: another area's entries are told, or the own are not", path)
		}
	}
	var p auditPage
	aba.read("/audit", &p)
	if len(p.Rows) != p.Head.Seq || p.Rows[0].Action != "session.begin" {
		t.Errorf("%d entries of %d, the last %+v", len(p.Rows), p.Head.Seq, p.Rows[0])
	}
	for i, e := range p.Rows[1:] {
		if p.Rows[i].Prev != e.Hash {
			t.Errorf("entry %d: the chain cannot be followed", e.Seq)
		}
	}
	if _, body := r.visit("zhao").get("/api/audit"); !strings.Contains(body, "note of leshan") {
		t.Error("who sees all areas does not see all entries")
	}
}

// TestMetersOfAnotherArea: whoever sees one area brings no meter of another into its books,
// nor one that nobody knows, and opens no case where somebody else did.
func TestMetersOfAnotherArea(t *testing.T) {
	r := newRoom(t)
	r.promote("aba", access.Supervisor)
	aba, wang := r.visit("aba"), r.visit("wang")
	tip := func() string {
		var made struct{ ID string }
		if code := aba.send("/tips", map[string]any{"source": "tip_off", "text": "a hum", "area": "sichuan/aba"}, &made); code != http.StatusOK {
			t.Fatal(code)
		}
		return made.ID
	}
	entry := func(meters string) map[string]any {
		return map[string]any{"company": "A mill", "address": "River road 1", "area": "sichuan/aba", "status": "existing", "meters": meters}
	}
	word := func(meters string) map[string]any {
		return map[string]any{"company": "Cloud", "address": "Park 2", "area": "sichuan/aba", "meters": meters, "signed": "2026-01-01", "until": "2026-12-31"}
	}
	open, matched := tip(), tip()
	if code := wang.send("/tips/"+matched+"/match", map[string]any{"version": 0, "meter": "c3"}, nil); code != http.StatusOK {
		t.Fatal(code)
	}
	for _, c := range []struct {
		path string
		in   map[string]any
		want int
	}{
		{"/ledger", entry("c3"), 404}, {"/ledger", entry("c2, c3"), 404}, {"/ledger", entry("nowhere"), 404}, {"/ledger", entry("c2"), 200},
		{"/screening/commitments", word("c3"), 404}, {"/screening/commitments", word("c2"), 200},
		{"/tips/" + open + "/match", map[string]any{"version": 0, "meter": "c3"}, 404}, {"/tips/" + matched + "/case", nil, 404},
		{"/tips/" + open + "/match", map[string]any{"version": 0, "meter": "c2"}, 200}, {"/tips/" + open + "/case", nil, 200},
	} {
		if code := aba.send(c.path, c.in, nil); code != c.want {
			t.Errorf("%s %v: %d, want %d", c.path, c.in["meters"], code, c.want)
		}
	}
	if code := wang.send("/tips/"+matched+"/case", nil, nil); code != http.StatusOK {
		t.Errorf("who sees all areas opens no case: %d", code)
	}
}

// TestNetworkOfOneArea: a node's counts are of the own area; a balance of more is not told.
func TestNetworkOfOneArea(t *testing.T) {
	r := newRoom(t)
	aba, wang := r.visit("aba"), r.visit("wang")
	var all, part, own gridPage
	wang.read("/network?at=tx1", &all)
	aba.read("/network?at=tx1", &part)
	if all.At.Suspects != 3 || all.At.Balance == nil {
		t.Errorf("of all areas: %+v", all.At)
	}
	if n := part.At; n.Meters != 2 || n.Suspects != 2 || n.BlockKW != 73.2 || n.Balance != nil || n.Own != nil || len(part.Below) != 2 {
		t.Errorf("of aba: %+v, %d below", n, len(part.Below))
	}
	for i, f := range r.board.findings {
		if f.Meter.ID == "tx1" || f.Meter.ID == "c3" {
			r.board.findings[i].Area = "sichuan/aba"
		}
	}
	if aba.read("/network?at=tx1", &own); own.At.Suspects != 3 || own.At.Balance == nil {
		t.Errorf("of aba, where all is aba's: %+v", own.At)
	}
}
