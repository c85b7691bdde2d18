package alarms

import (
	"fmt"
	"slices"

	"github.com/flatwatt/flatwatt/casework"
)

// A Policy is the alarm philosophy of an operator: delays, budget and priorities. Its
// zero value is not usable: begin with DefaultPolicy.
type Policy struct {
	OnDelayDays  int `yaml:"on_delay_days"`  // judged days in a row before an alarm becomes active
	OffDelayDays int `yaml:"off_delay_days"` // judged days in a row before it returns
	// BudgetPerDay is how many alarms a day and area are announced; the rest waits in the
	// backlog, the most urgent first. 0: no bound.
	BudgetPerDay int     `yaml:"budget_per_day"`
	HighKW       float64 `yaml:"high_kw"`   // expected kW (probability × block) from which priority is high
	MediumKW     float64 `yaml:"medium_kw"` // and from which it is medium
	// GroupFrom is how many active meters below one transformer make one parent alarm. 0: never.
	GroupFrom     int    `yaml:"group_from"`
	StaleDays     int    `yaml:"stale_days"`     // active longer than this is stale
	ChatterRaises int    `yaml:"chatter_raises"` // activations in ChatterDays that make an alarm chatter
	ChatterDays   int    `yaml:"chatter_days"`
	MaxShelfDays  int    `yaml:"max_shelf_days"` // the longest that anybody may shelve
	Suppress      []Rule `yaml:"suppress"`
}

// A Rule suppresses alarms by design where all that it names fits.
type Rule struct {
	Name   string `yaml:"name"`
	Meter  string `yaml:"meter"`  // "": any; a meter's name is also that of its hall
	Class  string `yaml:"class"`  // "": any
	Area   string `yaml:"area"`   // "": any; else exactly this
	Until  string `yaml:"until"`  // last day, 2006-01-02; "": no end
	Reason string `yaml:"reason"` // shown on the alarm
}

// DefaultPolicy has the delays that the daily score of one meter wants: two judged days
// up, five down. Its priorities are those of docs/alarms.md.
func DefaultPolicy() Policy {
	return Policy{OnDelayDays: 2, OffDelayDays: 5, BudgetPerDay: 20, HighKW: 60, MediumKW: 15, GroupFrom: 3,
		StaleDays: 30, ChatterRaises: 3, ChatterDays: 60, MaxShelfDays: 90}
}

// ParsePolicy reads YAML over the defaults. Unknown fields are errors.
func ParsePolicy(text []byte) (Policy, error) {
	p := DefaultPolicy()
	if err := casework.ReadYAML(text, &p); err != nil {
		return p, err
	}
	return p, p.check()
}

func (p Policy) check() error {
	for _, f := range []struct {
		name       string
		value      int
		least, max int
	}{
		{"on_delay_days", p.OnDelayDays, 1, 60}, {"off_delay_days", p.OffDelayDays, 1, 60},
		{"budget_per_day", p.BudgetPerDay, 0, 1 << 20}, {"group_from", p.GroupFrom, 0, 1000},
		{"stale_days", p.StaleDays, 1, 3650}, {"chatter_raises", p.ChatterRaises, 2, MaxRaises},
		{"chatter_days", p.ChatterDays, 1, 3650}, {"max_shelf_days", p.MaxShelfDays, 1, 3650},
	} {
		if f.value < f.least || f.value > f.max {
			return fmt.Errorf("%s: %d; want %d to %d", f.name, f.value, f.least, f.max)
		}
	}
	if !(p.MediumKW > 0 && p.HighKW > p.MediumKW) {
		return fmt.Errorf("high_kw %g, medium_kw %g: want high above medium above 0", p.HighKW, p.MediumKW)
	}
	for i, r := range p.Suppress {
		if r.Name == "" || r.Reason == "" || r.Meter == "" && r.Class == "" && r.Area == "" {
			return fmt.Errorf("suppress[%d]: name, reason and at least one of meter, class and area are needed", i)
		}
		if slices.ContainsFunc(p.Suppress[:i], func(o Rule) bool { return o.Name == r.Name }) {
			return fmt.Errorf("suppress[%d]: name %s stands twice", i, r.Name)
		}
	}
	return nil
}

// Priority is that of an alarm of some expected kW.
func (p Policy) Priority(expectedKW float64) Priority {
	switch {
	case expectedKW >= p.HighKW:
		return High
	case expectedKW >= p.MediumKW:
		return Medium
	}
	return Low
}

// rule is the first rule that suppresses an alarm on a day; ok is false where none does.
func (p Policy) rule(id string, a *Alarm, today string) (r Rule, ok bool) {
	i := slices.IndexFunc(p.Suppress, func(r Rule) bool {
		return (r.Meter == "" || r.Meter == id || r.Meter == a.Meter) && (r.Class == "" || r.Class == a.Class) &&
			(r.Area == "" || r.Area == a.Area) && (r.Until == "" || today <= r.Until)
	})
	if i < 0 {
		return Rule{}, false
	}
	return p.Suppress[i], true
}
