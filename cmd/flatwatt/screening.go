package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/flatwatt/flatwatt/casework/tips"
)

func newCommitment(p *Program, opt *options) *cobra.Command {
	cmd := &cobra.Command{
		Use: "commitment", Short: "Commitments of data centres not to mine, and whether they were kept", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newCommitmentSign(p), newCommitmentList(p, opt), newCommitmentCheck(p))
	return cmd
}

func newCommitmentSign(p *Program) *cobra.Command {
	var flags deskFlags
	var c tips.Commitment
	cmd := &cobra.Command{
		Use: "sign --company NAME --address WHERE --meter METER --signed DAY --until DAY", Short: "Enter a commitment and print its name", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			b, err := p.inbox(cmd.Context(), flags)
			if err != nil {
				return err
			}
			id, err := b.Commit(cmd.Context(), c)
			if err != nil {
				return usageError{err}
			}
			_, err = fmt.Fprintln(p.Stdout, id)
			return err
		},
	}
	flags.add(cmd)
	set := cmd.Flags()
	set.StringVar(&c.Company, "company", "", "`name`")
	set.StringVar(&c.CreditCode, "credit-code", "", "unified social credit `code`")
	set.StringVar(&c.Address, "address", "", "`address`")
	set.StringVar(&c.Area, "area", "", "`area`")
	set.StringSliceVar(&c.Meters, "meter", nil, "`service points`")
	set.Float64Var(&c.KW, "kw", 0, "declared `kW`")
	set.StringVar(&c.Signed, "signed", "", "`day`")
	set.StringVar(&c.Until, "until", "", "last `day`")
	needFlags(cmd, "company", "address", "meter", "signed", "until")
	return cmd
}

func newCommitmentList(p *Program, opt *options) *cobra.Command {
	var flags deskFlags
	cmd := &cobra.Command{
		Use: "list", Short: "Commitments of your areas", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			b, err := p.inbox(cmd.Context(), flags)
			if err != nil {
				return err
			}
			list, err := b.Commitments(cmd.Context())
			if err != nil {
				return err
			}
			var rows [][]string
			for _, x := range list {
				c := x.Value
				rows = append(rows, []string{x.ID, c.Company, c.CreditCode, c.Area, strings.Join(c.Meters, " "), fmt.Sprint(c.KW), c.Signed, c.Until, c.Broken, c.Why})
			}
			return p.printTable(opt, []string{"commitment", "company", "credit code", "area", "meters", "kw", "signed", "until", "broken", "case"}, rows)
		},
	}
	flags.add(cmd)
	return cmd
}

func newCommitmentCheck(p *Program) *cobra.Command {
	var flags deskFlags
	cmd := &cobra.Command{
		Use: "check", Short: "Mark commitments that a confirmed case has broken, and print them", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			b, err := p.inbox(cmd.Context(), flags)
			if err != nil {
				return err
			}
			broken, err := b.CheckCommitments(cmd.Context())
			if err != nil {
				return usageError{err}
			}
			for _, id := range broken {
				fmt.Fprintln(p.Stdout, id)
			}
			return nil
		},
	}
	flags.add(cmd)
	return cmd
}

func newApplicant(p *Program, opt *options) *cobra.Command {
	cmd := &cobra.Command{
		Use: "applicant", Short: "Market participants and new connections, screened against ledger, cases and commitments", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newApplicantReceive(p), newApplicantList(p, opt), newApplicantDecide(p))
	return cmd
}

func newApplicantReceive(p *Program) *cobra.Command {
	var flags deskFlags
	var a tips.Applicant
	var list, loadWhy string
	var loadScore float64
	cmd := &cobra.Command{
		Use: "receive --list LIST --company NAME --address WHERE", Short: "Put an applicant on a screening list and print its name and hits", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			b, err := p.inbox(cmd.Context(), flags)
			if err != nil {
				return err
			}
			a.List = tips.List(list)
			var load []tips.Hit
			if loadWhy != "" {
				load = []tips.Hit{{Source: "load", Score: loadScore, Why: loadWhy}}
			}
			id, err := b.Screen(cmd.Context(), a, load)
			if err != nil {
				return usageError{err}
			}
			all, err := b.Applicants(cmd.Context())
			if err != nil {
				return err
			}
			for _, x := range all {
				for _, h := range x.Value.Hits {
					if x.ID == id {
						p.say("%s: %s %s, %.2f by %s", id, h.Source, h.ID, h.Score, h.Why)
					}
				}
			}
			_, err = fmt.Fprintln(p.Stdout, id)
			return err
		},
	}
	flags.add(cmd)
	set := cmd.Flags()
	set.StringVar(&list, "list", string(tips.NewConnections), "market participants or new connections")
	set.StringVar(&a.Company, "company", "", "`name`")
	set.StringVar(&a.CreditCode, "credit-code", "", "unified social credit `code`")
	set.StringVar(&a.Address, "address", "", "`address`")
	set.StringVar(&a.Area, "area", "", "`area`")
	set.StringVar(&a.Meter, "meter", "", "`service point`, where there is one")
	set.Float64Var(&a.KW, "kw", 0, "applied for, in `kW`")
	set.StringVar(&loadWhy, "load", "", "what `flatwatt screen` says of its readings, in `words`")
	set.Float64Var(&loadScore, "load-score", 0, "the same as a `number` from 0 to 1")
	needFlags(cmd, "company", "address")
	return cmd
}

func newApplicantList(p *Program, opt *options) *cobra.Command {
	var flags deskFlags
	cmd := &cobra.Command{
		Use: "list", Short: "Applicants of your areas with their hits", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			b, err := p.inbox(cmd.Context(), flags)
			if err != nil {
				return err
			}
			list, err := b.Applicants(cmd.Context())
			if err != nil {
				return err
			}
			var rows [][]string
			for _, x := range list {
				a := x.Value
				var hits []string
				for _, h := range a.Hits {
					hits = append(hits, strings.TrimSpace(h.Source+" "+h.ID)+" by "+h.Why)
				}
				rows = append(rows, []string{x.ID, string(a.List), a.Company, a.Area, fmt.Sprint(a.KW), strings.Join(hits, "; "), a.Decision, a.DecidedBy, a.Received.Format(time.DateOnly), strconv.Itoa(x.Version)})
			}
			return p.printTable(opt, []string{"applicant", "list", "company", "area", "kw", "hits", "decision", "by", "received", "version"}, rows)
		},
	}
	flags.add(cmd)
	return cmd
}

func newApplicantDecide(p *Program) *cobra.Command {
	var flags deskFlags
	var version int
	var decision, reason string
	cmd := &cobra.Command{
		Use: "decide APPLICANT --decision CODE --reason WORDS", Short: "Note what was decided on an applicant", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := p.inbox(cmd.Context(), flags)
			if err != nil {
				return err
			}
			if err := b.Decide(cmd.Context(), args[0], version, decision, reason); err != nil {
				return usageError{err}
			}
			p.say("%s: %s", args[0], decision)
			return nil
		},
	}
	flags.add(cmd)
	cmd.Flags().IntVar(&version, "version", 0, "refuse where it is no longer at this `version`")
	cmd.Flags().StringVar(&decision, "decision", "", "`code`: "+strings.Join(tips.Decisions(), ", "))
	cmd.Flags().StringVar(&reason, "reason", "", "why, in `words`")
	needFlags(cmd, "decision", "reason")
	return cmd
}
