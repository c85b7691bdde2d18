package console

import (
	"slices"
	"strings"

	"github.com/flatwatt/flatwatt/access"
	"github.com/flatwatt/flatwatt/casework"
)

// caseRow is one case in a list.
type caseRow struct {
	ID       string           `json:"id"`
	Version  int              `json:"version"`
	Meter    string           `json:"meter"`
	Title    string           `json:"title"`
	Area     string           `json:"area,omitempty"`
	State    string           `json:"state"`
	Reason   string           `json:"reason,omitempty"`
	Assignee string           `json:"assignee,omitempty"`
	Due      string           `json:"due,omitempty"`
	Late     bool             `json:"late"`
	Opened   string           `json:"opened"`
	Pending  string           `json:"pending,omitempty"` // what waits for a second person
	Finding  casework.Finding `json:"finding"`
	Tasks    int              `json:"tasks"`
	Ticked   int              `json:"tasks_done"`
}

// casePage is the list of cases.
type caseList struct {
	Rows   []caseRow      `json:"cases"`
	Total  int            `json:"total"`
	Page   int            `json:"page"`
	Pages  int            `json:"pages"`
	Counts map[string]int `json:"counts"` // by state
	State  string         `json:"-"`
	Query  string         `json:"-"`
	Mine   bool           `json:"-"`
	States []string       `json:"-"`
}

// caseStates are all states of a case in the order in which it goes through them.
var caseStates = []string{
	string(casework.Suspected), string(casework.DeskReview), string(casework.Ordered), string(casework.Confirmed),
	string(casework.Cleared), string(casework.Exempt), string(casework.Rectified), string(casework.Closed),
}

func (c *call) caseRow(v casework.Versioned[casework.Case]) caseRow {
	one := v.Value
	row := caseRow{
		ID: v.ID, Version: v.Version, Meter: one.Meter, Title: one.Title, Area: one.Area, State: string(one.State), Reason: one.Reason,
		Assignee: one.Assignee, Due: one.Due, Opened: one.Opened.Format("2006-01-02"), Finding: one.Finding, Tasks: len(one.Checklist),
	}
	row.Late = one.Due != "" && one.Due < c.now.Format("2006-01-02") && !slices.Contains([]casework.State{casework.Closed, casework.Cleared, casework.Exempt, casework.Rectified}, one.State)
	if one.Pending != nil {
		row.Pending = one.Pending.Action
	}
	for _, t := range one.Checklist {
		row.Ticked += btoi(t.Done)
	}
	return row
}

func casesView(c *call) (any, error) {
	list, err := c.cases.cases.List(c.ctx)
	if err != nil {
		return nil, err
	}
	p := caseList{
		Rows: []caseRow{}, Counts: map[string]int{}, State: c.text("state"), Query: strings.ToLower(c.text("q")),
		Mine: c.bool("mine"), Page: max(1, c.int("page")), States: caseStates,
	}
	var fits []caseRow
	for _, v := range slices.Backward(list) { // the latest first
		if !c.who.Sees(v.Value.Area) {
			continue
		}
		p.Counts[string(v.Value.State)]++
		if p.State != "" && string(v.Value.State) != p.State || p.Mine && v.Value.Assignee != c.who.Name ||
			p.Query != "" && !strings.Contains(strings.ToLower(v.ID+" "+v.Value.Meter+" "+v.Value.Title), p.Query) {
			continue
		}
		fits = append(fits, c.caseRow(v))
	}
	p.Total, p.Pages = len(fits), max(1, (len(fits)+pageRows-1)/pageRows)
	p.Page = min(p.Page, p.Pages)
	from := (p.Page - 1) * pageRows
	p.Rows = append(p.Rows, fits[from:min(from+pageRows, len(fits))]...)
	return p, nil
}

// casesOf are the cases of a meter, the latest first.
func (c *call) casesOf(meter string) ([]caseRow, error) {
	rows := []caseRow{}
	list, err := c.cases.cases.List(c.ctx)
	for _, v := range slices.Backward(list) {
		if v.Value.Meter == meter && c.who.Sees(v.Value.Area) {
			rows = append(rows, c.caseRow(v))
		}
	}
	return rows, err
}

// outsideOf is what is known of a meter from elsewhere than its readings: what earlier
// inspections found.
func (c *call) outsideOf(meter string) ([]outsideJSON, error) {
	rows := []outsideJSON{}
	list, err := c.cases.cases.List(c.ctx)
	for _, v := range list {
		if v.Value.Meter == meter && c.who.Sees(v.Value.Area) && v.Value.Reason != "" {
			rows = append(rows, outsideJSON{"inspection", v.ID, v.Value.Reason, v.Value.Moved.Format("2006-01-02"), "/cases/" + v.ID})
		}
	}
	if err != nil {
		return rows, err
	}
	tips, err := c.tipsOf(meter)
	return append(rows, tips...), err
}

// A person is somebody who can be given work.
type person struct {
	Name string      `json:"name"`
	Role access.Role `json:"role"`
}

// workers are the users who can be given work, inspectors first.
func (c *call) workers() ([]person, error) {
	users, err := c.cases.users.List(c.ctx)
	list := []person{}
	for _, first := range []bool{true, false} {
		for _, u := range users {
			if !u.Value.Disabled && u.Value.Role != access.Viewer && (u.Value.Role == access.Inspector) == first {
				list = append(list, person{u.ID, u.Value.Role})
			}
		}
	}
	return list, err
}

var caseViews = []view{
	{
		Path: "/cases", Name: "cases", Group: "work", Doc: "Cases, the latest first", Shape: caseList{}, get: casesView,
		Fields: []field{
			{Name: "state", Words: caseStates, Doc: "only cases in this state"}, {Name: "q", Doc: "part of a case, meter or title"},
			{Name: "mine", Type: "bool", Doc: "only those assigned to me"}, {Name: "page", Type: "int", Doc: "from 1"},
		},
	},
	{Path: "/cases/{id}", Name: "case", Doc: "A case with its trail", Shape: casePage{}, get: caseView},
	{Path: "/cases/{id}/export", Doc: "A case with its trail and files", Shape: casework.Bundle{}, get: func(c *call) (any, error) { return c.desk().Export(c.ctx, c.path("id")) }},
}
