package main

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"image/color"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/detectors"
	"github.com/flatwatt/flatwatt/streams/file"
)

// A shown is a meter of the pictures: its hourly load and its scores, day by day.
type shown struct {
	id     flatwatt.MeterID
	hours  map[int64]float64
	scores []flatwatt.Score
}

func (s *shown) last() flatwatt.Score { return s.scores[len(s.scores)-1] }

// scoredFleet simulates a fleet, scores it with the shipped model, and returns every
// customer with what the truth calls it.
func scoredFleet(t *testing.T, simulate ...string) (meters map[flatwatt.MeterID]*shown, truth map[string][]flatwatt.MeterID) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "fleet")
	if code, _, stderr := run(t, nil, append(append([]string{"simulate"}, simulate...), "--out", dir)...); code != exitOK {
		t.Fatal(stderr)
	}
	fleet, err := file.Open(dir, file.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := fleet.Load(t.Context(), func(int64, int64) {}); err != nil {
		t.Fatal(err)
	}
	scorer, err := newScorer(detectors.DefaultParams(), fleet.Meters(), fleet.Meters(), fleet.Weather(), asideOf(fleet))
	if err != nil {
		t.Fatal(err)
	}
	meters, source := map[flatwatt.MeterID]*shown{}, fleet.Source(time.Time{})
	of := func(id flatwatt.MeterID) *shown {
		if meters[id] == nil {
			meters[id] = &shown{id: id, hours: map[int64]float64{}}
		}
		return meters[id]
	}
	for done := false; !done; {
		batch, err := source.Read(t.Context())
		if done = errors.Is(err, io.EOF); err != nil && !done {
			t.Fatal(err)
		}
		for _, r := range batch.Readings {
			of(r.Meter).hours[r.Start.Unix()/3600] += float64(r.Energy)
		}
		scores := scorer.Score(nil, batch.Readings)
		if done {
			scores = scorer.Close(nil)
		}
		for _, s := range scores {
			if s.Detector == "customer" {
				of(s.Meter).scores = append(of(s.Meter).scores, s)
			}
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, "truth.csv"))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	truth = map[string][]flatwatt.MeterID{}
	for _, row := range rows[1:] {
		truth[row[1]] = append(truth[row[1]], flatwatt.MeterID(row[0]))
	}
	return meters, truth
}

// most is the meter of a kind of truth that is likeliest in the end and has a block.
func most(meters map[flatwatt.MeterID]*shown, ids []flatwatt.MeterID) *shown {
	var best *shown
	for _, id := range ids {
		m := meters[id]
		if m == nil || len(m.scores) == 0 || !(m.last().Block.Value > 0) || m.last().Onset.At.IsZero() {
			continue
		}
		if best == nil || m.last().Probability > best.last().Probability {
			best = m
		}
	}
	return best
}

