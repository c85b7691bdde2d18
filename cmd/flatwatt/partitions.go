package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/flatwatt/flatwatt/streams/partition"
)

func newPartitions(p *Program, opt *options) *cobra.Command {
	var set int
	cmd := &cobra.Command{
		Use:   "partitions --config FILE",
		Short: "Show which worker owns which partition, or change their number",
		Long: `Partitions shows how the workers of nats.url share the buckets. --set changes the number
of partitions while they run: all workers let go, then share the new ones, within some
seconds. Scores do not depend on it, and no state moves: it belongs to the buckets.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := p.loadSettings(opt.config)
			if err != nil {
				return err
			}
			return p.partitions(cmd.Context(), opt, s, set, cmd.Flags().Changed("set"))
		},
	}
	cmd.Flags().IntVar(&set, "set", 0, "change to so many `partitions`, 1 to the number of buckets")
	return cmd
}

func (p *Program) partitions(ctx context.Context, opt *options, s settings, set int, change bool) error {
	if s.NATS.URL == "" {
		return usagef("nats.url is not set: only workers on a NATS server of their own share partitions")
	}
	stream, err := p.connect(s.NATS)
	if err != nil {
		return err
	}
	store, err := partition.OpenStore(ctx, stream, s.NATS.Replicas)
	if err != nil {
		return err
	}
	if change {
		if err := partition.Resize(ctx, store, set); err != nil {
			return err
		}
		p.say("the workers will share %d partitions as soon as all have let go of theirs", set)
	}
	shares, err := partition.Look(ctx, store)
	if err != nil {
		return err
	}
	return p.printShares(opt, shares)
}

func (p *Program) printShares(opt *options, v partition.View) error {
	if opt.output == "json" {
		e := json.NewEncoder(p.Stdout)
		e.SetIndent("", "  ")
		return e.Encode(v)
	}
	sep := "  "
	if opt.output == "csv" {
		sep = ","
	}
	fmt.Fprintf(p.Stdout, "partition%sbuckets%sworker\n", sep, sep)
	for i, owner := range v.Owners {
		b := v.Layout.BucketsOf(i)
		if owner == "" {
			owner = "-"
		}
		if _, err := fmt.Fprintf(p.Stdout, "%d%s%d-%d%s%s\n", i, sep, b[0], b[len(b)-1], sep, owner); err != nil {
			return err
		}
	}
	return nil
}
