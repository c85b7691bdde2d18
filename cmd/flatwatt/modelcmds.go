package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/flatwatt/flatwatt/detectors"
	"github.com/flatwatt/flatwatt/rescore"
)

// currentModel names the version that was promoted last.
const currentModel = "current"

// modelNamed is the model of a file or, where an archive is given, of a version that was
// proposed, or the current one; the model in the program where none was promoted yet.
func (p *Program) modelNamed(ctx context.Context, name, where string) (*detectors.Params, error) {
	if _, err := os.Stat(name); err == nil || name == "" || where == "" || !errors.Is(err, fs.ErrNotExist) {
		return loadModel(name)
	}
	store, err := p.openStore(ctx, where)
	if err != nil {
		return nil, err
	}
	m := rescore.Models{Store: store}
	if name == currentModel {
		list, err := m.History(ctx)
		if err != nil {
			return nil, err
		}
		if len(list) == 0 {
			return detectors.DefaultParams(), nil
		}
		name = list[0].Version
	}
	text, err := m.Load(ctx, name)
	if errors.Is(err, rescore.ErrNoModel) {
		return nil, usagef("--model %s: is neither a file nor a version in %s; `flatwatt model ls` lists them", name, store)
	}
	if err != nil {
		return nil, dataError{err}
	}
	model, err := detectors.ReadParams(text)
	if err != nil {
		return nil, dataError{fmt.Errorf("model %s: %w", name, err)}
	}
	return model, nil
}

func newModel(p *Program, opt *options) *cobra.Command {
	cmd := &cobra.Command{
		Use: "model ls|show|propose|promote|export", Short: "Model versions: proposed by programs, promoted by a person (docs/rescoring.md)", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	// sub adds a command about the versions in an archive.
	sub := func(use, short string, args cobra.PositionalArgs, do func(ctx context.Context, m rescore.Models, args []string) error) *cobra.Command {
		var where string
		c := &cobra.Command{Use: use, Short: short, Args: args, RunE: func(cmd *cobra.Command, args []string) error {
			store, err := p.openStore(cmd.Context(), where)
			if err != nil {
				return err
			}
			err = do(cmd.Context(), rescore.Models{Store: store}, args)
			if errors.Is(err, rescore.ErrNoModel) {
				err = usageError{err}
			}
			return err
		}}
		p.addArchiveFlag(c, &where)
		cmd.AddCommand(c)
		return c
	}
	sub("ls", "The versions, the latest proposal first, and which is current", cobra.NoArgs, func(ctx context.Context, m rescore.Models, _ []string) error {
		return p.listModels(ctx, opt, m)
	})
	sub("show VERSION", "What is known of a version, with its report of before and after", cobra.ExactArgs(1), func(ctx context.Context, m rescore.Models, args []string) error {
		v, err := m.About(ctx, args[0])
		if err != nil {
			return err
		}
		return writeJSON(p.Stdout, v)
	})
	sub("propose FILE", "Keep a model file as a version; nothing else changes", cobra.ExactArgs(1), func(ctx context.Context, m rescore.Models, args []string) error {
		model, err := loadModel(args[0])
		if err != nil {
			return err
		}
		_, err = p.proposeModel(ctx, m, model, "by hand", nil)
		return err
	})
	sub("promote VERSION", "Make a version the current one: what model: current and --model current mean", cobra.ExactArgs(1), func(ctx context.Context, m rescore.Models, args []string) error {
		if err := m.Promote(ctx, args[0], p.who(), time.Now()); err != nil {
			return err
		}
		p.say("model: %s is current; a service with model: current takes it up when it is started again with --fresh", args[0])
		return nil
	})
	var out string
	export := sub("export VERSION --out FILE", "Write the file of a version, checked against its hash", cobra.ExactArgs(1), func(ctx context.Context, m rescore.Models, args []string) error {
		text, err := m.Load(ctx, args[0])
		if err != nil {
			return err
		}
		return writeModel(out, text)
	})
	export.Flags().StringVar(&out, "out", "", "`file` to write")
	needFlags(export, "out")
	return cmd
}

func (p *Program) listModels(ctx context.Context, opt *options, m rescore.Models) error {
	list, err := m.List(ctx)
	if err != nil {
		return err
	}
	history, err := m.History(ctx)
	if err != nil {
		return err
	}
	if opt.output == "json" {
		return writeJSON(p.Stdout, map[string]any{"versions": list, "history": history})
	}
	var rows [][]string
	for _, v := range list {
		is := ""
		for i, c := range history {
			if c.Version == v.Version && is == "" {
				is = "was current until " + history[max(i-1, 0)].At.UTC().Format(time.RFC3339)
				if i == 0 {
					is = fmt.Sprintf("current since %s (%s)", c.At.UTC().Format(time.RFC3339), c.Who)
				}
			}
		}
		rows = append(rows, []string{v.Version, v.SHA256[:12], v.Before, v.How, v.Who, v.Proposed.UTC().Format(time.RFC3339), is})
	}
	head := []string{"version", "hash", "follows", "made by", "who", "proposed", "state"}
	if opt.output == "csv" {
		return writeCSV(p.Stdout, head, rows)
	}
	writeColumns(p.Stdout, p.style(p.Stdout), head, rows)
	return nil
}

// proposeModel keeps a model as a version. report, what it was measured by, may be nil.
func (p *Program) proposeModel(ctx context.Context, m rescore.Models, model *detectors.Params, how string, report any) (rescore.ModelVersion, error) {
	text, err := detectors.WriteParams(model)
	if err != nil {
		return rescore.ModelVersion{}, err
	}
	v := rescore.ModelVersion{Version: model.Version, Proposed: time.Now(), Who: p.who(), How: how, Before: detectors.DefaultParams().Version}
	if history, err := m.History(ctx); err != nil {
		return v, err
	} else if len(history) > 0 {
		v.Before = history[0].Version
	}
	if report != nil {
		if v.Report, err = json.Marshal(report); err != nil {
			return v, err
		}
	}
	if v, err = m.Propose(ctx, v, text); err != nil {
		return v, dataError{err}
	}
	p.say("model: version %s (hash %.12s) is proposed; try it with `flatwatt rescore --model %s --baseline live`, then `flatwatt model promote %s`",
		v.Version, v.SHA256, v.Version, v.Version)
	p.result.Model, p.result.Text = v.Version, "proposes model "+v.Version
	return v, nil
}

// versionByHash names a model base-HASH, by the hash of its file under the name of base: so
// the same fit proposes the same version again, and another one never takes its name.
func versionByHash(model *detectors.Params, base string) error {
	model.Version = base
	text, err := detectors.WriteParams(model)
	if err != nil {
		return err
	}
	model.Version = base + "-" + rescore.HashModel(text)[:8]
	return nil
}
