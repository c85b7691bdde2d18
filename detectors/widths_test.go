package detectors

import (
	"bytes"
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
)

// A model file made before there were strata by hours and belief is still read.
func TestWidthsOfAnOlderModelFile(t *testing.T) {
	text, err := WriteParams(DefaultParams())
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		t.Fatal(err)
	}
	fields["widths"] = json.RawMessage(`{"block":[4,6],"onset_hours":[[-1,1],[-2,2],[-3,3]]}`)
	if text, err = json.Marshal(fields); err != nil {
		t.Fatal(err)
	}
	p, err := ReadParams(text)
	if err != nil {
		t.Fatal(err)
	}
	want := Widths{Block: [8]float64{4, 4, 6, 6, 4, 4, 6, 6}, OnsetHours: [6][2]float64{{-1, 1}, {-2, 2}, {-3, 3}, {-1, 1}, {-2, 2}, {-3, 3}}}
	if p.Widths != want {
		t.Errorf("widths %v, want %v", p.Widths, want)
	}
	if again, err := WriteParams(p); err != nil || !bytes.Contains(again, []byte(`"block":[4,4,6,6,4,4,6,6]`)) {
		t.Errorf("written without its strata (%v)", err)
	}
}

// A score made with marked widths tells in which stratum it belongs, also where the block
// runs on fixed hours.
func TestMarkedWidthsTellTheStratum(t *testing.T) {
	p := DefaultParams()
	p.Widths = MarkedWidths()
	at := func(hours func(int) bool) func(time.Time) float64 {
		return func(at time.Time) float64 {
			if at.Before(march.Add(30*daily+13*time.Hour)) || !hours(at.In(shanghai).Hour()) {
				return 0
			}
			return 13
		}
	}
	night := func(h int) bool { return h >= 22 || h < 8 }
	for name, hours := range map[string]func(int) bool{"always": func(int) bool { return true }, "night": night} {
		f, err := NewFleet(p, testMeters("a"), nil, Options{})
		if err != nil {
			t.Fatal(err)
		}
		scores := f.Close(f.Score(nil, home("a", march, 60, 1, at(hours))))
		s := scores[len(scores)-1]
		s.Probability = 0.9
		if k := OnsetStratum(&s); k != sharpOnset {
			t.Errorf("%s: stratum %d of the onset, want %d (interval from %v to %v)", name, k, sharpOnset, s.Onset.Low, s.Onset.High)
		}
		rest := math.Mod(s.Onset.At.Sub(s.Onset.Low).Hours(), MarkedHours)
		if k := BlockStratum(&s); (k&1 == 1) != (name == "night") || k&2 != 0 || (rest >= 14) != (name == "night") {
			t.Errorf("%s: stratum %d of the block, %g hours of rest", name, k, rest)
		}
		if s.Probability = 0.1; BlockStratum(&s)&4 == 0 || OnsetStratum(&s) != sharpOnset+onsetKinds {
			t.Errorf("%s: a doubted score is not told apart", name)
		}
		if s.Onset = (flatwatt.Instants{}); BlockStratum(&s)&2 == 0 {
			t.Errorf("%s: a block without an onset is not taken for older than the data", name)
		}
	}
}

// A doubted onset a day after the first reading may lie days back, but not before the data:
// what is older than that has no onset. Intervals made for counting keep their mark.
func TestOnsetIntervalBeginsWithTheData(t *testing.T) {
	m := testMeters("a")
	j := judgement{meter: &m[0], c: &customer{first: 1000}, widths: DefaultWidths(), today: 1010}
	f := finding{start: 1001, onset: edge{day: 1001, before: 1000, at: -1}, block: 3, hours: 24}
	o := j.onset(&f, 1)
	if first := flatwatt.Day(1000).Start(m[0].Zone); !o.Low.Equal(first) || !o.At.After(first) {
		t.Errorf("interval from %v to %v around %v, want it to begin with the data at %v", o.Low, o.High, o.At, first)
	}
	j.widths = MarkedWidths()
	if k := OnsetStratum(&flatwatt.Score{Onset: j.onset(&f, 1), Probability: 0.1}); k != unseenOnset+onsetKinds {
		t.Errorf("stratum %d of an onset made for counting, want %d", k, unseenOnset+onsetKinds)
	}
}
