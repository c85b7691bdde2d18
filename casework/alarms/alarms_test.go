package alarms

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/flatwatt/flatwatt/access"
	"github.com/flatwatt/flatwatt/casework"
)

var (
	began = time.Date(2026, 3, 1, 6, 0, 0, 0, time.UTC)
	wang  = access.Actor{Name: "wang", Role: access.Operator}
	zhao  = access.Actor{Name: "zhao", Role: access.Supervisor}
	aba   = access.Actor{Name: "aba", Role: access.Operator, Areas: []string{"sichuan/aba"}}
)

func day(n int) string { return began.AddDate(0, 0, n).Format(time.DateOnly) }

// say is a meter's verdicts, a letter a day from day 0: S suspect, n normal, ? not known.
func say(id, days string, kw float64) (list []Verdict) {
	for i, c := range days {
		p := 0.9
		list = append(list, Verdict{ID: id, Day: day(i), Known: c != '?', Suspect: c == 'S', Detector: "customer", Kind: "customer",
			Above: "t1", Finding: casework.Finding{Day: day(i), Probability: &p, BlockKW: &kw}})
	}
	return list
}

func policy() Policy {
	p := DefaultPolicy()
	p.OnDelayDays, p.OffDelayDays, p.GroupFrom = 2, 3, 0
	return p
}

// follow takes verdicts day by day, as the service does.
func follow(p Policy, verdicts []Verdict) map[string]Alarm {
	now := map[string]Alarm{}
	slices.SortStableFunc(verdicts, func(a, b Verdict) int { return strings.Compare(a.Day+a.ID, b.Day+b.ID) })
	for len(verdicts) > 0 {
		n := 1
		for n < len(verdicts) && verdicts[n].Day == verdicts[0].Day {
			n++
		}
		maps.Copy(now, Next(p, now, verdicts[:n], false, verdicts[0].Day, began))
		verdicts = verdicts[n:]
	}
	return now
}

func TestDelays(t *testing.T) {
	f := func(days string, want State, raises int) {
		t.Helper()
		a := follow(policy(), say("m", days, 3))["m"]
		if got := a.State(day(len(days) - 1)); got != want || len(a.Raises) != raises {
			t.Errorf("%s: %s after %d raises, want %s after %d", days, got, len(a.Raises), want, raises)
		}
	}
	f("nnnn", Normal, 0)
	f("S", Normal, 0)             // one day is not enough
	f("SnSnSn", Normal, 0)        // nor is every other
	f("SS", Unacknowledged, 1)    // two in a row are
	f("S??S", Unacknowledged, 1)  // days that nobody knows do not count against
	f("SSnn", Unacknowledged, 1)  // two days off are not enough
	f("SSnSn", Unacknowledged, 1) // nor is on and off
	f("SSnnn", Returned, 1)       // three in a row are
	f("SSnnnSS", Unacknowledged, 2)
	f("SS???????", Unacknowledged, 1) // silence is no all-clear
}

// TestTheSameScoresAgainChangeNothing tells any history again, from any day, in the same
// order and with days repeated, as a service does that resumes from a checkpoint.
func TestTheSameScoresAgainChangeNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var all []Verdict
		for _, id := range []string{"a", "b", "c", "d"} {
			all = append(all, say(id, rapid.StringOfN(rapid.SampledFrom([]rune("SSn?")), 30, 30, -1).Draw(t, id), 40)...)
		}
		p := policy()
		p.GroupFrom, p.BudgetPerDay = 2, 1
		once := follow(p, slices.Clone(all))
		from := rapid.IntRange(0, 29).Draw(t, "from")
		for n := from; n < 30; n++ {
			var today []Verdict
			for _, v := range all {
				if v.Day == day(n) {
					today = append(today, v)
				}
			}
			// Days before the last are told again while alarms stand on the last day.
			if changed := Next(p, once, today, false, day(29), began); len(changed) > 0 && n < 29 {
				for id, a := range changed {
					b := once[id]
					a.Announced, b.Announced = "", "" // a further day's budget may have let one out
					if !reflect.DeepEqual(a, b) {
						t.Fatalf("day %d again changed %s from\n%+v to\n%+v", n, id, once[id], changed[id])
					}
				}
			}
		}
		var slow = map[string]Alarm{}
		for _, v := range all { // without parents a meter's alarm is the same told alone
			if a, ok := slow[v.ID]; ok || v.Known && v.Suspect {
				if !ok {
					a = newAlarm(&v)
				}
				slow[v.ID] = step(p, a, &v)
			}
		}
		for id, a := range slow {
			if b := once[id]; a.Active != b.Active || a.Raised != b.Raised || a.Returned != b.Returned || !slices.Equal(a.Raises, b.Raises) {
				t.Fatalf("%s alone is\n%+v, among others\n%+v", id, a, b)
			}
		}
	})
}

