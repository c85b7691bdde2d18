package ledger

import (
	"context"
	"fmt"
	"slices"

	"github.com/shopspring/decimal"

	"github.com/flatwatt/flatwatt/access"
	"github.com/flatwatt/flatwatt/casework"
)

// Rules are how energy is accounted for.
type Rules struct {
	// NewSince is the day from which a project counts as new, and its energy twice in the
	// dual-control account of total and intensity.
	NewSince string `yaml:"new_since"`
	// NewFactor is how often a new project's energy counts.
	NewFactor decimal.Decimal `yaml:"new_factor"`
	// GridKg is kg of CO₂ per kWh, Areas the same by area, which includes what lies below it.
	GridKg decimal.Decimal            `yaml:"grid_factor_kg_per_kwh"`
	Areas  map[string]decimal.Decimal `yaml:"grid_factor_areas"`
}

// DefaultRules has the day of the notice 发改运行〔2021〕1283号, its doubling, and the national
// mean factor of 2022 (Ministry of Ecology and Environment): put in the one of your grid.
func DefaultRules() Rules {
	return Rules{NewSince: "2021-09-03", NewFactor: decimal.NewFromInt(2), GridKg: decimal.RequireFromString("0.5366")}
}

// ParseRules reads YAML over the defaults. Unknown fields are errors.
func ParseRules(text []byte) (Rules, error) {
	r := DefaultRules()
	if err := casework.ReadYAML(text, &r); err != nil {
		return r, err
	}
	if r.GridKg.IsNegative() || r.NewFactor.LessThan(decimal.NewFromInt(1)) {
		return r, fmt.Errorf("grid_factor_kg_per_kwh %s, new_factor %s: want 0 or more, and 1 or more", r.GridKg, r.NewFactor)
	}
	return r, nil
}

// New says whether a project counts as new: begun or, where that is not known, entered,
// on or after the day of the rules.
func (r Rules) New(p *Project) bool {
	since := p.Onset
	if since == "" {
		since = p.Added.Format("2006-01-02")
	}
	return since >= r.NewSince
}

// An Account is a project's energy as it counts.
type Account struct {
	New        bool            `json:"new"`
	EnergyKWh  decimal.Decimal `json:"energy_kwh"`
	CountedKWh decimal.Decimal `json:"counted_kwh"` // in the dual-control account
	CO2Kg      decimal.Decimal `json:"co2_kg"`      // of EnergyKWh, counted once
}

// Account is what kwh of a project count.
func (r Rules) Account(p *Project, kwh decimal.Decimal) Account {
	a := Account{New: r.New(p), EnergyKWh: kwh, CountedKWh: kwh, CO2Kg: kwh.Mul(r.factor(p.Area)).Round(3)}
	if a.New {
		a.CountedKWh = kwh.Mul(r.NewFactor)
	}
	return a
}

// factor is that of the area or the nearest one above it.
func (r Rules) factor(area string) decimal.Decimal {
	best, found := "", r.GridKg
	for name, f := range r.Areas {
		if (access.Actor{Areas: []string{name}}).Sees(area) && area != "" && len(name) > len(best) {
			best, found = name, f
		}
	}
	return found
}

// A Book is the ledger as one person has it open at one moment.
type Book struct{ casework.Desk }

// Add enters a project and returns its ID.
func (b Book) Add(ctx context.Context, p Project, note string) (id string, err error) {
	if err := b.mayWrite(&p); err != nil {
		return "", err
	}
	p.Added = b.Now
	if err := b.free(ctx, "", p.Meters); err != nil {
		return "", err
	}
	return b.Desk.Add(ctx, "ledger.add", note, Kind, "P", p, nil)
}

// free refuses meters that belong to another project than id, of whatever area: their
// energy would count twice. A project that has gone holds none.
func (b Book) free(ctx context.Context, id string, meters []string) error {
	others, err := casework.List[Project](ctx, b.Store, Kind)
	for _, o := range others {
		for _, m := range meters {
			if o.ID != id && o.Value.Progress != Exited && slices.Contains(o.Value.Meters, m) {
				return fmt.Errorf("meters: %s belongs to %s already", m, o.ID)
			}
		}
	}
	return err
}

// taken are the meters that a change gives to a project: all of them where it came back.
func taken(was, is *Project) []string {
	if is.Progress == Exited {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(is.Meters), func(m string) bool {
		return was.Progress != Exited && slices.Contains(was.Meters, m)
	})
}

func (b Book) mayWrite(p *Project) error {
	if err := b.Who.Need(access.Supervisor); err != nil {
		return err
	}
	if err := p.Check(); err != nil {
		return err
	}
	return b.See(Kind, "", p.Area)
}

// Project is an entry with its version; ErrNotFound also where it is not the person's to
// see. version 0 is the latest.
func (b Book) Project(ctx context.Context, id string) (Project, int, error) {
	p, version, err := casework.Get[Project](ctx, b.Store, Kind, id)
	if err != nil {
		return p, 0, err
	}
	return p, version, b.See(Kind, id, p.Area)
}

// List is the entries that the person sees, by ID.
func (b Book) List(ctx context.Context) ([]casework.Versioned[Project], error) {
	list, err := casework.List[Project](ctx, b.Store, Kind)
	return slices.DeleteFunc(list, func(p casework.Versioned[Project]) bool { return !b.Who.Sees(p.Value.Area) }), err
}

// Change applies do to an entry read at version; 0 stands for whatever is there.
func (b Book) Change(ctx context.Context, id string, version int, action, note string, do func(*Project) error) error {
	p, now, err := b.Project(ctx, id)
	if err != nil {
		return err
	}
	if version == 0 {
		version = now
	}
	was := p
	was.Meters = slices.Clone(p.Meters)
	if version == now { // else Commit refuses, and knows who came first
		if err := do(&p); err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
	}
	if err := b.mayWrite(&p); err != nil {
		return err
	}
	if more := taken(&was, &p); len(more) > 0 {
		if err := b.free(ctx, id, more); err != nil {
			return err
		}
	}
	return casework.Put(ctx, b.Store, b.Act(action, note), Kind, id, version, p)
}

// Exit notes that a project has gone.
func (b Book) Exit(ctx context.Context, id string, version int, day, note string) error {
	return b.Change(ctx, id, version, "ledger.exit", note, func(p *Project) error {
		if b.ToCome(day) {
			return fmt.Errorf("exited_on %s: is still to come; planned_exit is for that", day)
		}
		p.Progress, p.ExitedOn = Exited, day
		return nil
	})
}

// Missing are the confirmed cases that no entry names, by ID: the ledger is not in step.
// An entry that has moved to an area that the person does not see names its case too.
func (b Book) Missing(ctx context.Context) (cases []string, err error) {
	list, err := casework.List[Project](ctx, b.Store, Kind)
	if err != nil {
		return nil, err
	}
	named := map[string]bool{}
	for _, p := range list {
		named[p.Value.Case] = true
	}
	all, err := b.Cases(ctx)
	for _, c := range all {
		if (c.Value.State == casework.Confirmed || c.Value.State == casework.Rectified) && !named[c.ID] {
			cases = append(cases, c.ID)
		}
	}
	return cases, err
}
