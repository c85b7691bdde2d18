package report

import (
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/flatwatt/flatwatt/casework/sheet"
)

// A figure is one row of the comparison.
type figure struct {
	en, zh string
	places int32
	of     func(*Figures) decimal.Decimal
}

func whole(of func(*Figures) int) func(*Figures) decimal.Decimal {
	return func(f *Figures) decimal.Decimal { return decimal.NewFromInt(int64(of(f))) }
}

// figures are the rows of the comparison, in the order of the notice.
func figures() []figure {
	return []figure{
		{"projects existing", "存量项目（个）", 0, whole(func(f *Figures) int { return f.Existing })},
		{"projects under construction", "在建项目（个）", 0, whole(func(f *Figures) int { return f.Construction })},
		{"projects planned", "拟建项目（个）", 0, whole(func(f *Figures) int { return f.Planned })},
		{"new in the ledger", "本周新入台账（个）", 0, whole(func(f *Figures) int { return f.New })},
		{"cases confirmed", "本周查实（件）", 0, whole(func(f *Figures) int { return f.Confirmed })},
		{"exited", "本周退出（个）", 0, whole(func(f *Figures) int { return f.Exited })},
		{"planned exit overdue", "逾期未退出（个）", 0, whole(func(f *Figures) int { return f.Overdue })},
		{"machines", "“矿机”（台）", 0, whole(func(f *Figures) int { return f.Units })},
		{"hashrate, TH/s", "算力（TH/s）", 1, func(f *Figures) decimal.Decimal { return decimal.NewFromFloat(f.HashrateTHs) }},
		{"load, kW", "负荷（kW）", 1, func(f *Figures) decimal.Decimal { return decimal.NewFromFloat(f.KW) }},
		{"energy of the week, kWh", "本周用电量（kWh）", 3, func(f *Figures) decimal.Decimal { return f.EnergyKWh }},
		{"counted in the dual-control account, kWh", "能耗双控核算电量（新增项目加倍，kWh）", 3, func(f *Figures) decimal.Decimal { return f.CountedKWh }},
		{"CO₂, kg", "二氧化碳排放（kg）", 3, func(f *Figures) decimal.Decimal { return f.CO2Kg }},
		{"surcharge billed, yuan", "本周开出差别电价加价电费（元）", 2, func(f *Figures) decimal.Decimal { return f.Billed }},
		{"surcharge paid, yuan", "本周收到加价电费（元）", 2, func(f *Figures) decimal.Decimal { return f.Paid }},
		{"arrears, yuan", "逾期欠费（元）", 2, func(f *Figures) decimal.Decimal { return f.Arrears }},
		{"suspected illegal supply by power plants", "发电企业违规供电线索（件）", 0, whole(func(f *Figures) int { return f.IllegalSupply })},
		{"illegal supply reported to the regulator", "其中报送监管机构（件）", 0, whole(func(f *Figures) int { return f.IllegalReported })},
		{"alarms", "本周告警（条）", 0, whole(func(f *Figures) int { return f.Alarms })},
		{"tip-offs received", "本周收到举报（件）", 0, whole(func(f *Figures) int { return f.TipOffs })},
		{"tip-offs matched to a meter", "其中匹配到户（件）", 0, whole(func(f *Figures) int { return f.Matched })},
		{"spot checks carried out", "本周“双随机”抽查（户）", 0, whole(func(f *Figures) int { return f.Inspected })},
		{"mining found by spot checks", "其中发现“挖矿”（户）", 0, whole(func(f *Figures) int { return f.Found })},
	}
}

var zhOf = map[string]string{
	"existing": "存量", "under construction": "在建", "planned": "拟建", "registered": "已登记", "notified": "已告知", "winding down": "退出中", "exited": "已退出",
	"new": "新增", "overdue": "逾期", "equipment_found": "现场查获设备", "admitted": "当事人承认", "energy_balance": "电量平衡异常", "other": "其他",
}

