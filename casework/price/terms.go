package price

import (
	"cmp"
	"slices"

	"github.com/flatwatt/flatwatt/casework/ledger"
)

// A Term is the days on which a project was on the list, which it left again.
type Term struct {
	Listed   string `json:"listed"`
	Delisted string `json:"delisted"` // last day for which it pays
}

// A run is days for which a project pays, and why it does from the first on.
type run struct{ From, To, Why string }

// noEnd is the last day of who is on the list still.
const noEnd = "9999-12-31"

// liable are the days for which a project pays: of each term on the list from where the
// rules of that time begin. Runs that meet are one.
func (s *Schedule) liable(p *ledger.Project, l *Listed) (list []run) {
	for _, t := range append(slices.Clone(l.Earlier), Term{l.Listed, l.Delisted}) {
		from, why := s.Start(p, t.Listed)
		to := cmp.Or(t.Delisted, noEnd)
		if l.Delisted != "" { // an earlier exit that was entered later counts
			to = min(to, l.Delisted)
		}
		if from > to {
			continue
		}
		if n := len(list); n > 0 && (from <= list[n-1].To || from == dayAfter(list[n-1].To)) {
			last := &list[n-1]
			if last.To = max(last.To, to); from < last.From {
				last.From, last.Why = from, why
			}
			continue
		}
		list = append(list, run{from, to, why})
	}
	return list
}

// owed is the first run of days of [from, to] for which a project pays.
func (s *Schedule) owed(p *ledger.Project, l *Listed, from, to string) (run, bool) {
	for _, r := range s.liable(p, l) {
		r.From, r.To = max(r.From, from), min(r.To, to)
		if r.From <= r.To {
			return r, true
		}
	}
	return run{}, false
}
