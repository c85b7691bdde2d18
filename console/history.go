package console

import (
	"fmt"
	"html/template"
	"slices"

	"github.com/flatwatt/flatwatt"
)

// pastJSON is one past score of a meter.
type pastJSON struct {
	Day      string        `json:"day"`
	Detector string        `json:"detector"`
	Model    string        `json:"model"`
	State    string        `json:"state"`
	Prob     *float64      `json:"probability"`
	LogOdds  *float64      `json:"log_odds"`
	Block    *estimateJSON `json:"block_kw"`
}

// addHistory adds past scores, the latest first, and a drawing of their probability.
func (c *call) addHistory(p *meterPage, f Finding) error {
	if c.History == nil {
		return nil
	}
	past, err := c.History(c.ctx, f.Meter.ID)
	if err != nil {
		return fmt.Errorf("history of %s: %w", f.Meter.ID, err)
	}
	slices.SortStableFunc(past, func(a, b flatwatt.Score) int { return int(b.Day) - int(a.Day) })
	for _, s := range past {
		p.History = append(p.History, pastJSON{s.Day.String(), s.Detector, s.Model, string(s.State), number(s.Probability), number(s.LogOdds), estimate(s.Block)})
	}
	p.HistoryPlot = historySVG(past, c.t("meter.history_plot"))
	return nil
}

// historySVG draws the probability by day from 0 to 1, each model in a line of its own.
func historySVG(past []flatwatt.Score, label string) template.HTML {
	if len(past) < 2 {
		return ""
	}
	const width, height, left, bottom, top = 1080, 140, 40, 18, 8
	first, last := past[len(past)-1].Day, past[0].Day
	x := func(d flatwatt.Day) float64 {
		return left + (width-left-6)*float64(d-first)/float64(max(1, last-first))
	}
	y := func(p float64) float64 { return top + (height-top-bottom)*(1-p) }
	c := &canvas{size: plotSize{width, height}}
	c.printf(`<svg class="plot small" viewBox="0 0 %d %d" role="img" aria-label="%s">`, width, height, template.HTMLEscapeString(label))
	for _, p := range []float64{0, .5, 1} {
		c.printf(`<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/><text class="tick" x="%d" y="%.1f" text-anchor="end">%g</text>`, left, width-6, y(p), y(p), left-6, y(p)+4, p)
	}
	c.printf(`<text class="tick" x="%d" y="%d">%s</text><text class="tick" x="%d" y="%d" text-anchor="end">%s</text>`, left, height-4, first, width-6, height-4, last)
	lines := map[string][]flatwatt.Score{}
	var names []string
	for _, s := range slices.Backward(past) {
		if number(s.Probability) == nil {
			continue
		}
		key := s.Detector + " " + s.Model
		if lines[key] == nil {
			names = append(names, key)
		}
		lines[key] = append(lines[key], s)
	}
	for i, name := range names {
		c.printf(`<path class="history line%d" d="`, i%4)
		pen := "M"
		for _, s := range lines[name] {
			c.printf("%s%.1f %.1f", pen, x(s.Day), y(s.Probability))
			pen = "L"
		}
		c.printf(`"><title>%s</title></path>`, template.HTMLEscapeString(name))
	}
	c.WriteString(`</svg>`)
	return template.HTML(c.String())
}
