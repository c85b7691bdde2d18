package rescore

import (
	"context"
	"iter"

	"github.com/flatwatt/flatwatt"
)

// LiveScores yields what is live: of each score the one that was promoted last.
func (r Runs) LiveScores(ctx context.Context, live Live) iter.Seq2[flatwatt.Score, error] {
	return func(yield func(flatwatt.Score, error) bool) {
		var newer []Spec
		for _, p := range live.Promoted {
			e, _, err := r.Find(ctx, p.Run)
			if err != nil {
				yield(flatwatt.Score{}, err)
				return
			}
			for s, err := range r.Scores(ctx, p.Run) {
				if err == nil && covered(newer, &s) {
					continue
				}
				if !yield(s, err) {
					return
				}
			}
			newer = append(newer, e.Spec)
		}
	}
}

func covered(newer []Spec, s *flatwatt.Score) bool {
	for i := range newer {
		if newer[i].keeps(s) {
			return true
		}
	}
	return false
}

// Covers says which scores a run was asked for, so that it is compared with no others;
// nil, which keeps all, for a name that is no run's.
func (r Runs) Covers(ctx context.Context, id string) (func(*flatwatt.Score) bool, error) {
	e, ok, err := r.Find(ctx, id)
	if err != nil || !ok {
		return nil, err
	}
	return e.Spec.keeps, nil
}
