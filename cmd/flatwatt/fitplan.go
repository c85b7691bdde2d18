package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"github.com/flatwatt/flatwatt/evaluate"
	"github.com/flatwatt/flatwatt/models"
	"github.com/flatwatt/flatwatt/simulate"
)

// defaultBudget is in false alarms per 1,000 meter-months.
const defaultBudget = 1.0

// A fitPlan says what a model is fitted, calibrated and measured on. testdata/model/plan.yaml
// explains the fields.
type fitPlan struct {
	Version     string       `yaml:"version"`
	From        string       `yaml:"from"`
	Data        string       `yaml:"data"` // directory that fleets are relative to; FLATWATT_DATA wins
	FalseAlarms float64      `yaml:"false_alarms"`
	Fit         fitSettings  `yaml:"fit"`
	Boost       boostPlan    `yaml:"boost"`
	Train       []fleetEntry `yaml:"train"`
	Calibrate   []fleetEntry `yaml:"calibrate"`
	Holdout     []fleetEntry `yaml:"holdout"`
	Widths      []fleetEntry `yaml:"widths"`    // none: those of Calibrate
	Guarantee   []fleetEntry `yaml:"guarantee"` // none: those of Calibrate
}

type fitSettings struct {
	Smooth  float64 `yaml:"smooth"`
	Ridge   float64 `yaml:"ridge"`
	ClassBy float64 `yaml:"class_by"`
	Rounds  int     `yaml:"rounds"`
}

func (s fitSettings) options() models.FitOptions { return models.FitOptions(s) }

type boostPlan struct {
	Trees int     `yaml:"trees"`
	Depth int     `yaml:"depth"`
	Rate  float64 `yaml:"rate"`
	Seed  uint64  `yaml:"seed"`
	// Start is the share of the fitted sum of terms that trees start from: terms measure
	// the same thing several times over, and their sum is surer than it should be.
	Start float64 `yaml:"start"`
	// 0: those of models.DefaultBoostOptions.
	L2        float64 `yaml:"l2"`
	MinWeight float64 `yaml:"min_weight"`
	Features  float64 `yaml:"features"`
	Rows      float64 `yaml:"rows"`
	// Stage and Enough are those of models.Stages; 0: every tree is asked.
	Stage  int     `yaml:"stage"`
	Enough float64 `yaml:"enough"`
}

func (b boostPlan) options() models.BoostOptions {
	o := models.DefaultBoostOptions()
	o.Trees, o.Depth, o.Rate, o.Seed = b.Trees, b.Depth, b.Rate, b.Seed
	o.L2, o.MinWeight = cmp.Or(b.L2, o.L2), cmp.Or(b.MinWeight, o.MinWeight)
	o.Stages = models.Stages{Stage: b.Stage, Enough: b.Enough}
	o.Features, o.Rows = cmp.Or(b.Features, o.Features), cmp.Or(b.Rows, o.Rows)
	return o
}

// A fleetEntry is fleets to draw (Simulate, one a seed), or a fleet directory (Fleet) with
// what is injected into it: the seeds of one entry share one fleet, as more meters of it.
type fleetEntry struct {
	Simulate yamlText   `yaml:"simulate"`
	Fleet    string     `yaml:"fleet"`
	Seeds    []uint64   `yaml:"seeds"`
	Days     int        `yaml:"days"` // of a window of each meter; 0: all
	Thin     int        `yaml:"thin"` // one in so many of a meter's samples is taken; 0: every one
	Lots     [2]float64 `yaml:"lots"` // meters whose lot is in [from, to); both 0: all
	// Of what is injected into Fleet: shares of the meters, 0: those of inject.
	Miners  float64   `yaml:"miners"`
	Changes float64   `yaml:"changes"`
	Vary    variation `yaml:"vary"`

	config simulate.Config // of Simulate
}

// yamlText is a piece of YAML that somebody else decodes.
type yamlText []byte

// UnmarshalYAML implements yaml.BytesUnmarshaler.
func (y *yamlText) UnmarshalYAML(text []byte) error {
	*y = bytes.Clone(text)
	return nil
}

