package detectors

import (
	"math"
	"slices"
	"sort"
	"time"

	"github.com/flatwatt/flatwatt"
)

// A Call asks a customer to do with less from Start until End: curtailment, an interruptible
// contract, a local shortage.
type Call struct {
	Meter      flatwatt.MeterID
	Start, End time.Time
}

// calls are the calls by meter, in order of time.
type calls map[flatwatt.MeterID][]Call

func newCalls(list []Call) calls {
	if len(list) == 0 {
		return nil
	}
	c := calls{}
	for _, one := range list {
		c[one.Meter] = append(c[one.Meter], one)
	}
	for _, all := range c {
		slices.SortFunc(all, func(a, b Call) int { return a.Start.Compare(b.Start) })
	}
	return c
}

// called says which local hours of a day lie wholly within calls to a meter; any false
// where none does.
func (c calls) called(id flatwatt.MeterID, z *zone) (hours [24]bool, any bool) {
	all := c[id]
	from, to := time.Unix(z.start, 0), time.Unix(z.end, 0)
	i := sort.Search(len(all), func(i int) bool { return all[i].End.After(from) })
	for ; i < len(all) && all[i].Start.Before(to); i++ {
		for at := from; at.Before(to); at = at.Add(time.Hour) {
			if !at.Before(all[i].Start) && !at.Add(time.Hour).After(all[i].End) {
				h := at.In(z.loc).Hour()
				hours[h], any = true, true
			}
		}
	}
	return hours, any
}

// shed takes into the episode which share of its block was gone in the hours of calls, and
// takes these hours out of the day: a block that answers has not ended.
func (f *Fleet) shed(c *customer, d *day, i int32, z *zone) {
	if f.calls == nil {
		return
	}
	hours, any := f.calls.called(f.register.ids[i], z)
	if !any {
		return
	}
	e := &c.ep
	for h, in := range hours {
		if !in {
			continue
		}
		if block := float64(e.block[e.lead].Mu); e.phase == open && block > 0 {
			loc, _ := c.baseline(weekend(z.day), h)
			gone := 1 - (d.z[h]-loc)/block
			e.shed.Add(min(max(gone, -1), 2), blockDecay)
		}
		d.z[h] = math.NaN()
	}
	for m := range numMasks {
		d.floor[m] = maskFloor(&d.z, m)
	}
}

// measureShed is the share of the block that was gone while its customer was called to do
// with less: mining answers at once and wholly, refrigeration and pumps in part, a server
// room never. NaN without calls while it ran.
func measureShed(j *judgement) float64 { return j.has(j.c.ep.shed.Value()) }
