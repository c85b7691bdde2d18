package outside

import (
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/models"
)

// consistency turns mean demand as a share of what was declared into log odds: use as
// declared is what most registered loads show, a miner beside them is use beyond it.
var consistency = models.Curve{Knots: []float64{1.1, 1.3, 1.6, 2.5}, Values: []float64{-2.5, 0, 1, 2}}

const (
	expiredOdds  = .3 // a registration that nobody renewed, while the load runs on
	byDayOdds    = 1  // street lights that burn by day
	nightAtLeast = 3  // night over day of street lights
)

// registered is what a registration says of the use that sc measured.
func registered(all []flatwatt.Registered, sc *flatwatt.Score, end time.Time) (e flatwatt.Evidence, ok bool) {
	var valid, over *flatwatt.Registered
	for i := range all {
		r := &all[i]
		switch {
		case !r.From.IsZero() && !r.From.Before(end):
		case !r.Until.IsZero() && !r.Until.After(sc.Start):
			over = r
		default:
			valid = r
		}
	}
	mean := sc.Features.MeanKW
	switch {
	case valid != nil && valid.KW > 0 && mean == mean:
		ratio := mean / float64(valid.KW)
		e = flatwatt.Evidence{Term: registeredTerm(valid), Value: ratio, LogOdds: consistency.At(ratio)}
		if nd := sc.Features.NightDay; valid.Use == flatwatt.StreetLightUse && nd < nightAtLeast {
			e.LogOdds = max(e.LogOdds, byDayOdds)
			e.Term = byDayTerm(valid)
		}
		return e, true
	case valid == nil && over != nil:
		return flatwatt.Evidence{Term: expiredTerm(over), Value: end.Sub(over.Until).Hours() / 24, LogOdds: expiredOdds}, true
	}
	return e, false
}
