package detectors

import (
	"math"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/models"
)

const (
	dateReach  = 12   // days to either side of a finding's start in which its onset is looked for
	dateBefore = 6    // fewest days before the start that must be known …
	dateSince  = 3    // … and since
	dateLimit  = 9.0  // squared deviation beyond which a floor tells no more
	dateEdge   = 0.4  // share of the block that a step between readings must have to be its beginning
	dateTrust  = 2    // days by which it must be earlier: what began later is told by its own rise
	dateOdds   = -6.0 // log-odds below which nobody will see the onset
)

// date looks for the day and band in which the block of f began, anew in the days around
// its start: a test that adds up evidence is late for a block that hides in the floor's
// spread, and early where something else rose first.
//
// Method: one change point in the bands' floors, less weather and weekends, from the
// level before to that level and the block: the sum of squared deviations in robust σ of
// the days before, each at most dateLimit (Hinkley, Biometrika 57, 1970, with bounded
// errors). Within the band, the step between readings is taken where it is at least
// dateEdge of the block. What it gets wrong: a ramp is dated to its middle. Cost: 1 µs,
// only on days when the block is told.
func (s *scanner) date(f *finding, slots int) (o edge, ok bool) {
	k := s.indexOf(f.start)
	if k < dateBefore || s.n-k < dateSince {
		return o, false
	}
	in := f.bands()
	var pre, sigma [numBands]float64
	for b := range numBands {
		x := s.sorted(s.y[b][max(0, k-scanBefore) : k-1])
		pre[b], sigma[b] = models.Quantile(x, 0.5), mad(x)
	}
	block := s.early(&pre, in, k)
	if !(block > 0.5*float64(f.block)) { // it was not there yet
		block = float64(f.block)
	}
	sum, best, atDay, atBand := 0.0, math.Inf(-1), -1, 0
	for i := max(1, k-dateReach); i < min(s.n, k+dateReach); i++ {
		for b := range numBands {
			if !in[b] {
				continue
			}
			if sum > best {
				best, atDay, atBand = sum, i, b
			}
			sd := max(sigma[b], sigmaMinKW, 0.05*block)
			off, on := (s.y[b][i]-pre[b])/sd, (s.y[b][i]-pre[b]-block)/sd
			if g := min(on*on, dateLimit) - min(off*off, dateLimit); g == g {
				sum += g
			}
		}
	}
	if atDay < 0 || sum > best { // still to come at the end of what was searched
		return o, false
	}
	return s.within(atDay, atBand, block, slots), true
}

// indexOf is the index of the first day from d on; −1 where d lies outside what is kept.
func (s *scanner) indexOf(d flatwatt.Day) int {
	if s.n == 0 || d < s.day[0] || d > s.day[s.n-1] {
		return -1
	}
	for i := range s.n {
		if s.day[i] >= d {
			return i
		}
	}
	return -1
}

// bands are those that the finding's hours fill.
func (f *finding) bands() (in [numBands]bool) {
	w := models.Window{Start: int(f.window), Length: int(f.hours)}
	for b := range in {
		in[b] = w.Length >= alwaysOnHours || w.Contains(b*bandHours) && w.Contains(b*bandHours+1) && w.Contains(b*bandHours+2)
	}
	return in
}

// early is the block's height on the first days since index k, kW.
func (s *scanner) early(pre *[numBands]float64, in [numBands]bool, k int) float64 {
	var days [historyDays]float64
	n := 0
	for i := k + 1; i < min(s.n, k+8); i++ {
		sum, known := 0.0, 0.0
		for b := range numBands {
			if e := s.y[b][i] - pre[b]; in[b] && e == e {
				sum, known = sum+e, known+1
			}
		}
		if known > 0 {
			days[n] = sum / known
			n++
		}
	}
	insertionSort(days[:n])
	return models.Quantile(days[:n], 0.5)
}

// within places an onset in or just before the band that is the first with the block: at
// the step between readings, if there is one, else at the band's beginning.
func (s *scanner) within(i, band int, block float64, slots int) edge {
	perBand := slots / numBands
	o := edge{day: s.day[i], before: s.day[i-1], at: int32(band * perBand)}
	r := s.rec[i]
	if kw, at := r.edge.Float(), int(r.edgeAt); kw > dateEdge*block && at > (band-1)*perBand && at < (band+1)*perBand {
		o.at, o.kw = int32(at), float32(kw)
		return o
	}
	if eve := s.rec[i-1]; band == 0 && s.day[i-1] == s.day[i]-1 {
		if kw, at := eve.edge.Float(), int(eve.edgeAt); kw > dateEdge*block && at > slots-2*perBand {
			o = edge{day: s.day[i-1], before: s.day[i-1] - 1, at: int32(at), kw: float32(kw)}
		}
	}
	return o
}

// redate gives a finding the onset that the days around its start show, and keeps that for
// when they are no longer remembered.
func (f *Fleet) redate(j *judgement, found *finding, now float64) {
	if e := &j.c.ep; e.phase != quiet && e.stages > 1 { // its first stage is its onset
		return
	}
	if j.multiplied || found.start == 0 || !(found.block > 0) || !(now > dateOdds) || j.today-found.start > historyDays-dateBefore {
		return
	}
	o, ok := f.scanner.date(found, j.slotsADay())
	if !ok || o.day > found.onset.day-dateTrust {
		return
	}
	was := found.start
	found.start, found.onset = o.day, o
	if e := &j.c.ep; e.phase != quiet && e.start == was {
		e.onset = o
	}
	if m := &j.c.memory; m.day != 0 && m.found.start == was {
		m.found.start, m.found.onset = o.day, o
	}
}
