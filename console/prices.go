package console

import (
	"slices"
	"strconv"
	"time"

	"github.com/shopspring/decimal"

	"github.com/flatwatt/flatwatt/access"
	"github.com/flatwatt/flatwatt/casework"
	"github.com/flatwatt/flatwatt/casework/price"
)

// pricesPage is the list of those who pay, their statements and what is owed.
type pricesPage struct {
	Listed     []listedRow    `json:"listed"`
	Statements []statementRow `json:"statements"`
	Arrears    []price.Arrear `json:"arrears"`
	Metered    bool           `json:"metered"` // energy can be read here, so statements can be drawn
	List       listing        `json:"-"`
}

type listedRow struct {
	Project string       `json:"project"`
	Version int          `json:"version"`
	Entry   price.Listed `json:"entry"`
}

type statementRow struct {
	ID        string          `json:"id"`
	Version   int             `json:"version"`
	Statement price.Statement `json:"statement"`
}

func (c *call) office() price.Office { return price.Office{Book: c.book(), Schedule: c.Schedule} }

func pricesView(c *call) (any, error) {
	p := pricesPage{Listed: []listedRow{}, Statements: []statementRow{}, Metered: c.Energy != nil}
	listed, err := casework.List[price.Listed](c.ctx, c.Store, price.KindListed)
	if err != nil {
		return nil, err
	}
	statements, err := c.office().Statements(c.ctx)
	if err != nil {
		return nil, err
	}
	if p.Arrears, err = c.office().Arrears(c.ctx, c.now.Format(time.DateOnly)); err != nil {
		return nil, err
	}
	who := grille{Caption: c.t("prices.listed"), Columns: c.columns("ledger.id", "ledger.company", "area", "prices.since", "prices.until")}
	for _, l := range listed {
		if c.who.Sees(l.Value.Area) {
			l.Value.Meters = append([]string{}, l.Value.Meters...)
			p.Listed = append(p.Listed, listedRow{l.ID, l.Version, l.Value})
			who.Rows = append(who.Rows, []cell{link(l.ID, "/ledger/"+l.ID), text(l.Value.Company), text(l.Value.Area), text(l.Value.Listed), text(l.Value.Delisted)})
		}
	}
	bills := grille{Caption: c.t("prices.statements"), Columns: c.columns("prices.statement", "ledger.company", "from", "to", "kwh#", "yuan#", "due", "state")}
	for _, s := range slices.Backward(statements) {
		p.Statements = append(p.Statements, statementRow{s.ID, s.Version, s.Value})
		state := c.t("prices.stands")
		if s.Value.Cancelled != "" {
			state = c.t("prices.cancelled")
		}
		bills.Rows = append(bills.Rows, []cell{link(s.ID, "/prices/"+s.ID), text(s.Value.Company), text(s.Value.From), text(s.Value.To), amount(s.Value.KWh, 1), amount(s.Value.Yuan, 2), text(s.Value.Due), text(state)})
	}
	owed := grille{Caption: c.t("prices.arrears"), Columns: c.columns("ledger.id", "ledger.company", "prices.billed#", "prices.paid#", "prices.open#", "prices.overdue#", "prices.overdue_since")}
	for _, a := range p.Arrears {
		owed.Rows = append(owed.Rows, []cell{link(a.Project, "/ledger/"+a.Project), text(a.Company), amount(a.Billed, 2), amount(a.Paid, 2), amount(a.Open, 2), amount(a.Overdue, 2), text(a.Since)})
	}
	p.List = listing{Title: c.t("page.prices"), Tables: []grille{who, bills, owed}, Forms: c.priceForms(p)}
	for _, r := range c.Schedule.Rules {
		p.List.Facts = append(p.List.Facts, pair{c.t("prices.rule", r.Name), r.Yuan.String() + " " + c.t("prices.yuan_kwh")})
	}
	if c.Energy == nil {
		p.List.Note = c.t("prices.unmetered")
	}
	return p, nil
}

func (c *call) priceForms(p pricesPage) (forms []dialog) {
	if !c.may(access.Supervisor) {
		return nil
	}
	forms = append(forms, dialog{Action: "/prices/sync", Title: c.t("prices.sync"), Button: c.t("prices.sync_do")})
	var projects []pair
	for _, l := range p.Listed {
		projects = append(projects, pair{l.Project + " " + l.Entry.Company, l.Project})
	}
	if len(projects) > 0 && c.Energy != nil {
		to := c.field("to", "to", "date", true)
		to.Value = c.Board.Status().AsOf.In(c.Zone).AddDate(0, 0, -1).Format(time.DateOnly)
		forms = append(forms, dialog{Action: "/prices/statements", Title: c.t("prices.draw"), Button: c.t("prices.issue"), Fields: []input{c.field("project", "ledger.id", "", true, projects...), to}})
	}
	return forms
}

