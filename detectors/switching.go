package detectors

import (
	"cmp"
	"math"
	"slices"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/models"
)

// A switching says when a block on fixed hours is switched on: to the minute by a timer or
// the tariff's clock, by hand within half an hour, with the sun some minutes earlier or
// later every day. It is read from the largest lasting steps of the days since it began.
type switching struct {
	days   int     // on which the step was seen
	at     float64 // local hour, 0 to 24
	spread float64 // robust, hours, about the drift
	drift  float64 // minutes a day
	se     float64 // of drift
}

const (
	switchShare = 0.5 // of the block that the step of a day must have
	switchDays  = 4   // fewest of them
)

// switched reads the switching of a block of so many kW that began on day start; days 0
// where too few steps are seen. Median and quartiles about a least-squares line; a block
// that is switched on around midnight is read on a clock turned by half a day. Cost: 2 µs,
// for blocks on fixed hours only.
func (h *history) switched(start flatwatt.Day, block float64, slots int, w models.Window) (s switching) {
	var day, at [historyDays]float64
	turn := math.Mod(float64(w.Start)+12, 24) // noon of this clock is the window's start
	for d := max(start, h.first); d <= h.last && h.last != 0; d++ {
		if r := &h.days[d%historyDays]; r.edge.Float() >= switchShare*block {
			hour := float64(r.edgeAt) * 24 / float64(slots)
			at[s.days], day[s.days] = math.Mod(hour-turn+24, 24), float64(d-start)
			s.days++
		}
	}
	if s.days < switchDays {
		return switching{}
	}
	n := s.days
	slope, sxx, meanDay, meanAt := line(day[:n], at[:n])
	var rest [historyDays]float64
	for i := range n {
		rest[i] = at[i] - meanAt - slope*(day[i]-meanDay)
	}
	slices.SortFunc(rest[:n], cmp.Compare[float64])
	s.spread = models.MADToSigma * (models.Quantile(rest[:n], 0.75) - models.Quantile(rest[:n], 0.25)) / 2
	s.at = math.Mod(meanAt+turn, 24)
	s.drift, s.se = 60*slope, 60*math.Sqrt((s.spread*s.spread+1e-3)/max(sxx, 1))
	return s
}

// line is the least-squares slope of y on x, Σ (x − mean)², and the means of both, in double
// precision: models.Line, which is kept between days, has single.
func line(x, y []float64) (slope, sxx, meanX, meanY float64) {
	var mx, my models.Mean
	for i := range x {
		mx.Add(x[i], 1)
		my.Add(y[i], 1)
	}
	meanX, meanY = mx.Value(), my.Value()
	sxy := 0.0
	for i := range x {
		sxx += (x[i] - meanX) * (x[i] - meanX)
		sxy += (x[i] - meanX) * (y[i] - meanY)
	}
	return sxy / max(sxx, 1), sxx, meanX, meanY
}

// scheduled is the block on fixed hours that is told of: since when, kW and its hours.
func (j *judgement) scheduled() (start flatwatt.Day, block float64, w models.Window, ok bool) {
	switch s := &j.step; {
	case j.hasBlock() && !j.preferStep():
		return j.c.ep.start, j.block, j.fit.Window, j.fit.Window.Length < alwaysOnHours
	case j.stepped():
		return s.start, s.block, models.Window{Start: s.first * bandHours, Length: s.bands * bandHours}, s.bands < numBands-1
	}
	return 0, 0, w, false
}

// look reads the switching of the block on fixed hours, if there is one.
func (j *judgement) look() {
	if start, block, w, ok := j.scheduled(); ok {
		j.switching = j.c.hist.switched(start, block, j.slotsADay(), w)
	}
}

// measureSwitchSpread is the logarithm of the spread of switching times in hours.
func measureSwitchSpread(j *judgement) float64 {
	if j.switching.days == 0 {
		return math.NaN()
	}
	return math.Log(j.switching.spread + 0.05)
}

// measureSwitchDrift is by how many minutes a day the switching wanders, shrunk towards 0
// by its standard error against a prior spread of one minute.
func measureSwitchDrift(j *judgement) float64 {
	s := &j.switching
	if s.days < 2*switchDays {
		return math.NaN()
	}
	return math.Abs(s.drift) / (1 + s.se*s.se)
}

// measureSwitchTariff is how many hours lie between the switching and the nearest change of
// price of the meter's tariff, at most 3; NaN without a table.
func measureSwitchTariff(j *judgement) float64 {
	if j.tariff == nil || j.switching.days == 0 {
		return math.NaN()
	}
	return min(j.tariff.Boundary(j.switching.at), 3)
}

// measurePrice is the mean price of the block's hours less that of the day, as a share of
// it: a machine that can choose avoids the dear hours. NaN without a table or fixed hours.
func measurePrice(j *judgement) float64 {
	_, _, w, ok := j.scheduled()
	if j.tariff == nil || !ok {
		return math.NaN()
	}
	return j.tariff.Relative(w.Start, w.Length)
}

// cheapBands are the bands of each tariff's cheap hours: all of their price below the mean
// of the day. A tariff all of whose bands, or none, are cheap has no such schedule.
func cheapBands(tariffs flatwatt.Tariffs) map[string][]int {
	all := map[string][]int{}
	for name, t := range tariffs {
		var cheap []int
		for b := range numBands {
			if dear := func(h int) bool { return !(t.Relative(h, 1) < 0) }; !dear(b*bandHours) && !dear(b*bandHours+1) && !dear(b*bandHours+2) {
				cheap = append(cheap, b)
			}
		}
		if n := len(cheap); n > 0 && n < numBands {
			all[name] = inOrder(cheap)
		}
	}
	return all
}

// inOrder turns bands so that the first one follows a dear one: what begins before midnight
// begins there.
func inOrder(bands []int) []int {
	for i, b := range bands {
		if !slices.Contains(bands, (b+numBands-1)%numBands) {
			return append(slices.Clone(bands[i:]), bands[:i]...)
		}
	}
	return bands
}
