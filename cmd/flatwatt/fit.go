package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/flatwatt/flatwatt/detectors"
	"github.com/flatwatt/flatwatt/durable"
	"github.com/flatwatt/flatwatt/models"
	"github.com/flatwatt/flatwatt/rescore"
)

type fitFlags struct {
	plan, out, version, from string
	simulate, calibrate      []string
	fleets, promise          []string
	seeds                    []uint
	days                     int
	holdout, budget          float64
	propose                  bool
	archive                  string
}

func newFit(p *Program, opt *options) *cobra.Command {
	var flags fitFlags
	cmd := &cobra.Command{
		Use:   "fit (--plan FILE | --simulate FILE … | --fleet DIR …) [--out FILE]",
		Short: "Fit a model file on fleets whose truth is known",
		Long: `Fit scores fleets whose truth is known, fits what each piece of evidence is worth, adds
trees, calibrates probabilities and derives the alarm threshold from a false-alarm budget
on calibration fleets, and writes a model file for --model. It then measures the model
that was there before and the new one on meters that neither fitting nor calibration saw.
A plan names the fleets in one file; testdata/model/plan.yaml is that of the shipped model.
The same plan and seeds give the same file.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			plan, err := flags.planned(cmd, p.Getenv)
			if err != nil {
				return err
			}
			if flags.propose && !cmd.Flags().Changed("out") {
				flags.out = ""
			}
			return p.fit(cmd.Context(), opt, plan, flags)
		},
	}
	f := cmd.Flags()
	f.StringVar(&flags.plan, "plan", "", "training plan `file` (YAML), instead of naming fleets by flags")
	f.StringVar(&flags.out, "out", "model.json", "model `file` to write")
	f.StringVar(&flags.version, "version", "", "`name` that every score of the model carries")
	f.StringVar(&flags.from, "from", "", "model `file` to start from and compare with; the default starts from the unfitted terms and compares with the model in the program")
	f.StringArrayVar(&flags.simulate, "simulate", nil, "fleet configuration `file` to draw a training fleet from; may be repeated")
	f.StringArrayVar(&flags.fleets, "fleet", nil, "training fleet `directory`, with truth.csv or --inject-seeds; may be repeated")
	f.UintSliceVar(&flags.seeds, "inject-seeds", nil, "inject simulated miners and honest changes into every --fleet, once a seed")
	f.IntVar(&flags.days, "days", 0, "use a window of so many days of each meter of --fleet; 0: all")
	f.Float64Var(&flags.holdout, "holdout", 0.25, "share of each training fleet's meters that is kept for measuring, by hash of the meter's id")
	f.StringArrayVar(&flags.calibrate, "calibrate-simulate", nil, "fleet configuration `file` to draw a calibration fleet from, with as many miners as are expected in the field; may be repeated")
	f.StringArrayVar(&flags.promise, "promise-fleet", nil, "fleet `directory` to count promises on (docs/guarantees.md), with truth.csv or --inject-seeds; with --from and no training fleets nothing else changes; may be repeated")
	f.BoolVar(&flags.propose, "propose", false, "keep the model as a version in --archive, named by its hash, with the comparison; a person promotes it")
	p.addArchiveFlag(cmd, &flags.archive)
	f.Float64Var(&flags.budget, "budget", defaultBudget, "false alarms per 1,000 meter-months")
	return cmd
}

// fit carries out a plan.
func (p *Program) fit(ctx context.Context, opt *options, plan *fitPlan, flags fitFlags) error {
	start, before, err := p.startModels(ctx, plan.From, flags)
	if err != nil {
		return err
	}
	if flags.out != "" {
		if err := checkWritable(flags.out); err != nil {
			return err
		}
	}
	lib := &fleetLibrary{p: p, plan: plan}
	model, err := p.fitted(ctx, lib, start)
	if err != nil {
		return err
	}
	if err := p.guaranteeModel(ctx, lib, model); err != nil {
		return err
	}
	if flags.propose {
		if err := versionByHash(model, plan.Version); err != nil {
			return err
		}
	}
	if err := p.keepModel(model, flags.out); err != nil {
		return err
	}
	rows, err := p.compareModels(ctx, lib, before, model)
	if err != nil {
		return err
	}
	if flags.propose {
		store, err := p.openStore(ctx, flags.archive)
		if err != nil {
			return err
		}
		report := map[string]any{"before": before.Version, "after": model.Version, "fleets": rows}
		if _, err := p.proposeModel(ctx, rescore.Models{Store: store}, model, "fit", report); err != nil {
			return err
		}
	}
	return p.printComparison(opt, before.Version, model.Version, rows)
}

// keepModel writes the model file; out is "" where only a proposal is wanted.
func (p *Program) keepModel(model *detectors.Params, out string) error {
	text, err := detectors.WriteParams(model)
	if err != nil || out == "" {
		return err
	}
	if err := writeModel(out, text); err != nil {
		return err
	}
	p.say("fit: model %s in %s, alarms from probability %.4g", model.Version, out, model.AlarmProbability)
	return nil
}

// fitted is a new model of the plan's training and calibration fleets; without any it is
// the one to start from under its new name.
func (p *Program) fitted(ctx context.Context, lib *fleetLibrary, start *detectors.Params) (*detectors.Params, error) {
	if len(lib.plan.Train) == 0 {
		model := *start
		model.Version = lib.plan.Version
		return &model, nil
	}
	samples, err := p.collectSamples(ctx, lib, start)
	if err != nil {
		return nil, err
	}
	model, err := p.fitModel(lib.plan, start, samples)
	if err != nil {
		return nil, err
	}
	return model, p.calibrateModel(ctx, lib, model)
}

// startModels are the model that fitting starts from and the one to compare with: what
// would be used without the new one.
func (p *Program) startModels(ctx context.Context, from string, flags fitFlags) (start, before *detectors.Params, err error) {
	if from == "" {
		before = detectors.DefaultParams()
		if flags.propose {
			before, err = p.modelNamed(ctx, currentModel, flags.archive)
		}
		return detectors.PhysicsParams(), before, err
	}
	start, err = p.modelNamed(ctx, from, flags.archive)
	return start, start, err
}

// checkWritable finds out before minutes of work, not after, whether out can be written.
func checkWritable(out string) error {
	info, err := os.Stat(filepath.Dir(out))
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%s is no directory", filepath.Dir(out))
	}
	if err != nil {
		return usagef("--out: %w", err)
	}
	return nil
}

// writeModel writes a model file.
func writeModel(path string, text []byte) error {
	if err := durable.WriteBytes(path, 0o644, text); err != nil {
		return fmt.Errorf("write model: %w", err)
	}
	return nil
}

// fitModel fits terms, then trees, and rounds to what the file will hold, so that
// calibration and comparison see the very model that is written.
func (p *Program) fitModel(plan *fitPlan, start *detectors.Params, samples []models.FitSample) (*detectors.Params, error) {
	model, err := start.Fit(plan.Version, samples, plan.Fit.options())
	if err != nil {
		return nil, err
	}
	if o := plan.Boost.options(); o.Trees > 0 {
		model.Shrink(plan.Boost.Start)
		if err := model.FitBoost(samples, o); err != nil {
			return nil, err
		}
	}
	p.say("fit: %s samples of %d places, %d trees", grouped(int64(len(samples))), placesIn(samples), len(model.Boost.Trees))
	text, err := detectors.WriteParams(model)
	if err != nil {
		return nil, err
	}
	return detectors.ReadParams(text)
}

// Bounds of the alarm threshold: calibration fleets too small to spend the budget would
// otherwise ask for alarms at any probability.
const (
	leastAlarm = 0.05
	mostAlarm  = 0.9999
)

// calibrateModel sets model's calibration and alarm threshold from the calibration fleets.
func (p *Program) calibrateModel(ctx context.Context, lib *fleetLibrary, model *detectors.Params) error {
	var c calibrator
	err := c.scoreFleets(ctx, lib, lib.plan.Calibrate, func(part *calibrator, fleet *knownFleet) error {
		return part.add(ctx, model, fleet)
	})
	p.say("calibrate: %d fleets, %d meters", c.fleets, len(c.in.Meters))
	if err != nil {
		return err
	}
	if len(lib.plan.Calibrate) == 0 {
		p.say("no calibration fleets: probabilities are those of the training fleets, and the alarm threshold stays %g", model.AlarmProbability)
		return nil
	}
	platt, err := models.FitPlatt(c.logOdds, c.miner)
	if err != nil {
		return dataError{err}
	}
	if platt.Slope <= 0 {
		return dataError{fmt.Errorf("on the calibration fleets higher scores mean fewer miners (slope %.3g): train on fleets that are more like them", platt.Slope)}
	}
	model.Calibration = platt.Curve()
	threshold, months, err := c.threshold(model, lib.plan.FalseAlarms)
	if err != nil {
		return err
	}
	p.say("calibrate: log odds %.3f + %.3f·x from %s days; threshold %.4g at %g false alarms per 1,000 meter-months (%d were there)",
		platt.Intercept, platt.Slope, grouped(int64(len(c.logOdds))), threshold, lib.plan.FalseAlarms, months)
	if threshold < leastAlarm || threshold > mostAlarm {
		p.say("the alarm threshold is kept within %g and %g", leastAlarm, mostAlarm)
	}
	model.AlarmProbability = min(max(threshold, leastAlarm), mostAlarm)
	if math.IsNaN(threshold) {
		return dataError{fmt.Errorf("no honest meter of the calibration fleets could be judged: give longer fleets")}
	}
	return p.countWidths(ctx, lib, model)
}

// countWidths sets how wide model's intervals must be, from the miners of the plan's fleets.
func (p *Program) countWidths(ctx context.Context, lib *fleetLibrary, model *detectors.Params) error {
	entries := lib.plan.Widths
	if len(entries) == 0 {
		entries = lib.plan.Calibrate
	}
	marked := *model
	marked.Widths = detectors.MarkedWidths()
	var c calibrator
	err := c.scoreFleets(ctx, lib, entries, func(part *calibrator, fleet *knownFleet) error {
		return part.widths.score(ctx, &marked, fleet)
	})
	if err != nil {
		return err
	}
	model.Widths = c.widths.widths(model)
	p.say("widths: of %d miners; 90 %% intervals are %.2f standard errors either side, onsets %.1f hours after the estimate",
		len(c.widths.misses), model.Widths.Block, model.Widths.OnsetHours)
	return nil
}
