package detectors

import (
	"time"

	"github.com/flatwatt/flatwatt"
)

// A roster is the meters of a fleet, sorted by id, with what detectors ask of them: millions
// of meters are of a few kinds, and a Meter of each takes 128 bytes.
type roster struct {
	ids    []flatwatt.MeterID
	kindOf []uint32
	kinds  []flatwatt.Meter // without what tells one meter from another of its kind
}

// newRoster is the roster of a sorted list, which it does not keep.
func newRoster(list []flatwatt.Meter) (r roster) {
	type kind struct {
		class          flatwatt.Class
		tariff, region string
		zone           *time.Location
		interval       time.Duration
	}
	numbers := map[kind]uint32{}
	r.ids, r.kindOf = make([]flatwatt.MeterID, len(list)), make([]uint32, len(list))
	for i := range list {
		m := &list[i]
		k := kind{m.Class, m.Tariff, m.Region, m.Zone, m.Interval}
		n, ok := numbers[k]
		if !ok {
			n = uint32(len(r.kinds))
			numbers[k] = n
			r.kinds = append(r.kinds, flatwatt.Meter{Kind: flatwatt.Customer, Class: k.class, Tariff: k.tariff, Region: k.region, Zone: k.zone, Interval: k.interval})
		}
		r.ids[i], r.kindOf[i] = m.ID, n
	}
	return r
}

// kind is meter i without its id.
func (r *roster) kind(i int32) *flatwatt.Meter { return &r.kinds[r.kindOf[i]] }

func (r *roster) interval(i int32) time.Duration { return r.kinds[r.kindOf[i]].Interval }

// meter is meter i: id, class, tariff, region, zone and interval.
func (r *roster) meter(i int32) flatwatt.Meter {
	m := r.kinds[r.kindOf[i]]
	m.ID = r.ids[i]
	return m
}
