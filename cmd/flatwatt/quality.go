package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/flatwatt/flatwatt/vee"
)

// qualityBy are the kinds of quality report.
var qualityBy = []string{"meter", "concentrator", "day"}

func newQuality(p *Program, opt *options) *cobra.Command {
	var fleet, by string
	var all bool
	cmd := &cobra.Command{
		Use:   "quality --fleet DIR",
		Short: "Validate a fleet's readings: a report by meter, concentrator or day",
		Long: `Quality applies the rules of validation (docs/formats.md) to a fleet directory: readings
missing, negative, stuck, spikes, clocks, customers against their transformer. By meter
it lists those that broke a rule or have not enough data to be judged, and what is
missing; --all lists every meter. Nothing is changed, and no estimate reaches a score.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !slices.Contains(qualityBy, by) {
				return usagef("--by %s: want one of %s", by, strings.Join(qualityBy, ", "))
			}
			return p.quality(cmd.Context(), opt, fleet, by, all)
		},
	}
	cmd.Flags().StringVar(&fleet, "fleet", "", "fleet `directory`")
	cmd.Flags().StringVar(&by, "by", "meter", strings.Join(qualityBy, ", "))
	cmd.Flags().BoolVar(&all, "all", false, "list what is in order too")
	complete(cmd, "by", qualityBy)
	needFlags(cmd, "fleet")
	return cmd
}

func (p *Program) quality(ctx context.Context, opt *options, dir, by string, all bool) error {
	fleet, err := p.openFleet(ctx, dir)
	if err != nil {
		return err
	}
	checker, err := vee.New(fleet.Meters(), vee.Options{})
	if err != nil {
		return dataError{err}
	}
	sum, err := vee.NewSummary(fleet.Meters(), vee.Options{})
	if err != nil {
		return err
	}
	var out vee.Report
	src := fleet.Source(time.Time{})
	for {
		b, err := src.Read(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		checker.Add(&out, b.Readings)
		sum.Add(&out)
		out.Reset()
	}
	checker.Close(&out)
	sum.Add(&out)
	rows := map[string]func() []vee.Row{"meter": sum.Meters, "concentrator": sum.Concentrators, "day": sum.Days}[by]()
	n := len(rows)
	if !all {
		rows = slices.DeleteFunc(rows, func(r vee.Row) bool { return len(r.Totals.Findings) == 0 && len(r.Lacks) == 0 })
	}
	if err := p.printQuality(opt, by, rows); err != nil {
		return err
	}
	p.say("quality: %d of %d lines are not in order", countBad(rows), n)
	return nil
}

func countBad(rows []vee.Row) (n int) {
	for i := range rows {
		n += btoi(len(rows[i].Totals.Findings) > 0 || len(rows[i].Lacks) > 0)
	}
	return n
}

// A qualityRow is a line of the report as it is printed.
type qualityRow struct {
	Meter     string           `json:"meter_id,omitempty"`
	Day       string           `json:"day,omitempty"`
	Meters    int              `json:"meters,omitempty"`
	Days      int              `json:"meter_days"`
	GoodDays  int              `json:"good_days"`
	Expected  int              `json:"expected"`
	Missing   int              `json:"missing"`
	Measured  float64          `json:"measured_share"`
	Estimated int              `json:"estimated"`
	Edited    int              `json:"edited"`
	EnergyKWh float64          `json:"energy_kwh"`
	FilledKWh float64          `json:"estimated_kwh"` // of the gaps, by validation; in no score
	Findings  map[vee.Code]int `json:"findings,omitempty"`
	Lacks     []string         `json:"lacks,omitempty"`
}

func qualityRowOf(r vee.Row, by, lang string) qualityRow {
	t := &r.Totals
	q := qualityRow{
		Meter: string(r.Meter), Meters: t.Meters, Days: t.Days, GoodDays: t.GoodDays, Expected: t.Expected, Missing: t.Missing,
		Measured: t.Measured(), Estimated: t.Estimated, Edited: t.Edited, EnergyKWh: float64(t.Energy), FilledKWh: float64(t.Filled), Findings: t.Findings,
	}
	if by != "meter" {
		q.Day = r.Day.String()
	}
	for _, l := range r.Lacks {
		q.Lacks = append(q.Lacks, l.Say(lang))
	}
	return q
}

// broke lists findings as code:count, in the order of the codes.
func (q *qualityRow) broke() string {
	var all []string
	for _, c := range vee.Codes() {
		if n := q.Findings[c]; n > 0 {
			all = append(all, fmt.Sprintf("%s:%d", c, n))
		}
	}
	return strings.Join(all, " ")
}

func (p *Program) printQuality(opt *options, by string, rows []vee.Row) error {
	list := make([]qualityRow, len(rows))
	for i, r := range rows {
		list[i] = qualityRowOf(r, by, opt.lang)
	}
	switch opt.output {
	case "json":
		enc := json.NewEncoder(p.Stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(list)
	case "csv":
		return writeQualityCSV(p.Stdout, list)
	}
	for _, q := range list {
		who := strings.TrimSpace(q.Day + " " + q.Meter)
		fmt.Fprintf(p.Stdout, "%s  %d of %d days good, %.2f %% measured, %.1f kWh (+%.1f estimated)  %s\n",
			pad(cut(who, 40), 24, false), q.GoodDays, q.Days, 100*q.Measured, q.EnergyKWh, q.FilledKWh, q.broke())
		for _, l := range q.Lacks {
			fmt.Fprintf(p.Stdout, "%s  %s\n", pad("", 24, false), l)
		}
	}
	return nil
}

func writeQualityCSV(w io.Writer, list []qualityRow) error {
	out := csv.NewWriter(w)
	_ = out.Write([]string{"meter_id", "day", "meters", "meter_days", "good_days", "expected", "missing", "measured_share", "estimated", "edited", "energy_kwh", "estimated_kwh", "findings", "lacks"})
	for _, q := range list {
		_ = out.Write([]string{
			cellSafe(q.Meter), q.Day, fmt.Sprint(q.Meters), fmt.Sprint(q.Days), fmt.Sprint(q.GoodDays), fmt.Sprint(q.Expected), fmt.Sprint(q.Missing),
			fmt.Sprintf("%.4f", q.Measured), fmt.Sprint(q.Estimated), fmt.Sprint(q.Edited), fmt.Sprintf("%.3f", q.EnergyKWh), fmt.Sprintf("%.3f", q.FilledKWh),
			q.broke(), strings.Join(q.Lacks, "; "),
		})
	}
	out.Flush()
	return out.Error()
}
