package alarms

import (
	"cmp"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Next is the alarms that differ once verdicts, sorted by ID and day, are taken. It is a
// pure function of its arguments: taking the same verdicts again changes nothing. today
// is the last day that was scored, now the time that new holds carry.
func Next(p Policy, current map[string]Alarm, verdicts []Verdict, again bool, today string, now time.Time) map[string]Alarm {
	next := make(map[string]Alarm, len(current))
	for id, a := range current {
		next[id] = a.clone()
	}
	for len(verdicts) > 0 {
		id, n := verdicts[0].ID, 1
		for n < len(verdicts) && verdicts[n].ID == id {
			n++
		}
		take(p, next, verdicts[:n], again)
		verdicts = verdicts[n:]
	}
	for id, a := range next {
		next[id] = hold(p, id, a, today, now)
	}
	group(p, next, today)
	announce(p, next, today)
	maps.DeleteFunc(next, func(id string, a Alarm) bool {
		was, known := current[id]
		return known && reflect.DeepEqual(was, a)
	})
	return next
}

// take tells one meter's verdicts. A meter that was never suspected gets no alarm.
func take(p Policy, next map[string]Alarm, verdicts []Verdict, again bool) {
	id := verdicts[0].ID
	a, known := next[id]
	if !known {
		if !slices.ContainsFunc(verdicts, func(v Verdict) bool { return v.Known && v.Suspect }) {
			return
		}
		a = newAlarm(&verdicts[0])
	}
	last := &verdicts[len(verdicts)-1]
	a.Area, a.Class, a.Above = last.Area, last.Class, last.Above // the register's word
	if again {
		a = redo(p, a, verdicts)
	} else {
		for i := range verdicts {
			a = step(p, a, &verdicts[i])
		}
	}
	next[id] = a
}

// group hangs the active alarms of meters below the one alarm that stands for them: a
// cluster that names them, their transformer's own alarm, or a group of GroupFrom and more.
func group(p Policy, next map[string]Alarm, today string) {
	of := map[string]string{} // meter → cluster
	below := map[string][]string{}
	ids := slices.Sorted(maps.Keys(next))
	for _, id := range ids {
		if a := next[id]; a.Kind == "cluster" && a.Active && !a.held(today) {
			for _, m := range a.Members {
				of[m] = cmp.Or(of[m], id)
			}
		}
	}
	for _, id := range ids {
		a := next[id]
		if a.Kind != "customer" {
			continue
		}
		a.Parent = ""
		if a.Active && !a.held(today) {
			up, ok := next[a.Above]
			switch {
			case of[id] != "":
				a.Parent = of[id]
			case ok && up.Active && !up.held(today):
				a.Parent = a.Above
			case a.Above != "":
				below[a.Above] = append(below[a.Above], id)
			}
		}
		next[id] = a
	}
	groups(p, next, below, today)
	halls(next, today)
}

// halls hangs the alarm of a hall below its own meter's: one meter is one line to work on.
func halls(next map[string]Alarm, today string) {
	for id, a := range next {
		if a.Kind != HallKind {
			continue
		}
		own, known := next[a.Meter]
		a.Parent = ""
		if own.Members = nil; a.Active && own.Active && !a.held(today) && !own.held(today) {
			a.Parent, own.Members = a.Meter, []string{id}
		}
		if next[id] = a; known {
			next[a.Meter] = own
		}
	}
}

// groups makes, keeps and ends the parent alarms of transformers.
func groups(p Policy, next map[string]Alarm, below map[string][]string, today string) {
	for node, members := range below {
		if p.GroupFrom == 0 || len(members) < p.GroupFrom {
			continue
		}
		id := node + GroupSuffix
		v := Verdict{ID: id, Day: today, Known: true, Suspect: true, Detector: "group", Kind: "group", Area: next[members[0]].Area}
		a, known := next[id]
		if !known {
			a = newAlarm(&v)
		}
		kw := 0.0
		for _, m := range members {
			c := next[m]
			kw += c.ExpectedKW
			c.Parent = id
			next[m] = c
		}
		fresh := len(members) > len(a.Members)
		if !a.Active {
			a = raise(p, a, &v)
		} else if fresh { // somebody joined: it wants to be looked at again
			a.Acknowledged, a.Acked, a.AckedBy = false, "", ""
		}
		a.Active, a.Condition, a.Day, a.Members = true, true, a.Raised, members
		a.ExpectedKW, a.Priority = kw, p.Priority(kw)
		next[id] = a
	}
	for id, a := range next {
		node, is := strings.CutSuffix(id, GroupSuffix)
		if is && a.Kind == "group" && a.Active && (p.GroupFrom == 0 || len(below[node]) < p.GroupFrom) {
			a.Active, a.Condition, a.Returned, a.Members = false, false, today, nil
			a.Acknowledged = a.Acknowledged || a.Announced == ""
			next[id] = a
		}
	}
}

// announce lets alarms out of the backlog, the most urgent first, up to the budget of
// their area and day. An alarm below a parent is announced with it and costs nothing.
func announce(p Policy, next map[string]Alarm, today string) {
	left := map[string]int{}
	var waiting []string
	for id, a := range next {
		if a.Parent != "" || a.held(today) {
			continue
		}
		if a.Announced == today {
			left[a.Area]--
		}
		if a.Active && a.Announced == "" {
			waiting = append(waiting, id)
		}
	}
	slices.SortFunc(waiting, func(x, y string) int { a, b := next[x], next[y]; return Compare(x, &a, y, &b) })
	for _, id := range waiting {
		a := next[id]
		if p.BudgetPerDay > 0 && p.BudgetPerDay+left[a.Area] <= 0 {
			continue
		}
		left[a.Area]--
		a.Announced = today
		next[id] = a
	}
	for _, deepest := range []bool{false, true} { // a hall's parent may hang below another
		for id, a := range next {
			if (a.Kind == HallKind) == deepest && a.Active && a.Parent != "" && a.Announced == "" && next[a.Parent].Announced != "" && !a.held(today) {
				a.Announced = today
				next[id] = a
			}
		}
	}
}

// Compare orders alarms: the most urgent priority first, then the most expected kW, then
// the oldest, then by name.
func Compare(x string, a *Alarm, y string, b *Alarm) int {
	return cmp.Or(cmp.Compare(rank(a.Priority), rank(b.Priority)), -cmp.Compare(a.ExpectedKW, b.ExpectedKW),
		cmp.Compare(a.Raised, b.Raised), cmp.Compare(x, y))
}
