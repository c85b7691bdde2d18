package vee

import (
	"fmt"
	"math"
)

// words are what a code means, for people: English, Chinese.
var words = map[Code][2]string{
	Missing:      {"readings missing", "缺数"},
	Negative:     {"negative energy where nothing is exported", "无上网电量却为负值"},
	Spike:        {"a single interval far above the rest", "单点突变"},
	Overload:     {"more than the connection can carry", "超过报装容量"},
	Stuck:        {"the value does not change", "表计停走（数值不变）"},
	Zero:         {"zero all day", "全天为零"},
	TimeSync:     {"the clock is off", "时钟偏差"},
	Interval:     {"readings of another interval length", "采集间隔不符"},
	Conflict:     {"two readings of one start disagree", "同一时刻数据冲突"},
	Late:         {"came after the day had closed", "迟到数据"},
	RegisterSum:  {"intervals do not add up to the register", "曲线电量与示值不平"},
	RegisterBack: {"the register went back", "示值倒走（换表、清零或翻转）"},
	SumCheck:     {"customers do not add up to the transformer", "台区总分不平"},
}

// units are those of Value and Limit, as documented with the codes.
var units = map[Code]string{
	Missing: "h", Negative: "kWh", Spike: "kW", Overload: "kW", Stuck: "h", Zero: "h", TimeSync: "s",
	Interval: "min", Conflict: "kWh", Late: "h", RegisterSum: "kWh", RegisterBack: "kWh", SumCheck: "%",
}

// Unit is the unit in which people read Value and Limit; SumCheck's share is shown in %.
func (c Code) Unit() string { return units[c] }

// Say names the code in a language: en, or zh for Chinese.
func (c Code) Say(lang string) string {
	w, ok := words[c]
	if !ok {
		return string(c)
	}
	return w[btoi(lang == "zh")]
}

// Say puts a finding into words with its numbers.
func (f *Finding) Say(lang string) string {
	scale := 1.0
	if f.Code == SumCheck {
		scale = 100
	}
	text := f.Code.Say(lang)
	if !math.IsNaN(f.Value) {
		text += fmt.Sprintf(": %.4g %s", scale*f.Value, f.Code.Unit())
	}
	if !math.IsNaN(f.Limit) {
		between := " (limit "
		end := ")"
		if lang == "zh" {
			between, end = "（限值 ", "）"
		}
		text += fmt.Sprintf("%s%.4g %s%s", between, scale*f.Limit, f.Code.Unit(), end)
	}
	return text
}

// Say puts a lack into words.
func (l Lack) Say(lang string) string {
	zh := lang == "zh"
	pick := func(en, cn string) string {
		if zh {
			return cn
		}
		return en
	}
	switch l.What {
	case LackReadings:
		return pick("no reading at all", "没有任何数据")
	case LackDays:
		return fmt.Sprintf(pick("%g days with enough measured readings, %g are needed", "有效天数 %g，需要 %g 天"), l.Have, l.Want)
	case LackMeasured:
		return fmt.Sprintf(pick("only %.0f %% of what is there was measured, the rest is estimated", "实测数据仅占 %.0f %%，其余为估算"), 100*l.Have)
	case LackRecent:
		return fmt.Sprintf(pick("silent on the last %g days", "最近 %g 天无数据"), l.Have)
	}
	return string(l.What)
}
