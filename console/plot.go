package console

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/flatwatt/flatwatt"
)

// A plotSize is the drawing area of a plot in pixels.
type plotSize struct{ width, height int }

var (
	fullPlot = plotSize{1080, 340}
)

const (
	marginLeft, marginRight, marginTop, marginBottom = 46, 10, 14, 22

	// minTrail is where the top of the load axis lies above its highest value.
	minTrail = 1.05

	gridLines = 5 // at most, across the load axis
)

// A canvas maps time and power to pixels.
type canvas struct {
	strings.Builder
	size     plotSize
	from, to time.Time
	top      float64 // kW at the upper edge
	bottom   float64 // kW at the lower edge; 0 unless energy was exported
}

func (c *canvas) x(t time.Time) float64 {
	if t.Before(c.from) {
		t = c.from
	}
	if t.After(c.to) {
		t = c.to
	}
	w := float64(c.size.width - marginLeft - marginRight)
	return marginLeft + w*t.Sub(c.from).Seconds()/c.to.Sub(c.from).Seconds()
}

func (c *canvas) y(kw float64) float64 {
	h := float64(c.size.height - marginTop - marginBottom)
	return marginTop + h*(c.top-kw)/(c.top-c.bottom)
}

func (c *canvas) printf(format string, args ...any) { fmt.Fprintf(c, format, args...) }

// plotWords are the texts in a plot, in the language of its reader.
type plotWords struct{ label, kw, onset string }

func (c *call) plotWords(f Finding) plotWords {
	w := plotWords{label: c.t("plot.label", f.Meter.ID), kw: c.t("unit.kw"), onset: c.t("plot.onset")}
	if b := f.Score.Block; !math.IsNaN(b.Value) {
		w.label = c.t("plot.label_block", f.Meter.ID, b.Value)
	}
	return w
}

// plotSVG draws a load with the suspected block under it and the onset's interval as a
// band. Nothing in it comes from outside but numbers and the meter's name, which is escaped.
func plotSVG(load Load, f Finding, size plotSize, words plotWords) template.HTML {
	if len(load.KW) < 2 || load.Step <= 0 {
		return ""
	}
	c := &canvas{size: size, from: load.Start, to: load.Start.Add(time.Duration(len(load.KW)) * load.Step)}
	c.scale(load.KW)
	c.printf(`<svg class="plot" viewBox="0 0 %d %d" role="img" aria-label="%s">`, size.width, size.height, template.HTMLEscapeString(words.label))
	c.grid(f.Meter.Zone, words.kw)
	c.block(f.Score)
	c.load(load)
	c.floor(load, f.Meter.Zone)
	c.onset(f.Score, words.onset)
	c.WriteString(`</svg>`)
	return template.HTML(c.String())
}

func (c *canvas) scale(kw []float32) {
	high, low := 0.0, 0.0
	for _, v := range kw {
		if v == v {
			high, low = max(high, float64(v)), min(low, float64(v))
		}
	}
	c.top, c.bottom = max(high, 0.1)*minTrail, low*minTrail
}

// grid draws kW lines and the first of each month (or each Monday for short spans).
func (c *canvas) grid(zone *time.Location, unit string) {
	step := niceStep((c.top - c.bottom) / gridLines)
	for v := math.Ceil(c.bottom/step) * step; v <= c.top; v += step {
		y := c.y(v)
		c.printf(`<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/>`, marginLeft, c.size.width-marginRight, y, y)
		c.printf(`<text class="tick" x="%d" y="%.1f" text-anchor="end">%s</text>`, marginLeft-6, y+4, trim(v))
	}
	c.printf(`<text class="tick" x="%d" y="10" text-anchor="end">%s</text>`, marginLeft-6, template.HTMLEscapeString(unit))
	if zone == nil {
		zone = time.UTC
	}
	weekly := c.to.Sub(c.from) < 100*24*time.Hour
	last := math.Inf(-1)
	for d := flatwatt.DayOf(c.from, zone) + 1; d.Start(zone).Before(c.to); d++ {
		t := d.Start(zone).In(zone)
		if weekly && t.Weekday() != time.Monday || !weekly && t.Day() != 1 {
			continue
		}
		x := c.x(t)
		c.printf(`<line class="grid" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/>`, x, x, marginTop, c.size.height-marginBottom)
		if x-last > 74 && x < float64(c.size.width-70) {
			c.printf(`<text class="tick" x="%.1f" y="%d">%s</text>`, x+3, c.size.height-6, t.Format("2006-01-02"))
			last = x
		}
	}
}

// block fills what the suspected block takes of the load, from its onset to its end.
func (c *canvas) block(s flatwatt.Score) {
	if math.IsNaN(s.Block.Value) || s.Block.Value <= 0 {
		return
	}
	from, to := c.from, c.to
	if !s.Onset.At.IsZero() {
		from = s.Onset.At
	}
	if !s.Ended.IsZero() {
		to = s.Ended
	}
	x0, x1 := c.x(from), c.x(to)
	y0, y1 := c.y(min(s.Block.Value, c.top)), c.y(0)
	c.printf(`<rect class="block" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>`, x0, y0, max(x1-x0, 1), y1-y0)
	lo, hi := c.y(min(s.Block.Low, c.top)), c.y(min(s.Block.High, c.top))
	if !math.IsNaN(lo) && !math.IsNaN(hi) {
		c.printf(`<rect class="range" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>`, x0, hi, max(x1-x0, 1), max(lo-hi, 1))
	}
}

