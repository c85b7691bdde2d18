package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/flatwatt/flatwatt/access"
	"github.com/flatwatt/flatwatt/casework"
)

func newCase(p *Program, opt *options) *cobra.Command {
	cmd := &cobra.Command{
		Use: "case", Short: "Cases: from a suspicion to its end, every step in the audit trail", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newCaseOpen(p), newCaseList(p, opt), newCaseExport(p), newCaseAttach(p))
	note := func(c *cobra.Command, v *string) {
		c.Flags().StringVar(v, "note", "", "why, in your own `words`, for the trail")
	}
	add := func(use, short, action string, do func(*casework.Case, casework.Desk, []string) error) *cobra.Command {
		sub := p.caseStep(use, short, action, note, do)
		cmd.AddCommand(sub)
		return sub
	}
	var reason, due string
	var refuse, undo bool
	move := add("move CASE STATE", "Bring a case to another state", "case.move", func(c *casework.Case, d casework.Desk, a []string) error {
		return c.Move(casework.State(a[1]), reason, d.Who, d.Now)
	})
	move.Flags().StringVar(&reason, "reason", "", "`code` that the state asks for")
	propose := add("propose CASE confirm|disconnect", "Propose what needs a second person", "case.propose", func(c *casework.Case, d casework.Desk, a []string) error {
		return c.Propose(a[1], reason, "", d.Who, d.Now)
	})
	propose.Flags().StringVar(&reason, "reason", "", "`code` of what was found")
	decide := add("decide CASE", "Agree to what another proposed, or refuse it", "case.decide", func(c *casework.Case, d casework.Desk, a []string) error {
		return c.Decide(!refuse, d.Who, d.Now)
	})
	decide.Flags().BoolVar(&refuse, "refuse", false, "refuse it")
	assign := add("assign CASE USER", "Give a case to somebody", "case.assign", func(c *casework.Case, d casework.Desk, a []string) error {
		return c.Assign(a[1], due, d.Who)
	})
	assign.Flags().StringVar(&due, "due", "", "`date` by which it should be done")
	add("comment CASE TEXT", "Say something about a case", "case.comment", func(c *casework.Case, d casework.Desk, a []string) error {
		return c.Say(a[1], d.Who, d.Now)
	})
	tick := add("tick CASE NUMBER", "Mark a task of the checklist as done", "case.tick", func(c *casework.Case, d casework.Desk, a []string) error {
		n, err := strconv.Atoi(a[1])
		if err != nil {
			return fmt.Errorf("task %q: want its number, from 1", a[1])
		}
		return c.Tick(n-1, !undo, d.Who, d.Now)
	})
	var reference string
	report := add("report CASE AUTHORITY", "Note that a case was reported to an authority", "case.report", func(c *casework.Case, d casework.Desk, a []string) error {
		return c.Report(a[1], reference, d.Who, d.Now)
	})
	report.Flags().StringVar(&reference, "reference", "", "`number` of the letter")
	tick.Flags().BoolVar(&undo, "undo", false, "it is not done after all")
	return cmd
}

// caseStep is a command that changes a case. --version guards against overtaking.
func (p *Program) caseStep(use, short, action string, note func(*cobra.Command, *string), do func(*casework.Case, casework.Desk, []string) error) *cobra.Command {
	var flags deskFlags
	var version int
	var why string
	args := 1
	for _, r := range use {
		if r == ' ' {
			args++
		}
	}
	cmd := &cobra.Command{Use: use, Short: short, Args: cobra.ExactArgs(args - 1)}
	cmd.RunE = func(cmd *cobra.Command, a []string) error {
		d, _, err := p.desk(cmd.Context(), flags)
		if err != nil {
			return err
		}
		if err := d.Change(cmd.Context(), a[0], version, action, why, func(c *casework.Case) error { return do(c, d, a) }); err != nil {
			return usageError{err}
		}
		return p.sayCase(cmd.Context(), d, a[0])
	}
	flags.add(cmd)
	note(cmd, &why)
	cmd.Flags().IntVar(&version, "version", 0, "refuse where the case is no longer at this `version`")
	return cmd
}

