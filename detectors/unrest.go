package detectors

import (
	"math"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/models"
)

// An unrest is by how much the rest of a place, the second lowest day of a week, usually
// differs from that of the week before: little where the same few things always run, much
// where plants come and go. The rise of a block is measured by it.
type unrest struct {
	week      int32        // number of the week that is open
	low, next float32      // lowest and second lowest day of it, kW
	days      float32      // of it
	last      float32      // rest of the week before, kW; known with weeks > 0
	weeks     float32      // closed so far
	move      models.Level // kW
}

var unrestDecay = models.Decay(12) // in weeks

// add takes the floor of a day, kW; NaN is left out.
func (u *unrest) add(today flatwatt.Day, floor float64) {
	if floor != floor {
		return
	}
	x := float32(floor)
	if week := int32(today / 7); week != u.week {
		u.close()
		u.week, u.low, u.next, u.days = week, x, x, 0
	}
	switch {
	case u.days == 0:
		u.low = x
	case x < u.low:
		u.low, u.next = x, u.low
	case u.days == 1 || x < u.next:
		u.next = x
	}
	u.days++
}

// close ends a week with four days or more.
func (u *unrest) close() {
	if u.days < 4 {
		return
	}
	if u.weeks > 0 {
		u.move.Add(math.Abs(float64(u.next-u.last)), unrestDecay, 0.01)
	}
	u.last = u.next
	u.weeks = min(u.weeks+1, 1000)
}
