package console

import (
	"slices"
	"strconv"

	"github.com/flatwatt/flatwatt/access"
	"github.com/flatwatt/flatwatt/casework/tips"
)

// tipsPage is the inbox of tip-offs.
type tipsPage struct {
	Rows []tipRow `json:"tips"`
	List listing  `json:"-"`
}

type tipRow struct {
	ID      string   `json:"id"`
	Version int      `json:"version"`
	Tip     tips.Tip `json:"tip"`
}

func (c *call) inbox() tips.Inbox { return tips.Inbox{Desk: c.desk()} }

func tipsView(c *call) (any, error) {
	list, err := c.inbox().List(c.ctx)
	if err != nil {
		return nil, err
	}
	p := tipsPage{Rows: []tipRow{}}
	table := grille{Caption: c.t("page.tips"), Columns: c.columns("tips.id", "state", "tips.source", "tips.channel", "tips.text", "area", "meter", "tips.received", "case")}
	for _, v := range slices.Backward(list) {
		t := v.Value
		p.Rows = append(p.Rows, tipRow{v.ID, v.Version, t})
		row := []cell{link(v.ID, "/tips/"+v.ID), text(c.word("tip.", string(t.State))), text(c.word("tipsource.", t.Source)), text(t.Channel), text(cut(t.Text, 120)), text(t.Area)}
		if t.Meter != "" {
			row = append(row, link(t.Meter, under("/meters", t.Meter)))
		} else {
			row = append(row, text(""))
		}
		row = append(row, text(c.dateOf(t.Received)))
		if t.Case != "" {
			row = append(row, link(t.Case, "/cases/"+t.Case))
		} else {
			row = append(row, text(""))
		}
		table.Rows = append(table.Rows, row)
	}
	p.List = listing{Title: c.t("page.tips"), Tables: []grille{table}}
	if c.may(access.Operator) {
		p.List.Forms = []dialog{{Action: "/tips", Title: c.t("tips.receive"), Button: c.t("tips.receive"), Fields: []input{
			c.field("source", "tips.source", "", true, c.options("tipsource.", tips.Sources()...)...), c.field("channel", "tips.channel", "", false), c.field("text", "tips.text", "long", true),
			c.field("account", "tips.account", "", false), c.field("name", "tips.name", "", false), c.field("address", "ledger.address", "", false), c.field("area", "area", "", false), c.field("contact", "tips.contact", "", false),
		}}}
	}
	return p, nil
}

// tipPage is one tip-off.
type tipPage struct {
	tipRow
	List listing `json:"-"`
}

func tipView(c *call) (any, error) {
	id := c.path("id")
	t, version, err := c.inbox().Tip(c.ctx, id)
	if err != nil {
		return nil, err
	}
	p := tipPage{tipRow: tipRow{id, version, t}}
	fact := func(key, value string) pair { return pair{c.t(key), text(value).Text} }
	contact := t.Contact
	if contact == "hidden" {
		contact = c.t("tips.hidden")
	}
	matches := grille{Caption: c.t("tips.matches"), Columns: c.columns("meter", "area", "tips.score#", "reason")}
	var choice []pair
	for _, m := range t.Matches {
		matches.Rows = append(matches.Rows, []cell{link(m.Meter, under("/meters", m.Meter)), text(m.Area), digits(num(m.Score, 2)), text(c.listed(m.Why, "hitwhy."))})
		choice = append(choice, pair{m.Meter, m.Meter})
	}
	contacts := grille{Caption: c.t("tips.network"), Columns: c.columns("tips.customer", "tips.pool", "from", "to")}
	for _, n := range t.Network {
		contacts.Rows = append(contacts.Rows, []cell{text(n.Customer), text(n.Pool), text(c.when(n.From)), text(c.when(n.To))})
	}
	p.List = listing{Title: id, Back: "/tips", Note: t.Text, Tables: []grille{matches}, Facts: []pair{
		fact("state", c.word("tip.", string(t.State))), fact("tips.source", c.word("tipsource.", t.Source)), fact("tips.channel", t.Channel), fact("tips.account", t.Account), fact("tips.name", t.Name), fact("ledger.address", t.Address),
		fact("area", t.Area), fact("tips.observed", c.when(t.Observed)), fact("tips.received", c.when(t.Received)), fact("tips.contact", contact), fact("meter", t.Meter), fact("tips.decided", t.Decided), fact("reason", t.Reason), fact("case", t.Case),
	}}
	if len(t.Network) > 0 {
		p.List.Tables = append(p.List.Tables, contacts)
	}
	if !c.may(access.Operator) {
		return p, nil
	}
	v := strconv.Itoa(version)
	p.List.Forms = []dialog{
		{Action: "/tips/" + id + "/match", Title: c.t("tips.match"), Button: c.t("tips.match"), Version: v, Fields: []input{c.field("meter", "meter", "", true, choice...), c.field("note", "note", "", false)}},
		{Action: "/tips/" + id + "/reject", Title: c.t("tips.reject"), Button: c.t("tips.reject"), Version: v, Fields: []input{c.field("reason", "reason", "", true)}},
	}
	if t.State == tips.Matched && t.Case == "" {
		p.List.Forms = append([]dialog{{Action: "/tips/" + id + "/case", Title: c.t("case.open"), Button: c.t("case.open")}}, p.List.Forms...)
	}
	return p, nil
}

