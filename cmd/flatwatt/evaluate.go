package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	clusters "github.com/flatwatt/flatwatt/detectors/cluster"
	"github.com/flatwatt/flatwatt/evaluate"
	"github.com/flatwatt/flatwatt/streams/file"
)

func newEvaluate(p *Program, opt *options) *cobra.Command {
	var dir, scores, plots, method string
	eval := evaluate.DefaultOptions()
	cmd := &cobra.Command{
		Use:   "evaluate --fleet DIR --scores DIR",
		Short: "Measure findings against truth.csv",
		Long: `Evaluate compares what score wrote (findings.csv and scores.csv in --scores) with the
truth.csv of the fleet: ranking, alarms within a budget, delay, errors of kW and onset,
calibration, each with a bootstrap interval.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return p.evaluate(opt, eval, dir, scores, plots, method)
		},
	}
	cmd.Flags().StringVar(&dir, "fleet", "", "fleet `directory` with truth.csv")
	cmd.Flags().StringVar(&scores, "scores", "", "`directory` that score wrote")
	cmd.Flags().StringVar(&plots, "plots", "", "`directory` for plots (PNG)")
	cmd.Flags().StringVar(&method, "method", "flatwatt", "name of what is evaluated, for titles")
	cmd.Flags().Uint64Var(&eval.Seed, "seed", eval.Seed, "of the bootstrap")
	cmd.Flags().IntVar(&eval.Replicates, "replicates", eval.Replicates, "of the bootstrap; 0 for none")
	cmd.Flags().Float64Var(&eval.FalseAlarms, "budget", eval.FalseAlarms, "false alarms per 1,000 meter-months")
	needFlags(cmd, "fleet", "scores")
	return cmd
}

func (p *Program) evaluate(opt *options, eval evaluate.Options, dir, scores, plots, method string) error {
	fleet, err := p.openRegister(dir)
	if err != nil {
		return err
	}
	if len(fleet.Truth()) == 0 {
		return dataError{fmt.Errorf("%s has no truth.csv: there is nothing to measure against; `flatwatt simulate` and `flatwatt inject` write one", dir)}
	}
	in, err := evaluationInput(fleet, scores, method)
	if err != nil {
		return dataError{err}
	}
	e, err := evaluate.Evaluate(in, eval)
	if err != nil {
		return dataError{fmt.Errorf("evaluate %s: %w", scores, err)}
	}
	if plots != "" {
		if err := drawPlots(&e.Curves, plots); err != nil {
			return err
		}
	}
	switch opt.output {
	case "json":
		enc := json.NewEncoder(p.Stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(e.Report)
	case "csv":
		return writeFiguresCSV(p, e.Report)
	}
	return e.Report.WriteTable(p.Stdout)
}

func evaluationInput(fleet *file.Fleet, scores, method string) (evaluate.Input, error) {
	in := evaluate.Input{Method: method, Meters: fleet.Meters(), Truth: fleet.Truth()}
	found, err := file.ReadFindings(filepath.Join(scores, "findings.csv"))
	if err != nil {
		return in, err
	}
	for _, f := range found {
		if _, isCase := clusters.NodeOf(f.Meter); isCase { // a case of several meters is no meter
			continue
		}
		in.Findings = append(in.Findings, evaluate.Finding{
			Meter: f.Meter, Probability: f.Probability, Block: f.Block, Onset: f.Onset, State: f.State, FirstAlarm: f.FirstAlarm,
		})
	}
	for s, err := range file.ReadScores(filepath.Join(scores, "scores.csv")) {
		if err != nil {
			return in, err
		}
		if s.Detector == rankedDetector || s.Detector == "" {
			in.Daily = append(in.Daily, evaluate.DayScore{Meter: s.Meter, Day: s.Day, Probability: s.Probability, BlockKW: s.Block.Value})
		}
	}
	return in, nil
}

func drawPlots(c *evaluate.Curves, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, name := range evaluate.PlotNames() {
		f, err := os.Create(filepath.Join(dir, name+".png"))
		if err != nil {
			return err
		}
		if err := c.Draw(f, name, "png"); err != nil {
			_ = f.Close() // the drawing's error says more
			return fmt.Errorf("draw %s: %w", name, err)
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	return nil
}

// writeFiguresCSV writes one line a figure, named as in JSON.
func writeFiguresCSV(p *Program, r evaluate.Report) error {
	text, err := json.Marshal(r.Figures)
	if err != nil {
		return err
	}
	figures := map[string]evaluate.Figure{}
	if err := json.Unmarshal(text, &figures); err != nil {
		return err
	}
	out := csv.NewWriter(p.Stdout)
	_ = out.Write([]string{"figure", "value", "low90", "high90", "n"}) // Error tells below
	for _, name := range slices.Sorted(maps.Keys(figures)) {
		f := figures[name]
		_ = out.Write([]string{name, numberCSV(f.Value), numberCSV(f.Low), numberCSV(f.High), fmt.Sprint(f.N)})
	}
	out.Flush()
	return out.Error()
}

func numberCSV(n evaluate.Number) string {
	if math.IsInf(float64(n), 0) {
		return ""
	}
	return floatText(float64(n))
}
