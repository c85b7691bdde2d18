package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/casework"
	"github.com/flatwatt/flatwatt/casework/tips"
	"github.com/flatwatt/flatwatt/streams/file"
)

func newTip(p *Program, opt *options) *cobra.Command {
	cmd := &cobra.Command{
		Use: "tip", Short: "Tip-offs and network evidence: received, matched to meters, made evidence or a case", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var meter, reason string
	match := p.tipStep("match TIP --meter METER", "Say which meter a report means", func(ctx context.Context, b tips.Inbox, id string, version int, note string) error {
		return b.Match(ctx, id, version, meter, note)
	})
	match.Flags().StringVar(&meter, "meter", "", "`service point`")
	needFlags(match, "meter")
	reject := p.tipStep("reject TIP --reason WORDS", "Say that a report leads nowhere", func(ctx context.Context, b tips.Inbox, id string, version int, _ string) error {
		return b.Reject(ctx, id, version, reason)
	})
	reject.Flags().StringVar(&reason, "reason", "", "why, in `words`")
	needFlags(reject, "reason")
	cmd.AddCommand(newTipReceive(p), newTipList(p, opt), newTipShow(p), match, reject, newTipCase(p), newTipEvidence(p))
	return cmd
}

// inbox is where reports are worked on by who signs in.
func (p *Program) inbox(ctx context.Context, f deskFlags) (tips.Inbox, error) {
	d, _, err := p.desk(ctx, f)
	return tips.Inbox{Desk: d}, err
}

// customerIndex reads who is who from a register: columns account, customer and address.
func (p *Program) customerIndex(dir string) (*tips.Index, error) {
	if dir == "" {
		return nil, nil
	}
	fleet, err := p.openRegister(dir)
	if err != nil {
		return nil, err
	}
	register := registerOf(fleet.Meters())
	var entries []tips.Entry
	for _, m := range customers(fleet.Meters()) {
		entries = append(entries, tips.Entry{Meter: string(m.ID), Account: m.Extra["account"], Name: m.Extra["customer"], Address: m.Extra["address"], Area: areaOf(register, m)})
	}
	return tips.NewIndex(entries), nil
}

func newTipReceive(p *Program) *cobra.Command {
	var flags deskFlags
	var t tips.Tip
	var fleet, observed, customer, pool string
	cmd := &cobra.Command{
		Use: "receive --source KIND --channel WHERE --text WORDS", Short: "Take a report in, propose the meters that it may mean, and print its name", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			b, err := p.inbox(cmd.Context(), flags)
			if err != nil {
				return err
			}
			index, err := p.customerIndex(fleet)
			if err != nil {
				return err
			}
			if observed != "" {
				if t.Observed, err = time.Parse(time.RFC3339, observed); err != nil {
					return usagef("--observed %q: want a time such as 2026-01-31T08:00:00Z", observed)
				}
			}
			if customer != "" || pool != "" {
				t.Network = []tips.Contact{{Customer: customer, Pool: pool, From: t.Observed, To: t.Observed}}
			}
			id, err := b.Receive(cmd.Context(), t, index)
			if err != nil {
				return usageError{err}
			}
			got, _, err := b.Tip(cmd.Context(), id)
			if errors.Is(err, casework.ErrNotFound) {
				p.say("%s is of an area that is not yours; it was passed on", id)
			} else if err != nil {
				return err
			}
			for _, m := range got.Matches {
				p.say("%s may mean %s: %.2f by %s", id, m.Meter, m.Score, m.Why)
			}
			_, err = fmt.Fprintln(p.Stdout, id)
			return err
		},
	}
	flags.add(cmd)
	set := cmd.Flags()
	set.StringVar(&t.Source, "source", "tip_off", "`kind`: "+strings.Join(tips.Sources(), ", "))
	set.StringVar(&t.Channel, "channel", "", "`where` it came in, e.g. 12398")
	set.StringVar(&t.Text, "text", "", "what was said, in `words`")
	set.StringVar(&t.Account, "account", "", "`number` of the customer's account, as told")
	set.StringVar(&t.Name, "name", "", "`name` of the customer, as told")
	set.StringVar(&t.Address, "address", "", "`address`, as told")
	set.StringVar(&t.Area, "area", "", "`area`; the default is that of the likeliest meter")
	set.StringVar(&t.Contact, "contact", "", "`who` gave it; shown to inspectors only")
	set.StringVar(&observed, "observed", "", "`time` of what is reported; the default is now")
	set.StringVar(&customer, "ip", "", "`address` of the customer that talked to a pool")
	set.StringVar(&pool, "pool", "", "`host:port` of the pool")
	set.StringVar(&fleet, "fleet", p.Getenv(envPrefix+"FLEET"), "fleet `directory` whose register has the columns account, customer and address")
	needFlags(cmd, "text")
	return cmd
}

