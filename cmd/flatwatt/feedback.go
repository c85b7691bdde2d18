package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/rescore"
	"github.com/flatwatt/flatwatt/streams/file"
)

type feedbackFlags struct {
	archive, fleet, outcomes, run, truth string
	casework, model, version             string
	propose                              bool
}

func newFeedback(p *Program, opt *options) *cobra.Command {
	var flags feedbackFlags
	cmd := &cobra.Command{
		Use:   "feedback --outcomes FILE|--casework FILE --fleet DIR --run RUN|live",
		Short: "What inspections say of the scores: hit rate, precision, calibration",
		Long: `Feedback joins the outcomes of inspections (docs/rescoring.md) with the score that each
meter had the day before, and reports by model version, class and region: the hit rate of
all inspections, the precision from those drawn at random, which nobody's choice biases,
and the mean probability to hold against it. With --truth it writes what is known as
truth.csv, beside readings, for fit --fleet.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.feedback(cmd.Context(), opt, flags) },
	}
	p.addArchiveFlag(cmd, &flags.archive)
	f := cmd.Flags()
	f.StringVar(&flags.fleet, "fleet", p.Getenv(envPrefix+"FLEET"), "fleet `directory` with the register")
	f.StringVar(&flags.outcomes, "outcomes", "", "`file` outcomes.csv: meter_id, at, outcome, finding, inspector, random")
	f.StringVar(&flags.run, "run", liveSet, "the scores: a `run`, or live")
	f.StringVar(&flags.casework, "casework", "", "take outcomes from the cases in this `file` instead of outcomes.csv")
	f.BoolVar(&flags.propose, "propose", false, "correct calibration and priors by class and region, and propose the model as a version in --archive; a person promotes it")
	f.StringVar(&flags.model, "model", currentModel, "with --propose: model `version` or file to correct, the one that made the scores")
	f.StringVar(&flags.version, "version", "", "with --propose: `name` that the new version begins with; the default is that of --model")
	f.StringVar(&flags.truth, "truth", "", "also write truth.csv into this `directory`")
	cmd.AddCommand(newFeedbackDraw(p))
	return cmd
}

// outcomesOf reads the outcomes of a file, or of cases.
func (p *Program) outcomesOf(ctx context.Context, flags feedbackFlags) ([]rescore.Inspection, error) {
	switch {
	case (flags.outcomes == "") == (flags.casework == ""):
		return nil, usagef("give outcomes by --outcomes FILE or by --casework FILE")
	case flags.casework != "":
		return p.caseOutcomes(ctx, flags.casework)
	}
	return readInspections(flags.outcomes)
}

func readInspections(name string) ([]rescore.Inspection, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, usagef("outcomes: %w", err)
	}
	defer f.Close()
	list, err := rescore.ReadInspections(f)
	if err != nil {
		return nil, dataError{fmt.Errorf("%s: %w", name, err)}
	}
	return list, nil
}

func (p *Program) feedback(ctx context.Context, opt *options, flags feedbackFlags) error {
	list, err := p.outcomesOf(ctx, flags)
	if err != nil {
		return err
	}
	if flags.fleet == "" {
		return usagef("--fleet is needed: the directory with meters.csv")
	}
	fleet, err := p.openRegister(flags.fleet)
	if err != nil {
		return err
	}
	if flags.truth != "" {
		if err := writeOutcomesAsTruth(flags.truth, fleet, list); err != nil {
			return err
		}
	}
	runs, err := p.openRuns(ctx, flags.archive)
	if err != nil {
		return err
	}
	scores, err := scoresNamed(ctx, runs, flags.run)
	if err != nil {
		return err
	}
	best, err := rescore.Join(list, scores)
	if err != nil {
		return err
	}
	report := rescore.Report(list, best, fleet.Meters())
	if err := p.printFeedback(opt, report); err != nil || !flags.propose {
		return err
	}
	return p.proposeRecalibrated(ctx, rescore.Models(runs), flags, fleet.Meters(), list, best)
}

func (p *Program) printFeedback(opt *options, report []rescore.Feedback) error {
	head := []string{"by", "name", "confirmed", "cleared", "unclear", "hit rate", "random: confirmed", "cleared", "precision", "mean probability"}
	var rows [][]string
	for _, f := range report {
		name := f.Name
		if name == "" {
			name = "(none)"
		}
		mean := dash
		if f.Predicted == f.Predicted {
			mean = strconv.FormatFloat(f.Predicted, 'f', 3, 64)
		}
		rows = append(rows, []string{f.Group, name, strconv.Itoa(f.Hits.Confirmed), strconv.Itoa(f.Hits.Cleared), strconv.Itoa(f.Hits.Unclear), precisionText(f.Hits),
			strconv.Itoa(f.Unbiased.Confirmed), strconv.Itoa(f.Unbiased.Cleared), precisionText(f.Unbiased), mean})
	}
	switch opt.output {
	case "csv":
		return writeCSV(p.Stdout, head, rows)
	case "json":
		return writeJSON(p.Stdout, feedbackJSON(report))
	}
	writeColumns(p.Stdout, p.style(p.Stdout), head, rows)
	return nil
}

// feedbackJSON has null where a number is not known, and the shares with their intervals.
func feedbackJSON(report []rescore.Feedback) (out []map[string]any) {
	share := func(s rescore.Share) map[string]any {
		v := s.Value()
		return map[string]any{"confirmed": s.Confirmed, "cleared": s.Cleared, "unclear": s.Unclear,
			"share": orNull(v.Value), "low": orNull(v.Low), "high": orNull(v.High)}
	}
	for _, f := range report {
		out = append(out, map[string]any{"by": f.Group, "name": f.Name, "hits": share(f.Hits), "unbiased": share(f.Unbiased), "mean_predicted": orNull(f.Predicted)})
	}
	return out
}

func orNull(v float64) *float64 {
	if v != v {
		return nil
	}
	return &v
}

// writeOutcomesAsTruth writes the register with what inspections found as its truth:
// confirmed is a miner, cleared none. Where one was found it was there at the inspection;
// since when, nobody knows, so the onset stays open.
func writeOutcomesAsTruth(dir string, fleet *file.Fleet, list []rescore.Inspection) error {
	for _, name := range []string{"truth.csv", "meters.csv"} { // never over a fleet that is there
		if _, err := os.Stat(filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
			return usagef("--truth %s: holds a %s already, or cannot be read: choose another directory", dir, name)
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	last := rescore.Latest(list)
	var truth []flatwatt.Truth
	for i, one := range list {
		if i > 0 && list[i-1].Meter == one.Meter {
			continue
		}
		label := flatwatt.NoneLabel
		switch last(one.Meter) {
		case rescore.Confirmed:
			label = flatwatt.Miner
		case rescore.Unclear:
			continue
		}
		truth = append(truth, flatwatt.Truth{Meter: one.Meter, Label: label, Note: "inspection of " + one.At.Format(time.DateOnly)})
	}
	return file.WriteRegister(dir, fleet.Meters(), nil, truth)
}
