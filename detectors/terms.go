package detectors

import (
	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/models"
)

// A branch is one of the two ways in which a meter can come to hide a miner: one that
// began while we watched, or one that is older than the data.
type branch uint8

const (
	onsetBranch  branch = iota // evidence on the added block, before against after
	staticBranch               // evidence on the present floor, against peers
)

// A term is one piece of evidence: how it is measured on a judgement, what it
// contributes before it has been fitted, and how it is said.
type term struct {
	name    string
	branch  branch
	measure func(*judgement) float64 // NaN: not measurable here
	prior   models.Curve             // contribution to the log-odds, unfitted
	say     phrases
}

// phrases are the words for a term, with one %v for the measured value.
type phrases struct{ en, zh string }

// terms is the register of evidence. To add one: write its measure in a file of its
// own, add its line here, a scenario to testdata and a paragraph to docs/detectors.md.
// The order is part of the model file's meaning only by name, never by position.
var terms = [...]term{
	{"size", onsetBranch, measureSize, curve(-1.5, -4, -0.3, -2, 0.3, 0, 1.2, 1, 3, 1.5, 5, 1.5), phrases{"added block of %.3g kW", "新增恒定负荷 %.3g kW"}},
	{"clarity", onsetBranch, measureClarity, curve(0.5, -2.5, 1.2, -0.5, 2, 0.5, 3, 1, 5, 1.2), phrases{"stands %.3g sigmas above the usual floor", "高出平时基荷 %.3g 倍标准差"}},
	{"shape", onsetBranch, measureShape, curve(-12, -4, -4, -2, 0, -0.5, 4, 1.2, 8, 2.2), phrases{"shift is parallel over its hours (log Bayes factor %.2g)", "各时段平行抬升（对数贝叶斯因子 %.2g）"}},
	{"flatness", onsetBranch, measureFlatness, curve(-4.6, 1.5, -3, 1, -2, 0, -1, -1.5, 0, -3), phrases{"hours differ by %.2g of the block", "各时段差异为负荷的 %.2g"}},
	{"schedule", onsetBranch, measureSchedule, curve(4, -2, 7, -1.5, 12, -1, 18, -0.5, 24, 0.5), phrases{"runs %.0f hours a day", "每天运行 %.0f 小时"}},
	{"outside", onsetBranch, measureOutside, curve(-0.5, -1, -0.1, 0.2, 0.05, 0.2, 0.2, -0.5, 0.5, -1.5), phrases{"outside its hours the change is %.2g of it", "时段外变化为其 %.2g"}},
	{"mean_ratio", onsetBranch, measureMeanRatio, curve(0, -2, 0.6, -1, 0.9, 0.7, 1.1, 0.7, 1.4, -0.7, 2, -2), phrases{"mean demand rose by %.2g of the block (1 = nothing else changed)", "平均负荷增量为该负荷的 %.2g（1 表示其他用电未变）"}},
	{"top_ratio", onsetBranch, measureTopRatio, curve(-0.5, -1, 0.5, -0.3, 0.9, 0.6, 1.2, 0.6, 2, -0.6, 3, -1.2), phrases{"daily peaks rose by %.2g of the block", "日峰值增量为该负荷的 %.2g"}},
	{"noise", onsetBranch, measureNoise, curve(-7, 1.5, -5, 1.2, -4, 0.7, -3, -0.5, -2, -2, -1, -4), phrases{"quarter-hour noise of the block is %.2g of it", "负荷的刻间波动为 %.2g"}},
	{"day_spread", onsetBranch, measureDaySpread, curve(-5, 0.8, -3.5, 0.6, -2.5, 0, -1.5, -1.2, -0.5, -3), phrases{"varies from day to day by %.2g of itself", "逐日变化为自身的 %.2g"}},
	{"thermal", onsetBranch, measureThermal, curve(-6, -3, -2, -1.5, -0.5, 0, 0.2, 0.4, 0.6, 0.3, 1.5, -0.8, 4, -3), phrases{"changes by %+.2g %% per °C", "随气温变化 %+.2g %%/°C"}},
	{"power_factor", onsetBranch, measurePowerFactor, curve(0.6, -4, 0.85, -3.5, 0.92, -1.5, 0.96, 1.2, 0.99, 1.5, 1, 0.8), phrases{"power factor of the block is %.3g", "该负荷功率因数 %.3g"}},
	{"voltage", onsetBranch, measureVoltage, curve(-0.5, 0.2, 0, 0.6, 0.3, 0.2, 0.8, -1, 2, -3), phrases{"power follows voltage with exponent %.2g (0 = constant power)", "功率对电压指数 %.2g（0 为恒功率）"}},
	{"uptime", onsetBranch, measureUptime, curve(0, 0.4, 0.05, 0.4, 0.15, -0.5, 0.4, -2.5, 1, -5), phrases{"was missing on %.2g of the days since", "其后 %.2g 的天数中断"}},
	{"dips", onsetBranch, measureDips, curve(-2, -0.2, 0, 0, 0.5, 0.4, 3, 0.7, 10, -0.3, 30, -1), phrases{"%+.2g short partial dips a day (restarts of single units)", "每天短时部分跌落变化 %+.2g 次（单机重启）"}},
	{"comb", onsetBranch, measureComb, curve(-2, -1, 0, 0, 1.5, 0.8), phrases{"size fits a whole number of machines (log Bayes factor %.2g)", "功率符合整数台矿机（对数贝叶斯因子 %.2g）"}},
	{"edge", onsetBranch, measureEdge, curve(0, -0.8, 0.3, -0.3, 0.7, 0.5, 1.1, 0.8, 2, 0.3), phrases{"began with one step of %.2g of the block", "起始为一次性阶跃，占该负荷 %.2g"}},
	{"novelty", onsetBranch, measureNovelty, curve(-1, -3, 0, -2, 0.5, -0.8, 0.9, 0.5, 1, 0.7), phrases{"%.2g of it is above anything seen before", "其中 %.2g 超过历史最高水平"}},
	{"age", onsetBranch, measureAge, curve(0, -1.5, 0.7, -0.7, 1.4, 0, 2.3, 0.6, 3.5, 1), phrases{"has run for %.3g days", "已持续 %.3g 天"}},
	{"peers", onsetBranch, measurePeers, curve(-1, 0, 0, 0.2, 0.2, -0.3, 0.6, -2), phrases{"peers rose by %.2g of it on the same days", "同类用户同期上升为其 %.2g"}},
	{"growth", onsetBranch, measureGrowth, curve(-3, -1, -1.5, -0.3, 0, 0.5, 2, 1.2, 4, 1.2), phrases{"is %.2g times the earlier floor", "为原基荷的 %.2g 倍"}},
	{"weekend", onsetBranch, measureWeekend, curve(0, 0.4, 0.1, 0.2, 0.3, -0.6, 1, -2), phrases{"weekdays and weekends differ by %.2g of it", "工作日与周末差异为其 %.2g"}},
	{"day_wave", onsetBranch, measureDayWave, curve(-10, -1, -2, 0, 0, 0, 1, 0.3, 3, 0.3, 8, -0.5, 20, -1.5), phrases{"swings by %.2g %% with the warmth of the day", "随日内气温摆动 %.2g %%"}},
	{"history", onsetBranch, measureHistory, curve(0, 0.3, 0.7, 0, 1.5, -0.5, 3, -1), phrases{"the meter has changed for good before (log count %.2g)", "此前已有持续性变化（对数次数 %.2g）"}},
	{"spread_ratio", onsetBranch, measureSpreadRatio, curve(-2, 0.3, 0, 0.3, 1, -0.3, 2.5, -1.5), phrases{"day-to-day spread of the floor changed by a factor of e^%.2g", "基荷逐日离散变化 e^%.2g 倍"}},
	{"hour_ratio", onsetBranch, measureHourRatio, curve(-2, 0.2, 0, 0.2, 0.7, -0.2, 2, -1), phrases{"spread of the hourly floors changed by a factor of e^%.2g", "各时段离散变化 e^%.2g 倍"}},
	{"deviation", onsetBranch, measureDeviationRatio, curve(-0.5, -0.5, 0, 0.5, 0.15, 0.2, 0.5, -1, 1, -2), phrases{"spread within a day grew by %.2g of the block", "日内离散增加为该负荷的 %.2g"}},

	{"floor_level", staticBranch, measureFloorLevel, curve(-3, -2, 0, -1, 1.5, 0, 3, 1.8, 5, 3), phrases{"floor is %.2g sigmas above peers of its class", "基荷高出同类 %.2g 倍标准差"}},
	{"floor_size", staticBranch, measureFloorSize, curve(-1.5, -4, -0.3, -2, 0.3, 0, 1.2, 0.8, 3, 1, 5, 0.5), phrases{"floor of %.3g kW", "基荷 %.3g kW"}},
	{"floor_noise", staticBranch, measureFloorNoise, curve(-7, 1.2, -5, 1, -4, 0.3, -3, -0.8, -2, -2.5), phrases{"quarter-hour noise is %.2g of the floor", "刻间波动为基荷的 %.2g"}},
	{"floor_spread", staticBranch, measureFloorSpread, curve(-6, 0.8, -4, 0.8, -3, 0, -2, -1.2, -1, -2.5), phrases{"floor varies from day to day by %.2g", "基荷逐日变化 %.2g"}},
	{"floor_share", staticBranch, measureFloorShare, curve(0.1, -3, 0.4, -1.5, 0.7, 0.3, 0.9, 1, 1, 1), phrases{"floor is %.2g of the mean", "基荷占平均负荷 %.2g"}},
	{"floor_swing", staticBranch, measureFloorSwing, curve(-5, 1, -3, 0.7, -2, 0, -1, -1, 0.5, -2.5), phrases{"hourly floor swings by %.2g of its mean", "各时段基荷摆动为均值的 %.2g"}},
	{"floor_thermal", staticBranch, measureFloorThermal, curve(-6, -2.5, -1.5, -1, -0.3, 0, 0.2, 0.5, 0.6, 0.3, 1.5, -0.8, 4, -2.5), phrases{"floor changes by %+.2g %% per °C", "基荷随气温变化 %+.2g %%/°C"}},
	{"floor_pf", staticBranch, measureFloorPF, curve(0.6, -3, 0.88, -2.5, 0.94, -1, 0.965, 0.8, 0.99, 1.2, 1, 0.5), phrases{"power factor at the floor is %.3g", "基荷功率因数 %.3g"}},
	{"floor_voltage", staticBranch, measureFloorVoltage, curve(-0.5, 0.2, 0, 0.6, 0.3, 0.2, 0.8, -1, 2, -3), phrases{"floor follows voltage with exponent %.2g", "基荷对电压指数 %.2g"}},
	{"floor_comb", staticBranch, measureFloorComb, curve(-2, -0.4, 0, 0, 1.5, 0.4), phrases{"floor fits a whole number of machines (log Bayes factor %.2g)", "基荷符合整数台矿机（对数贝叶斯因子 %.2g）"}},
	{"floor_dips", staticBranch, measureFloorDips, curve(0, 0, 1, 0.3, 4, 0.3, 12, -0.6), phrases{"%.2g short partial dips a day", "每天短时部分跌落 %.2g 次"}},
	{"window_shape", staticBranch, measureWindowShape, curve(-12, -0.5, 0, 0, 4, 0.4, 8, 0.7), phrases{"a constant block on fixed hours explains the profile (log Bayes factor %.2g)", "固定时段恒定负荷可解释曲线（对数贝叶斯因子 %.2g）"}},
	{"window_flat", staticBranch, measureWindowFlat, curve(-5, 0.5, -3, 0.3, -2, 0, -1, -0.3, 0, -0.5), phrases{"inside those hours the profile differs by %.2g (log)", "时段内差异（对数）%.2g"}},
	{"window_size", staticBranch, measureWindowSize, curve(-3, -0.5, -0.5, -0.2, 0.5, 0, 1.5, 0.3, 4, 0.3), phrases{"log of that block's kW is %.2g", "该时段负荷 kW 的对数 %.2g"}},
	{"window_night", staticBranch, measureWindowNight, curve(-1, -0.3, 0, 0, 1, 0.3), phrases{"runs at night (+1) or by day (−1): %.0f", "夜间（+1）或白天（−1）运行：%.0f"}},
	{"night_day", staticBranch, measureNightDay, curve(-2, -0.6, -0.3, 0, 0, 0.3, 0.4, 0, 1.5, 0.3), phrases{"night floor over day floor, logarithm %.2g", "夜间与日间基荷之比的对数 %.2g"}},
}

// curve pairs knots and values: curve(x₀, y₀, x₁, y₁, …).
func curve(xy ...float64) (c models.Curve) {
	for i := 0; i < len(xy); i += 2 {
		c.Knots, c.Values = append(c.Knots, xy[i]), append(c.Values, xy[i+1])
	}
	return c
}

// classPriors are the logarithms of the prior odds that a meter of a class hides a
// miner which begins while we watch (for the onset branch: given that something
// rose), and one older than the data. Assumptions, to be replaced by fitting.
var classPriors = map[flatwatt.Class][2]float64{
	"":             {-4.5, -6.5},
	"residential":  {-4.5, -6.5},
	"commercial":   {-4.5, -6.5},
	"industrial":   {-4.5, -7},
	"agricultural": {-5.5, -7},
	"telecom":      {-6, -9},
	"datacentre":   {-6, -8},
	"cold_storage": {-6, -8.5},
	"street_light": {-6, -9},
	"pump":         {-6, -8.5},
	"ev_charging":  {-5.5, -8},
}
