package detectors

import (
	"math"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
)

const quarter = 15 * time.Minute

// lastScore runs one meter and returns its last score.
func lastScore(t *testing.T, readings []flatwatt.Reading) flatwatt.Score {
	t.Helper()
	f := newTestFleet(t, readings[0].Meter)
	scores := f.Close(f.Score(nil, readings))
	if len(scores) == 0 {
		t.Fatal("no score")
	}
	return scores[len(scores)-1]
}

func from(day int, kw float64) func(time.Time) float64 {
	return func(t time.Time) float64 {
		if t.Before(march.Add(time.Duration(day) * 24 * time.Hour)) {
			return 0
		}
		return kw
	}
}

func TestFewDaysAreNotJudged(t *testing.T) {
	s := lastScore(t, home("a", march, 3, 1, from(0, 3.3)))
	if s.State != flatwatt.NotEnoughData || !math.IsNaN(s.Probability) || !math.IsNaN(s.LogOdds) {
		t.Errorf("three days give state %q, probability %v", s.State, s.Probability)
	}
}

func TestStuckRegisterIsAMeterFault(t *testing.T) {
	readings := home("a", march, 30, 1, nil)
	for i := 20 * 96; i < len(readings); i++ {
		readings[i].Energy = 0.9 // 3.6 kW to the last digit, for ten days
	}
	if s := lastScore(t, readings); s.State != flatwatt.MeterFault {
		t.Errorf("state is %q, probability %.2f", s.State, s.Probability)
	}
}

// A steady block on a meter of 0.01 kWh: its noise of 0.4 % is a third of a step, so
// most readings are equal. That is not a stuck register.
func TestCoarseRegisterIsNotStuck(t *testing.T) {
	readings := home("a", march, 40, 1, from(20, 3.3))
	for i := range readings {
		readings[i].Energy = flatwatt.KWh(math.Round(float64(readings[i].Energy)*100) / 100)
	}
	if s := lastScore(t, readings); s.State != flatwatt.Suspect {
		t.Errorf("state is %q, probability %.3f", s.State, s.Probability)
	}
}

func TestVanishedBlockIsToldWithItsEnd(t *testing.T) {
	end := march.Add(45 * 24 * time.Hour)
	s := lastScore(t, home("a", march, 60, 1, func(at time.Time) float64 {
		if at.Before(end) {
			return from(20, 6.6)(at)
		}
		return 0
	}))
	if s.State != flatwatt.Ended || !s.Ended.Equal(end) {
		t.Errorf("state %q, ended %v, want %v", s.State, s.Ended, end)
	}
	if math.Abs(s.Block.Value-6.6) > 0.2 {
		t.Errorf("block was %.2f kW, want 6.6", s.Block.Value)
	}
}

// A miner that runs for ten days only, after weeks of an honest home: what was thought of the
// home does not speak against the block, which is remembered for what it was.
func TestShortBlockIsRememberedAfterItsEnd(t *testing.T) {
	readings := home("a", march, 70, 1, func(at time.Time) float64 { return from(40, 6.6)(at) - from(50, 6.6)(at) })
	f := newTestFleet(t, "a")
	most := math.Inf(-1)
	var s flatwatt.Score
	for _, s = range f.Close(f.Score(nil, readings)) {
		if s.LogOdds > most {
			most = s.LogOdds
		}
	}
	if s.State != flatwatt.Ended || s.LogOdds < most-2 {
		t.Errorf("twenty days after its end: %s, log-odds %.1f; they were %.1f", s.State, s.LogOdds, most)
	}
	if len(s.Evidence) != 1 || s.Evidence[0].LogOdds < recallMargin {
		t.Errorf("what is remembered speaks for a miner, whatever the log-odds: %v", s.Evidence)
	}
}

// Two weeks away and home again: the floor rises to where it was, which is no news.
func TestReturnFromHolidayIsNoRise(t *testing.T) {
	readings := home("a", march, 60, 1, from(0, 0.6))
	for i := 25 * 96; i < 39*96; i++ {
		readings[i].Energy = 0.005
	}
	if s := lastScore(t, readings); s.State == flatwatt.Suspect {
		t.Errorf("probability %.3f, evidence %v", s.Probability, s.Evidence)
	}
}

