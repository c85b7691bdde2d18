package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// options are the flags that every command has.
type options struct {
	config string // path of the configuration file; "" for none
	output string // table, json or csv
	lang   string // en or zh
}

const rootLong = `flatwatt consumes smart-meter readings and ranks the meters whose load looks
like an ASIC miner: a flat block of kilowatts that never sleeps.

Results go to standard output, messages to standard error.
Exit codes: 0 done, 1 something broke, 2 wrong usage or configuration,
3 unusable input, 130 interrupted.`

func newRoot(p *Program) *cobra.Command {
	opt := &options{}
	root := &cobra.Command{
		Use:           "flatwatt",
		Short:         "Rank meters whose load looks like an ASIC miner",
		Long:          rootLong,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE: func(*cobra.Command, []string) error {
			return opt.check()
		},
	}
	flags := root.PersistentFlags()
	flags.StringVar(&opt.config, "config", p.Getenv("FLATWATT_CONFIG"), "configuration `file` (YAML)")
	flags.StringVarP(&opt.output, "output", "o", "table", "what to print: table, json or csv")
	flags.StringVar(&opt.lang, "lang", "en", "language of reasons: en or zh")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef("%w; see `%s --help`", err, cmd.CommandPath())
	})
	complete(root, "output", outputs)
	complete(root, "lang", languages)
	for _, cmd := range []*cobra.Command{
		newDemo(p, opt), newRun(p, opt), newReplay(p, opt), newIngest(p, opt), newInspect(p, opt), newConvert(p, opt), newQuality(p, opt), newScore(p, opt), newEvaluate(p, opt), newSimulate(p, opt), newInject(p, opt), newFit(p, opt), newPartitions(p, opt), newDoctor(p, opt), newBench(p, opt), newExplain(p, opt), newTopology(p, opt), newGrafana(p), newConfig(p, opt), newVersion(p, opt),
		// Archive, re-scoring and learning.
		newArchive(p, opt), newImport(p, opt), newRescore(p, opt), newRuns(p, opt), newModel(p, opt), newFeedback(p, opt),
		newEvidence(p), newScreen(p, opt),
		// Casework.
		newAlarm(p, opt), newCase(p, opt), newLedger(p, opt), newPrice(p, opt), newSpotCheck(p, opt), newTip(p, opt), newCommitment(p, opt), newApplicant(p, opt), newReport(p, opt),
		newUser(p, opt), newAudit(p), newBackup(p, opt), newWebhook(p),
		newRestore(p, opt),
	} {
		root.AddCommand(markUsage(cmd))
	}
	return markUsage(root)
}

// markUsage gives wrong arguments, wherever in the tree, the exit code for usage.
func markUsage(cmd *cobra.Command) *cobra.Command {
	if check := cmd.Args; check != nil {
		cmd.Args = func(c *cobra.Command, args []string) error {
			if err := check(c, args); err != nil {
				return usagef("%w; see `%s --help`", err, c.CommandPath())
			}
			return nil
		}
	}
	for _, sub := range cmd.Commands() {
		if cmd.HasParent() {
			markUsage(sub)
		}
	}
	return cmd
}

var (
	outputs   = []string{"table", "json", "csv"}
	languages = []string{"en", "zh"}
)

func (o *options) check() error {
	if !slices.Contains(outputs, o.output) {
		return usagef("--output %s: want one of %s", o.output, strings.Join(outputs, ", "))
	}
	if !slices.Contains(languages, o.lang) {
		return usagef("--lang %s: want one of %s", o.lang, strings.Join(languages, ", "))
	}
	return nil
}

// complete offers values for a flag in the shell. It fails only for a flag that is not there.
func complete(cmd *cobra.Command, flag string, values []string) {
	if err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(fmt.Sprintf("complete --%s: %v", flag, err))
	}
}

// needFlags has the command refuse to start without the named flags.
func needFlags(cmd *cobra.Command, names ...string) {
	check := cmd.Args
	cmd.Args = func(c *cobra.Command, args []string) error {
		for _, name := range names {
			if !c.Flags().Changed(name) {
				return fmt.Errorf("--%s is needed", name)
			}
		}
		return check(c, args)
	}
}
