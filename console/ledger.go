package console

import (
	"fmt"
	"strconv"

	"github.com/flatwatt/flatwatt/access"
	"github.com/flatwatt/flatwatt/casework"
	"github.com/flatwatt/flatwatt/casework/ledger"
)

// ledgerPage is the register of projects.
type ledgerPage struct {
	Rows    []projectRow `json:"projects"`
	Missing []string     `json:"missing_cases"` // confirmed, and in no entry
	List    listing      `json:"-"`
}

// projectRow is an entry with its energy as it counts.
type projectRow struct {
	ID      string         `json:"id"`
	Version int            `json:"version"`
	Project ledger.Project `json:"project"`
	Account ledger.Account `json:"account"`
}

func (c *call) book() ledger.Book { return ledger.Book{Desk: c.desk()} }

func (c *call) projectRow(v casework.Versioned[ledger.Project]) projectRow {
	if v.Value.Meters == nil {
		v.Value.Meters = []string{}
	}
	return projectRow{v.ID, v.Version, v.Value, c.Rules.Account(&v.Value, v.Value.EnergyKWh)}
}

func ledgerView(c *call) (any, error) {
	list, err := c.book().List(c.ctx)
	if err != nil {
		return nil, err
	}
	p := ledgerPage{Rows: []projectRow{}, Missing: []string{}}
	missing, err := c.book().Missing(c.ctx)
	if err != nil {
		return nil, err
	}
	p.Missing = append(p.Missing, missing...)
	table := grille{Caption: c.t("page.ledger"), Columns: c.columns("ledger.id", "ledger.company", "ledger.address", "area", "ledger.status", "ledger.units#", "ledger.kw#", "ledger.energy#", "ledger.counted#", "ledger.co2#", "ledger.planned_exit", "ledger.progress")}
	for _, v := range list {
		row := c.projectRow(v)
		p.Rows = append(p.Rows, row)
		one := v.Value
		table.Rows = append(table.Rows, []cell{
			link(v.ID, "/ledger/"+v.ID), text(one.Company), text(one.Address), text(one.Area), text(c.word("project.", string(one.Status))), digits(strconv.Itoa(one.Units)),
			digits(num(one.KW, 1)), amount(row.Account.EnergyKWh, 0), amount(row.Account.CountedKWh, 0), amount(row.Account.CO2Kg, 0), text(one.PlannedExit), text(c.word("project.", string(one.Progress))),
		})
	}
	p.List = listing{Title: c.t("page.ledger"), Tables: []grille{table}}
	if len(missing) > 0 {
		cases := grille{Caption: c.t("ledger.missing"), Columns: c.columns("case")}
		for _, id := range missing {
			cases.Rows = append(cases.Rows, []cell{link(id, "/cases/"+id)})
		}
		p.List.Tables = append(p.List.Tables, cases)
	}
	if c.may(access.Supervisor) {
		p.List.Forms = append(p.List.Forms, c.projectForm())
	}
	return p, nil
}

func (c *call) projectForm() dialog {
	return dialog{Action: "/ledger", Title: c.t("ledger.add"), Button: c.t("ledger.add"), Fields: []input{
		c.field("company", "ledger.company", "", true), c.field("credit_code", "ledger.code", "", false), c.field("address", "ledger.address", "", true),
		c.field("area", "area", "", false), c.field("case", "ledger.case", "", false),
		c.field("status", "ledger.status", "", true, c.options("project.", "existing", "under construction", "planned")...),
		c.field("meters", "ledger.meters", "", false), c.field("units", "ledger.units", "number", false), c.field("kw", "ledger.kw", "number", false),
		c.field("onset", "onset", "date", false), c.field("tariff_class", "tariff", "", false), c.field("planned_exit", "ledger.planned_exit", "date", false),
	}}
}

// projectPage is one entry with its trail.
type projectPage struct {
	projectRow
	Trail []casework.Entry `json:"trail"`
	List  listing          `json:"-"`
}

func projectView(c *call) (any, error) {
	one, version, err := c.book().Project(c.ctx, c.path("id"))
	if err != nil {
		return nil, err
	}
	id := c.path("id")
	p := projectPage{projectRow: c.projectRow(casework.Versioned[ledger.Project]{ID: id, Version: version, Value: one})}
	if p.Trail, err = c.Store.Trail(c.ctx, ledger.Kind, id); err != nil {
		return nil, err
	}
	fact := func(key, value string) pair { return pair{c.t(key), text(value).Text} }
	weeks := grille{Caption: c.t("ledger.weeks"), Columns: c.columns("ledger.week", "kwh#", "ledger.missing_days#")}
	for i := len(one.Weeks) - 1; i >= 0; i-- {
		w := one.Weeks[i]
		weeks.Rows = append(weeks.Rows, []cell{text(w.Week), amount(w.KWh, 1), digits(num(w.MissingDays, 1))})
	}
	meters := grille{Caption: c.t("ledger.meters"), Columns: c.columns("meter")}
	for _, m := range one.Meters {
		meters.Rows = append(meters.Rows, []cell{link(m, under("/meters", m))})
	}
	p.List = listing{Title: id + " " + one.Company, Back: "/ledger", Tables: []grille{meters, weeks, c.trailTable(p.Trail)}, Facts: []pair{
		fact("ledger.code", one.CreditCode), fact("ledger.address", one.Address), fact("area", one.Area), fact("ledger.status", c.word("project.", string(one.Status))),
		fact("ledger.progress", c.word("project.", string(one.Progress))), fact("ledger.units", strconv.Itoa(one.Units)), fact("hashrate", num(one.HashrateTHs, 0)), fact("ledger.kw", num(one.KW, 1)),
		fact("onset", one.Onset), fact("tariff", one.TariffClass), fact("ledger.planned_exit", one.PlannedExit), fact("ledger.exited_on", one.ExitedOn),
		fact("ledger.energy", p.Account.EnergyKWh.StringFixed(0)), fact("ledger.counted", p.Account.CountedKWh.StringFixed(0)), fact("ledger.co2", p.Account.CO2Kg.StringFixed(0)), fact("case", one.Case),
	}}
	if c.may(access.Supervisor) && one.Progress != ledger.Exited {
		v := strconv.Itoa(version)
		p.List.Forms = []dialog{
			{Action: "/ledger/" + id + "/progress", Title: c.t("ledger.change"), Button: c.t("save"), Version: v, Fields: []input{
				c.field("progress", "ledger.progress", "", true, c.options("project.", "registered", "notified", "winding down")...), c.field("planned_exit", "ledger.planned_exit", "date", false), c.field("note", "note", "", false),
			}},
			{Action: "/ledger/" + id + "/exit", Title: c.t("ledger.exit"), Button: c.t("ledger.exit"), Version: v, Fields: []input{c.field("day", "ledger.exited_on", "date", true), c.field("note", "note", "", false)}},
		}
	}
	return p, nil
}

