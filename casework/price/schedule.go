// Package price bills the differential price: a surcharge on the energy of mining
// projects, by local schedules, in decimal money, with its calculation shown.
package price

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/flatwatt/flatwatt/casework"
)

// A Liability says from when a project pays.
type Liability string

const (
	SinceListed Liability = "listed" // from the day on which it entered the list
	SinceOnset  Liability = "onset"  // all use since the onset; see Rule.UnprovenMonths
)

// A Rule is a rate for an area, a class of tariff and days.
type Rule struct {
	Name  string          `yaml:"name"`
	Area  string          `yaml:"area"`  // and what lies below it; "": any
	Class string          `yaml:"class"` // of the tariff; "": any
	From  string          `yaml:"from"`  // first day, 2006-01-02; "": always
	To    string          `yaml:"to"`    // last day; "": no end
	Yuan  decimal.Decimal `yaml:"yuan_per_kwh"`
	Since Liability       `yaml:"since"` // "": listed
	// UnprovenMonths is how many months before the listing are billed where the rule bills
	// since the onset and that cannot be proven.
	UnprovenMonths int    `yaml:"unproven_months"`
	Basis          string `yaml:"basis"` // the document that orders it, printed on statements
}

// A Schedule is the rules of an operator and how statements are due.
type Schedule struct {
	Currency string `yaml:"currency"`
	DueDays  int    `yaml:"due_days"` // after the day of issue
	Rules    []Rule `yaml:"rules"`
}

// Default is 0.30 yuan per kWh from the listing on, as the notice has it.
func Default() Schedule {
	return Schedule{Currency: "CNY", DueDays: 30, Rules: []Rule{{
		Name: "national", Yuan: decimal.RequireFromString("0.30"), Since: SinceListed, Basis: "发改运行〔2021〕1283号",
	}}}
}

// Parse reads a schedule. Unknown fields are errors. Rules replace the default ones.
func Parse(text []byte) (Schedule, error) {
	s := Default()
	s.Rules = nil
	if err := casework.ReadYAML(text, &s); err != nil {
		return s, err
	}
	if len(s.Rules) == 0 {
		s.Rules = Default().Rules
	}
	return s, s.check()
}

// maxYuan bounds a rate: a slip of the decimal point is likelier than more.
const maxYuan = 10

func (s *Schedule) check() error {
	if s.DueDays < 0 || s.DueDays > 366 || s.Currency == "" {
		return fmt.Errorf("due_days %d, currency %q: want 0 to 366, and a name", s.DueDays, s.Currency)
	}
	for i := range s.Rules {
		r := &s.Rules[i]
		if r.Since == "" {
			r.Since = SinceListed
		}
		at := fmt.Sprintf("rules[%d] %s", i, r.Name)
		switch {
		case r.Name == "" || slices.ContainsFunc(s.Rules[:i], func(o Rule) bool { return o.Name == r.Name }):
			return fmt.Errorf("%s: want a name of its own", at)
		case r.Yuan.IsNegative() || r.Yuan.GreaterThan(decimal.NewFromInt(maxYuan)):
			return fmt.Errorf("%s: yuan_per_kwh %s; want 0 to %d", at, r.Yuan, maxYuan)
		case r.Since != SinceListed && r.Since != SinceOnset:
			return fmt.Errorf("%s: since %q; want %s or %s", at, r.Since, SinceListed, SinceOnset)
		case r.UnprovenMonths < 0 || r.UnprovenMonths > 120 || r.UnprovenMonths > 0 && r.Since != SinceOnset:
			return fmt.Errorf("%s: unproven_months %d; want 0 to 120, and only where since is %s", at, r.UnprovenMonths, SinceOnset)
		}
		for _, day := range []string{r.From, r.To} {
			if _, err := time.Parse(time.DateOnly, day); day != "" && err != nil {
				return fmt.Errorf("%s: %q is no date such as 2026-01-31", at, day)
			}
		}
		if r.From != "" && r.To != "" && r.To < r.From {
			return fmt.Errorf("%s: ends before it begins", at)
		}
	}
	return nil
}

// Rule is the one for a project on a day: of those that fit, the one with the longest
// area, then with a class, then that began last, then that stands first. ok is false
// where none fits.
func (s *Schedule) Rule(area, class, day string) (best Rule, ok bool) {
	for _, r := range s.Rules {
		fits := (r.Area == "" || r.Area == area || strings.HasPrefix(area, r.Area+"/")) && (r.Class == "" || r.Class == class) &&
			r.From <= day && (r.To == "" || day <= r.To)
		if fits && (!ok || closer(r, best)) {
			best, ok = r, true
		}
	}
	return best, ok
}

func closer(a, b Rule) bool {
	if len(a.Area) != len(b.Area) {
		return len(a.Area) > len(b.Area)
	}
	if (a.Class != "") != (b.Class != "") {
		return a.Class != ""
	}
	return a.From > b.From
}
