package flatwatt

import "time"

// SlotOf is the slot of interval seconds in which a reading is kept that begins at t, counted
// from the start of the open day [start, end), Unix seconds. t is one of the open window: not
// before start, and days after it at most, so that 32 bits do, which divide faster. A reading belongs to the
// slot and to the day in which it begins, so that a meter need not begin its intervals at local
// midnight: hours of UTC begin at half past in India. Slots behind end count from end: on a
// day that is no whole number of intervals they lie where the next day looks for them.
func SlotOf(start, end, interval, t int64) int64 {
	n := int64(uint32(t-start) / uint32(interval))
	if start+(n+1)*interval <= end {
		return n
	}
	whole := (end - start) / interval
	if t < end { // in what is left over of such a day: its last slot
		return whole - 1
	}
	return whole + (t-end)/interval
}

// quarter is the interval to which detectors bring finer ones.
const quarter = 15 * time.Minute

// Step is the interval at which detectors look at readings of an interval: finer ones are
// averaged to quarter hours so that noise means the same for every meter, and those that
// do not fill a quarter hour, such as 10 minutes, stay as they are.
func Step(interval time.Duration) time.Duration {
	if interval <= 0 || interval < quarter && quarter%interval == 0 { // 0: not known
		return quarter
	}
	return interval
}
