package price

import (
	"context"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/flatwatt/flatwatt/casework"
)

// An Arrear is what one project owes.
type Arrear struct {
	Project string          `json:"project"`
	Company string          `json:"company"`
	Area    string          `json:"area,omitempty"`
	Billed  decimal.Decimal `json:"billed_yuan"`
	Paid    decimal.Decimal `json:"paid_yuan"`
	Open    decimal.Decimal `json:"open_yuan"`
	Overdue decimal.Decimal `json:"overdue_yuan"`
	Since   string          `json:"overdue_since,omitempty"` // due day of the oldest overdue statement
}

// Arrears are what every project owes on a day, by project. What was paid for a cancelled
// statement stands to the project's good.
func (o Office) Arrears(ctx context.Context, day string) ([]Arrear, error) {
	statements, err := o.Statements(ctx)
	if err != nil {
		return nil, err
	}
	payments, err := casework.List[Payment](ctx, o.Store, KindPayment)
	if err != nil {
		return nil, err
	}
	paid := map[string]decimal.Decimal{}
	for _, p := range payments {
		if p.Value.Day <= day {
			paid[p.Value.Statement] = paid[p.Value.Statement].Add(p.Value.Yuan)
		}
	}
	byProject := map[string]*Arrear{}
	for _, s := range statements {
		v := s.Value
		if v.Issued > day {
			continue
		}
		a := byProject[v.Project]
		if a == nil {
			a = &Arrear{Project: v.Project, Company: v.Company, Area: v.Area}
			byProject[v.Project] = a
		}
		a.add(&v, paid[s.ID], day)
	}
	list := make([]Arrear, 0, len(byProject))
	for _, a := range byProject {
		a.Open = a.Billed.Sub(a.Paid)
		a.Overdue = decimal.Max(decimal.Zero, decimal.Min(a.Overdue, a.Open))
		if a.Overdue.IsZero() {
			a.Since = ""
		}
		list = append(list, *a)
	}
	slices.SortFunc(list, func(x, y Arrear) int { return strings.Compare(x.Project, y.Project) })
	return list, nil
}

func (a *Arrear) add(v *Statement, paid decimal.Decimal, day string) {
	a.Paid = a.Paid.Add(paid)
	if v.Cancelled != "" && v.Cancelled <= day {
		return
	}
	a.Billed = a.Billed.Add(v.Yuan)
	if open := v.Yuan.Sub(paid); v.Due < day && open.IsPositive() {
		a.Overdue = a.Overdue.Add(open)
		if a.Since == "" || v.Due < a.Since {
			a.Since = v.Due
		}
	}
}
