package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/rescore"
	"github.com/flatwatt/flatwatt/streams/influx"
)

// liveSet names what is live, where a run is asked for.
const liveSet = "live"

func (p *Program) openRuns(ctx context.Context, where string) (rescore.Runs, error) {
	store, err := p.openStore(ctx, where)
	return rescore.Runs{Store: store}, err
}

func newRescoreList(p *Program, opt *options) *cobra.Command {
	var where string
	cmd := &cobra.Command{
		Use:   "ls",
		Short: "The ledger of runs: who, when, what, how it ended",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			runs, err := p.openRuns(cmd.Context(), where)
			if err != nil {
				return err
			}
			list, err := runs.List(cmd.Context())
			if err != nil {
				return err
			}
			live, err := runs.Live(cmd.Context())
			if err != nil {
				return err
			}
			return p.listRuns(opt, list, live)
		},
	}
	p.addArchiveFlag(cmd, &where)
	return cmd
}

func (p *Program) listRuns(opt *options, list []rescore.Entry, live rescore.Live) error {
	if opt.output == "json" {
		return writeJSON(p.Stdout, map[string]any{"runs": list, "live": live.Promoted})
	}
	head := []string{"run", "outcome", "from", "to", "model", "readings", "scores", "busy_s", "who", "started", "live"}
	var rows [][]string
	for _, e := range list {
		at := ""
		for i, l := range live.Promoted {
			if l.Run == e.ID {
				at = strconv.Itoa(i + 1)
			}
		}
		rows = append(rows, []string{e.ID, string(e.Outcome), e.Spec.From.String(), e.Spec.To.String(), e.Spec.Model, strconv.FormatInt(e.Readings, 10),
			strconv.FormatInt(e.Scores, 10), fmt.Sprintf("%.1f", e.Busy.Seconds()), e.Who, e.Started.UTC().Format(time.RFC3339), at})
	}
	if opt.output == "csv" {
		return writeCSV(p.Stdout, head, rows)
	}
	writeColumns(p.Stdout, p.style(p.Stdout), head, rows)
	for _, e := range list {
		for _, reason := range e.Errors {
			fmt.Fprintf(p.Stdout, "%s: %s\n", e.ID, reason)
		}
	}
	return nil
}

func newRescoreRemove(p *Program) *cobra.Command {
	var where string
	cmd := &cobra.Command{
		Use:   "rm RUN",
		Short: "Remove a run that is not live, and its scores",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			runs, err := p.openRuns(cmd.Context(), where)
			if err != nil {
				return err
			}
			return runs.Remove(cmd.Context(), args[0])
		},
	}
	p.addArchiveFlag(cmd, &where)
	return cmd
}

type diffFlags struct {
	before, after, outcomes string
	top                     int
	fail                    bool
}

func newRescoreDiff(p *Program, opt *options) *cobra.Command {
	var where string
	var flags diffFlags
	cmd := &cobra.Command{
		Use:   "diff BEFORE AFTER",
		Short: "What a run changes against another one, or against live",
		Long: `Diff compares two sets of scores over the days and meters that the second one has: who
becomes a suspect, who is cleared, whose probability or block moved, which ranks change,
and, with --outcomes, how many of each set's suspects an inspection has confirmed. With
--fail-on-diff the exit code is 1 if any score differs.`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			runs, err := p.openRuns(cmd.Context(), where)
			if err != nil {
				return err
			}
			flags.before, flags.after = args[0], args[1]
			return p.diffRuns(cmd.Context(), opt, runs, flags)
		},
	}
	p.addArchiveFlag(cmd, &where)
	cmd.Flags().StringVar(&flags.outcomes, "outcomes", "", "outcomes.csv: `file` of inspections")
	cmd.Flags().IntVar(&flags.top, "top", 100, "how many `ranks` are compared")
	cmd.Flags().BoolVar(&flags.fail, "fail-on-diff", false, "exit code 1 if any score differs")
	return cmd
}

// scoresNamed yields the scores of a run, or of all that is live.
func scoresNamed(ctx context.Context, runs rescore.Runs, name string) (iter.Seq2[flatwatt.Score, error], error) {
	if name == liveSet {
		live, err := runs.Live(ctx)
		if err != nil {
			return nil, err
		}
		if len(live.Promoted) == 0 {
			return nil, usagef("nothing was promoted yet: compare with a run of the live model, made with --as-live")
		}
		return runs.LiveScores(ctx, live), nil
	}
	if _, ok, err := runs.Find(ctx, name); err != nil || !ok {
		return nil, errors.Join(err, usagef("there is no run %s; `flatwatt rescore ls` lists them", name))
	}
	return runs.Scores(ctx, name), nil
}

