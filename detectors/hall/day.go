package hall

import (
	"math"
	"slices"
	"time"

	"github.com/flatwatt/flatwatt"
)

// A day is what is kept of one day of one hall. Powers in kW, NaN where not known. It
// holds no pointers, so that a checkpoint is one copy.
type day struct {
	Day     int32
	Level   float32        // median
	Noise   float32        // typical change between quarter-hours, share of the level
	HourKW  [hours]float32 // means by local hour
	HourC   [hours]float32 // outdoor, °C
	Dips    [maxDips]dip
	DipsN   int32
	Quarter int32 // minutes of an interval of the dips
}

const maxDips = 6

// A dip is a time during which a hall took less than half to two thirds of its level.
type dip struct {
	From    float32 // local hours
	Hours   float32 // length, cut at midnight
	Left    float32 // lowest share of the level
	Missing float32 // mean shortfall in the hour after it, share of the level; negative: more than the level; NaN: not known
}

// remember reduces the open day of hall i; false where there is nothing to judge.
func (s *Scorer) remember(i int32, z *zone) bool {
	p, st := &s.halls[i], &s.state[i]
	n := int((z.end - z.start) / int64(p.meter.Interval/time.Second))
	step := flatwatt.Step(p.meter.Interval)
	kw := s.work.coarse(s.slots[p.lo:p.lo+int32(n)], int(step/p.meter.Interval))
	minutes := int(step / time.Minute)
	known := s.work.sorted[:0]
	for _, v := range kw {
		if v == v {
			known = append(known, v)
		}
	}
	s.work.sorted = known
	if 2*len(known) < len(kw) || len(kw) == 0 {
		return false
	}
	if st.Days == nil && slices.Max(known) < leastOf(p) { // as most are: their level need not be known
		return false
	}
	slices.Sort(known)
	d := day{Day: int32(z.day), Level: float32(quantile(known, .5)), Quarter: int32(minutes), Noise: nan32}
	if st.Days == nil {
		if float64(d.Level) < leastOf(p) {
			return false
		}
		st.Days = make([]day, 0, History)
	}
	s.byHour(&d, p, z, kw, minutes)
	d.noise(kw, &s.work)
	d.findDips(kw, minutes, quantile(known, .75), st)
	if len(st.Days) < History {
		st.Days = append(st.Days, d)
	} else {
		st.Days[st.Count%History] = d
	}
	st.Count++
	return true
}

// coarse averages runs of k intervals; one with a missing value is missing.
func (wk *work) coarse(slots []float32, k int) []float64 {
	wk.kw = wk.kw[:0]
	for i := 0; i+k <= len(slots); i += k {
		sum := 0.0
		for _, v := range slots[i : i+k] {
			sum += float64(v)
		}
		wk.kw = append(wk.kw, sum/float64(k))
	}
	return wk.kw
}

// byHour fills in the hourly means and temperatures. On a day of 25 hours the hour that
// comes twice counts once.
func (s *Scorer) byHour(d *day, p *place, z *zone, kw []float64, minutes int) {
	var sum, n [hours]float64
	hour, next := 0, 0 // local hour, and the minute of the day at which it is asked for again
	for i, v := range kw {
		if i*minutes >= next {
			hour = time.Unix(z.start+int64(i*minutes*60), 0).In(z.loc).Hour()
			next = i*minutes/60*60 + 60
		}
		if h := hour; v == v {
			sum[h], n[h] = sum[h]+v, n[h]+1
		}
	}
	for h := range hours {
		d.HourKW[h], d.HourC[h] = nan32, nan32
		if n[h] > 0 {
			d.HourKW[h] = float32(sum[h] / n[h])
		}
		if s.weather == nil {
			continue
		}
		if c, ok := s.weather.TemperatureC(p.meter.Region, time.Unix(z.start+int64(h)*3600+1800, 0).UTC()); ok {
			d.HourC[h] = float32(c)
		}
	}
}

// noise is the median change between neighbouring intervals, of a normal distribution its
// standard deviation.
func (d *day) noise(kw []float64, wk *work) {
	wk.sorted = wk.sorted[:0]
	for i := 1; i < len(kw); i++ {
		if e := math.Abs(kw[i] - kw[i-1]); e == e {
			wk.sorted = append(wk.sorted, e)
		}
	}
	if len(wk.sorted) < 12 || d.Level <= 0 {
		return
	}
	slices.Sort(wk.sorted)
	d.Noise = float32(quantile(wk.sorted, .5) / .954 / float64(d.Level)) // .6745·√2
}

// findDips notes the times below two thirds of the level at which the hall usually runs.
func (d *day) findDips(kw []float64, minutes int, upper float64, st *state) {
	level := upper
	if n := len(st.Days); n > 0 { // a day that mostly stands still is measured by the day before
		if before := float64(st.Days[(int(st.Count)-1)%n].Level); upper < before/2 {
			level = before
		}
	}
	if level <= 0 {
		return
	}
	per := float64(minutes) / 60
	for i := 0; i < len(kw); i++ {
		if !(kw[i] < level*2/3) {
			continue
		}
		j, low := i, kw[i]
		for ; j < len(kw) && !(kw[j] >= level*2/3); j++ {
			if kw[j] < low {
				low = kw[j]
			}
		}
		if d.DipsN < maxDips {
			d.Dips[d.DipsN] = dip{float32(float64(i) * per), float32(float64(j-i) * per), float32(max(0, low) / level), missing(kw, j, int(1/per), level)}
			d.DipsN++
		}
		i = j
	}
}

// missing is the mean shortfall in the hour from interval j+1 on; the interval in which
// power came back is left out.
func missing(kw []float64, j, n int, level float64) float32 {
	sum, count := 0.0, 0.0
	for i := j + 1; i < min(len(kw), j+1+max(n, 1)); i++ {
		if kw[i] == kw[i] {
			sum, count = sum+1-kw[i]/level, count+1
		}
	}
	if count == 0 {
		return nan32
	}
	return float32(sum / count)
}

// quantile of a sorted list, linear between its members.
func quantile(x []float64, q float64) float64 {
	if len(x) == 0 {
		return nan
	}
	at := q * float64(len(x)-1)
	k := int(at)
	if k+1 == len(x) {
		return x[k]
	}
	return x[k] + (at-float64(k))*(x[k+1]-x[k])
}

// weekday says whether a day is one from Monday to Friday.
func weekday(d int32) bool {
	w := time.Unix(int64(d)*86400, 0).UTC().Weekday()
	return w != time.Saturday && w != time.Sunday
}

// first is the earliest and last the latest day remembered; at counts from the earliest.
func (st *state) at(k int) *day {
	if len(st.Days) < History {
		return &st.Days[k]
	}
	return &st.Days[(int(st.Count)+k)%History]
}
