package detectors

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
)

// These scenarios are what meters, calendars and tariffs do to a load: one test each.

const daily = 24 * time.Hour

// scale multiplies the energies of readings from the given day on.
func scale(readings []flatwatt.Reading, fromDay int, factor float64) []flatwatt.Reading {
	at := march.Add(time.Duration(fromDay) * daily)
	for i := range readings {
		if !readings[i].Start.Before(at) {
			readings[i].Energy *= flatwatt.KWh(factor)
		}
	}
	return readings
}

// count rounds readings to whole register steps of q kWh, with carry as a register does.
func count(readings []flatwatt.Reading, q float64) []flatwatt.Reading {
	carry := 0.0
	for i := range readings {
		carry += float64(readings[i].Energy)
		n := math.Floor(carry/q + 1e-9)
		readings[i].Energy = flatwatt.KWh(n * q)
		carry -= n * q
	}
	return readings
}

func suspect(t *testing.T, s flatwatt.Score, want bool) {
	t.Helper()
	if (s.State == flatwatt.Suspect) != want {
		t.Errorf("state %q, want suspect: %v (probability %.3f, block %.2f kW, evidence %v)", s.State, want, s.Probability, s.Block.Value, s.Evidence)
	}
}

// sunny is the net effect of photovoltaics of the given peak on a meter that counts
// down as well: a bell by day, other clouds every day.
func sunny(readings []flatwatt.Reading, peakKW float64, seed uint64) []flatwatt.Reading {
	rng := rand.New(rand.NewPCG(seed, 7))
	cloud := 1.0
	for i := range readings {
		at := readings[i].Start.In(shanghai)
		if i%96 == 0 {
			cloud = 0.3 + 0.7*rng.Float64()
		}
		h := float64(at.Hour()) + float64(at.Minute())/60
		if h > 6 && h < 18 {
			readings[i].Energy -= flatwatt.KWh(peakKW * cloud * math.Sin(math.Pi*(h-6)/12) * (0.9 + 0.1*rng.Float64()) / 4)
		}
	}
	return readings
}

func TestPhotovoltaicsAreNoMiner(t *testing.T) {
	suspect(t, lastScore(t, sunny(home("a", march, 60, 1, nil), 5, 1)), false)
}

// The panels go up in the middle of the data: by day the floor falls, by night nothing.
func TestNewPhotovoltaicsAreNoMiner(t *testing.T) {
	with, without := sunny(home("a", march, 60, 1, nil), 5, 1), home("a", march, 60, 1, nil)
	suspect(t, lastScore(t, append(without[:30*96:30*96], with[30*96:]...)), false)
}

// Behind net-metered panels a block shows by night only, and its kW must still be right.
func TestMinerBehindPhotovoltaicsIsFound(t *testing.T) {
	s := lastScore(t, sunny(home("a", march, 60, 1, from(25, 6.6)), 5, 1))
	if !(s.Probability > 0.2) { // one in five is worth a visit; alone it is no alarm
		t.Errorf("probability %.3f", s.Probability)
	}
	if math.Abs(s.Block.Value-6.6) > 0.35 {
		t.Errorf("block %.2f kW, want 6.6", s.Block.Value)
	}
}

