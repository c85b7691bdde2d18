package main

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/simulate"
	"github.com/flatwatt/flatwatt/streams/file"
)

func newInject(p *Program, _ *options) *cobra.Command {
	var from, to, format string
	cfg := simulate.DefaultInjectConfig()
	cmd := &cobra.Command{
		Use:   "inject --fleet DIR --out DIR",
		Short: "Add simulated miners and honest changes to a real fleet",
		Long: `Inject copies a fleet directory and adds simulated miners, and honest lasting changes,
to a seeded choice of its customers; truth.csv of the copy says which. What the fleet
itself hides stays unknown.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.inject(cmd.Context(), cfg, from, to, format)
		},
	}
	cmd.Flags().StringVar(&from, "fleet", "", "fleet `directory` to read")
	cmd.Flags().StringVar(&to, "out", "", "fleet `directory` to write")
	cmd.Flags().StringVar(&format, "format", "parquet", "of readings: csv, csv.gz or parquet")
	cmd.Flags().Uint64Var(&cfg.Seed, "seed", cfg.Seed, "the same seed injects the same")
	cmd.Flags().Float64Var(&cfg.MinerShare, "miners", cfg.MinerShare, "share of customers that get a miner")
	cmd.Flags().Float64Var(&cfg.ChangeShare, "changes", cfg.ChangeShare, "share of customers that get an honest change")
	needFlags(cmd, "fleet", "out")
	return cmd
}

func (p *Program) inject(ctx context.Context, cfg simulate.InjectConfig, from, to, format string) error {
	form, err := file.ParseFormat(format)
	if err != nil {
		return usagef("--format: %w", err)
	}
	if !(cfg.MinerShare >= 0 && cfg.ChangeShare >= 0 && cfg.MinerShare+cfg.ChangeShare <= 1) {
		return usagef("--miners %g and --changes %g: want shares of 0 or more that sum to 1 at most", cfg.MinerShare, cfg.ChangeShare)
	}
	fleet, err := p.openFleet(ctx, from)
	if err != nil {
		return err
	}
	cfg.Weather = fleet.Weather()
	truths := map[flatwatt.MeterID]flatwatt.Truth{}
	for _, t := range fleet.Truth() {
		truths[t.Meter] = t
	}
	series := p.injected(ctx, fleet, cfg, truths)
	w, err := newDeliveryWriter(to, form)
	if err != nil {
		return err
	}
	for s, err := range series {
		if err != nil {
			w.abort()
			return err
		}
		w.write(s, nil)
	}
	rows, err := w.close()
	if err != nil {
		return err
	}
	var truth []flatwatt.Truth
	n := map[flatwatt.Label]int{}
	for _, id := range slices.Sorted(maps.Keys(truths)) {
		truth = append(truth, truths[id])
		n[truths[id].Label]++
	}
	if err := file.WriteTariffs(to, fleet.Tariffs()); err != nil {
		return err
	}
	if err := file.WriteRegister(to, fleet.Meters(), fleet.WeatherRows(), truth); err != nil {
		return err
	}
	p.say("inject: %s readings, %d miners, %d honest changes, seed %d, in %s", grouped(rows), n[flatwatt.Miner], n[flatwatt.LegitChange], cfg.Seed, to)
	return nil
}

// injected yields every series of the fleet, customers with what they drew, and notes the
// truth. A series that cannot carry a block stays as it is and is said to be so.
func (p *Program) injected(ctx context.Context, fleet *file.Fleet, cfg simulate.InjectConfig, truths map[flatwatt.MeterID]flatwatt.Truth) iter.Seq2[*flatwatt.Series, error] {
	return func(yield func(*flatwatt.Series, error) bool) {
		bar := p.progress("inject", "meters", int64(len(fleet.Meters())))
		for i, m := range fleet.Meters() {
			if err := ctx.Err(); err != nil {
				yield(nil, err)
				return
			}
			bar.at(int64(i))
			s, ok := fleet.Series(m.ID)
			if !ok {
				continue
			}
			if _, settled := truths[m.ID]; !settled && m.IsCustomer() {
				out, t, err := simulate.InjectDrawn(s, m, cfg)
				if err != nil {
					p.say("%v; left as it is", err)
					t = flatwatt.Truth{Meter: m.ID, Label: flatwatt.NoneLabel, Note: fmt.Sprintf("not injected: %v", err)}
					out = s
				}
				s, truths[m.ID] = out, t
			}
			if !yield(&s, nil) {
				return
			}
		}
	}
}
