package detectors

import "github.com/flatwatt/flatwatt"

// likeFrom is the contribution, in log-odds against a miner, from which it is worth
// saying what the measurement looks like instead.
const likeFrom = -0.3

// like names the load that a measurement which speaks against a miner resembles; ok is
// false where there is no such load. The physics is that of docs/detectors.md.
func like(e flatwatt.Evidence) (p phrases, ok bool) {
	if !(e.LogOdds <= likeFrom) {
		return p, false
	}
	switch e.Term {
	case "thermal", "floor_thermal", "step_thermal":
		if e.Value < 0 {
			return phrases{"more like heating", "更像采暖"}, true
		}
		return phrases{"more like cooling", "更像制冷"}, true
	case "power_factor", "floor_pf", "step_factor":
		if e.Value < 0.94 {
			return phrases{"more like a motor", "更像电动机"}, true
		}
	case "voltage", "floor_voltage":
		if e.Value > 1.2 {
			return phrases{"more like a heater", "更像电热"}, true
		}
		return phrases{"more like a motor", "更像电动机"}, e.Value > 0.3
	case "noise", "floor_noise", "step_noise":
		return phrases{"more like a compressor or people", "更像压缩机或人的用电"}, e.Value > 3
	case "shape", "flatness", "hour_ratio", "outside", "floor_swing", "step_flat":
		return phrases{"more like use that follows the hours", "更像随时段变化的用电"}, true
	case "weekend":
		return phrases{"more like a business", "更像营业用电"}, true
	case "uptime", "step_missed":
		return phrases{"more like use that comes and goes", "更像时有时无的用电"}, true
	case "novelty":
		return phrases{"more like a return to earlier use", "更像恢复到以往用电"}, e.Value < 70
	case "peers":
		return phrases{"more like the weather or a holiday", "更像天气或假日所致"}, true
	case "evening_wave":
		return phrases{"more like telephone or data traffic", "更像通信流量"}, e.Value > 1
	case "day_wave":
		return phrases{"more like cooling", "更像制冷"}, e.Value > 3
	case "mean_ratio", "deviation", "top_ratio", "step_mean":
		if e.Value > 100 || e.Term == "deviation" {
			return phrases{"more like growing use", "更像用电增长"}, e.Value > 20
		}
		return phrases{"more like one load replacing another", "更像以一种负荷替代另一种"}, true
	case "size", "floor_size":
		return phrases{"more like a household appliance", "更像家用电器"}, e.Value < 1
	}
	return p, false
}
