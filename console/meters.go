package console

import (
	"slices"
	"strings"

	"github.com/flatwatt/flatwatt"
)

// meterRow is one meter in the list.
type meterRow struct {
	SuspectJSON
	Class   string   `json:"class"`
	Kind    string   `json:"kind"`
	Area    string   `json:"area"`
	Parent  string   `json:"parent,omitempty"`
	Energy  *float64 `json:"energy_kwh"` // of the block since its onset
	finding Finding
}

// meterList is the page of all meters by rank.
type meterList struct {
	Rows   []meterRow     `json:"meters"`
	Total  int            `json:"total"` // that fit the filter
	Page   int            `json:"page"`  // from 1
	Pages  int            `json:"pages"`
	Counts map[string]int `json:"counts"` // by state, of all that the person sees
	Query  string         `json:"-"`
	State  string         `json:"-"`
	Class  string         `json:"-"`
	Kinds  []string       `json:"-"`
}

// pageRows is how many rows a list shows at once.
const pageRows = 100

var states = []string{string(flatwatt.Suspect), string(flatwatt.Ended), string(flatwatt.Normal), string(flatwatt.MeterFault), string(flatwatt.NotEnoughData)}

// metersView lists meters by rank, those with the highest probability first.
func metersView(c *call) (any, error) {
	list := meterList{Counts: map[string]int{}, Query: c.text("q"), State: c.text("state"), Class: c.text("class"), Page: max(1, c.int("page"))}
	words := c.words()
	var fits []Finding
	classes := map[string]bool{}
	for _, f := range c.Board.Findings() {
		if !c.who.Sees(f.Area) {
			continue
		}
		list.Counts[string(f.Score.State)]++
		classes[string(f.Meter.Class)] = true
		if list.fits(f) {
			fits = append(fits, f)
		}
	}
	delete(classes, "")
	for class := range classes {
		list.Kinds = append(list.Kinds, class)
	}
	slices.Sort(list.Kinds)
	list.Total = len(fits)
	list.Pages = max(1, (len(fits)+pageRows-1)/pageRows)
	list.Page = min(list.Page, list.Pages)
	from := (list.Page - 1) * pageRows
	list.Rows = []meterRow{}
	for _, f := range fits[from:min(from+pageRows, len(fits))] {
		list.Rows = append(list.Rows, newMeterRow(words(f)))
	}
	return list, nil
}

func (l *meterList) fits(f Finding) bool {
	return (l.State == "" || l.State == string(f.Score.State)) && (l.Class == "" || l.Class == string(f.Meter.Class)) &&
		(l.Query == "" || strings.Contains(strings.ToLower(string(f.Meter.ID)), strings.ToLower(l.Query)))
}

func newMeterRow(f Finding) meterRow {
	return meterRow{
		SuspectJSON: JSON(f), Class: string(f.Meter.Class), Kind: string(f.Meter.Kind), Area: f.Area,
		Parent: string(f.Meter.Parent), Energy: number(f.Score.Energy.Value), finding: f,
	}
}

// Finding is the row's finding, for pages.
func (r meterRow) Finding() Finding { return r.finding }

// words puts findings into the person's language.
func (c *call) words() func(Finding) Finding {
	if c.Words == nil {
		return func(f Finding) Finding { return f }
	}
	say := c.Words(map[string]string{english: "en", chinese: "zh"}[c.lang])
	return func(f Finding) Finding {
		f.Reason, f.Reasons = say(f.Score)
		if f.Hall != nil {
			h := *f.Hall
			h.Reason, h.Reasons = say(h.Score)
			f.Hall = &h
		}
		return f
	}
}

// The register of meters in the menu, a meter's page, its plot and its evidence pack.
var meterViews = []view{
	{
		Path: "/meters", Name: "meters", Group: "work", Doc: "Meters by rank", Shape: meterList{}, get: metersView,
		Fields: []field{
			{Name: "q", Doc: "part of the meter's name"}, {Name: "state", Words: states, Doc: "only meters in this state"},
			{Name: "class", Doc: "only meters of this class"}, {Name: "page", Type: "int", Doc: "from 1"},
		},
	},
	{Path: "/meters/{id}", Name: "meter", Doc: "All that is known of a meter", Shape: meterPage{}, get: meterView},
	{Path: "/meters/{id}/plot", Doc: "Load of a meter with its normal band and the estimated block, for drawing", Shape: plotData{}, get: plotView},
	{Path: "/meters/{id}/pack", Name: "pack", Doc: "Evidence pack of a meter, with its hash", Shape: packPage{}, get: packView},
}
