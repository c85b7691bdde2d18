package main

import (
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"
)

func newConfig(p *Program, opt *options) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Print, check and show the configuration",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		&cobra.Command{
			Use:   "sample",
			Short: "Print a commented configuration with every default",
			Args:  cobra.NoArgs,
			RunE: func(*cobra.Command, []string) error {
				_, err := p.Stdout.Write(sampleYAML)
				return err
			},
		},
		&cobra.Command{
			Use:   "check [FILE]",
			Short: "Check a configuration file; exit code 2 if it is wrong",
			Args:  cobra.MaximumNArgs(1),
			RunE: func(_ *cobra.Command, args []string) error {
				return p.configCheck(configPath(opt, args))
			},
		},
		&cobra.Command{
			Use:   "show [FILE]",
			Short: "Print the effective configuration, secrets masked",
			Args:  cobra.MaximumNArgs(1),
			RunE: func(_ *cobra.Command, args []string) error {
				return p.configShow(opt, configPath(opt, args))
			},
		},
	)
	return cmd
}

func configPath(opt *options, args []string) string {
	if len(args) == 1 {
		return args[0]
	}
	return opt.config
}

func (p *Program) configCheck(path string) error {
	if path == "" {
		return usagef("name the file to check: flatwatt config check FILE")
	}
	if _, err := p.loadSettings(path); err != nil {
		return err
	}
	p.say("%s: ok", path)
	return nil
}

// configShow prints YAML as the file would have it, or JSON; `-o csv` gives
// setting, environment variable and value.
func (p *Program) configShow(opt *options, path string) error {
	s, err := p.loadSettings(path)
	if err != nil {
		return err
	}
	switch opt.output {
	case "json":
		enc := json.NewEncoder(p.Stdout)
		enc.SetIndent("", "  ")
		flat := map[string]any{}
		eachField(reflect.ValueOf(&s).Elem(), "", func(path string, v reflect.Value) { flat[path] = v.Interface() })
		flat["influx.token"] = maskToken(s, p.Getenv)
		return enc.Encode(flat)
	case "csv":
		fmt.Fprintln(p.Stdout, "setting,variable,value")
		eachField(reflect.ValueOf(&s).Elem(), "", func(path string, v reflect.Value) {
			fmt.Fprintf(p.Stdout, "%s,%s,%v\n", path, envName(path), v.Interface())
		})
		return nil
	}
	text, err := yaml.Marshal(s)
	if err != nil {
		return fmt.Errorf("encode configuration: %w", err)
	}
	fmt.Fprintf(p.Stdout, "%s# influx token: %s\n", text, maskToken(s, p.Getenv))
	return nil
}

// maskToken says where the token comes from, never what it is.
func maskToken(s settings, getenv func(string) string) string {
	switch {
	case getenv(tokenEnv) != "":
		return "(secret, from " + tokenEnv + ")"
	case s.Influx.Token != "":
		return "(secret, from " + s.Influx.TokenFile + ")"
	case s.Influx.URL == "":
		return "(made for the embedded database)"
	}
	return "(none)"
}
