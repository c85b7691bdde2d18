package main

import (
	"iter"

	"github.com/spf13/cobra"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/simulate"
	"github.com/flatwatt/flatwatt/streams/file"
)

// newSimulateHalls is `simulate halls`.
func newSimulateHalls(p *Program) *cobra.Command {
	cfg := simulate.DefaultHallConfig()
	var out string
	cmd := &cobra.Command{
		Use:   "halls --out DIR",
		Short: "Draw large flat loads: data centres and mining farms",
		Long: `Halls writes a fleet directory of data centres, telecom halls and mining farms: register,
readings, weather.csv, coin.csv and truth.csv. The same seed always gives the same files.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return p.simulateHalls(cfg, out) },
	}
	cmd.Flags().Uint64Var(&cfg.Seed, "seed", cfg.Seed, "the same seed draws the same halls")
	cmd.Flags().IntVar(&cfg.Halls, "halls", cfg.Halls, "large flat loads")
	cmd.Flags().IntVar(&cfg.Days, "days", cfg.Days, "days of readings")
	cmd.Flags().Float64Var(&cfg.FarmShare, "farms", cfg.FarmShare, "share of them that are mining farms")
	cmd.Flags().StringVar(&out, "out", "", "`directory` to write")
	needFlags(cmd, "out")
	return cmd
}

func (p *Program) simulateHalls(cfg simulate.HallConfig, out string) error {
	halls, err := simulate.NewHalls(cfg)
	if err != nil {
		return usageError{err}
	}
	var truth []flatwatt.Truth
	var series iter.Seq2[*flatwatt.Series, error] = func(yield func(*flatwatt.Series, error) bool) {
		for i := range halls.Meters() {
			s, t := halls.Series(i)
			truth = append(truth, t)
			if !yield(&s, nil) {
				return
			}
		}
	}
	if err := file.WriteFleet(out, halls.Meters(), nil, nil, series, file.Parquet); err != nil {
		return err
	}
	var weather []file.WeatherRow
	for _, r := range halls.WeatherRows() {
		weather = append(weather, file.WeatherRow{Region: r.Region, Start: r.Time, Temperature: r.TemperatureC})
	}
	if err := file.WriteRegister(out, halls.Meters(), weather, truth); err != nil {
		return err
	}
	var coin []file.CoinRow
	for _, r := range halls.Coin() {
		coin = append(coin, file.CoinRow{Start: r.Day, Price: r.Price, Difficulty: r.Difficulty, Halving: r.Halving})
	}
	if err := file.WriteCoin(out, coin); err != nil {
		return err
	}
	p.say("%d halls over %d days, seed %d, in %s", cfg.Halls, cfg.Days, cfg.Seed, out)
	return nil
}
