package main

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/access"
	"github.com/flatwatt/flatwatt/casework"
	"github.com/flatwatt/flatwatt/casework/alarms"
	"github.com/flatwatt/flatwatt/casework/spotcheck"
)

func newSpotCheck(p *Program, opt *options) *cobra.Command {
	cmd := &cobra.Command{
		Use: "spotcheck", Short: "Double-random spot checks: what is inspected and who inspects it, drawn from a published seed", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newSpotPlan(p), newSpotDraw(p), newSpotOutcome(p), newSpotList(p, opt), newSpotVerify(p), newSpotDisclose(p, opt))
	return cmd
}

type spotPlanFlags struct {
	desk                                               deskFlags
	title, area, source, population, inspectors, fleet string
	rules                                              spotcheck.Rules
	weights                                            map[string]int
}

func newSpotPlan(p *Program) *cobra.Command {
	var f spotPlanFlags
	cmd := &cobra.Command{
		Use: "plan --title WORDS --seed-source WORDS --size N (--fleet DIR | --population FILE)", Args: cobra.NoArgs,
		Short: "Fix population, inspectors and rules; publish the digest that it prints before the seed is known",
		Long: `Plan fixes what can be drawn, who can be drawn to inspect it, and the rules. With --fleet the
population is the customers of the register: high where an alarm is active, medium where
there was one, else low. With --population it is a CSV file with the columns id, stratum,
area, name. Inspectors are the users of that role, or a CSV file with the columns name,
areas, conflicts (with ; between several).`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d, _, err := p.desk(cmd.Context(), f.desk)
			if err != nil {
				return err
			}
			var pop spotcheck.Population
			if pop.Items, err = p.spotPopulation(cmd.Context(), d, f); err != nil {
				return err
			}
			if pop.Inspectors, err = spotInspectors(cmd.Context(), d, f.inspectors); err != nil {
				return err
			}
			f.rules.Weights = f.weights
			b := spotcheck.Board{Desk: d}
			id, err := b.Plan(cmd.Context(), f.title, f.area, f.source, pop, f.rules)
			if err != nil {
				return usageError{err}
			}
			p.say("publish now: %d items, %d inspectors, SHA-256 %s", len(pop.Items), len(pop.Inspectors), spotcheck.Digest(pop.Items, pop.Inspectors, f.rules))
			_, err = fmt.Fprintln(p.Stdout, id)
			return err
		},
	}
	f.desk.add(cmd)
	set := cmd.Flags()
	set.StringVar(&f.title, "title", "", "what is checked, in `words`")
	set.StringVar(&f.area, "area", "", "`area`; only its items are in the population")
	set.StringVar(&f.source, "seed-source", "", "where the seed will come from, in `words`, e.g. a public lottery of a day to come")
	set.StringVar(&f.population, "population", "", "CSV `file` of what can be drawn")
	set.StringVar(&f.fleet, "fleet", "", "fleet `directory` whose customers can be drawn")
	set.StringVar(&f.inspectors, "inspectors", "", "CSV `file` of inspectors; the default is the users of that role")
	set.IntVar(&f.rules.Size, "size", 0, "how many `items` are drawn")
	set.Float64Var(&f.rules.RandomShare, "random-share", 0.3, "`share` drawn from everything, whatever its risk")
	set.StringToIntVar(&f.weights, "weight", map[string]int{"high": 10, "medium": 3, "low": 1}, "`stratum=weight`, how much likelier an item is drawn")
	set.IntVar(&f.rules.PerItem, "per-item", 2, "`inspectors` for each item")
	needFlags(cmd, "title", "seed-source", "size")
	return cmd
}

func (p *Program) spotPopulation(ctx context.Context, d casework.Desk, f spotPlanFlags) (items []spotcheck.Item, err error) {
	switch {
	case (f.fleet == "") == (f.population == ""):
		return nil, usagef("give --fleet or --population, one of them")
	case f.population != "":
		err = readColumns(f.population, []string{"id", "stratum", "area", "name"}, func(c []string) error {
			items = append(items, spotcheck.Item{ID: c[0], Stratum: c[1], Area: c[2], Name: c[3]})
			return nil
		})
	default:
		items, err = p.spotFleet(ctx, d, f.fleet)
	}
	if err != nil {
		return nil, err
	}
	var kept []spotcheck.Item
	within := access.Actor{Areas: []string{f.area}}
	for _, it := range items {
		if f.area == "" || it.Area != "" && within.Sees(it.Area) {
			kept = append(kept, it)
		}
	}
	return kept, nil
}

func (p *Program) spotFleet(ctx context.Context, d casework.Desk, dir string) ([]spotcheck.Item, error) {
	fleet, err := p.openRegister(dir)
	if err != nil {
		return nil, err
	}
	return spotItems(ctx, d, fleet.Meters())
}

// spotItems are the customers of a register with the stratum that their alarms give them.
func spotItems(ctx context.Context, d casework.Desk, meters []flatwatt.Meter) (items []spotcheck.Item, err error) {
	list, err := casework.List[alarms.Alarm](ctx, d.Store, alarms.Kind)
	if err != nil {
		return nil, err
	}
	strata := map[string]string{}
	for _, a := range list {
		id := cmp.Or(a.Value.Meter, a.ID)
		if a.Value.Active {
			strata[id] = "high"
		} else if len(a.Value.Raises) > 0 {
			strata[id] = cmp.Or(strata[id], "medium")
		}
	}
	register := registerOf(meters)
	for _, m := range customers(meters) {
		s := cmp.Or(strata[string(m.ID)], "low")
		items = append(items, spotcheck.Item{ID: string(m.ID), Stratum: s, Area: areaOf(register, m), Name: m.Extra["customer"]})
	}
	return items, nil
}

