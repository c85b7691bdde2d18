package console

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/flatwatt/flatwatt/access"
	"github.com/flatwatt/flatwatt/casework/ledger"
	"github.com/flatwatt/flatwatt/casework/report"
)

// reportsPage is the weekly reports to the regulator that were issued.
type reportsPage struct {
	Rows []reportRow `json:"reports"`
	List listing     `json:"-"`
}

type reportRow struct {
	ID      string         `json:"id"` // the week and, for one of an area, the area
	Version int            `json:"version"`
	SHA256  string         `json:"sha256"`
	Week    string         `json:"week"`
	Area    string         `json:"area,omitempty"`
	Made    time.Time      `json:"made"`
	By      string         `json:"by"`
	Now     report.Figures `json:"figures"`
	Before  report.Figures `json:"figures_before"`
}

func (c *call) maker() report.Maker { return report.Maker{Office: c.office(), Rules: c.Rules} }

// issued is an issued report that the person may see, by ID.
func (c *call) issued(id string) (report.Report, string, error) {
	week, area, _ := strings.Cut(id, " ")
	return c.maker().Issued(c.ctx, week, area, 0)
}

func reportsView(c *call) (any, error) {
	list, err := c.Store.List(c.ctx, report.Kind)
	if err != nil {
		return nil, err
	}
	p := reportsPage{Rows: []reportRow{}}
	table := grille{Caption: c.t("page.reports"), Columns: c.columns("ledger.week", "area", "reports.existing#", "reports.new#", "reports.confirmed#", "reports.exited#", "reports.energy#", "reports.billed#", "reports.illegal#", "reports.illegal_reported#", "reports.made", "who", "hash")}
	for _, rec := range slices.Backward(list) {
		r, digest, err := c.issued(rec.ID)
		if isMissing(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		row := reportRow{rec.ID, rec.Version, digest, r.Week, r.Area, r.Made, r.MadeBy, r.Now, r.Before}
		p.Rows = append(p.Rows, row)
		f := r.Now
		table.Rows = append(table.Rows, []cell{link(r.Week, under("/reports", rec.ID)), text(r.Area), count(f.Existing), count(f.New), count(f.Confirmed), count(f.Exited), amount(f.EnergyKWh, 0), amount(f.Billed, 2), count(f.IllegalSupply), count(f.IllegalReported), text(c.when(r.Made)), text(r.MadeBy), text(cut(digest, 12))})
	}
	p.List = listing{Title: c.t("page.reports"), Note: c.t("reports.note"), Tables: []grille{table}}
	if c.may(access.Supervisor) {
		week := c.field("week", "ledger.week", "", true)
		week.Value, _, _ = ledger.WeekOf(c.now.AddDate(0, 0, -7))
		fields := []input{week, c.field("area", "area", "", false)}
		if c.Energy != nil {
			p.List.Forms = append(p.List.Forms, dialog{Action: "/ledger/update", Title: c.t("reports.update"), Button: c.t("reports.update"), Fields: []input{week}})
		}
		p.List.Forms = append(p.List.Forms, dialog{Action: "/reports", Title: c.t("reports.issue"), Button: c.t("reports.issue"), Fields: append(fields, c.field("correction", "reports.correction", "", false))})
	}
	return p, nil
}

func count(n int) cell { return digits(grouped(int64(n))) }

// reportPage is one issued report.
type reportPage struct {
	SHA256 string        `json:"sha256"`
	Report report.Report `json:"report"`
	List   listing       `json:"-"`
}

func reportView(c *call) (any, error) {
	id := c.path("id")
	r, digest, err := c.issued(id)
	if err != nil {
		return nil, err
	}
	p := reportPage{SHA256: digest, Report: r}
	path := under("/reports", id) + "/file?format="
	p.List = listing{Title: c.t("page.reports") + " " + id, Back: "/reports", Note: "SHA-256 " + digest, Links: []pair{{c.t("reports.print"), path + "html"}, {"XLSX", path + "xlsx"}, {"CSV", path + "csv"}}}
	d := r.Document(c.sheetLang(), digest)
	for _, f := range d.Facts {
		p.List.Facts = append(p.List.Facts, pair{f.Name, f.Value})
	}
	for _, t := range d.Tables {
		g := grille{Caption: t.Name}
		for _, name := range t.Head {
			g.Columns = append(g.Columns, column{Name: name})
		}
		for _, row := range t.Rows {
			var cells []cell
			for _, one := range row {
				cells = append(cells, cell{Text: one.Text, Number: one.Number})
			}
			g.Rows = append(g.Rows, cells)
		}
		p.List.Tables = append(p.List.Tables, g)
	}
	return p, nil
}

// reportFile sends an issued report for print or for a spreadsheet.
func (s *Server) reportFile(w http.ResponseWriter, r *http.Request) {
	c := s.newCall(r)
	one, digest, err := c.issued(c.path("id"))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.sendSheet(w, c, one.Document(c.sheetLang(), digest), "report "+c.path("id"))
}

var reportActs = []act{
	{
		Path: "/reports", Name: "issueReport", Role: access.Supervisor, Doc: "Freeze a week's report to the regulator",
		Fields: []field{{Name: "week", Needed: true, Doc: "such as 2026-W09"}, {Name: "area", Doc: "area; empty: everything"}, {Name: "correction", Doc: "why an issued report is issued anew"}},
		do: func(c *call) (done, error) {
			_, digest, err := c.maker().Issue(c.ctx, c.text("week"), c.text("area"), c.text("correction"))
			return done{To: under("/reports", report.ID(c.text("week"), c.text("area"))), Say: "reports.issued", Args: []any{c.text("week"), cut(digest, 12)}, Body: map[string]any{"sha256": digest}}, err
		},
	},
	{
		Path: "/ledger/update", Name: "updateLedger", Role: access.Supervisor, Doc: "Bring the energy of every project up to the end of a week",
		Fields: []field{{Name: "week", Needed: true, Doc: "such as 2026-W09"}},
		do: func(c *call) (done, error) {
			if c.Energy == nil {
				return done{}, badRequest("no energy can be read here: set archive.url")
			}
			u, err := c.book().Update(c.ctx, c.Energy, c.text("week"))
			return done{Say: "reports.updated", Args: []any{u.Projects, u.Week}}, err
		},
	},
}