// newFitPlan has the settings of the shipped model (docs/benchmark.md).
func newFitPlan() *fitPlan {
	o, b := models.DefaultFitOptions(), models.DefaultBoostOptions()
	return &fitPlan{
		Version: "fitted", FalseAlarms: defaultBudget,
		Fit:   fitSettings{Smooth: o.Smooth, Ridge: 1, ClassBy: o.ClassBy, Rounds: 120},
		Boost: boostPlan{Trees: 250, Depth: b.Depth, Rate: b.Rate, Seed: b.Seed, Start: 1},
	}
}

// readFitPlan reads a plan; fleets are relative to its data directory, that to the file.
func readFitPlan(path string, getenv func(string) string) (*fitPlan, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, usagef("--plan: %w", err)
	}
	plan := newFitPlan()
	if err := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict()).Decode(plan); err != nil {
		return nil, usagef("%s: %s", path, yaml.FormatError(err, false, true))
	}
	data := plan.Data
	if !filepath.IsAbs(data) {
		data = filepath.Join(filepath.Dir(path), data)
	}
	if env := getenv("FLATWATT_DATA"); env != "" {
		data = env
	}
	for _, list := range [][]fleetEntry{plan.Train, plan.Calibrate, plan.Widths, plan.Holdout, plan.Guarantee} {
		for i := range list {
			if f := &list[i].Fleet; *f != "" && !filepath.IsAbs(*f) {
				*f = filepath.Join(data, *f)
			}
		}
	}
	if plan.From != "" && !filepath.IsAbs(plan.From) {
		plan.From = filepath.Join(filepath.Dir(path), plan.From)
	}
	if err := plan.check(); err != nil {
		return nil, usagef("%s: %w", path, err)
	}
	return plan, nil
}

// planned is the plan that the flags name or spell out.
func (f *fitFlags) planned(cmd *cobra.Command, getenv func(string) string) (*fitPlan, error) {
	if (f.plan == "") == (len(f.simulate)+len(f.fleets)+len(f.promise) == 0) {
		return nil, usagef("name training fleets either in a --plan or by --simulate and --fleet")
	}
	plan := newFitPlan()
	var err error
	if f.plan != "" {
		for _, name := range []string{"inject-seeds", "days", "holdout", "calibrate-simulate", "promise-fleet"} {
			if cmd.Flags().Changed(name) {
				return nil, usagef("--%s: with --plan that is said in the plan", name)
			}
		}
		if plan, err = readFitPlan(f.plan, getenv); err != nil {
			return nil, err
		}
	} else if err := f.spellOut(plan); err != nil {
		return nil, err
	}
	if f.version != "" {
		plan.Version = f.version
	}
	if f.from != "" {
		plan.From = f.from
	}
	if cmd.Flags().Changed("budget") {
		plan.FalseAlarms = f.budget
	}
	if err := plan.check(); err != nil {
		return nil, usageError{err}
	}
	return plan, nil
}

// spellOut makes a plan of the flags. The meters held out are those of the last lots.
func (f *fitFlags) spellOut(plan *fitPlan) error {
	if !(f.holdout >= 0 && f.holdout < 1) {
		return usagef("--holdout %g: want a share of 0 or more and below 1", f.holdout)
	}
	entry := func(configs []string, to *[]fleetEntry) error {
		for _, path := range configs {
			text, err := os.ReadFile(path)
			if err != nil {
				return usageError{err}
			}
			*to = append(*to, fleetEntry{Simulate: text})
		}
		return nil
	}
	if err := errors.Join(entry(f.simulate, &plan.Train), entry(f.calibrate, &plan.Calibrate)); err != nil {
		return err
	}
	named := func(dirs []string) (list []fleetEntry) {
		for _, dir := range dirs {
			e := fleetEntry{Fleet: dir, Days: f.days}
			for _, s := range f.seeds {
				e.Seeds = append(e.Seeds, uint64(s))
			}
			list = append(list, e)
		}
		return list
	}
	plan.Train, plan.Guarantee = append(plan.Train, named(f.fleets)...), named(f.promise)
	if f.holdout == 0 {
		return nil
	}
	for i := range plan.Train {
		held := plan.Train[i]
		held.Lots = [2]float64{1 - f.holdout, 1}
		plan.Holdout = append(plan.Holdout, held)
		plan.Train[i].Lots = [2]float64{0, 1 - f.holdout}
	}
	return nil
}