func receiveTip(c *call) (done, error) {
	t := tips.Tip{Source: c.text("source"), Channel: c.text("channel"), Text: c.text("text"), Account: c.text("account"), Name: c.text("name"), Address: c.text("address"), Area: c.text("area"), Contact: c.text("contact")}
	id, err := c.inbox().Receive(c.ctx, t, c.tipIndex())
	return done{To: "/tips/" + id, Say: "tips.was_received", Args: []any{id}, Body: map[string]any{"id": id}}, err
}

// tipIndex is what the register says of customers: the columns account, name and address.
func (c *call) tipIndex() *tips.Index {
	var entries []tips.Entry
	for _, f := range c.Board.Findings() {
		if x := f.Meter.Extra; c.who.Sees(f.Area) {
			account := x["account"]
			if account == "" {
				account = string(f.Meter.ID)
			}
			entries = append(entries, tips.Entry{Meter: string(f.Meter.ID), Account: account, Name: x["name"], Address: x["address"], Area: f.Area})
		}
	}
	return tips.NewIndex(entries)
}

// tipsOf are the tip-offs that people matched to a meter.
func (c *call) tipsOf(meter string) ([]outsideJSON, error) {
	var rows []outsideJSON
	list, err := c.inbox().List(c.ctx)
	for _, v := range list {
		if v.Value.Meter == meter && v.Value.State == tips.Matched {
			rows = append(rows, outsideJSON{"tip", v.ID, cut(v.Value.Text, 200), c.dateOf(v.Value.Received), "/tips/" + v.ID})
		}
	}
	return rows, err
}

// openTipsCase opens a case about the meter that somebody matched, who may see more areas.
func openTipsCase(c *call) (done, error) {
	t, _, err := c.inbox().Tip(c.ctx, c.path("id"))
	if err == nil && t.Meter != "" {
		err = c.mayName(t.Meter)
	}
	if err != nil {
		return done{}, err
	}
	id, err := c.inbox().OpenCase(c.ctx, c.path("id"), "")
	return done{To: "/cases/" + id, Say: "case.opened", Args: []any{id}, Body: map[string]any{"id": id}}, err
}

var tipActs = []act{
	{
		Path: "/tips", Name: "receiveTip", Role: access.Operator, Doc: "Take a tip-off in; meters that it may mean are proposed",
		Fields: []field{{Name: "source", Needed: true, Words: tips.Sources(), Doc: "kind"}, {Name: "channel", Doc: "how it came, e.g. 12398"}, {Name: "text", Needed: true, Doc: "what was said"}, {Name: "account", Doc: "account number"}, {Name: "name", Doc: "of the customer"}, {Name: "address", Doc: "address"}, {Name: "area", Doc: "area"}, {Name: "contact", Doc: "of who gave it; for inspectors only"}},
		do:     receiveTip,
	},
	{
		Path: "/tips/{id}/match", Name: "matchTip", Role: access.Operator, Doc: "Say which meter a tip-off means", Fields: []field{versionField, {Name: "meter", Needed: true, Doc: "service point"}, noteField},
		do: func(c *call) (done, error) {
			if err := c.mayName(c.text("meter")); err != nil {
				return done{}, err
			}
			return done{Say: "saved"}, c.inbox().Match(c.ctx, c.path("id"), c.int("version"), c.text("meter"), c.text("note"))
		},
	},
	{
		Path: "/tips/{id}/reject", Name: "rejectTip", Role: access.Operator, Doc: "Say that a tip-off leads nowhere", Fields: []field{versionField, {Name: "reason", Needed: true, Doc: "why"}},
		do: func(c *call) (done, error) {
			return done{Say: "saved"}, c.inbox().Reject(c.ctx, c.path("id"), c.int("version"), c.text("reason"))
		},
	},
	{
		Path: "/tips/{id}/case", Name: "openCaseFromTip", Role: access.Operator, Doc: "Open a case from a matched tip-off",
		do: openTipsCase,
	},
}
