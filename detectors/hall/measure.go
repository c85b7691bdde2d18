package hall

import (
	"math"
	"slices"
)

const (
	leastDays  = 14 // before that nothing is said
	recentDays = 28
	onShare    = .5 // of the level, from which an hour counts as running
)

// work is scratch that is used again.
type work struct {
	kw, sorted, list []float64
	profile          [hours][]float64
	dx, dy           []float64
}

// A view is what all terms measure: the remembered days of one hall, oldest first.
type view struct {
	st         *state
	n          int // days
	today      int32
	contracted float64
	level      float64 // kW at which it runs: upper tenth of the days' medians of the last 28
	mean       float64 // kW over the last 28 days
	top        float64 // upper tenth of the days' medians over all that is remembered, kW
	factor     float64 // loadFactor, once it was asked for; 0: it was not
	coin       []Week
	slope      float64 // % per °C above the knee; NaN: not known
	knee       float64 // gain of a knee over a line, log likelihood
	wk         *work
}

// look makes the view of st; ok is false where the days are too few.
func (wk *work) look(st *state, today int32) (v view, ok bool) {
	v = view{st: st, n: len(st.Days), today: today, slope: nan, wk: wk}
	wk.list = wk.list[:0]
	sum, n := 0.0, 0.0
	for k := range v.n {
		d := st.at(k)
		if today-d.Day >= recentDays {
			continue
		}
		wk.list = append(wk.list, float64(d.Level))
		for _, x := range d.HourKW {
			if x == x {
				sum, n = sum+float64(x), n+1
			}
		}
	}
	if v.n < leastDays || len(wk.list) < leastDays/2 {
		return v, false
	}
	slices.Sort(wk.list)
	v.level, v.mean = quantile(wk.list, .9), sum/n
	return v, true
}

// highest is the upper tenth of the days' medians over all that is remembered.
func (v *view) highest() float64 {
	x := v.wk.list[:0]
	for k := range v.n {
		x = append(x, float64(v.st.at(k).Level))
	}
	slices.Sort(x)
	v.wk.list = x
	return quantile(x, .9)
}

// runs lists the hours of the last days that run, as kW.
func (v *view) runs(days int32) []float64 {
	x := v.wk.list[:0]
	for k := range v.n {
		d := v.st.at(k)
		if v.today-d.Day >= days {
			continue
		}
		for _, kw := range d.HourKW {
			if float64(kw) > onShare*float64(d.Level) && float64(d.Level) > onShare*v.level {
				x = append(x, float64(kw))
			}
		}
	}
	v.wk.list = x
	return x
}

// ragged says cheaply of most loads that are no halls that they are none: their running hours
// have a mean far below their highest.
func (v *view) ragged() bool {
	sum, n, top := 0.0, 0.0, 0.0
	for k := max(0, v.n-recentDays); k < v.n; k++ {
		d := v.st.at(k)
		for _, x := range d.HourKW {
			if kw := float64(x); kw > onShare*float64(d.Level) {
				sum, n, top = sum+kw, n+1, max(top, kw)
			}
		}
	}
	return sum < raggedShare*top*n
}

// raggedShare is below flatEnough, for the highest hour stands above the 99.5 % quantile.
const raggedShare = .55

// notFlat says without sorting of most loads whose load factor is below flatEnough that it is:
// the 99.5 % quantile of at most 672 hours is no less than the eighth highest.
func (v *view) notFlat() bool {
	x := v.runs(recentDays)
	if len(x) < 7*hours {
		return true // loadFactor is NaN
	}
	var high [8]float64 // the highest hours, the lowest of them first
	sum := 0.0
	for _, kw := range x {
		if sum += kw; kw > high[0] {
			k := 1
			for ; k < len(high) && high[k] < kw; k++ {
				high[k-1] = high[k]
			}
			high[k-1] = kw
		}
	}
	return sum < (flatEnough-1e-9)*high[0]*float64(len(x))
}

// loadFactor is the mean of the running hours over their 99.5 % quantile; NaN below a week of them.
func loadFactor(v *view) float64 {
	if v.factor != 0 {
		return v.factor
	}
	x := v.runs(recentDays)
	if v.factor = nan; len(x) < 7*hours {
		return nan
	}
	slices.Sort(x)
	sum := 0.0
	for _, kw := range x {
		sum += kw
	}
	v.factor = sum / float64(len(x)) / quantile(x, .995)
	return v.factor
}

// use is the highest level as a share of what was contracted.
func use(v *view) float64 {
	if v.contracted <= 0 {
		return nan
	}
	return max(v.level, v.top) / v.contracted
}

// ramp is how many days a hall that began in the data took from 15 to 85 % of its level.
func ramp(v *view) float64 {
	top := v.top
	first := v.st.at(0)
	if v.n < 60 || float64(first.Level) > .15*top || v.today-first.Day < 60 {
		return nan
	}
	from := int32(-1)
	for k := range v.n {
		d := v.st.at(k)
		if l := float64(d.Level); from < 0 && l > .15*top {
			from = d.Day
		} else if from >= 0 && l > .85*top {
			if v.today-d.Day < 30 {
				return nan // it may rise on
			}
			return float64(d.Day - from)
		}
	}
	return nan
}

