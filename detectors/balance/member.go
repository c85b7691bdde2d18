package balance

import (
	"math"
	"time"
)

const (
	shortGap   = 2 // intervals that are bridged by a line
	profileDay = 5 // half-life of a member's profile, days
	zeroDays   = 3 // days of zeros after which a meter is believed to stand still
	zeroAbove  = 0.05
)

// A memberState is what is remembered of one meter below one node. It holds no pointers.
type memberState struct {
	Profile [24]float32 // usual demand by hour from midnight, kW
	Spread  [24]float32 // usual deviation of a quarter-hour from it, kW
	Days    uint16      // taken into the profile
	Zeros   uint16      // days in a row on which it read nothing but zero
	Fast    float32     // mean demand over the last days, kW
	Slow    float32     // and over the weeks before anything was suspicious, kW
	SlowDev float32     // mean absolute deviation of a day's mean from it, kW
	Counts  counts
	Factor  float32 // what one kWh of its register is in truth; 0: it is not here
	Delay   float32 // intervals by which its clock is late
	Volt    voltage
}

// repair fills what is missing in a member's day: short gaps by a line, longer ones by
// the profile, whose variance goes to doubt (kW²). Zeros of a meter that never reads zero
// are missing, for zeroDays.
func (m *memberState) repair(d *dayLoad, doubt []float64, step time.Duration) {
	x := d.kw
	if d.plain {
		m.Zeros = 0
		return
	}
	least := m.least()
	if shown := m.countZeros(x); m.Days >= 3 && m.Zeros < zeroDays && least > zeroAbove && !(shown < least/2) {
		for t, v := range x {
			if v == 0 {
				x[t], d.sure[t] = math.NaN(), false
			}
		}
	}
	perHour := int(time.Hour / step)
	for t := 0; t < len(x); t++ {
		if x[t] == x[t] {
			continue
		}
		end := t
		for end < len(x) && x[end] != x[end] {
			end++
		}
		m.fill(x, doubt, t, end, perHour)
		t = end
	}
}

// countZeros counts the days in a row on which nothing but zero was read. It returns the
// mean of what was read besides zeros, NaN if nothing was.
func (m *memberState) countZeros(x []float64) float64 {
	sum, n, zeros := 0.0, 0.0, 0
	for _, v := range x {
		switch {
		case v == 0:
			zeros++
		case v == v:
			sum, n = sum+v, n+1
		}
	}
	if n > 0 {
		m.Zeros = 0
	} else if zeros > 0 {
		m.Zeros = min(m.Zeros+1, 1000)
	}
	return sum / n
}

func (m *memberState) least() float64 {
	low := m.Profile[0]
	for _, v := range m.Profile {
		low = min(low, v)
	}
	return float64(low)
}

func (m *memberState) fill(x, doubt []float64, lo, hi, perHour int) {
	inside := lo > 0 && hi < len(x)
	for t := lo; t < hi; t++ {
		h := min(t/perHour, 23)
		dev := float64(m.Spread[h])
		if inside && hi-lo <= shortGap {
			f := float64(t-lo+1) / float64(hi-lo+1)
			x[t] = x[lo-1] + f*(x[hi]-x[lo-1])
			dev *= .5
		} else if m.Days == 0 {
			x[t] = 0 // never heard: part of the residual since ever
			continue
		} else {
			x[t] = float64(m.Profile[h])
		}
		doubt[t] += dev * dev
	}
}

// takeFrom subtracts the member's true load from rest over [lo, hi): its register by
// factor, its clock by delay.
func (m *memberState) takeFrom(rest, x []float64, lo, hi int) {
	f := float64(m.Factor)
	if m.Delay == 0 {
		for t := lo; t < hi; t++ {
			rest[t] -= f * x[t]
		}
		return
	}
	for t := lo; t < hi; t++ {
		rest[t] -= f * shifted(x, t, float64(m.Delay))
	}
}

// shifted is x at t + by, between intervals by a line.
func shifted(x []float64, t int, by float64) float64 {
	whole := math.Floor(by)
	f, j := by-whole, t+int(whole)
	at := func(i int) float64 { return x[min(max(i, 0), len(x)-1)] }
	return (1-f)*at(j) + f*at(j+1)
}

// learn takes a repaired day into the profile. What was filled teaches nothing new.
func (m *memberState) learn(d *dayLoad, watched bool) {
	if !d.heard {
		return
	}
	x := d.kw
	var sum [24]float64
	var n [24]float64
	h := 0 // t*24/len(x)
	for t, v := range x {
		for t*24 >= (h+1)*len(x) {
			h++
		}
		sum[h] += v
		n[h]++
	}
	m.Days = min(m.Days+1, 1000)
	g := float32(gain(m.Days, profileDay))
	day := 0.0
	for h := range sum {
		if n[h] == 0 {
			continue
		}
		day += sum[h] / n[h] / 24
		e := float32(sum[h]/n[h]) - m.Profile[h]
		m.Profile[h] += g * e
		if m.Days > 1 {
			m.Spread[h] += g * (float32(math.Abs(float64(e))) - m.Spread[h])
		}
	}
	m.Fast += float32(gain(m.Days, 3)) * (float32(day) - m.Fast)
	if !watched {
		e := float32(day) - m.Slow
		m.Slow += float32(gain(m.Days, 20)) * e
		if m.Days > 1 {
			m.SlowDev += float32(gain(m.Days, 20)) * (float32(math.Abs(float64(e))) - m.SlowDev)
		}
	}
}
