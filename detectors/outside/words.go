package outside

import (
	"fmt"
	"strings"
	"time"

	"github.com/flatwatt/flatwatt"
)

// Terms carry what words need, parts divided by "|", so that a stored score still tells
// who said what after the evidence itself is gone.
const (
	outsidePrefix    = "outside|"
	registeredPrefix = "registered|"
	moreTerm         = "outside|more"
)

// Is says whether a piece of evidence comes from outside the readings.
func Is(e flatwatt.Evidence) bool {
	return strings.HasPrefix(e.Term, outsidePrefix) || strings.HasPrefix(e.Term, registeredPrefix)
}

func clean(s string) string {
	s = strings.ReplaceAll(s, "|", "/")
	if len(s) > 64 {
		s = strings.ToValidUTF8(s[:64], "")
	}
	return s
}

func termOf(o *flatwatt.Outside) string {
	return outsidePrefix + strings.Join([]string{string(o.Kind), clean(o.Source), o.At.UTC().Format(time.DateOnly), clean(o.By), clean(o.ID)}, "|")
}

func registeredTerm(r *flatwatt.Registered) string {
	return registeredPrefix + fmt.Sprintf("%s|%g", r.Use, float64(r.KW))
}
func byDayTerm(r *flatwatt.Registered) string { return registeredTerm(r) + "|by day" }
func expiredTerm(r *flatwatt.Registered) string {
	return registeredTerm(r) + "|" + r.Until.UTC().Format(time.DateOnly)
}

var kindWords = map[string][2]string{
	"tip_off": {"tip-off", "举报"}, "ip_contact": {"internet address that mines", "挖矿 IP 匹配"}, "pool_contact": {"traffic to a mining pool", "矿池通信"},
	"inspection": {"inspection", "现场检查"}, "thermal_survey": {"thermal survey", "热成像"}, "other": {"report", "其他线索"},
}

var useWords = map[string][2]string{
	"telecom": {"telecom hall", "通信机房"}, "data_centre": {"data centre", "数据中心"}, "street_light": {"street lights", "路灯"},
	"pump": {"pumps", "水泵"}, "other": {"other flat load", "其他恒定负荷"},
}

// Say puts a piece of outside evidence into words, in "zh" or else in English; ok is false
// where it is of another kind.
func Say(e flatwatt.Evidence, lang string) (text string, ok bool) {
	if !Is(e) {
		return "", false
	}
	k := 0
	if lang == "zh" {
		k = 1
	}
	part := strings.Split(e.Term, "|")
	switch {
	case e.Term == moreTerm:
		return fmt.Sprintf([2]string{"%.0f further pieces of outside evidence", "另有 %.0f 条外部线索"}[k], e.Value), true
	case part[0] == "outside" && len(part) == 6:
		return fmt.Sprintf([2]string{"outside: %s of %s, %s, entered by %s, no. %s", "外部线索：%s，来源 %s，%s，录入人 %s，编号 %s"}[k],
			kindWords[part[1]][k], part[2], part[3], part[4], part[5]), true
	case part[0] == "registered" && len(part) >= 3:
		return sayRegistered(part, e.Value, k), true
	}
	return e.Term, true
}

func sayRegistered(part []string, value float64, k int) string {
	use := useWords[part[1]][k]
	switch {
	case len(part) == 4 && part[3] == "by day":
		return fmt.Sprintf([2]string{"registered as %s of %s kW, but runs by day (%.0f %% of it)", "登记为%s %s kW，但白天仍在用电（为登记值的 %.0f %%）"}[k], use, part[2], 100*value)
	case len(part) == 4:
		return fmt.Sprintf([2]string{"registered as %s of %s kW until %s: expired", "曾登记为%s %s kW，已于 %s 到期"}[k], use, part[2], part[3])
	}
	return fmt.Sprintf([2]string{"registered as %s of %s kW, uses %.0f %% of it", "登记为%s %s kW，实际用电为登记值的 %.0f %%"}[k], use, part[2], 100*value)
}
