package plant_test

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/detectors/plant"
	"github.com/flatwatt/flatwatt/simulate"
)

// cascade is six plants on one river over so many days. The first withholds block kW from
// the given day on, at the hours of night where asked.
func cascade(days, from int, block float64, night bool) (meters []flatwatt.Meter, series []flatwatt.Series) {
	start := time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC)
	for k := range 6 {
		m := flatwatt.Meter{ID: flatwatt.MeterID(fmt.Sprintf("g%05d", k)), Kind: flatwatt.Generator, Class: "hydro", Region: "r", Zone: time.UTC, Interval: time.Hour, Contracted: 1000}
		s := flatwatt.Series{Meter: m.ID, Start: start, Interval: time.Hour}
		for h := range days * 24 {
			river := .6 + .25*math.Sin(float64(h)/300) + .01*math.Sin(float64(h*(k+3))/7) + .008*math.Sin(float64(h*(k+1))/41)
			kw := river * 1000
			if hour := h % 24; k == 0 && h >= from*24 && (!night || hour >= 22 || hour < 6) {
				kw -= block
			}
			s.Energy = append(s.Energy, -kw)
		}
		meters, series = append(meters, m), append(series, s)
	}
	return meters, series
}

// last scores series and returns the last score of each meter.
func last(t *testing.T, s *plant.Scorer, series []flatwatt.Series) map[flatwatt.MeterID]flatwatt.Score {
	t.Helper()
	m := map[flatwatt.MeterID]flatwatt.Score{}
	stream(series, func(batch []flatwatt.Reading) {
		for _, sc := range s.Score(nil, batch) {
			m[sc.Meter] = sc
		}
	})
	for _, sc := range s.Close(nil) {
		m[sc.Meter] = sc
	}
	return m
}

