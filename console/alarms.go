package console

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/casework"
	"github.com/flatwatt/flatwatt/casework/alarms"
)

// alarmRow is one alarm in a list.
type alarmRow struct {
	ID         string       `json:"id"`
	Version    int          `json:"version"` // to give back with an act
	State      string       `json:"state"`
	Priority   string       `json:"priority"`
	Kind       string       `json:"kind"`
	Class      string       `json:"class,omitempty"`
	Area       string       `json:"area,omitempty"`
	Parent     string       `json:"parent,omitempty"`
	Members    []string     `json:"members"`
	ExpectedKW float64      `json:"expected_kw"`
	Prob       *float64     `json:"probability"`
	BlockKW    *float64     `json:"block_kw"`
	EnergyKWh  *float64     `json:"energy_kwh"`
	Onset      string       `json:"onset,omitempty"`
	Raised     string       `json:"raised,omitempty"`
	Acked      string       `json:"acked,omitempty"`
	AckedBy    string       `json:"acked_by,omitempty"`
	Returned   string       `json:"returned,omitempty"`
	Assignee   string       `json:"assignee,omitempty"`
	Due        string       `json:"due,omitempty"`
	Case       string       `json:"case,omitempty"`
	Hold       *alarms.Hold `json:"hold"`
	Then       *raisedAs    `json:"as_raised"`  // null where nothing has changed since
	Hall       *hallRow     `json:"hall"`       // farm against data centre; null where it was not judged
	Known      []string     `json:"known_from"` // applications and commitments of this meter
	Reason     string       `json:"reason"`
	Raises     int          `json:"raises"`          // how often it became active, of those remembered
	Of         string       `json:"meter,omitempty"` // whose it is, where that is not its id: of a hall
	Meter      bool         `json:"-"`               // it has a page
}

// raisedAs is what scoring said when the alarm was raised or last renewed, where that is
// not what it says now.
type raisedAs struct {
	Prob    *float64 `json:"probability"`
	BlockKW *float64 `json:"block_kw"`
}

// hallRow is what was judged of a large flat load.
type hallRow struct {
	State string   `json:"state"`
	Prob  *float64 `json:"probability"` // of a mining farm
}

// alarmPage is the alarm list.
type alarmPage struct {
	Rows     []alarmRow     `json:"alarms"`
	Total    int            `json:"total"` // that fit the filter
	Page     int            `json:"page"`
	Pages    int            `json:"pages"`
	Tabs     []alarmTab     `json:"tabs"`
	Priority map[string]int `json:"priorities"` // of those that are unacknowledged
	Tab      string         `json:"-"`
	Query    string         `json:"-"`
	Only     string         `json:"-"` // a priority
	Mine     bool           `json:"-"`
	Below    string         `json:"-"` // a parent alarm
	People   []person       `json:"-"`
	Today    string         `json:"-"`
	MaxShelf string         `json:"-"`
	DueIn    string         `json:"-"`
	Reasons  []string       `json:"-"`
}

type alarmTab struct {
	Name  string `json:"name"`
	Count int    `json:"count"`
}

// tabs are the parts of the alarm list and the states in each.
var tabs = []struct {
	name   string
	states []alarms.State
}{
	{"open", []alarms.State{alarms.Unacknowledged, alarms.Returned, alarms.Acknowledged}},
	{"unacknowledged", []alarms.State{alarms.Unacknowledged, alarms.Returned}},
	{"backlog", []alarms.State{alarms.Backlog}},
	{"shelved", []alarms.State{alarms.Shelved}},
	{"suppressed", []alarms.State{alarms.Suppressed}},
	{"out_of_service", []alarms.State{alarms.OutOfService}},
}

// shelveReasons are offered when an alarm is shelved; any other words will do too.
var shelveReasons = []string{"awaiting_data", "known_work", "seasonal", "waiting_customer", "other"}

func (c *call) room() alarms.Room { return alarms.Room{Desk: c.desk(), Policy: c.Policy} }

func alarmsView(c *call) (any, error) {
	list, err := c.cases.alarms.List(c.ctx)
	if err != nil {
		return nil, err
	}
	p := alarmPage{
		Tab: c.text("tab"), Query: strings.ToLower(c.text("q")), Only: c.text("priority"), Mine: c.bool("mine"), Below: c.text("below"),
		Page: max(1, c.int("page")), Rows: []alarmRow{}, Priority: map[string]int{},
		Today: c.now.Format("2006-01-02"), MaxShelf: c.now.AddDate(0, 0, c.Policy.MaxShelfDays).Format("2006-01-02"),
		DueIn: c.now.AddDate(0, 0, 7).Format("2006-01-02"), Reasons: shelveReasons,
	}
	if p.Tab == "" {
		p.Tab = "open"
	}
	fits := p.filter(c, c.room().Standing(list))
	p.Total, p.Pages = len(fits), max(1, (len(fits)+pageRows-1)/pageRows)
	p.Page = min(p.Page, p.Pages)
	from := (p.Page - 1) * pageRows
	words := c.words()
	known, err := c.knownOf()
	if err != nil {
		return nil, err
	}
	for _, a := range fits[from:min(from+pageRows, len(fits))] {
		row := c.alarmRow(a, words)
		row.Known = append(row.Known, known[cmp.Or(a.Value.Meter, a.ID)]...)
		p.Rows = append(p.Rows, row)
	}
	p.People, err = c.workers()
	return p, err
}

