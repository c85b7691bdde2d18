package spotcheck

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/flatwatt/flatwatt/access"
	"github.com/flatwatt/flatwatt/casework"
)

// Kinds of records: a spot check such as R-2026-00001, and its population under its digest.
const (
	Kind           = "spot check"
	KindPopulation = "spot check population"
)

// A Population is what is published before the seed is known.
type Population struct {
	Items      []Item      `json:"items"`
	Inspectors []Inspector `json:"inspectors"`
}

// An Outcome is what an inspection found.
type Outcome struct {
	Result string    `json:"result"` // one of Results
	Day    string    `json:"day"`
	Note   string    `json:"note,omitempty"`
	Case   string    `json:"case,omitempty"` // that it led to
	By     string    `json:"by"`
	At     time.Time `json:"at"`
}

// Results are the codes of an outcome.
func Results() []string {
	return []string{"nothing found", "mining found", "other violation", "not accessible", "closed down"}
}

// A SpotCheck is a plan, then a draw, then outcomes. A plan never changes: its digest
// was published.
type SpotCheck struct {
	Title      string    `json:"title"`
	Area       string    `json:"area,omitempty"`
	Rules      Rules     `json:"rules"`
	Population string    `json:"population"`  // digest
	Count      int       `json:"count"`       // items in the population
	SeedSource string    `json:"seed_source"` // where the seed will come from, told beforehand
	Planned    time.Time `json:"planned"`
	PlannedBy  string    `json:"planned_by"`
	Seed       string    `json:"seed,omitempty"`
	Drawn      time.Time `json:"drawn,omitzero"`
	DrawnBy    string    `json:"drawn_by,omitempty"`
	Picks      []Pick    `json:"picks,omitempty"`
}

// A Board is where spot checks are worked on, by one person at one moment.
type Board struct{ casework.Desk }

// Plan fixes population, inspectors and rules, and names where the seed will come from.
// It returns the check's ID; its digest is to be published before the seed is known.
func (b Board) Plan(ctx context.Context, title, area, seedSource string, p Population, r Rules) (id string, err error) {
	if err := b.Who.Need(access.Supervisor); err != nil {
		return "", err
	}
	if err := Check(p.Items, p.Inspectors, r); err != nil {
		return "", err
	}
	if strings.TrimSpace(title) == "" || strings.TrimSpace(seedSource) == "" {
		return "", fmt.Errorf("title and seed source: say both, e.g. the digits of a public lottery on a day to come")
	}
	if err := b.See(Kind, "", area); err != nil {
		return "", err
	}
	for _, it := range p.Items {
		if !b.Who.Sees(it.Area) {
			return "", access.ErrForbidden{Actor: b.Who.Name, Needs: fmt.Sprintf("item %s is of the area %s, which is not theirs: give --area", it.ID, it.Area)}
		}
	}
	c := SpotCheck{Title: title, Area: area, Rules: r, Population: Digest(p.Items, p.Inspectors, r), Count: len(p.Items),
		SeedSource: seedSource, Planned: b.Now, PlannedBy: b.Who.Name}
	var more func(string) ([]casework.Record, error)
	if _, err := b.Store.Get(ctx, KindPopulation, c.Population, 0); errors.Is(err, casework.ErrNotFound) {
		more = func(string) ([]casework.Record, error) {
			w, err := casework.Write(KindPopulation, c.Population, 0, p)
			return []casework.Record{w}, err
		}
	} else if err != nil {
		return "", err
	}
	return b.Add(ctx, "spotcheck.plan", "", Kind, "R", c, more)
}

// Spot is a spot check with its version; ErrNotFound also where it is not the person's to see.
func (b Board) Spot(ctx context.Context, id string) (SpotCheck, int, error) {
	c, version, err := casework.Get[SpotCheck](ctx, b.Store, Kind, id)
	if err != nil {
		return c, 0, err
	}
	return c, version, b.See(Kind, id, c.Area)
}

