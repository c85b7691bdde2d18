package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/access"
	"github.com/flatwatt/flatwatt/casework"
	"github.com/flatwatt/flatwatt/casework/alarms"
	"github.com/flatwatt/flatwatt/casework/energy"
	"github.com/flatwatt/flatwatt/casework/ledger"
	"github.com/flatwatt/flatwatt/casework/price"
	"github.com/flatwatt/flatwatt/casework/report"
)

// What the demo's people keep to.
const (
	demoCases     = 9               // cases that they open
	demoEvery     = 5               // days between two
	demoUnseen    = 4               // last days whose alarms nobody has looked at
	demoShelving  = 14              // last days in which they shelve what is as new
	demoPlay      = 45              // last days on which they work
	demoMorning   = 9               // hour at which they do
	demoPopulated = demoPlay - 5    // days before the end at which data centres sign
	demoLottery   = "0711131825-09" // the seed that was drawn in public
	demoNotice    = 14              // days that an inspector has for a case
	demoHotline   = "12398"         // the energy regulator's
	demoDeadline  = 60              // days that a project has to go
)

// A demoStory is the demo's people at work: what they do from morning to morning with the
// alarms of the simulated fleet, by the same calls as the console's. What inspections find
// and neighbours report is the simulator's truth. The same fleet gives the same story.
type demoStory struct {
	store  casework.Store
	policy alarms.Policy
	used   energy.Source
	fleet  *drawnFleet
	found  func(flatwatt.MeterID) (hall *flatwatt.Score, ok bool) // what scoring says in the end

	register map[flatwatt.MeterID]flatwatt.Meter
	truth    map[flatwatt.MeterID]flatwatt.Truth
	now      time.Time
	left     int            // days to the end of the readings
	ordered  map[string]int // by case: day, counted down, on which it came to its state
	opened   int
	exited   bool
	tip      string
	check    string
}

// play takes the alarms of all days, the oldest first, and has people act each morning.
func (s *demoStory) play(ctx context.Context, byDay map[string][]alarms.Verdict) error {
	s.register, s.truth, s.ordered = registerOf(s.fleet.all().meters), map[flatwatt.MeterID]flatwatt.Truth{}, map[string]int{}
	for _, t := range s.fleet.all().truth {
		s.truth[t.Meter] = t
	}
	raiser := &alarms.Raiser{Store: s.store, Policy: s.policy, Who: serviceActor(), Now: func() time.Time { return s.now.Add(-time.Hour) }}
	for _, day := range slices.Sorted(maps.Keys(byDay)) {
		d, err := time.ParseInLocation(time.DateOnly, day, shanghai())
		if err != nil {
			return err
		}
		s.now = d.AddDate(0, 0, 1).Add(demoMorning * time.Hour).UTC()
		s.left = int(s.fleet.end().Sub(d).Hours()/24) - 1
		if _, err := raiser.Apply(ctx, byDay[day], false); err != nil {
			return err
		}
		if s.left >= demoPlay {
			continue
		}
		for _, act := range []func(context.Context) error{s.triage, s.inspect, s.hear, s.monday, s.spot, s.screen} {
			if err := act(ctx); err != nil {
				return fmt.Errorf("demo, %s: %w", day, err)
			}
			s.now = s.now.Add(20 * time.Minute)
		}
	}
	return nil
}

// as is a person's desk now.
func (s *demoStory) as(name string) casework.Desk {
	for _, one := range demoPeople {
		if one.name == name {
			return casework.Desk{Store: s.store, Who: access.Actor{Name: name, Role: one.role}, Now: s.now}
		}
	}
	return casework.Desk{Store: s.store, Now: s.now} // nobody: every call refuses
}

func (s *demoStory) miner(meter string) bool {
	return s.truth[flatwatt.MeterID(meter)].Label == flatwatt.Miner
}

func (s *demoStory) day(add int) string { return s.now.AddDate(0, 0, add).Format(time.DateOnly) }