// An air conditioner that runs through the warm hours.
func TestHourDependentRiseIsNotABlock(t *testing.T) {
	s := lastScore(t, home("a", march, 50, 1, func(at time.Time) float64 {
		h := float64(at.In(shanghai).Hour())
		return from(25, 1)(at) * max(0, 1.6*math.Cos(2*math.Pi*(h-15)/24)+0.3)
	}))
	if s.State == flatwatt.Suspect {
		t.Errorf("probability %.3f, evidence %v", s.Probability, s.Evidence)
	}
}

// A motor on a meter with a reactive register.
func TestMotorIsToldByItsPowerFactor(t *testing.T) {
	probability := func(pf float64) float64 {
		readings := home("a", march, 45, 1, from(20, 3.3))
		for i := range readings {
			q := 0.05 * float64(readings[i].Energy)
			if !readings[i].Start.Before(march.Add(20 * 24 * time.Hour)) {
				q += 3.3 / 4 * math.Sqrt(1/(pf*pf)-1)
			}
			readings[i].Reactive = flatwatt.KVArh(q)
		}
		return lastScore(t, readings).LogOdds
	}
	if motor, machine := probability(0.80), probability(0.985); !(motor < machine-1) {
		t.Errorf("log-odds: block of power factor 0.80 %.2f, of 0.985 %.2f", motor, machine)
	}
}

// Estimated readings say what someone believed: a month of them makes no suspect.
func TestEstimatedReadingsMakeNoBlock(t *testing.T) {
	readings := home("a", march, 45, 1, nil)
	for i := 30 * 96; i < 44*96; i++ {
		readings[i].Energy, readings[i].Quality = 0.9, flatwatt.Estimated
	}
	if s := lastScore(t, readings); s.State == flatwatt.Suspect {
		t.Errorf("probability %.3f", s.Probability)
	}
}

func TestNightBlockIsFoundWithItsSchedule(t *testing.T) {
	s := lastScore(t, home("a", march, 50, 1, func(at time.Time) float64 {
		if h := at.In(shanghai).Hour(); h >= 22 || h < 8 {
			return from(20, 6.6)(at)
		}
		return 0
	}))
	if s.Schedule != flatwatt.Night || math.Abs(s.Block.Value-6.6) > 0.3 || !(s.Probability > 0.05) {
		t.Errorf("schedule %q, block %.2f kW, probability %.3f, evidence %v", s.Schedule, s.Block.Value, s.Probability, s.Evidence)
	}
}