// Limits of a plan, so that a slip of the keyboard is an error and not a long wait.
const (
	maxTrees  = 10_000
	maxRounds = 10_000
	maxDepth  = 10
)

// check finds every fault, and reads the fleets' configurations.
func (plan *fitPlan) check() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if plan.Version == "" {
		bad("version: is empty; every score names its model")
	}
	if !(plan.FalseAlarms > 0) {
		bad("false_alarms: %g; want a number above 0", plan.FalseAlarms)
	}
	if f := plan.Fit; !(f.Smooth >= 0 && f.Ridge >= 0 && f.ClassBy >= 0) || f.Rounds < 1 || f.Rounds > maxRounds {
		bad("fit: %+v; want prices of 0 or more and 1 to %d rounds", f, maxRounds)
	}
	if b := plan.Boost; b.Trees < 0 || b.Trees > maxTrees || b.Depth < 1 || b.Depth > maxDepth || !(b.Rate > 0 && b.Rate <= 1) || !(b.Start > 0 && b.Start <= 1) {
		bad("boost: %+v; want up to %d trees of depth 1 to %d, a rate and a start in (0, 1]", b, maxTrees, maxDepth)
	}
	if err := plan.Boost.options().Stages.Validate(); err != nil {
		bad("boost: %w", err)
	}
	if len(plan.Train) == 0 && (plan.From == "" || len(plan.Guarantee) == 0) {
		bad("train: names no fleets; only a model that `from` names needs none, to have its promises counted on `guarantee`")
	}
	for _, list := range []struct {
		name    string
		entries []fleetEntry
	}{{"train", plan.Train}, {"calibrate", plan.Calibrate}, {"widths", plan.Widths}, {"holdout", plan.Holdout}, {"guarantee", plan.Guarantee}} {
		for i := range list.entries {
			if err := list.entries[i].check(); err != nil {
				bad("%s[%d]: %w", list.name, i, err)
			}
		}
	}
	return errors.Join(errs...)
}

func (e *fleetEntry) check() error {
	if (len(e.Simulate) > 0) == (e.Fleet != "") {
		return errors.New("give either simulate (a fleet configuration) or fleet (a directory)")
	}
	if e.Lots == [2]float64{} {
		e.Lots = [2]float64{0, 1}
	}
	if !(e.Lots[0] >= 0 && e.Lots[0] < e.Lots[1] && e.Lots[1] <= 1) {
		return fmt.Errorf("lots: %g; want [from, to] with 0 ≤ from < to ≤ 1", e.Lots)
	}
	if e.Days < 0 || e.Days > simulate.MaxDays {
		return fmt.Errorf("days: %d; want 0 to %d", e.Days, simulate.MaxDays)
	}
	if e.Thin < 0 || e.Thin > simulate.MaxDays {
		return fmt.Errorf("thin: %d; want 0 to %d", e.Thin, simulate.MaxDays)
	}
	if e.Fleet != "" {
		return e.checkInjection()
	}
	if e.Miners != 0 || e.Changes != 0 || e.Vary != (variation{}) {
		return errors.New("miners, changes and vary: they are of what is injected into a fleet directory; say them in simulate")
	}
	cfg, err := simulate.ParseConfig("simulate", e.Simulate)
	if err != nil {
		return err
	}
	e.config = cfg
	e.config.Grid.Meters = false // only customers are scored
	if len(e.Seeds) == 0 {
		e.Seeds = []uint64{cfg.Seed}
	}
	return nil
}

// checkInjection checks the settings of what is injected into a directory.
func (e *fleetEntry) checkInjection() error {
	if !(e.Miners >= 0 && e.Changes >= 0 && e.Miners+e.Changes <= 1) {
		return fmt.Errorf("miners: %g, changes: %g; want shares of at most 1 together", e.Miners, e.Changes)
	}
	return e.Vary.check()
}

// alarmBudget is the evaluation that finds the alarm threshold.
func alarmBudget(falseAlarms float64) evaluate.Options {
	o := evaluate.DefaultOptions()
	o.FalseAlarms, o.Replicates = falseAlarms, 0
	return o
}
