package report

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/xuri/excelize/v2"

	"github.com/flatwatt/flatwatt/access"
	"github.com/flatwatt/flatwatt/casework"
	"github.com/flatwatt/flatwatt/casework/alarms"
	"github.com/flatwatt/flatwatt/casework/energy"
	"github.com/flatwatt/flatwatt/casework/ledger"
	"github.com/flatwatt/flatwatt/casework/price"
	"github.com/flatwatt/flatwatt/casework/tips"
)

// tens is 10 kWh a day for every meter.
type tens struct{}

func (tens) Days(_ context.Context, _, from, to string, _ float64) (list []energy.Day, err error) {
	a, b, err := energy.Dates(from, to)
	for d := a; d <= b; d++ {
		list = append(list, energy.Day{Date: d.String(), KWh: decimal.NewFromInt(10), Intervals: 24})
	}
	return list, err
}

// maker is a casework file as it is on a Monday, at 08:00 UTC.
func maker(t *testing.T, day string) Maker {
	t.Helper()
	db, err := casework.Open(t.Context(), filepath.Join(t.TempDir(), "c.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	m := Maker{price.Office{Book: ledger.Book{Desk: casework.Desk{Store: db, Who: access.Actor{Name: "zhao", Role: access.Supervisor}}}, Schedule: price.Default()}, ledger.DefaultRules()}
	return m.at(t, day)
}

func (m Maker) at(t *testing.T, day string) Maker {
	t.Helper()
	d, err := time.Parse(time.DateOnly, day)
	if err != nil {
		t.Fatal(err)
	}
	m.Now = d.Add(8 * time.Hour)
	return m
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// twoWeeks enters a project in week 9 and another in week 10, bills, confirms a case, lets
// the first one go.
func twoWeeks(t *testing.T) Maker {
	t.Helper()
	ctx := t.Context()
	id := must[string](t)
	m := maker(t, "2026-02-24") // in week 9
	p := ledger.Project{Company: "甲", Address: "一路", Area: "sichuan/aba", Status: ledger.Existing, Meters: []string{"m1"}, Basis: ledger.WholeMeter,
		Progress: ledger.Registered, Onset: "2026-02-23", Units: 3, HashrateTHs: 300, KW: 10, PlannedExit: "2026-03-31"}
	first := id(m.Add(ctx, p, ""))
	must[[]price.Step](t)(m.Sync(ctx, false))
	must[ledger.Update](t)(m.at(t, "2026-03-02").Update(ctx, tens{}, "2026-W09"))

	m = m.at(t, "2026-03-03") // in week 10
	c, _ := casework.NewCase("m2", "sichuan/aba", "", casework.Finding{}, m.Now)
	c.State = casework.Ordered
	name := id(m.Open(ctx, c, nil))
	li := m.Desk
	li.Who = access.Actor{Name: "li", Role: access.Inspector}
	if err := li.Change(ctx, name, 0, "case.propose", "", func(c *casework.Case) error {
		return c.Propose(casework.ProposeConfirm, "equipment_found", "", li.Who, li.Now)
	}); err != nil {
		t.Fatal(err)
	}
	if err := m.Desk.Change(ctx, name, 0, "case.decide", "", func(c *casework.Case) error { return c.Decide(true, m.Who, m.Now) }); err != nil {
		t.Fatal(err)
	}
	p.Company, p.Meters, p.Case, p.Onset, p.PlannedExit = "乙", []string{"m2"}, name, "2026-03-02", "2026-03-05"
	id(m.Add(ctx, p, ""))
	st := must[price.Statement](t)(m.bill(ctx, first, "2026-03-01"))
	id(m.Office.Issue(ctx, st, ""))
	id(tips.Inbox{Desk: m.Desk}.Receive(ctx, tips.Tip{Source: "tip_off", Text: "x", Area: "sichuan/aba"}, nil))
	kw, pr := 5.0, 0.9
	r := alarms.Raiser{Store: m.Store, Policy: alarms.DefaultPolicy(), Who: m.Who, Now: func() time.Time { return m.Now }}
	r.Policy.OnDelayDays = 1
	must[alarms.Tally](t)(r.Apply(ctx, []alarms.Verdict{{ID: "g", Day: "2026-03-03", Known: true, Suspect: true, Kind: "generator", Area: "sichuan/aba", Finding: casework.Finding{BlockKW: &kw, Probability: &pr}}}, false))
	plant := id(alarms.Room{Desk: m.Desk, Policy: r.Policy}.OpenCase(ctx, alarms.Ref{ID: "g"}, "", ""))
	tell := func(c *casework.Case) error { return c.Report("energy regulator", "2026-7", m.Who, m.Now) }
	if err := m.Desk.Change(ctx, plant, 0, "case.report", "", tell); err == nil {
		t.Error("a mere suspicion was reported to the regulator")
	}
	for _, to := range []casework.State{casework.DeskReview, casework.Ordered} {
		if err := m.Desk.Change(ctx, plant, 0, "case.move", "", func(c *casework.Case) error { return c.Move(to, "", m.Who, m.Now) }); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Desk.Change(ctx, plant, 0, "case.report", "", tell); err != nil {
		t.Fatal(err)
	}
	if err := m.Desk.Change(ctx, plant, 0, "case.report", "", tell); err == nil {
		t.Error("a case was reported twice")
	}
	if err := m.at(t, "2026-03-06").Exit(ctx, first, 0, "2026-03-05", ""); err != nil {
		t.Fatal(err)
	}
	m = m.at(t, "2026-03-09")
	must[ledger.Update](t)(m.Update(ctx, tens{}, "2026-W10"))
	return m
}

// bill is the office's draft, which the report's own hides.
func (m Maker) bill(ctx context.Context, project, to string) (price.Statement, error) {
	return m.Office.Draft(ctx, tens{}, project, "", to)
}

// TestFiguresByHand: in week 10 the first project uses 10 kWh on 2 to 5 March, 40, and the
// second 70; both are new since 2021 and count twice. 24 February to 1 March are 6 days of
// 10 kWh at 0.30 yuan: 18.00.
func TestFiguresByHand(t *testing.T) {
	ctx, m := context.Background(), twoWeeks(t)
	r, err := m.Draft(ctx, "2026-W10", "")
	if err != nil {
		t.Fatal(err)
	}
	n := r.Now
	if n.Existing != 1 || n.New != 1 || n.Confirmed != 1 || n.Exited != 1 || n.Overdue != 1 || n.Units != 3 || n.HashrateTHs != 300 || n.KW != 10 {
		t.Errorf("%+v", n)
	}
	if n.EnergyKWh.String() != "110" || n.CountedKWh.String() != "220" || n.CO2Kg.String() != "59.026" || n.Billed.String() != "18" {
		t.Errorf("%s kWh, %s counted, %s kg, %s yuan", n.EnergyKWh, n.CountedKWh, n.CO2Kg, n.Billed)
	}
	if n.IllegalSupply != 1 || n.IllegalReported != 1 || n.Alarms != 1 || n.TipOffs != 1 || n.Matched != 0 {
		t.Errorf("%+v", n)
	}
	if b := r.Before; r.BeforeIs != "computed" || b.Existing != 1 || b.New != 1 || b.EnergyKWh.String() != "70" || b.Billed.String() != "0" {
		t.Errorf("last week %s: %+v", r.BeforeIs, b)
	}
	if len(r.Projects) != 2 || r.Projects[0].Event != "exited" || r.Projects[1].Event != "overdue" || len(r.Cases) != 1 || r.Cases[0].Why != "equipment_found" {
		t.Errorf("%+v\n%+v", r.Projects, r.Cases)
	}
	other, err := m.Draft(ctx, "2026-W10", "hubei")
	if err != nil || len(other.Projects) != 0 || other.Now.EnergyKWh.String() != "0" || other.Now.TipOffs != 0 {
		t.Errorf("another area: %+v, %v", other.Now, err)
	}
}

func TestIssuedReportsAreFrozen(t *testing.T) {
	ctx, m := context.Background(), twoWeeks(t)
	if _, _, err := m.at(t, "2026-03-08").Issue(ctx, "2026-W10", "", ""); err == nil || !strings.Contains(err.Error(), "when its week is over") {
		t.Errorf("issued on its last day: %v", err)
	}
	if _, _, err := m.Issue(ctx, "2026-W08", "", ""); err == nil || !strings.Contains(err.Error(), "ledger update --week 2026-W08") {
		t.Errorf("issued without the ledger's run: %v", err)
	}
	low := m
	low.Who = access.Actor{Name: "w", Role: access.Operator}
	if _, _, err := low.Issue(ctx, "2026-W10", "", ""); !errors.As(err, &access.ErrForbidden{}) {
		t.Errorf("an operator issued: %v", err)
	}
	_, digest, err := m.Issue(ctx, "2026-W10", "", "")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := m.Issue(ctx, "2026-W10", "", ""); err == nil || !strings.Contains(err.Error(), "issued already") {
		t.Errorf("issued twice: %v", err)
	}
	// What is entered later changes no issued report.
	if err := m.Change(ctx, "P-2026-00002", 0, "ledger.set", "", func(p *ledger.Project) error { p.Units = 99; return nil }); err != nil {
		t.Fatal(err)
	}
	r, again, err := m.Issued(ctx, "2026-W10", "", 0)
	if err != nil || again != digest || r.Now.Units != 3 {
		t.Errorf("digest %s became %s; %d machines; %v", digest, again, r.Now.Units, err)
	}
	next, err := m.at(t, "2026-03-16").Draft(ctx, "2026-W11", "")
	if err != nil || next.BeforeIs != "issued" || next.Before.Units != 3 || next.Now.Units != 99 || next.Now.Confirmed != 0 || next.Before.Confirmed != 1 {
		t.Errorf("next week compares with %s: %+v, %v", next.BeforeIs, next.Before, err)
	}
	if _, _, err := m.Issue(ctx, "2026-W10", "", "machines counted again"); err != nil {
		t.Fatal(err)
	}
	if old, d, err := m.Issued(ctx, "2026-W10", "", 1); err != nil || d != digest || old.Now.Units != 3 {
		t.Errorf("the first version: %v", err)
	}
	trail, err := m.Store.Trail(ctx, Kind, "2026-W10")
	if err != nil || len(trail) != 2 || trail[0].Body != digest || trail[1].Note != "machines counted again" {
		t.Errorf("%+v, %v", trail, err)
	}
	bound := m
	bound.Who = access.Actor{Name: "s", Role: access.Supervisor, Areas: []string{"sichuan"}}
	if _, err := bound.Update(ctx, tens{}, "2026-W08"); err != nil {
		t.Fatal(err)
	}
	if own, err := bound.Draft(ctx, "2026-W08", "sichuan"); err != nil || !own.Updated {
		t.Errorf("their own run of the ledger does not count: %v", err)
	}
	if all, err := m.Draft(ctx, "2026-W08", ""); err != nil || all.Updated {
		t.Errorf("a run over one area counts for all: %v", err)
	}
	bound.Who = access.Actor{Name: "s", Role: access.Supervisor, Areas: []string{"hubei"}}
	if _, _, err := bound.Issued(ctx, "2026-W10", "", 0); !errors.Is(err, casework.ErrNotFound) {
		t.Errorf("somebody of one area reads the report of all: %v", err)
	}
}

// TestALateExitIsCorrected: the first project had gone on 26 February, not on 5 March. Its
// 40 kWh of week 10 go, of its total 4 days are left, and the first version stays.
func TestALateExitIsCorrected(t *testing.T) {
	ctx, m := t.Context(), twoWeeks(t)
	if _, _, err := m.Issue(ctx, "2026-W10", "", ""); err != nil {
		t.Fatal(err)
	}
	if err := m.Exit(ctx, "P-2026-00001", 0, "2026-02-26", "seen empty"); err != nil {
		t.Fatal(err)
	}
	must[ledger.Update](t)(m.Update(ctx, tens{}, "2026-W10"))
	if _, _, err := m.Issue(ctx, "2026-W10", "", "exit on 26 February"); err != nil {
		t.Fatal(err)
	}
	for version, want := range []string{1: "110 kWh, 1 exited, total 110, ", 2: "70 kWh, 0 exited, total 40, exit on 26 February"} {
		if version == 0 {
			continue
		}
		r, _, err := m.Issued(ctx, "2026-W10", "", version)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%s kWh, %d exited, total %s, %s", r.Now.EnergyKWh, r.Now.Exited, r.Projects[0].Total.EnergyKWh, r.Correction); got != want {
			t.Errorf("version %d: %s; want %s", version, got, want)
		}
	}
}

func TestConfirmedCasesMustBeInTheLedger(t *testing.T) {
	ctx, m := context.Background(), twoWeeks(t)
	c, _ := casework.NewCase("m7", "hubei", "", casework.Finding{}, m.Now)
	c.State = casework.Confirmed
	if _, err := m.Open(ctx, c, nil); err != nil {
		t.Fatal(err)
	}
	if _, _, err := m.Issue(ctx, "2026-W10", "", ""); err == nil || !strings.Contains(err.Error(), "in no entry") {
		t.Errorf("issued out of step: %v", err)
	}
	if _, _, err := m.Issue(ctx, "2026-W10", "sichuan", ""); err != nil {
		t.Errorf("another area's case is in the way: %v", err)
	}
}

// TestBothLanguagesInEveryFormat looks at what people open.
func TestBothLanguagesInEveryFormat(t *testing.T) {
	ctx, m := context.Background(), twoWeeks(t)
	r, digest, err := m.Issue(ctx, "2026-W10", "", "")
	if err != nil {
		t.Fatal(err)
	}
	for lang, want := range map[string][]string{"zh": {"虚拟货币“挖矿”整治工作周报 2026-W10", "差别电价", "现场查获设备", "已退出"}, "en": {"Weekly report", "surcharge billed, yuan", "equipment_found", "exited"}} {
		var html, csv, xlsx bytes.Buffer
		d := r.Document(lang, digest)
		for format, b := range map[string]*bytes.Buffer{"html": &html, "csv": &csv, "xlsx": &xlsx} {
			if err := d.Render(b, format); err != nil {
				t.Fatal(err)
			}
		}
		for _, text := range append(want, digest, "59.026", "110.000", "40.000") {
			if !strings.Contains(html.String(), text) || !strings.Contains(csv.String(), text) {
				t.Errorf("%s: %q is missing", lang, text)
			}
		}
		f, err := excelize.OpenReader(&xlsx)
		if err != nil {
			t.Fatal(err)
		}
		if v, _ := f.GetCellValue(f.GetSheetList()[1], "B12"); v != "110" {
			t.Errorf("%s: the week's energy is %q in the workbook", lang, v)
		}
		_ = f.Close()
	}
	for code := range zhOf {
		if strings.ContainsFunc(zhOf[code], func(r rune) bool { return r < 0x80 }) {
			t.Errorf("%s is not translated", code)
		}
	}
}