func scorer(t *testing.T, meters []flatwatt.Meter, events ...plant.Event) *plant.Scorer {
	t.Helper()
	s, err := plant.New(meters, nil, events, plant.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestDirectSupplyIsFound(t *testing.T) {
	for _, night := range []bool{false, true} {
		meters, series := cascade(90, 50, 120, night)
		found := last(t, scorer(t, meters), series)
		sc := found["g00000"]
		want := flatwatt.AlwaysOn
		if night {
			want = flatwatt.Night
		}
		if sc.State != flatwatt.Suspect || math.Abs(sc.Block.Value-120) > 12 || sc.Schedule != want {
			t.Errorf("night %v: %s, %.0f kW %s, want a suspect of 120 kW %s", night, sc.State, sc.Block.Value, sc.Schedule, want)
		}
		if day := sc.Onset.At.Sub(series[0].Start).Hours() / 24; math.Abs(day-50) > 1 {
			t.Errorf("night %v: onset on day %.1f, want 50", night, day)
		}
		for id, sc := range found {
			if id != "g00000" && sc.State != flatwatt.Normal {
				t.Errorf("%s is %s", id, sc.State)
			}
		}
	}
}

// What the dispatch log tells is no deficit, nor is what all peers lack.
func TestHonestDeficits(t *testing.T) {
	meters, series := cascade(90, 50, 120, false)
	told := plant.Event{Meter: "g00000", Start: series[0].Start.AddDate(0, 0, 50), Kind: "maintenance"}
	if sc := last(t, scorer(t, meters, told), series)["g00000"]; sc.State != flatwatt.Normal {
		t.Errorf("a plant under maintenance is %s (%.1f)", sc.State, sc.LogOdds)
	}
	meters, series = cascade(90, 50, 120, false) // all plants give less: no water
	for k := 1; k < len(series); k++ {
		series[k].Energy = series[0].Energy
	}
	if sc := last(t, scorer(t, meters), series)["g00000"]; sc.State != flatwatt.Normal {
		t.Errorf("a plant whose peers fell as much is %s (%.1f)", sc.State, sc.LogOdds)
	}
}

// The same scores whether the register counts export positive or negative.
func TestSignOfExport(t *testing.T) {
	meters, series := cascade(80, 50, 120, false)
	want := last(t, scorer(t, meters), series)["g00000"]
	for k := range series {
		for h := range series[k].Energy {
			series[k].Energy[h] = -series[k].Energy[h]
		}
	}
	if got := last(t, scorer(t, meters), series)["g00000"]; math.Abs(got.LogOdds-want.LogOdds) > .01 || got.State != want.State {
		t.Errorf("log odds %.3f counted positive, %.3f negative", got.LogOdds, want.LogOdds)
	}
}

// The same scores with a restart in the middle of a day.
func TestRestartsChangeNothing(t *testing.T) {
	meters, series := cascade(60, 40, 150, false)
	want := fmt.Sprint(last(t, scorer(t, meters), series))
	s := scorer(t, meters)
	got := map[flatwatt.MeterID]flatwatt.Score{}
	hour := 0
	stream(series, func(batch []flatwatt.Reading) {
		for _, sc := range s.Score(nil, batch) {
			got[sc.Meter] = sc
		}
		if hour++; hour%37 == 0 {
			state, err := s.AppendBinary(nil)
			if err != nil {
				t.Fatal(err)
			}
			s = scorer(t, meters)
			if err := s.UnmarshalBinary(state); err != nil {
				t.Fatal(err)
			}
			if again, _ := s.AppendBinary(nil); !bytes.Equal(state, again) {
				t.Fatal("a restored state is not the same")
			}
		}
	})
	for _, sc := range s.Close(nil) {
		got[sc.Meter] = sc
	}
	if fmt.Sprint(got) != want {
		t.Error("scores with restarts differ")
	}
}

func TestOtherStatesAreRefused(t *testing.T) {
	meters, series := cascade(25, 90, 0, false)
	s := scorer(t, meters)
	last(t, s, series)
	state, err := s.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	for cut := 0; cut < len(state); cut += 99_991 {
		if err := scorer(t, meters).UnmarshalBinary(state[:cut]); err == nil {
			t.Fatalf("a state cut at %d of %d bytes is taken", cut, len(state))
		}
	}
	if err := scorer(t, meters[:5]).UnmarshalBinary(state); err == nil || !strings.Contains(err.Error(), "other plants") {
		t.Errorf("the state of other plants: %v", err)
	}
	if err := scorer(t, meters).UnmarshalBinary(append(state, 0)); err == nil {
		t.Error("a state with a byte too many is taken")
	}
}

// Evidence adds up to the log odds but for the prior, and has words in both languages.
func TestEvidenceIsTold(t *testing.T) {
	meters, series := cascade(90, 50, 120, true)
	sc := last(t, scorer(t, meters), series)["g00000"]
	sum := 0.0
	for _, e := range sc.Evidence {
		sum += e.LogOdds
		for _, lang := range []string{"en", "zh"} {
			if text, ok := plant.Say(e, lang); !ok || strings.Contains(text, "%!") {
				t.Errorf("%s in %s: %q", e.Term, lang, text)
			}
		}
	}
	if d := sc.LogOdds - sum; d > -1 || d < -15 {
		t.Errorf("evidence adds up to %.2f, log odds are %.2f: want them apart by a prior", sum, sc.LogOdds)
	}
	if _, ok := plant.Say(flatwatt.Evidence{Term: "size"}, "en"); ok {
		t.Error("has words for another detector's term")
	}
}

// The simulator says what it draws: truth and readings agree.
func TestSimulatedSupplyIsInTheReadings(t *testing.T) {
	cfg := simulate.DefaultPlantConfig()
	cfg.Plants, cfg.Days, cfg.DirectShare, cfg.NightShare, cfg.Seed = 40, 60, 1, 0, 7
	with, err := simulate.NewPlants(cfg)
	if err != nil {
		t.Fatal(err)
	}
	cfg.DirectShare = 0
	cfg.ChangeShare = 0
	without, err := simulate.NewPlants(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for i := range with.Meters() {
		a, truth := with.Series(i)
		b, _ := without.Series(i)
		if truth.Label != flatwatt.Miner {
			t.Fatalf("plant %d supplies nobody", i)
		}
		before, after, n := 0.0, 0.0, 0.0
		for h := range a.Energy {
			if d := a.Energy[h] - b.Energy[h]; d == d && a.Start.Add(time.Duration(h)*time.Hour).Before(truth.Onset) {
				before += math.Abs(d)
			} else if d == d && -b.Energy[h] > 1.05*float64(truth.Block) {
				after, n = after+d, n+1
			}
		}
		if before > 0 || n > 48 && math.Abs(after/n/float64(truth.Block)-1) > .06 {
			t.Errorf("plant %d: differs by %.1f kWh before the onset, by %.0f kW after, want %.0f", i, before, after/n, float64(truth.Block))
		}
	}
}
