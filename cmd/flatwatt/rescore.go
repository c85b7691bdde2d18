package main

import (
	"context"
	"errors"
	"fmt"
	"os/user"
	"time"

	"github.com/spf13/cobra"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/detectors"
	"github.com/flatwatt/flatwatt/rescore"
	"github.com/flatwatt/flatwatt/schedule"
	"github.com/flatwatt/flatwatt/streams/archive"
	"github.com/flatwatt/flatwatt/streams/file"
)

type rescoreFlags struct {
	archive, fleet, model, baseline string
	from, to, warmUp, lateSince     string
	days, meters                    []string
	feeder, class                   string
	maxRate                         float64
	saveEvery                       int64
	workers                         int
	failOnDiff                      bool
	live, dryRun                    bool
}

func newRescore(p *Program, opt *options) *cobra.Command {
	var flags rescoreFlags
	cmd := &cobra.Command{
		Use:   "rescore --from DAY --to DAY --fleet DIR --archive DIR",
		Short: "Score the archive again, into a set of its own beside what is live",
		Long: `Rescore scores days of the archive again: with another model, with the readings that came
late, for a feeder, a class or chosen meters. Asking for the same again goes on with the
same run, or does nothing if it is done; what failed is done anew. The scores are a shadow:
` + "`rescore diff`" + ` compares them with another run or with what is live, ` + "`rescore promote`" + ` makes
them live. Days are dates, first, last, or -7d, counted from the archive's last day.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.rescore(cmd.Context(), opt, flags) },
	}
	p.addArchiveFlag(cmd, &flags.archive)
	p.addModelFlag(cmd, &flags.model)
	f := cmd.Flags()
	f.StringVar(&flags.fleet, "fleet", p.Getenv(envPrefix+"FLEET"), "fleet `directory` with the register and weather")
	f.StringVar(&flags.from, "from", "first", "first `day` whose scores are kept")
	f.StringVar(&flags.to, "to", "last", "last `day`")
	f.StringSliceVar(&flags.days, "days", nil, "keep only these `days`, within --from and --to")
	f.StringVar(&flags.warmUp, "warm-up", "all", "read from so many days before --from, e.g. 120d, or all: scores are those of a service that has run as long")
	f.StringVar(&flags.lateSince, "late-since", "", "re-score from the first day of which readings came late since this `time`; last: since the last run that is done")
	f.StringVar(&flags.feeder, "feeder", "", "only meters under this feeder or transformer, by `id`")
	f.StringSliceVar(&flags.meters, "meters", nil, "only these meters, by `id`s")
	f.StringVar(&flags.class, "class", "", "only customers of this `class`")
	f.StringVar(&flags.baseline, "baseline", "", "compare with this `run` when done, with live, or with the same days scored by this model version")
	f.BoolVar(&flags.failOnDiff, "fail-on-diff", false, "with --baseline: exit code 1 if any score differs")
	f.IntVar(&flags.workers, "workers", 0, "`partitions` at a time; 0: one a core")
	f.Float64Var(&flags.maxRate, "max-rate", 0, "readings a `second` at most; 0: no bound")
	f.Int64Var(&flags.saveEvery, "save-every", rescore.DefaultSaveEvery, "`readings` between saved states: what a kill costs")
	f.BoolVar(&flags.live, "as-live", false, "take late readings as they came, as the live service did, instead of as they are known now")
	f.BoolVar(&flags.dryRun, "dry-run", false, "say what would be read and written, and do nothing")
	cmd.AddCommand(newRescoreList(p, opt), newRescoreDiff(p, opt), newRescorePromote(p, opt), newRescoreRemove(p))
	return cmd
}

func (p *Program) rescore(ctx context.Context, opt *options, flags rescoreFlags) error {
	if flags.fleet == "" {
		return usagef("--fleet is needed: the directory with meters.csv")
	}
	model, err := p.modelNamed(ctx, flags.model, flags.archive)
	if err != nil {
		return err
	}
	fleet, err := p.openRegister(flags.fleet)
	if err != nil {
		return err
	}
	a, err := p.openArchive(ctx, flags.archive)
	if err != nil {
		return err
	}
	runs := rescore.Runs{Store: a.Store()}
	spec, err := p.planRescore(ctx, a, runs, fleet, model, &flags)
	if errors.Is(err, errNothingLate) {
		p.say("rescore: %v", err)
		p.result.Text = err.Error()
		return nil
	}
	if err != nil {
		return err
	}
	then, begun, err := runs.Unfinished(ctx, a, spec)
	if err != nil {
		return err
	}
	if then != nil {
		a, spec = then, begun
	}
	if flags.dryRun {
		return p.tellPlan(ctx, opt, a, runs, spec, len(customers(fleet.Meters())))
	}
	job := rescoring{archive: a, runs: runs, fleet: fleet, flags: flags}
	e, err := p.carryOut(ctx, job, spec, model)
	if err != nil {
		return err
	}
	if opt.output == "json" {
		if err := writeJSON(p.Stdout, e); err != nil {
			return err
		}
	} else {
		fmt.Fprintln(p.Stdout, e.ID)
	}
	if flags.baseline == "" {
		return nil
	}
	before, err := p.baseline(ctx, job, e)
	if err != nil {
		return err
	}
	return p.diffRuns(ctx, opt, runs, diffFlags{before: before, after: e.ID, top: 100, fail: flags.failOnDiff})
}

// A rescoring is what a run needs beside what it computes.
type rescoring struct {
	archive *archive.Archive
	runs    rescore.Runs
	fleet   *file.Fleet
	flags   rescoreFlags
}

// baseline names the scores to compare a run with. Those of a model version are computed,
// for the same days and meters, unless they are there.
func (p *Program) baseline(ctx context.Context, job rescoring, e rescore.Entry) (name string, err error) {
	name = job.flags.baseline
	if name == liveSet {
		return name, nil
	}
	if _, known, err := job.runs.Find(ctx, name); err != nil || known {
		return name, err
	}
	model, err := p.modelNamed(ctx, name, job.flags.archive)
	if err != nil {
		return "", usagef("--baseline %s: is neither live, a run nor a model: %w", name, err)
	}
	spec := e.Spec
	spec.Model = model.Version
	if spec.Config, err = scoringHash(model, job.fleet.Meters()); err != nil {
		return "", err
	}
	done := p.result
	before, err := p.carryOut(ctx, job, spec, model)
	p.result = done
	return before.ID, err
}

func (p *Program) tellPlan(ctx context.Context, opt *options, a *archive.Archive, runs rescore.Runs, spec rescore.Spec, meters int) error {
	rows, bytes := a.Rows(spec.Since, spec.Until)
	e, known, err := runs.Find(ctx, spec.ID())
	if err != nil {
		return err
	}
	if spec.Meters != nil {
		meters = len(spec.Meters)
	}
	days := int(spec.To-spec.From) + 1
	if spec.Days != nil {
		days = len(spec.Days)
	}
	if opt.output == "json" {
		return writeJSON(p.Stdout, map[string]any{"run": spec.ID(), "spec": spec, "readings": rows, "bytes": bytes, "scores_at_most": meters * days, "known": known, "outcome": e.Outcome})
	}
	fmt.Fprintf(p.Stdout, "run %s\nreads  %s readings (%s bytes) of %s to %s, %d partitions\nscores %s to %s with model %s\nwrites at most %s scores (%d meters, %d days a detector) to %s/runs/%s\n",
		spec.ID(), grouped(rows), grouped(bytes), spec.Since, spec.Until, a.Manifest().Partitions, spec.From, spec.To, spec.Model,
		grouped(int64(meters*days)), meters, days, a.Store(), spec.ID())
	if known {
		fmt.Fprintf(p.Stdout, "the run is there already: %s\n", e.Outcome)
	}
	return nil
}

func (p *Program) carryOut(ctx context.Context, job rescoring, spec rescore.Spec, model *detectors.Params) (rescore.Entry, error) {
	a, runs, fleet, flags := job.archive, job.runs, job.fleet, job.flags
	ctx, release, err := p.lockRun(ctx, a.Store(), spec.ID())
	if err != nil {
		return rescore.Entry{}, err
	}
	defer func() { _ = release() }() // the process's end does it too, on S3 after the lease
	parts := [][]flatwatt.Meter{fleet.Meters()}
	if n := a.Manifest().Partitions; n > 1 {
		parts = partFleet(fleet.Meters(), n)
	}
	net, err := p.networkOf(flags.fleet, fleet.Meters())
	if err != nil {
		return rescore.Entry{}, err
	}
	register := registerOf(fleet.Meters())
	var bar *progress
	r := rescore.Runner{
		Archive: a, Runs: runs, Now: time.Now, Who: p.who(), MaxRate: flags.maxRate, SaveEvery: flags.saveEvery, Workers: flags.workers,
		NewScorer: func(part int) (flatwatt.Scorer, error) {
			return newScorerOn(net, model, parts[part], around(net, register, parts[part]), fleet.Weather(), asideOf(fleet))
		},
		Progress: func(done, total int64) {
			if bar == nil {
				bar = p.progress("rescore", "readings", total)
			}
			bar.at(done)
		},
	}
	began := time.Now()
	e, err := r.Run(ctx, spec)
	took := time.Since(began)
	p.result = schedule.Result{Range: rangeOf(spec), Model: spec.Model, Readings: e.Readings, Scores: e.Scores, Ref: e.ID}
	switch {
	case errors.Is(context.Cause(ctx), archive.ErrLocked):
		err = fmt.Errorf("run %s: %w: another process goes on with it", e.ID, context.Cause(ctx))
	case errors.Is(err, context.Canceled):
		p.say("rescore: run %s stopped; ask for the same again to go on", e.ID)
	case err != nil:
		p.say("rescore: run %s failed; ask for the same again to do what is left", e.ID)
	case bar == nil:
		p.say("rescore: run %s is done already: %s scores", e.ID, grouped(e.Scores))
	default:
		bar.end("%s readings in %.1f s, %s a second; %s scores in %d chunks; run %s", grouped(e.Readings), took.Seconds(),
			grouped(int64(float64(e.Readings)/took.Seconds())), grouped(e.Scores), e.Chunks, e.ID)
	}
	return e, err
}

// lockRun keeps other processes from the same run: two would overwrite each other. The
// context returned ends when the lock is lost, as that of a process that was paused.
func (p *Program) lockRun(ctx context.Context, store archive.Store, id string) (context.Context, func() error, error) {
	switch s := store.(type) {
	case archive.Dir:
		release, err := archive.Dir(string(s) + "/runs/" + id).Lock()
		return ctx, release, err
	case *archive.S3:
		held, release, err := s.Lock(ctx, "runs/"+id+"/lock", p.who(), archive.DefaultLease)
		if errors.Is(err, archive.ErrNoConditions) {
			p.say("rescore: %v: see to it that no other process works on run %s", err, id)
			return ctx, func() error { return nil }, nil
		}
		return held, release, err
	}
	return ctx, func() error { return nil }, nil
}

// who asks is the user, for the ledger.
func (p *Program) who() string {
	if p.asker != "" {
		return p.asker
	}
	if name := p.Getenv("SUDO_USER"); name != "" {
		return name
	}
	u, err := user.Current()
	if err != nil {
		return "unknown"
	}
	return u.Username
}
