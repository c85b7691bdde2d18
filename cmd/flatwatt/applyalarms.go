package main

import (
	"context"
	"errors"
	"iter"

	"github.com/spf13/cobra"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/access"
	"github.com/flatwatt/flatwatt/casework/alarms"
	"github.com/flatwatt/flatwatt/streams/file"
)

// applyFlags have alarms follow a run that scored history anew.
type applyFlags struct {
	apply  bool
	policy string
	desk   deskFlags
}

func (f *applyFlags) add(cmd *cobra.Command, words string) {
	cmd.Flags().BoolVar(&f.apply, "apply-alarms", false, words)
	addPolicyFlag(cmd, &f.policy)
	f.desk.add(cmd)
}

func addPolicyFlag(cmd *cobra.Command, path *string) {
	cmd.Flags().StringVar(path, "alarm-policy", "", "`file` with delays, budget and priorities (YAML); the default is in docs/alarms.md")
}

// raiser signs in for raising alarms.
func (p *Program) raiser(ctx context.Context, f applyFlags) (*alarms.Raiser, error) {
	policy, err := loadPolicy(f.policy)
	if err != nil {
		return nil, err
	}
	d, db, err := p.desk(ctx, f.desk)
	if err != nil {
		return nil, err
	}
	if err := d.Who.Need(access.Operator); err != nil {
		return nil, usageError{err}
	}
	if len(d.Who.Areas) > 0 { // a run is of the whole fleet
		return nil, usageError{access.ErrForbidden{Actor: d.Who.Name, Needs: "alarms of all areas are raised by somebody who sees them all"}}
	}
	return &alarms.Raiser{Store: db, Policy: policy, Who: d.Who, Now: nowOf(d)}, nil
}

// raiseFrom tells a run's scores to alarms.
func (p *Program) raiseFrom(ctx context.Context, r *alarms.Raiser, of verdictsOf, scores iter.Seq2[flatwatt.Score, error]) error {
	log := newVerdictLog(of)
	for s, err := range scores {
		if err = errors.Join(err, log.Write(ctx, []flatwatt.Score{s})); err != nil {
			return err
		}
	}
	return p.raiseLog(ctx, r, log)
}

func (p *Program) raiseLog(ctx context.Context, r *alarms.Raiser, log *verdictLog) error {
	t, err := r.Apply(ctx, log.all(), true)
	if err != nil {
		return err
	}
	p.say("%s", t)
	if t.Old > 0 {
		p.say("alarms: %d scores were left out: they end before the day up to which alarms stand, %s", t.Old, t.Day)
	}
	return nil
}

func newAlarmApply(p *Program, opt *options) *cobra.Command {
	var flags applyFlags
	var fleet, scores string
	cmd := &cobra.Command{
		Use: "apply --fleet DIR --scores FILE", Short: "Have alarms follow a scores.csv that `score --out` wrote", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := p.raiser(cmd.Context(), flags)
			if err != nil {
				return err
			}
			register, err := p.openRegister(fleet)
			if err != nil {
				return err
			}
			return p.raiseFrom(cmd.Context(), r, newVerdicts(register.Meters(), opt.lang), file.ReadScores(scores))
		},
	}
	flags.desk.add(cmd)
	addPolicyFlag(cmd, &flags.policy)
	cmd.Flags().StringVar(&fleet, "fleet", "", "fleet `directory` with the register")
	cmd.Flags().StringVar(&scores, "scores", "", "`file` of scores")
	needFlags(cmd, "fleet", "scores")
	return cmd
}

// bothSinks writes to one sink, if there is one, and then to another.
type bothSinks struct {
	first  flatwatt.Sink // nil: nowhere
	second flatwatt.Sink
}

// Write implements flatwatt.Sink.
func (b bothSinks) Write(ctx context.Context, scores []flatwatt.Score) error {
	if b.first != nil {
		if err := b.first.Write(ctx, scores); err != nil {
			return err
		}
	}
	return b.second.Write(ctx, scores)
}
