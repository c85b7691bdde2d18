package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/flatwatt/flatwatt/console"
	"github.com/flatwatt/flatwatt/rescore"
	"github.com/flatwatt/flatwatt/schedule"
	"github.com/flatwatt/flatwatt/streams/archive"
)

const jobsPrefix = "jobs/"

// A jobLedger keeps runs of jobs in the store of the archive, a file a run.
type jobLedger struct{ store archive.Store }

// Put implements schedule.Ledger.
func (l jobLedger) Put(ctx context.Context, r schedule.Run) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return l.store.Put(ctx, jobsPrefix+r.Job+"/"+r.Due.UTC().Format("20060102T150405Z")+".json", text)
}

// list is the latest runs, at most limit of each job.
func (l jobLedger) list(ctx context.Context, limit int) (runs []schedule.Run, err error) {
	keys, err := l.store.List(ctx, jobsPrefix)
	if err != nil {
		return nil, err
	}
	slices.Reverse(keys) // by job, latest first
	seen := map[string]int{}
	for _, key := range keys {
		job, _, _ := strings.Cut(strings.TrimPrefix(key, jobsPrefix), "/")
		if seen[job]++; seen[job] > limit || !strings.HasSuffix(key, ".json") {
			continue
		}
		text, err := l.store.Get(ctx, key)
		if err != nil {
			return nil, err
		}
		var r schedule.Run
		if err := json.Unmarshal(text, &r); err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		runs = append(runs, r)
	}
	return runs, nil
}

// runLedger is the runs of jobs, and re-scoring runs that nobody's job made, latest first.
func runLedger(ctx context.Context, store archive.Store, limit int) ([]console.Run, error) {
	jobs, err := jobLedger{store}.list(ctx, limit)
	if err != nil {
		return nil, err
	}
	var list []console.Run
	made := map[string]bool{}
	for _, r := range jobs {
		made[r.Ref] = true
		list = append(list, console.Run{What: r.Job, Who: r.Worker, Due: r.Due, Started: r.Started, Ended: r.Ended, Outcome: string(r.Outcome), Range: r.Range,
			Model: r.Model, Readings: r.Readings, Scores: r.Scores, Ref: r.Ref, Command: strings.Join(r.Command, " "), Note: noteOf(r)})
	}
	runs, err := rescore.Runs{Store: store}.List(ctx)
	if err != nil {
		return nil, err
	}
	for _, e := range runs {
		if !made[e.ID] {
			list = append(list, console.Run{What: "rescore", Who: e.Who, Started: e.Started, Ended: e.Ended, Busy: e.Busy, Outcome: string(e.Outcome), Range: rangeOf(e.Spec),
				Model: e.Spec.Model, Readings: e.Readings, Scores: e.Scores, Ref: e.ID, Note: strings.Join(e.Errors, "; ")})
		}
	}
	slices.SortStableFunc(list, func(a, b console.Run) int {
		return cmp.Or(b.Started.Compare(a.Started), cmp.Compare(a.What, b.What))
	})
	return list[:min(len(list), limit)], nil
}

func noteOf(r schedule.Run) string {
	var parts []string
	if r.Attempt > 1 {
		parts = append(parts, fmt.Sprintf("attempt %d", r.Attempt))
	}
	if r.Times > 1 {
		parts = append(parts, fmt.Sprintf("for %d times", r.Times))
	}
	if r.Error != "" {
		parts = append(parts, r.Error)
	}
	return strings.Join(parts, "; ")
}

func rangeOf(s rescore.Spec) string { return s.From.String() + " to " + s.To.String() }

// maxRuns bounds how many runs are listed.
const maxRuns = 1000

func newRuns(p *Program, opt *options) *cobra.Command {
	var where string
	var limit int
	cmd := &cobra.Command{
		Use:   "runs",
		Short: "The ledger of jobs and re-scoring runs: who, when, what, how it ended",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 1 || limit > maxRuns {
				return usagef("--limit %d: want 1 to %d", limit, maxRuns)
			}
			store, err := p.openStore(cmd.Context(), where)
			if err != nil {
				return err
			}
			list, err := runLedger(cmd.Context(), store, limit)
			if err != nil {
				return err
			}
			return p.printRuns(opt, list)
		},
	}
	p.addArchiveFlag(cmd, &where)
	cmd.Flags().IntVar(&limit, "limit", 50, "how many `runs`, latest first")
	return cmd
}

func (p *Program) printRuns(opt *options, list []console.Run) error {
	if opt.output == "json" {
		return writeJSON(p.Stdout, console.RunsJSON(list))
	}
	head := []string{"started", "what", "who", "outcome", "days", "model", "readings", "scores", "seconds", "run", "note"}
	var rows [][]string
	for _, r := range list {
		rows = append(rows, []string{r.Started.UTC().Format(time.RFC3339), r.What, r.Who, r.Outcome, r.Range, r.Model, countCell(r.Readings), countCell(r.Scores),
			secondsCell(r.Took()), r.Ref, r.Note})
	}
	if opt.output == "csv" {
		return writeCSV(p.Stdout, head, rows)
	}
	writeColumns(p.Stdout, p.style(p.Stdout), head, rows)
	return nil
}

func countCell(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

func secondsCell(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return strconv.FormatFloat(d.Seconds(), 'f', 1, 64)
}

// runsOf reads the ledger for the console; nil where there is no archive.
func (p *Program) runsOf(ctx context.Context, s settings) (func(context.Context) ([]console.Run, error), error) {
	if s.Archive.URL == "" {
		return nil, nil
	}
	store, err := p.openStore(ctx, s.Archive.URL)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) ([]console.Run, error) { return runLedger(ctx, store, maxRuns/5) }, nil
}