func spotInspectors(ctx context.Context, d casework.Desk, path string) (who []spotcheck.Inspector, err error) {
	if path != "" {
		list := func(text string) []string { return strings.FieldsFunc(text, func(r rune) bool { return r == ';' }) }
		err = readColumns(path, []string{"name", "areas", "conflicts"}, func(c []string) error {
			who = append(who, spotcheck.Inspector{Name: c[0], Areas: list(c[1]), Conflicts: list(c[2])})
			return nil
		})
		return who, err
	}
	users, err := casework.List[casework.User](ctx, d.Store, casework.KindUser)
	for _, u := range users {
		if u.Value.Role == access.Inspector && !u.Value.Disabled {
			who = append(who, spotcheck.Inspector{Name: u.ID, Areas: u.Value.Areas})
		}
	}
	return who, err
}

func newSpotDraw(p *Program) *cobra.Command {
	var flags deskFlags
	var seed string
	var version int
	cmd := &cobra.Command{
		Use: "draw CHECK --seed SEED", Short: "Draw items and inspectors with the seed that was announced, once", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, _, err := p.desk(cmd.Context(), flags)
			if err != nil {
				return err
			}
			b := spotcheck.Board{Desk: d}
			if err := b.Draw(cmd.Context(), args[0], version, seed); err != nil {
				return usageError{err}
			}
			c, _, err := b.Spot(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			p.say("%s: %d of %d drawn", args[0], len(c.Picks), c.Count)
			return nil
		},
	}
	flags.add(cmd)
	cmd.Flags().StringVar(&seed, "seed", "", "the published `seed`, one line")
	cmd.Flags().IntVar(&version, "version", 0, "refuse where it is no longer at this `version`")
	needFlags(cmd, "seed")
	return cmd
}

func newSpotOutcome(p *Program) *cobra.Command {
	var flags deskFlags
	var o spotcheck.Outcome
	var version int
	cmd := &cobra.Command{
		Use: "outcome CHECK ITEM --result CODE --day DAY", Short: "Enter what was found; for the inspectors who were drawn", Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, _, err := p.desk(cmd.Context(), flags)
			if err != nil {
				return err
			}
			if err := (spotcheck.Board{Desk: d}).Enter(cmd.Context(), args[0], version, args[1], o); err != nil {
				return usageError{err}
			}
			p.say("%s %s: %s", args[0], args[1], o.Result)
			return nil
		},
	}
	flags.add(cmd)
	cmd.Flags().StringVar(&o.Result, "result", "", "`code`: "+strings.Join(spotcheck.Results(), ", "))
	cmd.Flags().StringVar(&o.Day, "day", "", "`day` of the inspection")
	cmd.Flags().StringVar(&o.Note, "note", "", "`words`")
	cmd.Flags().StringVar(&o.Case, "case", "", "`case` that it led to")
	cmd.Flags().IntVar(&version, "version", 0, "refuse where it is no longer at this `version`")
	needFlags(cmd, "result", "day")
	return cmd
}

func newSpotList(p *Program, opt *options) *cobra.Command {
	var flags deskFlags
	cmd := &cobra.Command{
		Use: "list", Short: "Spot checks of your areas", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d, _, err := p.desk(cmd.Context(), flags)
			if err != nil {
				return err
			}
			list, err := spotcheck.Board{Desk: d}.List(cmd.Context())
			if err != nil {
				return err
			}
			var rows [][]string
			for _, x := range list {
				c, entered := x.Value, 0
				for _, pick := range c.Picks {
					entered += btoi(pick.Outcome != nil)
				}
				rows = append(rows, []string{x.ID, c.Title, c.Area, strconv.Itoa(c.Count), strconv.Itoa(len(c.Picks)), strconv.Itoa(entered), c.Seed, c.Population, strconv.Itoa(x.Version)})
			}
			return p.printTable(opt, []string{"check", "title", "area", "population", "drawn", "outcomes", "seed", "sha256", "version"}, rows)
		},
	}
	flags.add(cmd)
	return cmd
}

func newSpotVerify(p *Program) *cobra.Command {
	var flags deskFlags
	cmd := &cobra.Command{
		Use: "verify CHECK", Short: "Draw again from seed and population and compare; exit code 3 where it differs", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, _, err := p.desk(cmd.Context(), flags)
			if err != nil {
				return err
			}
			if err := (spotcheck.Board{Desk: d}).Verify(cmd.Context(), args[0]); err != nil {
				return dataError{err}
			}
			p.say("%s: drawing again gives the same", args[0])
			return nil
		},
	}
	flags.add(cmd)
	return cmd
}

func newSpotDisclose(p *Program, opt *options) *cobra.Command {
	var flags deskFlags
	var out outFlags
	cmd := &cobra.Command{
		Use: "disclose CHECK --out FILE", Short: "The sheet to be published: what was drawn, who went, what was found", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, _, err := p.desk(cmd.Context(), flags)
			if err != nil {
				return err
			}
			c, _, err := spotcheck.Board{Desk: d}.Spot(cmd.Context(), args[0])
			if err != nil {
				return usageError{err}
			}
			return out.write(p, c.Disclose(args[0], opt.lang))
		},
	}
	flags.add(cmd)
	out.add(cmd)
	return cmd
}
