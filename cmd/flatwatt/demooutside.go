package main

import (
	"context"
	"slices"
	"strings"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/casework"
	"github.com/flatwatt/flatwatt/casework/ledger"
	"github.com/flatwatt/flatwatt/casework/spotcheck"
	"github.com/flatwatt/flatwatt/casework/tips"
)

// hear is the inbox of tip-offs: one that means a miner, one that means nobody, and on the
// last morning one that nobody has looked at.
func (s *demoStory) hear(ctx context.Context) error {
	box := tips.Inbox{Desk: s.as("wang")}
	switch s.left {
	case 32:
		return s.tipOff(ctx, box)
	case 31:
		if s.tip == "" {
			return nil
		}
		t, _, err := box.Tip(ctx, s.tip)
		if err != nil || len(t.Matches) == 0 {
			return err
		}
		if err := box.Match(ctx, s.tip, 0, t.Matches[0].Meter, ""); err != nil {
			return err
		}
		if known, err := s.hasCase(ctx, t.Matches[0].Meter); known || err != nil {
			return err // its alarm was faster
		}
		id, err := box.OpenCase(ctx, s.tip, strings.TrimSpace(t.Matches[0].Meter+" "+t.Name))
		if err != nil {
			return err
		}
		return s.review(ctx, id)
	case 16:
		id, err := box.Receive(ctx, tips.Tip{Source: "tip_off", Channel: "letter", Text: "Somebody in our street has four air conditioners.", Area: "sichuan/leshan"}, nil)
		if err != nil {
			return err
		}
		return box.Reject(ctx, id, 0, "names nobody, and air conditioners are no miners")
	case 0:
		if m, ok := s.minerOf(ctx, false); ok {
			_, err := box.Receive(ctx, tips.Tip{Source: "pool_contact", Channel: "network monitoring", Text: "Stratum traffic to a mining pool, all day.",
				Account: m.Extra["account"], Observed: s.now.AddDate(0, 0, -1), Network: []tips.Contact{{Customer: "198.51.100.7", Pool: "pool.example:3333",
					From: s.now.AddDate(0, 0, -2), To: s.now.AddDate(0, 0, -1), Packets: 48_211}}}, s.index())
			return err
		}
	}
	return nil
}

// hasCase says whether there is a case about a meter.
func (s *demoStory) hasCase(ctx context.Context, meter string) (bool, error) {
	cases, err := s.as("zhao").Cases(ctx)
	return slices.ContainsFunc(cases, func(c casework.Versioned[casework.Case]) bool { return c.Value.Meter == meter }), err
}

// tipOff is a neighbour who hears the fans of a customer; the name is written down wrong.
func (s *demoStory) tipOff(ctx context.Context, box tips.Inbox) (err error) {
	m, ok := s.minerOf(ctx, true)
	if !ok {
		return nil
	}
	s.tip, err = box.Receive(ctx, tips.Tip{Source: "tip_off", Channel: demoHotline, Text: "Fans day and night since some weeks, and warm air from the yard. The windows are covered.",
		Name: m.Extra["customer"], Address: strings.Replace(m.Extra["address"], "路", "路 ", 1), Contact: "a neighbour, +86 138 0000 0000", Observed: s.now.AddDate(0, 0, -1)}, s.index())
	return err
}

// minerOf is a miner of the district who has no case: one who began within the data
// (begun), or who was there before it.
func (s *demoStory) minerOf(ctx context.Context, begun bool) (m flatwatt.Meter, ok bool) {
	for _, t := range s.fleet.truth {
		known, err := s.hasCase(ctx, string(t.Meter))
		if t.Label == flatwatt.Miner && !known && err == nil && t.Onset.IsZero() != begun && t.Onset.Before(s.now) {
			return s.register[t.Meter], true
		}
	}
	return m, false
}

func (s *demoStory) index() *tips.Index {
	var entries []tips.Entry
	for _, m := range customers(s.fleet.all().meters) {
		entries = append(entries, tips.Entry{Meter: string(m.ID), Account: m.Extra["account"], Name: m.Extra["customer"], Address: m.Extra["address"], Area: m.Extra["area"]})
	}
	return tips.NewIndex(entries)
}

