package plant

import (
	"slices"

	"github.com/flatwatt/flatwatt"
)

// byHour estimates the deficit of each hour and from it the hours at which it runs.
func (s *Scorer) byHour(i int32, z *zone, f *finding) {
	wk := &s.work
	from, to := f.day[f.from], f.day[f.to-1]
	for h := range hoursPer {
		q := &wk.part
		s.gatherHour(q, i, z, h)
		f.profile[h] = nan
		st := step{}
		for k, d := range q.day {
			if d < from {
				st.from = k + 1
			}
			if d <= to {
				st.to = k + 1
			}
		}
		wk.fit.even(len(q.y))
		wk.fit.rho = min(wk.fit.rho, .8)
		if len(q.y) < leastDays || st.to-st.from < 3 || !wk.fit.load(q) {
			continue
		}
		f.profile[h] = wk.fit.try(st.from, st.to).deficit
	}
	f.choose()
	f.block = flatwatt.Estimate{Value: f.deficit, Low: f.deficit - 1.64*f.se, High: f.deficit + 1.64*f.se}
	f.block.Low = max(f.block.Low, 0)
}

// gatherHour is gather for one hour, with peers and water only.
func (s *Scorer) gatherHour(q *series, i int32, z *zone, h int) {
	q.reset()
	c, days := s.capacity(i), int(min(z.count, History))
	q.p = 3
	for d := range days {
		at := z.row(i, days-d)
		y, v := s.exported(i, float64(s.hours[at*hoursPer+h]))/c, float64(s.peers[at*hoursPer+h])
		if y == y && v == v && !standing(y, v) {
			q.day, q.y, q.x = append(q.day, d), append(q.y, y), append(q.x, [maxColumns]float64{1, v, v * v})
		}
	}
}

// choose says at which hours the deficit runs: all, or those above half of its window's
// level that hang together with the window.
func (f *finding) choose() {
	level := mean{}
	for h, d := range f.profile {
		if f.hours[h] = f.window.has(h); f.hours[h] && d == d {
			level.add(d)
		}
	}
	if f.window.name == "24x7" || level.n == 0 {
		return
	}
	for _, dir := range []int{-1, 1} {
		h := f.window.from
		if dir > 0 {
			h = (f.window.to + hoursPer - 1) % hoursPer
		}
		for range hoursPer {
			h = (h + dir + hoursPer) % hoursPer
			if f.hours[h] || !(f.profile[h] > level.value()/2) {
				break
			}
			f.hours[h] = true
		}
	}
}

// allDay takes the size of a block from all hours where it was told by the night but runs
// by day as well: then the plant's own day lacks it too and hides a part.
func (f *finding) allDay(s *Scorer, i int32, z *zone) {
	n := 0
	for _, on := range f.hours {
		if on {
			n++
		}
	}
	if _, whole := f.overHours(); f.window.name != "night" || n < hoursPer && !(whole > allDayFrom) {
		return
	}
	q := &s.work.all
	s.gather(q, i, z, windows[0])
	if _, ok := s.work.search(q); !ok {
		return
	}
	from, _ := slices.BinarySearch(q.day, f.day[f.from])
	to, _ := slices.BinarySearch(q.day, f.day[f.to-1]+1)
	if from < leastRun || to-from < leastRun {
		return
	}
	if st := s.work.fit.try(from, to); st.deficit > allDayLeast*f.deficit {
		half := 1.64 * st.se * s.work.fit.sigma
		f.block = flatwatt.Estimate{Value: st.deficit, Low: max(0, st.deficit-half), High: st.deficit + half}
		for h := range f.hours {
			f.hours[h] = true
		}
	}
}

const (
	allDayFrom  = 1.35 // missing over the whole day, as a share of what is missing by night
	allDayLeast = .9   // of the deficit by night, which the days must confirm: a block is the same at all hours
)