// statementPage is one statement with its calculation.
type statementPage struct {
	statementRow
	List listing `json:"-"`
}

func statementView(c *call) (any, error) {
	id := c.path("id")
	s, version, err := casework.Get[price.Statement](c.ctx, c.Store, price.KindStatement, id)
	if err == nil {
		err = c.desk().See(price.KindStatement, id, s.Area)
	}
	if err != nil {
		return nil, err
	}
	p := statementPage{statementRow: statementRow{id, version, s}}
	fact := func(key, value string) pair { return pair{c.t(key), text(value).Text} }
	lines := grille{Caption: c.t("prices.calculation"), Columns: c.columns("meter", "from", "to", "kwh#", "prices.rate#", "yuan#", "prices.by", "ledger.missing_days#")}
	for _, l := range s.Lines {
		lines.Rows = append(lines.Rows, []cell{link(l.Meter, under("/meters", l.Meter)), text(l.From), text(l.To), amount(l.KWh, 3), digits(l.YuanPerKWh.String()), amount(l.Yuan, 2), text(l.Rule + " " + l.Basis), digits(num(l.MissingDays, 1))})
	}
	p.List = listing{Title: c.t("prices.statement") + " " + id + " " + s.Company, Back: "/prices", Print: true, Tables: []grille{lines}, Facts: []pair{
		fact("ledger.id", s.Project), fact("ledger.code", s.CreditCode), fact("ledger.address", s.Address), fact("from", s.From), fact("to", s.To), fact("prices.why", c.sentence(s.Why)), fact("kwh", s.KWh.StringFixed(3)), fact("yuan", s.Yuan.StringFixed(2)),
		fact("prices.issued", s.Issued), fact("due", s.Due), fact("prices.cancelled", s.Cancelled), fact("reason", s.Reason),
	}}
	if c.may(access.Supervisor) && s.Cancelled == "" {
		p.List.Forms = []dialog{
			{Action: "/prices/" + id + "/pay", Title: c.t("prices.pay"), Button: c.t("save"), Fields: []input{c.field("yuan", "yuan", "number", true), c.field("day", "day", "date", true), c.field("reference", "prices.reference", "", false)}},
			{Action: "/prices/" + id + "/cancel", Title: c.t("prices.cancel"), Button: c.t("prices.cancel"), Version: strconv.Itoa(version), Fields: []input{c.field("reason", "reason", "", true)}},
		}
	}
	return p, nil
}

var priceActs = []act{
	{
		Path: "/prices/sync", Name: "syncPrices", Role: access.Supervisor, Doc: "Bring the list of those who pay into step with the ledger",
		do: func(c *call) (done, error) {
			steps, err := c.office().Sync(c.ctx, false)
			return done{To: "/prices", Say: "prices.synced", Args: []any{len(steps)}}, err
		},
	},
	{
		Path: "/prices/statements", Name: "issueStatement", Role: access.Supervisor, Doc: "Work out the next statement of a project and issue it",
		Fields: []field{{Name: "project", Needed: true, Doc: "entry of the ledger"}, {Name: "to", Type: "date", Needed: true, Doc: "last day"}},
		do: func(c *call) (done, error) {
			if c.Energy == nil {
				return done{}, badRequest("no energy can be read here: set archive.url")
			}
			s, err := c.office().Draft(c.ctx, c.Energy, c.text("project"), "", c.text("to"))
			if err != nil {
				return done{}, err
			}
			id, err := c.office().Issue(c.ctx, s, "")
			return done{To: "/prices/" + id, Say: "prices.was_issued", Args: []any{id}, Body: map[string]any{"id": id}}, err
		},
	},
	{
		Path: "/prices/{id}/pay", Name: "payStatement", Role: access.Supervisor, Doc: "Note money that came in",
		Fields: []field{{Name: "yuan", Type: "number", Needed: true, Doc: "amount"}, {Name: "day", Type: "date", Needed: true, Doc: "day"}, {Name: "reference", Doc: "of the bank"}},
		do: func(c *call) (done, error) {
			yuan, err := decimal.NewFromString(c.text("yuan"))
			if err != nil {
				return done{}, badRequest("yuan: %w", err)
			}
			_, err = c.office().Pay(c.ctx, price.Payment{Statement: c.path("id"), Yuan: yuan, Day: c.text("day"), Reference: c.text("reference")}, "")
			return done{To: "/prices", Say: "saved"}, err
		},
	},
	{
		Path: "/prices/{id}/cancel", Name: "cancelStatement", Role: access.Supervisor, Doc: "Cancel a statement; it stays on record",
		Fields: []field{versionField, {Name: "reason", Needed: true, Doc: "why"}},
		do: func(c *call) (done, error) {
			return done{Say: "saved"}, c.office().Cancel(c.ctx, c.path("id"), c.int("version"), c.text("reason"))
		},
	},
}
