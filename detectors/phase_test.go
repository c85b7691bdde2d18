package detectors

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
)

// everyStep is a home with a block of 3.3 kW from onset on, read at any interval.
func everyStep(start time.Time, days int, step time.Duration, onset time.Time) (out []flatwatt.Reading) {
	rng := rand.New(rand.NewPCG(2, 1))
	for at := start; at.Before(start.AddDate(0, 0, days)); at = at.Add(step) {
		kw := 0.3 + 0.02*rng.NormFloat64()
		if h := at.In(shanghai).Hour(); h >= 18 && h < 22 {
			kw += rng.ExpFloat64() * 0.8
		}
		kw += 3.3 * min(max(at.Add(step).Sub(onset).Hours()/step.Hours(), 0), 1)
		out = append(out, flatwatt.Reading{
			Meter: "a", Start: at, Length: step, Energy: flatwatt.KWh(kw * step.Hours()),
			Reactive: flatwatt.KVArh(math.NaN()), Voltage: flatwatt.Volt(math.NaN()),
		})
	}
	return out
}

// scoresAt are the scores of everyStep, and what the fleet could not use.
func scoresAt(t *testing.T, zone *time.Location, start time.Time, step time.Duration, onset time.Time) ([]flatwatt.Score, Counts) {
	t.Helper()
	m := testMeters("a")
	m[0].Interval, m[0].Zone = step, zone
	f, err := NewFleet(DefaultParams(), m, nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return f.Close(f.Score(nil, everyStep(start, 40, step, onset))), f.Counts()
}

// Intervals begin where the meter has them: hours of UTC in India at half past, others
// at seven past the quarter hour.
func TestReadingsOffLocalMidnightAreScored(t *testing.T) {
	kolkata := mustZone("Asia/Kolkata")
	for _, step := range []time.Duration{5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour} {
		for _, share := range []float64{0, 0.25, 0.47, 0.98} {
			phase := time.Duration(share * float64(step)).Truncate(time.Second)
			start := time.Date(2026, 3, 1, 0, 0, 0, 0, kolkata).Add(phase)
			onset := start.AddDate(0, 0, 20).Add(13*time.Hour + 30*time.Minute)
			scores, counts := scoresAt(t, kolkata, start, step, onset)
			if len(scores) != 40 || counts != (Counts{}) {
				t.Errorf("%v from %v on: %d scores of 40 days, %+v", step, phase, len(scores), counts)
				continue
			}
			s := &scores[39]
			if !(s.Probability > 0.4) || math.Abs(s.Block.Value-3.3) > 0.1 || onset.Before(s.Onset.Low) || onset.After(s.Onset.High) || s.Onset.At.Sub(onset).Abs() > 2*step {
				t.Errorf("%v from %v on: probability %.3f, %.2f kW, onset %v to %v around %v, it was %v", step, phase, s.Probability, s.Block.Value, s.Onset.Low, s.Onset.High, s.Onset.At, onset)
			}
		}
	}
}

// Onsets count intervals as they are looked at: those of 10, 12 and 4 minutes fill no
// quarter hour and stay as they are.
func TestOnsetOfIntervalsThatFillNoQuarterHour(t *testing.T) {
	for _, step := range []time.Duration{2 * time.Minute, 3 * time.Minute, 4 * time.Minute, 10 * time.Minute, 12 * time.Minute, 20 * time.Minute} {
		onset := march.AddDate(0, 0, 20).Add(20 * time.Hour)
		scores, _ := scoresAt(t, shanghai, march, step, onset)
		s := &scores[len(scores)-1]
		if e := s.Onset.At.Sub(onset).Abs(); e > max(step, 15*time.Minute) || onset.Before(s.Onset.Low) || onset.After(s.Onset.High) {
			t.Errorf("%v: onset %v, between %v and %v, want %v", step, s.Onset.At, s.Onset.Low, s.Onset.High, onset)
		}
	}
}

// Of two readings that begin in one slot the smaller stays, in whatever order they come.
func TestTwoReadingsOfOneSlotAreOne(t *testing.T) {
	all := home("a", march, 20, 1, nil)
	for i := range all {
		r := all[i]
		r.Start, r.Energy = r.Start.Add(7*time.Minute), r.Energy*2
		all = append(all, r)
	}
	back := make([]flatwatt.Reading, 0, len(all))
	sortReadings(all)
	for i := 0; i < len(all); i += 2 {
		back = append(back, all[i+1], all[i])
	}
	want := fmt.Sprint(scoresOf(t, home("a", march, 20, 1, nil)))
	if got := fmt.Sprint(scoresOf(t, all)); got != want {
		t.Error("readings of twice the energy, seven minutes later, change the scores")
	}
	if got := fmt.Sprint(scoresOf(t, back)); got != want {
		t.Error("the order of two readings of one slot changes the scores")
	}
}

func scoresOf(t *testing.T, readings []flatwatt.Reading) []flatwatt.Score {
	f := newTestFleet(t, "a")
	return f.Close(f.Score(nil, readings))
}

func TestReadingsApartFromTheirMetersOthersAreCounted(t *testing.T) {
	f := newTestFleet(t, "a", "b")
	for id, phase := range map[flatwatt.MeterID]time.Duration{"a": 0, "b": 7 * time.Minute} {
		all := home(id, march.Add(phase), 2, 1, nil)
		f.Score(nil, append(all, all[100:]...)) // twice told is no fault
		for _, r := range all[150:153] {
			r.Start = r.Start.Add(time.Minute)
			f.Score(nil, []flatwatt.Reading{r})
		}
	}
	if got := f.Counts().OffGrid; got != 6 {
		t.Errorf("%d are counted, want three of each meter", got)
	}
}
