package console

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/access"
	"github.com/flatwatt/flatwatt/casework/sheet"
	"github.com/flatwatt/flatwatt/casework/spotcheck"
)

// spotsPage is the double-random spot checks.
type spotsPage struct {
	Rows []spotRow `json:"spot_checks"`
	List listing   `json:"-"`
}

type spotRow struct {
	ID      string              `json:"id"`
	Version int                 `json:"version"`
	Check   spotcheck.SpotCheck `json:"spot_check"`
}

func (c *call) spotBoard() spotcheck.Board { return spotcheck.Board{Desk: c.desk()} }

func spotsView(c *call) (any, error) {
	list, err := c.spotBoard().List(c.ctx)
	if err != nil {
		return nil, err
	}
	p := spotsPage{Rows: []spotRow{}}
	table := grille{Caption: c.t("page.spotchecks"), Columns: c.columns("spots.id", "spots.title", "area", "spots.population#", "spots.size#", "spots.planned", "spots.drawn", "spots.outcomes#")}
	for _, v := range slices.Backward(list) {
		one := v.Value
		p.Rows = append(p.Rows, spotRow{v.ID, v.Version, one})
		entered := 0
		for _, pick := range one.Picks {
			entered += btoi(pick.Outcome != nil)
		}
		table.Rows = append(table.Rows, []cell{link(v.ID, "/spotchecks/"+v.ID), text(one.Title), text(one.Area), digits(strconv.Itoa(one.Count)), digits(strconv.Itoa(one.Rules.Size)), text(c.dateOf(one.Planned)), text(c.dateOf(one.Drawn)), digits(fmt.Sprintf("%d/%d", entered, len(one.Picks)))})
	}
	p.List = listing{Title: c.t("page.spotchecks"), Note: c.t("spots.note"), Tables: []grille{table}}
	if c.may(access.Supervisor) {
		p.List.Forms = []dialog{{Action: "/spotchecks", Title: c.t("spots.plan"), Button: c.t("spots.plan"), Fields: []input{
			c.field("title", "spots.title", "", true), c.field("area", "area", "", false), c.field("seed_source", "spots.seed_source", "", true), c.field("size", "spots.size", "number", true),
			{Name: "random_share", Label: c.t("spots.random_share"), Type: "number", Value: "0.3"}, {Name: "per_item", Label: c.t("spots.per_item"), Type: "number", Value: "2"},
		}}}
	}
	return p, nil
}

// population is every customer that the person sees in an area, in strata by suspicion,
// and every inspector.
func (c *call) population(area string) (p spotcheck.Population, err error) {
	for _, f := range c.Board.Findings() {
		kind := f.Meter.Kind
		if kind != flatwatt.Customer && kind != "" || !c.who.Sees(f.Area) || area != "" && !(access.Actor{Areas: []string{area}}).Sees(f.Area) {
			continue
		}
		stratum := "low"
		switch {
		case f.Score.State == flatwatt.Suspect:
			stratum = "high"
		case f.Score.Probability >= .1:
			stratum = "medium"
		}
		p.Items = append(p.Items, spotcheck.Item{ID: string(f.Meter.ID), Stratum: stratum, Area: f.Area})
	}
	users, err := c.cases.users.List(c.ctx)
	for _, u := range users {
		if u.Value.Role == access.Inspector && !u.Value.Disabled {
			p.Inspectors = append(p.Inspectors, spotcheck.Inspector{Name: u.ID, Areas: u.Value.Areas})
		}
	}
	return p, err
}

func planSpots(c *call) (done, error) {
	p, err := c.population(c.text("area"))
	if err != nil {
		return done{}, err
	}
	share := .3
	if s := c.text("random_share"); s != "" {
		_, _ = fmt.Sscan(s, &share) // checked by check
	}
	rules := spotcheck.Rules{Size: c.int("size"), RandomShare: share, Weights: map[string]int{"high": 6, "medium": 3, "low": 1}, PerItem: cmp.Or(c.int("per_item"), 2)}
	id, err := c.spotBoard().Plan(c.ctx, c.text("title"), c.text("area"), c.text("seed_source"), p, rules)
	return done{To: "/spotchecks/" + id, Say: "spots.was_planned", Args: []any{id}, Body: map[string]any{"id": id}}, err
}

// spotPage is one spot check.
type spotPage struct {
	spotRow
	Verified *bool   `json:"verified"` // drawn again with the same result; null before the draw
	List     listing `json:"-"`
}

