package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/flatwatt/flatwatt/vee"
)

// inspectWords are the words of inspect's page: English, Chinese.
var inspectWords = map[string][2]string{
	"file":      {"file", "文件"},
	"format":    {"format", "格式"},
	"meters":    {"meters", "电表"},
	"readings":  {"readings", "读数"},
	"range":     {"range", "时间范围"},
	"interval":  {"interval", "采集间隔"},
	"gaps":      {"missing", "缺数"},
	"quality":   {"quality", "数据质量"},
	"energy":    {"energy", "电量"},
	"totals":    {"totals", "长时段电量"},
	"demand":    {"mean demand", "平均负荷"},
	"stamp":     {"time stamps", "时标"},
	"put right": {"put right or left out", "已修复或忽略"},
	"rules":     {"validation", "校验"},
	"lacking":   {"not enough data", "数据不足"},
	"rejected":  {"rejected", "拒收"},
	"stopped":   {"stopped", "中断"},
}

// writeSurvey prints an inspection for people.
func writeSurvey(w io.Writer, st style, r *inspection, zh bool) {
	const label = 22
	row := func(key, format string, args ...any) {
		head := inspectWords[key][btoi(zh)]
		fmt.Fprintln(w, st.bold(pad(head, label, false))+fmt.Sprintf(format, args...))
	}
	more := func(format string, args ...any) {
		for i, line := range wrap(fmt.Sprintf(format, args...), max(40, st.width-label)) {
			fmt.Fprintln(w, strings.Repeat(" ", label+2*min(i, 1))+line)
		}
	}
	pick := func(en, cn string) string {
		if zh {
			return cn
		}
		return en
	}
	row("file", "%s", fileText(r))
	row("format", "%s", formatText(r, pick))
	row("meters", "%s", grouped(int64(r.Meters)))
	row("readings", "%s", grouped(r.Readings))
	if r.Readings > 0 {
		row("range", "%s … %s", r.First, r.Last)
		row("interval", "%s", intervalText(r, pick))
		row("gaps", pick("%s of %s intervals (%s)", "%s / %s 个时段（%s）"), grouped(r.Missing), grouped(r.Expected), share(r.Missing, r.Expected))
		row("quality", pick("actual %s, estimated %s, edited %s, negative %s; reactive energy %s, voltage %s", "实测 %s，估算 %s，修正 %s，负值 %s；无功 %s，电压 %s"),
			share(r.Actual, r.Readings), share(r.Estimated, r.Readings), share(r.Edited, r.Readings), share(r.Negative, r.Readings),
			share(r.Reactive, r.Readings), share(r.Voltage, r.Readings))
		row("energy", "%s kWh", groupedKWh(r.EnergyKWh))
		row("demand", pick("%.3g kW (5 %% of meters below %.3g, 5 %% above %.3g): is the unit right?", "%.3g kW（5%% 低于 %.3g，5%% 高于 %.3g）：请核对单位"),
			*r.DemandKW[1], *r.DemandKW[0], *r.DemandKW[2])
		row("stamp", "%s", stampText(r, pick))
	}
	if t := r.Totals; t != nil {
		row("totals", pick("%s of %s meters, %s kWh, %s … %s: over more than an hour, so no load can be told from them; never scored", "%s 条，%s 块表，%s kWh，%s … %s：时段超过一小时，无法判别负荷，不参与评分"),
			grouped(t.Count), grouped(int64(t.Meters)), groupedKWh(t.EnergyKWh), t.First, t.Last)
	}
	for i, what := range sortedKeys(r.Notes) {
		if i == 0 {
			row("put right", "%s: %s", what, grouped(r.Notes[what]))
			continue
		}
		more("%s: %s", what, grouped(r.Notes[what]))
	}
	writeFindings(r, zh, row, more, pick)
	writeRejected(r, row, more, pick)
	if r.Error != "" {
		row("stopped", "%s", r.Error)
	}
}

func writeFindings(r *inspection, zh bool, row func(string, string, ...any), more func(string, ...any), pick func(string, string) string) {
	if len(r.Findings) == 0 && r.Readings > 0 {
		row("rules", "%s", pick("no rule is broken", "未发现异常"))
	}
	lang := pick("en", "zh")
	for i, f := range r.Findings {
		text := fmt.Sprintf(pick("%s: %s; %s days of %s meters", "%s：%s；%s 天，%s 块表"), f.Code, f.Code.Say(lang), grouped(int64(f.MeterDays)), grouped(int64(f.Meters)))
		if f.Code == vee.SumCheck {
			text = fmt.Sprintf(pick("%s: %s; %s days", "%s：%s；%s 天"), f.Code, f.Code.Say(lang), grouped(int64(f.MeterDays)))
		}
		if i == 0 {
			row("rules", "%s", text)
		} else {
			more("%s", text)
		}
	}
	if r.LackingAll > 0 {
		row("lacking", pick("%s meters", "%s 块表"), grouped(int64(r.LackingAll)))
	}
	for _, l := range r.Lacking {
		var all []string
		for _, x := range l.what {
			all = append(all, x.Say(lang))
		}
		more("%s: %s", l.Meter, strings.Join(all, pick("; ", "；")))
	}
	if n := r.LackingAll - len(r.Lacking); n > 0 && len(r.Lacking) > 0 {
		more(pick("… and %s more", "…… 另有 %s 块"), grouped(int64(n)))
	}
}

