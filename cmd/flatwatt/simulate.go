package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/simulate"
	"github.com/flatwatt/flatwatt/streams/file"
)

// fleetFlags choose a simulated fleet.
type fleetFlags struct {
	config       string
	seed         uint64
	meters, days int
}

func (f *fleetFlags) add(cmd *cobra.Command, meters, days int) {
	cmd.Flags().Uint64Var(&f.seed, "seed", 1, "the same seed draws the same fleet")
	cmd.Flags().IntVar(&f.meters, "meters", meters, "customers")
	cmd.Flags().IntVar(&f.days, "days", days, "days of readings")
}

// apply has flags win over the configuration of the fleet.
func (f *fleetFlags) apply(cmd *cobra.Command, cfg *simulate.Config) {
	for name, set := range map[string]func(){
		"seed":   func() { cfg.Seed = f.seed },
		"meters": func() { cfg.Meters = f.meters },
		"days":   func() { cfg.Days = f.days },
	} {
		if f.config == "" || cmd.Flags().Changed(name) {
			set()
		}
	}
}

func newSimulate(p *Program, _ *options) *cobra.Command {
	var flags fleetFlags
	var out, format string
	base := simulate.DefaultConfig()
	cmd := &cobra.Command{
		Use:   "simulate --out DIR",
		Short: "Draw a seeded fleet with miners, honest changes and faults",
		Long: `Simulate writes a fleet directory (docs/formats.md): register, readings with late,
repeated and unordered rows, weather, and the truth behind every meter. The same seed
and configuration always give the same files.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg := simulate.DefaultConfig()
			if flags.config != "" {
				var err error
				if cfg, err = simulate.LoadConfig(flags.config); err != nil {
					return usageError{err}
				}
			}
			flags.apply(cmd, &cfg)
			return p.simulate(cmd.Context(), cfg, out, format)
		},
	}
	flags.add(cmd, base.Meters, base.Days)
	cmd.Flags().StringVar(&flags.config, "config", "", "fleet configuration `file` (YAML); flags win over it")
	cmd.Flags().StringVar(&out, "out", "", "`directory` to write")
	cmd.Flags().StringVar(&format, "format", "parquet", "of readings: csv, csv.gz or parquet")
	complete(cmd, "format", []string{"csv", "csv.gz", "parquet"})
	needFlags(cmd, "out")
	cmd.AddCommand(newSimulatePlants(p), newSimulateHalls(p))
	return cmd
}

func (p *Program) simulate(ctx context.Context, cfg simulate.Config, out, format string) error {
	form, err := file.ParseFormat(format)
	if err != nil {
		return usagef("--format: %w", err)
	}
	g, err := simulate.New(cfg)
	if err != nil {
		return usageError{err}
	}
	w, err := newDeliveryWriter(out, form)
	if err != nil {
		return err
	}
	bar := p.progress("simulate", "meters", int64(len(g.Meters())))
	var truth []flatwatt.Truth
	for s, t := range g.All(ctx) {
		w.write(&s, g.Deliveries(len(truth)))
		truth = append(truth, t)
		bar.at(int64(len(truth)))
	}
	if err := ctx.Err(); err != nil {
		w.abort()
		return err
	}
	rows, err := w.close()
	if err != nil {
		return err
	}
	var weather []file.WeatherRow
	for r := range g.WeatherRows() {
		weather = append(weather, file.WeatherRow{Region: r.Region, Start: r.Time, Temperature: r.TemperatureC})
	}
	if err := file.WriteTariffs(out, g.Tariffs()); err != nil {
		return err
	}
	if err := file.WriteRegister(out, g.Meters(), weather, known(truth)); err != nil {
		return err
	}
	bar.end("%d meters, %s readings, seed %d, in %s", len(g.Meters()), grouped(rows), cfg.Seed, out)
	return nil
}

// known leaves out what truth.csv need not say.
func known(truth []flatwatt.Truth) []flatwatt.Truth {
	return slices.DeleteFunc(slices.Clone(truth), func(t flatwatt.Truth) bool {
		return t.Label == "" || t.Meter == ""
	})
}

// A deliveryWriter writes readings in the order in which a head-end would deliver them:
// what comes on time first, what comes late in a second file, the most late last.
type deliveryWriter struct {
	folder     string
	form       file.Format
	onTime     *file.ReadingsWriter
	stragglers [][]flatwatt.Reading // by days late
	day        []flatwatt.Reading
}

func newDeliveryWriter(dir string, form file.Format) (*deliveryWriter, error) {
	folder := filepath.Join(dir, "readings")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") {
			return nil, usagef("%s already holds %s; choose an empty directory", folder, e.Name())
		}
	}
	w := &deliveryWriter{folder: folder, form: form}
	if w.onTime, err = file.NewReadingsWriter(filepath.Join(folder, "1-on-time."+string(form)), form); err != nil {
		return nil, err
	}
	return w, nil
}

// write writes one meter. deliveries are its irregular days in time order.
func (w *deliveryWriter) write(s *flatwatt.Series, deliveries []simulate.Delivery) {
	if len(deliveries) == 0 {
		w.onTime.WriteSeries(s)
		return
	}
	for i := 0; i < len(s.Energy); {
		for len(deliveries) > 0 && !startOf(s, i).Before(deliveries[0].To) {
			deliveries = deliveries[1:]
		}
		if len(deliveries) == 0 || startOf(s, i).Before(deliveries[0].From) {
			if r, ok := s.Reading(i); ok {
				w.onTime.Write(r)
			}
			i++
			continue
		}
		i = w.irregular(s, i, deliveries[0])
	}
}

// irregular writes the day that d is about, which begins at step i, and returns the next.
func (w *deliveryWriter) irregular(s *flatwatt.Series, i int, d simulate.Delivery) int {
	w.day = w.day[:0]
	for ; i < len(s.Energy) && startOf(s, i).Before(d.To); i++ {
		if r, ok := s.Reading(i); ok {
			w.day = append(w.day, r)
		}
	}
	d.Shuffle(w.day)
	if d.Twice || d.LateDays == 0 {
		for _, r := range w.day {
			w.onTime.Write(r)
		}
	}
	if d.Twice || d.LateDays > 0 {
		for len(w.stragglers) <= d.LateDays {
			w.stragglers = append(w.stragglers, nil)
		}
		w.stragglers[d.LateDays] = append(w.stragglers[d.LateDays], w.day...)
	}
	return i
}

func startOf(s *flatwatt.Series, i int) time.Time {
	return s.Start.Add(time.Duration(i) * s.Interval)
}

// close completes the files. Where nothing came late there is no second file.
func (w *deliveryWriter) close() (rows int64, err error) {
	rows = w.onTime.Rows()
	if err := w.onTime.Close(); err != nil {
		return rows, fmt.Errorf("write readings: %w", err)
	}
	if len(w.stragglers) == 0 {
		return rows, nil
	}
	late, err := file.NewReadingsWriter(filepath.Join(w.folder, "2-late."+string(w.form)), w.form)
	if err != nil {
		return rows, err
	}
	for _, list := range w.stragglers {
		for _, r := range list {
			late.Write(r)
		}
	}
	rows += late.Rows()
	if err := late.Close(); err != nil {
		return rows, fmt.Errorf("write late readings: %w", err)
	}
	return rows, nil
}

func (w *deliveryWriter) abort() { w.onTime.Abort() }
