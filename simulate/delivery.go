package simulate

import (
	"math/rand/v2"
	"time"

	"github.com/flatwatt/flatwatt"
)

// A Delivery is an irregularity in how one day of one meter reaches the head-end:
// its readings come late, twice, or both. Days without one come once and on time.
type Delivery struct {
	Meter    flatwatt.MeterID
	From, To time.Time // readings whose Start lies in [From, To): one civil day
	LateDays int       // whole days after the usual delivery; 0: on time
	Twice    bool      // delivered on time as well, and once more LateDays later
	Shuffled bool      // the readings come in no order
}

// Deliveries are the irregular days of meter i, in time order; a pure function of
// the seed and i, like Series.
func (g *Generator) Deliveries(i int) (list []Delivery) {
	r := stream(g.cfg.Seed, uint64(i)|1<<45, forFaults)
	for k := range g.cal.days {
		late, twice, shuffled := chance(r, g.cfg.Faults.LateDays), chance(r, g.cfg.Faults.Duplicate), chance(r, .5)
		days := 0
		if late || twice && chance(r, .5) {
			days = 1 + r.IntN(5)
		}
		if !late && !twice {
			continue
		}
		day := flatwatt.DayOf(g.cal.days[k].date, g.zone)
		list = append(list, Delivery{Meter: g.meters[i].ID, From: day.Start(g.zone), To: (day + 1).Start(g.zone),
			LateDays: days, Twice: twice, Shuffled: shuffled})
	}
	return list
}

// Shuffle puts readings into an order of its own, the same for the same day of the
// same meter.
func (d Delivery) Shuffle(readings []flatwatt.Reading) {
	if !d.Shuffled {
		return
	}
	r := rand.New(rand.NewPCG(hashString(string(d.Meter)), uint64(d.From.Unix())))
	r.Shuffle(len(readings), func(a, b int) { readings[a], readings[b] = readings[b], readings[a] })
}
