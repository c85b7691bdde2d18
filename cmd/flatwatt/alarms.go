package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/flatwatt/flatwatt/casework"
	"github.com/flatwatt/flatwatt/casework/alarms"
)

// nowOf is a desk's moment as a clock.
func nowOf(d casework.Desk) func() time.Time { return func() time.Time { return d.Now } }

// alarmFlags are those of every command about alarms.
type alarmFlags struct {
	desk   deskFlags
	policy string
}

func (f *alarmFlags) add(cmd *cobra.Command) {
	f.desk.add(cmd)
	addPolicyFlag(cmd, &f.policy)
}

// room is where alarms are worked on by who signs in.
func (p *Program) room(ctx context.Context, f alarmFlags) (alarms.Room, error) {
	policy, err := loadPolicy(f.policy)
	if err != nil {
		return alarms.Room{}, err
	}
	d, _, err := p.desk(ctx, f.desk)
	return alarms.Room{Desk: d, Policy: policy}, err
}

func newAlarm(p *Program, opt *options) *cobra.Command {
	cmd := &cobra.Command{
		Use: "alarm", Short: "Alarms: what the scores want somebody to look at (docs/alarms.md)", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var reason, until, due, note string
	ack := p.alarmStep("ack ALARM...", "Say that you have seen alarms, and those below a parent", func(ctx context.Context, r alarms.Room, refs []alarms.Ref) error {
		return r.Acknowledge(ctx, refs, note)
	})
	shelve := p.alarmStep("shelve ALARM... --reason WORDS --until DATE", "Keep alarms off the list for a time", func(ctx context.Context, r alarms.Room, refs []alarms.Ref) error {
		return r.Shelve(ctx, refs, reason, until)
	})
	shelve.Flags().StringVar(&until, "until", "", "last `day` on the shelf")
	needFlags(shelve, "reason", "until")
	unshelve := p.alarmStep("unshelve ALARM...", "Take alarms from the shelf", func(ctx context.Context, r alarms.Room, refs []alarms.Ref) error {
		return r.Unshelve(ctx, refs, note)
	})
	out := p.alarmStep("out-of-service ALARM... --reason WORDS", "Take alarms off the list for maintenance", func(ctx context.Context, r alarms.Room, refs []alarms.Ref) error {
		return r.OutOfService(ctx, refs, reason)
	})
	needFlags(out, "reason")
	back := p.alarmStep("return ALARM...", "Put alarms back into service", func(ctx context.Context, r alarms.Room, refs []alarms.Ref) error {
		return r.ReturnToService(ctx, refs, note)
	})
	var to string
	assign := p.alarmStep("assign ALARM... --to USER", "Give alarms to somebody, or to nobody", func(ctx context.Context, r alarms.Room, refs []alarms.Ref) error {
		return r.Assign(ctx, refs, to, due, note)
	})
	assign.Flags().StringVar(&to, "to", "", "`user`; nobody where it is empty")
	assign.Flags().StringVar(&due, "due", "", "`date` by which it should be done")
	needFlags(assign, "to")
	for _, c := range []*cobra.Command{shelve, out} {
		c.Flags().StringVar(&reason, "reason", "", "why, in `words`")
	}
	for _, c := range []*cobra.Command{ack, unshelve, back, assign} {
		c.Flags().StringVar(&note, "note", "", "`words` for the trail")
	}
	cmd.AddCommand(newAlarmList(p, opt), newAlarmShow(p), newAlarmApply(p, opt), ack, shelve, unshelve, out, back, assign, newAlarmCase(p), newAlarmKPI(p, opt))
	return cmd
}

// alarmStep is a command that changes alarms, all or none. ALARM@VERSION refuses where
// somebody else changed it since.
func (p *Program) alarmStep(use, short string, do func(context.Context, alarms.Room, []alarms.Ref) error) *cobra.Command {
	var flags alarmFlags
	cmd := &cobra.Command{
		Use: use, Short: short, Args: cobra.MinimumNArgs(1),
		Long: short + ".\nAll alarms are changed or none. ALARM@VERSION refuses where somebody else changed it since that version.",
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := p.room(cmd.Context(), flags)
			if err != nil {
				return err
			}
			refs, err := alarmRefs(args)
			if err != nil {
				return err
			}
			if err := do(cmd.Context(), r, refs); err != nil {
				return usageError{err}
			}
			for _, ref := range refs {
				a, version, err := r.Alarm(cmd.Context(), ref.ID)
				if err != nil {
					return err
				}
				p.say("%s version %d: %s", ref.ID, version, a.State(r.Now.Format(time.DateOnly)))
			}
			return nil
		},
	}
	flags.add(cmd)
	return cmd
}

func alarmRefs(args []string) (refs []alarms.Ref, err error) {
	for _, a := range args {
		ref := alarms.Ref{ID: a}
		if i := strings.LastIndexByte(a, '@'); i > 0 {
			if n, err := strconv.Atoi(a[i+1:]); err == nil {
				ref = alarms.Ref{ID: a[:i], Version: n}
			}
		}
		refs = append(refs, ref)
	}
	return refs, nil
}

