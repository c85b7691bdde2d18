package evaluate

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
)

// drawROC has the false positive rate on a logarithmic axis: nobody can visit even one
// honest customer in a hundred, and on a linear axis that part is a vertical line.
func (c *Curves) drawROC(p *plot.Plot) error {
	p.Title.Text = "Receiver operating characteristic: " + c.Method
	p.X.Label.Text, p.Y.Label.Text = "false positive rate (% of honest meters flagged)", "recall (% of miners flagged)"
	unitSquare(p)
	const least = 1e-4
	p.X.Min, p.X.Max, p.X.Tick.Marker = math.Log10(least), 0, logTicks{100}
	var chance, curve []Point
	for x := p.X.Min; x < 0; x += 0.02 {
		chance = append(chance, Point{x, math.Pow(10, x)})
	}
	for i, q := range c.ROC {
		x := math.Log10(max(q.X, least))
		if i > 0 { // a staircase: a threshold between two steps has the lower recall
			curve = append(curve, Point{x, c.ROC[i-1].Y})
		}
		curve = append(curve, Point{x, q.Y})
	}
	p.Legend.Left, p.Legend.Top = true, true
	p.Legend.XOffs, p.Legend.YOffs = 12, -12
	if err := addLine(p, "chance", append(chance, Point{0, 1}), grey, true); err != nil {
		return err
	}
	return addLine(p, c.Method, curve, blue, false)
}

func (c *Curves) drawPR(p *plot.Plot) error {
	p.Title.Text = "Precision and recall: " + c.Method
	p.X.Label.Text, p.Y.Label.Text = "recall (% of miners flagged)", "precision (% miners among flagged)"
	unitSquare(p)
	p.Legend.Left = true
	p.Legend.XOffs, p.Legend.YOffs = 12, 20
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
		if q.X == x {
			continue // only honest meters: they tell on the next miner's precision
		}
		out = append(out, Point{x, q.Y}, q)
		x = q.X
	}
	return out
}

func (c *Curves) drawReliability(p *plot.Plot) error {
	p.Title.Text = "Reliability: " + c.Method
	p.X.Label.Text, p.Y.Label.Text = "probability given (%)", "miners among such meters (%)"
	unitSquare(p)
	if err := addLine(p, "perfect", []Point{{0, 0}, {1, 1}}, grey, true); err != nil {
		return err
	}
	points := make([]Point, len(c.Reliability))
	for i, b := range c.Reliability {
		points[i] = Point{b.Mean, b.Observed}
		low, high := wilson(b.Observed, b.Count)
		l, err := plotter.NewLine(xys([]Point{{b.Mean, low}, {b.Mean, high}}))
		if err != nil {
			return err
		}
		l.Color, l.Width = blue, 1.2
		p.Add(l)
	}
	return addDots(p, "meters by tenths of probability, 90 % interval", points, blue)
}

// equalWidth cuts list at every tenth of probability.
func equalWidth(list []Ranked) []Bin {
	const tenths = 10
	var bins [tenths]Bin
	for _, r := range list {
		b := &bins[min(int(r.Score*tenths), tenths-1)]
		b.Count++
		b.Mean += (r.Score - b.Mean) / float64(b.Count)
		hit := 0.0
		if r.Miner {
			hit = 1
		}
		b.Observed += (hit - b.Observed) / float64(b.Count)
	}
	return slices.DeleteFunc(bins[:], func(b Bin) bool { return b.Count == 0 })
}

// wilson is the 90 % interval of a share seen in n trials.
// Source: Wilson, Journal of the American Statistical Association 22 (1927).
func wilson(share float64, n int) (low, high float64) {
	const z = 1.6448536269514722 // 95 % quantile of the normal distribution
	m := float64(n)
	mid := (share + z*z/(2*m)) / (1 + z*z/m)
	half := z / (1 + z*z/m) * math.Sqrt(share*(1-share)/m+z*z/(4*m*m))
	return mid - half, mid + half
}

func (c *Curves) drawDelay(p *plot.Plot) error {
	p.Title.Text = "Days to detect: " + c.Method
	p.X.Label.Text, p.Y.Label.Text = "days from onset to alarm", "found (% of miners with an onset)"
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
	p.X.Tick.Marker = plot.DefaultTicks{}
	p.X.Max = math.Max(7, math.Ceil(end.X*1.1))
	points = append(points, Point{p.X.Max, end.Y})
	name := fmt.Sprintf("at %g false alarm(s) per 1,000 meter-months", c.FalseAlarms)
	return addLine(p, name, points, blue, false)
}

func (c *Curves) drawBlock(p *plot.Plot) error {
	p.Title.Text = "Size of the block: " + c.Method
	p.X.Label.Text, p.Y.Label.Text = "true mean power (kW)", "estimated mean power (kW)"
	p.X.Tick.Marker, p.Y.Tick.Marker = logTicks{1}, logTicks{1}
	low, high := 0.0, 1.0 // 1 to 10 kW at least
	points := make([]Point, len(c.Blocks))
	for i, q := range c.Blocks {
		points[i] = Point{math.Log10(q.X), math.Log10(q.Y)}
		low, high = min(low, points[i].X, points[i].Y), max(high, points[i].X, points[i].Y)
	}
	low, high = low-0.1, high+0.1 // room beyond the outermost dots
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = low, high, low, high
	p.Legend.Left, p.Legend.Top = true, true
	p.Legend.XOffs, p.Legend.YOffs = 12, -12
	if err := addLine(p, "exact", []Point{{low, low}, {high, high}}, grey, true); err != nil {
		return err
	}
	return addDots(p, fmt.Sprintf("%d miners with an estimate", len(c.Blocks)), points, orange)
}