// The clocks of Berlin went forward on 2026-03-29: a day of 23 hours.
func TestDaysOf23HoursCloseAndJudge(t *testing.T) {
	berlin := mustZone("Europe/Berlin")
	m := testMeters("a")
	m[0].Zone = berlin
	f, err := NewFleet(DefaultParams(), m, nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	start := time.Date(2026, 3, 10, 0, 0, 0, 0, berlin).UTC()
	scores := f.Close(f.Score(nil, home("a", start, 40, 1, nil)))
	seen := map[flatwatt.Day]bool{}
	for _, s := range scores {
		if seen[s.Day] {
			t.Errorf("%v is judged twice", s.Day)
		}
		seen[s.Day] = true
		if s.State == flatwatt.Suspect {
			t.Errorf("%v: a suspect, probability %.2f", s.Day, s.Probability)
		}
	}
	if len(seen) < 40 {
		t.Errorf("%d days were judged, want 40", len(seen))
	}
}

func TestLateUnknownAndOddReadingsAreCounted(t *testing.T) {
	f := newTestFleet(t, "a")
	readings := home("a", march, 5, 1, nil)
	f.Score(nil, readings)
	late := readings[10]
	odd := readings[len(readings)-1]
	odd.Start = odd.Start.Add(time.Minute)
	stranger := readings[len(readings)-1]
	stranger.Meter = "b"
	f.Score(nil, []flatwatt.Reading{late, odd, stranger})
	if got := f.Counts(); got != (Counts{Late: 1, Unknown: 1, OffGrid: 1}) {
		t.Errorf("counts are %+v", got)
	}
}

// What is suspicious must not become normal: after a year the block is still there.
func TestSuspectedBlockIsNeverLearned(t *testing.T) {
	s := lastScore(t, home("a", march, 200, 1, from(30, 9.8)))
	if s.State != flatwatt.Suspect || math.Abs(s.Block.Value-9.8) > 0.3 {
		t.Errorf("after 170 days: %s, %.2f kW", s.State, s.Block.Value)
	}
}

func TestNewFleetRefusesWhatItCannotJudge(t *testing.T) {
	twice := testMeters("a", "a")
	noZone := testMeters("a")
	noZone[0].Zone = nil
	odd := testMeters("a")
	odd[0].Interval = 7 * time.Minute
	for name, m := range map[string][]flatwatt.Meter{"a meter twice": twice, "no zone": noZone, "seven minutes": odd} {
		if _, err := NewFleet(DefaultParams(), m, nil, Options{}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := NewFleet(DefaultParams(), testMeters("a"), nil, Options{Grace: 100 * quarter * 24}); err == nil {
		t.Error("a grace of 25 days: no error")
	}
}

func TestNoAllocationsPerReading(t *testing.T) {
	f := newTestFleet(t, "a")
	readings := home("a", march, 30, 1, nil)
	dst := f.Score(nil, readings[:20*96])[:0]
	next := 20 * 96
	allocs := testing.AllocsPerRun(8, func() {
		dst = f.Score(dst[:0], readings[next:next+96])
		next += 96
	})
	if allocs != 0 {
		t.Errorf("%v allocations a day of readings, day close included", allocs)
	}
}

// A block on fixed hours that is older than the data does not show in the floor: its size
// is read off the daily profile.
func TestOldNightBlockIsSizedByItsHours(t *testing.T) {
	readings := home("a", march, 60, 1, func(at time.Time) float64 {
		if h := at.In(shanghai).Hour(); h >= 22 || h < 8 {
			return 9.9
		}
		return 0
	})
	f := newTestFleet(t, "a")
	scores := f.Close(f.Score(nil, readings))
	m := f.register.meter(0)
	j := judgement{meter: &m, c: f.memoryOf(0), part: &part{peerFloor: math.NaN()}, today: scores[len(scores)-1].Day}
	j.prepare()
	var s flatwatt.Score
	found := j.presentStatic()
	j.tell(&s, &found, float64(found.energy))
	if s.Schedule != flatwatt.Night || math.Abs(s.Block.Value-9.9) > 0.4 {
		t.Errorf("schedule %q, block %.2f kW, want night and 9.9", s.Schedule, s.Block.Value)
	}
}

func TestEnergyAndAlarmFollowFromBlockAndOnset(t *testing.T) {
	s := lastScore(t, home("a", march, 50, 1, from(30, 10)))
	if math.Abs(s.Energy.Value-10*24*20) > 0.06*10*24*20 { // a day's grace at either end
		t.Errorf("energy is %.0f kWh, want 4800", s.Energy.Value)
	}
	if s.FirstAlarm.IsZero() || s.FirstAlarm.Before(s.Onset.At) {
		t.Errorf("alarm %v, onset %v", s.FirstAlarm, s.Onset.At)
	}
}

// A block that appears behind a gap began somewhere in the gap.
func TestOnsetBehindAGapReachesBack(t *testing.T) {
	readings := home("a", march, 80, 1, from(40, 10))
	readings = append(readings[:30*96:30*96], readings[60*96:]...)
	s := lastScore(t, readings)
	if began := march.Add(30 * 24 * time.Hour); s.Onset.Low.After(began) || !s.Onset.High.After(march.Add(60*24*time.Hour)) {
		t.Errorf("onset %v to %v does not span the gap from %v", s.Onset.Low, s.Onset.High, began)
	}
}

// A stuck meter whose last day has only begun is still a faulty meter.
func TestStuckRegisterStaysAFaultOnABegunDay(t *testing.T) {
	readings := home("a", march, 30, 1, nil)
	for i := range readings {
		readings[i].Energy = 0.9
	}
	if s := lastScore(t, readings[:29*96+3]); s.State != flatwatt.MeterFault {
		t.Errorf("state is %q", s.State)
	}
}

// A small rise three days before is not the first stage of a block thirty times its size.
func TestSmallRiseDoesNotTakeTheOnset(t *testing.T) {
	onset := march.Add(24*24*time.Hour + 9*time.Hour)
	s := lastScore(t, home("a", march, 45, 1, func(at time.Time) float64 {
		kw := from(21, 0.25)(at)
		if !at.Before(onset) {
			kw += 8
		}
		return kw
	}))
	if e := s.Onset.At.Sub(onset).Abs(); e > time.Hour {
		t.Errorf("onset is %v, want %v", s.Onset.At, onset)
	}
}
