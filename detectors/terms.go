package detectors

import (
	"math"

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
	show    func(float64) float64    // turns the measurement into the number that is told
	say     phrases
}

// phrases are the words for a term, with one verb for the number that is told.
type phrases struct{ en, zh string }

// terms is the register of evidence. To add one: write its measure in a file of its
// own, add its line here, a scenario to testdata and a paragraph to docs/detectors.md.
// The order is part of the model file's meaning only by name, never by position.
var terms = [...]term{
	{"size", onsetBranch, measureSize, curve(-1.5, -4, -0.3, -2, 0.3, 0, 1.2, 1, 3, 1.5, 5, 1.5),
		math.Exp, phrases{"added block of %.3g kW", "新增恒定负荷 %.3g kW"}},
	{"clarity", onsetBranch, measureClarity, curve(0.5, -2.5, 1.2, -0.5, 2, 0.5, 3, 1, 5, 1.2),
		math.Exp, phrases{"stands %.2g times the usual wobble above the floor", "高出基荷，为平时波动的 %.2g 倍"}},
	{"shape", onsetBranch, measureShape, curve(-12, -4, -4, -2, 0, -0.5, 4, 1.2, 8, 2.2),
		plain, phrases{"same rise in all its hours (log Bayes factor %+.2g)", "各时段同幅抬升（对数贝叶斯因子 %+.2g）"}},
	{"flatness", onsetBranch, measureFlatness, curve(-4.6, 1.5, -3, 1, -2, 0, -1, -1.5, 0, -3),
		expPercent, phrases{"hours differ by only %.2g %% of the block", "各时段差异仅为该负荷的 %.2g %%"}},
	{"schedule", onsetBranch, measureSchedule, curve(4, -2, 7, -1.5, 12, -1, 18, -0.5, 24, 0.5),
		plain, phrases{"runs %.0f hours a day", "每天运行 %.0f 小时"}},
	{"outside", onsetBranch, measureOutside, curve(-0.5, -1, -0.1, 0.2, 0.05, 0.2, 0.2, -0.5, 0.5, -1.5),
		percent, phrases{"outside its hours the change is %.2g %% of it", "时段之外变化为其 %.2g %%"}},
	{"mean_ratio", onsetBranch, measureMeanRatio, curve(0, -2, 0.6, -1, 0.9, 0.7, 1.1, 0.7, 1.4, -0.7, 2, -2),
		percent, phrases{"mean demand rose by %.3g %% of the block (100 %% = nothing else changed)", "平均负荷增量为该负荷的 %.3g %%（100 %% 表示其他用电未变）"}},
	{"top_ratio", onsetBranch, measureTopRatio, curve(-0.5, -1, 0.5, -0.3, 0.9, 0.6, 1.2, 0.6, 2, -0.6, 3, -1.2),
		percent, phrases{"daily peaks rose by %.3g %% of the block", "日峰值增量为该负荷的 %.3g %%"}},
	{"noise", onsetBranch, measureNoise, curve(-7, 1.5, -5, 1.2, -4, 0.7, -3, -0.5, -2, -2, -1, -4),
		expPercent, phrases{"its noise between readings is %.2g %% of it", "相邻读数间波动为其 %.2g %%"}},
	{"day_spread", onsetBranch, measureDaySpread, curve(-5, 0.8, -3.5, 0.6, -2.5, 0, -1.5, -1.2, -0.5, -3),
		expPercent, phrases{"varies by %.2g %% from day to day", "逐日变化 %.2g %%"}},
	{"thermal", onsetBranch, measureThermal, curve(-6, -3, -2, -1.5, -0.5, 0, 0.2, 0.4, 0.6, 0.3, 1.5, -0.8, 4, -3),
		plain, phrases{"changes by %+.2g %% per °C", "随气温变化 %+.2g %%/°C"}},
	{"power_factor", onsetBranch, measurePowerFactor, curve(0.6, -4, 0.85, -3.5, 0.92, -1.5, 0.96, 1.2, 0.99, 1.5, 1, 0.8),
		plain, phrases{"power factor of the block is %.3f", "该负荷功率因数 %.3f"}},
	{"voltage", onsetBranch, measureVoltage, curve(-0.5, 0.2, 0, 0.6, 0.3, 0.2, 0.8, -1, 2, -3),
		plain, phrases{"follows voltage with exponent %.2g (0 = constant power, 2 = resistive)", "功率对电压指数 %.2g（0 恒功率，2 电阻性）"}},
	{"uptime", onsetBranch, measureUptime, curve(0, 0.4, 0.05, 0.4, 0.15, -0.5, 0.4, -2.5, 1, -5),
		percent, phrases{"was missing on %.2g %% of the days since", "此后 %.2g %% 的天数中断"}},
	{"dips", onsetBranch, measureDips, curve(-2, -0.2, 0, 0, 0.5, 0.4, 3, 0.7, 10, -0.3, 30, -1),
		plain, phrases{"%+.2g short partial dips a day (single machines restarting)", "每天短时部分跌落 %+.2g 次（单机重启）"}},
	{"comb", onsetBranch, measureComb, curve(-2, -1, 0, 0, 1.5, 0.8),
		plain, phrases{"size against whole machines (log Bayes factor %+.2g)", "功率与整数台矿机的吻合（对数贝叶斯因子 %+.2g）"}},
	{"edge", onsetBranch, measureEdge, curve(0, -0.8, 0.3, -0.3, 0.7, 0.5, 1.1, 0.8, 2, 0.3),
		percent, phrases{"began with one step of %.3g %% of the block", "起始阶跃为该负荷的 %.3g %%"}},
	{"novelty", onsetBranch, measureNovelty, curve(-1, -3, 0, -2, 0.5, -0.8, 0.9, 0.5, 1, 0.7),
		percent, phrases{"%.3g %% of it is above anything seen here before", "其中 %.3g %% 超过历史最高水平"}},
	{"age", onsetBranch, measureAge, curve(0, -1.5, 0.7, -0.7, 1.4, 0, 2.3, 0.6, 3.5, 1),
		math.Exp, phrases{"has run for %.3g days", "已持续 %.3g 天"}},
	{"peers", onsetBranch, measurePeers, curve(-1, 0, 0, 0.2, 0.2, -0.3, 0.6, -2),
		percent, phrases{"peers rose by %.2g %% of it at the same time", "同类用户同期上升为其 %.2g %%"}},
	{"growth", onsetBranch, measureGrowth, curve(-3, -1, -1.5, -0.3, 0, 0.5, 2, 1.2, 4, 1.2),
		math.Exp, phrases{"is %.2g times the earlier floor", "为原基荷的 %.2g 倍"}},
	{"weekend", onsetBranch, measureWeekend, curve(0, 0.4, 0.1, 0.2, 0.3, -0.6, 1, -2),
		percent, phrases{"weekdays and weekends differ by %.2g %% of it", "工作日与周末差异为其 %.2g %%"}},
	{"day_wave", onsetBranch, measureDayWave, curve(-10, -1, -2, 0, 0, 0, 1, 0.3, 3, 0.3, 8, -0.5, 20, -1.5),
		plain, phrases{"swings by %.2g %% with the warmth of the day", "随日内气温摆动 %.2g %%"}},
	{"evening_wave", onsetBranch, measureEveningWave, curve(-10, -0.5, -3, 0, 0, 0.3, 1, 0.2, 3, -0.5, 8, -1.2, 20, -1.5),
		plain, phrases{"swings by %.2g %% towards the evening", "向晚间摆动 %.2g %%"}},
	{"history", onsetBranch, measureHistory, curve(0, 0.3, 0.7, 0, 1.5, -0.5, 3, -1),
		math.Expm1, phrases{"the floor has risen for good %.0f times before", "此前基荷已有 %.0f 次持续抬升"}},
	{"spread_ratio", onsetBranch, measureSpreadRatio, curve(-2, 0.3, 0, 0.3, 1, -0.3, 2.5, -1.5),
		math.Exp, phrases{"the floor varies %.2g times as much from day to day as before", "基荷逐日离散为此前的 %.2g 倍"}},
	{"hour_ratio", onsetBranch, measureHourRatio, curve(-2, 0.2, 0, 0.2, 0.7, -0.2, 2, -1),
		math.Exp, phrases{"the hourly floors vary %.2g times as much as before", "各时段基荷离散为此前的 %.2g 倍"}},
	{"deviation", onsetBranch, measureDeviationRatio, curve(-0.5, -0.5, 0, 0.5, 0.15, 0.2, 0.5, -1, 1, -2),
		percent, phrases{"spread within a day grew by %.2g %% of the block", "日内离散增加为该负荷的 %.2g %%"}},

	{"hours_up", onsetBranch, measureHoursUp, curve(0, -2, 0.6, -0.5, 0.9, 0.2, 1, 0.3, 1.3, 0.2, 2, -0.5),
		percent, phrases{"ran in %.3g %% of its hours", "在其时段的 %.3g %% 小时内运行"}},
	{"hour_spread", onsetBranch, measureHourSpread, curve(-5.5, 0.6, -3.5, 0.4, -2, 0, -1, -0.8, 0, -1.5),
		expPercent, phrases{"its hours vary by %.2g %% from day to day", "各时段逐日变化 %.2g %%"}},
	{"block_level", onsetBranch, measureBlockLevel, curve(-3, -0.8, -1, -0.2, 0, 0, 1, 0.5, 3, 0.8),
		math.Exp, phrases{"is %.2g times the mean demand of peers", "为同类平均负荷的 %.2g 倍"}},

	{"step_size", onsetBranch, measureStepSize, curve(-2, -0.6, -0.3, -0.3, 0.3, 0, 1.2, 0.3, 3, 0.3, 5, 0.2),
		math.Exp, phrases{"the last six weeks hold a lasting step of %.3g kW", "近六周内有 %.3g kW 的持续阶跃"}},
	{"step_gain", onsetBranch, measureStepGain, curve(1.5, -0.8, 3, -0.2, 5, 0.2, 8, 0.5),
		math.Exp, phrases{"that step explains the weeks (log likelihood ratio %.3g)", "该阶跃可解释这些天（对数似然比 %.3g）"}},
	{"step_clarity", onsetBranch, measureStepClarity, curve(0, -1, 1.2, -0.3, 2, 0.2, 3, 0.5, 5, 0.6),
		math.Exp, phrases{"that step is %.2g times the earlier wobble", "该阶跃为此前波动的 %.2g 倍"}},
	{"step_flat", onsetBranch, measureStepFlat, curve(-5, 0.6, -3, 0.4, -2, 0, -1, -0.8, 0, -1.5),
		expPercent, phrases{"that step differs by %.2g %% between its hours", "该阶跃各时段差异 %.2g %%"}},
	{"step_hours", onsetBranch, measureStepHours, curve(6, -0.5, 12, -0.2, 18, 0, 24, 0.2),
		plain, phrases{"that step lies on %.0f hours a day", "该阶跃每天占 %.0f 小时"}},
	{"step_outside", onsetBranch, measureStepOutside, curve(-0.6, -0.5, -0.1, 0.1, 0.1, 0.1, 0.5, -0.5),
		percent, phrases{"other hours changed by %.2g %% of that step", "其他时段变化为该阶跃的 %.2g %%"}},
	{"step_spread", onsetBranch, measureStepSpread, curve(-5.5, 0.5, -3.5, 0.4, -2, -0.1, -1, -0.8, 0, -1.5),
		expPercent, phrases{"since that step the level varies by %.2g %% of it", "此后水平变化为该阶跃的 %.2g %%"}},
	{"step_spread_ratio", onsetBranch, measureStepSpreadRatio, curve(-2, 0.2, 0, 0.2, 1, -0.3, 2.5, -1),
		math.Exp, phrases{"since that step the floor varies %.2g times as much as before", "此后基荷离散为此前的 %.2g 倍"}},
	{"step_jump", onsetBranch, measureStepJump, curve(-1.5, -1, -0.3, -0.4, 0.3, 0, 0.7, 0.4, 1, 0.6),
		percent, phrases{"%.3g %% of that step separates the days before from those since", "该阶跃的 %.3g %% 将前后各天截然分开"}},
	{"step_rival", onsetBranch, measureStepRival, curve(0, 0.3, 0.2, 0.1, 0.6, -0.4, 1.5, -1),
		percent, phrases{"other clean steps of these weeks are up to %.3g %% as large", "其间其他明显阶跃最大为其 %.3g %%"}},
	{"step_trend", onsetBranch, measureStepTrend, curve(-0.6, -0.6, -0.1, 0.1, 0.1, 0.1, 0.4, -0.4, 1, -0.8),
		percent, phrases{"since then it has grown by %+.2g %%", "此后增长 %+.2g %%"}},
	{"step_lead", onsetBranch, measureStepLead, curve(-0.5, -0.2, 0, 0.1, 0.15, 0, 0.5, -0.5),
		percent, phrases{"the floor had risen by %+.2g %% of it before", "阶跃前基荷已上升其 %+.2g %%"}},
	{"step_missed", onsetBranch, measureStepMissed, curve(0, 0.2, 0.1, 0, 0.3, -0.6, 0.5, -1),
		percent, phrases{"was absent on %.2g %% of the days since that step", "此后 %.2g %% 的天数没有该负荷"}},
	{"step_mean", onsetBranch, measureStepMean, curve(0, -0.8, 0.7, -0.2, 0.95, 0.3, 1.1, 0.3, 1.5, -0.3, 2.5, -0.8),
		percent, phrases{"mean demand rose by %.3g %% of that step", "平均负荷增量为该阶跃的 %.3g %%"}},
	{"step_noise", onsetBranch, measureStepNoise, curve(-7, 0.4, -5, 0.3, -4, 0.2, -3, -0.2, -2, -0.8, -1, -1.2),
		expPercent, phrases{"noise added with that step is %.2g %% of it", "随该阶跃新增波动为其 %.2g %%"}},
	{"step_growth", onsetBranch, measureStepGrowth, curve(-3, -0.3, -1.5, -0.1, 0, 0.1, 2, 0.3, 4, 0.3),
		math.Exp, phrases{"that step is %.2g times the earlier floor", "该阶跃为原基荷的 %.2g 倍"}},
	{"step_thermal", onsetBranch, measureStepThermal, curve(-6, -0.8, -2, -0.4, -0.5, 0, 0.2, 0.1, 0.6, 0.1, 1.5, -0.3, 4, -0.8),
		plain, phrases{"since that step it changes by %+.2g %% per °C", "此后随气温变化 %+.2g %%/°C"}},
	{"step_edge", onsetBranch, measureStepEdge, curve(0, -0.3, 0.3, -0.1, 0.7, 0.2, 1.1, 0.3, 2, 0.1),
		percent, phrases{"that day shows one step of %.3g %% of it", "当日单次阶跃为其 %.3g %%"}},
	{"step_factor", onsetBranch, measureStepFactor, curve(0.6, -0.8, 0.85, -0.8, 0.92, -0.3, 0.96, 0.3, 0.99, 0.4, 1, 0.2),
		plain, phrases{"power factor of that step is %.3f", "该阶跃功率因数 %.3f"}},
	{"step_age", onsetBranch, measureStepAge, curve(0, -0.5, 1, -0.2, 2, 0.2, 3.5, 0.3),
		math.Exp, phrases{"that step is %.3g days old", "该阶跃已有 %.3g 天"}},
	{"step_level", onsetBranch, measureStepLevel, curve(-3, -0.4, -1, -0.1, 0, 0, 1, 0.2, 3, 0.4),
		math.Exp, phrases{"that step is %.2g times the mean demand of peers", "该阶跃为同类平均负荷的 %.2g 倍"}},

	{"rest_size", onsetBranch, measureRestSize, curve(-3, -0.2, 0, 0, 3, 0.2),
		math.Exp, phrases{"the lowest demand of its days rose by %.3g kW", "各日最低负荷抬升 %.3g kW"}},
	{"rest_gain", onsetBranch, measureRestGain, curve(0, -0.4, 1.5, -0.1, 2.5, 0.2, 4, 0.5),
		math.Exp, phrases{"its days no longer rest as before (log likelihood ratio %.3g)", "各日不再回落到此前水平（对数似然比 %.3g）"}},
	{"rest_age", onsetBranch, measureRestAge, curve(0, -0.3, 1.5, 0, 3.5, 0.3),
		math.Exp, phrases{"has not come back to its earlier lowest demand for %.3g days", "已有 %.3g 天未回到此前的最低负荷"}},
	{"rest_hours", onsetBranch, measureRestHours, curve(6, -0.2, 18, 0, 24, 0.2),
		plain, phrases{"that rise of the lowest demand lies on %.0f hours a day", "最低负荷的抬升每天占 %.0f 小时"}},
	{"rest_lead", onsetBranch, measureRestLead, curve(-0.5, -0.2, 0, 0.1, 0.2, 0, 0.8, -0.4),
		percent, phrases{"the lowest demand had changed by %+.2g %% of that before", "此前最低负荷已变化其 %+.2g %%"}},
	{"rest_trend", onsetBranch, measureRestTrend, curve(-0.5, -0.2, 0, 0.1, 0.2, 0, 0.8, -0.4),
		percent, phrases{"the lowest demand has changed by %+.2g %% of that since", "此后最低负荷变化其 %+.2g %%"}},
	{"rest_growth", onsetBranch, measureRestGrowth, curve(-4, -0.3, -1.5, 0, 0, 0.2, 2, 0.4),
		math.Exp, phrases{"the lowest demand rose by %.2g times what it was", "最低负荷抬升为原值的 %.2g 倍"}},
	{"rest_flat", onsetBranch, measureRestFlat, curve(-5, 0.4, -3, 0.3, -1.5, 0, 0, -0.6, 1, -0.8),
		expPercent, phrases{"the lowest demand of its hours rose alike to %.2g %%", "各时段最低负荷抬升差异 %.2g %%"}},
	{"rest_above", onsetBranch, measureRestAbove, curve(-4, 0.3, -1, 0.1, 0.5, -0.2, 2, -0.4),
		expPercent, phrases{"usual days lay %.2g %% of the rise above the lowest before", "此前平常日比最低负荷高出抬升量的 %.2g %%"}},
	{"rest_since", onsetBranch, measureRestSince, curve(-4, 0.3, -1, 0.1, 0.5, -0.2, 2, -0.4),
		expPercent, phrases{"usual days lie %.2g %% of the rise above the lowest since", "此后平常日比最低负荷高出抬升量的 %.2g %%"}},
	{"rest_mean", onsetBranch, measureRestMean, curve(-1, -0.4, 0.6, 0, 1, 0.2, 1.5, 0, 3, -0.4),
		percent, phrases{"mean demand of days that rested rose by %.3g %% of that", "低负荷日平均负荷增量为其 %.3g %%"}},
	{"rest_block", onsetBranch, measureRestBlock, curve(-2, -0.3, -0.3, 0.1, 0, 0.3, 0.3, 0.1, 2, -0.3),
		math.Exp, phrases{"the lowest demand rose by %.2g times the block", "最低负荷抬升为该负荷的 %.2g 倍"}},
	{"rest_level", onsetBranch, measureRestLevel, curve(-3, -0.2, 0, 0, 3, 0.2),
		math.Exp, phrases{"that rise is %.2g times the mean demand of peers", "该抬升为同类平均负荷的 %.2g 倍"}},
	{"rest_clarity", onsetBranch, measureRestClarity, curve(-1, -0.5, 1, 0, 3, 0.4),
		math.Exp, phrases{"that rise is %.2g times the usual change from week to week", "该抬升为每周通常变化的 %.2g 倍"}},
	{"unrest", onsetBranch, measureUnrest, curve(-5, 0.2, -2, 0, 0, -0.3),
		expPercent, phrases{"the lowest demand usually changes by %.2g %% from week to week", "最低负荷每周通常变化 %.2g %%"}},
	{"switch_spread", onsetBranch, measureSwitchSpread, curve(-3, 0.4, -2, 0.3, -0.7, -0.1, 1, -0.5),
		math.Exp, phrases{"is switched on at times that vary by %.2g hours", "投入时刻离散 %.2g 小时"}},
	{"switch_drift", onsetBranch, measureSwitchDrift, curve(0, 0.2, 0.5, 0, 1.5, -0.6, 3, -0.8),
		plain, phrases{"is switched on %.2g minutes earlier or later every day", "投入时刻每天移动 %.2g 分钟"}},
	{"switch_tariff", onsetBranch, measureSwitchTariff, curve(0, 0.3, 0.3, 0.1, 1, 0, 3, -0.1),
		plain, phrases{"is switched on %.2g hours from a change of price", "投入时刻距电价时段切换 %.2g 小时"}},
	{"price", onsetBranch, measurePrice, curve(-0.6, 0.3, -0.2, 0.1, 0, 0, 0.4, -0.4),
		percent, phrases{"its hours cost %+.2g %% against the whole day", "其运行时段电价较全天均价 %+.2g %%"}},
	{"shed", onsetBranch, measureShed, curve(0, -0.4, 0.4, -0.1, 0.8, 0.4, 1, 0.6),
		percent, phrases{"%.3g %% of it was gone while the customer was asked to do with less", "要求压减负荷期间其 %.3g %% 停运"}},
	{"unit_dips", onsetBranch, measureUnitDips, curve(-2, -0.4, 0, 0, 1.5, 0.6),
		plain, phrases{"dips against whole machines (log Bayes factor %+.2g)", "跌落深度与整数台矿机的吻合（对数贝叶斯因子 %+.2g）"}},

	{"floor_level", staticBranch, measureFloorLevel, curve(-3, -2, 0, -1, 1.5, 0, 3, 1.8, 5, 3),
		plain, phrases{"floor is %.2g sigmas above peers of its class", "基荷高出同类 %.2g 倍标准差"}},
	{"floor_size", staticBranch, measureFloorSize, curve(-1.5, -4, -0.3, -2, 0.3, 0, 1.2, 0.8, 3, 1, 5, 0.5),
		math.Exp, phrases{"floor of %.3g kW", "基荷 %.3g kW"}},
	{"floor_noise", staticBranch, measureFloorNoise, curve(-7, 1.2, -5, 1, -4, 0.3, -3, -0.8, -2, -2.5),
		expPercent, phrases{"noise between readings is %.2g %% of the floor", "相邻读数间波动为基荷的 %.2g %%"}},
	{"floor_spread", staticBranch, measureFloorSpread, curve(-6, 0.8, -4, 0.8, -3, 0, -2, -1.2, -1, -2.5),
		expPercent, phrases{"floor varies by %.2g %% from day to day", "基荷逐日变化 %.2g %%"}},
	{"floor_share", staticBranch, measureFloorShare, curve(0.1, -3, 0.4, -1.5, 0.7, 0.3, 0.9, 1, 1, 1),
		percent, phrases{"floor is %.2g %% of the mean", "基荷占平均负荷 %.2g %%"}},
	{"floor_swing", staticBranch, measureFloorSwing, curve(-5, 1, -3, 0.7, -2, 0, -1, -1, 0.5, -2.5),
		expPercent, phrases{"hourly floors swing by %.2g %% of their mean", "各时段基荷摆动为均值的 %.2g %%"}},
	{"floor_thermal", staticBranch, measureFloorThermal, curve(-6, -2.5, -1.5, -1, -0.3, 0, 0.2, 0.5, 0.6, 0.3, 1.5, -0.8, 4, -2.5),
		plain, phrases{"floor changes by %+.2g %% per °C", "基荷随气温变化 %+.2g %%/°C"}},
	{"floor_pf", staticBranch, measureFloorPF, curve(0.6, -3, 0.88, -2.5, 0.94, -1, 0.965, 0.8, 0.99, 1.2, 1, 0.5),
		plain, phrases{"power factor at the floor is %.3f", "基荷功率因数 %.3f"}},
	{"floor_voltage", staticBranch, measureFloorVoltage, curve(-0.5, 0.2, 0, 0.6, 0.3, 0.2, 0.8, -1, 2, -3),
		plain, phrases{"floor follows voltage with exponent %.2g (0 = constant power)", "基荷对电压指数 %.2g（0 恒功率）"}},
	{"floor_comb", staticBranch, measureFloorComb, curve(-2, -0.4, 0, 0, 1.5, 0.4),
		plain, phrases{"floor against whole machines (log Bayes factor %+.2g)", "基荷与整数台矿机的吻合（对数贝叶斯因子 %+.2g）"}},
	{"floor_unit_dips", staticBranch, measureFloorUnitDips, curve(-2, -0.3, 0, 0, 1.5, 0.4),
		plain, phrases{"dips of the place against whole machines (log Bayes factor %+.2g)", "该户跌落深度与整数台矿机的吻合（对数贝叶斯因子 %+.2g）"}},
	{"floor_dips", staticBranch, measureFloorDips, curve(0, 0, 1, 0.3, 4, 0.3, 12, -0.6),
		plain, phrases{"%.2g short partial dips a day", "每天短时部分跌落 %.2g 次"}},
	{"window_shape", staticBranch, measureWindowShape, curve(-12, -0.5, 0, 0, 4, 0.4, 8, 0.7),
		plain, phrases{"a constant block on fixed hours explains the daily profile (log Bayes factor %+.2g)", "固定时段的恒定负荷可解释日曲线（对数贝叶斯因子 %+.2g）"}},
	{"window_flat", staticBranch, measureWindowFlat, curve(-5, 0.5, -3, 0.3, -2, 0, -1, -0.3, 0, -0.5),
		expPercent, phrases{"on its fixed hours the daily profile is level to %.2g %%", "固定时段内日曲线差异 %.2g %%"}},
	{"window_size", staticBranch, measureWindowSize, curve(-3, -0.5, -0.5, -0.2, 0.5, 0, 1.5, 0.3, 4, 0.3),
		math.Exp, phrases{"the daily profile holds a block of %.3g kW on fixed hours", "日曲线固定时段负荷 %.3g kW"}},
	{"window_night", staticBranch, measureWindowNight, curve(-1, -0.3, 0, 0, 1, 0.3),
		plain, phrases{"the block on fixed hours runs by night (+1) or by day (−1): %+.0f", "固定时段负荷在夜间（+1）或白天（−1）运行：%+.0f"}},
	{"night_day", staticBranch, measureNightDay, curve(-2, -0.6, -0.3, 0, 0, 0.3, 0.4, 0, 1.5, 0.3),
		math.Exp, phrases{"night floor is %.2g times the day floor", "夜间基荷为日间的 %.2g 倍"}},
	{"mean_level", staticBranch, measureMeanLevel, curve(-2, -1, 0, -0.2, 0.7, 0.2, 2, 0.8, 4, 1),
		math.Exp, phrases{"mean demand is %.2g times that of peers", "平均负荷为同类的 %.2g 倍"}},
	{"window_level", staticBranch, measureWindowLevel, curve(-2, -0.3, 0, 0, 1, 0.3, 3, 0.6),
		math.Exp, phrases{"the block on fixed hours is %.2g times the mean demand of peers", "固定时段负荷为同类平均负荷的 %.2g 倍"}},
	{"window_spread", staticBranch, measureWindowSpread, curve(-5, 0.5, -3, 0.3, -2, 0, -1, -0.4, 0, -0.6),
		expPercent, phrases{"its fixed hours vary by %.2g %% from day to day", "其固定时段逐日变化 %.2g %%"}},
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
