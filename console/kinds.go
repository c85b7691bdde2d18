package console

import "github.com/flatwatt/flatwatt"

// kindPage is a list of the meters of one kind with what was said of each.
type kindPage struct {
	Rows  []kindRow `json:"meters"`
	Halls bool      `json:"-"` // farm against data centre has been judged of one
}

// kindRow is a meter with the case that is open about it.
type kindRow struct {
	meterRow
	MeanKW     *float64 `json:"mean_kw"`
	FloorKW    *float64 `json:"floor_kw"`
	LoadFactor *float64 `json:"load_factor"`
	Contracted *float64 `json:"contracted_kw"`
	Cases      []string `json:"cases"`
	CaseState  string   `json:"case_state,omitempty"` // of the latest
}

// plantsView lists generators, the most suspicious first.
func plantsView(c *call) (any, error) {
	return c.kind(func(f Finding) bool { return f.Meter.Kind == flatwatt.Generator })
}

// datacentresView lists what declares to be a data centre and what was judged as a hall:
// miners like to hide there, so what is not clear is for inspection on site.
func datacentresView(c *call) (any, error) {
	return c.kind(func(f Finding) bool {
		return f.Hall != nil || f.Meter.Class == "datacentre" || f.Meter.Class == "data_centre" || f.Meter.Class == "data_center"
	})
}

// maxKinds bounds such a list.
const maxKinds = 1000

func (c *call) kind(is func(Finding) bool) (any, error) {
	p := kindPage{Rows: []kindRow{}}
	cases, err := c.cases.cases.List(c.ctx)
	if err != nil {
		return nil, err
	}
	words := c.words()
	for _, f := range c.Board.Findings() {
		if !is(f) || !c.who.Sees(f.Area) || len(p.Rows) == maxKinds {
			continue
		}
		ft := f.Score.Features
		row := kindRow{meterRow: newMeterRow(words(f)), MeanKW: number(ft.MeanKW), FloorKW: number(ft.FloorKW), LoadFactor: number(ft.LoadFactor), Cases: []string{}}
		if f.Meter.Contracted > 0 {
			kw := float64(f.Meter.Contracted)
			row.Contracted = &kw
		}
		for _, v := range cases {
			if v.Value.Meter == string(f.Meter.ID) {
				row.Cases, row.CaseState = append(row.Cases, v.ID), string(v.Value.State)
			}
		}
		p.Rows, p.Halls = append(p.Rows, row), p.Halls || f.Hall != nil
	}
	return p, nil
}
