package plant_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/flatwatt/flatwatt"
)

// front is six wind parks, each of which gets the first one's gusts so many hours later; the first
// withholds block kW from a day on.
func front(days, from int, block float64, lag int) ([]flatwatt.Meter, []flatwatt.Series) {
	meters, series := cascade(days, 0, 0, false)
	r := rand.New(rand.NewPCG(1, 1))
	gust := make([]float64, days*24+6*lag)
	for h := 1; h < len(gust); h++ {
		gust[h] = .8*gust[h-1] + .15*r.NormFloat64()
	}
	for k := range series {
		meters[k].Class = "wind"
		for h := range series[k].Energy {
			kw := 1000 * min(max(.5+gust[h+(5-k)*lag], 0), 1) * (1 + .02*r.NormFloat64())
			if k == 0 && h >= from*24 {
				kw -= block
			}
			series[k].Energy[h] = -kw
		}
	}
	return meters, series
}

// Plants which get the weather hours after one another are compared at the hours of the same
// weather: at the same hours 80 of 1000 kW would be lost in the gusts. A restart changes nothing.
func TestPeersAtTheirLag(t *testing.T) {
	meters, series := front(100, 60, 80, 4)
	want := last(t, scorer(t, meters), series)
	sc := want["g00000"]
	if sc.State != flatwatt.Suspect || math.Abs(sc.Block.Value/80-1) > .1 {
		t.Errorf("%s, %.0f kW (%.1f), want a suspect of 80 kW", sc.State, sc.Block.Value, sc.LogOdds)
	}
	for id, sc := range want {
		if id != "g00000" && sc.State != flatwatt.Normal {
			t.Errorf("%s is %s (%.1f)", id, sc.State, sc.LogOdds)
		}
	}
	if told(t, meters, series, 70*24+7) != told(t, meters, series, 0) {
		t.Error("a restart changes the scores of plants with lags")
	}
}

// told is all scores in words, with a restart after so many hours where that is not 0.
func told(t *testing.T, meters []flatwatt.Meter, series []flatwatt.Series, restart int) string {
	t.Helper()
	var text strings.Builder
	s := scorer(t, meters)
	s.JudgeEvery(4)
	hour := 0
	stream(series, func(batch []flatwatt.Reading) {
		fmt.Fprintln(&text, s.Score(nil, batch))
		if hour++; hour != restart {
			return
		}
		state, err := s.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		s = scorer(t, meters)
		s.JudgeEvery(4)
		if err := s.UnmarshalBinary(state); err != nil {
			t.Fatal(err)
		}
	})
	fmt.Fprintln(&text, s.Close(nil))
	return text.String()
}
