package hall_test

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/detectors/hall"
	"github.com/flatwatt/flatwatt/simulate"
)

func halls(t *testing.T, n, days int) *simulate.Halls {
	t.Helper()
	cfg := simulate.DefaultHallConfig()
	cfg.Seed, cfg.Halls, cfg.Days = 901, n, days
	h, err := simulate.NewHalls(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// On a development seed: the figures are those of docs/halls.md.
func TestFarmsAreToldFromDataCentres(t *testing.T) {
	called := map[bool]map[flatwatt.State]int{true: {}, false: {}}
	for _, j := range run(t, halls(t, 30, 150)) {
		called[j.farm][j.State]++
		if j.farm && j.kind != "mixed farm" && j.State == flatwatt.Normal || !j.farm && j.State == flatwatt.Suspect {
			t.Errorf("%s %s is called %s: %s", j.kind, j.Meter, j.State, told(j.Score))
		}
		for _, e := range j.Evidence {
			for _, lang := range []string{"en", "zh"} {
				if text, ok := hall.Say(e, lang); !ok || strings.Contains(text, "%!") {
					t.Errorf("%s in %s: %q", e.Term, lang, text)
				}
			}
		}
	}
	if called[true][flatwatt.Suspect] < 8 || called[false][flatwatt.Normal] < 8 {
		t.Errorf("farms and others are called %v: most should be told", called)
	}
}

// readings are those of all halls interval by interval.
func readings(h *simulate.Halls) (list []flatwatt.Reading) {
	var series []flatwatt.Series
	for i := range h.Meters() {
		one, _ := h.Series(i)
		series = append(series, one)
	}
	for i := range series[0].Energy {
		for k := range series {
			if r, ok := series[k].Reading(i); ok {
				list = append(list, r)
			}
		}
	}
	return list
}

func newScorer(t *testing.T, h *simulate.Halls) *hall.Scorer {
	t.Helper()
	s, err := hall.New(h.Meters(), h.Weather(), hall.Options{Coin: coinOf(h.Coin())})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func kept(dst, scores []flatwatt.Score) []flatwatt.Score {
	for _, sc := range scores {
		sc.Evidence = slices.Clone(sc.Evidence)
		dst = append(dst, sc)
	}
	return dst
}

// plain makes scores comparable: NaN is not equal to itself.
func plain(list []flatwatt.Score) (out []string) {
	for _, s := range list {
		out = append(out, string(s.Meter)+" "+s.Day.String()+" "+string(s.State)+" "+s.FirstAlarm.String()+" "+told(s))
	}
	return out
}

func TestOrderAndRestartsDoNotMatter(t *testing.T) {
	h := halls(t, 6, 45)
	all := readings(h)
	whole := newScorer(t, h)
	want := kept(nil, whole.Score(nil, all))
	want = kept(want, whole.Close(nil))
	if len(want) < 100 {
		t.Fatalf("%d scores: too few to compare", len(want))
	}
	r := rand.New(rand.NewPCG(1, 2))
	var got []flatwatt.Score
	s := newScorer(t, h)
	for len(all) > 0 { // pieces of some hours, shuffled, doubled, with a restart between them
		piece := slices.Clone(all[:min(len(all), 1+r.IntN(250))])
		all = all[len(piece):]
		piece = append(piece, piece[:len(piece)/3]...)
		r.Shuffle(len(piece), func(i, j int) { piece[i], piece[j] = piece[j], piece[i] })
		got = kept(got, s.Score(nil, piece))
		b, err := s.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		s = newScorer(t, h)
		if err := s.UnmarshalBinary(b); err != nil {
			t.Fatal(err)
		}
	}
	got = kept(got, s.Close(nil))
	if !reflect.DeepEqual(plain(got), plain(want)) {
		t.Errorf("%d scores in pieces differ from %d in one go", len(got), len(want))
	}
}

func TestOtherStatesAreRefused(t *testing.T) {
	h := halls(t, 3, 20)
	s := newScorer(t, h)
	s.Score(nil, readings(h))
	b, err := s.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, 5, 20, len(b) / 2, len(b) - 1} {
		if newScorer(t, h).UnmarshalBinary(b[:n]) == nil {
			t.Errorf("%d bytes of %d are taken", n, len(b))
		}
	}
	if newScorer(t, h).UnmarshalBinary(append(b, 0)) == nil {
		t.Error("a byte too many is taken")
	}
	other := h.Meters()
	other[0].Contracted++
	o, err := hall.New(other, nil, hall.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if o.UnmarshalBinary(b) == nil {
		t.Error("the state of other halls is taken")
	}
}

func TestSmallAndRaggedLoadsAreNoHalls(t *testing.T) {
	zone := time.UTC
	meters := []flatwatt.Meter{
		{ID: "home", Class: "residential", Zone: zone, Interval: time.Hour},
		{ID: "office", Class: "commercial", Contracted: 200, Zone: zone, Interval: time.Hour},
		{ID: "small", Class: "commercial", Contracted: 200, Zone: zone, Interval: time.Hour},
	}
	s, err := hall.New(meters, nil, hall.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var list []flatwatt.Reading
	for h := range 40 * 24 {
		at := time.Date(2025, 1, 1, 0, 0, 0, 0, zone).Add(time.Duration(h) * time.Hour)
		office := flatwatt.KWh(60)
		if at.Hour() >= 8 && at.Hour() < 18 {
			office = 120
		}
		for i, kwh := range []flatwatt.KWh{300, office, 20} {
			list = append(list, flatwatt.Reading{Meter: meters[i].ID, Start: at, Length: time.Hour, Energy: kwh})
		}
	}
	if got := append(s.Score(nil, list), s.Close(nil)...); len(got) > 0 {
		t.Errorf("%d scores, the first of %s: %s", len(got), got[0].Meter, told(got[0]))
	}
}