func (p *Program) diffRuns(ctx context.Context, opt *options, runs rescore.Runs, flags diffFlags) error {
	var known func(flatwatt.MeterID) rescore.Finding
	if flags.outcomes != "" {
		list, err := readInspections(flags.outcomes)
		if err != nil {
			return err
		}
		known = rescore.Latest(list)
	}
	scores, err := scoresNamed(ctx, runs, flags.after)
	if err != nil {
		return err
	}
	after, err := rescore.Collect(flags.after, scores, nil)
	if err != nil {
		return err
	}
	if scores, err = scoresNamed(ctx, runs, flags.before); err != nil {
		return err
	}
	keep, err := runs.Covers(ctx, flags.after)
	if err != nil {
		return err
	}
	before, err := rescore.Collect(flags.before, scores, keep)
	if err != nil {
		return err
	}
	d := rescore.Compare(before, after, flags.top, known)
	if err := p.printDiff(opt, d); err != nil {
		return err
	}
	if flags.fail && d.Differs() {
		return fmt.Errorf("%s and %s differ in %d of %d scores", d.Before, d.After, d.Scores-d.Same+d.OnlyOne, d.Scores+d.OnlyOne)
	}
	return nil
}

func (p *Program) printDiff(opt *options, d *rescore.Diff) error {
	if opt.output == "json" {
		return writeJSON(p.Stdout, d)
	}
	head := []string{"change", "meter", "detector", "before", "after", "p before", "p after", "kW before", "kW after", "rank before", "rank after", "known"}
	var rows [][]string
	for _, c := range d.Changes {
		rows = append(rows, []string{c.Kind, string(c.Meter), c.Detector, string(c.Before), string(c.After), maybe(c.PBefore, 4), maybe(c.PAfter, 4),
			maybe(c.KWBefore, 2), maybe(c.KWAfter, 2), rankCell(c.RBefore), rankCell(c.RAfter), c.Known})
	}
	if opt.output == "csv" {
		return writeCSV(p.Stdout, head, rows)
	}
	if len(rows) > 0 {
		writeColumns(p.Stdout, p.style(p.Stdout), head, rows)
	}
	fmt.Fprintf(p.Stdout, "%s against %s: %s scores in both, %s alike to the bit, %s in one only\n", d.After, d.Before,
		grouped(int64(d.Scores)), grouped(int64(d.Same)), grouped(int64(d.OnlyOne)))
	fmt.Fprintf(p.Stdout, "%d new suspects, %d cleared, %d changed, %d in or out of the first %d ranks\n", d.New, d.Cleared, d.Changed, d.RankMoves, d.Top)
	fmt.Fprintf(p.Stdout, "precision on known outcomes: before %s, after %s\n", precisionText(d.PrecisionBefore), precisionText(d.PrecisionAfter))
	return nil
}

func maybe(v *float64, digits int) string {
	if v == nil {
		return dash
	}
	return strconv.FormatFloat(*v, 'f', digits, 64)
}

func rankCell(rank int) string {
	if rank == 0 {
		return dash
	}
	return strconv.Itoa(rank)
}

func precisionText(s rescore.Share) string {
	v := s.Value()
	if math.IsNaN(v.Value) {
		return "not known"
	}
	return fmt.Sprintf("%.0f %% [%.0f–%.0f %%] (%d of %d)", 100*v.Value, 100*v.Low, 100*v.High, s.Confirmed, s.Confirmed+s.Cleared)
}

