package console

import (
	"encoding/json"
	"encoding/xml"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // Berlin, also where the machine has no zone database

	"github.com/flatwatt/flatwatt"
)

var (
	nan   = math.NaN()
	zone  = time.FixedZone("UTC+8", 8*3600)
	start = time.Date(2026, 1, 1, 16, 0, 0, 0, time.UTC) // 2 January, local midnight
)

type fakeBoard struct {
	status   Status
	findings []Finding
	load     Load
}

func (b *fakeBoard) Status() Status      { return b.status }
func (b *fakeBoard) Findings() []Finding { return b.findings }
func (b *fakeBoard) Load(id flatwatt.MeterID) (Load, bool) {
	return b.load, id != "unheard"
}

// newBoard has a suspect whose name wants to be markup, an honest meter and an unknown one.
func newBoard() *fakeBoard {
	load := Load{Start: start, Step: time.Hour}
	for h := range 24 * 30 {
		kw := 0.5 + 0.3*math.Sin(float64(h)/4)
		if h >= 24*10 {
			kw += 3.2
		}
		if h >= 48 && h < 54 {
			kw = nan
		}
		load.KW = append(load.KW, float32(kw))
	}
	onset := start.AddDate(0, 0, 10)
	return &fakeBoard{
		status: Status{Title: "<b>fleet</b>", Meters: 3, Readings: 2592000},
		load:   load,
		findings: []Finding{
			{Rank: 1, Meter: flatwatt.Meter{ID: `<script>"x"`, Zone: zone, Class: "residential"}, Reason: "flat & high", Reasons: []string{"floor <up>"},
				Truth: &flatwatt.Truth{Label: flatwatt.Miner, Block: 3.2, Units: 1, Onset: onset},
				Score: flatwatt.Score{
					Meter: `<script>"x"`, State: flatwatt.Suspect, Probability: 0.9996, LogOdds: 8,
					Block: flatwatt.Estimate{Value: 3.2, Low: 3.1, High: 3.3}, Units: flatwatt.Range{Low: 1, High: 1},
					Onset:    flatwatt.Instants{At: onset, Low: onset.AddDate(0, 0, -1), High: onset.AddDate(0, 0, 1)},
					Evidence: []flatwatt.Evidence{{Term: "size", LogOdds: 1.5, Value: nan}},
				}},
			{Rank: 2, Meter: flatwatt.Meter{ID: "unheard"}, Reason: "nothing stands out", Score: flatwatt.Score{
				Meter: "unheard", State: flatwatt.Normal, Probability: 0.01, LogOdds: -4, Block: flatwatt.Estimate{Value: nan, Low: nan, High: nan},
			}},
			{Meter: flatwatt.Meter{ID: "m3", Zone: zone}, Reason: "not enough readings", Score: flatwatt.Score{
				Meter: "m3", State: flatwatt.NotEnoughData, Probability: nan, LogOdds: nan, Block: flatwatt.Estimate{Value: nan, Low: nan, High: nan},
			}},
		},
	}
}

func get(t *testing.T, b Board, path string) (*http.Response, string) {
	t.Helper()
	h, err := Handler(b)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	res := w.Result()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(body)
}

func TestPagesEscapeWhatComesFromOutside(t *testing.T) {
	b := newBoard()
	for _, path := range []string{"/", "/meters/%3Cscript%3E%22x%22"} {
		res, body := get(t, b, path)
		if res.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s", path, res.Status)
		}
		if strings.Contains(body, "<script") || strings.Contains(body, "<b>fleet") || strings.Contains(body, "<up>") {
			t.Errorf("%s holds markup that came from outside", path)
		}
		if !strings.Contains(body, "&lt;script&gt;") || !strings.Contains(body, "flat &amp; high") {
			t.Errorf("%s does not show the meter or its reason", path)
		}
		if !strings.Contains(res.Header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s has no content security policy", path)
		}
	}
}

func TestUnknownIsNeverZero(t *testing.T) {
	b := newBoard()
	_, body := get(t, b, "/api/suspects?all=1")
	if strings.Contains(body, "NaN") {
		t.Error("NaN is no JSON")
	}
	var answer struct {
		Suspects []map[string]any `json:"suspects"`
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		t.Fatal(err)
	}
	if len(answer.Suspects) != 3 {
		t.Fatalf("%d meters, want 3", len(answer.Suspects))
	}
	last := answer.Suspects[2]
	for _, field := range []string{"probability", "log_odds", "block_kw", "onset", "units"} {
		if v, ok := last[field]; !ok || v != nil {
			t.Errorf("%s of a meter without enough data is %v, want null", field, v)
		}
	}
	if _, body := get(t, b, "/meters/m3"); strings.Contains(body, "0.0 %") || !strings.Contains(body, "not enough data") {
		t.Error("the page of a meter without enough data shows a probability")
	}
}

func TestSuspectsAnswer(t *testing.T) {
	b := newBoard()
	f := func(path string, code, want int) {
		t.Helper()
		res, body := get(t, b, path)
		if res.StatusCode != code {
			t.Errorf("%s: %s, want %d", path, res.Status, code)
		}
		if got := strings.Count(body, `"meter_id"`); got != want {
			t.Errorf("%s: %d meters, want %d", path, got, want)
		}
	}
	f("/api/suspects", 200, 1)
	f("/api/suspects?all=1", 200, 3)
	f("/api/suspects?all=1&limit=2", 200, 2)
	f("/api/suspects?limit=0", 200, 0)
	f("/api/suspects?limit=-1", 400, 0)
	f("/api/suspects?limit=x", 400, 0)
	f("/meters/nobody", 404, 0)
	f("/elsewhere", 404, 0)
}

func TestHealth(t *testing.T) {
	b := newBoard()
	if res, _ := get(t, b, "/healthz"); res.StatusCode != http.StatusOK {
		t.Errorf("healthz: %s", res.Status)
	}
	b.status.Err = "database gone"
	res, body := get(t, b, "/healthz")
	if res.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body, "database gone") {
		t.Errorf("healthz of a stopped scorer: %s %s", res.Status, body)
	}
	if _, page := get(t, b, "/"); !strings.Contains(page, "Scoring stopped: database gone") {
		t.Error("the page does not say that scoring stopped")
	}
}

var rect = regexp.MustCompile(`<rect class="(\w+)" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"/>`)

// TestPlotShowsTheBlockWhereItIs checks pixels: the axis runs over 30 days from 0 to
// 1.05 × 4 kW, the block of 3.2 kW from a third of the way.
func TestPlotShowsTheBlockWhereItIs(t *testing.T) {
	b := newBoard()
	svg := string(plotSVG(b.load, b.findings[0], cardPlot))
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
	w, h := float64(cardPlot.width-marginLeft-marginRight), float64(cardPlot.height-marginTop-marginBottom)
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
		svg := string(plotSVG(load, newBoard().findings[0], cardPlot))
		if strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") {
			t.Errorf("%s: a coordinate is no number", name)
		}
		if (svg == "") != empty {
			t.Errorf("%s: empty is %v, want %v", name, svg == "", empty)
		}
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
