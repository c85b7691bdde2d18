package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/flatwatt/flatwatt/casework"
	"github.com/flatwatt/flatwatt/casework/ledger"
)

func newLedger(p *Program, opt *options) *cobra.Command {
	cmd := &cobra.Command{
		Use: "ledger", Short: "The register of mining projects: who, where, how large, how much energy, on the way out", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newLedgerAdd(p), newLedgerSet(p), newLedgerExit(p), newLedgerList(p, opt), newLedgerShow(p), newLedgerUpdate(p, opt))
	return cmd
}

func loadRules(path string) (ledger.Rules, error) {
	if path == "" {
		return ledger.DefaultRules(), nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return ledger.Rules{}, usagef("--rules: %w", err)
	}
	r, err := ledger.ParseRules(text)
	if err != nil {
		return r, usagef("--rules %s: %w", path, err)
	}
	return r, nil
}

func newLedgerAdd(p *Program) *cobra.Command {
	var flags deskFlags
	var f projectFlags
	var note string
	cmd := &cobra.Command{
		Use: "add --company NAME --address WHERE [--case CASE]", Short: "Enter a project, also from a confirmed case, and print its name", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d, _, err := p.desk(cmd.Context(), flags)
			if err != nil {
				return err
			}
			project := ledger.Project{Status: ledger.Existing, Basis: ledger.WholeMeter, Progress: ledger.Registered}
			if f.caseID != "" {
				c, _, err := d.Case(cmd.Context(), f.caseID)
				if err != nil {
					return usageError{err}
				}
				if project, err = ledger.FromCase(f.caseID, c); err != nil {
					return usageError{err}
				}
			}
			f.apply(cmd, &project)
			id, err := ledger.Book{Desk: d}.Add(cmd.Context(), project, note)
			if err != nil {
				return usageError{err}
			}
			_, err = fmt.Fprintln(p.Stdout, id)
			return err
		},
	}
	flags.add(cmd)
	f.add(cmd)
	cmd.Flags().StringVar(&note, "note", "", "`words` for the trail")
	return cmd
}

// ledgerStep is a command that changes an entry.
func (p *Program) ledgerStep(use, short string, do func(*cobra.Command, ledger.Book, []string, int, string) error) *cobra.Command {
	var flags deskFlags
	var version int
	var note string
	cmd := &cobra.Command{
		Use: use, Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, _, err := p.desk(cmd.Context(), flags)
			if err != nil {
				return err
			}
			b := ledger.Book{Desk: d}
			if err := do(cmd, b, args, version, note); err != nil {
				return usageError{err}
			}
			project, now, err := b.Project(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			p.say("%s version %d: %s, %s", args[0], now, project.Company, project.Progress)
			return nil
		},
	}
	flags.add(cmd)
	cmd.Flags().IntVar(&version, "version", 0, "refuse where the entry is no longer at this `version`")
	cmd.Flags().StringVar(&note, "note", "", "`words` for the trail")
	return cmd
}

func newLedgerSet(p *Program) *cobra.Command {
	var f projectFlags
	cmd := p.ledgerStep("set PROJECT", "Change fields of an entry: those that are given", func(cmd *cobra.Command, b ledger.Book, args []string, version int, note string) error {
		return b.Change(cmd.Context(), args[0], version, "ledger.set", note, func(x *ledger.Project) error {
			f.apply(cmd, x)
			return nil
		})
	})
	f.add(cmd)
	return cmd
}

func newLedgerExit(p *Program) *cobra.Command {
	var day string
	cmd := p.ledgerStep("exit PROJECT --day DATE", "Note that a project has gone", func(cmd *cobra.Command, b ledger.Book, args []string, version int, note string) error {
		return b.Exit(cmd.Context(), args[0], version, day, note)
	})
	cmd.Flags().StringVar(&day, "day", "", "`day` on which it was gone")
	needFlags(cmd, "day")
	return cmd
}