// trailTable is a part of the trail as a table.
func (c *call) trailTable(trail []casework.Entry) grille {
	t := grille{Caption: c.t("case.trail"), Columns: c.columns("when", "who", "act", "note", "hash")}
	for _, e := range trail {
		t.Rows = append(t.Rows, []cell{text(c.when(e.At)), text(e.Actor), text(c.catalogs[c.lang].or("act.", e.Action)), text(e.Note), text(cut(e.Hash, 12))})
	}
	return t
}

func addProject(c *call) (done, error) {
	p := ledger.Project{Status: ledger.Status(c.text("status")), Basis: ledger.WholeMeter, Progress: ledger.Registered, Area: c.text("area"), Meters: areasOf(c.text("meters"))}
	if id := c.text("case"); id != "" {
		one, _, err := c.desk().Case(c.ctx, id)
		if err != nil {
			return done{}, err
		}
		if p, err = ledger.FromCase(id, one); err != nil {
			return done{}, err
		}
	}
	if err := c.mayName(p.Meters...); err != nil {
		return done{}, err
	}
	p.Company, p.CreditCode, p.Address, p.TariffClass, p.PlannedExit = c.text("company"), c.text("credit_code"), c.text("address"), c.text("tariff_class"), c.text("planned_exit")
	if c.text("units") != "" {
		p.Units = c.int("units")
	}
	if kw := c.text("kw"); kw != "" {
		_, _ = fmt.Sscan(kw, &p.KW) // checked by check
	}
	if onset := c.text("onset"); onset != "" {
		p.Onset = onset
	}
	id, err := c.book().Add(c.ctx, p, "")
	return done{To: "/ledger/" + id, Say: "ledger.added", Args: []any{id}, Body: map[string]any{"id": id}}, err
}

var ledgerActs = []act{
	{
		Path: "/ledger", Name: "addProject", Role: access.Supervisor, Doc: "Enter a project into the ledger, by itself or from a confirmed case",
		Fields: []field{
			{Name: "company", Needed: true, Doc: "name"}, {Name: "credit_code", Doc: "unified social credit code"}, {Name: "address", Needed: true, Doc: "address"}, {Name: "area", Doc: "area"},
			{Name: "case", Doc: "confirmed case to begin from"}, {Name: "status", Words: []string{"existing", "under construction", "planned"}, Doc: "status"}, {Name: "meters", Doc: "service points with commas between"},
			{Name: "units", Type: "int", Doc: "machines"}, {Name: "kw", Type: "number", Doc: "of the machines with their cooling"}, {Name: "onset", Type: "date", Doc: "first day"}, {Name: "tariff_class", Doc: "class"}, {Name: "planned_exit", Type: "date", Doc: "day"},
		}, do: addProject,
	},
	{
		Path: "/ledger/{id}/progress", Name: "changeProject", Role: access.Supervisor, Doc: "Note how far a project is on its way out",
		Fields: []field{versionField, {Name: "progress", Needed: true, Words: []string{"registered", "notified", "winding down"}, Doc: "progress"}, {Name: "planned_exit", Type: "date", Doc: "day"}, noteField},
		do: func(c *call) (done, error) {
			err := c.book().Change(c.ctx, c.path("id"), c.int("version"), "ledger.change", c.text("note"), func(p *ledger.Project) error {
				p.Progress = ledger.Progress(c.text("progress"))
				if day := c.text("planned_exit"); day != "" {
					p.PlannedExit = day
				}
				return nil
			})
			return done{Say: "saved"}, err
		},
	},
	{
		Path: "/ledger/{id}/exit", Name: "exitProject", Role: access.Supervisor, Doc: "Note that a project has gone",
		Fields: []field{versionField, {Name: "day", Type: "date", Needed: true, Doc: "day"}, noteField},
		do: func(c *call) (done, error) {
			return done{Say: "saved"}, c.book().Exit(c.ctx, c.path("id"), c.int("version"), c.text("day"), c.text("note"))
		},
	},
}