// triage acknowledges what is new, opens a case from the most urgent and, between two cases,
// shelves the least urgent, if it is as new, until the customer has answered.
func (s *demoStory) triage(ctx context.Context) error {
	if s.left < demoUnseen {
		return nil
	}
	room := alarms.Room{Desk: s.as("wang"), Policy: s.policy}
	list, err := room.List(ctx)
	if err != nil {
		return err
	}
	today := s.now.Format(time.DateOnly)
	for _, a := range list {
		now, _, err := room.Alarm(ctx, a.ID) // the one that stands for it may have been acknowledged by now
		if err != nil {
			return err
		}
		if st := now.State(today); st == alarms.Unacknowledged || st == alarms.Returned {
			if err := room.Acknowledge(ctx, []alarms.Ref{{ID: a.ID}}, ""); err != nil {
				return err
			}
		}
	}
	if list, err = room.List(ctx); err != nil {
		return err
	}
	var waiting []casework.Versioned[alarms.Alarm]
	for _, a := range list {
		v := a.Value
		if known, err := s.hasCase(ctx, a.ID); known || err != nil {
			continue // from a tip-off
		}
		single := v.Kind == string(flatwatt.Customer) || v.Kind == string(flatwatt.Generator)
		if !single || v.Case != "" || v.State(today) != alarms.Acknowledged {
			continue
		}
		if s.opened < demoCases && s.left%demoEvery == demoUnseen {
			return s.open(ctx, room, a.ID)
		}
		waiting = append(waiting, a)
	}
	if n := len(waiting); n > 1 && s.left < demoShelving && s.left%demoEvery != demoUnseen && waiting[n-1].Value.Raised > s.day(-demoShelving) {
		return room.Shelve(ctx, []alarms.Ref{{ID: waiting[n-1].ID}}, "waiting_customer", s.day(20))
	}
	return nil
}

func (s *demoStory) open(ctx context.Context, room alarms.Room, meter string) error {
	m := s.register[flatwatt.MeterID(meter)]
	to := []string{"li", "chen"}[s.opened%2]
	if err := room.Assign(ctx, []alarms.Ref{{ID: meter}}, to, s.day(demoNotice), ""); err != nil {
		return err
	}
	id, err := room.OpenCase(ctx, alarms.Ref{ID: meter}, strings.TrimSpace(meter+" "+m.Extra["customer"]), "")
	if err != nil {
		return err
	}
	s.opened++
	return s.review(ctx, id)
}

// review begins the desk review of a case.
func (s *demoStory) review(ctx context.Context, id string) error {
	s.ordered[id] = s.left
	d := s.as("wang")
	return d.Change(ctx, id, 0, "case.move", "", func(c *casework.Case) error {
		for i := range min(2+s.opened%3, len(c.Checklist)) {
			if err := c.Tick(i, true, d.Who, d.Now); err != nil {
				return err
			}
		}
		return c.Move(casework.DeskReview, "", d.Who, d.Now)
	})
}

// inspect brings every case on by what its age asks for.
func (s *demoStory) inspect(ctx context.Context) error {
	cases, err := s.as("zhao").Cases(ctx)
	if err != nil {
		return err
	}
	for _, c := range cases {
		age := s.ordered[c.ID] - s.left
		if err := s.bring(ctx, c.ID, c.Value, age); err != nil {
			return fmt.Errorf("%s: %w", c.ID, err)
		}
	}
	return nil
}

func (s *demoStory) bring(ctx context.Context, id string, c casework.Case, age int) error {
	who := cmp.Or(c.Assignee, "li")
	switch {
	case c.State == casework.DeskReview && age >= 4:
		return s.change(ctx, "wang", id, "case.move", func(d casework.Desk, c *casework.Case) error {
			if err := c.Assign(who, s.day(demoNotice), d.Who); err != nil {
				return err
			}
			return c.Move(casework.Ordered, "", d.Who, d.Now)
		})
	case c.State == casework.Ordered && c.Pending == nil && age >= 9:
		return s.visit(ctx, who, id, c)
	case c.Pending != nil && s.left > 0:
		return s.agree(ctx, id, c.Pending.Action)
	case c.State == casework.Confirmed && age >= 15 && !s.exited && c.Disconnect == nil:
		return s.change(ctx, who, id, "case.propose", func(d casework.Desk, c *casework.Case) error {
			return c.Propose(casework.ProposeDisconnect, "other", "runs on after the notice", d.Who, d.Now)
		})
	case c.State == casework.Confirmed && c.Disconnect != nil && !s.exited:
		return s.exit(ctx, who, id)
	}
	return nil
}

func (s *demoStory) change(ctx context.Context, who, id, action string, do func(casework.Desk, *casework.Case) error) error {
	d := s.as(who)
	return d.Change(ctx, id, 0, action, "", func(c *casework.Case) error { return do(d, c) })
}

// visit is an inspection: it finds what is there.
func (s *demoStory) visit(ctx context.Context, who, id string, c casework.Case) error {
	t := s.truth[flatwatt.MeterID(c.Meter)]
	say := func(text string) error {
		return s.change(ctx, who, id, "case.comment", func(d casework.Desk, c *casework.Case) error { return c.Say(text, d.Who, d.Now) })
	}
	if !s.miner(c.Meter) {
		if err := say("On site: " + cmp.Or(t.Note, "no mining equipment") + "."); err != nil {
			return err
		}
		return s.change(ctx, who, id, "case.move", func(d casework.Desk, c *casework.Case) error {
			return c.Move(casework.Cleared, "legitimate_load", d.Who, d.Now)
		})
	}
	if err := say(fmt.Sprintf("On site: %s, %.1f kW (%s).", cmp.Or(machines(t.Units), "mining equipment"), float64(t.Block), t.Note)); err != nil {
		return err
	}
	return s.change(ctx, who, id, "case.propose", func(d casework.Desk, c *casework.Case) error {
		return c.Propose(casework.ProposeConfirm, "equipment_found", "", d.Who, d.Now)
	})
}