// tipStep is a command that changes a report.
func (p *Program) tipStep(use, short string, do func(context.Context, tips.Inbox, string, int, string) error) *cobra.Command {
	var flags deskFlags
	var version int
	var note string
	cmd := &cobra.Command{
		Use: use, Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := p.inbox(cmd.Context(), flags)
			if err != nil {
				return err
			}
			if err := do(cmd.Context(), b, args[0], version, note); err != nil {
				return usageError{err}
			}
			t, now, err := b.Tip(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			p.say("%s version %d: %s %s", args[0], now, t.State, t.Meter)
			return nil
		},
	}
	flags.add(cmd)
	cmd.Flags().IntVar(&version, "version", 0, "refuse where it is no longer at this `version`")
	cmd.Flags().StringVar(&note, "note", "", "`words` for the trail")
	return cmd
}

func newTipList(p *Program, opt *options) *cobra.Command {
	var flags deskFlags
	cmd := &cobra.Command{
		Use: "list", Short: "Reports of your areas", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			b, err := p.inbox(cmd.Context(), flags)
			if err != nil {
				return err
			}
			list, err := b.List(cmd.Context())
			if err != nil {
				return err
			}
			var rows [][]string
			for _, x := range list {
				t, likeliest := x.Value, ""
				if len(t.Matches) > 0 {
					likeliest = fmt.Sprintf("%s %.2f", t.Matches[0].Meter, t.Matches[0].Score)
				}
				rows = append(rows, []string{x.ID, t.Source, t.Channel, string(t.State), t.Meter, likeliest, t.Area, t.Case, t.Received.Format(time.DateOnly), strconv.Itoa(x.Version)})
			}
			return p.printTable(opt, []string{"tip", "source", "channel", "state", "meter", "likeliest", "area", "case", "received", "version"}, rows)
		},
	}
	flags.add(cmd)
	return cmd
}

func newTipShow(p *Program) *cobra.Command {
	var flags deskFlags
	cmd := &cobra.Command{
		Use: "show TIP", Short: "A report with its proposed meters, as JSON", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := p.inbox(cmd.Context(), flags)
			if err != nil {
				return err
			}
			t, version, err := b.Tip(cmd.Context(), args[0])
			if err != nil {
				return usageError{err}
			}
			return writeJSON(p.Stdout, map[string]any{"id": args[0], "version": version, "tip": t})
		},
	}
	flags.add(cmd)
	return cmd
}

func newTipCase(p *Program) *cobra.Command {
	var flags deskFlags
	var title string
	cmd := &cobra.Command{
		Use: "case TIP", Short: "Open a case from a matched report and print its name", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := p.inbox(cmd.Context(), flags)
			if err != nil {
				return err
			}
			id, err := b.OpenCase(cmd.Context(), args[0], title)
			if err != nil {
				return usageError{err}
			}
			_, err = fmt.Fprintln(p.Stdout, id)
			return err
		},
	}
	flags.add(cmd)
	cmd.Flags().StringVar(&title, "title", "", "`words` for the list; the default is the meter")
	return cmd
}

func newTipEvidence(p *Program) *cobra.Command {
	var flags deskFlags
	var out string
	cmd := &cobra.Command{
		Use: "evidence --out FILE", Short: "Write matched reports as evidence.csv, for scoring (docs/outside.md)", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			b, err := p.inbox(cmd.Context(), flags)
			if err != nil {
				return err
			}
			list, err := b.List(cmd.Context())
			if err != nil {
				return err
			}
			evidence := evidenceOf(list)
			if err := file.WriteEvidence(out, evidence); err != nil {
				return err
			}
			p.say("%d matched reports of %d in %s", len(evidence), len(list), out)
			return nil
		},
	}
	flags.add(cmd)
	cmd.Flags().StringVar(&out, "out", "", "`file` to write")
	needFlags(cmd, "out")
	return cmd
}

// evidenceOf is what matched reports say to the detectors. A rejected one that counted
// before is taken back by being left out.
func evidenceOf(list []casework.Versioned[tips.Tip]) (out []flatwatt.Outside) {
	for _, x := range list {
		t := x.Value
		if t.State != tips.Matched {
			continue
		}
		source := t.Channel
		if source == "" {
			source = "inbox"
		}
		out = append(out, flatwatt.Outside{ID: x.ID, Meter: flatwatt.MeterID(t.Meter), Kind: flatwatt.OutsideKind(t.Source), Source: shortened(source),
			At: t.Observed.UTC(), Entered: t.Received.UTC(), By: shortened(t.Decided), LogOdds: math.NaN()})
	}
	return out
}

// shortened is text in one line and short enough for evidence.
func shortened(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	for len(s) > flatwatt.MaxOutsideText {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	return s
}
