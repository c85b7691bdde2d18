package console

import (
	"html/template"
	"math"
)

// profileRow is one hour of the day in the table beside the drawing.
type profileRow struct {
	Hour int
	Days [7]struct{ Before, After *float64 } // from Monday
}

// Rows are the profile as a table.
func (p profile) Rows() (rows [24]profileRow) {
	for h := range rows {
		rows[h].Hour = h
		for d := range 7 {
			rows[h].Days[d].Before, rows[h].Days[d].After = number(p.Before[d*24+h]), number(p.After[d*24+h])
		}
	}
	return rows
}

// svg draws the medians of the hours of the week before the block and with it.
func (p profile) svg(label, unit string) template.HTML {
	const width, height = 1080, 230
	c := &canvas{size: plotSize{width, height}}
	top := .1
	for h := range hoursOfWeek {
		for _, v := range []float64{p.High[h], p.After[h]} {
			if !math.IsNaN(v) {
				top = max(top, v*minTrail)
			}
		}
	}
	c.top = top
	x := func(h int) float64 {
		return marginLeft + float64(width-marginLeft-marginRight)*float64(h)/hoursOfWeek
	}
	c.printf(`<svg class="plot" viewBox="0 0 %d %d" role="img" aria-label="%s">`, width, height, template.HTMLEscapeString(label))
	step := niceStep(top / gridLines)
	for v := 0.0; v <= top; v += step {
		c.printf(`<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/><text class="tick" x="%d" y="%.1f" text-anchor="end">%s</text>`,
			marginLeft, width-marginRight, c.y(v), c.y(v), marginLeft-6, c.y(v)+4, trim(v))
	}
	c.printf(`<text class="tick" x="%d" y="10" text-anchor="end">%s</text>`, marginLeft-6, template.HTMLEscapeString(unit))
	for d := range 7 {
		c.printf(`<line class="grid" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/>`, x(d*24), x(d*24), marginTop, height-marginBottom)
	}
	c.area(p.Low[:], p.High[:], x)
	c.hours("before", p.Before[:], x)
	if p.HasBlock {
		c.hours("after", p.After[:], x)
	}
	c.WriteString(`</svg>`)
	return template.HTML(c.String())
}

func (c *canvas) hours(class string, kw []float64, x func(int) float64) {
	c.printf(`<path class="%s" d="`, class)
	pen := "M"
	for h, v := range kw {
		if math.IsNaN(v) {
			pen = "M"
			continue
		}
		c.printf("%s%.1f %.1fH%.1f", pen, x(h), c.y(v), x(h+1))
		pen = "L"
	}
	c.WriteString(`"/>`)
}

// area fills between the lower and the upper bound, hour by hour.
func (c *canvas) area(low, high []float64, x func(int) float64) {
	c.WriteString(`<path class="normal" d="`)
	for h := range low {
		if math.IsNaN(low[h]) || math.IsNaN(high[h]) {
			continue
		}
		c.printf("M%.1f %.1fH%.1fV%.1fH%.1fZ", x(h), c.y(high[h]), x(h+1), c.y(low[h]), x(h))
	}
	c.WriteString(`"/>`)
}