func machines(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%d machines", n)
}

// agree is the second pair of eyes; what is confirmed enters the ledger and the price list.
func (s *demoStory) agree(ctx context.Context, id, action string) error {
	err := s.change(ctx, "zhao", id, "case.decide", func(d casework.Desk, c *casework.Case) error { return c.Decide(true, d.Who, d.Now) })
	if err != nil || action != casework.ProposeConfirm {
		return err
	}
	c, _, err := s.as("zhao").Case(ctx, id)
	if err != nil {
		return err
	}
	if s.register[flatwatt.MeterID(c.Meter)].Kind == flatwatt.Generator {
		err := s.change(ctx, "zhao", id, "case.report", func(d casework.Desk, c *casework.Case) error {
			return c.Report("energy regulator", "2025-17", d.Who, d.Now)
		})
		if err != nil {
			return err
		}
	}
	p, err := ledger.FromCase(id, c)
	if err != nil {
		return err
	}
	m, t := s.register[flatwatt.MeterID(c.Meter)], s.truth[flatwatt.MeterID(c.Meter)]
	p.Company, p.Address, p.TariffClass, p.Units = m.Extra["customer"], m.Extra["address"], m.Tariff, t.Units
	if m.Class != "residential" {
		p.CreditCode = demoCode(c.Meter)
	}
	p.PlannedExit, p.Progress = s.day(demoDeadline), ledger.Notified
	book := ledger.Book{Desk: s.as("zhao")}
	if _, err := book.Add(ctx, p, ""); err != nil {
		return err
	}
	_, err = s.office("zhao").Sync(ctx, false)
	return err
}

func (s *demoStory) office(who string) price.Office {
	return price.Office{Book: ledger.Book{Desk: s.as(who)}, Schedule: price.Default()}
}

// exit is a project's end: disconnected, rectified, out of the ledger.
func (s *demoStory) exit(ctx context.Context, who, id string) error {
	err := s.change(ctx, who, id, "case.move", func(d casework.Desk, c *casework.Case) error {
		return c.Move(casework.Rectified, "disconnected", d.Who, d.Now)
	})
	if err != nil {
		return err
	}
	s.exited = true
	book := ledger.Book{Desk: s.as("zhao")}
	list, err := book.List(ctx)
	if err != nil {
		return err
	}
	for _, p := range list {
		if p.Value.Case == id {
			return book.Exit(ctx, p.ID, 0, s.day(0), "disconnected")
		}
	}
	return nil
}

// monday closes the week: energy into the ledger, statements, the report. The last week
// stays a draft.
func (s *demoStory) monday(ctx context.Context) error {
	if s.now.In(shanghai()).Weekday() != time.Monday {
		return nil
	}
	week, _, sunday := ledger.WeekOf(s.now.AddDate(0, 0, -7))
	book := ledger.Book{Desk: s.as("zhao")}
	if _, err := book.Update(ctx, s.used, week); err != nil {
		return err
	}
	if err := s.bill(ctx, sunday); err != nil {
		return err
	}
	m := report.Maker{Office: s.office("zhao"), Rules: ledger.DefaultRules()}
	_, _, err := m.Issue(ctx, week, "", "")
	return err
}

// bill issues a statement of every project on the list up to a day, and notes that the
// first one was paid.
func (s *demoStory) bill(ctx context.Context, to string) error {
	o := s.office("zhao")
	before, err := o.Statements(ctx)
	if err != nil {
		return err
	}
	if len(before) > 0 && before[0].Value.Issued == s.day(-7) {
		pay := price.Payment{Statement: before[0].ID, Yuan: before[0].Value.Yuan, Day: s.day(-1), Reference: "bank 7731"}
		if pay.Yuan.GreaterThan(decimal.Zero) {
			if _, err := o.Pay(ctx, pay, ""); err != nil {
				return err
			}
		}
	}
	listed, err := casework.List[price.Listed](ctx, s.store, price.KindListed)
	if err != nil {
		return err
	}
	for _, l := range listed {
		if l.Value.Listed > to || l.Value.Delisted != "" && l.Value.Delisted < to {
			continue
		}
		st, err := o.Draft(ctx, s.used, l.ID, "", to)
		if err != nil {
			return err
		}
		if st.KWh.IsZero() {
			continue // a plant's meter does not see what went by another line
		}
		if _, err := o.Issue(ctx, st, ""); err != nil {
			return err
		}
	}
	return nil
}