// List is the spot checks that the person sees, by ID.
func (b Board) List(ctx context.Context) ([]casework.Versioned[SpotCheck], error) {
	list, err := casework.List[SpotCheck](ctx, b.Store, Kind)
	return slices.DeleteFunc(list, func(c casework.Versioned[SpotCheck]) bool { return !b.Who.Sees(c.Value.Area) }), err
}

// Draw draws a planned check with the seed that was announced. A check is drawn once.
func (b Board) Draw(ctx context.Context, id string, version int, seed string) error {
	if err := b.Who.Need(access.Supervisor); err != nil {
		return err
	}
	return b.change(ctx, id, version, "spotcheck.draw", "seed "+seed, func(c *SpotCheck) error {
		if c.Seed != "" {
			return fmt.Errorf("was drawn on %s already, with seed %q", c.Drawn.Format(time.DateOnly), c.Seed)
		}
		p, _, err := casework.Get[Population](ctx, b.Store, KindPopulation, c.Population)
		if err != nil {
			return err
		}
		if c.Picks, err = Draw(seed, p.Items, p.Inspectors, c.Rules); err != nil {
			return err
		}
		c.Seed, c.Drawn, c.DrawnBy = seed, b.Now, b.Who.Name
		return nil
	})
}

func (b Board) change(ctx context.Context, id string, version int, action, note string, do func(*SpotCheck) error) error {
	c, now, err := b.Spot(ctx, id)
	if err != nil {
		return err
	}
	if version == 0 {
		version = now
	}
	if version == now { // else Commit refuses, and knows who came first
		if err := do(&c); err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
	}
	return casework.Put(ctx, b.Store, b.Act(action, note), Kind, id, version, c)
}

// Enter notes an outcome. Only an inspector who was drawn for the item may.
func (b Board) Enter(ctx context.Context, id string, version int, item string, o Outcome) error {
	if err := b.Who.Need(access.Inspector); err != nil {
		return err
	}
	if _, err := time.Parse(time.DateOnly, o.Day); err != nil || !slices.Contains(Results(), o.Result) {
		return fmt.Errorf("outcome %q on %q: want one of %s, and a date", o.Result, o.Day, strings.Join(Results(), ", "))
	}
	return b.change(ctx, id, version, "spotcheck.outcome", o.Result, func(c *SpotCheck) error {
		i := slices.IndexFunc(c.Picks, func(p Pick) bool { return p.Item.ID == item })
		if i < 0 {
			return fmt.Errorf("item %s: was not drawn", item)
		}
		if !slices.Contains(c.Picks[i].Inspectors, b.Who.Name) {
			return access.ErrForbidden{Actor: b.Who.Name, Needs: "the outcome is for those who were drawn: " + strings.Join(c.Picks[i].Inspectors, ", ")}
		}
		if o.Day < c.Drawn.Format(time.DateOnly) {
			return fmt.Errorf("outcome of %s: before the draw of %s", o.Day, c.Drawn.Format(time.DateOnly))
		}
		o.By, o.At = b.Who.Name, b.Now
		c.Picks[i].Outcome = &o
		return nil
	})
}

// Verify draws again from what is stored and compares: the digest, and every pick.
func (b Board) Verify(ctx context.Context, id string) error {
	c, _, err := b.Spot(ctx, id)
	if err != nil {
		return err
	}
	if c.Seed == "" {
		return fmt.Errorf("%s: was not drawn yet", id)
	}
	p, _, err := casework.Get[Population](ctx, b.Store, KindPopulation, c.Population)
	if err != nil {
		return err
	}
	if d := Digest(p.Items, p.Inspectors, c.Rules); d != c.Population {
		return fmt.Errorf("%s: its population has digest %s, published was %s", id, d, c.Population)
	}
	again, err := Draw(c.Seed, p.Items, p.Inspectors, c.Rules)
	if err != nil {
		return err
	}
	drawn := slices.Clone(c.Picks)
	for i := range drawn {
		drawn[i].Outcome = nil
	}
	if !reflect.DeepEqual(again, drawn) {
		return fmt.Errorf("%s: drawing again gives other picks: the list was changed after the draw", id)
	}
	return nil
}
