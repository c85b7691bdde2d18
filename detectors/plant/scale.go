package plant

import "math"

const (
	scaleBins  = 12  // of the peers' output, 0 to 1
	scaleLeast = .01 // share of capacity: errors of an hour below which none is trusted more
	scaleDays  = 20  // from which a bin tells its own
)

// An hourScale is the error of an hour by the output of its peers, shares of capacity.
type hourScale [scaleBins]float64

func scaleBin(v float64) int {
	if !(v > 0) {
		return 0
	}
	return min(int(v*scaleBins), scaleBins-1)
}

// weight is that of an hour in which peers gave v: by the inverse of its variance.
func (s *hourScale) weight(v float64) float64 {
	x := s[scaleBin(v)]
	return 1 / (x*x + scaleLeast*scaleLeast)
}

// hourScale measures how much plant i's hours differ from day to day at the same output of
// its peers. A mill at rated wind, or hardly in any, differs little; that is where a deficit
// shows best. A lasting deficit does not disturb that.
func (s *Scorer) hourScale(i int32, z *zone, days int) (scale hourScale) {
	var swing [scaleBins]mean
	var last [scaleBins]struct {
		day  int
		y, v float64
	}
	c := s.capacity(i)
	all := mean{}
	for d := range days {
		at := z.row(i, days-d)
		for h := range hoursPer {
			y, v := s.exported(i, float64(s.hours[at*hoursPer+h]))/c, float64(s.peers[at*hoursPer+h])
			if y != y || v != v || standing(y, v) {
				continue
			}
			b := &last[scaleBin(v)]
			if b.day == d+1 {
				continue
			}
			if b.day > 0 {
				e := math.Abs(y - b.y - (v - b.v))
				swing[scaleBin(v)].add(e)
				all.add(e)
			}
			b.day, b.y, b.v = d+1, y, v
		}
	}
	for b := range scale {
		if scale[b] = swing[b].value(); swing[b].n < scaleDays {
			scale[b] = all.value()
		}
		if all.n < scaleDays {
			scale[b] = 1
		}
	}
	return scale
}

// even brings the scales of q to a mean of one.
func (q *series) even() {
	m := mean{}
	for _, x := range q.scale {
		m.add(x)
	}
	for k := range q.scale {
		q.scale[k] /= m.value()
	}
}
