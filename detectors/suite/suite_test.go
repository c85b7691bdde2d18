package suite_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/detectors"
	"github.com/flatwatt/flatwatt/detectors/suite"
)

var began = time.Date(2025, 9, 1, 0, 0, 0, 0, time.UTC)

// fleet is a real scorer of one meter.
func fleet(t *testing.T, id flatwatt.MeterID) *detectors.Fleet {
	t.Helper()
	f, err := detectors.NewFleet(detectors.PhysicsParams(), []flatwatt.Meter{
		{ID: id, Kind: flatwatt.Customer, Zone: time.UTC, Interval: time.Hour},
	}, nil, detectors.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// hours are n hours of readings of meters a and b, in time order.
func hours(n int) (list []flatwatt.Reading) {
	for i := range n {
		for k, id := range []flatwatt.MeterID{"b", "a"} {
			r := flatwatt.Reading{Meter: id, Start: began.Add(time.Duration(i) * time.Hour), Length: time.Hour}
			r.Energy = flatwatt.KWh(float64(1+k) + 0.1*float64(i%5))
			list = append(list, r)
		}
	}
	return list
}

type key struct {
	day   flatwatt.Day
	meter flatwatt.MeterID
	mean  float64
}

func keys(scores []flatwatt.Score) (list []key) {
	for _, s := range scores {
		list = append(list, key{s.Day, s.Meter, s.Features.MeanKW})
	}
	return list
}

// Scores come by day and then in the order of the scorers, whether the readings come at
// once, one by one, or with a restart between any two.
func TestOrderDoesNotDependOnTheCut(t *testing.T) {
	made := func() *suite.Suite { return suite.New(fleet(t, "b"), fleet(t, "a")) }
	readings := hours(24 * 9)
	whole := made()
	scores := whole.Score(nil, readings)
	want := keys(whole.Close(scores))
	if len(want) != 18 || want[0].meter != "b" || want[1].meter != "a" || want[0].day != want[1].day {
		t.Fatalf("want nine days of b and a by day, got %v", want)
	}
	var got []key
	s := made()
	for i := range readings {
		got = append(got, keys(s.Score(nil, readings[i:i+1]))...)
		if i%37 == 0 {
			state, err := s.AppendBinary(nil)
			if err != nil {
				t.Fatal(err)
			}
			s = made()
			if err := s.UnmarshalBinary(state); err != nil {
				t.Fatal(err)
			}
			again, _ := s.AppendBinary(nil)
			if !bytes.Equal(state, again) {
				t.Fatal("a restored state is not the same")
			}
		}
	}
	got = append(got, keys(s.Close(nil))...)
	if len(got) != len(want) {
		t.Fatalf("%d scores one by one, %d at once", len(got), len(want))
	}
	for i := range got {
		if got[i] != want[i] {
			t.Errorf("score %d is %v one by one, %v at once", i, got[i], want[i])
		}
	}
}

func TestDstIsKept(t *testing.T) {
	s := suite.New(fleet(t, "a"), fleet(t, "b"))
	scores := s.Score([]flatwatt.Score{{Meter: "before", Day: 1 << 20}}, hours(24*3))
	if len(scores) < 3 || scores[0].Meter != "before" {
		t.Errorf("what was in dst is not kept in front: %v", keys(scores))
	}
}

func TestOtherStatesAreRefused(t *testing.T) {
	two := suite.New(fleet(t, "a"), fleet(t, "b"))
	two.Score(nil, hours(30))
	state, err := two.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	for cut := range len(state) {
		if err := suite.New(fleet(t, "a"), fleet(t, "b")).UnmarshalBinary(state[:cut]); err == nil {
			t.Fatalf("a state cut at %d of %d bytes is taken", cut, len(state))
		}
	}
	single, _ := fleet(t, "a").AppendBinary(nil)
	for name, c := range map[string]struct {
		s     *suite.Suite
		state []byte
		want  string
	}{
		"too many":      {two, append(bytes.Clone(state), 0), "1 bytes too many"},
		"one detector":  {suite.New(fleet(t, "a")), state, "of 2 detectors, this program has 1"},
		"another order": {suite.New(fleet(t, "b"), fleet(t, "a")), state, "detector 0: fleet state is of another register"},
		"no suite":      {two, single, "not of a suite"},
	} {
		if err := c.s.UnmarshalBinary(c.state); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
}