// response fits the change of a day's mean from one day to the next on the change of
// max(0, °C − knee), by Huber's weights: steps of the load are outliers there.
func (v *view) response() {
	best, line, slope := math.Inf(1), math.Inf(1), nan
	for _, knee := range []float64{-60, 6, 8, 10, 12, 14, 16, 18} {
		b, se, cost, n := v.fit(knee)
		if n < 20 || !(se < .25) {
			continue
		}
		if knee == -60 {
			line = cost
			best, slope = cost, b
			continue
		}
		if cost < best {
			best, slope = cost, b
		}
	}
	v.slope = 100 * slope
	if !math.IsInf(line, 1) {
		v.knee = min(line-best, 20)
	}
}

// fit is the slope for one knee, relative per °C, with its error in % per °C and the
// log likelihood's loss in units of the residuals' own scale.
func (v *view) fit(knee float64) (slope, se, cost float64, n int) {
	wk := v.wk
	wk.dx, wk.dy = wk.dx[:0], wk.dy[:0]
	px, py, last := nan, nan, int32(math.MinInt32)
	for k := range v.n {
		d := v.st.at(k)
		x, y := d.warmth(knee)
		if d.Day == last+1 {
			if dx, dy := x-px, y-py; dx == dx && dy == dy && math.Abs(dy) < .15 {
				wk.dx, wk.dy = append(wk.dx, dx), append(wk.dy, dy)
			}
		}
		px, py, last = x, y, d.Day
	}
	n = len(wk.dx)
	if n < 20 {
		return nan, nan, nan, n
	}
	for range 8 {
		scale := wk.scale(slope)
		var xx, xy float64
		for i, x := range wk.dx {
			w := min(1, 1.5*scale/max(1e-9, math.Abs(wk.dy[i]-slope*x)))
			xx, xy = xx+w*x*x, xy+w*x*wk.dy[i]
		}
		if xx < 1 {
			return nan, nan, nan, n
		}
		slope, se = xy/xx, 100*scale/math.Sqrt(xx)
	}
	for i, x := range wk.dx {
		cost += math.Abs(wk.dy[i] - slope*x)
	}
	return slope, se, float64(n) * math.Log(cost/float64(n)), n
}

// scale is the robust spread of the residuals.
func (wk *work) scale(slope float64) float64 {
	r := wk.sorted[:0]
	for i, x := range wk.dx {
		r = append(r, math.Abs(wk.dy[i]-slope*x))
	}
	slices.Sort(r)
	wk.sorted = r
	return max(1e-5, 1.4826*quantile(r, .5))
}

// warmth is a day's mean of max(0, °C − knee) and the logarithm of its load, over running hours.
func (d *day) warmth(knee float64) (x, y float64) {
	n := 0.0
	for h, kw := range d.HourKW {
		if c := float64(d.HourC[h]); float64(kw) > onShare*float64(d.Level) && c == c {
			x, y, n = x+max(0, c-knee), y+float64(kw), n+1
		}
	}
	if n < 18 || y <= 0 {
		return nan, nan
	}
	return x / n, math.Log(y / n)
}

// amplitude is how much the hours of a working day differ, the weather's part taken out:
// the mean of the upper third of the hours less that of the lower third.
func amplitude(v *view) float64 {
	base := 0.0
	for h := range hours {
		v.wk.profile[h] = v.wk.profile[h][:0]
	}
	slope := 0.0
	if v.slope == v.slope {
		slope = v.slope / 100
	}
	for k := range v.n {
		d := v.st.at(k)
		if v.today-d.Day >= recentDays || !weekday(d.Day) || !(float64(d.Level) > onShare*v.level) {
			continue
		}
		for h, kw := range d.HourKW {
			if x := float64(kw) / float64(d.Level); x > onShare {
				if c := float64(d.HourC[h]); c == c {
					x -= slope * (c - float64(d.HourC[12]))
				}
				if x == x {
					v.wk.profile[h] = append(v.wk.profile[h], x)
				}
			}
		}
	}
	x := v.wk.list[:0]
	for h := range hours {
		if p := v.wk.profile[h]; len(p) >= 5 {
			slices.Sort(p)
			x = append(x, quantile(p, .5))
		}
	}
	v.wk.list = x
	if len(x) < 16 {
		return nan
	}
	slices.Sort(x)
	third := len(x) / 3
	for i := range third {
		base += x[len(x)-1-i] - x[i]
	}
	return base / float64(third)
}

// week is the mean of working days over that of the days of rest beside them, less 1: the
// median over eight weeks, so that a step of the load says nothing.
func week(v *view) float64 {
	x := v.wk.list[:0]
	var sum, n [2]float64
	at := int32(math.MinInt32)
	take := func() {
		if n[0] >= 4 && n[1] == 2 {
			x = append(x, sum[0]/n[0]-sum[1]/n[1])
		}
		sum, n = [2]float64{}, [2]float64{}
	}
	for k := range v.n {
		d := v.st.at(k)
		if v.today-d.Day >= 2*recentDays || !(float64(d.Level) > onShare*v.level) {
			continue
		}
		if of := (d.Day + 3) / 7; of != at { // 1970-01-01 was a Thursday: weeks begin on Mondays
			take()
			at = of
		}
		side := 0
		if !weekday(d.Day) {
			side = 1
		}
		sum[side], n[side] = sum[side]+math.Log(float64(d.Level)), n[side]+1
	}
	take()
	v.wk.list = x
	if len(x) < 2 {
		return nan
	}
	slices.Sort(x)
	return math.Exp(quantile(x, .5)) - 1
}
