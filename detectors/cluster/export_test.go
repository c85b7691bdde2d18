package cluster

import "github.com/flatwatt/flatwatt"

// Odds shows the log-odds of every node that was judged on the last day.
func (s *Scorer) Odds(show func(flatwatt.MeterID, float64)) {
	for k := range s.cases {
		if x := s.cases[k].LogOdds; x != 0 {
			show(s.nodes[k].id, x)
		}
	}
}

// Rewrap puts another scorer around the one that s wraps.
func Rewrap(s *Scorer, wrap func(flatwatt.Scorer) flatwatt.Scorer) *Scorer {
	s.inner = wrap(s.inner)
	return s
}
