package main

import (
	"fmt"
	"iter"
	"math"

	"github.com/spf13/cobra"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/simulate"
	"github.com/flatwatt/flatwatt/streams/file"
)

var nan = math.NaN()

// newSimulatePlants is `simulate plants`.
func newSimulatePlants(p *Program) *cobra.Command {
	cfg := simulate.DefaultPlantConfig()
	var out string
	cmd := &cobra.Command{
		Use:   "plants --out DIR",
		Short: "Draw cascades of small power plants, some with direct supply of a miner",
		Long: `Plants writes a fleet directory of small hydro, wind and solar plants: register, hourly
readings (negative where exported), inflow.csv, events.csv and truth.csv. The same seed
always gives the same files.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return p.simulatePlants(cfg, out) },
	}
	cmd.Flags().Uint64Var(&cfg.Seed, "seed", cfg.Seed, "the same seed draws the same plants")
	cmd.Flags().IntVar(&cfg.Plants, "plants", cfg.Plants, "power plants")
	cmd.Flags().IntVar(&cfg.Days, "days", cfg.Days, "days of readings")
	cmd.Flags().Float64Var(&cfg.DirectShare, "direct", cfg.DirectShare, "share of plants that supply a miner directly")
	cmd.Flags().StringVar(&out, "out", "", "`directory` to write")
	needFlags(cmd, "out")
	return cmd
}

func (p *Program) simulatePlants(cfg simulate.PlantConfig, out string) error {
	plants, err := simulate.NewPlants(cfg)
	if err != nil {
		return usageError{err}
	}
	var truth []flatwatt.Truth
	var series iter.Seq2[*flatwatt.Series, error] = func(yield func(*flatwatt.Series, error) bool) {
		for i := range plants.Meters() {
			s, t := plants.Series(i)
			truth = append(truth, t)
			if !yield(&s, nil) {
				return
			}
		}
	}
	if err := file.WriteFleet(out, plants.Meters(), nil, nil, series, file.Parquet); err != nil {
		return err
	}
	if err := file.WriteRegister(out, plants.Meters(), nil, truth); err != nil {
		return err
	}
	if err := writePlants(out, plants); err != nil {
		return err
	}
	p.say("%s", fmt.Sprintf("%d plants over %d days, seed %d, in %s", cfg.Plants, cfg.Days, cfg.Seed, out))
	return nil
}
