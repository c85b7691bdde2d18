package evaluate

import (
	"fmt"
	"image/color"
	"io"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Curves is what an Evaluation's plots are drawn from.
type Curves struct {
	Method      string
	ROC         []Point   // false positive rate, recall
	PR          []Point   // recall, precision
	Base        float64   // share of miners
	Reliability []Bin     // of equal width, 0.1 of probability, without empty ones
	DelaysDays  []float64 // of miners with an onset, sorted; +Inf for those never found
	Blocks      []Point   // true kW, estimated kW of miners with an estimate
	FalseAlarms float64   // budget, false-alarm episodes per 1,000 meter-months
}

// A Point is one point of a curve.
type Point struct{ X, Y float64 }

// PlotNames are the names that Draw knows, in the order of a report.
func PlotNames() []string { return []string{"roc", "pr", "reliability", "delay", "block"} }

func (m *measurer) curves(threshold Figure) Curves {
	all := m.ranked(wholeSample(len(m.fleet.cases)), everyCase)
	out := Curves{Method: m.fleet.name, ROC: []Point{{0, 0}},
		FalseAlarms: m.opt.FalseAlarms}
	s := steps(all)
	total := last(s)
	out.Base = float64(total.miners) / float64(total.miners+total.other)
	for _, at := range s {
		recall := float64(at.miners) / float64(total.miners)
		out.ROC = append(out.ROC, Point{float64(at.other) / float64(total.other), recall})
		out.PR = append(out.PR, Point{recall, float64(at.miners) / float64(at.miners+at.other)})
	}
	out.Reliability = equalWidth(m.ranked(wholeSample(len(m.fleet.cases)), known))
	for _, c := range m.fleet.cases {
		if d, ok := c.delayDays(float64(threshold.Value), m.opt.QuietDays); ok && !math.IsNaN(float64(threshold.Value)) {
			out.DelaysDays = append(out.DelaysDays, d)
		}
		if _, ok := c.kwError(); ok && c.finding.Block.Value > 0 {
			out.Blocks = append(out.Blocks, Point{float64(c.truth.Block), c.finding.Block.Value})
		}
	}
	slices.Sort(out.DelaysDays)
	return out
}

// Draw writes the plot called name in format "png" or "svg" to w. Where there is
// nothing to draw, the plot says so.
func (c *Curves) Draw(w io.Writer, name, format string) error {
	p := plot.New()
	p.Title.TextStyle.Font.Size = 14
	p.Title.Padding = 8
	p.X.Label.TextStyle.Font.Size, p.Y.Label.TextStyle.Font.Size = 12, 12
	p.X.Tick.Label.Font.Size, p.Y.Tick.Label.Font.Size = 11, 11
	p.Legend.TextStyle.Font.Size = 11
	p.Legend.Padding = 4
	p.Legend.XOffs, p.Legend.YOffs = -12, 12 // clear of the axes
	grid := plotter.NewGrid()
	grid.Horizontal.Color, grid.Vertical.Color = pale, pale
	p.Add(grid)
	var err error
	switch name {
	case "roc":
		err = c.drawROC(p)
	case "pr":
		err = c.drawPR(p)
	case "reliability":
		err = c.drawReliability(p)
	case "delay":
		err = c.drawDelay(p)
	case "block":
		err = c.drawBlock(p)
	default:
		return fmt.Errorf("plot %q: want one of %q", name, PlotNames())
	}
	if err != nil {
		return fmt.Errorf("draw %s: %w", name, err)
	}
	out, err := p.WriterTo(16*vg.Centimeter, 12*vg.Centimeter, format)
	if err != nil {
		return fmt.Errorf("draw %s as %q: %w", name, format, err)
	}
	_, err = out.WriteTo(w)
	return err
}

// Colours that people who cannot tell red from green can tell apart (Okabe and Ito).
var (
	blue   = color.NRGBA{0, 114, 178, 255}
	orange = color.NRGBA{213, 94, 0, 255}
	grey   = color.NRGBA{120, 120, 120, 255}
	pale   = color.NRGBA{225, 225, 225, 255}
)

// logTicks marks 1, 2 and 5 of every decade on an axis that holds decimal logarithms.
// plot.LogScale would do, but reserves the room of the axis label at the wrong place
// (gonum/plot 0.17), which shrinks the plot.
type logTicks struct{ times float64 } // 100 for shares shown as percentages

// Ticks are those between the logarithms low and high.
func (t logTicks) Ticks(low, high float64) []plot.Tick {
	var out []plot.Tick
	for d := math.Floor(low); d <= math.Ceil(high); d++ {
		for _, k := range []float64{1, 2, 5} {
			if v := d + math.Log10(k); v > low-1e-9 && v < high+1e-9 { // the ends, rounded
				out = append(out, plot.Tick{Value: v, Label: fmt.Sprintf("%.4g", t.times*k*math.Pow(10, d))})
			}
		}
	}
	return out
}

func unitSquare(p *plot.Plot) {
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, 1, 0, 1.02
	p.X.Tick.Marker, p.Y.Tick.Marker = percentTicks{}, percentTicks{}
}

// percentTicks marks every 20 % of a share.
type percentTicks struct{}

// Ticks are those between low and high.
func (percentTicks) Ticks(low, high float64) []plot.Tick {
	var out []plot.Tick
	for pct := 0; pct <= 100; pct += 20 {
		if v := float64(pct) / 100; v >= low && v <= high {
			out = append(out, plot.Tick{Value: v, Label: fmt.Sprint(pct)})
		}
	}
	return out
}

func addLine(p *plot.Plot, name string, points []Point, c color.Color, dashed bool) error {
	l, err := plotter.NewLine(xys(points))
	if err != nil {
		return err
	}
	l.Color, l.Width = c, 2
	if dashed {
		l.Width, l.Dashes = 1, []vg.Length{4, 3}
	}
	p.Add(l)
	p.Legend.Add(name, l)
	return nil
}

func addDots(p *plot.Plot, name string, points []Point, c color.Color) error {
	if len(points) == 0 {
		p.Legend.Add(name + ": nothing to draw")
		return nil
	}
	s, err := plotter.NewScatter(xys(points))
	if err != nil {
		return err
	}
	s.Color, s.Shape, s.Radius = c, draw.CircleGlyph{}, 3
	p.Add(s)
	p.Legend.Add(name, s)
	return nil
}

// xys drops points that cannot be drawn, as where there are no miners at all.
func xys(points []Point) plotter.XYs {
	out := plotter.XYs{}
	for _, q := range points {
		if !math.IsNaN(q.X) && !math.IsNaN(q.Y) {
			out = append(out, plotter.XY{X: q.X, Y: q.Y})
		}
	}
	if len(out) == 0 {
		out = plotter.XYs{{X: 0, Y: 0}}
	}
	return out
}
