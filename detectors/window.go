package detectors

import (
	"math"
	"time"

	"github.com/flatwatt/flatwatt"
)

// A slot is one interval of the open day: demand in kW as a float32 whose two lowest
// mantissa bits hold quality+1, so that 0 means missing. The loss is 2⁻²¹ of the
// value, far below any meter's resolution.
type slot uint32

const slotQualityBits = 3

func newSlot(kw float64, q flatwatt.Quality) slot {
	return slot(math.Float32bits(float32(kw))&^slotQualityBits | uint32(min(q, 2)+1))
}

func (s slot) missing() bool { return s&slotQualityBits == 0 }

func (s slot) quality() flatwatt.Quality { return flatwatt.Quality(s&slotQualityBits) - 1 }

func (s slot) kw() float64 { return float64(math.Float32frombits(uint32(s) &^ slotQualityBits)) }

// rank orders qualities by how far they are to be believed.
func rank(q flatwatt.Quality) int {
	switch q {
	case flatwatt.Edited:
		return 2
	case flatwatt.Actual:
		return 1
	default:
		return 0
	}
}

// merge is the slot to keep when two readings claim the same interval, whatever order
// they came in: the better quality, then the smaller demand, which can only make a
// suspect less suspicious. It is commutative and associative.
func merge(a, b slot) slot {
	if a.missing() {
		return b
	}
	if b.missing() {
		return a
	}
	if ra, rb := rank(a.quality()), rank(b.quality()); ra != rb {
		if ra > rb {
			return a
		}
		return b
	}
	if a.kw() <= b.kw() {
		return a
	}
	return b
}

// A zone is the calendar that meters of one time zone share: their open day, and how
// far time has come. A day closes for all its meters at once, when a reading at or
// after local midnight + grace arrives; only then are all peers known.
type zone struct {
	loc      *time.Location
	meters   []int32 // indices into Fleet.meters
	packed   []chunk // memories of those meters
	groups   []int32 // peer groups of those meters
	started  bool
	day      flatwatt.Day
	start    int64 // of the day, Unix seconds
	end      int64
	closes   int64 // end + grace
	filled   bool  // any slot of the open window is filled
	lastSeen int64 // end of the latest slot with a reading
}

// open makes day z's open day.
func (z *zone) open(day flatwatt.Day, grace time.Duration) {
	z.day = day
	z.start = day.Start(z.loc).Unix()
	z.end = (day + 1).Start(z.loc).Unix()
	z.closes = z.end + int64(grace/time.Second)
}

// hours fills dst with the local hour of each of n intervals of the given length from
// the start of the open day. Days of 23 and 25 hours are handled.
func (z *zone) hours(dst []int, n int, length int64) []int {
	dst = dst[:0]
	if z.end-z.start == 86400 {
		for i := range n {
			dst = append(dst, int(int64(i)*length/3600))
		}
		return dst
	}
	for i := range n {
		dst = append(dst, time.Unix(z.start+int64(i)*length, 0).In(z.loc).Hour())
	}
	return dst
}