func TestBudgetAndBacklog(t *testing.T) {
	p := policy()
	p.BudgetPerDay = 2
	var all []Verdict
	for i := range 5 {
		all = append(all, say(fmt.Sprint("m", i), "SSSSS", float64(10*(i+1)))...)
	}
	at := func(days int) (states []string) {
		var some []Verdict
		for _, v := range all {
			if v.Day <= day(days) {
				some = append(some, v)
			}
		}
		now := follow(p, some)
		for i := range 5 {
			a := now[fmt.Sprint("m", i)]
			states = append(states, string(a.State(day(days)))[:1])
		}
		return states
	}
	for days, want := range map[int]string{0: "nnnnn", 1: "bbbuu", 2: "buuuu", 3: "uuuuu"} { // the largest first
		if got := strings.Join(at(days), ""); got != want {
			t.Errorf("day %d: %s, want %s", days, got, want)
		}
	}
}

func TestOneParentStandsForATransformer(t *testing.T) {
	p := policy()
	p.GroupFrom, p.BudgetPerDay = 3, 1
	all := slices.Concat(say("a", "SSSnnnn", 4), say("b", "SSSSSSS", 4), say("c", "nSSSSSS", 4))
	upTo := func(n int) map[string]Alarm {
		return follow(p, slices.DeleteFunc(slices.Clone(all), func(v Verdict) bool { return v.Day > day(n) }))
	}
	if now := upTo(1); len(now) != 3 || now["a"].Parent != "" {
		t.Errorf("two meters have a parent: %+v", now)
	}
	now := upTo(2)
	g := now["t1"+GroupSuffix]
	if !g.Active || !slices.Equal(g.Members, []string{"a", "b", "c"}) || now["c"].Parent != "t1.group" || g.Announced != day(2) || now["c"].Announced != day(2) {
		t.Errorf("three meters below one transformer: %+v, %+v", g, now["c"])
	}
	if kw := 3 * 0.9 * 4; g.ExpectedKW < kw-1e-9 || g.ExpectedKW > kw+1e-9 {
		t.Errorf("the group expects %g kW, want the sum %g", g.ExpectedKW, kw)
	}
	now = upTo(6) // a returned on day 5
	if g := now["t1.group"]; g.State(day(6)) != Returned || now["b"].Parent != "" {
		t.Errorf("the group stays with two meters: %+v", g)
	}
	cluster := Verdict{ID: "f1.cluster", Kind: "cluster", Detector: "cluster", Known: true, Suspect: true, Members: []string{"a", "b"}}
	for i := range 3 {
		cluster.Day = day(i)
		all = append(all, cluster)
	}
	now = upTo(2)
	if now["a"].Parent != "f1.cluster" || now["c"].Parent != "" || now["t1.group"].Active || now["f1.cluster"].Priority != High {
		t.Errorf("a cluster names its members first: %+v", now)
	}
}

