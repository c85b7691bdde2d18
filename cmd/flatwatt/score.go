package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/casework/alarms"
	"github.com/flatwatt/flatwatt/console"
	"github.com/flatwatt/flatwatt/detectors"
	"github.com/flatwatt/flatwatt/streams/file"
)

type scoreFlags struct {
	fleet, out, asof, model string
	top                     int
	promise                 promiseFlags
	alarms                  applyFlags
}

func newScore(p *Program, opt *options) *cobra.Command {
	var flags scoreFlags
	cmd := &cobra.Command{
		Use:   "score --fleet DIR [--out DIR] [--asof TIME]",
		Short: "Score a fleet directory offline: files in, files out, no servers",
		Long: `Score reads a fleet directory (docs/formats.md), scores every day of every customer
meter, and prints what it saw and who ranks highest and why. With --out it writes
findings.csv (one row a meter, ranked), scores.csv (one row a meter and day) and
rejected.csv (what could not be taken, with its reason).`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.score(cmd.Context(), opt, flags) },
	}
	cmd.Flags().StringVar(&flags.fleet, "fleet", "", "fleet `directory`")
	cmd.Flags().StringVar(&flags.out, "out", "", "`directory` for findings.csv, scores.csv and rejected.csv")
	p.addModelFlag(cmd, &flags.model)
	cmd.Flags().StringVar(&flags.asof, "asof", "", "leave out readings that end after this `time` (2006-01-02 or RFC 3339, UTC)")
	cmd.Flags().IntVar(&flags.top, "top", 10, "how many ranks to print")
	flags.promise.add(cmd)
	flags.alarms.add(cmd, "alarms in the casework file follow these scores")
	needFlags(cmd, "fleet")
	return cmd
}

func (p *Program) score(ctx context.Context, opt *options, flags scoreFlags) error {
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
	if model, err = flags.promise.apply(p, model, len(customers(fleet.Meters()))); err != nil {
		return err
	}
	var sink flatwatt.Sink
	var scores *file.ScoresWriter
	if flags.out != "" {
		if err := os.MkdirAll(flags.out, 0o755); err != nil {
			return err
		}
		if scores, err = file.NewScoresWriter(filepath.Join(flags.out, "scores.csv")); err != nil {
			return err
		}
		sink = scores
	}
	var log *verdictLog
	var raiser *alarms.Raiser
	if flags.alarms.apply {
		if raiser, err = p.raiser(ctx, flags.alarms); err != nil {
			return err
		}
		log = newVerdictLog(newVerdicts(fleet.Meters(), opt.lang))
		sink = bothSinks{sink, log}
	}
	b, counts, err := p.scoreFleet(ctx, model, fleet, asof, sink)
	if err != nil {
		if scores != nil {
			scores.Abort()
		}
		return err
	}
	if raiser != nil {
		if err := p.raiseLog(ctx, raiser, log); err != nil {
			return err
		}
	}
	b.words = wordsIn(opt.lang)
	if scores != nil {
		if err := writeResults(flags.out, scores, b, fleet); err != nil {
			return err
		}
	}
	findings := b.Findings()
	if opt.output == "table" {
		writeSummary(p.Stdout, p.style(p.Stdout), fleet, b, counts)
	}
	if flags.promise.falseShare > 0 {
		findings = flags.promise.inspections(p, b)
		flags.top = len(findings)
	}
	if opt.output == "table" && flags.top <= 0 {
		return nil // the summary was asked for, not the ranks
	}
	return p.printFindings(opt, ranksUpTo(findings, flags.top), false)
}

// ranksUpTo are the first n ranks.
func ranksUpTo(all []console.Finding, n int) []console.Finding {
	top := all[:min(max(n, 0), len(all))]
	for len(top) > 0 && top[len(top)-1].Rank == 0 {
		top = top[:len(top)-1]
	}
	return top
}

func parseAsOf(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, usagef("--asof %s: want a date like 2026-01-31 or a time like 2026-01-31T00:00:00Z", text)
}

// writeResults completes scores.csv and writes findings.csv and rejected.csv beside it.
func writeResults(dir string, scores *file.ScoresWriter, b *board, fleet *file.Fleet) error {
	err := scores.Close()
	var ranked []flatwatt.Score
	reasons, halls := map[flatwatt.MeterID]string{}, map[flatwatt.MeterID]file.Hall{}
	for _, f := range b.Findings() {
		ranked = append(ranked, f.Score)
		reasons[f.Meter.ID] = f.Reason
		if f.Hall != nil {
			halls[f.Meter.ID] = file.Hall{FarmProbability: f.Hall.Score.Probability, State: f.Hall.Score.State}
		}
	}
	for _, m := range customers(fleet.Meters()) { // a row for every customer, judged or not
		if _, ok := reasons[m.ID]; !ok {
			ranked = append(ranked, unjudged(m.ID))
			reasons[m.ID] = "no readings"
		}
	}
	return errors.Join(err,
		file.WriteFindings(filepath.Join(dir, "findings.csv"), ranked,
			func(s *flatwatt.Score) string { return reasons[s.Meter] },
			func(s *flatwatt.Score) file.Hall {
				if h, ok := halls[s.Meter]; ok {
					return h
				}
				return file.Hall{FarmProbability: nan}
			}),
		file.WriteRejects(filepath.Join(dir, "rejected.csv"), fleet.Rejects()))
}

// unjudged is the finding of a meter that gave no readings.
func unjudged(id flatwatt.MeterID) flatwatt.Score {
	nan := math.NaN()
	none := flatwatt.Estimate{Value: nan, Low: nan, High: nan}
	return flatwatt.Score{Meter: id, State: flatwatt.NotEnoughData, Probability: nan, LogOdds: nan, LogEValue: nan, Block: none, Energy: none}
}

// tally counts findings by state.
func tally(all []console.Finding) map[flatwatt.State]int {
	n := map[flatwatt.State]int{}
	for _, f := range all {
		n[f.Score.State]++
	}
	return n
}

func lost(c detectors.Counts) string {
	if c == (detectors.Counts{}) {
		return ""
	}
	return fmt.Sprintf("%d late, %d of no customer meter, %d off the meter's grid", c.Late, c.Unknown, c.OffGrid)
}
