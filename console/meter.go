package console

import (
	"cmp"
	"fmt"
	"html/template"
	"math"
	"slices"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/casework"
)

// meterPage is all that is known of one meter.
type meterPage struct {
	meterRow
	Of          int           `json:"of"` // meters that are ranked
	Tariff      string        `json:"tariff,omitempty"`
	Contracted  float64       `json:"contracted_kw,omitempty"`
	Zone        string        `json:"zone"`
	EnergyRange *estimateJSON `json:"energy_range_kwh"`
	Model       string        `json:"model"`
	Detector    string        `json:"detector"`
	For         []whyJSON     `json:"evidence_for"`
	Against     []whyJSON     `json:"evidence_against"`
	Sum         float64       `json:"-"` // of all contributions
	Farm        []whyJSON     `json:"-"` // evidence for a mining farm; what speaks against is in FarmNot
	FarmNot     []whyJSON     `json:"-"`
	Quality     dataJSON      `json:"data_quality"`
	Peers       peersJSON     `json:"peers"`
	History     []pastJSON    `json:"history"`
	Cases       []caseRow     `json:"cases"`
	Alarms      []alarmRow    `json:"alarms"`
	Others      []outsideJSON `json:"outside_evidence"`
	Days        []dayRow      `json:"-"`
	Profile     profile       `json:"-"`
	Plot        template.HTML `json:"-"`
	ProfilePlot template.HTML `json:"-"`
	HistoryPlot template.HTML `json:"-"`
	TruthText   string        `json:"-"`
}

// whyJSON is one piece of evidence.
type whyJSON struct {
	Term    string   `json:"term"`
	LogOdds float64  `json:"log_odds"`
	Odds    float64  `json:"odds_factor"` // by which it multiplies the odds
	Value   *float64 `json:"value"`
	Text    string   `json:"text"`
	Width   int      `json:"-"` // of its bar, from 0 to 100
}

// dataJSON says how good the readings of a meter are.
type dataJSON struct {
	From        *time.Time `json:"from"`
	To          *time.Time `json:"to"`
	StepMinutes float64    `json:"step_minutes"`
	Expected    int        `json:"expected"`
	Missing     int        `json:"missing"`
	LongestGapH float64    `json:"longest_gap_hours"`
	ValidShare  *float64   `json:"valid_share"` // of the last 14 days
}

// outsideJSON is evidence that is in no reading: a tip-off, an earlier inspection.
type outsideJSON struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
	Text string `json:"text"`
	At   string `json:"at"`
	Path string `json:"path"`
}

// find is the finding of a meter that the person may see.
func (c *call) find(id string) (Finding, error) {
	f, ok := c.Board.Finding(flatwatt.MeterID(id))
	if !ok || !c.who.Sees(f.Area) {
		return f, fmt.Errorf("meter %s: %w", id, casework.ErrNotFound)
	}
	return c.words()(f), nil
}

// mayName refuses meters that are not the person's to see, or that nobody knows: the books
// know the area of a record, not that of the meters that it names. Whoever sees all areas
// may name a meter before it is in the register.
func (c *call) mayName(meters ...string) error {
	if len(c.who.Areas) == 0 {
		return nil
	}
	for _, id := range meters {
		if _, err := c.find(id); err != nil {
			return err
		}
	}
	return nil
}

func meterView(c *call) (any, error) {
	f, err := c.find(c.path("id"))
	if err != nil {
		return nil, err
	}
	return c.meterPage(f)
}

func (c *call) meterPage(f Finding) (p meterPage, err error) {
	s := f.Score
	p = meterPage{
		meterRow: newMeterRow(f), Tariff: f.Meter.Tariff, Contracted: float64(f.Meter.Contracted), Zone: zoneName(f.Meter.Zone),
		Model: s.Model, Detector: s.Detector, EnergyRange: estimate(s.Energy), History: []pastJSON{},
	}
	all := c.Board.Findings()
	for _, o := range all {
		p.Of += btoi(o.Rank > 0)
	}
	p.For, p.Against, p.Sum = weigh(s.Evidence, f.Reasons)
	if f.Hall != nil {
		p.Farm, p.FarmNot, _ = weigh(f.Hall.Score.Evidence, f.Hall.Reasons)
	}
	if load, ok := c.Board.Load(f.Meter.ID); ok {
		p.Quality = qualityOf(load)
		p.Days = days(load, f.Meter.Zone)
		p.Plot = plotSVG(load, f, fullPlot, c.plotWords(f))
		p.Profile = profileOf(load, f)
		p.ProfilePlot = p.Profile.svg(c.t("meter.profile"), c.t("unit.kw"))
	}
	p.Quality.ValidShare = number(s.Features.ValidShare)
	p.Peers = peersOf(f, all)
	if err := c.addHistory(&p, f); err != nil {
		return p, err
	}
	if f.Truth != nil {
		p.TruthText = c.truthText(f)
	}
	return p, c.addCasework(&p)
}

// weigh sorts evidence into what speaks for a miner and what against, the strongest first.
func weigh(evidence []flatwatt.Evidence, reasons []string) (pro, con []whyJSON, sum float64) {
	pro, con = []whyJSON{}, []whyJSON{}
	strongest := 0.0
	for i, e := range evidence {
		if number(e.LogOdds) == nil || i >= len(reasons) {
			continue
		}
		sum += e.LogOdds
		strongest = max(strongest, math.Abs(e.LogOdds))
		w := whyJSON{Term: e.Term, LogOdds: e.LogOdds, Odds: math.Exp(e.LogOdds), Value: number(e.Value), Text: reasons[i]}
		if e.LogOdds > 0 {
			pro = append(pro, w)
		} else {
			con = append(con, w)
		}
	}
	for _, list := range [][]whyJSON{pro, con} {
		slices.SortStableFunc(list, func(a, b whyJSON) int { return cmp.Compare(math.Abs(b.LogOdds), math.Abs(a.LogOdds)) })
		for i := range list {
			list[i].Width = int(math.Round(100 * math.Abs(list[i].LogOdds) / max(strongest, 1e-9)))
		}
	}
	return pro, con, sum
}

func qualityOf(load Load) dataJSON {
	from, to := load.Start, load.End()
	q := dataJSON{From: &from, To: &to, StepMinutes: load.Step.Minutes(), Expected: len(load.KW)}
	gap, longest := 0, 0
	for _, v := range load.KW {
		if v == v {
			gap = 0
			continue
		}
		q.Missing++
		gap++
		longest = max(longest, gap)
	}
	q.LongestGapH = float64(longest) * load.Step.Hours()
	return q
}

// addCasework adds the cases and alarms of the meter.
func (c *call) addCasework(p *meterPage) (err error) {
	if p.Cases, err = c.casesOf(p.Meter); err != nil {
		return err
	}
	if p.Alarms, err = c.alarmsOf(p.Meter); err != nil {
		return err
	}
	p.Others, err = c.outsideOf(p.Meter)
	return err
}

func zoneName(zone *time.Location) string {
	if zone == nil {
		return "UTC"
	}
	return zone.String()
}

func estimate(e flatwatt.Estimate) *estimateJSON {
	if number(e.Value) == nil || number(e.Low) == nil || number(e.High) == nil {
		return nil
	}
	return &estimateJSON{e.Value, e.Low, e.High}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
