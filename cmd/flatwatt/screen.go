package main

import (
	"cmp"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/console"
	"github.com/flatwatt/flatwatt/screen"
	"github.com/flatwatt/flatwatt/streams/file"
)

type screenFlags struct{ fleet, model, asof string }

// newScreen is `screen`.
func newScreen(p *Program, opt *options) *cobra.Command {
	var flags screenFlags
	cmd := &cobra.Command{
		Use:   "screen --fleet DIR",
		Short: "Hold what applicants and market participants declared against their meters",
		Long: `Screen scores a fleet and holds applications.csv (new connections) and participants.csv
(market participants) against what each meter shows after energising: capacity, growth,
load factor, nights, the miner score and, of large flat loads, mining farm against data
centre. It prints a list with reasons, the most remarkable first (docs/outside.md).`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.screen(cmd.Context(), opt, flags) },
	}
	cmd.Flags().StringVar(&flags.fleet, "fleet", "", "fleet `directory` with applications.csv or participants.csv")
	cmd.Flags().StringVar(&flags.asof, "asof", "", "leave out readings that end after this `time`")
	p.addModelFlag(cmd, &flags.model)
	needFlags(cmd, "fleet")
	return cmd
}

// A screened is one line of the list.
type screened struct {
	ID      string         `json:"id"`
	Meter   string         `json:"meter_id"`
	Name    string         `json:"name,omitempty"`
	Use     string         `json:"declared_use"`
	KW      float64        `json:"capacity_kw,omitempty"`
	LevelKW *float64       `json:"level_kw"`
	Verdict screen.Verdict `json:"verdict"`
	LogOdds float64        `json:"log_odds"`
	Reasons []string       `json:"reasons"`
}

func (p *Program) screen(ctx context.Context, opt *options, flags screenFlags) error {
	asof, err := parseAsOf(flags.asof)
	if err != nil {
		return err
	}
	model, err := loadModel(flags.model)
	if err != nil {
		return err
	}
	fleet, err := p.openFleet(ctx, flags.fleet)
	if err != nil {
		return err
	}
	if len(fleet.Applied()) == 0 {
		return dataError{fmt.Errorf("%s has no applications.csv or participants.csv with a good row: docs/outside.md says what stands in them", flags.fleet)}
	}
	b, _, err := p.scoreFleet(ctx, model, fleet, asof, nil)
	if err != nil {
		return err
	}
	for _, r := range fleet.Rejects() {
		if strings.HasPrefix(r.Where, "applications.csv") || strings.HasPrefix(r.Where, "participants.csv") {
			p.say("%s: %s: %s", r.Where, r.Field, r.Reason)
		}
	}
	return p.printScreened(opt, screenAll(fleet, b.Findings(), asof, opt.lang))
}

// screenAll judges every application, the most remarkable first.
func screenAll(fleet *file.Fleet, findings []console.Finding, asof time.Time, lang string) (list []screened) {
	found := map[flatwatt.MeterID]console.Finding{}
	for _, f := range findings {
		found[f.Meter.ID] = f
	}
	register := registerOf(fleet.Meters())
	for _, a := range fleet.Applied() {
		m := screen.Measured{}
		if s, ok := fleet.Series(a.Meter); ok {
			m = screen.Measure(until(&s, asof), zoneOf(register[a.Meter]))
		}
		m.Miner, m.Farm = nan, nan
		if f, ok := found[a.Meter]; ok {
			m.Miner = f.Score.Probability
			if f.Hall != nil {
				m.Farm = f.Hall.Score.Probability
			}
		}
		sum, verdict, reasons := screen.Judge(screen.Declaration{Use: strings.ToLower(a.Use), KW: a.KW, Energised: a.Energised}, m)
		one := screened{ID: a.ID, Meter: string(a.Meter), Name: a.Name, Use: a.Use, KW: float64(a.KW), LevelKW: number(m.Level), Verdict: verdict, LogOdds: sum, Reasons: []string{}}
		for _, r := range reasons {
			one.Reasons = append(one.Reasons, screen.Say(r, lang))
		}
		list = append(list, one)
	}
	slices.SortStableFunc(list, func(a, b screened) int {
		return cmp.Or(cmp.Compare(btoi(a.Verdict == screen.Wait), btoi(b.Verdict == screen.Wait)), -cmp.Compare(a.LogOdds, b.LogOdds), cmp.Compare(a.ID, b.ID))
	})
	return list
}

// until cuts a series at asof, where one is given.
func until(s *flatwatt.Series, asof time.Time) *flatwatt.Series {
	if n := int(asof.Sub(s.Start) / s.Interval); !asof.IsZero() && n < len(s.Energy) {
		short := *s
		short.Energy = s.Energy[:max(n, 0)]
		return &short
	}
	return s
}

func (p *Program) printScreened(opt *options, list []screened) error {
	switch opt.output {
	case "json":
		enc := json.NewEncoder(p.Stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(list)
	case "csv":
		out := csv.NewWriter(p.Stdout)
		if err := out.Write([]string{"id", "meter_id", "name", "declared_use", "capacity_kw", "level_kw", "verdict", "log_odds", "reasons"}); err != nil {
			return err
		}
		for _, s := range list {
			row := []string{cellSafe(s.ID), cellSafe(s.Meter), cellSafe(s.Name), cellSafe(s.Use), floatText(s.KW), floatOr(s.LevelKW), string(s.Verdict), floatText(s.LogOdds), strings.Join(s.Reasons, "; ")}
			if err := out.Write(row); err != nil {
				return err
			}
		}
		out.Flush()
		return out.Error()
	}
	st := p.style(p.Stdout)
	for _, s := range list {
		level := dash
		if s.LevelKW != nil {
			level = strconv.FormatFloat(*s.LevelKW, 'f', 0, 64)
		}
		fmt.Fprintf(p.Stdout, "%s  %s  %s, %s/%s kW  %s\n", st.bold(pad(s.ID, 10, false)), pad(s.Meter, 12, false), s.Use, level, strconv.FormatFloat(s.KW, 'f', 0, 64),
			screen.VerdictWords(s.Verdict, opt.lang))
		for _, line := range wrap(strings.Join(s.Reasons, map[bool]string{false: "; ", true: "；"}[opt.lang == "zh"]), st.width-4) {
			fmt.Fprintln(p.Stdout, "    "+st.dim(line))
		}
	}
	return nil
}

func floatOr(x *float64) string {
	if x == nil {
		return ""
	}
	return floatText(*x)
}