func newRescorePromote(p *Program, opt *options) *cobra.Command {
	var where string
	var flags applyFlags
	var pointer bool
	cmd := &cobra.Command{
		Use:   "promote RUN",
		Short: "Make a run's scores the live ones",
		Long: `Promote makes a run live in one step, and then copies its scores to the database, where
each replaces the one before. Killed in between, promoting again goes on. The dates of
alarms in the database stay as they are, and no alarm is raised, unless --apply-alarms.
Then alarms in the casework file follow the run too, where --casework and who acts are given.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			runs, err := p.openRuns(cmd.Context(), where)
			if err != nil {
				return err
			}
			if err := p.promote(cmd.Context(), runs, args[0], flags.apply, pointer); err != nil || !flags.apply || !cmd.Flags().Changed("casework") {
				return err
			}
			return p.promoteAlarms(cmd.Context(), opt, runs, args[0], flags)
		},
	}
	p.addArchiveFlag(cmd, &where)
	flags.add(cmd, "the run's alarms replace those in the database, and alarms in the casework file follow it")
	cmd.Flags().BoolVar(&pointer, "no-database", false, "only say that the run is live; write no database")
	return cmd
}

// promoteAlarms has alarms follow a run that was made live.
func (p *Program) promoteAlarms(ctx context.Context, opt *options, runs rescore.Runs, id string, flags applyFlags) error {
	r, err := p.raiser(ctx, flags)
	if err != nil {
		return err
	}
	s, err := p.loadSettings(opt.config)
	if err != nil {
		return err
	}
	fleet, err := p.openRegister(s.Fleet)
	if err != nil {
		return err
	}
	return p.raiseFrom(ctx, r, newVerdicts(fleet.Meters(), opt.lang), runs.Scores(ctx, id))
}

func (p *Program) promote(ctx context.Context, runs rescore.Runs, id string, apply, pointer bool) error {
	pr := rescore.Promoter{Runs: runs, Now: time.Now, Who: p.who(), Apply: apply}
	note := func(context.Context) error { return nil }
	if !pointer {
		e, ok, err := runs.Find(ctx, id)
		if err != nil {
			return err
		}
		if !ok {
			return usagef("there is no run %s; `flatwatt rescore ls` lists them", id)
		}
		s, err := p.loadSettings(p.Getenv("FLATWATT_CONFIG"))
		if err != nil {
			return err
		}
		client, err := p.liveDatabase(ctx, s)
		if err != nil {
			return err
		}
		fleet, err := p.openRegister(s.Fleet)
		if err != nil {
			return err
		}
		if pr.Sink, err = influx.NewSink(client, fleet.Meters(), ""); err != nil {
			return err
		}
		pr.Alarms = alarmsIn(client, e.Spec)
		note = func(ctx context.Context) error {
			return client.NoteRun(ctx, influx.Run{ID: id, Model: e.Spec.Model, From: e.Spec.From, To: e.Spec.To, Scores: e.Scores, At: time.Now()})
		}
	}
	bar := p.progress("promote", "chunks", 1)
	pr.Progress = func(done, total int) {
		bar.total = int64(total)
		bar.at(int64(done))
	}
	if err := pr.Promote(ctx, id); err != nil {
		return err
	}
	if err := note(ctx); err != nil {
		return err
	}
	bar.end("run %s is live", id)
	return nil
}

// liveDatabase connects to the service's database, embedded or not, as a client.
func (p *Program) liveDatabase(ctx context.Context, s settings) (*influx.Client, error) {
	address, token := s.Influx.URL, string(s.Influx.Token)
	if address == "" {
		address = "http://" + s.Influx.Listen
		text, err := os.ReadFile(filepath.Join(s.DataDir, "influx-token"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if token == "" {
			token = strings.TrimSpace(string(text))
		}
	}
	client, err := influx.Open(influx.Config{URL: address, Token: token, Org: s.Influx.Org, Bucket: s.Influx.Bucket})
	if err != nil {
		return nil, err
	}
	p.atExit(func() error { client.Close(); return nil })
	if _, err := client.Check(ctx); err != nil {
		return nil, fmt.Errorf("database at %s: %w: start the service, or use --no-database", redact(address), err)
	}
	return client, nil
}

// alarmsIn looks alarms up in the database, a meter at a time.
func alarmsIn(client *influx.Client, spec rescore.Spec) func(context.Context, *flatwatt.Score) (time.Time, error) {
	type day struct {
		detector string
		day      flatwatt.Day
	}
	kept := map[flatwatt.MeterID]map[day]time.Time{}
	return func(ctx context.Context, s *flatwatt.Score) (time.Time, error) {
		if kept[s.Meter] == nil {
			list, err := client.Scores(ctx, s.Meter, spec.From.Start(time.UTC).AddDate(0, 0, -1), spec.To.Start(time.UTC).AddDate(0, 0, 2))
			if err != nil {
				return time.Time{}, err
			}
			kept[s.Meter] = map[day]time.Time{}
			for _, old := range list {
				kept[s.Meter][day{old.Detector, old.Day}] = old.FirstAlarm
			}
		}
		return kept[s.Meter][day{s.Detector, s.Day}], nil
	}
}
