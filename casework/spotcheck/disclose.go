package spotcheck

import (
	"fmt"
	"strings"
	"time"

	"github.com/flatwatt/flatwatt/casework/sheet"
)

// resultsZH are the Results in Chinese.
var resultsZH = map[string]string{
	"nothing found": "未发现问题", "mining found": "发现虚拟货币“挖矿”", "other violation": "发现其他问题",
	"not accessible": "无法进入现场", "closed down": "已关停", "": "尚未录入",
}

// Disclose is the sheet that is published after a check: what was drawn, who went, what
// was found, and how anybody can repeat the draw.
func (c *SpotCheck) Disclose(id, lang string) *sheet.Document {
	w := sheet.Words(lang)
	d := &sheet.Document{Lang: lang, Title: w("Double-random spot check ", "“双随机”抽查结果公示 ") + id, Digest: c.Population}
	fact := func(en, zh, value string) { d.Facts = append(d.Facts, sheet.Fact{Name: w(en, zh), Value: value}) }
	fact("Title", "抽查事项", c.Title)
	fact("Planned", "计划时间", c.Planned.Format(time.DateOnly))
	fact("Population", "抽查对象名录", fmt.Sprint(c.Count))
	fact("Drawn by risk / at random", "按风险抽取 / 随机抽取", fmt.Sprintf("%d / %d", c.count("risk"), c.count("random")))
	fact("Seed", "随机种子", c.Seed+w(" (from: ", "（来源：")+c.SeedSource+w(")", "）"))
	fact("Digest of population, inspectors and rules", "名录库及规则的 SHA-256", c.Population)
	t := sheet.Table{Name: w("Results", "抽查结果"), Head: []string{w("Item", "对象"), w("Name", "名称"), w("Area", "区域"), w("Drawn", "抽取方式"),
		w("Inspectors", "检查人员"), w("Day", "检查日期"), w("Result", "结果")}}
	for _, p := range c.Picks {
		o := Outcome{}
		if p.Outcome != nil {
			o = *p.Outcome
		}
		how := map[string]string{"risk": w("by risk", "按风险"), "random": w("at random", "随机")}[p.How]
		result := w(o.Result, resultsZH[o.Result])
		if o.Result == "" {
			result = w("not entered yet", resultsZH[""])
		}
		t.Rows = append(t.Rows, sheet.Texts(p.Item.ID, p.Item.Name, p.Item.Area, how, strings.Join(p.Inspectors, ", "), o.Day, result))
	}
	d.Tables = []sheet.Table{t}
	d.Notes = []string{w(
		"To repeat the draw: the key of an item is the SHA-256 of three lines, the seed, \"risk\" or \"random\", and the item. In each stratum the smallest keys are drawn, up to its quota by weight times number; then, among the rest, the smallest keys at random. Inspectors: the fewest items first, then the smallest key with \"inspector ITEM\".",
		"复核方法：对象的键值为“种子、risk 或 random、对象编号”三行文本的 SHA-256。每层按“权重×数量”分配名额，取键值最小者；其余名额在剩余对象中取键值最小者。检查人员先取已派任务最少者，再取“inspector 对象编号”键值最小者。")}
	return d
}

func (c *SpotCheck) count(how string) (n int) {
	for _, p := range c.Picks {
		if p.How == how {
			n++
		}
	}
	return n
}