func (p *Program) sayCase(ctx context.Context, d casework.Desk, id string) error {
	c, version, err := d.Case(ctx, id)
	if err != nil {
		return err
	}
	p.say("%s version %d: %s, assigned to %s", id, version, c.State, orDash(c.Assignee))
	return nil
}

func newCaseOpen(p *Program) *cobra.Command {
	var flags deskFlags
	var area, title, finding string
	cmd := &cobra.Command{
		Use: "open METER", Short: "Open a case and print its name", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, _, err := p.desk(cmd.Context(), flags)
			if err != nil {
				return err
			}
			var f casework.Finding
			if finding != "" {
				f.Reason = finding
			}
			c, err := casework.NewCase(args[0], area, title, f, d.Now)
			if err != nil {
				return usageError{err}
			}
			id, err := d.Open(cmd.Context(), c, nil)
			if err != nil {
				return usageError{err}
			}
			_, err = fmt.Fprintln(p.Stdout, id)
			return err
		},
	}
	flags.add(cmd)
	cmd.Flags().StringVar(&area, "area", "", "`area` that the case belongs to")
	cmd.Flags().StringVar(&title, "title", "", "`words` for the list; the default is the meter")
	cmd.Flags().StringVar(&finding, "why", "", "the suspicion in `words`")
	return cmd
}

func newCaseList(p *Program, opt *options) *cobra.Command {
	var flags deskFlags
	cmd := &cobra.Command{
		Use: "list", Short: "Cases of your areas", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d, _, err := p.desk(cmd.Context(), flags)
			if err != nil {
				return err
			}
			list, err := d.Cases(cmd.Context())
			if err != nil {
				return err
			}
			var rows [][]string
			for _, c := range list {
				v := c.Value
				rows = append(rows, []string{c.ID, v.Meter, v.Area, string(v.State), v.Assignee, v.Due, v.Opened.Format("2006-01-02"), strconv.Itoa(c.Version)})
			}
			return p.printTable(opt, []string{"case", "meter", "area", "state", "assignee", "due", "opened", "version"}, rows)
		},
	}
	flags.add(cmd)
	return cmd
}

// newCaseExport writes a case with all that belongs to it: its trail and, hashed, its files.
func newCaseExport(p *Program) *cobra.Command {
	var flags deskFlags
	cmd := &cobra.Command{
		Use: "export CASE", Short: "A case with its trail and the bytes of its files, as JSON", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, db, err := p.desk(cmd.Context(), flags)
			if err != nil {
				return err
			}
			if err := d.Who.Need(access.Viewer); err != nil {
				return usageError{err}
			}
			bundle, err := d.Export(cmd.Context(), args[0])
			if err != nil {
				return usageError{err}
			}
			if _, err := db.Verify(cmd.Context(), bundle.Head); err != nil {
				return dataError{err}
			}
			enc := json.NewEncoder(p.Stdout)
			enc.SetIndent("", "  ")
			return enc.Encode(bundle)
		},
	}
	flags.add(cmd)
	return cmd
}

func newCaseAttach(p *Program) *cobra.Command {
	var flags deskFlags
	cmd := &cobra.Command{
		Use: "attach CASE FILE", Short: "Keep a file with a case", Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, _, err := p.desk(cmd.Context(), flags)
			if err != nil {
				return err
			}
			body, err := os.ReadFile(args[1])
			if err != nil {
				return usageError{err}
			}
			if err := d.Attach(cmd.Context(), args[0], 0, args[1], body); err != nil {
				return usageError{err}
			}
			return p.sayCase(cmd.Context(), d, args[0])
		},
	}
	flags.add(cmd)
	return cmd
}
