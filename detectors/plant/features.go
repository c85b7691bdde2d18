package plant

import (
	"math"
	"slices"

	"github.com/flatwatt/flatwatt"
)

// features are the published features of the plant's export over 14 days.
func (s *Scorer) features(i int32, z *zone) (f flatwatt.Features) {
	list := s.work.list[:0]
	days := int(min(z.count, 14))
	for d := range days {
		at := z.row(i, days-d)
		for _, v := range s.hours[at*hoursPer:][:hoursPer] {
			if v == v {
				list = append(list, s.exported(i, float64(v)))
			}
		}
	}
	s.work.list = list
	f = flatwatt.Features{MeanKW: nan, FloorKW: nan, LoadFactor: nan, CV: nan, RobustCV: nan, BaseloadShare: nan, NightDay: nan, WeekdayEnd: nan,
		ACF24: nan, PowerFactor: nan, ThermalPct: nan, ValidShare: float64(len(list)) / float64(max(1, days*hoursPer))}
	if len(list) == 0 {
		return f
	}
	slices.Sort(list)
	var m, v mean
	for _, x := range list {
		m.add(x)
	}
	for _, x := range list {
		v.add((x - m.value()) * (x - m.value()))
	}
	f.MeanKW, f.FloorKW = m.value(), list[int(.05*float64(len(list)-1))]
	if top := list[int(.995*float64(len(list)-1))]; top > 0 {
		f.LoadFactor = m.value() / top
	}
	if m.value() > 0 {
		f.CV, f.BaseloadShare = math.Sqrt(v.value())/m.value(), f.FloorKW/m.value()
	}
	return f
}
