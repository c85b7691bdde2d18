package detectors

import (
	"math"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/models"
)

// What is kept of a meter's last days, so that a step can be looked for in all of them at
// once, whatever an earlier rise has done to the baseline.
const (
	historyDays = 42
	numBands    = 8 // of three hours
	bandHours   = models.Hours / numBands
)

// A dayRecord is one day in 28 bytes. Powers are kW, less what peers did together.
type dayRecord struct {
	floor    [numBands]models.Half // lowest hourly floor of the band
	mean     models.Half
	noise    models.Half
	active   models.Half // at the floor
	reactive models.Half // at the floor, kvar
	edge     models.Half // largest lasting step
	edgeAt   uint16      // slot after it
}

var unknownDay = func() (r dayRecord) {
	for b := range r.floor {
		r.floor[b] = models.HalfNaN
	}
	r.mean, r.noise, r.active, r.reactive = models.HalfNaN, models.HalfNaN, models.HalfNaN, models.HalfNaN
	return r
}()

// A history is a ring of days; the slot of a day is its number modulo historyDays.
type history struct {
	first, last flatwatt.Day // kept; last 0 = none
	days        [historyDays]dayRecord
}

// push takes a day into h. Days between the last one and this are unknown.
func (h *history) push(today flatwatt.Day, r dayRecord) {
	if h.last == 0 || today <= h.last || today-h.last >= historyDays {
		h.first, h.last = today, today-1
	}
	for d := h.last + 1; d < today; d++ {
		h.days[d%historyDays] = unknownDay
	}
	h.days[today%historyDays] = r
	h.last = today
	h.first = max(h.first, today-historyDays+1)
}

// record reduces a day for the history.
func (d *day) record(p *part) (r dayRecord) {
	common := 0.0
	if p.ready {
		common = p.kappa[maskAll] * p.sigma[maskAll]
	}
	for b := range r.floor {
		low, known := math.Inf(1), 0
		for _, z := range d.z[b*bandHours : (b+1)*bandHours] {
			if z == z {
				low, known = min(low, z), known+1
			}
		}
		r.floor[b] = models.HalfNaN
		if known >= bandHours-1 {
			r.floor[b] = models.ToHalf(low - common)
		}
	}
	r.mean, r.noise = models.ToHalf(d.mean-common), models.ToHalf(d.noise)
	r.active, r.reactive = models.ToHalf(d.pFloor), models.ToHalf(d.qFloor)
	if d.edgeAt >= 0 {
		r.edge, r.edgeAt = models.ToHalf(d.edgeKW), uint16(d.edgeAt)
	}
	return r
}
