package main

import (
	"fmt"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/console"
)

// labels are the words of explain in one language; English is its own key.
type labels map[string]string

// labelsIn returns the labels of "zh", or English ones.
func labelsIn(lang string) labels {
	if lang == "zh" {
		return chineseLabels
	}
	return nil
}

var chineseLabels = labels{
	"declared": "申报类别", "state": "状态", "probability": "概率", "block": "负荷块", "onset": "起始",
	"ended": "已终止", "hardware": "设备估计", "energy": "电量",
	"for a miner": "支持挖矿的证据", "against it": "反对的证据", "nothing": "无",
	string(flatwatt.Normal): "正常", string(flatwatt.Suspect): "疑似",
	string(flatwatt.MeterFault): "表计故障", string(flatwatt.NotEnoughData): "数据不足",
	string(flatwatt.AlwaysOn): "全天运行", string(flatwatt.Night): "夜间运行", string(flatwatt.OffPeak): "避峰运行",
	string(flatwatt.Daytime): "日间运行", "no known schedule": "时段未知", "before the data": "早于数据",
	"%s, tariff %s": "%s，电价 %s", "%s on %s": "%s，%s", ", rank %d of %d": "，第 %d 位（共 %d）",
	"%s (log odds %s, model %s)": "%s（对数几率 %s，模型 %s）", "%s units, %s TH/s": "%s 台，%s TH/s",
	"given to the grid:":                                   "上网出力：",
	"kW; # daily floor, . up to the daily mean":            "kW；# 日基荷，. 至日均负荷",
	"kW; solid: daily floor, dotted: up to the daily mean": "kW；实心：日基荷，点：至日均负荷",
	", %c onset": "，%c 起始", "note:": "注：",
	"%.0f kWh since the onset [%.0f–%.0f]": "起始以来 %.0f kWh [%.0f–%.0f]",
	"outside":                              "外部线索", "hall": "机房判别", "for a mining farm": "支持矿场的证据", "for a data centre": "支持数据中心的证据",
	"mining farm": "矿场", "data centre": "数据中心", string(flatwatt.Inspect): "需现场核查",
	"%s of the log odds come from outside evidence and registers": "其中 %s 对数几率来自外部线索与登记",
	"mining farm against data centre: %s, %s":                     "矿场（相对数据中心）：%s，%s",
}

// of is the word for an English one, or that one.
func (l labels) of(english string) string {
	if word, ok := l[english]; ok {
		return word
	}
	return english
}

func (l labels) f(english string, args ...any) string { return fmt.Sprintf(l.of(english), args...) }

func (l labels) rank(rank, of int) string {
	if rank == 0 {
		return ""
	}
	return l.f(", rank %d of %d", rank, of)
}

// hall is what the state of a hall's posterior means.
func (l labels) hall(s flatwatt.State) string {
	switch s {
	case flatwatt.Suspect:
		return l.of("mining farm")
	case flatwatt.Normal:
		return l.of("data centre")
	}
	return l.of(string(s))
}

func (l labels) schedule(s flatwatt.Schedule) string {
	if s == flatwatt.NoneKnown {
		return l.of("no known schedule")
	}
	if word, ok := l[string(s)]; ok {
		return word
	}
	return "runs " + string(s)
}

// onset tells the onset to the minute where it is known within half a day, else as the
// table does.
func (l labels) onset(f console.Finding) string {
	o := f.Score.Onset
	if width := o.High.Sub(o.Low); o.At.IsZero() || width >= 12*time.Hour {
		return l.of(onsetText(f))
	}
	zone := zoneOf(f.Meter)
	return fmt.Sprintf("%s [%s–%s]", o.At.In(zone).Format("2006-01-02 15:04"), o.Low.In(zone).Format("15:04"), o.High.In(zone).Format("15:04 MST"))
}