// spot is a double-random spot check: planned, drawn with a seed of the public, inspected.
func (s *demoStory) spot(ctx context.Context) (err error) {
	board := spotcheck.Board{Desk: s.as("zhao")}
	switch {
	case s.left == 18:
		items, err := spotItems(ctx, board.Desk, s.fleet.all().meters)
		if err != nil {
			return err
		}
		p := spotcheck.Population{Items: items, Inspectors: []spotcheck.Inspector{{Name: "li"}, {Name: "chen"}}}
		s.check, err = board.Plan(ctx, "Autumn spot check", "", "the lottery's numbers four days from now", p,
			spotcheck.Rules{Size: min(8, len(items)), RandomShare: .3, Weights: map[string]int{"high": 10, "medium": 3, "low": 1}, PerItem: 1})
		return err
	case s.left == 14 && s.check != "":
		return board.Draw(ctx, s.check, 0, demoLottery)
	case s.left > 0 && s.left < 10 && s.check != "":
		c, _, err := board.Spot(ctx, s.check)
		if err != nil {
			return err
		}
		for _, pick := range c.Picks {
			if pick.Outcome != nil {
				continue
			}
			result := "nothing found"
			if s.miner(pick.Item.ID) {
				result = "mining found"
			}
			b := spotcheck.Board{Desk: s.as(pick.Inspectors[0])}
			return b.Enter(ctx, s.check, 0, pick.Item.ID, spotcheck.Outcome{Result: result, Day: s.day(0)}) // one a day
		}
	}
	return nil
}

// screen has data centres give their word, and screens applicants on the last morning.
func (s *demoStory) screen(ctx context.Context) error {
	box := tips.Inbox{Desk: s.as("wang")}
	if s.left == demoPopulated {
		return s.commit(ctx, box)
	}
	if _, err := box.CheckCommitments(ctx); err != nil || s.left > 0 {
		return err
	}
	for _, a := range s.applicants(ctx) {
		var load []tips.Hit
		if h, ok := s.found(flatwatt.MeterID(a.Meter)); ok && h.State == flatwatt.Suspect {
			load = append(load, tips.Hit{Source: "load", Score: h.Probability, Why: "farm against data centre"})
		}
		id, err := box.Screen(ctx, a, load)
		if err != nil {
			return err
		}
		list, err := box.Applicants(ctx)
		if err != nil {
			return err
		}
		for _, one := range list {
			if one.ID != id {
				continue
			}
			judge := tips.Inbox{Desk: s.as("zhao")}
			switch hits := one.Value.Hits; {
			case slices.ContainsFunc(hits, func(h tips.Hit) bool { return h.Source == "ledger" }):
				err = judge.Decide(ctx, id, 0, "refused", "is in the ledger of projects")
			case len(hits) == 0:
				err = judge.Decide(ctx, id, 0, "cleared", "nothing known")
			} // what its load says is for somebody to ask: left open
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// commit enters the word of every declared data centre.
func (s *demoStory) commit(ctx context.Context, box tips.Inbox) error {
	for _, m := range s.fleet.beside.meters {
		if m.Class != "datacentre" {
			continue
		}
		_, err := box.Commit(ctx, tips.Commitment{Company: m.Extra["customer"], CreditCode: demoCode(string(m.ID)), Address: m.Extra["address"], Area: m.Extra["area"],
			Meters: []string{string(m.ID)}, KW: float64(m.Contracted), Signed: s.day(0), Until: s.day(365)})
		if err != nil {
			return err
		}
	}
	return nil
}

// applicants are a project that asks for a new connection elsewhere, a shop that nobody
// knows, and a large flat load that wants to trade on the market.
func (s *demoStory) applicants(ctx context.Context) (list []tips.Applicant) {
	projects, err := ledger.Book{Desk: s.as("zhao")}.List(ctx)
	if err == nil && len(projects) > 0 {
		p := projects[0].Value
		list = append(list, tips.Applicant{List: tips.NewConnections, Company: p.Company, CreditCode: p.CreditCode, Address: "乐山市新区 7 号", Area: "sichuan/leshan", KW: 400})
	}
	list = append(list, tips.Applicant{List: tips.NewConnections, Company: "青禾面包店", Address: "南通市濠河路 21 号", Area: "jiangsu/nantong", KW: 30})
	for _, m := range s.fleet.beside.meters {
		if h, ok := s.found(m.ID); ok && h.State == flatwatt.Suspect {
			return append(list, tips.Applicant{List: tips.MarketParticipants, Company: m.Extra["customer"], Address: m.Extra["address"], Area: m.Extra["area"], Meter: string(m.ID), KW: float64(m.Contracted)})
		}
	}
	return list
}