// TestPicturesAreCurrent draws the pictures of docs/concepts.md from a seeded fleet, and
// wants those that are committed to tell the same: go test ./cmd/flatwatt -run Pictures
// -update draws them anew. What they tell is compared with some room, so that a model that
// moves a probability by a hair leaves them alone.
func TestPicturesAreCurrent(t *testing.T) {
	meters, truth := scoredFleet(t, "--seed", "301", "--meters", "300", "--days", "60")
	miner, change := most(meters, truth["miner"]), most(meters, truth["legit_change"])
	if miner == nil || change == nil {
		t.Fatal("the fleet has no miner, or no honest change, with a block")
	}
	for name, p := range map[string]picture{
		"miner.svg": loadPicture(t, miner, "A miner's meter"), "change.svg": loadPicture(t, change, "An honest change"),
		"probability.svg": daysPicture(t, miner, change), "evidence.svg": evidencePicture(t, miner),
	} {
		path := filepath.Join("..", "..", "docs", "pictures", name)
		if *update {
			writeFile(t, path, p.svg)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var kw, probability float64
		var onset int64
		_, facts, _ := strings.Cut(string(text), "<!-- facts ")
		if _, err := fmt.Sscanf(facts, "%f kW, %f, onset %d -->", &kw, &probability, &onset); err != nil {
			t.Fatalf("%s has no facts: %v", name, err)
		}
		if math.Abs(kw-p.kw) > 0.1*p.kw || math.Abs(probability-p.probability) > 0.1 || math.Abs(float64(onset-p.onset)) > 2*86400 {
			t.Errorf("%s tells %.2f kW, %.2f, onset %d; it is %.2f kW, %.2f, onset %d now: go test ./cmd/flatwatt -run Pictures -update", name, kw, probability, onset, p.kw, p.probability, p.onset)
		}
	}
}

// A picture is an SVG and what it tells.
type picture struct {
	svg             string
	kw, probability float64
	onset           int64
}

func newPicture(t *testing.T, p *plot.Plot, of flatwatt.Score, width, height vg.Length) picture {
	t.Helper()
	c := vgsvg.New(width, height)
	p.Draw(draw.New(c))
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	kw := float64(of.Block.Value)
	svg := strings.Replace(b.String(), "</svg>", fmt.Sprintf("<!-- facts %.2f kW, %.3f, onset %d -->\n</svg>", kw, of.Probability, of.Onset.At.Unix()), 1)
	return picture{svg, kw, of.Probability, of.Onset.At.Unix()}
}

var (
	blue, red, grey = color.RGBA{31, 119, 180, 255}, color.RGBA{200, 30, 30, 255}, color.RGBA{120, 120, 120, 255}
	pale            = color.RGBA{200, 30, 30, 40}
)

func axes(title, y string) *plot.Plot {
	p := plot.New()
	p.Title.Text, p.Y.Label.Text = title, y
	p.X.Tick.Marker = plot.TimeTicks{Format: "2 Jan"}
	p.Add(plotter.NewGrid())
	return p
}

func addLine(t *testing.T, p *plot.Plot, xys plotter.XYs, c color.Color, width vg.Length, name string) {
	t.Helper()
	line, err := plotter.NewLine(xys)
	if err != nil {
		t.Fatal(err)
	}
	line.Color, line.Width = c, width
	p.Add(line)
	if name != "" {
		p.Legend.Add(name, line)
	}
}

// loadPicture is the load by hour, its floor by day, and the block where it was found.
func loadPicture(t *testing.T, m *shown, title string) picture {
	t.Helper()
	s := m.last()
	p := axes(fmt.Sprintf("%s: %.2f kW since %s, probability %.0f %%", title, float64(s.Block.Value), s.Onset.At.Format("2 Jan"), 100*s.Probability), "kW")
	var load, floor plotter.XYs
	first, end := m.scores[0].Start.Unix()/3600, s.Start.Unix()/3600+24
	for h := first; h < end; h++ {
		if kwh, ok := m.hours[h]; ok {
			load = append(load, plotter.XY{X: float64(h * 3600), Y: kwh})
		}
	}
	for _, d := range m.scores {
		if d.Features.FloorKW == d.Features.FloorKW {
			floor = append(floor, plotter.XY{X: float64(d.Start.Unix()), Y: d.Features.FloorKW}, plotter.XY{X: float64(d.Start.Unix() + 86400), Y: d.Features.FloorKW})
		}
	}
	x0, x1, kw := float64(s.Onset.At.Unix()), float64(end*3600), float64(s.Block.Value)
	band, err := plotter.NewPolygon(plotter.XYs{{X: x0, Y: 0}, {X: x0, Y: kw}, {X: x1, Y: kw}, {X: x1, Y: 0}})
	if err != nil {
		t.Fatal(err)
	}
	band.Color, band.LineStyle.Width = pale, 0
	p.Add(band)
	addLine(t, p, load, blue, 0.6, "load by the hour")
	addLine(t, p, floor, grey, 1.2, "floor of the day")
	addLine(t, p, plotter.XYs{{X: x0, Y: 0}, {X: x0, Y: kw}, {X: x1, Y: kw}}, red, 1.5, "block that was found")
	p.Legend.Top, p.Legend.Left, p.Y.Min = true, true, 0
	return newPicture(t, p, s, 22*vg.Centimeter, 8*vg.Centimeter)
}

// daysPicture is the probability of both, day by day.
func daysPicture(t *testing.T, miner, change *shown) picture {
	t.Helper()
	p := axes("Probability, judged anew each day", "")
	for _, m := range []struct {
		of   *shown
		c    color.Color
		name string
	}{{miner, red, "the miner"}, {change, blue, "the honest change"}} {
		var days plotter.XYs
		for _, s := range m.of.scores {
			if s.Probability == s.Probability {
				days = append(days, plotter.XY{X: float64(s.Start.Unix()), Y: s.Probability})
			}
		}
		addLine(t, p, days, m.c, 1.5, m.name)
	}
	alarm := detectors.DefaultParams().AlarmProbability
	addLine(t, p, plotter.XYs{{X: float64(miner.scores[0].Start.Unix()), Y: alarm}, {X: float64(miner.last().Start.Unix()), Y: alarm}}, grey, 0.8, "alarm")
	p.Y.Min, p.Y.Max, p.Legend.Left, p.Legend.Top = 0, 1, true, true
	return newPicture(t, p, miner.last(), 22*vg.Centimeter, 6*vg.Centimeter)
}

// evidencePicture is the strongest evidence of the miner's last score, as bars.
func evidencePicture(t *testing.T, m *shown) picture {
	t.Helper()
	s := m.last()
	evidence := s.Evidence[:min(10, len(s.Evidence))]
	p := plot.New()
	p.Title.Text, p.X.Label.Text = "The strongest evidence of the last day", "log odds: to the right for a miner, to the left against"
	var names []string
	for i := range evidence {
		e := evidence[len(evidence)-1-i]
		names = append(names, e.Term)
		bar, err := plotter.NewBarChart(plotter.Values{e.LogOdds}, 9)
		if err != nil {
			t.Fatal(err)
		}
		bar.Horizontal, bar.XMin, bar.LineStyle.Width = true, float64(i), 0
		if bar.Color = red; e.LogOdds < 0 {
			bar.Color = blue
		}
		p.Add(bar)
	}
	p.NominalY(names...)
	return newPicture(t, p, s, 18*vg.Centimeter, 8*vg.Centimeter)
}