// load draws the lowest and highest value of each pixel column, so that no dip is lost.
func (c *canvas) load(load Load) {
	buckets := c.size.width - marginLeft - marginRight
	per := max(1, (len(load.KW)+buckets-1)/buckets)
	c.WriteString(`<path class="load" d="`)
	pen := "M"
	for i := 0; i < len(load.KW); i += per {
		lo, hi, ok := bounds(load.KW[i:min(i+per, len(load.KW))])
		if !ok {
			pen = "M"
			continue
		}
		x := c.x(load.Start.Add(time.Duration(i) * load.Step))
		c.printf("%s%.1f %.1fL%.1f %.1f", pen, x, c.y(hi), x, c.y(lo))
		pen = "L"
	}
	c.WriteString(`"/>`)
}

// floor draws the daily floor, the 5 % quantile of each local day.
func (c *canvas) floor(load Load, zone *time.Location) {
	c.WriteString(`<path class="floor" d="`)
	pen, next := "M", flatwatt.Day(0)
	for _, d := range days(load, zone) {
		if d.day != next {
			pen = "M"
		}
		next = d.day + 1
		y := c.y(d.FloorKW)
		c.printf("%s%.1f %.1fL%.1f %.1f", pen, c.x(d.from), y, c.x(d.to), y)
		pen = "L"
	}
	c.WriteString(`"/>`)
}

func (c *canvas) onset(s flatwatt.Score, word string) {
	if s.Onset.At.IsZero() {
		return
	}
	y, h := marginTop, c.size.height-marginTop-marginBottom
	x0, x1, x := c.x(s.Onset.Low), c.x(s.Onset.High), c.x(s.Onset.At)
	c.printf(`<rect class="band" x="%.1f" y="%d" width="%.1f" height="%d"/>`, x0, y, max(x1-x0, 1), h)
	c.printf(`<line class="onset" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/>`, x, x, y, y+h)
	anchor, dx := "start", 4.0
	if x > float64(c.size.width)*0.8 {
		anchor, dx = "end", -4
	}
	c.printf(`<text class="mark" x="%.1f" y="%d" text-anchor="%s">%s</text>`, x+dx, marginTop+9, anchor, template.HTMLEscapeString(word))
}

// A dayRow is one local day of a load: the table beside the picture.
type dayRow struct {
	Date             string
	FloorKW, MeanKW  float64
	MaxKW, EnergyKWh float64
	Missing          int // steps
	day              flatwatt.Day
	from, to         time.Time
}

// days reduces a load by local day; days without a value are left out.
func days(load Load, zone *time.Location) []dayRow {
	if zone == nil {
		zone = time.UTC
	}
	var rows []dayRow
	for i := 0; i < len(load.KW); {
		t := load.Start.Add(time.Duration(i) * load.Step)
		d := flatwatt.DayOf(t, zone)
		end := (d + 1).Start(zone)
		n := max(1, int((end.Sub(t)+load.Step-1)/load.Step))
		j := min(i+n, len(load.KW))
		if row, ok := dayOf(load.KW[i:j], load.Step); ok {
			row.Date, row.day, row.from, row.to = d.String(), d, t, load.Start.Add(time.Duration(j)*load.Step)
			rows = append(rows, row)
		}
		i = j
	}
	return rows
}

func dayOf(kw []float32, step time.Duration) (row dayRow, ok bool) {
	var known []float32
	sum := 0.0
	for _, v := range kw {
		if v == v {
			known = append(known, v)
			sum += float64(v)
		}
	}
	if len(known) == 0 {
		return row, false
	}
	slices.Sort(known)
	return dayRow{
		FloorKW: float64(known[len(known)/20]), MaxKW: float64(known[len(known)-1]),
		MeanKW: sum / float64(len(known)), EnergyKWh: sum * step.Hours(), Missing: len(kw) - len(known),
	}, true
}

func bounds(kw []float32) (lo, hi float64, ok bool) {
	lo, hi = math.Inf(1), math.Inf(-1)
	for _, v := range kw {
		if v == v {
			lo, hi, ok = min(lo, float64(v)), max(hi, float64(v)), true
		}
	}
	return lo, hi, ok
}

// niceStep is the smallest of 1, 2, 5 × 10ⁿ that is at least x.
func niceStep(x float64) float64 {
	p := math.Pow(10, math.Floor(math.Log10(x)))
	for _, m := range []float64{1, 2, 5} {
		if m*p >= x {
			return m * p
		}
	}
	return 10 * p
}

func trim(v float64) string {
	s := fmt.Sprintf("%.2f", v)
	s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	if s == "-0" {
		return "0"
	}
	return s
}
