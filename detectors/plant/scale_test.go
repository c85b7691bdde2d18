package plant

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
)

// known is a Scorer of four plants of 1 kW that knows days of the first one's hours and its peers'.
func known(t *testing.T, days int, hour func(day, hour int) (own, peers float64)) (*Scorer, *zone) {
	t.Helper()
	var meters []flatwatt.Meter
	for k := range 4 {
		meters = append(meters, flatwatt.Meter{ID: flatwatt.MeterID(fmt.Sprint("g", k)), Kind: flatwatt.Generator, Class: "wind", Region: "r", Zone: time.UTC, Interval: time.Hour, Contracted: 1})
	}
	s, err := New(meters, nil, nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for d := range days {
		for h := range hoursPer {
			own, peers := hour(d, h)
			s.hours[d*hoursPer+h], s.peers[d*hoursPer+h] = float32(-own), float32(peers)
		}
	}
	z := &s.zones[0]
	z.count = int32(days)
	return s, z
}

// Hours at rated wind weigh more than those between, a lasting deficit changes no weight.
func TestHoursWeighByTheirSwing(t *testing.T) {
	var weights [2][2]float64
	for k, deficit := range []float64{0, .15} {
		r := rand.New(rand.NewPCG(3, 3))
		s, z := known(t, 120, func(d, h int) (float64, float64) {
			v := .5 + .45*float64((d+h)%2)
			own := v + .1*r.NormFloat64()*(1-v)
			if d >= 60 {
				own -= deficit
			}
			return own, v
		})
		scale := s.hourScale(0, z, 120)
		weights[k] = [2]float64{scale.weight(.5), scale.weight(.95)}
		if weights[k][1] < 5*weights[k][0] {
			t.Errorf("deficit %v: weight %.0f at rated wind, %.0f between", deficit, weights[k][1], weights[k][0])
		}
		s.work.swing = scale
		m := s.dayAt(0, 0, 1, true, windows[0])
		want := (weights[k][0]*.5*.5 + weights[k][1]*.95*.95) / (weights[k][0] + weights[k][1])
		if math.Abs(m.square.value()-want) > .001 || m.hours != hoursPer {
			t.Errorf("mean square of the peers %v over %d hours, want %v", m.square.value(), m.hours, want)
		}
	}
	for b := range weights[0] {
		if r := weights[1][b] / weights[0][b]; r < .7 || r > 1.4 {
			t.Errorf("a deficit changes the weight of hours by %.2f", r)
		}
	}
}

// A fit's errors that swing with the output and fade from day to day are whitened alike.
func TestScaledErrorsAreWhitened(t *testing.T) {
	var q series
	var f fit
	r := rand.New(rand.NewPCG(5, 5))
	a, news := 0.0, []float64{}
	f.rho = .9
	f.even(60)
	q.p = 1
	for k := range 60 {
		e := r.NormFloat64()
		a = .9*a + e
		news = append(news, e)
		f.s[k] = 1 + 4*float64(k%7/3)
		q.day, q.y, q.x = append(q.day, k), append(q.y, f.s[k]*a), append(q.x, [maxColumns]float64{1})
	}
	if !f.load(&q) {
		t.Fatal("not solved")
	}
	for k := 1; k < 60; k++ {
		if math.Abs(f.wy[k]-news[k]) > 1e-6 {
			t.Fatalf("row %d: %v, want what is new, %v", k, f.wy[k], news[k])
		}
	}
}

// stepped is 200 days of output between .2 and 1 of capacity that lack something from day 100 on.
func stepped(lack func(v float64) float64) (q series) {
	r := rand.New(rand.NewPCG(7, 7))
	q.p, q.water = 2, 1
	for d := range 200 {
		v := .6 + .4*math.Sin(float64(d)/9)
		y := v * (1 + .03*r.NormFloat64())
		if d >= 100 {
			y -= lack(v)
		}
		q.day, q.y, q.scale = append(q.day, d), append(q.y, y), append(q.scale, 1)
		q.x = append(q.x, [maxColumns]float64{1, v})
	}
	return q
}

// A constant deficit is told from one in proportion to the output by what fits better as a whole,
// and what is quiet at low output tells more than the rest.
func TestFlatness(t *testing.T) {
	var wk work
	for _, c := range []struct {
		name string
		lack func(v float64) float64
		flat bool
	}{{"constant", func(float64) float64 { return .1 }, true}, {"in proportion", func(v float64) float64 { return .15 * v }, false}} {
		q := stepped(c.lack)
		st, ok := wk.search(&q)
		flat := wk.flatness(&q, st)
		if !ok || c.flat && flat < 10 || !c.flat && flat > -3 {
			t.Errorf("%s: log likelihood ratio %v", c.name, flat)
		}
		if low, high := wk.fit.s[14*3], wk.fit.s[14]; !(low < .6*high) { // days 42 and 14: .2 and 1
			t.Errorf("%s: scale %v at low output, %v at high", c.name, low, high)
		}
	}
}

// The stop of a plant is found between the tenths of its water.
func TestStopBetweenTenths(t *testing.T) {
	var wk work
	q := stepped(func(float64) float64 { return 0 })
	for k := range q.y {
		v := float64(k%100) / 100
		q.x[k][1], q.y[k] = v, min(v, .55)
	}
	wk.fit.even(len(q.y))
	if wk.bend(&q); q.p != 3 || math.Abs(q.x[99][2]-.55) > .01 {
		t.Errorf("%d columns, stop %v, want .55", q.p, q.x[99][2])
	}
}

// Whole days tell the block of a night only where they confirm it.
func TestDaysMustConfirmTheNight(t *testing.T) {
	for _, all := range []bool{true, false} {
		r := rand.New(rand.NewPCG(9, 9))
		s, z := known(t, 120, func(d, h int) (float64, float64) {
			v := .6 + .3*math.Sin(float64(d*24+h)/50)
			own := v + .01*r.NormFloat64()
			if d >= 60 && (all || windows[1].has(h)) {
				own -= .1
			}
			return own, v
		})
		s.work.swing = s.hourScale(0, z, 120)
		f := finding{window: windows[1], step: step{from: 60, to: 120, deficit: .1}}
		f.block.Value = .1
		for d := range 120 {
			f.day = append(f.day, d)
		}
		for h := range f.hours {
			f.hours[h], f.profile[h] = true, .1
		}
		if f.allDay(s, 0, z); math.Abs(f.block.Value-.1) > .01 {
			t.Errorf("missing at all hours %v: block %v, want .1", all, f.block.Value)
		}
	}
}