func writeRejected(r *inspection, row func(string, string, ...any), more func(string, ...any), pick func(string, string) string) {
	if r.Rejected == 0 {
		row("rejected", "%s", pick("nothing", "无"))
		return
	}
	var by []string
	for _, f := range sortedKeys(r.RejectsBy) {
		name := f
		if f == "" {
			name = pick("whole lines", "整行")
		}
		by = append(by, fmt.Sprintf("%s %s", name, grouped(r.RejectsBy[f])))
	}
	row("rejected", "%s (%s)", grouped(r.Rejected), strings.Join(by, ", "))
	for _, x := range r.Rejects {
		field := x.Field
		if field != "" {
			field += ": "
		}
		more("%s: %s%s", x.Where, field, x.Reason)
	}
	if n := r.Rejected - int64(len(r.Rejects)); n > 0 && len(r.Rejects) > 0 {
		more(pick("… and %s more", "…… 另有 %s 条"), grouped(n))
	}
}

func fileText(r *inspection) string {
	text := r.File
	if r.Bytes > 0 {
		text += fmt.Sprintf(" (%s B)", grouped(r.Bytes))
	}
	return text
}

func formatText(r *inspection, pick func(string, string) string) string {
	if r.Format == "" {
		return pick("not known", "未知")
	}
	text := r.Format
	if r.Description != "" {
		text += ": " + r.Description
	}
	var extra []string
	for _, x := range []string{r.Encoding, r.Compression} {
		if x != "" {
			extra = append(extra, x)
		}
	}
	if r.Confidence < 100 {
		extra = append(extra, fmt.Sprintf(pick("%d %% sure", "把握 %d%%"), r.Confidence))
	}
	if len(r.Members) > 0 {
		extra = append(extra, fmt.Sprintf(pick("%d files", "%d 个文件"), len(r.Members)))
	}
	if len(extra) > 0 {
		text += " (" + strings.Join(extra, ", ") + ")"
	}
	return text
}

func intervalText(r *inspection, pick func(string, string) string) string {
	var all []string
	for _, x := range r.Intervals {
		text := fmt.Sprintf(pick("%g min", "%g 分钟"), x.Minutes)
		if len(r.Intervals) > 1 {
			text += fmt.Sprintf(pick(" (%s meters)", "（%s 块表）"), grouped(int64(x.Meters)))
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}

// stampText says what the guess is worth, and what to do about it.
func stampText(r *inspection, pick func(string, string) string) string {
	g := r.Stamp
	where := pick("the zone given", "指定时区")
	if !r.zoned {
		where = fmt.Sprintf(pick("%s UTC", "UTC %s"), g.Midnight)
	}
	meters := fmt.Sprintf(pick("%s of %s meters", "%s / %s 块表"), grouped(int64(g.Meters)), grouped(int64(g.Of)))
	switch {
	case g.Of == 0:
		return pick("no meter covers a day: which end is stamped cannot be told", "数据不足一天，无法判断")
	case g.Convention == "start" && g.Certain:
		return fmt.Sprintf(pick("read right: %s begin and end at midnight (%s)", "正确：%s起止于零点（%s）"), meters, where)
	case g.Convention == "end" && g.Certain:
		return fmt.Sprintf(pick("one interval late: %s begin and end an interval after midnight (%s); times seem to be stamped at the end: --stamp end", "整体晚一个间隔：%s（零点为%s）；时标应为时段末：--stamp end"), meters, where)
	case g.Midnight != "" && g.Certain:
		return fmt.Sprintf(pick("whole days: %s begin and end at %s; if that is not midnight of their zone (give it with --zone), times are stamped at the end: --stamp end", "整日数据：%s起止于 %s；若非当地零点（用 --zone 指定时区），时标应为时段末：--stamp end"), meters, where)
	}
	return pick("unclear: the data do not begin and end at midnight", "不明：数据起止不在零点")
}

func share(part, whole int64) string {
	if whole == 0 {
		return dash
	}
	if part == 0 || part == whole {
		return fmt.Sprintf("%d %%", 100*part/whole)
	}
	return fmt.Sprintf("%.2f %%", 100*float64(part)/float64(whole))
}
