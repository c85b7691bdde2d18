package screen_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/screen"
)

var begin = time.Date(2025, 3, 3, 0, 0, 0, 0, time.UTC) // a Monday

// series is days of hours of kw(day, hour).
func series(days int, kw func(day, hour int) float64) *flatwatt.Series {
	s := &flatwatt.Series{Meter: "m", Start: begin, Interval: time.Hour}
	for h := range days * 24 {
		s.Energy = append(s.Energy, kw(h/24, h%24))
	}
	return s
}

func office(day, hour int) float64 {
	if w := day % 7; w < 5 && hour >= 8 && hour < 18 {
		return 60
	}
	return 15
}

func has(reasons []screen.Reason, term string) bool {
	for _, r := range reasons {
		if r.Term == term {
			return true
		}
	}
	return false
}

func TestDeclaredUseAgainstTheMeter(t *testing.T) {
	late := func(from int, f func(int, int) float64) func(int, int) float64 {
		return func(d, h int) float64 {
			if d < from {
				return .1
			}
			return f(d, h)
		}
	}
	flat := func(int, int) float64 { return 95 }
	for _, c := range []struct {
		name    string
		kw      func(int, int) float64
		use     string
		cap     flatwatt.KW
		start   int // day of energising by the file
		verdict screen.Verdict
		terms   string
	}{
		{"an office is an office", office, "office", 100, 0, screen.Consistent, ""},
		{"an office that is flat, full at once", late(20, flat), "office", 100, 20, screen.InspectIt, "flat night weekend at_once"},
		{"a data centre that is flat and grows", func(d, _ int) float64 { return 20 + float64(d)/2 }, "data_centre", 200, 0, screen.Consistent, ""},
		{"a data centre full at once", late(20, flat), "data_centre", 100, 20, screen.Ask, "at_once"},
		{"more than was asked for", office, "office", 30, 0, screen.Consistent, "beyond"},
		{"in use before it was energised", late(20, flat), "works", 100, 40, screen.InspectIt, "early flat"},
		{"too new", late(55, flat), "office", 100, 55, screen.Wait, "few_days"},
		{"lamps by day", flat, "street_light", 100, 0, screen.InspectIt, "by_day flat"},
	} {
		m := screen.Measure(series(60, c.kw), time.UTC)
		sum, v, reasons := screen.Judge(screen.Declaration{Use: c.use, KW: c.cap, Energised: begin.AddDate(0, 0, c.start)}, m)
		if v != c.verdict {
			t.Errorf("%s: %s (%.2f, %+v), want %s", c.name, v, sum, reasons, c.verdict)
		}
		for _, term := range strings.Fields(c.terms) {
			if !has(reasons, term) {
				t.Errorf("%s: no reason %s in %+v", c.name, term, reasons)
			}
		}
		for _, r := range reasons {
			for _, lang := range []string{"en", "zh"} {
				if text := screen.Say(r, lang); strings.Contains(text, "%!") || strings.HasPrefix(text, r.Term+" ") {
					t.Errorf("%s in %s: %q", r.Term, lang, text)
				}
			}
		}
	}
}

func TestScoresCount(t *testing.T) {
	m := screen.Measure(series(60, office), time.UTC)
	base, _, _ := screen.Judge(screen.Declaration{Use: "office"}, m)
	m.Miner = .9
	with, v, _ := screen.Judge(screen.Declaration{Use: "office"}, m)
	if with <= base+2 || v == screen.Consistent {
		t.Errorf("a miner score of 90 %% adds %v to %v: %s", with-base, base, v)
	}
	m.Miner, m.Farm = math.NaN(), .02
	if sum, _, _ := screen.Judge(screen.Declaration{Use: "data_centre"}, m); sum >= 0 {
		t.Errorf("a data centre that looks like one: %v", sum)
	}
}
