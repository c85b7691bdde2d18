package detectors

import (
	"fmt"
	"math"
	"time"
)

// Widths say how wide intervals must be to cover 90 %, as counted on fleets with known
// miners. The zero value is DefaultWidths.
type Widths struct {
	// Block is the half width in standard errors, of blocks that began within the data and
	// of older ones.
	Block [2]float64 `json:"block"`
	// OnsetHours are from and to, in hours after the estimate: where one step between
	// readings is the block, where one stands out, and where none does.
	OnsetHours [3][2]float64 `json:"onset_hours"`
}

// z90 is the half width of a 90 % interval in standard errors where nothing was counted:
// twice the normal 1.645, as days are not independent.
const z90 = 1.645 * 2

// UnseenOnsetSpan is the length of a default interval around an onset at which no step
// stands out: the block crept in, and the test saw it a little late.
const UnseenOnsetSpan = 96 * time.Hour

// sharpShare is how much a step may differ from the block that it is said to be.
const sharpShare = 0.15

// OnsetStratum is the index in OnsetHours of an interval around an onset made without
// widths, for intervals of the given length between readings; −1: of a gap in the data.
func OnsetStratum(span, interval time.Duration) int {
	switch step := max(interval, 15*time.Minute); span {
	case 4 * step:
		return 0
	case 8 * step:
		return 1
	case UnseenOnsetSpan:
		return 2
	}
	return -1
}

// DefaultWidths are used where nothing was counted.
func DefaultWidths() Widths {
	return Widths{Block: [2]float64{z90, z90}, OnsetHours: [3][2]float64{{0, 0}, {0, 0}, {-72, 24}}}
}

// orDefault is w, or the default for the zero value.
func (w Widths) orDefault() Widths {
	if w == (Widths{}) {
		return DefaultWidths()
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
