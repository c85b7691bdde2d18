package detectors

import (
	"fmt"
	"math"
	"time"

	"github.com/flatwatt/flatwatt"
)

// Widths say how wide intervals must be to cover 90 %, as counted on fleets with known
// miners, apart for what decides how far an estimate is off. The zero value is DefaultWidths.
type Widths struct {
	// Block is the half width in standard errors, by BlockStratum.
	Block [8]float64 `json:"block"`
	// OnsetHours are from and to, in hours after the estimate, by OnsetStratum. What a block
	// on fixed hours adds is not in them: it may have been put there at any time since its
	// hours last ended.
	OnsetHours [6][2]float64 `json:"onset_hours"`
}

// BlockStratum is the index in Widths.Block of a score's block: +1 where it runs on fixed
// hours, +2 where it is older than the data, +4 where its probability is below ½.
func BlockStratum(s *flatwatt.Score) (i int) {
	if s.Schedule != flatwatt.AlwaysOn {
		i++
	}
	if s.Onset.At.IsZero() {
		i += 2
	}
	return i + 4*doubted(s)
}

// doubted is 1 where a score's probability is below ½: what is not believed in is not
// known well either.
func doubted(s *flatwatt.Score) int {
	if s.Probability < 0.5 {
		return 1
	}
	return 0
}

// How an onset shows: one step between readings is the block, one stands out, none does.
const (
	sharpOnset = iota
	seenOnset
	unseenOnset
	onsetKinds
)

// MarkedHours tell in which stratum an interval around an onset was made: the first reaches
// back so far, the second twice as far. What is beyond is what fixed hours add.
const MarkedHours = 100_000

// MarkedWidths give onsets intervals whose stratum OnsetStratum finds. They serve counting only.
func MarkedWidths() Widths {
	w := DefaultWidths()
	for k := range onsetKinds {
		w.OnsetHours[k] = [2]float64{-MarkedHours * float64(k+1), 0}
		w.OnsetHours[k+onsetKinds] = w.OnsetHours[k]
	}
	return w
}

// OnsetStratum is the index in Widths.OnsetHours of a score made with MarkedWidths: how the
// onset shows, +3 where the probability is below ½; −1: it fell into a gap of the data.
func OnsetStratum(s *flatwatt.Score) int {
	kind := int(s.Onset.At.Sub(s.Onset.Low)/(MarkedHours*time.Hour)) - 1
	if kind < 0 {
		return -1
	}
	return kind + onsetKinds*doubted(s)
}

// z90 is the half width of a 90 % interval in standard errors where nothing was counted:
// twice the normal 1.645, as days are not independent.
const z90 = 1.645 * 2

// sharpShare is how much a step may differ from the block that it is said to be.
const sharpShare = 0.15

// DefaultWidths are used where nothing was counted.
func DefaultWidths() Widths {
	var w Widths
	for i := range w.Block {
		w.Block[i] = z90
	}
	w.OnsetHours[unseenOnset] = [2]float64{-72, 24} // it crept in, and the test saw it a little late
	w.OnsetHours[unseenOnset+onsetKinds] = w.OnsetHours[unseenOnset]
	return w
}

// orDefault is w, or the default for the zero value.
func (w Widths) orDefault() Widths {
	if w == (Widths{}) {
		return DefaultWidths()
	}
	return w
}

// upgraded gives w, of an older model file, the strata that it lacks: such a file has two
// for blocks, by age, and three for onsets.
func (w Widths) upgraded() Widths {
	if w.Block[0] > 0 && w.Block[2] == 0 {
		young, old := w.Block[0], w.Block[1]
		w.Block = [8]float64{young, young, old, old, young, young, old, old}
		copy(w.OnsetHours[onsetKinds:], w.OnsetHours[:onsetKinds])
	}
	return w
}

// Validate reports what is wrong with w.
func (w Widths) Validate() error {
	if w == (Widths{}) {
		return nil
	}
	for _, b := range w.Block {
		if !(b > 0 && b < math.Inf(1)) {
			return fmt.Errorf("block: half width of %g standard errors: want a number above 0", b)
		}
	}
	for _, o := range w.OnsetHours {
		if !(o[0] <= 0 && o[1] >= 0 && o[1]-o[0] < math.Inf(1)) {
			return fmt.Errorf("onset_hours: %g to %g: want from ≤ 0 ≤ to", o[0], o[1])
		}
	}
	return nil
}

func hours(h float64) time.Duration { return time.Duration(h * float64(time.Hour)) }