// filter keeps what fits, and counts every tab on the way. Alarms below a parent are
// shown only when asked for: by the parent's row, or by a search.
func (p *alarmPage) filter(c *call, standing []casework.Versioned[alarms.Alarm]) (fits []casework.Versioned[alarms.Alarm]) {
	counts := map[alarms.State]int{}
	var shown []alarms.State
	for _, t := range tabs {
		if t.name == p.Tab {
			shown = t.states
		}
	}
	for _, a := range standing {
		hidden := a.Value.Parent != "" && p.Below == "" && p.Query == "" && !p.Mine
		if hidden || p.Below != "" && a.Value.Parent != p.Below && a.ID != p.Below {
			continue
		}
		state := a.Value.State(p.Today)
		counts[state]++
		if state == alarms.Unacknowledged {
			p.Priority[string(a.Value.Priority)]++
		}
		if !slices.Contains(shown, state) || p.Only != "" && string(a.Value.Priority) != p.Only || p.Mine && a.Value.Assignee != c.who.Name ||
			p.Query != "" && !strings.Contains(strings.ToLower(a.ID+" "+a.Value.Class+" "+a.Value.Area), p.Query) {
			continue
		}
		fits = append(fits, a)
	}
	for _, t := range tabs {
		tab := alarmTab{Name: t.name}
		for _, s := range t.states {
			tab.Count += counts[s]
		}
		p.Tabs = append(p.Tabs, tab)
	}
	return fits
}

func (c *call) alarmRow(v casework.Versioned[alarms.Alarm], words func(Finding) Finding) alarmRow {
	a := v.Value
	row := alarmRow{
		ID: v.ID, Version: v.Version, State: string(a.State(c.now.Format("2006-01-02"))), Priority: string(a.Priority), Kind: a.Kind, Class: a.Class,
		Area: a.Area, Parent: a.Parent, Members: a.Members, ExpectedKW: a.ExpectedKW, Prob: a.Finding.Probability, BlockKW: a.Finding.BlockKW,
		EnergyKWh: a.Finding.EnergyKWh, Onset: a.Finding.Onset, Raised: a.Raised, Acked: a.Acked, AckedBy: a.AckedBy, Returned: a.Returned,
		Assignee: a.Assignee, Due: a.Due, Case: a.Case, Hold: a.Hold, Reason: a.Finding.Reason, Raises: len(a.Raises),
	}
	row.Known = []string{}
	if row.Members == nil {
		row.Members = []string{}
	}
	if row.Of = a.Meter; a.Kind == alarms.HallKind {
		c.hallAlarm(&row, words)
	} else if f, ok := c.Board.Finding(flatwatt.MeterID(v.ID)); ok {
		row.Meter, row.Reason = true, words(f).Reason
		now, then := caseFinding(f), raisedAs{row.Prob, row.BlockKW}
		if apart(now.Probability, then.Prob, .05, 0) || apart(now.BlockKW, then.BlockKW, 0, .1) {
			row.Then = &then
		}
		row.Prob, row.BlockKW = now.Probability, now.BlockKW
		if f.Score.State == flatwatt.Suspect { // else it has no onset any more
			row.EnergyKWh, row.Onset = now.EnergyKWh, now.Onset
		}
		if f.Hall != nil {
			row.Hall = &hallRow{string(f.Hall.Score.State), number(f.Hall.Score.Probability)}
		}
	}
	return row
}

// hallAlarm fills in what is known now of the meter of a hall's alarm.
func (c *call) hallAlarm(row *alarmRow, words func(Finding) Finding) {
	f, ok := c.Board.Finding(flatwatt.MeterID(row.Of))
	if !ok || f.Hall == nil {
		return
	}
	now := f.Hall.Score
	if row.Meter, row.Hall = true, (&hallRow{string(now.State), number(now.Probability)}); now.State == flatwatt.Suspect {
		row.Reason = words(f).Hall.Reason
	}
	then := raisedAs{row.Prob, row.BlockKW}
	row.Prob, row.BlockKW = number(now.Probability), number(now.Block.Value)
	if apart(row.Prob, then.Prob, .05, 0) || apart(row.BlockKW, then.BlockKW, 0, .1) {
		row.Then = &then
	}
}

// apart says whether two numbers differ by more than so much, or by more than a share of
// the second; one that is known and one that is not always do.
func apart(a, b *float64, by, share float64) bool {
	if a == nil || b == nil {
		return (a == nil) != (b == nil)
	}
	return math.Abs(*a-*b) > max(by, share*math.Abs(*b))
}

// alarmsOf are the alarms of a meter: its own, and that of the hall which it may be.
func (c *call) alarmsOf(meter string) ([]alarmRow, error) {
	rows := []alarmRow{}
	for _, id := range []string{meter, meter + alarms.HallSuffix} {
		a, version, err := c.room().Alarm(c.ctx, id)
		if isMissing(err) {
			continue
		}
		if err != nil {
			return rows, err
		}
		rows = append(rows, c.alarmRow(casework.Versioned[alarms.Alarm]{ID: id, Version: version, Value: a}, c.words()))
	}
	return rows, nil
}

var refField = field{Name: "ref", Needed: true, Many: true, Doc: "alarms as ID@version; the version is the one that was seen"}

var alarmViews = []view{{
	Path: "/alarms", Name: "alarms", Group: "work", Doc: "Alarms that stand, the most urgent first", Shape: alarmPage{}, get: alarmsView,
	Fields: []field{
		{Name: "tab", Words: tabNames(), Doc: "which states; open is what wants work"}, {Name: "q", Doc: "part of a name, class or area"},
		{Name: "priority", Words: []string{"high", "medium", "low"}, Doc: "only this priority"}, {Name: "mine", Type: "bool", Doc: "only those assigned to me"},
		{Name: "below", Doc: "only this parent alarm and those below it"}, {Name: "page", Type: "int", Doc: "from 1"},
	},
}}

func tabNames() (names []string) {
	for _, t := range tabs {
		names = append(names, t.name)
	}
	return names
}
