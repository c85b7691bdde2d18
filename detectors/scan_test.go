package detectors

import (
	"math"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/models"
)

// scanned is what the history of one meter shows at the end of its readings.
func scanned(t *testing.T, readings []flatwatt.Reading) (step, rest) {
	t.Helper()
	f := newTestFleet(t, readings[0].Meter)
	f.Close(f.Score(nil, readings))
	return f.scanner.scan(f.memoryOf(0), f.groups.temperatures(nil, "", 0, &f.zones[0]), nil)
}

// A pump comes and goes for weeks and opens an episode; the block that begins meanwhile
// is still found on its day, with its kW and hours.
func TestScanFindsTheStepBehindAnotherRise(t *testing.T) {
	s, _ := scanned(t, home("a", march, 60, 1, func(at time.Time) float64 {
		kw := from(45, 6.6)(at)
		if h := at.In(shanghai).Hour(); at.In(shanghai).Day()%3 != 0 && h >= 9 && h < 18 {
			kw += from(26, 2)(at)
		}
		return kw
	}))
	want := flatwatt.DayOf(march.Add(45*daily), shanghai)
	if !s.ok || s.start != want || s.bands != numBands || math.Abs(s.block-6.6) > 0.3 {
		t.Errorf("step %+v, want day %d, all hours, 6.6 kW", s, want)
	}
	if s.jump < 0.5*s.block || s.rival > 0.5*s.block {
		t.Errorf("jump %.2f, rival %.2f of a block of %.2f kW", s.jump, s.rival, s.block)
	}
}

// An office is dark on weekends: its weekly rhythm is no step, a block in it is one.
func TestScanLevelsWeekends(t *testing.T) {
	office := func(block float64) step {
		s, _ := scanned(t, home("a", march, 50, 1, func(at time.Time) float64 {
			kw := from(33, block)(at) // a Saturday
			if wd := at.In(shanghai).Weekday(); wd != time.Saturday && wd != time.Sunday {
				kw += 8
			}
			return kw
		}))
		return s
	}
	if s := office(0); s.ok && s.block > 0.5 {
		t.Errorf("a step of %.2f kW in a weekly rhythm", s.block)
	}
	s := office(3.3)
	if want := flatwatt.DayOf(march.Add(33*daily), shanghai); s.start != want || math.Abs(s.block-3.3) > 0.3 {
		t.Errorf("step of %.2f kW on day %d, want 3.3 on %d", s.block, s.start, want)
	}
}

func TestHistoryForgetsAndSkips(t *testing.T) {
	var h history
	rec := func(kw float64) dayRecord {
		r := unknownDay
		r.mean = models.ToHalf(kw)
		return r
	}
	h.push(100, rec(1))
	h.push(103, rec(2))
	if h.first != 100 || h.last != 103 || h.days[101%historyDays].mean != models.HalfNaN || h.days[103%historyDays].mean.Float() != 2 {
		t.Errorf("days %d to %d: %v", h.first, h.last, h.days)
	}
	h.push(103+historyDays-2, rec(3))
	if h.first != 102 {
		t.Errorf("first day %d, want 102", h.first)
	}
	h.push(500, rec(4)) // all else is older than the ring
	if h.first != 500 || h.last != 500 {
		t.Errorf("days %d to %d after a long gap", h.first, h.last)
	}
}

// Once convincing for days, a finding is not lost when other use hides the block.
func TestFindingIsRemembered(t *testing.T) {
	var m memory
	j := &judgement{day: &day{}, c: &customer{}}
	for h := range j.day.z {
		j.day.z[h] = 7
	}
	found := finding{start: 90, block: 6.6, hours: 24}
	for d := range flatwatt.Day(40) {
		odds := 4.0
		if d > 20 {
			odds = -3
		}
		j.today = 100 + d
		m.follow(j)
		m.remember(j, odds, found)
	}
	if m.odds < 3.9 || m.end != 0 || m.found != found {
		t.Errorf("memory %+v", m)
	}
	for h := range j.day.z { // now the block goes
		j.day.z[h] = 0.4
	}
	for range 4 {
		j.today++
		m.follow(j)
		m.remember(j, -3, found)
	}
	if m.end != j.today-3 {
		t.Errorf("ended on %d, want %d", m.end, j.today-3)
	}
	energy := m.since(j.today)
	if want := 6.6 * 24 * float64(m.end-m.day-1); math.Abs(energy-want) > 1 {
		t.Errorf("%.0f kWh since the finding, want %.0f", energy, want)
	}
}

// A block that fades in shows no step between readings: the energy of its first day tells
// the hour.
func TestOnsetByEnergy(t *testing.T) {
	var h history
	for d, kw := range []float64{0.5, 0.5, 0.5, 3.5, 6.5, 6.5} {
		r := unknownDay
		r.mean = models.ToHalf(kw)
		h.push(flatwatt.Day(200+d), r)
	}
	for _, start := range []flatwatt.Day{203, 204} { // noticed on the day itself or the next
		if o, ok := h.byEnergy(start, 0.5, 6, 96); !ok || o.day != 203 || math.Abs(float64(o.at)-48) > 1 {
			t.Errorf("noticed on %d: %+v, %v, want noon of 203", start, o, ok)
		}
	}
	if _, ok := h.byEnergy(200, 0.5, 6, 96); ok {
		t.Error("an onset before the history")
	}
}

func TestRunningBlockKeepsItsOnset(t *testing.T) {
	m := memory{day: 120, odds: 3, found: finding{start: 100, onset: edge{day: 100, at: 40}, block: 6.6, hours: 24}}
	for _, f := range []finding{{start: 118, block: 6, hours: 24}, {block: 7, hours: 24}} { // a later step; an older block
		if got := m.carry(f, 130); got.start != 100 || got.onset.at != 40 || got.block != f.block || !(got.energy > 1500) {
			t.Errorf("%+v became %+v", f, got)
		}
	}
	for _, f := range []finding{{start: 90, block: 6}, {start: 118, block: 1}, {start: 118, block: 40}} {
		if got := m.carry(f, 130); got != f {
			t.Errorf("%+v took another block's onset: %+v", f, got)
		}
	}
	m.end, m.low = 125, endAfterDays
	if f := (finding{start: 128, block: 6}); m.carry(f, 130) != f {
		t.Error("a new block took the onset of one that has ended")
	}
}
