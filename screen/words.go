package screen

import "fmt"

// words of reasons, English and Chinese; each takes its value once.
var words = map[string][2]string{
	"few_days": {"only %.0f days of use so far: too few to judge", "仅有 %.0f 天用电数据，暂无法判断"},
	"flat":     {"load factor %.2f: flatter than such use", "负荷率 %.2f，较申报用途平直"},
	"night":    {"nights take %.2f times what days do", "夜间用电为白天的 %.2f 倍"},
	"by_day":   {"burns by day: night is only %.1f times the day", "白天仍在用电：夜间仅为白天的 %.1f 倍"},
	"weekend":  {"days of rest do not differ (%.0f %%)", "工作日与休息日无差别（%.0f %%）"},
	"beyond":   {"takes %.0f %% of the capacity asked for", "用电达申请容量的 %.0f %%"},
	"at_once":  {"at full load %.0f days after the first use", "首次用电后 %.0f 天即满载"},
	"unused":   {"uses only %.0f %% of the capacity", "仅使用容量的 %.0f %%"},
	"early":    {"in use %.0f days before it was energised by the file", "早于登记投运日期 %.0f 天用电"},
	"farm":     {"mining farm against data centre: %.0f %%", "矿场（相对数据中心）概率 %.0f %%"},
	"miner":    {"miner score: %.0f %%", "挖矿概率 %.0f %%"},
}

// Say puts a reason into words, in "zh" or else in English.
func Say(r Reason, lang string) string {
	w, ok := words[r.Term]
	if !ok {
		return fmt.Sprintf("%s %.3g", r.Term, r.Value)
	}
	if lang == "zh" {
		return fmt.Sprintf(w[1], r.Value)
	}
	return fmt.Sprintf(w[0], r.Value)
}

// VerdictWords are the words of a verdict.
func VerdictWords(v Verdict, lang string) string {
	if lang == "zh" {
		return map[Verdict]string{Wait: "待观察", Consistent: "与申报一致", Ask: "需询问客户", InspectIt: "需现场核查"}[v]
	}
	return string(v)
}
