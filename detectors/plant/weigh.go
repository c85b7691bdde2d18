package plant

import (
	"fmt"
	"math"
	"slices"

	"github.com/flatwatt/flatwatt"
)

// A point of a curve: at x the log odds y; between points straight lines.
type point struct{ x, y float64 }

// Curves turn measurements into log odds. All but importCurve and the sizes from 40 % were fitted on
// development seeds 801–819 of simulate.Plants and checked on 820–840 (docs/plants.md): logistic
// regression of each plant's highest odds, of plants with a miner once ever and once over the 45 days
// after its onset, so that it is found soon as well; each curve held to rise or fall throughout where
// nothing else makes sense, and drawn to what had been set by hand; then rounded.
var (
	gainCurve   = []point{{4, 0}, {10, 7}, {20, 7.8}, {35, 9.2}, {50, 10.3}, {80, 10.5}}
	flatCurve   = []point{{-25, -9}, {0, -1.8}, {3, -1}, {12, .1}, {40, 2.8}, {156, 5}}
	sizeCurve   = []point{{.01, -3}, {.03, -.5}, {.05, .3}, {.4, .5}, {.55, 0}, {.8, -3}}
	ageCurve    = []point{{5, -8}, {8, -6}, {12, -3.5}, {20, -.2}} // outages that nobody logged are short
	hoursCurve  = []point{{.2, -.4}, {.4, -.6}, {.8, -.8}, {1.5, -2.3}}
	levelCurve  = []point{{-8, -2.2}, {-2, -1.3}, {0, -.8}, {5, .2}, {15, .9}}
	beforeCurve = []point{{20, -8}, {40, -3.3}, {55, .3}} // what is expected must have been learned
	shiftCurve  = []point{{-.1, -9}, {.2, -7}, {.3, -4}, {.5, -2.2}, {.65, -1.6}, {.8, .9}, {1.25, 1.4}, {1.8, .2}, {3, -2}}
	importCurve = []point{{4, 4}, {8, 7}, {20, 10}, {60, 11}}
)

func along(curve []point, x float64) float64 {
	if x <= curve[0].x {
		return curve[0].y
	}
	for i := 1; i < len(curve); i++ {
		a, b := curve[i-1], curve[i]
		if x <= b.x {
			return a.y + (b.y-a.y)*(x-a.x)/(b.x-a.x)
		}
	}
	return curve[len(curve)-1].y
}

// weigh appends the evidence about f to s.evidence and returns its sum.
func (s *Scorer) weigh(f *finding, in *intake) (sum float64) {
	say := func(term string, odds, value float64) {
		s.evidence = append(s.evidence, flatwatt.Evidence{Term: term, LogOdds: odds, Value: value})
		sum += odds
	}
	if f.deficit <= 0 {
		say(termDeficit, -candidates, 0)
		return sum
	}
	say(termDeficit, along(gainCurve, f.gain), f.deficit)
	say(termFlat, f.flatOdds(), f.flat)
	if f.byLevel == f.byLevel {
		say(termLevel, along(levelCurve, f.byLevel), f.byLevel)
	}
	say(termSize, along(sizeCurve, f.block.Value), f.block.Value)
	age := float64(f.to - f.from)
	say(termAge, along(ageCurve, age), age)
	before := float64(f.from)
	say(termBefore, along(beforeCurve, before), before)
	if in.agrees(f) {
		say(termImport, in.weight(), in.days)
		f.block = in.block()
	}
	spread, whole := f.overHours()
	if spread == spread {
		say(termHours, along(hoursCurve, spread), spread)
	}
	if whole == whole && f.window.name == "night" {
		say(termShift, along(shiftCurve, whole), whole)
	}
	return sum
}

// proportionalTo is the log likelihood ratio from hours below which a deficit is held to be in
// proportion to the output, whatever the days say.
const proportionalTo = -1

// flatOdds is what a constant deficit says from day to day. Where the water hardly changes,
// days that err alike make a loss of efficiency look constant: what hours of high and low
// output deny, days do not prove.
func (f *finding) flatOdds() float64 {
	odds := along(flatCurve, f.flat)
	if f.byLevel < proportionalTo {
		return min(odds, 0)
	}
	return odds
}

// overHours is how much the deficit differs over its hours, and what of it is left over
// the whole day, both as shares of the deficit.
func (f *finding) overHours() (spread, whole float64) {
	var in, all, square mean
	for h, d := range f.profile {
		if d != d {
			continue
		}
		all.add(d)
		if f.hours[h] {
			in.add(d)
		}
	}
	for h, d := range f.profile {
		if d == d && f.hours[h] {
			square.add((d - in.value()) * (d - in.value()))
		}
	}
	if in.n < 4 || !(in.value() > 0) {
		return nan, nan
	}
	return math.Sqrt(square.value()) / in.value(), f.leftOver(in)
}

// leftOver is what of the deficit in is left over the whole day, as a share of it. Water that was
// moved to other hours gives more at these than at the rest: errors that all hours share do not.
func (f *finding) leftOver(in mean) float64 {
	var list [hoursPer]float64
	other, all := list[:0], in.sum
	for h, d := range f.profile {
		if d == d && !f.hours[h] {
			other = append(other, d)
			all += d
		}
	}
	if len(other) < 4 {
		return all / in.sum
	}
	slices.Sort(other)
	base, moved := other[len(other)*3/4], 0.0
	for _, d := range other {
		moved += max(0, base-d)
	}
	more := max(0, base) * float64(len(other))
	return 1 + (more-moved)/(in.sum-in.n*min(0, base))
}

// Say puts a piece of evidence about a plant into words, in "zh" or else in English; ok
// is false where it is not of this package.
func Say(e flatwatt.Evidence, lang string) (text string, ok bool) {
	words, ok := map[string][2]string{
		termDeficit: {"gives %.2g %% of its capacity less than its peers, water or weather let expect", "出力比按同类电站、来水或天气的预期低装机的 %.2g %%"},
		termFlat:    {"a constant deficit against one in proportion to what it could give, by days (log likelihood ratio %+.2g)", "按日：缺额恒定对随可发出力成比例（对数似然比 %+.2g）"},
		termSize:    {"the missing block is %.2g %% of the capacity", "缺失负荷为装机的 %.2g %%"},
		termAge:     {"has lasted %.0f days without outage, curtailment or low water", "已持续 %.0f 天，无停机、限电或枯水记录"},
		termHours:   {"differs by %.3g %% over its hours", "各时段差异为其 %.3g %%"},
		termLevel:   {"a constant deficit against one in proportion, by hours of high and low output (log likelihood ratio %+.2g)", "按出力高低的时段：缺额恒定对成比例（对数似然比 %+.2g）"},
		termBefore:  {"%.0f days are known before it began", "此前已有 %.0f 天的数据"},
		termImport:  {"took the same load from the grid on %.0f days while it gave nothing", "%.0f 天停发时自电网取用同一恒定负荷"},
		termShift:   {"over the whole day %.2g %% of it is missing (0 = water moved to the day)", "全天合计缺失为其 %.2g %%（0 表示水量移至白天）"},
	}[e.Term]
	if !ok {
		return "", false
	}
	v := e.Value
	switch e.Term {
	case termDeficit, termSize, termHours, termShift:
		v *= 100
	}
	if lang == "zh" {
		return fmt.Sprintf(words[1], v), true
	}
	return fmt.Sprintf(words[0], v), true
}