// A street in which everybody leaves for Spring Festival and comes home again: the
// calendar is not told, peers are.
func TestSpringFestivalRaisesNobody(t *testing.T) {
	start := time.Date(2026, 1, 5, 0, 0, 0, 0, shanghai).UTC() // New Year's Day is 17 February
	leave, back := time.Date(2026, 2, 12, 0, 0, 0, 0, shanghai), time.Date(2026, 2, 24, 0, 0, 0, 0, shanghai)
	var ids []flatwatt.MeterID
	var readings []flatwatt.Reading
	for i := range 12 {
		id := flatwatt.MeterID(fmt.Sprintf("h%02d", i))
		ids = append(ids, id)
		heat := rand.New(rand.NewPCG(uint64(i), 9)) // heating that cycles, off while they are away
		r := home(id, start, 80, uint64(i)+1, func(time.Time) float64 { return (0.3 + 0.1*float64(i)) * (0.4 + 1.2*heat.Float64()) })
		for k := range r {
			if away := leave.Add(time.Duration(i%3) * daily); !r[k].Start.Before(away) && r[k].Start.Before(back.Add(time.Duration(i%4)*daily)) {
				r[k].Energy = flatwatt.KWh(0.02 + 0.002*float64(k%3))
			}
		}
		readings = append(readings, r...)
	}
	sortReadings(readings)
	f := newTestFleet(t, ids...)
	for _, s := range f.Close(f.Score(nil, readings)) {
		if s.State == flatwatt.Suspect || s.State == flatwatt.Ended {
			t.Fatalf("%s is %s on %v (probability %.3f, evidence %v)", s.Meter, s.State, s.Day, s.Probability, s.Evidence)
		}
	}
}