// Document is the report in a language. digest is "" for a draft.
func (r *Report) Document(lang, digest string) *sheet.Document {
	w := sheet.Words(lang)
	tr := func(code string) string {
		if zh, ok := zhOf[code]; ok {
			return w(code, zh)
		}
		return code
	}
	d := &sheet.Document{Lang: lang, Digest: digest, Title: w("Weekly report on virtual currency mining ", "虚拟货币“挖矿”整治工作周报 ") + r.Week}
	fact := func(en, zh, value string) {
		if value != "" {
			d.Facts = append(d.Facts, sheet.Fact{Name: w(en, zh), Value: value})
		}
	}
	fact("Week", "统计周期", r.From+" – "+r.To)
	fact("Area", "区域", r.Area)
	fact("Made", "编制时间", r.Made.UTC().Format(time.RFC3339)+" "+r.MadeBy)
	fact("Correction", "更正原因", r.Correction)
	fact("Audit trail", "审计链头", r.Head.String())
	d.Tables = []sheet.Table{r.comparison(w), r.ledger(w, tr), r.confirmed(w, tr)}
	if r.BeforeIs == "computed" {
		d.Notes = append(d.Notes, w("Last week's report was not issued; its figures are computed from what is known now.", "上周周报未签发，上周数据按目前台账计算。"))
	}
	if len(r.Missing) > 0 {
		d.Notes = append(d.Notes, w("Confirmed cases in no entry of the ledger: ", "已查实但未入台账的案件：")+strings.Join(r.Missing, ", "))
	}
	if !r.Updated {
		d.Notes = append(d.Notes, w("The weekly run of the ledger has not been.", "本周台账更新尚未执行。"))
	}
	return d
}

func (r *Report) comparison(w func(en, zh string) string) sheet.Table {
	t := sheet.Table{Name: w("Figures", "主要数据"), Head: []string{w("Figure", "指标"), w("This week", "本周"), w("Last week", "上周"), w("Change", "增减")}}
	for _, f := range figures() {
		now, before := f.of(&r.Now), f.of(&r.Before)
		t.Rows = append(t.Rows, sheet.Row(sheet.T(w(f.en, f.zh)), sheet.D(now, f.places), sheet.D(before, f.places), sheet.D(now.Sub(before), f.places)))
	}
	return t
}

func (r *Report) ledger(w func(en, zh string) string, tr func(string) string) sheet.Table {
	t := sheet.Table{Name: w("Ledger", "项目台账"), Head: []string{w("Project", "编号"), w("Company", "企业（个人）"), w("Credit code", "统一社会信用代码"), w("Address", "地址"),
		w("Status", "类别"), w("Machines", "矿机（台）"), "TH/s", "kW", w("Onset", "起始"), w("Tariff class", "电价类别"), w("Planned exit", "计划退出"), w("Progress", "进展"),
		w("Week kWh", "本周电量"), w("Total kWh", "累计电量"), w("Counted kWh", "核算电量"), w("CO₂ kg", "碳排放"), w("Billed yuan", "加价电费"), w("Event", "本周变化")}}
	for i := range r.Projects {
		l := &r.Projects[i]
		p := &l.Project
		t.Rows = append(t.Rows, sheet.Row(sheet.T(l.ID), sheet.T(p.Company), sheet.T(p.CreditCode), sheet.T(p.Address), sheet.T(tr(string(p.Status))), sheet.N(p.Units),
			sheet.F(p.HashrateTHs, 1), sheet.F(p.KW, 1), sheet.T(p.Onset), sheet.T(p.TariffClass), sheet.T(p.PlannedExit), sheet.T(tr(string(p.Progress))),
			sheet.D(l.Week.EnergyKWh, 3), sheet.D(l.Total.EnergyKWh, 3), sheet.D(l.Total.CountedKWh, 3), sheet.D(l.Total.CO2Kg, 3), sheet.D(l.Billed, 2), sheet.T(tr(l.Event))))
	}
	return t
}

func (r *Report) confirmed(w func(en, zh string) string, tr func(string) string) sheet.Table {
	t := sheet.Table{Name: w("Cases confirmed", "查实案件") + " " + strconv.Itoa(len(r.Cases)), Head: []string{w("Case", "案件"), w("Meter", "用户表号"), w("Area", "区域"), w("Day", "日期"), w("By", "依据")}}
	for _, c := range r.Cases {
		t.Rows = append(t.Rows, sheet.Texts(c.ID, c.Meter, c.Area, c.Day, tr(c.Why)))
	}
	return t
}