func newAlarmList(p *Program, opt *options) *cobra.Command {
	var flags alarmFlags
	var states, priorities []string
	var below bool
	cmd := &cobra.Command{
		Use: "list", Short: "Alarms of your areas that stand, the most urgent first", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := p.room(cmd.Context(), flags)
			if err != nil {
				return err
			}
			list, err := r.List(cmd.Context())
			if err != nil {
				return err
			}
			var rows [][]string
			for _, x := range list {
				a := x.Value
				state := string(a.State(r.Now.Format(time.DateOnly)))
				if len(states) > 0 && !slices.Contains(states, state) || len(priorities) > 0 && !slices.Contains(priorities, string(a.Priority)) {
					continue
				}
				if a.Parent != "" && !below {
					continue
				}
				rows = append(rows, []string{x.ID, state, string(a.Priority), a.Kind, strconv.FormatFloat(a.ExpectedKW, 'f', 1, 64), a.Raised,
					strconv.Itoa(len(a.Members)), a.Area, a.Assignee, a.Due, a.Case, strconv.Itoa(x.Version)})
			}
			return p.printTable(opt, []string{"alarm", "state", "priority", "kind", "expected kW", "raised", "below", "area", "assignee", "due", "case", "version"}, rows)
		},
	}
	flags.add(cmd)
	cmd.Flags().StringSliceVar(&states, "state", nil, "only these `states`, e.g. unacknowledged")
	cmd.Flags().StringSliceVar(&priorities, "priority", nil, "only these `priorities`: high, medium, low")
	cmd.Flags().BoolVar(&below, "members", false, "also those that a parent alarm stands for")
	return cmd
}

func newAlarmShow(p *Program) *cobra.Command {
	var flags alarmFlags
	cmd := &cobra.Command{
		Use: "show ALARM", Short: "An alarm and its part of the audit trail, as JSON", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := p.room(cmd.Context(), flags)
			if err != nil {
				return err
			}
			a, version, err := r.Alarm(cmd.Context(), args[0])
			if err != nil {
				return usageError{err}
			}
			trail, err := r.Store.Trail(cmd.Context(), alarms.Kind, args[0])
			if err != nil {
				return err
			}
			return writeJSON(p.Stdout, map[string]any{"id": args[0], "version": version, "state": a.State(r.Now.Format(time.DateOnly)), "alarm": a, "trail": trail})
		},
	}
	flags.add(cmd)
	return cmd
}

func newAlarmCase(p *Program) *cobra.Command {
	var flags alarmFlags
	var title, note string
	cmd := &cobra.Command{
		Use: "case ALARM", Short: "Open a case from an alarm, acknowledge the alarm, and print the case's name", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := p.room(cmd.Context(), flags)
			if err != nil {
				return err
			}
			refs, err := alarmRefs(args)
			if err != nil {
				return err
			}
			id, err := r.OpenCase(cmd.Context(), refs[0], title, note)
			if err != nil {
				return usageError{err}
			}
			_, err = fmt.Fprintln(p.Stdout, id)
			return err
		},
	}
	flags.add(cmd)
	cmd.Flags().StringVar(&title, "title", "", "`words` for the list; the default is the meter")
	cmd.Flags().StringVar(&note, "note", "", "`words` for the trail")
	return cmd
}

func newAlarmKPI(p *Program, opt *options) *cobra.Command {
	var flags alarmFlags
	var days int
	cmd := &cobra.Command{
		Use: "kpi", Short: "Rate, standing, stale and chattering alarms, and the spread of priorities", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if days < 1 {
				return usagef("--days %d: want 1 or more", days)
			}
			r, err := p.room(cmd.Context(), flags)
			if err != nil {
				return err
			}
			list, err := casework.List[alarms.Alarm](cmd.Context(), r.Store, alarms.Kind)
			if err != nil {
				return err
			}
			list = slices.DeleteFunc(list, func(a casework.Versioned[alarms.Alarm]) bool { return !r.Who.Sees(a.Value.Area) })
			return p.printKPIs(opt, alarms.Measure(r.Policy, list, r.Now, days))
		},
	}
	flags.add(cmd)
	cmd.Flags().IntVar(&days, "days", 30, "`days` back that are looked at")
	return cmd
}

func (p *Program) printKPIs(opt *options, k alarms.KPIs) error {
	if opt.output == "json" {
		return writeJSON(p.Stdout, k)
	}
	rows := [][]string{
		{"from", k.From}, {"to", k.To}, {"announced", strconv.Itoa(k.Announced)},
		{"announced a day", strconv.FormatFloat(k.PerDay, 'f', 2, 64)}, {"peak day", fmt.Sprintf("%d on %s", k.Peak, orDash(k.PeakDay))},
		{"stale", strconv.Itoa(len(k.Stale))}, {"chattering", strconv.Itoa(len(k.Chattering))},
		{"days to acknowledge, median", maybe(k.AckDaysMedian, 1)}, {"share of the ten most frequent", percent(k.TopShare)},
	}
	for _, s := range alarms.States() {
		rows = append(rows, []string{string(s), strconv.Itoa(k.States[s])})
	}
	target := alarms.TargetShares()
	for _, pr := range alarms.Priorities() {
		rows = append(rows, []string{"priority " + string(pr), fmt.Sprintf("%d (%s, target %s)", k.Spread[pr], percent(k.Shares[pr]), percent(target[pr]))})
	}
	rows = append(rows, []string{"high_kw, medium_kw for the target", maybe(k.HighKW, 1) + ", " + maybe(k.MediumKW, 1)})
	return p.printTable(opt, []string{"figure", "value"}, rows)
}
