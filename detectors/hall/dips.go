package hall

import (
	"math"
	"slices"
)

// isTest says whether a dip may be a test of the generator: half an hour to two hours in
// office hours of a working day, by all feeds or one of two.
func isTest(d *day, x *dip) bool {
	return weekday(d.Day) && x.From >= 8 && x.From < 17 && x.Hours > .3 && x.Hours <= 2.01
}

// isCurtailment says whether a dip may be a standstill at a dear hour: nothing runs for an
// hour or more of the afternoon or evening.
func isCurtailment(x *dip) bool {
	return x.Left < .2 && x.Hours >= 1 && x.From >= 13.5 && x.From < 22 && x.Hours < 10
}

// eachDip calls f for every dip of the days on which the hall was running.
func (v *view) eachDip(f func(d *day, x *dip)) {
	for k := range v.n {
		d := v.st.at(k)
		for i := range d.DipsN {
			f(d, &d.Dips[i])
		}
	}
}

// months is how long the hall was watched while it ran.
func (v *view) months() float64 {
	n := 0.0
	for k := range v.n {
		if float64(v.st.at(k).Level) > onShare*v.level {
			n++
		}
	}
	return n / 30.4
}

// curtailments are standstills at dear hours a month; tests that look alike are not counted.
func curtailments(v *view) float64 {
	n := 0.0
	v.eachDip(func(d *day, x *dip) {
		if isCurtailment(x) && !(isTest(d, x) && x.Hours < 1.6) {
			n++
		}
	})
	return n / max(1, v.months())
}

// tests says how much the dips of office hours look like tests of a generator: the number
// of those that keep a beat of months, at the same day of the month or of the week.
func tests(v *view) float64 {
	days := v.wk.list[:0]
	v.eachDip(func(d *day, x *dip) {
		if isTest(d, x) {
			days = append(days, float64(d.Day))
		}
	})
	v.wk.list = days
	days = slices.Compact(days)
	beat := 0.0
	for i := range days {
		for j := range i {
			gap := days[i] - days[j]
			if months := math.Round(gap / 30.4); months >= 1 && months <= 3 && math.Abs(gap-30.4*months) <= 3.5 {
				beat++
				break
			}
		}
	}
	if len(days) == 0 && v.months() < 2 {
		return nan
	}
	if crowd := float64(len(days)) / max(1, v.months()); crowd > 2 {
		return 0 // so many keep any beat
	}
	if beat > 0 {
		beat++ // the first of them
	}
	if o := outages(v); o == o { // failures fall into office hours too, some in a beat
		beat = max(0, beat-1.5*o)
	}
	return beat
}

// outages are failures of the supply a month: nothing runs, and it is neither a test nor a
// dear hour. A hall with batteries and a generator shows hardly any.
func outages(v *view) float64 {
	if v.months() < 1 {
		return nan
	}
	n := 0.0
	v.eachDip(func(d *day, x *dip) {
		if x.Left < .2 && !isTest(d, x) && !isCurtailment(x) && x.Hours < 12 {
			n++
		}
	})
	return n / v.months()
}

// partial are falls to a third or a half a month, as when jobs end: no farm does that.
func partial(v *view) float64 {
	n := 0.0
	v.eachDip(func(d *day, x *dip) {
		if x.Left > .25 {
			n++
		}
	})
	return n / max(1, v.months())
}

// recovery is the median shortfall in the hour after a standstill: machines come back one
// after another, batteries are charged.
func recovery(v *view) float64 {
	x := v.wk.list[:0]
	v.eachDip(func(_ *day, p *dip) {
		if p.Left < .2 && p.Missing == p.Missing && p.Missing < .4 {
			x = append(x, float64(p.Missing))
		}
	})
	v.wk.list = x
	if len(x) < 2 {
		return nan
	}
	slices.Sort(x)
	return quantile(x, .5)
}