// Clocks go back on 2026-10-25 in Berlin: a day of 25 hours with a miner on it.
func TestDayOf25HoursKeepsTheBlock(t *testing.T) {
	berlin := mustZone("Europe/Berlin")
	m := testMeters("a")
	m[0].Zone = berlin
	f, err := NewFleet(DefaultParams(), m, nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	start := time.Date(2026, 9, 20, 0, 0, 0, 0, berlin).UTC()
	onset := start.Add(20 * daily)
	scores := f.Close(f.Score(nil, home("a", start, 50, 1, func(at time.Time) float64 {
		if at.Before(onset) {
			return 0
		}
		return 6.6
	})))
	last := scores[len(scores)-1]
	suspect(t, last, true)
	if e := last.Onset.At.Sub(onset).Abs(); e > time.Hour {
		t.Errorf("onset %v, want %v", last.Onset.At, onset)
	}
}

// A device is swapped: two days without readings, then another resolution. The service
// point is the same and nothing has changed behind it.
func TestMeterSwapIsNoRise(t *testing.T) {
	before, after := count(home("a", march, 60, 1, nil), 0.01), count(home("a", march, 60, 1, nil), 0.001)
	suspect(t, lastScore(t, append(before[:30*96:30*96], after[32*96:]...)), false)
}

// A ratio is entered wrongly: everything is multiplied from one day on, which is not
// what a block does.
// A home with 1 kW around the clock may hide a small machine that is older than the data,
// whatever its ratio; what multiplies it tells no more of one, and begins nothing.
func TestChangedRatioIsNoMiner(t *testing.T) {
	before := lastScore(t, home("a", march, 60, 1, from(0, 1)))
	for _, factor := range []float64{1.5, 2, 4} {
		suspect(t, lastScore(t, scale(home("a", march, 60, 1, nil), 30, factor)), false)
		s := lastScore(t, scale(home("a", march, 60, 1, from(0, 1)), 30, factor))
		if s.LogOdds > before.LogOdds+0.5 || !s.Onset.At.IsZero() {
			t.Errorf("× %g: log-odds %.2f in place of %.2f, onset %v", factor, s.LogOdds, before.LogOdds, s.Onset.At)
		}
	}
}

// Current transformers of ratio 40: 0.4 kWh a step, 1.6 kW in a quarter of an hour.
func TestCoarseRatioStillShowsABlock(t *testing.T) {
	// Cooling of 6 kW that comes and goes; by day more, with the hour and from day to day: 6 kW
	// around the clock, and 8 kW more on every day alike, would be what miners do.
	shop := func(at time.Time) float64 {
		local := at.In(shanghai)
		kw := 6 + 2*math.Sin(float64(at.Unix())/800)
		if h := local.Hour(); h >= 8 && h < 20 {
			kw += (8 + 2*math.Sin(2.4*float64(local.YearDay()))) * math.Sin(math.Pi*(float64(h)-7.5)/12)
		}
		return kw
	}
	onset := from(30, 13)
	with := count(home("a", march, 60, 1, func(at time.Time) float64 { return shop(at) + onset(at) }), 0.4)
	s := lastScore(t, with)
	suspect(t, s, true)
	if math.Abs(s.Block.Value-13) > 1 {
		t.Errorf("block %.2f kW, want 13 within 1", s.Block.Value)
	}
	suspect(t, lastScore(t, count(home("a", march, 60, 1, shop), 0.4)), false)
}

// One reading in eight is missing, and whole afternoons now and then.
func TestGapsNeitherHideNorMakeABlock(t *testing.T) {
	holes := func(readings []flatwatt.Reading) (out []flatwatt.Reading) {
		rng := rand.New(rand.NewPCG(3, 3))
		for i, r := range readings {
			if afternoon := i/96%6 == 2 && i%96 > 48 && i%96 < 72; !afternoon && rng.Float64() > 0.125 {
				out = append(out, r)
			}
		}
		return out
	}
	suspect(t, lastScore(t, holes(home("a", march, 60, 1, nil))), false)
	s := lastScore(t, holes(home("a", march, 60, 1, from(30, 6.6))))
	suspect(t, s, true)
	if math.Abs(s.Block.Value-6.6) > 0.3 {
		t.Errorf("block %.2f kW, want 6.6", s.Block.Value)
	}
}

// Machines arrive on days 0, 1, 3 and 7: one installation with the first day's onset, the
// mean power since then and the last day's machines.
func TestStagedRampIsOneInstallation(t *testing.T) {
	s := lastScore(t, home("a", march, 60, 1, func(at time.Time) float64 {
		return from(25, 6.6)(at) + from(26, 6.6)(at) + from(28, 9.9)(at) + from(32, 3.3)(at)
	}))
	suspect(t, s, true)
	if mean := (6.6 + 2*13.2 + 4*23.1 + 28*26.4) / 35; math.Abs(s.Block.Value-mean) > 0.6 {
		t.Errorf("block %.2f kW, want the mean %.2f", s.Block.Value, mean)
	}
	if e := s.Onset.At.Sub(march.Add(25 * daily)).Abs(); e > 6*time.Hour {
		t.Errorf("onset %v, want day 25", s.Onset.At)
	}
	if s.Units.Low > 8 || s.Units.High < 8 {
		t.Errorf("units %v, want 8 among them", s.Units)
	}
}

// All machines change to another power mode on one day: the same block, not a new one.
func TestPowerModeKeepsTheOnset(t *testing.T) {
	for _, mode := range []float64{0.7, 1.15} {
		s := lastScore(t, home("a", march, 70, 1, func(at time.Time) float64 {
			kw := from(25, 19.8)(at)
			if !at.Before(march.Add(50 * daily)) {
				kw *= mode
			}
			return kw
		}))
		suspect(t, s, true)
		if mean := 19.8 * (25 + 20*mode) / 45; math.Abs(s.Block.Value-mean) > 0.03*19.8 {
			t.Errorf("mode %.2f: block %.2f kW, want the mean %.2f", mode, s.Block.Value, mean)
		}
		if e := s.Onset.At.Sub(march.Add(25 * daily)).Abs(); e > 6*time.Hour {
			t.Errorf("mode %.2f: onset %v, want day 25", mode, s.Onset.At)
		}
	}
}

// A miner that stops for the price peak of 17 to 21 every day.
func TestPeakAvoidingBlockIsFoundWithItsSchedule(t *testing.T) {
	s := lastScore(t, home("a", march, 60, 1, func(at time.Time) float64 {
		if h := at.In(shanghai).Hour(); h >= 17 && h < 21 {
			return 0
		}
		return from(30, 9.9)(at)
	}))
	suspect(t, s, true)
	if s.Schedule != flatwatt.OffPeak || math.Abs(s.Block.Value-9.9) > 0.4 {
		t.Errorf("schedule %q, block %.2f kW, want off_peak and 9.9", s.Schedule, s.Block.Value)
	}
}

// A miner that is curtailed for some hours on some days: still the same block.
func TestCurtailmentDoesNotEndTheBlock(t *testing.T) {
	s := lastScore(t, home("a", march, 70, 1, func(at time.Time) float64 {
		local := at.In(shanghai)
		if local.Day()%5 == 0 && local.Hour() >= 10 && local.Hour() < 13 {
			return 0
		}
		return from(30, 16.5)(at)
	}))
	suspect(t, s, true)
	if math.Abs(s.Block.Value-16.5) > 0.5 {
		t.Errorf("block %.2f kW, want 16.5", s.Block.Value)
	}
}

// A block that an inspection interrupts for two days goes on afterwards.
func TestShortAbsenceKeepsTheOnset(t *testing.T) {
	s := lastScore(t, home("a", march, 70, 1, func(at time.Time) float64 {
		if day := int(at.Sub(march) / daily); day >= 45 && day < 47 {
			return 0
		}
		return from(30, 9.9)(at)
	}))
	suspect(t, s, true)
	if e := s.Onset.At.Sub(march.Add(30 * daily)).Abs(); e > 6*time.Hour {
		t.Errorf("onset %v, want day 30", s.Onset.At)
	}
}

// winter is colder from day 20 on, by 15 °C until day 65, and slowly mild again.
type winter struct{}

func (winter) TemperatureC(_ string, at time.Time) (float64, bool) {
	day := at.Sub(march).Hours() / 24
	return 15 - coldness(day)*15 + 3*math.Sin(day*2.1), true
}

func coldness(day float64) float64 { return max(0, math.Sin(math.Pi*(day-20)/90)) }

func heating(at time.Time) float64 {
	return 4 * coldness(at.Sub(march).Hours()/24) * (0.8 + 0.2*math.Cos(2*math.Pi*float64(at.In(shanghai).Hour()-4)/24))
}

// Heating is told by the weather where it is given …
func TestWinterHeatingIsNoMinerByItsWeather(t *testing.T) {
	f, err := NewFleet(DefaultParams(), testMeters("a"), winter{}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	scores := f.Close(f.Score(nil, home("a", march, 80, 1, heating)))
	suspect(t, scores[len(scores)-1], false)
}

// … and a miner among heated neighbours stands out where it is not. That the neighbours are
// no suspects then is more than peers can tell: docs/detectors.md, what it gets wrong.
func TestMinerStandsOutAmongHeatedNeighbours(t *testing.T) {
	var ids []flatwatt.MeterID
	var readings []flatwatt.Reading
	for i := range 12 {
		id := flatwatt.MeterID(fmt.Sprintf("h%02d", i))
		ids = append(ids, id)
		share := 0.6 + 0.07*float64(i)
		readings = append(readings, home(id, march, 80, uint64(i)+1, func(at time.Time) float64 {
			kw := share * heating(at)
			if i == 5 {
				kw += from(30, 9.9)(at)
			}
			return kw
		})...)
	}
	sortReadings(readings)
	f := newTestFleet(t, ids...)
	last := map[flatwatt.MeterID]flatwatt.Score{}
	for _, s := range f.Close(f.Score(nil, readings)) {
		last[s.Meter] = s
	}
	suspect(t, last["h05"], true)
	for id, s := range last {
		if id != "h05" && !(s.LogOdds < last["h05"].LogOdds-1) {
			t.Errorf("%s: log odds %.2f, the miner's %.2f", id, s.LogOdds, last["h05"].LogOdds)
		}
	}
}

// A block older than the data runs in a lower power mode for a month and comes back: that is
// the old block whole, not a new one of half its size.
func TestOlderBlockComingBackIsNoNewOne(t *testing.T) {
	s := lastScore(t, home("a", march, 110, 1, func(at time.Time) float64 {
		if day := int(at.Sub(march) / daily); day >= 30 && day < 60 {
			return 0.55 * 13.2
		}
		return 13.2
	}))
	suspect(t, s, true)
	if !s.Onset.At.IsZero() || math.Abs(s.Block.Value-13.2) > 0.7 {
		t.Errorf("block %.2f kW since %v, want 13.2 older than the data", s.Block.Value, s.Onset.At)
	}
}
