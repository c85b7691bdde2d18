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
