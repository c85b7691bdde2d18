package casework

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/flatwatt/flatwatt/access"
)

// TestNoWayAroundFourEyes walks cases at random and holds every step against the rules.
func TestNoWayAroundFourEyes(t *testing.T) {
	actors := []access.Actor{{Name: "v", Role: access.Viewer}, wang, li, zhao, sun, root}
	reached := map[State]int{}
	rapid.Check(t, func(t *rapid.T) {
		c, err := NewCase("m1", "", "", Finding{}, at)
		if err != nil {
			t.Fatal(err)
		}
		for range 40 {
			who := rapid.SampledFrom(actors).Draw(t, "who")
			was := c
			var err error
			switch rapid.IntRange(0, 3).Draw(t, "act") {
			case 0, 1:
				to := rapid.SampledFrom([]State{Suspected, DeskReview, Ordered, Confirmed, Cleared, Exempt, Rectified, Closed}).Draw(t, "to")
				if err = c.Move(to, "other", who, at); err == nil && (to == Confirmed || !slices.Contains(next[was.State], to) || was.Pending != nil) {
					t.Fatalf("%s moved a case from %s to %s", who.Name, was.State, to)
				}
			case 2:
				err = c.Propose(rapid.SampledFrom([]string{ProposeConfirm, ProposeDisconnect}).Draw(t, "what"), "other", "", who, at)
			case 3:
				agree := rapid.Bool().Draw(t, "agree")
				if err = c.Decide(agree, who, at); err == nil && agree && (was.Pending.By == who.Name || who.Need(access.Supervisor) != nil) {
					t.Fatalf("%s agreed to what %s proposed", who.Name, was.Pending.By)
				}
			}
			if err == nil && who.Role == access.Viewer {
				t.Fatal("a viewer changed a case")
			}
			if err != nil && (c.State != was.State || c.Pending != was.Pending) {
				t.Fatalf("a refused act changed the case: %v", err)
			}
			reached[c.State]++
		}
	})
	if reached[Confirmed] == 0 || reached[Closed] == 0 {
		t.Errorf("the walks never came to an end: %v", reached)
	}
}

func TestACaseFromSuspicionToEnd(t *testing.T) {
	ctx, db := context.Background(), open(t)
	as := func(who access.Actor) Desk { return Desk{db, who, at} }
	c, err := NewCase("m1", "sichuan/aba", "", Finding{}, at)
	if err != nil {
		t.Fatal(err)
	}
	id, err := as(wang).Open(ctx, c, nil)
	if err != nil || id != "C-2026-00001" {
		t.Fatal(id, err)
	}
	if second, err := as(wang).Open(ctx, c, nil); err != nil || second != "C-2026-00002" {
		t.Fatal(second, err)
	}
	must := func(who access.Actor, do func(*Case) error) {
		t.Helper()
		if err := as(who).Change(ctx, id, 0, "case.step", "", do); err != nil {
			t.Fatal(err)
		}
	}
	must(wang, func(c *Case) error { return c.Move(DeskReview, "", wang, at) })
	must(wang, func(c *Case) error { return c.Tick(0, true, wang, at) })
	must(wang, func(c *Case) error { return c.Move(Ordered, "", wang, at) })
	must(wang, func(c *Case) error { return c.Assign("li", "2026-03-09", wang) })
	if err := as(li).Attach(ctx, id, 0, `C:\photos\..\rack.jpg`, []byte("jpeg")); err != nil {
		t.Fatal(err)
	}
	must(li, func(c *Case) error { return c.Propose(ProposeConfirm, "equipment_found", "20 machines", li, at) })
	must(zhao, func(c *Case) error { return c.Decide(true, zhao, at) })
	must(zhao, func(c *Case) error { return c.Propose(ProposeDisconnect, "", "", zhao, at) })
	err = as(zhao).Change(ctx, id, 0, "x", "", func(c *Case) error { return c.Decide(true, zhao, at) })
	if !errors.As(err, &access.ErrForbidden{}) {
		t.Errorf("one person disconnected: %v", err)
	}
	must(sun, func(c *Case) error { return c.Decide(true, sun, at) })
	_, stale, err := as(li).Case(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	must(li, func(c *Case) error { return c.Move(Rectified, "removed", li, at) })
	err = as(wang).Change(ctx, id, stale, "x", "", func(c *Case) error { return c.Say("late", wang, at) })
	if conflict := (ConflictError{}); !errors.As(err, &conflict) || conflict.By != "li" {
		t.Errorf("an overtaken change was taken: %v", err)
	}
	stranger := access.Actor{Name: "q", Role: access.Operator, Areas: []string{"hubei"}}
	if _, _, err := as(stranger).Case(ctx, id); !errors.Is(err, ErrNotFound) {
		t.Errorf("another area's case was shown: %v", err)
	}
	got, version, err := as(zhao).Case(ctx, id)
	if err != nil || got.State != Rectified || got.Disconnect == nil || got.ApprovedBy != "sun" || version != 11 {
		t.Errorf("version %d: %+v, %v", version, got, err)
	}
	if _, err := db.Verify(ctx, Head{}); err != nil {
		t.Error(err)
	}
}

func TestUsers(t *testing.T) {
	ctx, db := context.Background(), open(t)
	const password = "a long enough one"
	nobody := Desk{db, access.Actor{Name: "setup"}, at}
	if nobody.AddUser(ctx, "wang", password, access.Operator, nil) == nil {
		t.Error("the first user was no administrator")
	}
	if err := nobody.AddUser(ctx, "root", password, access.Administrator, nil); err != nil {
		t.Fatal(err)
	}
	if nobody.AddUser(ctx, "eve", password, access.Administrator, nil) == nil {
		t.Error("a second user was added by nobody")
	}
	admin := Desk{db, root, at}
	if err := admin.AddUser(ctx, "wang", password, access.Operator, []string{"hubei"}); err != nil {
		t.Fatal(err)
	}
	if err := admin.AddUser(ctx, "wang", password, access.Operator, nil); err == nil || !strings.Contains(err.Error(), "exists already") {
		t.Errorf("wang was added twice, or it is not said: %v", err)
	}
	got, err := SignIn(ctx, db, "wang", password)
	if err != nil || got.Role != access.Operator || got.Sees("sichuan") {
		t.Errorf("%+v, %v", got, err)
	}
	token, digest := access.NewToken()
	if err := admin.ChangeUser(ctx, "wang", "user.token", func(u *User) error {
		u.Tokens = append(u.Tokens, Token{"script", digest, "2026-03-31"})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if got, err := ByToken(ctx, db, token, "2026-03-31"); err != nil || got.Name != "wang" {
		t.Error(got, err)
	}
	if _, err := ByToken(ctx, db, token, "2026-04-01"); err == nil {
		t.Error("a token outlived its last day")
	}
	if err := admin.ChangeUser(ctx, "wang", "user.disable", func(u *User) error { u.Disabled = true; return nil }); err != nil {
		t.Fatal(err)
	}
	for name, pw := range map[string]string{"wang": password, "root": password + "x", "nobody": password} {
		if _, err := SignIn(ctx, db, name, pw); !errors.Is(err, access.ErrPassword) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ByToken(ctx, db, token, "2026-03-31"); err == nil {
		t.Error("a disabled user's token was taken")
	}
	if admin.ChangeUser(ctx, "root", "user.disable", func(u *User) error { u.Disabled = true; return nil }) == nil {
		t.Error("the last administrator was lost")
	}
}
