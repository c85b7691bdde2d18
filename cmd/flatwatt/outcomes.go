package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/casework"
	"github.com/flatwatt/flatwatt/rescore"
)

// caseOutcomes are the outcomes of inspections that cases led to.
func (p *Program) caseOutcomes(ctx context.Context, path string) ([]rescore.Inspection, error) {
	db, err := p.openCasework(ctx, path, false)
	if err != nil {
		return nil, err
	}
	cases, err := casework.List[casework.Case](ctx, db, casework.KindCase)
	if err != nil {
		return nil, err
	}
	var list []rescore.Inspection
	for _, c := range cases {
		one, err := caseOutcome(ctx, db, c.ID, c.Version)
		if err != nil {
			return nil, err
		}
		if one.Outcome != "" {
			list = append(list, one)
		}
	}
	if len(list) == 0 {
		return nil, dataError{errors.New("no case has come back from an inspection with an outcome yet")}
	}
	slices.SortStableFunc(list, func(a, b rescore.Inspection) int {
		return cmp.Or(cmp.Compare(a.Meter, b.Meter), a.At.Compare(b.At))
	})
	return list, nil
}

// caseOutcome is what the latest inspection of a case came to: its last state that says
// so, where an inspection had been ordered before. What was cleared at a desk is no outcome.
func caseOutcome(ctx context.Context, s casework.Store, id string, version int) (one rescore.Inspection, err error) {
	for ; version > 0; version-- {
		r, err := s.Get(ctx, casework.KindCase, id, version)
		if err != nil {
			return one, err
		}
		var c casework.Case
		if err := json.Unmarshal(r.Body, &c); err != nil {
			return one, fmt.Errorf("case %s version %d: %w", id, version, err)
		}
		switch {
		case one.Outcome != "":
			if c.State == casework.Ordered {
				return one, nil
			}
		case c.State == casework.Confirmed:
			one = rescore.Inspection{Outcome: rescore.Confirmed}
		case c.State == casework.Cleared, c.State == casework.Exempt:
			one = rescore.Inspection{Outcome: rescore.Cleared}
		}
		if one.Outcome != "" && one.Meter == "" {
			one.Meter, one.At, one.Finding, one.Inspector = flatwatt.MeterID(c.Meter), c.Moved, c.Reason, c.Assignee
		}
	}
	return rescore.Inspection{}, nil
}

type drawFlags struct {
	archive, run string
	visits       int
	random       float64
	seed         uint64
}

func newFeedbackDraw(p *Program) *cobra.Command {
	var flags drawFlags
	cmd := &cobra.Command{
		Use:   "draw --visits N",
		Short: "Choose meters to inspect: by rank, and a share of all suspects at random",
		Long: `Draw chooses meters to inspect from a set of scores, and prints them as outcomes.csv to be
filled in. Most are those of the highest probability. A share is drawn at random among all
suspects: only they tell without bias how many suspects are right, because nobody chose
them. The same seed draws the same meters; use another one each time.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.draw(cmd.Context(), flags) },
	}
	p.addArchiveFlag(cmd, &flags.archive)
	f := cmd.Flags()
	f.StringVar(&flags.run, "run", liveSet, "the scores: a `run`, or live")
	f.IntVar(&flags.visits, "visits", 0, "how many `meters`")
	f.Float64Var(&flags.random, "random", 0.2, "`share` that is drawn at random; at least one meter")
	f.Uint64Var(&flags.seed, "seed", 1, "of the draw")
	needFlags(cmd, "visits")
	return cmd
}

func (p *Program) draw(ctx context.Context, flags drawFlags) error {
	if flags.visits < 1 || !(flags.random > 0 && flags.random <= 1) {
		return usagef("--visits %d --random %g: want at least one meter, and a share above 0 and up to 1", flags.visits, flags.random)
	}
	runs, err := p.openRuns(ctx, flags.archive)
	if err != nil {
		return err
	}
	scores, err := scoresNamed(ctx, runs, flags.run)
	if err != nil {
		return err
	}
	set, err := rescore.Collect(flags.run, scores, nil)
	if err != nil {
		return err
	}
	suspects := slices.DeleteFunc(set.Suspects(), func(v rescore.Verdict) bool { return v.Detector != rankedDetector })
	drawn := drawVisits(suspects, flags.visits, flags.random, flags.seed)
	if len(drawn) == 0 {
		return dataError{errors.New("there are no suspects to draw from")}
	}
	var rows [][]string
	for _, v := range drawn {
		rows = append(rows, []string{string(v.meter.Meter), "", "", "", "", yesNo(v.random), strconv.Itoa(v.rank), strconv.FormatFloat(v.meter.Probability, 'f', 4, 64)})
	}
	return writeCSV(p.Stdout, []string{"meter_id", "at", "outcome", "finding", "inspector", "random", "rank", "probability"}, rows)
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// A visit is a meter to inspect.
type visit struct {
	meter  rescore.Verdict
	rank   int
	random bool
}

// drawVisits draws from suspects, which are in the order of their ranks. The random ones
// are those whose hash with the seed is lowest: each suspect is as likely as any other,
// whatever its rank, so a suspect of a high rank may be among them.
func drawVisits(suspects []rescore.Verdict, visits int, share float64, seed uint64) (list []visit) {
	visits = min(visits, len(suspects))
	order := make([]int, len(suspects))
	lots := make([]uint64, len(suspects))
	for i := range suspects {
		h := fnv.New64a()
		fmt.Fprintf(h, "%d %s", seed, suspects[i].Meter)
		order[i], lots[i] = i, mix(h.Sum64())
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(lots[a], lots[b]), cmp.Compare(suspects[a].Meter, suspects[b].Meter))
	})
	n := min(visits, max(1, int(math.Round(share*float64(visits)))))
	chosen := map[int]bool{}
	for _, i := range order[:min(n, len(order))] {
		chosen[i] = true
		list = append(list, visit{suspects[i], i + 1, true})
	}
	for i := 0; len(list) < visits; i++ {
		if !chosen[i] {
			list = append(list, visit{suspects[i], i + 1, false})
		}
	}
	slices.SortFunc(list, func(a, b visit) int { return cmp.Compare(a.rank, b.rank) })
	return list
}

// mix spreads a hash over all its bits (SplitMix64's last steps): FNV of texts that differ
// in the last character only would sort by that.
func mix(h uint64) uint64 {
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}
