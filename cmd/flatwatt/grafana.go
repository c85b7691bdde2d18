package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/flatwatt/flatwatt/detectors"
	"github.com/flatwatt/flatwatt/grafana"
)

func newGrafana(p *Program) *cobra.Command {
	var out, model string
	o := grafana.DefaultOptions(detectors.DefaultParams().AlarmProbability)
	cmd := &cobra.Command{
		Use:   "grafana --out DIR",
		Short: "Write dashboards, data sources and alert rules for Grafana",
		Long: `Grafana writes two whole sets of files for Grafana 10 and later below --out, of which a
site takes one: influxql/, for the embedded database, InfluxDB 2.x and 3, and flux/, for an
InfluxDB 2.x. Each has dashboards/*.json and provisioning/…; docs/grafana.md says what they
expect in Grafana's environment. The alarm threshold that panels show is the model's.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			params, err := loadModel(model)
			if err != nil {
				return err
			}
			o.Alarm = params.AlarmProbability
			o.Warn = min(o.Warn, o.Alarm)
			return p.writeGrafana(out, o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&out, "out", "", "`directory` to write to")
	p.addModelFlag(cmd, &model)
	f.StringVar(&o.Console, "console", o.Console, "`address` of flatwatt's page, for links")
	f.Float64Var(&o.BlockKW, "block-kw", o.BlockKW, "alert rule: a suspected block above so many `kW`")
	f.Float64Var(&o.Standing, "standing", o.Standing, "alert rule: more `suspects` than this at a time")
	f.Float64Var(&o.NewADay, "new-a-day", o.NewADay, "panels turn red at so many new `suspects` a day")
	f.Float64Var(&o.PerMonth, "alarms", o.PerMonth, "alert rule: more `alarms` per 1,000 meter-months than this in 30 days")
	f.Float64Var(&o.Unjudged, "unjudged", o.Unjudged, "alert rule: a larger `share` of the fleet without enough data")
	needFlags(cmd, "out")
	return cmd
}

func (p *Program) writeGrafana(out string, o grafana.Options) error {
	if err := o.Validate(); err != nil {
		return usageError{err}
	}
	files, err := grafana.Files(o)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path := filepath.Join(out, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, files[name], 0o644); err != nil {
			return err
		}
	}
	p.say("%d files below %s", len(files), out)
	return nil
}