func spotView(c *call) (any, error) {
	id := c.path("id")
	one, version, err := c.spotBoard().Spot(c.ctx, id)
	if err != nil {
		return nil, err
	}
	p := spotPage{spotRow: spotRow{id, version, one}}
	fact := func(key, value string) pair { return pair{c.t(key), text(value).Text} }
	p.List = listing{Title: id + " " + one.Title, Back: "/spotchecks", Note: c.t("spots.digest", one.Population), Facts: []pair{
		fact("area", one.Area), fact("spots.population", strconv.Itoa(one.Count)), fact("spots.size", strconv.Itoa(one.Rules.Size)), fact("spots.random_share", share(one.Rules.RandomShare)),
		fact("spots.planned", c.dateOf(one.Planned)+" "+one.PlannedBy), fact("spots.seed_source", one.SeedSource), fact("spots.seed", one.Seed), fact("spots.drawn", c.dateOf(one.Drawn)+" "+one.DrawnBy),
	}}
	v := strconv.Itoa(version)
	if one.Seed == "" {
		if c.may(access.Supervisor) {
			p.List.Forms = []dialog{{Action: "/spotchecks/" + id + "/draw", Title: c.t("spots.draw"), Button: c.t("spots.draw"), Version: v, Fields: []input{c.field("seed", "spots.seed", "", true)}}}
		}
		return p, nil
	}
	whole := c.spotBoard().Verify(c.ctx, id) == nil
	p.Verified = &whole
	p.List.Facts = append(p.List.Facts, fact("spots.verified", c.t(map[bool]string{true: "yes", false: "no"}[whole])))
	p.List.Links = []pair{{c.t("spots.disclose"), "/spotchecks/" + id + "/disclosure?format=html"}, {"XLSX", "/spotchecks/" + id + "/disclosure?format=xlsx"}}
	picks := grille{Caption: c.t("spots.picks"), Columns: c.columns("meter", "area", "spots.stratum", "spots.how", "spots.inspectors", "spots.result", "day", "note")}
	var mine []pair
	for _, pick := range one.Picks {
		row := []cell{link(pick.Item.ID, under("/meters", pick.Item.ID)), text(pick.Item.Area), text(c.word("priority.", pick.Item.Stratum)), text(c.word("spots.how.", pick.How)), text(fmt.Sprint(pick.Inspectors))}
		if o := pick.Outcome; o != nil {
			row = append(row, text(c.word("result.", o.Result)), text(o.Day), text(o.Note))
		} else {
			row = append(row, text(""), text(""), text(""))
		}
		if slices.Contains(pick.Inspectors, c.who.Name) && pick.Outcome == nil {
			mine = append(mine, pair{pick.Item.ID, pick.Item.ID})
		}
		picks.Rows = append(picks.Rows, row)
	}
	p.List.Tables = []grille{picks}
	if len(mine) > 0 {
		p.List.Forms = []dialog{{Action: "/spotchecks/" + id + "/outcome", Title: c.t("spots.enter"), Button: c.t("save"), Version: v, Fields: []input{
			c.field("item", "meter", "", true, mine...), c.field("result", "spots.result", "", true, c.options("result.", spotcheck.Results()...)...), c.field("day", "day", "date", true), c.field("note", "note", "", false),
		}}}
	}
	return p, nil
}

// disclosure sends the sheet that is published after a draw.
func (s *Server) disclosure(w http.ResponseWriter, r *http.Request) {
	c := s.newCall(r)
	one, _, err := c.spotBoard().Spot(c.ctx, c.path("id"))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.sendSheet(w, c, one.Disclose(c.path("id"), c.sheetLang()), c.path("id"))
}

func (c *call) sheetLang() string { return map[string]string{english: "en", chinese: "zh"}[c.lang] }

// sendSheet sends a document in the form that ?format= asks for.
func (s *Server) sendSheet(w http.ResponseWriter, c *call, d *sheet.Document, name string) {
	format := cmp.Or(c.r.URL.Query().Get("format"), "html")
	kind, ok := map[string]string{"html": "text/html; charset=utf-8", "csv": "text/csv; charset=utf-8", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}[format]
	if !ok {
		s.fail(w, c.r, badRequest("format %q: want one of %v", format, sheet.Formats()))
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Disposition", attachment(name+"."+format))
	if err := d.Render(w, format); err != nil {
		s.fail(w, c.r, err)
	}
}

var spotActs = []act{
	{
		Path: "/spotchecks", Name: "planSpotCheck", Role: access.Supervisor, Doc: "Fix population, inspectors and rules of a spot check before its seed is known",
		Fields: []field{{Name: "title", Needed: true, Doc: "title"}, {Name: "area", Doc: "area; empty: all"}, {Name: "seed_source", Needed: true, Doc: "where the seed will come from"}, {Name: "size", Type: "int", Needed: true, Doc: "meters to draw"}, {Name: "random_share", Type: "number", Doc: "of the size, drawn whatever the risk"}, {Name: "per_item", Type: "int", Doc: "inspectors a meter"}},
		do:     planSpots,
	},
	{
		Path: "/spotchecks/{id}/draw", Name: "drawSpotCheck", Role: access.Supervisor, Doc: "Draw with the announced seed", Fields: []field{versionField, {Name: "seed", Needed: true, Doc: "the seed"}},
		do: func(c *call) (done, error) {
			return done{Say: "spots.was_drawn"}, c.spotBoard().Draw(c.ctx, c.path("id"), c.int("version"), c.text("seed"))
		},
	},
	{
		Path: "/spotchecks/{id}/outcome", Name: "enterOutcome", Role: access.Inspector, Doc: "Note what an inspection found; only for those who were drawn",
		Fields: []field{versionField, {Name: "item", Needed: true, Doc: "meter"}, {Name: "result", Needed: true, Words: spotcheck.Results(), Doc: "result"}, {Name: "day", Type: "date", Needed: true, Doc: "day"}, noteField},
		do: func(c *call) (done, error) {
			return done{Say: "saved"}, c.spotBoard().Enter(c.ctx, c.path("id"), c.int("version"), c.text("item"), spotcheck.Outcome{Result: c.text("result"), Day: c.text("day"), Note: c.text("note")})
		},
	},
}