func newLedgerList(p *Program, opt *options) *cobra.Command {
	var flags deskFlags
	var rulesFile string
	cmd := &cobra.Command{
		Use: "list", Short: "Entries of your areas with energy, counted energy and CO₂", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			rules, err := loadRules(rulesFile)
			if err != nil {
				return err
			}
			d, _, err := p.desk(cmd.Context(), flags)
			if err != nil {
				return err
			}
			list, err := ledger.Book{Desk: d}.List(cmd.Context())
			if err != nil {
				return err
			}
			var rows [][]string
			for _, x := range list {
				v := x.Value
				a := rules.Account(&v, v.EnergyKWh)
				rows = append(rows, []string{x.ID, v.Company, v.CreditCode, v.Address, v.Area, string(v.Status), strings.Join(v.Meters, " "), strconv.Itoa(v.Units),
					fmt.Sprint(v.HashrateTHs), fmt.Sprint(v.KW), v.Onset, v.TariffClass, v.PlannedExit, string(v.Progress), a.EnergyKWh.StringFixed(3),
					strconv.FormatBool(a.New), a.CountedKWh.StringFixed(3), a.CO2Kg.StringFixed(3), v.EnergyTo, strconv.Itoa(x.Version)})
			}
			return p.printTable(opt, []string{"project", "company", "credit code", "address", "area", "status", "meters", "units", "hashrate_ths", "kw", "onset", "tariff class",
				"planned exit", "progress", "energy_kwh", "new", "counted_kwh", "co2_kg", "energy to", "version"}, rows)
		},
	}
	flags.add(cmd)
	cmd.Flags().StringVar(&rulesFile, "rules", "", "`file` with the day from which projects are new, and grid factors (YAML)")
	return cmd
}

func newLedgerShow(p *Program) *cobra.Command {
	var flags deskFlags
	cmd := &cobra.Command{
		Use: "show PROJECT", Short: "An entry with all its versions and its part of the trail, as JSON", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, _, err := p.desk(cmd.Context(), flags)
			if err != nil {
				return err
			}
			project, version, err := ledger.Book{Desk: d}.Project(cmd.Context(), args[0])
			if err != nil {
				return usageError{err}
			}
			versions, err := versionsOf[ledger.Project](cmd.Context(), d, ledger.Kind, args[0], version)
			if err != nil {
				return err
			}
			trail, err := d.Store.Trail(cmd.Context(), ledger.Kind, args[0])
			if err != nil {
				return err
			}
			return writeJSON(p.Stdout, map[string]any{"id": args[0], "version": version, "project": project, "versions": versions, "trail": trail})
		},
	}
	flags.add(cmd)
	return cmd
}

// versionsOf are all versions of a record, from the first.
func versionsOf[T any](ctx context.Context, d casework.Desk, kind, id string, latest int) (list []T, err error) {
	for n := 1; n <= latest; n++ {
		v, err := casework.GetVersion[T](ctx, d.Store, kind, id, n)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

func newLedgerUpdate(p *Program, opt *options) *cobra.Command {
	var flags deskFlags
	var from energyFlags
	var week string
	cmd := &cobra.Command{
		Use: "update --week WEEK --fleet DIR [--archive DIR]", Short: "The weekly run: energy of every project up to the end of the week", Args: cobra.NoArgs,
		Long: `Update reads the energy of every project's meters up to the end of the ISO week and writes
it into the ledger, in one change. Run again it takes readings that came late. It names
confirmed cases that are in no entry: exit code 3 then, as the ledger is not in step.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d, _, err := p.desk(cmd.Context(), flags)
			if err != nil {
				return err
			}
			source, _, err := p.energySource(cmd.Context(), from)
			if err != nil {
				return err
			}
			u, err := ledger.Book{Desk: d}.Update(cmd.Context(), source, week)
			if err != nil {
				return usageError{err}
			}
			if opt.output == "json" {
				if err := writeJSON(p.Stdout, u); err != nil {
					return err
				}
			}
			p.say("%s: %d projects, %s kWh, %.1f meter-days without readings", u.Week, u.Projects, u.KWh.StringFixed(3), u.MissingDays)
			for _, id := range u.Unread {
				p.say("%s: nothing was read of its meters this week", id)
			}
			if len(u.Missing) > 0 {
				return dataError{fmt.Errorf("confirmed cases that are in no entry: %s; `flatwatt ledger add --case` enters them", strings.Join(u.Missing, ", "))}
			}
			return nil
		},
	}
	flags.add(cmd)
	from.add(p, cmd)
	cmd.Flags().StringVar(&week, "week", "", "ISO `week`, e.g. 2026-W09")
	needFlags(cmd, "week")
	return cmd
}
