package hall

import (
	"fmt"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/models"
)

// A term is one measurement and what it says. NaN says nothing.
type term struct {
	name    string
	measure func(*view) float64
	curve   models.Curve
	scale   float64 // of what words tell, 1 where it is the measurement itself
	en, zh  string
}

func knots(pairs ...float64) (c models.Curve) {
	for i := 0; i < len(pairs); i += 2 {
		c.Knots, c.Values = append(c.Knots, pairs[i]), append(c.Values, pairs[i+1])
	}
	return c
}

// terms in a fixed order. The values of curves were set by hand from the ranges that are
// published for either (docs/halls.md) and looked at on development seeds 901–906 only.
func terms() []term {
	return []term{
		{"hall_use", use, knots(.3, -1, .5, -.8, .7, 0, .85, .8, .95, 1.2, 1.1, .6), 100,
			"uses %.0f %% of the contracted capacity", "占合同容量的 %.0f %%"},
		{"hall_ramp", ramp, knots(1, 1.2, 7, 1, 20, 0, 60, -1.2), 1,
			"was at full load %.0f days after it was energised", "投运后 %.0f 天即达满载"},
		{"hall_load_factor", loadFactor, knots(.75, -1, .88, -.7, .94, 0, .97, .6, .99, .8), 1,
			"load factor while running %.3f", "运行时负荷率 %.3f"},
		{"hall_day", amplitude, knots(.002, 1, .006, .8, .012, .1, .025, -.9, .06, -1.8, .15, -4), 100,
			"hours of the day differ by %.1f %% beyond the weather", "扣除气温后日内波动 %.1f %%"},
		{"hall_week", week, knots(-.02, 0, .002, .2, .008, 0, .03, -.9), 100,
			"working days are %+.1f %% against days of rest", "工作日较休息日 %+.1f %%"},
		{"hall_weather", func(v *view) float64 { return v.slope }, knots(-.4, -1.2, -.1, -.2, 0, .5, .08, .8, .22, .7, .35, 0, .5, -.9, .8, -1.5), 1,
			"load rises by %.2f %% per °C", "气温每升 1 °C 负荷增 %.2f %%"},
		{"hall_knee", func(v *view) float64 { return v.knee }, knots(0, .2, 2, 0, 6, -.6, 12, -1.2), 1,
			"free cooling below a knee fits better by %.1f nats", "存在自然冷却拐点（似然增益 %.1f）"},
		{"hall_dear_hours", curtailments, knots(0, -.1, .4, 0, 1, .8, 3, 2.5, 8, 4), 1,
			"stood still at dear hours %.1f times a month", "每月 %.1f 次在高价时段停机"},
		{"hall_tests", tests, knots(0, .5, 1, 0, 2, -2, 4, -3.2), 1,
			"%.0f tests of a generator in a beat of months", "按月规律的发电机试验 %.0f 次"},
		{"hall_outages", outages, knots(0, -.7, .15, -.3, .5, .6, 1.5, 1.6), 1,
			"%.1f outages a month that nothing bridged", "每月 %.1f 次无后备电源的停电"},
		{"hall_partial", partial, knots(.5, 0, 1.5, -1, 5, -2.2), 1,
			"fell to a part of its load %.1f times a month", "每月 %.1f 次部分降载"},
		{"hall_recovery", recovery, knots(-.04, -1.8, -.01, -.8, .005, 0, .03, .8, .1, 1.2), 100,
			"lacked %.1f %% in the hour after standstills", "恢复供电后一小时内缺 %.1f %%"},
		{"hall_steps", steps, knots(0, -.1, 1, .9, 3, 1.5), 1,
			"all of it stepped down %.0f times and stayed there", "整体下调功率 %.0f 次且持续"},
		{"hall_season", season, knots(15, 0, 40, 1.6, 90, 2), 1,
			"stood still for %.0f days on end", "连续停机 %.0f 天"},
		{"hall_halving", halved, knots(-.05, -.3, .02, -.2, .08, .9, .3, 1.5), 100,
			"lost %.0f %% for good after the halving", "减半后永久下降 %.0f %%"},
		{"hall_coin", pays, knots(-.2, -.2, .5, 0, .9, .7), 1,
			"follows what a machine earns from month to month (correlation %.2f)", "逐月随挖矿收益变化（相关系数 %.2f）"},
	}
}

// priorTerm is what the declared use says.
const priorTerm = "hall_declared"

// prior is the log odds of a farm before anything was measured: of halls that declare to be
// data centres about one in eight, of others of that shape half. Assumption.
func prior(c flatwatt.Class) float64 {
	switch c {
	case "telecom":
		return -3
	case "datacentre":
		return -1.5
	}
	return 0
}

// Say puts a piece of evidence of this detector into words, in "zh" or else in English; ok
// is false where it is of another.
func Say(e flatwatt.Evidence, lang string) (text string, ok bool) {
	if e.Term == priorTerm {
		return map[bool]string{false: "declared use", true: "申报用途"}[lang == "zh"], true
	}
	for _, t := range terms() {
		if t.name != e.Term {
			continue
		}
		if lang == "zh" {
			return fmt.Sprintf(t.zh, e.Value), true
		}
		return fmt.Sprintf(t.en, e.Value), true
	}
	return "", false
}
