package main

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/console"
)

func sampleFindings() []console.Finding {
	zone := time.FixedZone("UTC+8", 8*3600)
	at := time.Date(2026, 3, 3, 16, 0, 0, 0, time.UTC) // 4 March, local
	nan := math.NaN()
	return []console.Finding{
		{
			Rank: 1, Meter: flatwatt.Meter{ID: "C000017", Zone: zone},
			Score: flatwatt.Score{
				Meter: "C000017", State: flatwatt.Suspect, Probability: 0.99963, LogOdds: 7.9,
				Block: flatwatt.Estimate{Value: 9.82, Low: 9.5, High: 10.14},
				Onset: flatwatt.Instants{At: at, Low: at.AddDate(0, 0, -2), High: at.AddDate(0, 0, 2)},
				Units: flatwatt.Range{Low: 3, High: 4}, HashrateTHs: flatwatt.Range{Low: 270, High: 420},
			},
			Reason: "floor rose by 9.82 kW at every hour; no hour is spared; flat to 0.6 %; block does not follow the weather",
			Truth:  &flatwatt.Truth{Label: flatwatt.Miner, Block: 9.75, Onset: at},
		},
		{
			Rank: 2, Meter: flatwatt.Meter{ID: "C000204", Zone: zone},
			Score: flatwatt.Score{
				Meter: "C000204", State: flatwatt.Normal, Probability: 0.062, LogOdds: -2.7,
				Block: flatwatt.Estimate{Value: 152.4, Low: 140, High: 165}, Units: flatwatt.Range{Low: 40, High: 52},
				HashrateTHs: flatwatt.Range{Low: 4100, High: 9300},
			},
			Reason: "负荷基线每小时都升高了一百五十二千瓦，与温度无关，周末和夜间没有差别，同类用户中没有相似的变化",
			Truth:  &flatwatt.Truth{Label: flatwatt.LegitChange, Note: "cold room added"},
		},
		{
			Rank: 3, Meter: flatwatt.Meter{ID: "a-meter-with-quite-a-long-name"},
			Score: flatwatt.Score{
				Meter: "a-meter-with-quite-a-long-name", State: flatwatt.Normal, Probability: 0.00004, LogOdds: -10,
				Block: flatwatt.Estimate{Value: nan, Low: nan, High: nan},
			},
			Reason: "nothing unusual",
			Truth:  &flatwatt.Truth{Label: flatwatt.NoneLabel},
		},
	}
}

// TestRankedTable compares with testdata/ranked_<width>.golden; -update rewrites them.
func TestRankedTable(t *testing.T) {
	for _, width := range []string{"80", "120", "200"} {
		var b strings.Builder
		n := map[string]int{"80": 80, "120": 120, "200": 200}[width]
		writeRanked(&b, style{width: n}, sampleFindings(), true)
		for line := range strings.Lines(b.String()) {
			if got := columns(strings.TrimSuffix(line, "\n")); got > n {
				t.Errorf("a line of %d columns at width %d: %s", got, n, line)
			}
		}
		golden(t, "ranked_"+width+".golden", b.String())
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		writeFile(t, path, got)
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; got:\n%s\nwant:\n%s", name, got, want)
	}
}

func TestWrapLosesNothing(t *testing.T) {
	for _, text := range []string{
		"", "one", "a b c d e f g h i j", strings.Repeat("long", 30),
		"负荷基线每小时都升高了一百五十二千瓦，与温度无关", "mixed 中文 and English, 与温度无关 at 20 °C",
	} {
		for n := 8; n < 40; n += 7 {
			lines := wrap(text, n)
			squeeze := func(s string) string { return strings.ReplaceAll(s, " ", "") }
			if squeeze(strings.Join(lines, "")) != squeeze(text) {
				t.Errorf("wrap(%q, %d) = %q", text, n, lines)
			}
		}
	}
	if got := columns(cut("负荷基线每小时都升高了", 10)); got > 10 {
		t.Errorf("cut leaves %d columns, want at most 10", got)
	}
}

func TestTerminalPlot(t *testing.T) {
	zone := time.UTC
	var days []dayLoad
	first := flatwatt.DayOf(time.Date(2026, 1, 1, 0, 0, 0, 0, zone), zone)
	for i := range 60 {
		d := dayLoad{day: first + flatwatt.Day(i), floor: 0.3, mean: 1 + 0.3*math.Sin(float64(i))}
		if i >= 40 {
			d.floor, d.mean = d.floor+3.2, d.mean+3.2
		}
		if i == 20 {
			d.floor, d.mean = math.NaN(), math.NaN()
		}
		days = append(days, d)
	}
	s := flatwatt.Score{Onset: flatwatt.Instants{At: days[40].day.Start(zone)}}
	for _, st := range []style{{width: 80}, {width: 80, unicode: true}} {
		var b strings.Builder
		writePlot(&b, st, nil, days, s, zone)
		name := "plot_plain.golden"
		if st.unicode {
			name = "plot_braille.golden"
		}
		golden(t, name, b.String())
	}
}
