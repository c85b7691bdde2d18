package console

import (
	"encoding/xml"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

var rect = regexp.MustCompile(`<rect class="(\w+)" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"/>`)

var plainWords = plotWords{label: "Load of <m>", kw: "kW", onset: "onset"}

// TestPlotShowsTheBlockWhereItIs checks pixels: the axis runs over 30 days from 0 to
// 1.05 × 4 kW, the block of 3.2 kW from a third of the way.
func TestPlotShowsTheBlockWhereItIs(t *testing.T) {
	b := newBoard()
	svg := string(plotSVG(b.load, b.findings[0], fullPlot, plainWords))
	if err := xml.Unmarshal([]byte(svg), new(struct{})); err != nil {
		t.Fatalf("no XML: %v", err)
	}
	if strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") {
		t.Error("a coordinate is no number")
	}
	box := map[string][4]float64{}
	for _, m := range rect.FindAllStringSubmatch(svg, -1) {
		var v [4]float64
		for i := range v {
			v[i], _ = strconv.ParseFloat(m[2+i], 64)
		}
		box[m[1]] = v
	}
	w, h := float64(fullPlot.width-marginLeft-marginRight), float64(fullPlot.height-marginTop-marginBottom)
	near := func(name string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 0.11 { // coordinates are rounded to 0.1
			t.Errorf("%s is %g, want %g", name, got, want)
		}
	}
	top := 0.0
	for _, v := range b.load.KW {
		if v == v {
			top = max(top, float64(v)*minTrail)
		}
	}
	near("left edge of the block", box["block"][0], marginLeft+w/3)
	near("width of the block", box["block"][2], w*2/3)
	near("height of the block", box["block"][3], h*3.2/top)
	near("left edge of the onset's band", box["band"][0], marginLeft+w*9/30)
	near("width of the onset's band", box["band"][2], w*2/30)
	// The gap of six hours breaks the line of the load.
	path := regexp.MustCompile(`class="load" d="([^"]*)"`).FindStringSubmatch(svg)[1]
	if got := strings.Count(path, "M"); got != 2 {
		t.Errorf("the load is drawn in %d pieces, want 2: one gap", got)
	}
}

func TestPlotOfOddLoads(t *testing.T) {
	f := func(name string, load Load, empty bool) {
		t.Helper()
		svg := string(plotSVG(load, newBoard().findings[0], fullPlot, plainWords))
		if strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") {
			t.Errorf("%s: a coordinate is no number", name)
		}
		if (svg == "") != empty {
			t.Errorf("%s: empty is %v, want %v", name, svg == "", empty)
		}
		_ = newPlotData(load, newBoard().findings[0]) // does not panic
	}
	n := float32(nan)
	f("nothing", Load{Start: start, Step: time.Hour}, true)
	f("one value", Load{Start: start, Step: time.Hour, KW: []float32{1}}, true)
	f("no step", Load{Start: start, KW: []float32{1, 2}}, true)
	f("all missing", Load{Start: start, Step: time.Hour, KW: []float32{n, n, n}}, false)
	f("all zero", Load{Start: start, Step: time.Hour, KW: []float32{0, 0, 0}}, false)
	f("exported", Load{Start: start, Step: time.Hour, KW: []float32{-5, 3, -2}}, false)
	f("huge", Load{Start: start, Step: time.Hour, KW: []float32{1e9, 2e9}}, false)
}

// TestDaysAcrossTheClockChange: 29 March 2026 has 23 hours in Berlin, 25 October has 25.
func TestDaysAcrossTheClockChange(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		day   time.Time
		hours float64
	}{{time.Date(2026, 3, 29, 0, 0, 0, 0, berlin), 23}, {time.Date(2026, 10, 25, 0, 0, 0, 0, berlin), 25}} {
		load := Load{Start: c.day.UTC(), Step: time.Hour, KW: make([]float32, 49)}
		for i := range load.KW {
			load.KW[i] = 1
		}
		rows := days(load, berlin)
		if len(rows) < 2 || rows[0].EnergyKWh != c.hours || rows[1].EnergyKWh != 24 {
			t.Errorf("%s: %+v, want %g kWh and then 24", c.day.Format(time.DateOnly), rows, c.hours)
		}
	}
}
