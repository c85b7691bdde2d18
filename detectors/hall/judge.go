package hall

import (
	"cmp"
	"math"
	"slices"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/models"
)

const (
	// FarmFrom is the probability from which a hall is called a farm, DataCentreTo that up to
	// which it is called a data centre; between them it is to be inspected on site.
	FarmFrom, DataCentreTo = .9, .1

	temper      = .8 // terms are not quite independent
	flatEnough  = .8 // load factor while running, below which a load is no hall
	evidenceMin = .03
)

// judge scores hall i as of the day that z just closed, if it is one.
func (s *Scorer) judge(dst []flatwatt.Score, i int32, z *zone) []flatwatt.Score {
	p, st := &s.halls[i], &s.state[i]
	v, ok := s.work.look(st, int32(z.day))
	if !ok {
		return dst
	}
	if !p.declared && v.ragged() {
		return dst
	}
	v.contracted, v.coin = float64(p.meter.Contracted), s.coinAt(z)
	if v.top = v.highest(); v.top < leastOf(p) || !p.declared && v.notFlat() {
		return dst
	}
	lf := loadFactor(&v)
	if !p.declared && !(lf >= flatEnough) {
		return dst
	}
	v.response()
	none := flatwatt.Estimate{Value: nan, Low: nan, High: nan}
	sc := flatwatt.Score{
		Meter: p.meter.ID, Day: z.day, Start: z.day.Start(z.loc), Detector: Detector, Model: "hall-1", State: flatwatt.Normal,
		LogEValue: nan, Block: flatwatt.Estimate{Value: v.mean, Low: v.mean, High: v.mean}, Energy: none, Features: s.features(&v, lf),
	}
	s.weigh(&sc, p, &v)
	switch {
	case sc.Probability >= FarmFrom:
		sc.State = flatwatt.Suspect
		if st.FirstAlarm == 0 {
			st.FirstAlarm = int32(z.day)
		}
	case sc.Probability > DataCentreTo:
		sc.State = flatwatt.Inspect
	}
	if st.FirstAlarm != 0 {
		sc.FirstAlarm = (flatwatt.Day(st.FirstAlarm) + 1).Start(z.loc)
	}
	return append(dst, sc)
}

func leastOf(p *place) float64 {
	if p.declared {
		return LeastDeclaredKW
	}
	return LeastKW
}

// coinAt is what was known of the market when z's day ended.
func (s *Scorer) coinAt(z *zone) []Week {
	n, _ := slices.BinarySearchFunc(s.coin, z.end, func(w Week, end int64) int { return cmp.Compare(w.Start.Unix(), end) })
	return s.coin[:n]
}

// weigh sums the terms.
func (s *Scorer) weigh(sc *flatwatt.Score, p *place, v *view) {
	from := len(s.evidence)
	if pr := prior(p.meter.Class); pr != 0 {
		s.evidence = append(s.evidence, flatwatt.Evidence{Term: priorTerm, LogOdds: pr})
	}
	sc.LogOdds = prior(p.meter.Class)
	for _, t := range s.terms {
		x := t.measure(v)
		add := temper * t.curve.At(x)
		sc.LogOdds += add
		if math.Abs(add) >= evidenceMin {
			s.evidence = append(s.evidence, flatwatt.Evidence{Term: t.name, LogOdds: add, Value: x * t.scale})
		}
	}
	sc.Probability = models.Sigmoid(sc.LogOdds)
	sc.Evidence = s.evidence[from:len(s.evidence):len(s.evidence)]
	slices.SortStableFunc(sc.Evidence, func(a, b flatwatt.Evidence) int {
		return cmp.Compare(math.Abs(b.LogOdds), math.Abs(a.LogOdds))
	})
}

// features are what of the published features a hall's months give.
func (s *Scorer) features(v *view, lf float64) flatwatt.Features {
	return flatwatt.Features{MeanKW: v.mean, FloorKW: nan, LoadFactor: lf, CV: nan, RobustCV: nan, BaseloadShare: nan, NightDay: nan,
		WeekdayEnd: week(v) + 1, ACF24: nan, PowerFactor: nan, ThermalPct: v.slope, ValidShare: nan}
}