func TestScoringAnewReplacesWhatScoresSaid(t *testing.T) {
	p := policy()
	now := follow(p, say("m", "SSSSS", 3))
	a := now["m"]
	a.Acknowledged, a.Acked, a.AckedBy, a.Assignee = true, day(4), "wang", "li"
	now["m"] = a
	kept := Next(p, now, say("m", "nSSSS", 3), true, day(4), began)["m"]
	if len(kept.Raises) != 1 || kept.State(day(4)) != Acknowledged || kept.Assignee != "li" {
		t.Errorf("the same outcome: people's work is lost: %+v", kept)
	}
	gone := Next(p, now, say("m", "SSnnn", 3), true, day(4), began)["m"]
	if gone.Active || gone.Returned != day(4) {
		t.Errorf("a new model sees nothing, the alarm stands: %+v", gone)
	}
}

func room(t *testing.T, who access.Actor, r *Raiser) Room {
	t.Helper()
	return Room{Desk: casework.Desk{Store: r.Store, Who: who, Now: began.AddDate(0, 0, 5)}, Policy: r.Policy}
}

func raiser(t *testing.T) *Raiser {
	t.Helper()
	db, err := casework.Open(t.Context(), filepath.Join(t.TempDir(), "c.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return &Raiser{Store: db, Policy: policy(), Who: access.Actor{Name: "flatwatt", Role: access.Operator}, Now: func() time.Time { return began }}
}

func TestActionsRolesAndAreas(t *testing.T) {
	ctx, r := context.Background(), raiser(t)
	all := slices.Concat(say("a", "SSSSS", 40), say("b", "SSSSS", 2))
	for i := range all {
		if all[i].ID == "a" {
			all[i].Area = "hubei"
		}
	}
	tally, err := r.Apply(ctx, all, false)
	if err != nil || tally.Raised != 2 || tally.Announced != 2 || tally.Day != day(4) {
		t.Fatalf("%+v, %v", tally, err)
	}
	if again, err := r.Apply(ctx, all, false); err != nil || again.Written != 0 {
		t.Errorf("the same again wrote %d alarms, %v", again.Written, err)
	}
	w, z := room(t, wang, r), room(t, zhao, r)
	list, err := w.List(ctx)
	if err != nil || len(list) != 2 || list[0].ID != "a" || list[0].Value.Priority != Medium {
		t.Fatalf("%+v, %v", list, err)
	}
	if own, err := room(t, aba, r).List(ctx); err != nil || len(own) != 1 || own[0].ID != "b" {
		t.Errorf("somebody of another area sees %+v", own)
	}
	if err := room(t, aba, r).Acknowledge(ctx, []Ref{{"a", 0}}, ""); !errors.Is(err, casework.ErrNotFound) {
		t.Errorf("somebody of another area acknowledged: %v", err)
	}
	if err := room(t, access.Actor{Name: "v", Role: access.Viewer}, r).Acknowledge(ctx, []Ref{{"a", 0}}, ""); !errors.As(err, &access.ErrForbidden{}) {
		t.Errorf("a viewer acknowledged: %v", err)
	}
	if err := w.Acknowledge(ctx, []Ref{{"a", 1}, {"b", 1}}, "seen"); err != nil {
		t.Fatal(err)
	}
	err = z.Acknowledge(ctx, []Ref{{"a", 1}}, "")
	if conflict := (casework.ConflictError{}); !errors.As(err, &conflict) || conflict.By != "wang" {
		t.Errorf("an old version was taken: %v", err)
	}
	if err := w.Acknowledge(ctx, []Ref{{"b", 0}}, ""); err == nil {
		t.Error("acknowledged twice")
	}
	for _, until := range []string{"", day(4), day(200)} { // none, past, beyond 90 days
		if err := w.Shelve(ctx, []Ref{{"a", 0}}, "works outing", until); err == nil {
			t.Errorf("shelved until %q", until)
		}
	}
	if err := w.Shelve(ctx, []Ref{{"a", 0}}, "works outing", day(9)); err != nil {
		t.Fatal(err)
	}
	a, _, _ := w.Alarm(ctx, "a")
	if a.State(day(9)) != Shelved || a.State(day(10)) != Acknowledged {
		t.Errorf("shelf: %s then %s", a.State(day(9)), a.State(day(10)))
	}
	if err := w.OutOfService(ctx, []Ref{{"b", 0}}, "meter change"); err == nil {
		t.Error("an operator took an alarm out of service")
	}
	if err := z.OutOfService(ctx, []Ref{{"b", 0}}, "meter change"); err != nil {
		t.Fatal(err)
	}
	if err := z.ReturnToService(ctx, []Ref{{"b", 0}}, ""); err != nil {
		t.Fatal(err)
	}
	if b, _, _ := w.Alarm(ctx, "b"); b.State(day(5)) != Unacknowledged {
		t.Errorf("back in service it is %s", b.State(day(5)))
	}
	id, err := w.OpenCase(ctx, Ref{"b", 0}, "", "")
	if err != nil || id != "C-2026-00001" {
		t.Fatalf("case %s, %v", id, err)
	}
	if _, err := w.OpenCase(ctx, Ref{"b", 0}, "", ""); err == nil {
		t.Error("a second case of one alarm")
	}
	if c, _, err := w.Case(ctx, id); err != nil || c.Meter != "b" || *c.Finding.BlockKW != 2 {
		t.Errorf("case %+v, %v", c, err)
	}
	if _, err := r.Store.(*casework.DB).Verify(ctx, casework.Head{}); err != nil {
		t.Error(err)
	}
}

// TestAShelfEndsAndRulesSuppress follows holds over the days.
func TestAShelfEndsAndRulesSuppress(t *testing.T) {
	p := policy()
	now := follow(p, say("m", "SSS", 3))
	a := now["m"]
	a.Acknowledged, a.Acked = true, day(2)
	a.Hold = &Hold{State: Shelved, By: "wang", Until: day(5)}
	now["m"] = a
	if changed := Next(p, now, nil, false, day(5), began); len(changed) != 0 {
		t.Errorf("the shelf ended early: %+v", changed)
	}
	back := Next(p, now, nil, false, day(6), began)["m"]
	if back.State(day(6)) != Unacknowledged || back.Announced != day(6) {
		t.Errorf("back from the shelf it is %s", back.State(day(6)))
	}
	p.Suppress = []Rule{{Name: "halls", Meter: "m", Reason: "registered data centre"}}
	now["m"] = back
	held := Next(p, now, nil, false, day(6), began)["m"]
	if held.State(day(6)) != Suppressed || held.Hold.Reason != "registered data centre" {
		t.Errorf("not suppressed: %+v", held)
	}
	now["m"] = held
	p.Suppress = nil
	if free := Next(p, now, nil, false, day(7), began)["m"]; free.State(day(7)) != Unacknowledged {
		t.Errorf("the rule is gone, the alarm is %s", free.State(day(7)))
	}
}

func TestKPIs(t *testing.T) {
	p := policy()
	p.BudgetPerDay = 0
	var list []casework.Versioned[Alarm]
	for i := range 100 { // 1 to 100 kW at 0.9, all raised on day 1
		id := fmt.Sprintf("m%03d", i)
		list = append(list, casework.Versioned[Alarm]{ID: id, Value: follow(p, say(id, "SS", float64(i+1)))[id]})
	}
	list = append(list, casework.Versioned[Alarm]{ID: "x", Value: follow(p, say("x", "SSnnnSSnnnSSn", 1))["x"]})
	k := Measure(p, list, began.AddDate(0, 0, 40), 41)
	if k.Announced != 101 || k.Peak != 100 || k.PeakDay != day(1) || k.States[Unacknowledged] != 101 {
		t.Errorf("%+v", k)
	}
	if !slices.Equal(k.Chattering, []string{"x"}) || k.Top[0] != (Count{"x", 3}) {
		t.Errorf("chattering %v, top %v", k.Chattering, k.Top)
	}
	if len(k.Stale) != 100 { // x was raised on day 11, 29 days before
		t.Errorf("%d stale", len(k.Stale))
	}
	// Of 101 alarms 5 % are 5: those of 96 kW and more; 20 % are 20: 81 kW and more.
	if *k.HighKW != 0.9*96 || *k.MediumKW != 0.9*81 {
		t.Errorf("thresholds %g and %g", *k.HighKW, *k.MediumKW)
	}
}

func TestPolicyIsChecked(t *testing.T) {
	for text, want := range map[string]string{
		"on_delay_days: 0": "on_delay_days: 0; want 1 to 60", "hihg_kw: 3": "hihg_kw", "high_kw: 1": "want high above medium",
		"suppress: [{name: x}]": "name, reason and at least one", "max_shelf_days: 99999": "max_shelf_days",
	} {
		if _, err := ParsePolicy([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, empty := range []string{"", "# nothing\n"} {
		if p, err := ParsePolicy([]byte(empty)); err != nil || p.OffDelayDays != 5 {
			t.Errorf("%q: %+v, %v", empty, p, err)
		}
	}
	if p, err := ParsePolicy([]byte("budget_per_day: 7")); err != nil || p.BudgetPerDay != 7 || p.OnDelayDays != 2 {
		t.Errorf("%+v, %v", p, err)
	}
}

// TestAParentsActionsTakeItsMembers groups three meters, whose group takes the whole budget
// of the day, and acknowledges, shelves and unshelves the group.
func TestAParentsActionsTakeItsMembers(t *testing.T) {
	ctx, r := context.Background(), raiser(t)
	r.Policy.GroupFrom, r.Policy.BudgetPerDay = 3, 2
	other := say("z", "SS", 1)
	for i := range other {
		other[i].Above = "t2"
	}
	all := slices.Concat(say("a", "SS", 4), say("b", "SS", 4), say("c", "SS", 4), other)
	if tally, err := r.Apply(ctx, all, false); err != nil || tally.Waiting != 0 {
		t.Fatalf("members of a group cost budget: %+v, %v", tally, err)
	}
	w := room(t, wang, r)
	states := func() (s string) {
		for _, id := range []string{"t1.group", "a", "b", "c", "z"} {
			a, _, err := w.Alarm(ctx, id)
			if err != nil {
				t.Fatal(err)
			}
			s += string(a.State(day(5)))[:1]
		}
		return s
	}
	group := []Ref{{"t1.group", 0}}
	if got := states(); got != "uuuuu" {
		t.Errorf("announced they are %s", got)
	}
	if err := w.Acknowledge(ctx, group, ""); err != nil || states() != "aaaau" {
		t.Errorf("acknowledged the group: %s, %v", states(), err)
	}
	if err := w.Shelve(ctx, group, "outing", day(9)); err != nil || states() != "ssssu" {
		t.Errorf("shelved the group: %s, %v", states(), err)
	}
	if err := w.Unshelve(ctx, group, ""); err != nil || states() != "uuuuu" {
		t.Errorf("unshelved the group: %s, %v", states(), err)
	}
	if err := w.Acknowledge(ctx, []Ref{{"z", 0}, {"z", 0}}, ""); err == nil {
		t.Error("one alarm was named twice")
	}
}

func TestOldRunsDoNotMoveAlarms(t *testing.T) {
	ctx, r := context.Background(), raiser(t)
	if _, err := r.Apply(ctx, slices.Concat(say("m", "SSSSSSSS", 3), say("n", "nnnnnnnn", 3)), false); err != nil {
		t.Fatal(err)
	}
	tally, err := r.Apply(ctx, say("m", "nnnnn", 3), true) // ends three days before
	if err != nil || tally.Old != 5 || tally.Written != 0 {
		t.Errorf("%+v, %v", tally, err)
	}
}

// farm is a hall's verdicts, as say.
func farm(meter, days string, kw float64) []Verdict {
	list := say(meter+HallSuffix, days, kw)
	for i := range list {
		list[i].Kind, list[i].Detector, list[i].Meter = HallKind, HallKind, meter
	}
	return list
}

// TestAFarmAlarmsWithoutAMiner raises the alarm of a hall whose own score as a miner is low,
// by the same delays and rules, and opens a case of the meter from it.
func TestAFarmAlarmsWithoutAMiner(t *testing.T) {
	ctx, r := context.Background(), raiser(t)
	all := slices.Concat(say("m", "nnnnn", 3), farm("m", "S?SSS", 400))
	if _, err := r.Apply(ctx, all, false); err != nil {
		t.Fatal(err)
	}
	w := room(t, wang, r)
	list, err := w.List(ctx)
	if err != nil || len(list) != 1 || list[0].ID != "m.hall" || list[0].Value.Raised != day(2) || list[0].Value.Priority != High || list[0].Value.Parent != "" {
		t.Fatalf("a farm alone: %+v, %v", list, err)
	}
	id, err := w.OpenCase(ctx, Ref{"m.hall", 0}, "", "")
	if err != nil {
		t.Fatal(err)
	}
	if c, _, err := w.Case(ctx, id); err != nil || c.Meter != "m" {
		t.Errorf("the case is of %q, want the meter, %v", c.Meter, err)
	}
	p := policy()
	p.Suppress = []Rule{{Name: "agreed", Meter: "m", Reason: "known"}}
	if a := follow(p, all)["m.hall"]; a.State(day(4)) != Suppressed {
		t.Errorf("a rule names the meter, its hall is %s", a.State(day(4)))
	}
}

// TestAFarmThatMinesIsOneLine hangs a hall below its meter's own alarm while that stands, also
// where this hangs below a transformer's group.
func TestAFarmThatMinesIsOneLine(t *testing.T) {
	p := policy()
	p.GroupFrom, p.BudgetPerDay = 3, 1
	all := slices.Concat(say("a", "SSSSSSnnn", 40), farm("a", "SSSSSSSSS", 400), say("b", "SSSSSSnnn", 4), say("c", "SSSSSSnnn", 4))
	for i := range all {
		all[i].Above = "t1"
	}
	upTo := func(n int) map[string]Alarm {
		return follow(p, slices.DeleteFunc(slices.Clone(all), func(v Verdict) bool { return v.Day > day(n) }))
	}
	now := upTo(1)
	if a, h := now["a"], now["a.hall"]; h.Parent != "a" || !slices.Equal(a.Members, []string{"a.hall"}) || a.Parent != "t1.group" || h.Announced != day(1) {
		t.Errorf("a group of three, one of them a farm: %+v, %+v", a, h)
	}
	if g := now["t1.group"]; slices.Contains(g.Members, "a.hall") {
		t.Errorf("the group counts the farm twice: %v", g.Members)
	}
	if a, h := upTo(8)["a"], upTo(8)["a.hall"]; h.Parent != "" || a.Members != nil || h.State(day(8)) != Unacknowledged {
		t.Errorf("the miner has gone, the farm stands: %+v, %+v", a, h)
	}
	ctx, r := context.Background(), raiser(t)
	r.Policy = p
	if _, err := r.Apply(ctx, slices.DeleteFunc(slices.Clone(all), func(v Verdict) bool { return v.Day > day(5) }), false); err != nil {
		t.Fatal(err)
	}
	w := room(t, wang, r)
	if err := w.Acknowledge(ctx, []Ref{{"t1.group", 0}}, ""); err != nil {
		t.Fatal(err)
	}
	if h, _, err := w.Alarm(ctx, "a.hall"); err != nil || h.State(day(5)) != Acknowledged {
		t.Errorf("the group was acknowledged, the farm is %s, %v", h.State(day(5)), err)
	}
}