// steps counts changes of the level by more than 8 % from one day to the next that last
// three days, falls only: halls grow, farms change the mode of all machines.
func steps(v *view) float64 {
	n, last := 0.0, int32(math.MinInt32)
	for k := 3; k+3 <= v.n; k++ {
		d := v.st.at(k)
		if v.st.at(k+2).Day-v.st.at(k-3).Day != 5 || d.Day-last < 3 {
			continue
		}
		lo, hi := math.Inf(1), 0.0
		for j := range 3 {
			lo, hi = min(lo, float64(v.st.at(k-3+j).Level)), max(hi, float64(v.st.at(k+j).Level))
		}
		least := math.Inf(1)
		for j := range 3 {
			least = min(least, float64(v.st.at(k+j).Level))
		}
		if lo > .35*v.level && least > .35*v.level && hi < .92*lo {
			n, last = n+1, d.Day
		}
	}
	return n
}

// season is how many days on end the hall stood still, where it ran at full power before or after.
func season(v *view) float64 {
	top, off, most, on := v.top, 0.0, 0.0, 0.0
	for k := range v.n {
		if float64(v.st.at(k).Level) < .15*top {
			off++
			most = max(most, off)
			continue
		}
		off = 0
		if float64(v.st.at(k).Level) > .6*top {
			on++
		}
	}
	if on < 20 || float64(v.st.at(0).Level) < .15*top && most == leading(v, top) {
		return 0 // it had not begun yet
	}
	return most
}

// leading is how many days the hall stood still from the first one remembered on.
func leading(v *view, top float64) (n float64) {
	for k := range v.n {
		if float64(v.st.at(k).Level) >= .15*top {
			break
		}
		n++
	}
	return n
}

// halved is by how much the hall fell for good within two months of a halving of the
// subsidy: the share lost from the month before to the month that is 60 days later.
func halved(v *view) float64 {
	for _, w := range v.coin {
		if !w.Halving {
			continue
		}
		at := int32(w.Start.Unix() / 86400)
		before, n0 := v.meanLevel(at-28, at)
		after, n1 := v.meanLevel(at+40, at+75)
		if n0 >= 14 && n1 >= 14 && before > onShare*v.top {
			return 1 - after/before
		}
	}
	return nan
}

// meanLevel is the median of the days' levels in [from, to) and their number.
func (v *view) meanLevel(from, to int32) (float64, int) {
	x := v.wk.list[:0]
	for k := range v.n {
		if d := v.st.at(k); d.Day >= from && d.Day < to {
			x = append(x, float64(d.Level))
		}
	}
	v.wk.list = x
	slices.Sort(x)
	return quantile(x, .5), len(x)
}

// pays is the correlation of the monthly level with what a machine earns, price over
// difficulty, halved where the subsidy was: over at least five months.
func pays(v *view) float64 {
	var sx, sy, sxx, syy, sxy, n float64
	for from := v.st.at(0).Day; from+30 <= v.today; from += 30 {
		level, days := v.meanLevel(from, from+30)
		earn, ok := v.earns(from, from+30)
		if days < 15 || !ok || !(level > .02*v.level) {
			continue
		}
		x, y := math.Log(earn), math.Log(level)
		sx, sy, sxx, syy, sxy, n = sx+x, sy+y, sxx+x*x, syy+y*y, sxy+x*y, n+1
	}
	vx, vy := sxx-sx*sx/n, syy-sy*sy/n
	if n < 5 || vx <= 0 || vy < n*1e-4 { // a level that does not move says nothing
		return nan
	}
	return (sxy - sx*sy/n) / math.Sqrt(vx*vy)
}

// earns is the mean revenue of a machine in [from, to), in a unit of its own.
func (v *view) earns(from, to int32) (mean float64, ok bool) {
	subsidy, sum, n := 1.0, 0.0, 0.0
	for _, w := range v.coin {
		if w.Halving {
			subsidy /= 2
		}
		if d := int32(w.Start.Unix() / 86400); d >= from && d < to && w.Difficulty > 0 {
			sum, n = sum+w.Price/w.Difficulty*subsidy, n+1
		}
	}
	return sum / n, n > 0 && sum > 0
}
