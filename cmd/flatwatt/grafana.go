package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/flatwatt/flatwatt/grafana"
)

func newGrafana(p *Program) *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "grafana --out DIR",
		Short: "Write dashboards, data sources and alert rules for Grafana",
		Long: `Grafana writes dashboards/*.json and provisioning/… for Grafana 10 and later below --out.
docs/grafana.md says what the files expect in Grafana's environment.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return p.writeGrafana(out) },
	}
	cmd.Flags().StringVar(&out, "out", "", "`directory` to write to")
	needFlags(cmd, "out")
	return cmd
}

func (p *Program) writeGrafana(out string) error {
	files, err := grafana.Files()
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
