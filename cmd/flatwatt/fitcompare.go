package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/detectors"
	"github.com/flatwatt/flatwatt/evaluate"
)

// A comparison is what two models make of the held-out meters of one fleet.
type comparison struct {
	Fleet  string       `json:"fleet"`
	Meters int          `json:"meters"`
	Miners int          `json:"miners"`
	Before modelFigures `json:"before"`
	After  modelFigures `json:"after"`
}

// modelFigures are explained in package evaluate.
type modelFigures struct {
	AveragePrecision evaluate.Number `json:"average_precision"`
	RecallAtFPR1Pct  evaluate.Number `json:"recall_at_fpr_1_pct"`
}

// compareModels measures both models on every held-out fleet.
func (p *Program) compareModels(ctx context.Context, lib *fleetLibrary, before, after *detectors.Params) ([]comparison, error) {
	var rows []comparison
	for fleet, err := range lib.each(ctx, lib.plan.Holdout) {
		if err != nil {
			return nil, err
		}
		row := comparison{Fleet: fleet.name}
		for _, side := range []struct {
			model *detectors.Params
			to    *modelFigures
		}{{before, &row.Before}, {after, &row.After}} {
			r, err := measureModel(ctx, side.model, fleet)
			if err != nil {
				return nil, err
			}
			row.Meters, row.Miners = r.Counts.Meters, r.Counts.Miners
			*side.to = modelFigures{r.Figures.AP.Value, r.Figures.RecallAtFPR1Pct.Value}
		}
		rows = append(rows, row)
		p.say("held out: %s: measured", fleet.name)
	}
	return rows, nil
}

// measureModel ranks a fleet at the end of its data.
func measureModel(ctx context.Context, model *detectors.Params, fleet *knownFleet) (evaluate.Report, error) {
	in := evaluate.Input{Method: model.Version, Meters: fleet.meters}
	last := map[flatwatt.MeterID]evaluate.Finding{}
	err := fleet.score(ctx, model, nil, func(s *flatwatt.Score) {
		last[s.Meter] = evaluate.Finding{Meter: s.Meter, Probability: s.Probability, Block: s.Block, Onset: s.Onset, State: s.State}
	})
	if err != nil {
		return evaluate.Report{}, err
	}
	for _, m := range fleet.meters {
		if f, ok := last[m.ID]; ok {
			in.Findings = append(in.Findings, f)
		}
		if t, ok := fleet.truth[m.ID]; ok && t.Label != "" {
			t.Meter = m.ID
			in.Truth = append(in.Truth, t)
		}
	}
	e, err := evaluate.Evaluate(in, alarmBudget(defaultBudget))
	return e.Report, err
}

// printComparison prints the table of held-out fleets.
func (p *Program) printComparison(opt *options, before, after string, rows []comparison) error {
	switch opt.output {
	case "json":
		enc := json.NewEncoder(p.Stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(struct {
			Before string       `json:"before"`
			After  string       `json:"after"`
			Fleets []comparison `json:"fleets"`
		}{before, after, rows})
	case "csv":
		out := csv.NewWriter(p.Stdout)
		_ = out.Write([]string{"fleet", "meters", "miners", "ap_before", "ap_after", "recall_before", "recall_after"}) // Error tells below
		for _, r := range rows {
			_ = out.Write([]string{r.Fleet, fmt.Sprint(r.Meters), fmt.Sprint(r.Miners), numberCSV(r.Before.AveragePrecision), numberCSV(r.After.AveragePrecision),
				numberCSV(r.Before.RecallAtFPR1Pct), numberCSV(r.After.RecallAtFPR1Pct)})
		}
		out.Flush()
		return out.Error()
	}
	if len(rows) == 0 {
		fmt.Fprintln(p.Stdout, "nothing was held out: the new model is not measured")
		return nil
	}
	st := p.style(p.Stdout)
	fmt.Fprintf(p.Stdout, "held-out meters, before (%s) and after (%s)\n", before, after)
	fmt.Fprintln(p.Stdout, st.dim(pad("fleet", 44, false)+fmt.Sprintf("%7s %7s  %-15s  %-15s", "meters", "miners", "avg. precision", "recall, 1 % FP")))
	for _, r := range rows {
		fmt.Fprintf(p.Stdout, "%s%7d %7d  %-15s  %-15s\n", pad(cut(r.Fleet, 43), 44, false), r.Meters, r.Miners,
			beforeAfter(r.Before.AveragePrecision, r.After.AveragePrecision), beforeAfter(r.Before.RecallAtFPR1Pct, r.After.RecallAtFPR1Pct))
	}
	return nil
}

func beforeAfter(before, after evaluate.Number) string {
	return fmt.Sprintf("%s → %s", shareText(before), shareText(after))
}

func shareText(n evaluate.Number) string {
	if float64(n) != float64(n) {
		return dash
	}
	return fmt.Sprintf("%.3f", float64(n))
}
