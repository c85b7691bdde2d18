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
	ROC         []Point // false positive rate, recall
	PR          []Point // recall, precision
	Base        float64 // share of miners
	Reliability []Bin
	DelaysDays  []float64 // of miners with an onset, sorted; +Inf for those never found
	Blocks      []Point   // true kW, estimated kW of miners with an estimate
	BudgetText  string
}

// A Point is one point of a curve.
type Point struct{ X, Y float64 }

// PlotNames are the names that Draw knows, in the order of a report.
func PlotNames() []string { return []string{"roc", "pr", "reliability", "delay", "block"} }

func (m *measurer) curves(threshold Figure) Curves {
	all := m.ranked(wholeSample(len(m.fleet.cases)), everyCase)
	out := Curves{Method: m.fleet.name, ROC: []Point{{0, 0}},
		BudgetText: fmt.Sprintf("%g false alarms per 1,000 meter-months", m.opt.FalseAlarms)}
	s := steps(all)
	total := last(s)
	out.Base = float64(total.miners) / float64(total.miners+total.other)
	for _, at := range s {
		recall := float64(at.miners) / float64(total.miners)
		out.ROC = append(out.ROC, Point{float64(at.other) / float64(total.other), recall})
		out.PR = append(out.PR, Point{recall, float64(at.miners) / float64(at.miners+at.other)})
	}
	out.Reliability = Reliability(m.ranked(wholeSample(len(m.fleet.cases)), known), m.opt.Bins)
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

func (c *Curves) drawROC(p *plot.Plot) error {
	p.Title.Text = "Receiver operating characteristic: " + c.Method
	p.X.Label.Text, p.Y.Label.Text = "false positive rate (honest meters flagged)", "recall (miners flagged)"
	unitSquare(p)
	if err := addLine(p, "chance", []Point{{0, 0}, {1, 1}}, grey, true); err != nil {
		return err
	}
	return addLine(p, c.Method, c.ROC, blue, false)
}

func (c *Curves) drawPR(p *plot.Plot) error {
	p.Title.Text = "Precision and recall: " + c.Method
	p.X.Label.Text, p.Y.Label.Text = "recall (miners flagged)", "precision (miners among flagged)"
	unitSquare(p)
	p.Legend.Left = true
	p.Legend.Top = false
	base := []Point{{0, c.Base}, {1, c.Base}}
	if err := addLine(p, fmt.Sprintf("chance (%.1f %% of meters are miners)", 100*c.Base), base, grey, true); err != nil {
		return err
	}
	return addLine(p, c.Method, stairs(c.PR), blue, false)
}

// stairs draws what average precision adds up: each precision holds for its own recall.
func stairs(pr []Point) []Point {
	var out []Point
	x := 0.0
	for _, q := range pr {
		out = append(out, Point{x, q.Y}, q)
		x = q.X
	}
	return out
}

func (c *Curves) drawReliability(p *plot.Plot) error {
	p.Title.Text = "Reliability: " + c.Method
	p.X.Label.Text, p.Y.Label.Text = "mean probability of the group", "share of miners in the group"
	unitSquare(p)
	p.Legend.Left = true
	if err := addLine(p, "perfect", []Point{{0, 0}, {1, 1}}, grey, true); err != nil {
		return err
	}
	points := make([]Point, len(c.Reliability))
	for i, b := range c.Reliability {
		points[i] = Point{b.Mean, b.Observed}
	}
	return addDots(p, fmt.Sprintf("%d groups of equal size", len(points)), points, blue)
}

func (c *Curves) drawDelay(p *plot.Plot) error {
	p.Title.Text = "Days to detect: " + c.Method
	p.X.Label.Text, p.Y.Label.Text = "days from onset to alarm", "share of miners with an onset"
	unitSquare(p)
	p.Legend.Top = false
	points := []Point{{0, 0}}
	for i, d := range c.DelaysDays {
		if math.IsInf(d, 1) {
			break
		}
		points = append(points, Point{d, points[len(points)-1].Y}, Point{d, float64(i+1) / float64(len(c.DelaysDays))})
	}
	end := points[len(points)-1]
	p.X.Max = math.Max(7, math.Ceil(end.X*1.1))
	points = append(points, Point{p.X.Max, end.Y})
	return addLine(p, c.BudgetText, points, blue, false)
}

func (c *Curves) drawBlock(p *plot.Plot) error {
	p.Title.Text = "Size of the block: " + c.Method
	p.X.Label.Text, p.Y.Label.Text = "true mean power (kW)", "estimated mean power (kW)"
	p.X.Scale, p.Y.Scale = plot.LogScale{}, plot.LogScale{}
	p.X.Tick.Marker, p.Y.Tick.Marker = logTicks{}, logTicks{}
	low, high := 1.0, 10.0
	for _, q := range c.Blocks {
		low, high = min(low, q.X, q.Y), max(high, q.X, q.Y)
	}
	// Room beyond the outermost dots; estimates thousands of times off stay visible.
	low, high = low/1.3, high*1.3
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = low, high, low, high
	p.Legend.Left, p.Legend.Top = true, true
	if err := addLine(p, "exact", []Point{{low, low}, {high, high}}, grey, true); err != nil {
		return err
	}
	return addDots(p, fmt.Sprintf("%d miners with an estimate", len(c.Blocks)), c.Blocks, orange)
}

// logTicks marks 1, 2 and 5 of every decade, which is what a person reads off.
type logTicks struct{}

// Ticks are those between low and high, both above 0.
func (logTicks) Ticks(low, high float64) []plot.Tick {
	var out []plot.Tick
	for d := math.Floor(math.Log10(low)); d <= math.Ceil(math.Log10(high)); d++ {
		for _, k := range []float64{1, 2, 5} {
			if v := k * math.Pow(10, d); v >= low && v <= high {
				out = append(out, plot.Tick{Value: v, Label: fmt.Sprintf("%.4g", v)})
			}
		}
	}
	return out
}

func unitSquare(p *plot.Plot) {
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, 1, 0, 1.02
	p.Legend.Top = false
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
